//! Where clones share contents: their work is fetched, and merged with ours in memory.

use std::time::Duration;

use anyhow::Result;

use super::{Hub, known_as, told};
use crate::base::{CommitId, Meeting};
use crate::git::{Bench, Git, Merged};
use crate::peers::memory::Memory;
use crate::peers::view::View;

/// With more than these our work is not merged: each takes some milliseconds.
const MOST: usize = 16;

/// Fetches the work that is shared and was not fetched before. What cannot be had is tried
/// again the next time.
pub(super) fn fetch(
    git: &Git,
    hub: &Hub,
    before: Option<&Memory>,
    memory: &mut Memory,
    limit: Duration,
) -> Result<()> {
    if memory.contents.is_empty() {
        return Ok(());
    }
    let own = told(git).last.map(|last| last.entry.id);
    if git.others_are_stale() {
        git.drop_others();
    } else {
        for content in &mut memory.contents {
            let old = before.and_then(|before| before.content(&content.id));
            content.here = old.is_some_and(|old| old.here && old.commit == content.commit);
        }
    }
    let wanted = |content: &&mut crate::peers::memory::Content| {
        !content.here && own.as_ref() != Some(&content.id)
    };
    let new: Vec<_> = memory.contents.iter_mut().filter(wanted).take(MOST).collect();
    let ids: Vec<CommitId> = new.iter().map(|content| content.commit.clone()).collect();
    let here = !limit.is_zero() && git.fetch_others(&hub.remote, &ids, limit)?;
    for content in new {
        content.here = here;
    }
    Ok(())
}

/// Adds to each peer what merging its work with ours would meet, as far as it is shared.
pub fn meet(
    git: &Git,
    memory: &Memory,
    view: &mut View,
    head: Option<&CommitId>,
    upstream: Option<&CommitId>,
    clean: bool,
) -> Result<()> {
    let own = known_as(git);
    let shares = |id: &crate::base::PeerId| {
        memory.content(id).filter(|content| content.here && content.id != own)
    };
    let Some(head) = head else { return Ok(()) };
    if !view.peers.iter().any(|peer| !peer.gone && shares(&peer.id).is_some()) {
        return Ok(());
    }
    let bench = git.bench()?;
    let mine = bench.work(head, clean)?;
    for peer in view.peers.iter_mut().filter(|peer| !peer.gone).take(MOST) {
        let Some(theirs) = shares(&peer.id).map(|content| &content.commit) else { continue };
        peer.with_mine = Some(meeting(bench.merge(&mine, theirs)?));
        if let Some(upstream) = upstream {
            peer.with_upstream = Some(once_in(&bench, &mine, upstream, theirs)?);
        }
    }
    Ok(())
}

/// Our work against the upstream with theirs merged: what we would meet if they are first.
fn once_in(
    bench: &Bench<'_>,
    mine: &CommitId,
    upstream: &CommitId,
    theirs: &CommitId,
) -> Result<Meeting> {
    let first = bench.merged(upstream, theirs)?;
    Ok(meeting(match first {
        Some(first) => bench.merge(mine, &first)?,
        None => None,
    }))
}

fn meeting(merged: Option<Merged>) -> Meeting {
    match merged {
        Some(Merged::Clean(_)) => Meeting { result: "clean", paths: Vec::new() },
        Some(Merged::Conflict(paths)) => Meeting { result: "conflict", paths },
        None => Meeting { result: "unknown", paths: Vec::new() },
    }
}
