//! `gsync undo`: takes a run back. What was done since is kept; where that cannot be, nothing
//! is done. What others have seen stays seen.

pub mod facts;
mod hub;

use crate::base::{Carry, Problem, RefName, RunId, plain, shell_quote};
use crate::plan::{Before, Plan, Step, Undo};
use crate::sync::pull::{in_progress, named};
use facts::{Facts, Way};

/// What is to be taken back.
#[derive(Debug, Clone)]
pub struct What {
    /// The runs of one command, the oldest first.
    pub runs: Vec<RunId>,
    /// On the hub too.
    pub hub: bool,
    /// Branches of which it is said plainly what others will see.
    pub protected: Vec<String>,
}

impl What {
    /// What these runs are called in a sentence.
    fn name(&self) -> String {
        match &self.runs[..] {
            [] => "nothing".to_owned(),
            [one] => one.to_string(),
            [one, other] => format!("{one} and {other}"),
            [first, .., last] => format!("{first} to {last}"),
        }
    }
}

/// Whether there is anything in it that an undo is about: what only restarted services is not.
pub fn leaves_something(begun: &[(Step, Before)]) -> bool {
    begun.iter().any(|(step, before)| match step {
        Step::Push { .. } | Step::Unmerge { .. } => true,
        step => matches!(step.undo(before), Undo::By(_)),
    })
}

/// The plan that takes runs back.
pub fn plan(what: &What, begun: &[(Step, Before)], facts: &Facts) -> Result<Plan, Problem> {
    let run = &what.name();
    // What leads back there is a deploy of its own, with its own proofs.
    if begun.iter().any(|(step, _)| matches!(step, Step::Serve(_))) {
        let problem = Problem::refuse("final", format!("{run} is of an app on this server"));
        return Err(problem
            .hint("go back to what was LIVE before: `gsync rollback`")
            .hint("bring another commit to STANDBY: `gsync deploy REV`"));
    }
    let mut plan = Plan::new(format!("undo {run}"));
    if facts.is_back {
        plan = plan.note(format!("the branch is back already where {run} found it"));
    } else {
        plan = here(plan, run, begun, facts)?;
    }
    if what.hub {
        return hub::back(plan, &facts.sent, &what.protected, run);
    }
    let last = what.runs.last().map_or("", RunId::as_str);
    let plan = hub::stays(plan, &facts.sent, last);
    if plan.steps.is_empty() && !plan.notes.is_empty() {
        let problem = Problem::refuse("final", format!("{run} cannot be taken back"));
        let notes = plan.notes.iter().filter(|note| facts.sent.is_empty() || !note.contains('`'));
        let problem = notes.fold(problem, Problem::because);
        let problem = match facts.sent.is_empty() {
            true => problem,
            false => problem.hint(format!("take it back on the hub: `gsync undo --hub {last}`")),
        };
        return Err(problem.hint("look at older runs with `gsync log`, and name one"));
    }
    Ok(plan)
}

/// What is taken back in this repository.
fn here(
    mut plan: Plan,
    run: &str,
    begun: &[(Step, Before)],
    facts: &Facts,
) -> Result<Plan, Problem> {
    if begun.iter().any(|(step, _)| is_move(step)) {
        plan = back(plan, run, begun, facts)?;
    }
    if !facts.rewritten.is_empty() {
        let problem = Problem::refuse("rewritten", format!("a file was changed since {run}"));
        let paths = facts.rewritten.iter().map(|path| plain(&path.to_string_lossy()));
        return Err(paths
            .fold(problem, Problem::because)
            .because("nothing was changed: undoing would take that away too")
            .hint("keep that: move the file away, run `gsync undo`, and put it in again"));
    }
    for path in &facts.rewritten_own {
        let path = plain(&path.to_string_lossy());
        plan = plan.note(format!("{path} was changed since: `gsync undo` again has that"));
    }
    for (step, before) in begun.iter().rev().filter(|(step, _)| !is_move(step)) {
        match step.undo(before) {
            // A way back is not taken away: what it keeps may be nowhere else.
            Undo::By(Step::SetRef { name, to: None, .. }) if is_way_back(&name) => {
                plan = plan.note(format!("stays: {name}"));
            }
            Undo::By(undo) => plan = plan.then(undo),
            Undo::Never if !matches!(step, Step::Push { .. }) => {
                plan = plan.note(format!("stays: {step}"));
            }
            Undo::Nothing | Undo::Never => {}
        }
    }
    Ok(plan)
}

