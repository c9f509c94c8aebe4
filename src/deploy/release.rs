//! The traffic moves from LIVE to STANDBY. Everything that can say no says it before.

use super::state::State;
use super::{Facts, Relation, Seen, standby};
use crate::base::{CommitId, Problem, plain, shell_quote};
use crate::plan::serve::Build;
use crate::plan::{Deed, Drive, Plan, Step, Task};

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wish {
    /// Exactly this commit, whatever it is to LIVE.
    pub to: Option<CommitId>,
}

/// The plan of a release.
pub fn plan(facts: &Facts, wish: &Wish) -> Result<Plan, Problem> {
    let (live, standby) = facts.sides()?;
    facts.seen(standby)?;
    let Some(build) = facts.build(standby) else {
        return Err(Problem::refuse("nothing-to-release", format!("{standby} runs nothing yet"))
            .hint(format!("push {} first, or run `gsync deploy`", facts.app.branch)));
    };
    let title = format!("release {} of {}", plain(&build.version), facts.app.name);
    let mut plan = Plan::new(title);
    if let Some(to) = &wish.to {
        if facts.build(live).is_some_and(|build| build.commit == *to) {
            return Ok(plan.note(format!("{} is LIVE already", to.short())));
        }
        if build.commit != *to {
            let problem = Problem::refuse(
                "not-on-standby",
                format!("{standby} runs {} and not {}", build.commit.short(), to.short()),
            )
            .hint(format!("bring it there: `gsync deploy {}`", to.short()));
            return Err(match facts.keeps(to) {
                true => problem.hint(format!("or in one go: `gsync rollback --to {}`", to.short())),
                false => problem,
            });
        }
    }
    let back = is_way_back(facts, standby);
    if back {
        plan = plan.note(format!("{standby} was LIVE before: this is the way back"));
    } else if wish.to.is_none() && facts.build(live).is_some() {
        match facts.relation {
            Relation::Newer => {}
            Relation::Same => {
                let same = plain(&build.version);
                return Ok(plan.note(format!("STANDBY is what LIVE is ({same})")));
            }
            Relation::Older | Relation::Diverged | Relation::Unknown => {
                let how = match facts.relation {
                    Relation::Older => "is older than LIVE",
                    _ => "does not contain LIVE",
                };
                let version = plain(&build.version);
                return Err(Problem::refuse(
                    "not-newer",
                    format!("{standby} runs {version}, which {how}"),
                )
                .hint(format!(
                    "say so if you mean it: `gsync release --to {}`",
                    build.commit.short()
                ))
                .hint("bring STANDBY to what LIVE is: `gsync sync`"));
            }
        }
    }
    well(facts, standby)?;
    let state = switched(facts, facts.next("release"), live, standby);
    plan = plan.then_all(steps(facts, live, standby, &build));
    Ok(plan.then(facts.record(&state)?))
}

/// Whether STANDBY is the former LIVE, untouched since.
pub fn is_way_back(facts: &Facts, standby: &str) -> bool {
    let way = facts.state.as_ref().and_then(|state| state.way_back.as_deref());
    let now = facts.build(standby).map(|build| standby::way(standby, &build.name()));
    way.is_some() && way == now.as_deref()
}

pub(super) fn well(facts: &Facts, standby: &str) -> Result<(), Problem> {
    match &facts.env(standby).health {
        Seen::Failing(why) => {
            Err(Problem::refuse("unhealthy", format!("STANDBY ({standby}) is not well"))
                .because(plain(why))
                .hint("deploy it again: `gsync deploy`")
                .hint(format!("look at its log: `{}`", {
                    let log = facts.process_log(standby);
                    let tail = format!("tail {}", shell_quote(&log.to_string_lossy()));
                    match facts.host(standby) {
                        Some(host) => format!("ssh {} {}", super::words(host), shell_quote(&tail)),
                        None => tail,
                    }
                })))
        }
        Seen::Well | Seen::Unknown => Ok(()),
    }
}

/// Checks, proof, switch: the switch is the last thing that can be seen.
pub(super) fn steps(facts: &Facts, live: &str, standby: &str, build: &Build) -> Vec<Step> {
    let mut steps = checks(facts, standby, build);
    let mut proof = facts.proof(standby, build.clone());
    // It was watched when it was deployed, and is watched again as LIVE: one good look will do.
    proof.health.soak_ms = 0;
    steps.push(facts.step(standby, Deed::Prove(Box::new(proof))));
    let (from, to) = (live.to_owned(), standby.to_owned());
    steps.push(facts.step("", Deed::Switch { traffic: facts.traffic(), from, to, gate: true }));
    steps
}

/// The state after the switch.
pub(super) fn switched(facts: &Facts, mut state: State, live: &str, standby: &str) -> State {
    let way = facts.build(live).map(|build| standby::way(live, &build.name()));
    state.from = Some(live.to_owned());
    state.to = Some(standby.to_owned());
    state.live = Some(standby.to_owned());
    state.way_back = way;
    state
}

/// The plan that leads the traffic back by itself, when the new LIVE turned unhealthy.
pub fn back(facts: &Facts, why: &str) -> Result<Plan, Problem> {
    let (live, standby) = facts.sides()?;
    let mut state = switched(facts, facts.next("release"), live, standby);
    state.outcome = format!("switched back: {}", plain(why));
    state.way_back = None;
    let (from, to) = (live.to_owned(), standby.to_owned());
    let plan = Plan::new(format!("lead the traffic of {} back to {standby}", facts.app.name));
    Ok(plan
        .then(facts.step("", Deed::Switch { traffic: facts.traffic(), from, to, gate: false }))
        .then(facts.record(&state)?))
}

fn checks(facts: &Facts, standby: &str, build: &Build) -> Vec<Step> {
    let checks = &facts.app.release.check;
    let url = facts.url(standby).unwrap_or_default();
    let task = |(at, line): (usize, &String)| {
        Step::Run(Box::new(Task {
            service: facts.app.name.clone(),
            name: format!("check {}", at + 1),
            number: at + 1,
            of: checks.len(),
            first: at == 0,
            drive: Drive::Run(line.replace("{url}", &shell_quote(&url))),
            dir: build.dir.clone(),
            error: Vec::new(),
            success: Vec::new(),
            ok_exit: Vec::new(),
            fallback_ok: false,
            timeout_ms: 600_000,
            fix: Vec::new(),
            logs: facts.home.join("logs"),
            stays: false,
            clean: Some(standby::clean(facts, standby, build)),
        }))
    };
    checks.iter().enumerate().map(task).collect()
}
