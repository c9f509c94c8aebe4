//! `gsync finish`: push after work. Commits if it is told to, brings the branch up to date, and
//! sends it. Sending is the last step: what failed before it is put back.

pub mod facts;

use crate::base::{
    Branch, CommitId, Edit, Problem, PushRef, RefName, RepoPath, count, plain, shell_quote,
};
use crate::plan::{Plan, Step};
use crate::sync::pull;
use crate::sync::pull::facts::{Rehearsal, Start, Upstream};
use crate::sync::pull::named;
use facts::Facts;

/// What follows a commit, as words of the plan that is shown: the id of a commit that is not
/// made yet is not known, so the push cannot be a step of it, and still it is approved with it.
pub fn follows(facts: &Facts, wish: Wish) -> String {
    let Some((remote, there)) = &facts.target else { return String::new() };
    let there = format!("{}/{}", plain(remote), plain(there.short()));
    let mut words = match (&facts.pull.upstream, facts.pull.incoming.len()) {
        (Upstream::At { commit, .. }, 0) => format!(", then push to {there} at {}", commit.short()),
        (Upstream::At { commit, .. }, n) => {
            let n = count(n, "commit");
            format!(", then take in {n} from {there} at {} and push", commit.short())
        }
        _ => format!(", then push to {there}"),
    };
    for other in facts.others.iter().filter(|other| wish.branches && other.to.is_some()) {
        words.push_str(&format!(", {} at {}", plain(other.branch.as_str()), other.tip.short()));
    }
    words
}

/// Where the hub stands.
pub fn hub_at(facts: &Facts) -> Option<CommitId> {
    match &facts.pull.upstream {
        Upstream::At { commit, .. } => Some(commit.clone()),
        Upstream::None | Upstream::Gone { .. } | Upstream::New { .. } => None,
    }
}

/// The plan that commits, with the hooks of the repository as judges.
pub fn commit(facts: &Facts, start: &Start, message: &str, all: bool) -> Result<Plan, Problem> {
    let branch = pull::safe(&facts.pull)?;
    let mut title = format!("commit on {branch}");
    if facts.dirty.is_empty() {
        return Ok(Plan::new(title).note("there is nothing to commit"));
    }
    if !facts.staged && !all {
        let problem = Problem::refuse("nothing-staged", "nothing is staged, so `-m` has no effect");
        return Err(named(problem, &facts.dirty)
            .hint("stage what belongs together: `git add PATH`")
            .hint("commit all of it: `gsync finish --all -m MESSAGE`"));
    }
    // Staged, and taken back in the file since; or taken out of the index, and still there.
    let place = &start.standing.place;
    let as_before = facts.tree.as_ref() == Some(&place.work);
    if all && as_before && facts.submodules.is_empty() {
        let problem = Problem::refuse("nothing-to-commit", "the files are as in the last commit");
        return Err(named(problem.because("only what is staged is not:"), &facts.dirty)
            .hint("commit what is staged: `gsync finish -m MESSAGE`")
            .hint("forget what is staged: `git reset`"));
    }
    if all && !facts.stale.is_empty() {
        return Err(back_to_older(&facts.stale).because("nothing was changed"));
    }
    // A snapshot does not have where submodules stand.
    let moved = facts.submodules.iter().filter(|_| all);
    for (path, at) in moved {
        let at = at.as_ref().map_or("nothing", CommitId::short);
        title.push_str(&format!(", {path} at {at}"));
    }
    let tree = match (all, facts.submodules.is_empty()) {
        (false, _) => Some(place.index.clone()),
        (true, true) => Some(place.work.clone()),
        (true, false) => None,
    };
    let snapshot = start.snapshot.clone();
    Ok(Plan::new(title)
        .then(Step::Keep { name: start.name.clone(), snapshot: snapshot.clone() })
        .then(Step::Commit {
            branch: branch.full(),
            on: place.commit.clone(),
            message: message.to_owned(),
            all,
            tree,
            snapshot,
        }))
}