fn is_way_back(name: &RefName) -> bool {
    name.as_str().starts_with("refs/gsync/undo/")
}

fn is_move(step: &Step) -> bool {
    matches!(step, Step::Carry(_) | Step::Commit { .. } | Step::Merge { .. })
}

fn back(plan: Plan, run: &str, begun: &[(Step, Before)], facts: &Facts) -> Result<Plan, Problem> {
    if let Some(start) = &facts.merging {
        let abort = begun.iter().find_map(|(step, before)| match (step, step.undo(before)) {
            (Step::Merge { .. }, Undo::By(undo)) => Some(undo),
            _ => None,
        });
        // What was resolved so far is in the snapshot.
        let keep = Step::Keep { name: start.name.clone(), snapshot: start.snapshot.clone() };
        return Ok(plan.then(keep).then_all(abort));
    }
    if let Some(operation) = facts.operation {
        return Err(in_progress(operation));
    }
    if !facts.unmerged.is_empty() {
        let problem = Problem::refuse("unmerged", "there are conflicts that are not resolved");
        return Err(named(problem, &facts.unmerged));
    }
    if let Some((branch, since)) = &facts.moved {
        let name = plain(branch.short());
        let problem = Problem::refuse("moved", format!("{name} moved since {run}"));
        let problem = since.iter().take(20).fold(problem, |problem, line| {
            problem.because(format!("{} {}", line.id.short(), line.summary))
        });
        return Err(problem
            .because("nothing was changed: undoing would take that away too")
            .hint("take the runs after it back first: `gsync log`"));
    }
    let Some(way) = &facts.way else {
        let branch = begun.iter().find_map(|(step, _)| match step {
            Step::Carry(carry) => Some(&carry.branch),
            Step::Commit { branch, .. } | Step::Merge { branch, .. } => Some(branch),
            _ => None,
        });
        let branch = branch.map_or("", |branch| branch.short());
        let message = format!("{run} was on {}, and this is another branch", plain(branch));
        return Err(Problem::refuse("other-branch", message)
            .hint(format!("run `git switch {}`", shell_quote(branch))));
    };
    Ok(plan
        .then(Step::Keep { name: way.start.name.clone(), snapshot: way.start.snapshot.clone() })
        .then(Step::Carry(Box::new(carry(way, run)?))))
}

fn carry(way: &Way, run: &str) -> Result<Carry, Problem> {
    let to = way.back.as_ref().map_err(|paths| {
        let message = format!("work that was done since {run} is on the same lines");
        named(Problem::refuse("conflict", message), paths)
            .because("nothing was changed")
            .hint("commit or move that work, then try again")
    })?;
    if !way.in_the_way.is_empty() {
        let problem = Problem::refuse(
            "in-the-way",
            "files that git does not track, or was told not to look at, are in the way",
        );
        return Err(named(problem, &way.in_the_way).hint("move them away, then try again"));
    }
    Ok(Carry {
        branch: way.branch.clone(),
        from: way.start.standing.place.clone(),
        to: to.clone(),
        forget: Vec::new(),
        hollow: way.hollow.clone(),
        hollow_after: way.hollow_after.clone(),
        restore: way.exact.clone(),
        reflog: format!("gsync undo: {run}"),
        snapshot: way.start.snapshot.clone(),
    })
}
