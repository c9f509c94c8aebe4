//! Over all small facts: no plan touches LIVE, and no plan is made while it is not known what
//! is LIVE.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::config::app::App;
use crate::deploy::{Environment, Relation, Seen, Sources, drift, prune, release, rollback, sync};
use crate::plan::Deed;

const ENVS: [&str; 2] = ["blue", "green"];

fn app(process: &str) -> App {
    let text = format!(
        "name = \"shop\"\nkeep = 1\n{process}\n[[step]]\nname = \"b\"\nrun = \"make\"\n\
         [release]\ncheck = [\"./check {{url}}\"]\n[env.blue]\nport = 1\n[env.green]\nport = 2\n"
    );
    App::parse("app.toml", text.as_bytes()).unwrap()
}

fn commit(n: u32) -> CommitId {
    CommitId::new(format!("{n:040}"))
}

fn runs(n: u32) -> EnvState {
    EnvState {
        version: format!("{n}.0.0"),
        commit: commit(n),
        release: format!("{n}-0000000"),
        deployed_at: "now".into(),
        deployed_by: "ada".into(),
    }
}

/// Every small world: who leads where by whose word, what runs, what the record says, how well
/// it is, and what lies around.
fn worlds() -> Vec<Facts> {
    let lives = [None, Some("blue"), Some("green"), Some("red")];
    let mut all = Vec::new();
    let processes =
        ["process = { none = true }", "process = { command = { start = \"x\", stop = \"y\" } }"];
    for process in processes {
        for proxy in lives {
            for recorded in lives {
                for probe in [None, Some("blue"), Some("green")] {
                    for bits in 0..64_u32 {
                        all.push(world(process, proxy, recorded, probe, bits));
                    }
                }
            }
        }
    }
    all
}

fn world(
    process: &str,
    proxy: Option<&str>,
    recorded: Option<&str>,
    probe: Option<&str>,
    bits: u32,
) -> Facts {
    let bit = |n: u32| bits >> n & 1 == 1;
    let mut state = State { live: recorded.map(Into::into), seq: 2, ..State::default() };
    let mut envs = BTreeMap::new();
    for (at, name) in (0..).zip(ENVS) {
        let n = at + 1;
        let mut env = Environment {
            home: Path::new("/shop").join(name),
            releases: vec!["0-0000000".into(), "0-1111111".into(), format!("{n}-0000000")],
            failed: vec!["failed-0-a".into(), "failed-1-a".into(), "failed-2-a".into()],
            leftovers: vec![".new-9-x".into()],
            current: None,
            health: if bit(4) { Seen::Well } else { Seen::Unknown },
            unseen: None,
        };
        if bit(at) {
            state.envs.insert(name.to_owned(), runs(n));
            env.current = Some(format!("{n}-0000000"));
        }
        envs.insert(name.to_owned(), env);
    }
    if bit(2) {
        // Somebody moved `current` by hand.
        if let Some(env) = envs.get_mut("blue") {
            env.current = Some("7-abcdef0".into());
        }
    }
    state.way_back = bit(3).then(|| "blue 1-0000000".to_owned());
    let sources = Sources {
        proxy: proxy.map(Into::into),
        state: recorded.map(Into::into),
        probe: probe.map(Into::into),
        ..Sources::default()
    };
    let relation = if bit(5) { Relation::Newer } else { Relation::Older };
    Facts {
        app: app(process),
        home: "/shop".into(),
        who: "ada".into(),
        state: (bits != 63).then_some(state),
        state_at: Some(commit(9)),
        sources,
        envs,
        relation,
    }
}

/// All plans that can be made of a world.
fn plans(facts: &Facts) -> Vec<(&'static str, Result<Plan, Problem>)> {
    let target = |n| Target { commit: commit(n), version: format!("{n}.0.0") };
    let wish = |n, again, reuse| Wish {
        what: "deploy",
        target: target(n),
        again,
        reuse,
        cut: false,
        branch: None,
    };
    let mut all = Vec::new();
    for n in [0, 1, 2, 5] {
        for (again, reuse) in [(false, false), (true, false), (true, true)] {
            all.push(("deploy", plan(facts, &wish(n, again, reuse))));
        }
        all.push(("rollback", rollback::plan(facts, Some(&target(n)))));
        let to = release::Wish { to: Some(commit(n)) };
        all.push(("release", release::plan(facts, &to)));
    }
    all.push(("release", release::plan(facts, &release::Wish::default())));
    all.push(("rollback", rollback::plan(facts, None)));
    all.push(("back", release::back(facts, "ill")));
    all.push(("sync", sync::plan(facts, false)));
    all.push(("prune", prune::plan(facts)));
    all
}

