//! The others as they are shown: who was heard of, when, and where their files meet ours.

use std::collections::BTreeSet;

use super::entry::Entry;
use super::memory::{Known, Memory};
use crate::base::{PeerId, PeerSeen, RepoPath, Time};

/// What is changed here.
#[derive(Debug, Clone, Default)]
pub struct Mine {
    /// Under which name this work tree is known to the others.
    pub id: Option<PeerId>,
    /// Paths with uncommitted work, and those of commits that the hub has not.
    pub paths: Vec<RepoPath>,
}

/// The others, those at work first, and how many entries make no sense.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    pub peers: Vec<PeerSeen>,
    pub unreadable: usize,
    /// When the hub was last asked.
    pub at: Time,
}

/// Looks at what is remembered.
pub fn view(memory: &Memory, mine: &Mine, now: Time, ttl: i64) -> View {
    let others = memory.peers.iter().filter(|known| mine.id.as_ref() != Some(&known.id));
    let mut view = View { at: memory.at, unreadable: memory.odd, peers: Vec::new() };
    let paths = Paths::new(&mine.paths);
    for known in others {
        match &known.entry {
            Some(entry) => view.peers.push(seen(known, entry, &paths, now, ttl)),
            None => view.unreadable += 1,
        }
    }
    view.peers.sort_by(|a, b| {
        let key = |peer: &PeerSeen| (peer.gone, std::cmp::Reverse(peer.seen_at));
        key(a).cmp(&key(b)).then_with(|| a.id.cmp(&b.id))
    });
    view
}

/// Whether anybody else changes anything: without that there is nothing to compare with.
pub fn anybody(memory: &Memory, own: &PeerId, now: Time, ttl: i64) -> bool {
    memory.peers.iter().filter(|known| known.id != *own).any(|known| {
        known.entry.as_ref().is_some_and(|entry| {
            (!entry.dirty.is_empty() || !entry.unpushed.is_empty())
                && !is_gone(seen_at(known, entry, now), now, ttl)
        })
    })
}

/// It says when it was written, but its clock may be wrong: it was here when we met it.
fn seen_at(known: &Known, entry: &Entry, now: Time) -> Time {
    entry.time.min(known.met).min(now)
}

fn is_gone(seen_at: Time, now: Time, ttl: i64) -> bool {
    now.0.saturating_sub(seen_at.0) > ttl
}

fn seen(known: &Known, entry: &Entry, mine: &Paths<'_>, now: Time, ttl: i64) -> PeerSeen {
    let seen_at = seen_at(known, entry, now);
    let gone = is_gone(seen_at, now, ttl);
    let ahead = entry.time.0.saturating_sub(known.met.0);
    let overlaps: BTreeSet<RepoPath> = match gone {
        true => BTreeSet::new(),
        false => {
            entry.dirty.iter().chain(&entry.unpushed).flat_map(|path| mine.meet(path)).collect()
        }
    };
    PeerSeen {
        id: known.id.clone(),
        role: entry.role.clone(),
        host: entry.host.clone(),
        branch: entry.branch.clone(),
        head: entry.head.clone(),
        upstream: entry.upstream.clone(),
        ahead: entry.ahead as usize,
        behind: entry.behind as usize,
        dirty: entry.dirty.clone(),
        unpushed: entry.unpushed.clone(),
        outgoing: entry.outgoing.clone(),
        more: entry.more as usize,
        state: entry.state,
        seen_at,
        clock_ahead: if ahead > 60 { ahead } else { 0 },
        gone,
        overlaps: overlaps.into_iter().collect(),
        with_mine: None,
        with_upstream: None,
    }
}

/// Paths that can be asked for others. An untracked directory is one path, with a slash at its
/// end, and stands for all in it.
pub struct Paths<'a> {
    all: BTreeSet<&'a RepoPath>,
    dirs: Vec<&'a RepoPath>,
}

impl<'a> Paths<'a> {
    pub fn new(paths: &'a [RepoPath]) -> Self {
        let dirs = paths.iter().filter(|path| path.as_bytes().ends_with(b"/")).collect();
        Self { all: paths.iter().collect(), dirs }
    }

