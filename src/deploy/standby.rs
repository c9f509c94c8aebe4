//! A commit comes to STANDBY: into a directory of its own, made ready there while the former
//! release runs on, then run and proved. LIVE is not in these plans.

use super::state::{EnvState, State};
use super::{Facts, Target};
use crate::base::{CommitId, Problem, RefName, plain};
use crate::plan::serve::{Activate, Build, Keeper};
use crate::plan::{Clean, Deed, Drive, Plan, Step, Task};

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The word for the record: `deploy`, `sync`, `rollback`.
    pub what: &'static str,
    pub target: Target,
    /// Do it although STANDBY runs this commit.
    pub again: bool,
    /// Take a kept release directory of that commit, if there is one.
    pub reuse: bool,
    /// Connections that STANDBY still has are cut if they do not end by themselves.
    pub cut: bool,
    /// The branch moves with it: from where it is seen.
    pub branch: Option<(RefName, Option<CommitId>)>,
}

/// The number in front of a release's name.
pub(super) fn seq(name: &str) -> Option<u32> {
    name.trim_start_matches("failed-").split_once('-')?.0.parse().ok()
}

/// The plan of a deploy.
pub fn plan(facts: &Facts, wish: &Wish) -> Result<Plan, Problem> {
    let (_, standby) = facts.sides()?;
    facts.seen(standby)?;
    let target = &wish.target;
    let title =
        format!("{} {} to {standby} of {}", wish.what, plain(&target.version), facts.app.name);
    let mut plan = Plan::new(title);
    let runs = facts.build(standby).filter(|build| build.commit == target.commit);
    let fails = matches!(facts.env(standby).health, super::Seen::Failing(_));
    if runs.is_some() && !wish.again && !fails {
        let at = plain(&target.version);
        plan = plan.note(format!("{standby} is STANDBY and runs {at} already"));
        return Ok(plan.then_all(branch(wish)));
    }
    let (steps, state) = steps(facts, wish)?;
    Ok(plan.then_all(steps).then_all(branch(wish)).then(facts.record(&state)?))
}

fn branch(wish: &Wish) -> Option<Step> {
    let (name, expect) = wish.branch.clone()?;
    Some(Step::SetRef { name, to: Some(wish.target.commit.clone()), expect })
}

/// The steps up to the proof, and the state that is to be recorded after them.
pub(super) fn steps(facts: &Facts, wish: &Wish) -> Result<(Vec<Step>, State), Problem> {
    let (_, standby) = facts.sides()?;
    facts.seen(standby)?;
    let app = &facts.app;
    let env = facts.env(standby);
    let target = &wish.target;
    let keeper = facts.keeper(standby);
    if let (Keeper::Command { .. }, None) = (&keeper, facts.port(standby)) {
        return Err(Problem::usage("config", format!("[env.{standby}] names no port"))
            .because("without one nobody can tell whose process answers")
            .hint(format!("add `port = 3001` to [env.{standby}] in app.toml")));
    }
    let kept = env.releases.iter().rev().find(|name| is_of(name, &target.commit));
    let kept = kept.filter(|_| wish.reuse);
    let mut state = facts.next(wish.what);
    let all = facts.envs.values().flat_map(|env| env.releases.iter().chain(&env.failed));
    let last = all.filter_map(|name| seq(name)).max().unwrap_or(0).max(state.seq);
    let name = match kept {
        Some(name) => name.clone(),
        None => format!("{}-{}", last + 1, target.commit.short()),
    };
    let release = Build {
        dir: env.home.join("releases").join(&name),
        commit: target.commit.clone(),
        version: target.version.clone(),
    };
    let mut steps = Vec::new();
    if kept.is_none() {
        steps.push(facts.step(
            standby,
            Deed::Unpack {
                commit: target.commit.clone(),
                dir: release.dir.clone(),
                shared: env.home.join("shared"),
                links: app.shared.clone(),
            },
        ));
        steps.extend(tasks(facts, standby, &release));
    }
    let traffic = facts.traffic();
    if matches!(traffic, crate::plan::serve::Traffic::Haproxy { .. }) {
        let wait_ms = u64::try_from(app.release.drain.0.as_millis()).unwrap_or(u64::MAX);
        let drain = Deed::Drain { traffic, wait_ms, cut: wish.cut };
        steps.push(facts.step(standby, drain));
    }
    let former = facts.build(standby);
    let was_well = env.health == super::Seen::Well;
    let proof = facts.proof(standby, release.clone());
    steps.push(facts.step(
        standby,
        Deed::Activate(Box::new(Activate {
            home: env.home.clone(),
            release: Some(release.clone()),
            former,
            keeper,
            port: proof.port,
            log: proof.log.clone(),
            vars: vars(facts, standby),
            health: was_well.then(|| proof.health.clone()),
            back: false,
        })),
    ));
    steps.push(facts.step(standby, Deed::Prove(Box::new(proof))));
    state.from = state.envs.get(standby).map(|env| env.version.clone());
    state.to = Some(target.version.clone());
    state.seq = last.max(seq(&name).unwrap_or(0));
    state.live.clone_from(&facts.sources.proxy);
    // What was the way back is not there any more.
    state.way_back = state.way_back.filter(|way| *way != former_name(facts, standby));
    state.envs.insert(
        standby.to_owned(),
        EnvState {
            version: target.version.clone(),
            commit: target.commit.clone(),
            release: name,
            deployed_at: "now".into(),
            deployed_by: facts.who.clone(),
        },
    );
    Ok((steps, state))
}

