//! Back: to the former LIVE in an instant, or to a kept release by way of STANDBY.

use super::{Facts, Target, release, standby};
use crate::base::{Problem, plain};
use crate::plan::Plan;

/// The plan of a rollback.
pub fn plan(facts: &Facts, to: Option<&Target>) -> Result<Plan, Problem> {
    let (live, standby) = facts.sides()?;
    facts.seen(standby)?;
    let Some(target) = to else {
        if !release::is_way_back(facts, standby) {
            let problem = Problem::refuse(
                "no-way-back",
                format!("{standby} is not what was LIVE before: there is no way back to it"),
            );
            let kept = &facts.env(standby).releases;
            let kept = kept.iter().rev().find_map(|name| name.split_once('-'));
            return Err(match kept {
                Some((_, short)) => {
                    problem.hint(format!("name a kept release: `gsync rollback --to {short}`"))
                }
                None => problem.hint("release something first: `gsync release`"),
            });
        }
        let mut plan = release::plan(facts, &release::Wish::default())?;
        plan.title = plan.title.replacen("release", "roll back to", 1);
        return Ok(plan);
    };
    if facts.build(standby).is_some_and(|build| build.commit == target.commit) {
        let wish = release::Wish { to: Some(target.commit.clone()) };
        let mut plan = release::plan(facts, &wish)?;
        plan.title = plan.title.replacen("release", "roll back to", 1);
        return Ok(plan);
    }
    let title = format!("roll back to {} of {}", plain(&target.version), facts.app.name);
    if facts.build(live).is_some_and(|build| build.commit == target.commit) {
        return Ok(Plan::new(title).note(format!("{} is LIVE already", target.commit.short())));
    }
    kept(facts, target)?;
    let wish = standby::Wish {
        what: "rollback",
        target: target.clone(),
        again: true,
        reuse: true,
        cut: false,
        branch: None,
    };
    let (steps, state) = standby::steps(facts, &wish)?;
    let Some(release) = state.envs.get(standby).map(|env| env.release.clone()) else {
        return Err(Problem::blind("state", "the release has no name"));
    };
    let build = crate::plan::serve::Build {
        dir: facts.env(standby).home.join("releases").join(release),
        commit: target.commit.clone(),
        version: target.version.clone(),
    };
    let state = release::switched(facts, state, live, standby);
    Ok(Plan::new(title)
        .then_all(steps)
        .then_all(release::steps(facts, live, standby, &build))
        .then(facts.record(&state)?))
}

/// So many kept releases are named.
const NAMED: usize = 5;

/// Refuses what is kept on neither side: a commit that never ran here is tested on STANDBY first.
fn kept(facts: &Facts, target: &Target) -> Result<(), Problem> {
    if facts.keeps(&target.commit) {
        return Ok(());
    }
    let short = target.commit.short();
    let mut all = facts.releases();
    all.truncate(NAMED);
    let problem = Problem::refuse("not-kept", format!("no release of {short} is kept here"));
    let problem = match all.is_empty() {
        true => problem,
        false => problem.because(format!("kept are: {}", plain(&all.join(", ")))),
    };
    Err(problem
        .hint(format!("bring it to STANDBY and look at it: `gsync deploy {short}`"))
        .hint(format!("then release it: `gsync release --to {short}`")))
}