#[test]
fn no_plan_touches_what_is_live_and_none_is_made_while_that_is_not_known() {
    let mut seen = BTreeMap::<&str, u32>::new();
    for facts in worlds() {
        let drifts = drift::drift(&facts).is_some();
        for (what, plan) in plans(&facts) {
            let Ok(plan) = plan else { continue };
            assert!(!drifts, "{what} in a drift: {facts:?}");
            let live = facts.sources.proxy.clone().unwrap();
            let forbidden = format!("/shop/{live}/");
            for step in &plan.steps {
                *seen.entry(what).or_default() += 1;
                let text = serde_json::to_string(step).unwrap();
                match step {
                    Step::Serve(serve) => match &serve.deed {
                        // Only these say anything of the app as a whole, and only these plans move
                        // the traffic: away from LIVE, to the other one.
                        Deed::Switch { from, to, .. } => {
                            assert!(["release", "rollback", "back"].contains(&what), "{what}");
                            assert!(*from == live && *to != live && ENVS.contains(&to.as_str()));
                            continue;
                        }
                        Deed::Record { state, .. } => {
                            let moves = plan.steps.iter().any(is_switch);
                            assert_eq!(state["live"] == live.as_str(), !moves, "{what}");
                            let was = facts.state.as_ref().unwrap();
                            let was = serde_json::to_value(was.envs.get(&live)).unwrap();
                            assert_eq!(
                                state["envs"].get(&live).unwrap_or(&serde_json::Value::Null),
                                &was
                            );
                            continue;
                        }
                        _ => assert_ne!(serve.env, live, "{what}: {step}"),
                    },
                    Step::Run(task) => assert!(!task.dir.starts_with(&forbidden), "{what}: {step}"),
                    other => panic!("{what}: {other}"),
                }
                assert!(!text.contains(&forbidden), "{what}: {text}");
            }
        }
    }
    for what in ["deploy", "rollback", "release", "back", "sync", "prune"] {
        assert!(seen.get(what).is_some_and(|steps| *steps > 20), "{what}: {seen:?}");
    }
}

fn is_switch(step: &Step) -> bool {
    matches!(step, Step::Serve(serve) if matches!(serve.deed, Deed::Switch { .. }))
}

#[test]
fn what_is_in_use_or_leads_back_is_never_pruned() {
    for facts in worlds() {
        let Ok(plan) = prune::plan(&facts) else { continue };
        for step in &plan.steps {
            let Step::Serve(serve) = step else { panic!("{step}") };
            let Deed::Prune { dirs } = &serve.deed else { panic!("{step}") };
            let env = &facts.envs[&serve.env];
            for dir in dirs {
                let name = dir.file_name().unwrap().to_str().unwrap();
                assert_ne!(env.current.as_deref(), Some(name));
                assert_ne!(Some(&name.to_owned()), env.releases.last());
                assert_ne!(Some(&name.to_owned()), env.failed.last());
            }
        }
    }
}

#[test]
fn nothing_is_planned_for_a_standby_that_cannot_be_looked_at_and_live_may_be_left() {
    let facts = || world("process = { none = true }", Some("blue"), Some("blue"), None, 0b11_1011);
    let unseen = |env: &str| {
        let mut facts = facts();
        let it = facts.envs.get_mut(env).unwrap();
        *it = Environment { unseen: Some("gone".into()), ..Environment::default() };
        plans(&facts)
    };
    for (what, plan) in unseen("green") {
        match plan {
            // The way away from an unhealthy LIVE looks at nothing but the traffic.
            Ok(_) => assert_eq!(what, "back"),
            Err(problem) => assert_eq!(problem.exit, crate::base::Exit::Blind, "{what}"),
        }
    }
    let planned = |plans: Vec<(&'static str, Result<Plan, Problem>)>| -> Vec<bool> {
        plans.into_iter().map(|(_, plan)| plan.is_ok()).collect()
    };
    assert_eq!(planned(unseen("blue")), planned(plans(&facts())));
}
