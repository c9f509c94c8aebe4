//! Another clone, as it told about itself on the hub.

use serde::{Deserialize, Serialize};

use super::{Branch, Commit, CommitId, PeerId, RepoPath, Time};

/// Whether somebody is at work there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    #[default]
    Working,
    Idle,
}

impl Presence {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Idle => "idle",
        }
    }
}

/// What two sides would meet if they were merged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Meeting {
    pub result: &'static str,
    pub paths: Vec<RepoPath>,
}

/// Another clone of the same hub, seen from this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PeerSeen {
    pub id: PeerId,
    pub role: String,
    pub host: String,
    pub branch: Option<Branch>,
    pub head: Option<CommitId>,
    pub upstream: Option<String>,
    pub ahead: usize,
    pub behind: usize,
    /// Paths with uncommitted work.
    pub dirty: Vec<RepoPath>,
    /// Paths that its unpushed commits change.
    pub unpushed: Vec<RepoPath>,
    /// The newest of its unpushed commits.
    pub outgoing: Vec<Commit>,
    /// Paths that it has beyond those that are listed.
    pub more: usize,
    pub state: Presence,
    pub seen_at: Time,
    /// By how many seconds its clock is ahead, if that is more than a minute.
    pub clock_ahead: i64,
    /// Not heard of for longer than `[peers] ttl`.
    pub gone: bool,
    /// Its paths that are changed here too.
    pub overlaps: Vec<RepoPath>,
    /// Where it shares contents: its work against ours.
    pub with_mine: Option<Meeting>,
    /// And our upstream with its work against ours.
    pub with_upstream: Option<Meeting>,
}