    /// What of ours is at that path; more than one where it is a directory.
    pub fn meet(&self, path: &RepoPath) -> Vec<RepoPath> {
        if self.all.contains(path)
            || self.dirs.iter().any(|dir| path.as_bytes().starts_with(dir.as_bytes()))
        {
            return vec![path.clone()];
        }
        if !path.as_bytes().ends_with(b"/") {
            return Vec::new();
        }
        let inside = self
            .all
            .range::<RepoPath, _>(path..)
            .take_while(|own| own.as_bytes().starts_with(path.as_bytes()));
        inside.map(|own| (*own).clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::tests::entry;
    use super::*;
    use crate::base::CommitId;

    const WEEK: i64 = 7 * 86400;

    fn known(entry: Entry, met: i64) -> Known {
        let commit = CommitId::new("c".repeat(40));
        Known { id: entry.id.clone(), commit, met: Time(met), entry: Some(entry) }
    }

    fn one(entry: Entry, met: i64, now: i64) -> PeerSeen {
        let memory = Memory { peers: vec![known(entry, met)], ..Memory::default() };
        let mine = Mine { id: None, paths: vec!["a".into(), "b".into(), "c".into()] };
        view(&memory, &mine, Time(now), WEEK).peers.remove(0)
    }

    #[test]
    fn overlaps_are_paths_that_both_change_committed_or_not() {
        let entry = entry("qc@laptop");
        let at = entry.time.0;
        let peer = one(entry, at, at + 5);
        assert_eq!(peer.overlaps, [RepoPath::from("a"), RepoPath::from("b")]);
        assert_eq!((peer.seen_at, peer.gone), (Time(at), false));
    }

    #[test]
    fn a_directory_stands_for_all_in_it() {
        let mine = ["x/1".into(), "x/2".into(), "y/".into(), "z".into()];
        let paths = Paths::new(&mine);
        assert_eq!(paths.meet(&"x/".into()).len(), 2);
        assert_eq!(paths.meet(&"y/deep/1".into()), [RepoPath::from("y/deep/1")]);
        assert_eq!(paths.meet(&"y/".into()), [RepoPath::from("y/")]);
        for other in ["x", "x/3", "yy", "zz", "z/"] {
            assert_eq!(paths.meet(&other.into()), [], "{other}");
        }
    }

    #[test]
    fn whoever_was_not_heard_of_for_longer_than_the_ttl_is_gone_and_overlaps_nothing() {
        let entry = entry("qc@laptop");
        let at = entry.time.0;
        let peer = one(entry, at, at + WEEK + 1);
        assert!(peer.gone && peer.overlaps.is_empty());
    }

    #[test]
    fn there_is_somebody_to_compare_with_only_where_somebody_else_who_is_not_gone_changes_something()
     {
        let (own, other) = (entry("qc@laptop"), entry("builder@server"));
        let at = other.time.0;
        let idle = Entry { dirty: Vec::new(), unpushed: Vec::new(), ..other.clone() };
        let is = |entry: &Entry, now: i64| {
            let memory = Memory { peers: vec![known(entry.clone(), at)], ..Memory::default() };
            anybody(&memory, &own.id, Time(now), WEEK)
        };
        assert!(is(&other, at));
        assert!(!is(&own, at) && !is(&idle, at) && !is(&other, at + WEEK + 1));
    }

    #[test]
    fn an_entry_from_the_future_was_seen_when_it_was_met_and_goes_like_any_other() {
        let mut ahead = entry("qc@laptop");
        let met = ahead.time.0;
        for skew in [86_400, i64::from(u32::MAX)] {
            ahead.time = Time(met + skew);
            let peer = one(ahead.clone(), met, met + 10);
            assert_eq!((peer.seen_at, peer.clock_ahead, peer.gone), (Time(met), skew, false));
            assert!(one(ahead.clone(), met, met + WEEK + 1).gone);
        }
        // A clock that was put back here makes nobody be from the future.
        assert_eq!(one(entry("qc@laptop"), met, met - 500).seen_at, Time(met - 500));
    }

    #[test]
    fn oneself_is_no_other_and_nonsense_is_counted() {
        let (own, other) = (entry("qc@laptop"), entry("builder@server"));
        let mut broken = known(entry("x@y"), 0);
        broken.entry = None;
        let peers = vec![known(own.clone(), 0), known(other.clone(), 0), broken];
        let memory = Memory { peers, odd: 2, ..Memory::default() };
        let mine = Mine { id: Some(own.id), paths: Vec::new() };
        let view = view(&memory, &mine, Time(0), WEEK);
        assert_eq!((view.peers.len(), &view.peers[0].id, view.unreadable), (1, &other.id, 3));
    }
}
