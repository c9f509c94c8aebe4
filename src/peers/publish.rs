//! Whether there is anything to tell the others, and under which name.

use super::entry::Entry;
use super::memory::{Memory, Told};
use super::name;
use crate::base::{CommitId, PeerId, Time};

/// What says nothing new is told again after an hour, so that "last seen" means something.
const AGAIN: i64 = 3600;
/// Clones with one name on one machine.
const NAMESAKES: usize = 50;

/// What is known when it is decided.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// What is so here, under the name that this work tree would have by itself.
    pub entry: Entry,
    /// What the hub has.
    pub memory: &'a Memory,
    pub told: &'a Told,
    pub now: Time,
    /// `[peers] ttl` in seconds.
    pub ttl: i64,
}

/// What is to be put on the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    pub entry: Entry,
    /// Where its ref stands now.
    pub expect: Option<CommitId>,
    pub number: Option<usize>,
}

/// Decides. Nothing: the hub has it already.
pub fn decide(facts: &Facts<'_>) -> Option<Publication> {
    let (id, number) = free_name(facts);
    let mut entry = facts.entry.clone();
    entry.id = id;
    let there = facts.memory.find(&entry.id);
    if let Some(known) = there
        && let Some(old) = &known.entry
        && old.clone == entry.clone
        && old.says_the_same(&entry)
        && (0..AGAIN).contains(&facts.now.0.saturating_sub(old.time.0))
    {
        return None;
    }
    Some(Publication { expect: there.map(|known| known.commit.clone()), entry, number })
}

/// Two clones on one machine may have the same role: the second one gets a number. A name that
/// was given up long ago, or whose entry makes no sense, is free.
fn free_name(facts: &Facts<'_>) -> (PeerId, Option<usize>) {
    let (entry, number) = (&facts.entry, facts.told.number);
    name_of(&entry.id, &entry.clone, number, facts.memory, |there, met| {
        facts.now.0.saturating_sub(there.min(met).0) > facts.ttl
    })
}

/// The name of a clone among those that are remembered: its own, or that with a number if
/// another clone has it and did not give it up.
pub fn name_of(
    own: &PeerId,
    clone: &str,
    number: Option<usize>,
    memory: &Memory,
    given_up: impl Fn(Time, Time) -> bool,
) -> (PeerId, Option<usize>) {
    let free = |id: &PeerId| {
        memory.find(id).is_none_or(|known| match &known.entry {
            Some(there) => there.clone == clone || given_up(there.time, known.met),
            None => true,
        })
    };
    let base = own.as_str().split('#').next().unwrap_or_default().to_owned();
    let numbered = |n: usize| PeerId::new(format!("{base}#{n}"));
    // The name that it has, it keeps.
    if let Some(n) = number
        && free(&numbered(n))
    {
        return (numbered(n), Some(n));
    }
    if free(own) {
        return (own.clone(), None);
    }
    let found = (2..NAMESAKES).find(|n| free(&numbered(*n)));
    found.map_or((own.clone(), None), |n| (numbered(n), Some(n)))
}

/// The ref that it goes to.
pub fn place(publication: &Publication) -> crate::base::RefName {
    name::entry_ref(&publication.entry.id)
}

#[cfg(test)]
mod tests {
    use super::super::entry::tests::entry;
    use super::super::memory::Known;
    use super::*;
    use crate::base::Presence;

    fn known(entry: Entry, met: i64) -> Known {
        let commit = CommitId::new("c".repeat(40));
        Known { id: entry.id.clone(), commit, met: Time(met), entry: Some(entry) }
    }

    fn memory(peers: Vec<Known>) -> Memory {
        Memory { peers, ..Memory::default() }
    }

    fn facts<'a>(memory: &'a Memory, told: &'a Told) -> Facts<'a> {
        let entry = entry("qc@laptop");
        let now = Time(entry.time.0 + 60);
        Facts { entry, memory, told, now, ttl: 7 * 86400 }
    }

    #[test]
    fn what_the_hub_has_already_is_not_told_again_within_the_hour() {
        let (there, told) = (memory(vec![known(entry("qc@laptop"), 0)]), Told::default());
        assert_eq!(decide(&facts(&there, &told)), None);
        let later = Facts { now: Time(entry("x").time.0 + 3600), ..facts(&there, &told) };
        assert!(decide(&later).is_some());
        let mut idle = facts(&there, &told);
        idle.entry.state = Presence::Idle;
        assert_eq!(decide(&idle).unwrap().expect, Some(CommitId::new("c".repeat(40))));
    }

    #[test]
    fn what_vanished_from_the_hub_is_told_again() {
        let (nowhere, told) = (Memory::default(), Told::default());
        assert_eq!(decide(&facts(&nowhere, &told)).unwrap().expect, None);
    }

    #[test]
    fn an_entry_of_our_own_from_the_future_is_replaced() {
        let told = Told::default();
        let mut ahead = entry("qc@laptop");
        ahead.time = Time(ahead.time.0 + 86400);
        assert!(decide(&facts(&memory(vec![known(ahead, 0)]), &told)).is_some());
    }

    #[test]
    fn two_clones_of_one_name_do_not_take_it_from_each_other() {
        let told = Told::default();
        let mut other = entry("qc@laptop");
        other.clone = "other".into();
        let there = memory(vec![known(other.clone(), other.time.0)]);
        let second = decide(&facts(&there, &told)).unwrap();
        assert_eq!((second.entry.id.as_str(), second.number), ("qc@laptop#2", Some(2)));
        assert_eq!(second.expect, None);
        // It keeps the number when the other one is gone, as long as nobody else has it.
        let told = Told { number: Some(2), ..Told::default() };
        assert_eq!(decide(&facts(&Memory::default(), &told)).unwrap().number, Some(2));
        // A name that nobody was heard of for long under is free.
        let told = Told::default();
        let stale = memory(vec![known(other, 1)]);
        assert_eq!(decide(&facts(&stale, &told)).unwrap().entry.id.as_str(), "qc@laptop");
        // And one whose entry makes no sense.
        let mut broken = known(entry("qc@laptop"), 0);
        broken.entry = None;
        let there = memory(vec![broken]);
        let first = decide(&facts(&there, &told)).unwrap();
        assert_eq!((first.entry.id.as_str(), first.expect.is_some()), ("qc@laptop", true));
    }
}