fn former_name(facts: &Facts, env: &str) -> String {
    way(env, &facts.build(env).map(|build| build.name()).unwrap_or_default())
}

/// How the way back is written down.
pub(super) fn way(env: &str, release: &str) -> String {
    format!("{env} {release}")
}

pub(super) fn is_of(name: &str, commit: &CommitId) -> bool {
    name.split_once('-')
        .is_some_and(|(_, short)| short.len() >= 7 && commit.as_str().starts_with(short))
}

/// What all programs of an environment know. What is of a release is added when it runs.
pub(super) fn vars(facts: &Facts, env: &str) -> Vec<(String, String)> {
    let mut vars = vec![
        ("GSYNC_APP".to_owned(), facts.app.name.clone()),
        ("GSYNC_ENV".to_owned(), env.to_owned()),
    ];
    vars.extend(facts.port(env).map(|port| ("PORT".to_owned(), port.to_string())));
    vars
}

/// The same, with what is of a release.
pub(super) fn vars_of(facts: &Facts, env: &str, release: &Build) -> Vec<(String, String)> {
    let mut vars = vars(facts, env);
    vars.extend(release.vars());
    vars
}

fn tasks(facts: &Facts, env: &str, release: &Build) -> Vec<Step> {
    let of = facts.app.step.len();
    let task = |(at, step): (usize, &crate::config::app::AppStep)| Task {
        service: facts.app.name.clone(),
        name: step.name.clone(),
        number: at + 1,
        of,
        first: at == 0,
        drive: Drive::Run(step.run.clone()),
        dir: release.dir.clone(),
        error: step.error.clone(),
        success: step.success.clone(),
        ok_exit: step.ok_exit.clone(),
        fallback_ok: step.fallback_ok,
        timeout_ms: u64::try_from(step.timeout.0.as_millis()).unwrap_or(u64::MAX),
        fix: Vec::new(),
        logs: facts.home.join("logs"),
        stays: false,
        clean: Some(clean(facts, env, release)),
    };
    facts.app.step.iter().enumerate().map(task).map(|task| Step::Run(Box::new(task))).collect()
}

/// The environment of a command that is about a release.
pub(super) fn clean(facts: &Facts, env: &str, release: &Build) -> Clean {
    let file = facts.env(env).home.join("shared/.env");
    let host = facts.host(env).map(str::to_owned);
    Clean { vars: vars_of(facts, env, release), file: Some(file), host }
}

#[cfg(test)]
mod tests;
