//! Why a pull is not made, and what can be done about it.

use super::facts::{Among, Facts};
use super::plan::{MOST, told};
use crate::base::{Branch, Operation, Problem, RefName, RepoPath, count, plain, shell_quote};
use crate::config;

/// git is in the middle of something.
pub fn in_progress(operation: Operation) -> Problem {
    let problem = Problem::refuse("in-progress", format!("a {operation} is in progress"))
        .because("nothing was changed: what it holds could be lost");
    match operation {
        Operation::Bisect => problem.hint("run `git bisect reset` when it is done"),
        _ => problem
            .hint(format!("finish it: `git {operation} --continue`"))
            .hint(format!("give it up: `git {operation} --abort`")),
    }
}

pub(super) fn gone(branch: &Branch, name: &str) -> Problem {
    let name = plain(RefName::new(name).short());
    Problem::refuse("gone", format!("{branch} follows {name}, which the hub has no more"))
        .hint("run `git switch` to another branch if it was merged")
        .hint(format!("run `git branch --unset-upstream {}`", shell_quote(branch.as_str())))
}

pub(super) fn unrelated(facts: &Facts, branch: &Branch, name: &str) -> Problem {
    if facts.shallow {
        Problem::refuse("shallow", format!("the history is too short to join {branch} and {name}"))
            .hint("run `git fetch --unshallow`, then try again")
    } else {
        Problem::refuse("unrelated", format!("{branch} and {name} have no commit in common"))
    }
}

pub(super) fn rewound(facts: &Facts, name: &str) -> Problem {
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

pub(super) fn in_the_way(paths: &[RepoPath]) -> Problem {
    let problem = Problem::refuse(
        "in-the-way",
        "files that git does not track, or was told not to look at, are in the way",
    );
    let problem = named(problem, paths).hint("move them away, or remove them, then try again");
    // Who installs in a clone that is behind has the template where the team has its rules.
    match paths.iter().any(|path| path.as_bytes() == config::FILE.as_bytes()) {
        true => {
            problem.hint("have theirs, if yours is as `gsync install` wrote it: `rm .gsync.toml`")
        }
        false => problem,
    }
}

pub(super) fn conflict(among: Among, paths: &[RepoPath], name: &str) -> Problem {
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
