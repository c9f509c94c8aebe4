//! The quick look, for a prompt.

use anyhow::Result;

use super::Facts;
use crate::base::CommitId;
use crate::git::{Git, Seen, Side};
use crate::host::clock;

/// Looks at a clone without looking at its work tree or asking anybody: for a prompt. What
/// the last full look found is told if nothing that it depends on has moved since.
pub fn glance(git: &Git) -> Result<(Facts, Option<Seen>)> {
    let repo = git.library();
    let repo = repo.as_ref();
    let (head, upstream) = git.position(repo)?;
    let seen = git.seen().filter(|seen| seen.head == head.id && seen.index == git.index_written());
    let theirs = upstream.as_ref().and_then(|upstream| upstream.id.clone());
    let side = |tip: &CommitId, hidden: &CommitId| {
        if tip == hidden {
            return Some(Side::default());
        }
        git.only_in(repo, std::slice::from_ref(tip), std::slice::from_ref(hidden), 0).ok()
    };
    let both = head.id.as_ref().zip(theirs.as_ref());
    let remote = upstream.as_ref().map(|upstream| upstream.remote.clone()).unwrap_or_default();
    let tracking = upstream.as_ref().and_then(|upstream| upstream.tracking.clone());
    let known = git.known(&remote).map(|known| known.missing).unwrap_or_default();
    let missing = tracking.clone().zip(theirs.clone()).is_some_and(|one| known.contains(&one));
    let facts = Facts {
        now: clock::now(),
        outgoing: both.and_then(|(ours, theirs)| side(ours, theirs)),
        incoming: both.and_then(|(ours, theirs)| side(theirs, ours)),
        related: true,
        operation: git.operation(),
        fetched_at: git.learned(&remote, tracking.as_ref()),
        missing,
        remote,
        head,
        upstream,
        ..Facts::default()
    };
    Ok((facts, seen))
}
