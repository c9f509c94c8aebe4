//! What a clone remembers of the others, and of what it told them.

use serde::{Deserialize, Serialize};

use super::entry::Entry;
use crate::base::{CommitId, PeerId, Presence, Time};

/// The entries on the hub, as they were when it was last asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    pub remote: String,
    pub at: Time,
    pub peers: Vec<Known>,
    /// Refs whose names gsync would not write.
    #[serde(default)]
    pub odd: usize,
    /// Uncommitted work that is shared.
    #[serde(default)]
    pub contents: Vec<Content>,
}

/// The work of a clone that shares contents, as a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub id: PeerId,
    pub commit: CommitId,
    /// It was fetched.
    pub here: bool,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    pub id: PeerId,
    /// The commit that holds it: what is known by this id is not fetched again.
    pub commit: CommitId,
    /// When it was first met here: it cannot be younger than that, whatever it says.
    pub met: Time,
    /// Nothing: it makes no sense.
    pub entry: Option<Entry>,
}

/// What a work tree told the others about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    #[serde(default)]
    pub state: Presence,
    /// A number that had to be added, because another clone has the same name.
    #[serde(default)]
    pub number: Option<usize>,
    #[serde(default)]
    pub last: Option<Published>,
}

/// The entry that was published last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    pub remote: String,
    pub commit: CommitId,
    pub entry: Entry,
}

/// A hub that takes no such refs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub remote: String,
    /// The address: another one may be of another mind.
    pub address: String,
    pub at: Time,
    pub why: String,
}

/// A hub that refused is asked again after a day: somebody may have changed its mind.
const SULKS: i64 = 86_400;

impl Refused {
    /// Whether it is not worth trying.
    pub fn holds(&self, remote: &str, address: &str, now: Time) -> bool {
        let age = now.0.saturating_sub(self.at.0);
        self.remote == remote && self.address == address && (0..SULKS).contains(&age)
    }
}

impl Memory {
    pub fn find(&self, id: &PeerId) -> Option<&Known> {
        self.peers.iter().find(|known| known.id == *id)
    }

    /// The shared work of a clone.
    pub fn content(&self, id: &PeerId) -> Option<&Content> {
        self.contents.iter().find(|content| content.id == *id)
    }
}