/// From now on the branch follows that one.
fn follow(branch: &Branch, remote: &str, there: &RefName, facts: &Facts) -> Step {
    let key = |name: &str| format!("branch.{branch}.{name}");
    let edits = vec![Edit::set(key("remote"), remote), Edit::set(key("merge"), there.as_str())];
    Step::Config { file: facts.config_file.clone(), edits }
}

fn back_to_older(paths: &[RepoPath]) -> Problem {
    let problem = Problem::refuse("submodule", "a submodule would go back to an older commit");
    named(problem, paths).hint("run `git submodule update`, and commit the pointer again")
}

/// What a finish was asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wish {
    /// It committed already; what is left is left on purpose.
    pub committed: bool,
    /// Other branches are pushed too.
    pub branches: bool,
}

/// The plan that brings the branch up to date and pushes it, and the commit that the hub shall
/// have then, with its place there.
pub fn plan(facts: &Facts, wish: Wish) -> Result<(Plan, Option<Sent>), Problem> {
    let branch = pull::safe(&facts.pull)?;
    if !facts.dirty.is_empty() && !wish.committed {
        let problem = Problem::refuse("uncommitted", "there is uncommitted work");
        let problem =
            named(problem, &facts.dirty).hint("commit all of it: `gsync finish --all -m MESSAGE`");
        return Err(match facts.staged {
            true => problem.hint("commit what is staged: `gsync finish -m MESSAGE`"),
            false => problem.hint("stage what belongs together: `git add PATH`"),
        });
    }
    let mut plan = pull::plan(&facts.pull, "finish")?;
    if !facts.backwards.is_empty() {
        return Err(back_to_older(&facts.backwards));
    }
    let Some((remote, there)) = &facts.target else {
        return Err(Problem::refuse("no-hub", "there is no hub to push to")
            .hint("name one: `git remote add origin ADDRESS`"));
    };
    let tip = match &facts.pull.rehearsal {
        Some(Rehearsal::Clean { to, .. }) => to.commit.clone(),
        _ => facts.pull.head.clone(),
    };
    let known = hub_at(facts);
    let mut sent = None;
    if let Some(tip) = tip.filter(|tip| Some(tip) != known.as_ref()) {
        if matches!(facts.pull.upstream, Upstream::None | Upstream::New { .. }) {
            plan.notes.clear();
        } else if facts.pull.incoming.is_empty() && !facts.pull.outgoing.is_empty() {
            // Once it is pushed it is not ahead any more.
            plan.notes = vec![format!("pushes {}", count(facts.pull.outgoing.len(), "commit"))];
        }
        if facts.pull.upstream == Upstream::None {
            plan = plan.then(follow(branch, remote, there, facts));
        }
        let push = PushRef { from: Some(tip.clone()), to: there.clone(), lease: None };
        plan = plan.then(Step::Push { remote: remote.clone(), refs: vec![push] });
        sent = Some(Sent { remote: remote.clone(), branch: there.clone(), tip });
    }
    for other in &facts.others {
        let n = count(other.commits, "commit");
        let name = plain(other.branch.as_str());
        match &other.to {
            Some((remote, to)) if wish.branches => {
                if !other.follows {
                    plan = plan.then(follow(&other.branch, remote, to, facts));
                }
                let push = PushRef { from: Some(other.tip.clone()), to: to.clone(), lease: None };
                plan = plan.then(Step::Push { remote: remote.clone(), refs: vec![push] });
            }
            _ => {
                let quoted = shell_quote(other.branch.as_str());
                let how = format!("`git push -u {} {quoted}`", shell_quote(remote));
                plan = plan.note(format!("{name} has {n} that no remote has: {how}"));
            }
        }
    }
    Ok((plan, sent))
}

/// What was sent, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub remote: String,
    pub branch: RefName,
    pub tip: CommitId,
}
