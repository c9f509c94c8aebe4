//! `gsync discard`: branch, index and work tree become what the upstream is. Everything that was
//! here is in a snapshot, so it is no loss: `gsync undo` brings it back.

pub mod facts;

use crate::base::{Carry, Problem, RefName, count, plain};
use crate::plan::{Plan, Step};
use crate::sync::pull::facts::Upstream;
use crate::sync::pull::{in_progress, named};
use facts::Facts;

/// The plan of a discard.
pub fn plan(facts: &Facts) -> Result<Plan, Problem> {
    if let Some(operation) = facts.operation {
        return Err(in_progress(operation));
    }
    if !facts.unmerged.is_empty() {
        let problem = Problem::refuse("unmerged", "there are conflicts that are not resolved");
        return Err(named(problem, &facts.unmerged).hint("run `git reset --merge` first"));
    }
    let Some(branch) = &facts.branch else {
        return Err(Problem::refuse("detached", "HEAD is detached: there is no upstream")
            .hint("run `git switch BRANCH`"));
    };
    let name = match &facts.upstream {
        Upstream::At { name, .. } => plain(RefName::new(name).short()),
        Upstream::None | Upstream::Gone { .. } | Upstream::New { .. } => {
            return Err(Problem::refuse("no-upstream", format!("{branch} has no upstream to be"))
                .hint("run `git branch --set-upstream-to=REMOTE/BRANCH`"));
        }
    };
    let (Some(start), Some(to)) = (&facts.start, &facts.to) else {
        return Err(Problem::blind("unknown", "what stands here is not known"));
    };
    if !facts.in_the_way.is_empty() {
        let problem = Problem::refuse("in-the-way", "ignored files are in the way");
        return Err(named(problem, &facts.in_the_way).hint("move them away, then try again"));
    }
    let mut plan = Plan::new(format!("discard all that is not {name}"));
    if let Some(why) = &facts.offline {
        plan = plan.note(format!("the hub cannot be reached ({why}): {name} as it was last seen"));
    }
    let from = &start.standing.place;
    if from == to && start.standing.intent.is_empty() {
        return Ok(plan.note(format!("{branch} is exactly what {name} is")));
    }
    if !facts.commits.is_empty() {
        let n = count(facts.commits.len(), "commit");
        plan = plan.note(format!("{branch} gives up {n}: from now on only the snapshot has them"));
    }
    let carry = Carry {
        branch: branch.full(),
        from: from.clone(),
        to: to.clone(),
        forget: start.standing.intent.clone(),
        hollow: facts.hollow.clone(),
        hollow_after: Vec::new(),
        restore: None,
        reflog: format!("gsync discard: to {name}"),
        snapshot: start.snapshot.clone(),
    };
    Ok(plan
        .then(Step::Keep { name: start.name.clone(), snapshot: start.snapshot.clone() })
        .then(Step::Carry(Box::new(carry)))
        .note("`gsync undo` brings all of it back"))
}
