//! This side, the other side, and the other branches.

use std::collections::HashSet;

use anyhow::Result;

use super::{Facts, TOLD, refs};
use crate::base::{Branch, Commit, CommitId};
use crate::git::{Forecast, Git, Head, Side};

/// Other branches with commits that no remote has. Without any remote that is all of them,
/// and says nothing.
pub(super) fn unpushed(
    git: &Git,
    repo: Option<&gix::Repository>,
    head: &Head,
    on_hub: &[CommitId],
    has_hub: bool,
) -> Result<Vec<(Branch, usize)>> {
    if on_hub.is_empty() && !has_hub {
        return Ok(Vec::new());
    }
    let pushed: HashSet<&CommitId> = on_hub.iter().collect();
    let mut found = Vec::new();
    for (name, id) in refs(git, repo, "refs/heads/")? {
        let Some(branch) = name.branch() else { continue };
        if head.branch.as_ref() == Some(&branch) || pushed.contains(&id) {
            continue;
        }
        // A branch whose commits are not here is git's to complain about.
        let Ok(side) = git.only_in(repo, &[id], on_hub, 0) else { continue };
        if side.count > 0 {
            found.push((branch, side.count));
        }
    }
    Ok(found)
}

/// What is on this side, on the other side, and what became of what both once had.
pub(super) fn compare(
    git: &Git,
    repo: Option<&gix::Repository>,
    on_hub: &[CommitId],
    has_hub: bool,
    facts: &mut Facts,
) {
    let theirs = facts.upstream.as_ref().and_then(|upstream| upstream.id.clone());
    let theirs = theirs.filter(|_| !facts.missing);
    let only = |tip: &CommitId, hidden: &[CommitId]| {
        git.only_in(repo, std::slice::from_ref(tip), hidden, TOLD).ok()
    };
    match (facts.head.id.clone(), theirs) {
        (Some(ours), Some(theirs)) if ours == theirs => {
            facts.outgoing = Some(Side::default());
            facts.incoming = Some(Side::default());
            facts.forecast = Some(Forecast::default());
        }
        (Some(ours), Some(theirs)) => {
            facts.outgoing = only(&ours, std::slice::from_ref(&theirs));
            facts.incoming = only(&theirs, std::slice::from_ref(&ours));
            let forked = |side: &Option<Side>| side.as_ref().is_some_and(|side| side.count > 0);
            let (ahead, behind) = (forked(&facts.outgoing), forked(&facts.incoming));
            if ahead {
                facts.lost = lost(git, repo, facts, &theirs);
            }
            facts.forecast = match behind {
                true => git.forecast(&ours, &theirs, !ahead).ok().flatten(),
                false => Some(Forecast::default()),
            };
            // What could be merged has a common beginning, and need not be asked for it.
            if ahead && behind && (facts.forecast.is_none() || facts.shallow) {
                facts.related = git.are_related(&ours, &theirs).unwrap_or(false);
            }
        }
        (Some(ours), None) => {
            let nowhere = on_hub.is_empty() && !has_hub;
            facts.outgoing = if nowhere { None } else { only(&ours, on_hub) };
        }
        (None, Some(theirs)) => facts.incoming = only(&theirs, &[]),
        (None, None) => {}
    }
}

/// Our commits that the upstream once contained, as its log here remembers.
fn lost(
    git: &Git,
    repo: Option<&gix::Repository>,
    facts: &Facts,
    theirs: &CommitId,
) -> Vec<Commit> {
    let tracking = facts.upstream.as_ref().and_then(|upstream| upstream.tracking.as_ref());
    let former = tracking.and_then(|name| git.former(name).ok()).unwrap_or_default().0;
    let here = |id: &CommitId| match repo {
        Some(repo) => {
            gix::ObjectId::from_hex(id.as_str().as_bytes()).is_ok_and(|id| repo.has_object(id))
        }
        None => git.resolve_commit(id.as_str()).ok().flatten().is_some(),
    };
    let former: Vec<CommitId> =
        former.into_iter().filter(|id| id != theirs).take(200).filter(here).collect();
    let (Some(outgoing), false) = (&facts.outgoing, former.is_empty()) else { return Vec::new() };
    let Ok(once) = git.only_in(repo, &former, std::slice::from_ref(theirs), TOLD) else {
        return Vec::new();
    };
    let mut once: HashSet<&CommitId> = once.newest.iter().map(|commit| &commit.id).collect();
    // What this clone itself took back, nobody else rewrote.
    let ours = tracking
        .filter(|_| outgoing.newest.iter().any(|commit| once.contains(&commit.id)))
        .and_then(|name| git.taken_back(name).ok())
        .unwrap_or_default();
    once.retain(|id| !ours.contains(id));
    outgoing.newest.iter().filter(|commit| once.contains(&commit.id)).cloned().collect()
}
