//! Facts to plan: what a pull does, and what it will not do.

use super::facts::{Among, Facts, Fetched, Line, Rehearsal, Upstream, Way};
use crate::base::{Branch, Carry, Problem, RefName, RepoPath, count, plain, shell_quote};
use crate::plan::{Plan, Step};

/// The plan of a pull, or why there is none. `title` is what the command calls itself.
pub fn plan(facts: &Facts, title: &str) -> Result<Plan, Problem> {
    let branch = safe(facts)?;
    let name = match &facts.upstream {
        Upstream::At { name, .. } => plain(RefName::new(name).short()),
        Upstream::Gone { name } => return Err(gone(branch, name)),
        Upstream::None => {
            let note = format!(
                "{branch} follows no branch; `git push -u {} {}` gives it one",
                shell_quote(facts.remote.as_deref().unwrap_or("origin")),
                shell_quote(branch.as_str())
            );
            return Ok(Plan::new(format!("{title} {branch}")).note(note));
        }
    };
    if !facts.lost.is_empty() {
        return Err(rewound(facts, &name));
    }
    if facts.incoming.is_empty() {
        let note = match facts.outgoing.len() {
            0 => format!("{branch} is what {name} is"),
            n => format!("{branch} is {} ahead of {name}", count(n, "commit")),
        };
        return Ok(Plan::new(format!("{title} {branch}")).note(note));
    }
    if !facts.related {
        return Err(unrelated(facts, branch, &name));
    }
    if !facts.in_the_way.is_empty() {
        return Err(in_the_way(&facts.in_the_way));
    }
    let (Some(start), Some(rehearsal)) = (&facts.start, &facts.rehearsal) else {
        return Err(Problem::blind("unknown", "what a pull would do is not known"));
    };
    let (way, to, dropped) = match rehearsal {
        Rehearsal::Conflict { among, paths } => return Err(conflict(*among, paths, &name)),
        Rehearsal::Clean { way, to, dropped } => (*way, to, dropped),
    };
    let how = match way {
        Way::FastForward => "fast-forward",
        Way::Replay => "replay",
        Way::Merge => "merge",
    };
    let carry = Carry {
        branch: branch.full(),
        from: start.standing.place.clone(),
        to: to.clone(),
        // Announced paths stay announced.
        forget: Vec::new(),
        hollow: facts.hollow.clone(),
        hollow_after: Vec::new(),
        restore: None,
        reflog: format!("gsync {title}: {how} to {name}"),
        snapshot: start.snapshot.clone(),
    };
    let mut plan = Plan::new(format!("{title} {branch}"))
        .then(Step::Keep { name: start.name.clone(), snapshot: start.snapshot.clone() })
        .then(Step::Carry(carry));
    plan = plan.note(came_in(facts, way, &name));
    plan = facts.incoming.iter().take(MOST).fold(plan, |plan, line| plan.note(told(line)));
    if facts.incoming.len() > MOST {
        plan = plan.note(format!("and {} more", facts.incoming.len() - MOST));
    }
    Ok(dropped.iter().fold(plan, |plan, commit| {
        plan.note(format!("{} is left out: {name} has the same change", commit.short()))
    }))
}

/// How many commits or paths a list shows.
const MOST: usize = 20;

/// The branch, if nothing forbids to move it.
pub fn safe(facts: &Facts) -> Result<&Branch, Problem> {
    if let Some(operation) = facts.operation {
        return Err(in_progress(operation));
    }
    if !facts.unmerged.is_empty() {
        let problem = Problem::refuse("unmerged", "there are conflicts that are not resolved");
        return Err(named(problem, &facts.unmerged)
            .hint("resolve them, then run `git add` and `git commit`"));
    }
    let Some(branch) = &facts.branch else {
        return Err(Problem::refuse("detached", "HEAD is detached: no branch would move")
            .hint("run `git switch BRANCH`, or `git switch -c NEW` to keep the commits"));
    };
    if let Some(Fetched::Unreachable(why)) = &facts.fetched {
        return Err(Problem::blind("offline", "the hub cannot be reached; nothing was changed")
            .because(plain(why))
            .hint("try again when it answers")
            .hint("run `gsync status --no-fetch` to see what is known"));
    }
    Ok(branch)
}

/// git is in the middle of something.
pub fn in_progress(operation: &str) -> Problem {
    let problem = Problem::refuse("in-progress", format!("a {operation} is in progress"))
        .because("nothing was changed: what it holds could be lost");
    match operation {
        "bisect" => problem.hint("run `git bisect reset` when it is done"),
        _ => problem
            .hint(format!("finish it: `git {operation} --continue`"))
            .hint(format!("give it up: `git {operation} --abort`")),
    }
}

fn gone(branch: &Branch, name: &str) -> Problem {
    let name = plain(RefName::new(name).short());
    Problem::refuse("gone", format!("{branch} follows {name}, which the hub has no more"))
        .hint("run `git switch` to another branch if it was merged")
        .hint(format!("run `git branch --unset-upstream {}`", shell_quote(branch.as_str())))
}

fn unrelated(facts: &Facts, branch: &Branch, name: &str) -> Problem {
    if facts.shallow {
        Problem::refuse("shallow", format!("the history is too short to join {branch} and {name}"))
            .hint("run `git fetch --unshallow`, then try again")
    } else {
        Problem::refuse("unrelated", format!("{branch} and {name} have no commit in common"))
    }
}

fn rewound(facts: &Facts, name: &str) -> Problem {
    let n = count(facts.lost.len(), "commit");
    let problem = Problem::refuse(
        "rewound",
        format!("{name} was rewritten: it once had {n} of yours and has them no more"),
    );
    let problem = facts.lost.iter().take(MOST).fold(problem, |p, line| p.because(told(line)));
    problem
        .hint(format!("keep them: `git rebase {}`", shell_quote(name)))
        .hint("drop them, with a way back: `gsync discard`")
}

fn in_the_way(paths: &[RepoPath]) -> Problem {
    let problem = Problem::refuse("in-the-way", "files that git does not track are in the way");
    named(problem, paths).hint("move them away, or remove them, then try again")
}

fn conflict(among: Among, paths: &[RepoPath], name: &str) -> Problem {
    let what = match among {
        Among::Commits => format!("your commits and {name} change the same lines"),
        Among::Uncommitted => format!("your uncommitted work and {name} change the same lines"),
    };
    let problem = named(Problem::refuse("conflict", what), paths).because("nothing was changed");
    match among {
        Among::Commits => problem.hint("resolve it by hand: `gsync pull --resolve`"),
        Among::Uncommitted => problem.hint("commit that work, then run `gsync pull --resolve`"),
    }
}

/// Names paths as reasons, a line each.
pub fn named(problem: Problem, paths: &[RepoPath]) -> Problem {
    let problem = paths.iter().take(MOST).fold(problem, |p, path| p.because(path.to_string()));
    match paths.len().saturating_sub(MOST) {
        0 => problem,
        more => problem.because(format!("and {more} more")),
    }
}

fn came_in(facts: &Facts, way: Way, name: &str) -> String {
    let incoming = count(facts.incoming.len(), "commit");
    let outgoing = count(facts.outgoing.len(), "commit");
    match way {
        Way::FastForward => format!("{incoming} from {name}"),
        Way::Replay => format!("{incoming} from {name}, with {outgoing} of yours on top"),
        Way::Merge => format!("{incoming} from {name}, merged with {outgoing} of yours"),
    }
}

fn told(line: &Line) -> String {
    format!("{} {} ({})", line.id.short(), line.summary, line.author)
}
