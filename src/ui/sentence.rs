//! The first and the last line of the status: how it stands in a sentence, and what to do next.

use crate::base::{Operation, count, plain, shell_quote};
use crate::sync::status::{Relation, Status, Weather};

/// How the branch stands, as a sentence.
pub(super) fn verdict(status: &Status) -> String {
    let branch = status.branch.as_ref().map_or("HEAD".into(), |branch| plain(branch.as_str()));
    let upstream = status.upstream.as_deref().map(plain).unwrap_or_default();
    let (ahead, behind) = (status.ahead, status.behind);
    let head = status.head.as_ref().map_or("?", |id| id.short());
    let said = match status.relation {
        Relation::Synced if status.online == Some(false) => {
            format!("was in sync with {upstream}; the hub does not answer")
        }
        Relation::Synced => format!("in sync with {upstream}"),
        Relation::Ahead => format!("{ahead} ahead of {upstream}"),
        Relation::Behind => format!("{behind} behind {upstream}{}", pushed(status)),
        Relation::Diverged => {
            format!("diverged from {upstream}: {ahead} ahead, {behind} behind{}", pushed(status))
        }
        Relation::None if ahead > 0 => {
            format!("follows no branch, {} on no remote", count(ahead, "commit"))
        }
        Relation::None => "follows no branch".to_owned(),
        Relation::Gone if status.hub_is_empty => {
            format!("nothing is at the hub yet, {} to push", count(ahead, "commit"))
        }
        Relation::Gone => format!("{upstream} is gone, or was never fetched"),
        Relation::Rewound => {
            let lost = count(status.rewound.len(), "commit");
            format!("{upstream} was rewound: {lost} of yours it once had and has no longer")
        }
        Relation::Detached if ahead > 0 => {
            format!("detached at {head}, {} on no remote", count(ahead, "commit"))
        }
        Relation::Detached => format!("detached at {head}"),
        Relation::Unborn if behind > 0 => {
            format!("no commit yet, {behind} behind {upstream}")
        }
        Relation::Unborn => "no commit yet".to_owned(),
        Relation::Unknown => format!("it is not known how this stands to {upstream}"),
    };
    let tree = match (status.clean, status.changes.len()) {
        (true, _) if status.relation == Relation::Synced => ", nothing to commit".to_owned(),
        (true, _) | (false, 0) => String::new(),
        (false, n) => format!(", {} not committed", count(n, "path")),
    };
    let relates = !upstream.is_empty() && status.head.is_some();
    let as_of = match (status.online, status.fetched_at) {
        (Some(true), _) => String::new(),
        _ if !relates => String::new(),
        (_, Some(at)) => format!(" (as of {})", at.ago(status.now)),
        (_, None) => " (the hub was never asked)".to_owned(),
    };
    format!("{branch}: {said}{tree}{as_of}")
}

/// Who pushed what is new there.
fn pushed(status: &Status) -> String {
    let Some(newest) = status.incoming.first() else { return String::new() };
    let mut authors: Vec<&str> = Vec::new();
    for commit in &status.incoming {
        if !authors.contains(&commit.author.as_str()) {
            authors.push(&commit.author);
        }
    }
    let who = match authors.as_slice() {
        [one] => plain(one),
        [one, two] => format!("{} and {}", plain(one), plain(two)),
        [one, rest @ ..] => format!("{} and {} others", plain(one), rest.len()),
        [] => return String::new(),
    };
    let n = count(status.behind, "commit");
    format!(" ({who} pushed {n}, newest {})", newest.time.ago(status.now))
}

/// What to do next, the most urgent first; at most two.
pub(super) fn next(status: &Status) -> Vec<String> {
    let mut hints = Vec::new();
    let branch = status.branch.as_ref().map_or("HEAD", |branch| branch.as_str());
    let (branch, hub) = (shell_quote(&plain(branch)), shell_quote(&plain(&status.hub)));
    let upstream = shell_quote(&status.upstream.as_deref().map(plain).unwrap_or_default());
    if status.unfinished.as_ref().is_some_and(|run| !run.running) {
        hints.push("run `gsync rescue`: it puts back what was cut off".to_owned());
    }
    if let Some(operation) = status.operation {
        hints.push(match operation {
            Operation::Bisect => "end it when you are done: `git bisect reset`".to_owned(),
            Operation::Conflicts => {
                "resolve the paths marked UU, then `git add` them and `git commit`".to_owned()
            }
            other => {
                format!("go on with `git {other} --continue`, or back with `git {other} --abort`")
            }
        });
        return hints;
    }
    if status.online == Some(false) && status.offline.is_some() {
        // A branch that is gone over there can stand in the way of a new one's name.
        let in_the_way = status.offline.as_ref().is_some_and(|why| why.contains("cannot lock ref"));
        hints.push(match in_the_way {
            true => format!("forget the branches that the hub deleted: `git remote prune {hub}`"),
            false => "ask the hub again: `gsync status --fetch`".to_owned(),
        });
    }
    let dirty = !status.changes.is_empty();
    let push = format!("git push -u {hub} {branch}");
    let hint = match status.relation {
        Relation::Behind | Relation::Diverged if status.forecast.result == Weather::Conflict => {
            "settle the paths above with those who pushed, then pull: `gsync pull`".to_owned()
        }
        Relation::Behind | Relation::Diverged => "pull before you work: `gsync pull`".to_owned(),
        Relation::Ahead if dirty => "commit, then push: `gsync finish`".to_owned(),
        Relation::Ahead => "push it: `gsync finish`".to_owned(),
        Relation::Synced if dirty => "commit, then push: `gsync finish`".to_owned(),
        Relation::Synced => String::new(),
        Relation::Rewound => {
            format!(
                "look at what was dropped, then keep it with `git rebase {upstream}` or let it go"
            )
        }
        Relation::Gone if status.hub_is_empty && dirty => {
            "commit, then push: `gsync finish`".to_owned()
        }
        Relation::Gone if status.hub_is_empty => "push it: `gsync finish`".to_owned(),
        Relation::Gone => format!("push it again: `{push}`, or leave it: `git switch -`"),
        Relation::None if status.notes.iter().any(|note| note.contains("no remote")) => {
            format!("name the hub: `git remote add {} URL`", shell_quote(&plain(&status.hub)))
        }
        Relation::None => format!("let it follow the hub: `{push}`"),
        Relation::Detached => {
            "go back to a branch: `git switch -`, or make one here: `git switch -c NAME`".to_owned()
        }
        Relation::Unborn if status.behind > 0 => "take what is there: `gsync pull`".to_owned(),
        Relation::Unborn => "make the first commit: `git commit`".to_owned(),
        Relation::Unknown if status.notes.iter().any(|note| note.contains("shallow")) => {
            "bring the history here: `git fetch --unshallow`".to_owned()
        }
        Relation::Unknown => "look at the mapping: `git branch -vv`".to_owned(),
    };
    hints.extend(Some(hint).filter(|hint| !hint.is_empty()));
    hints.truncate(2);
    hints
}
