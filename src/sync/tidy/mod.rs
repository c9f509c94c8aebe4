//! `gsync tidy`: what has piled up in a clone and on the hub, and what of it can safely go.

pub mod facts;
pub mod plan;

use std::path::PathBuf;

use serde::Serialize;

use crate::base::{CommitId, PeerSeen, RefName, RunId, Time};

/// All that has piled up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drift {
    pub hub: String,
    /// The branch that everything is compared with, as last seen: `refs/remotes/origin/main`.
    pub default: RefName,
    /// Nothing: it was never seen here, so nothing counts as merged.
    pub default_tip: Option<CommitId>,
    /// When the hub was last asked, as far as that is known.
    pub fetched_at: Option<Time>,
    pub branches: Vec<LocalBranch>,
    pub hub_branches: Vec<HubBranch>,
    pub stashes: Vec<Stash>,
    /// Ways back that are older than `[undo] keep`.
    pub expired: Vec<Snapshot>,
    /// How many ways back there are altogether.
    pub snapshots: usize,
    /// Runs in the journal that are older than that.
    pub old_runs: Vec<RunId>,
    /// Clones that were not heard of for a week, as far as is remembered.
    pub peers: Vec<PeerSeen>,
    /// `[undo] keep` in seconds.
    pub keep: u64,
    pub now: Time,
}

/// What is known of a branch's being merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Merged {
    /// All its commits are contained in the default branch.
    Yes,
    /// It stands exactly where the default branch stands: merged, or only just begun.
    Even,
    /// Not its commits, but what they change: squashed or rebased. A person decides.
    Probably,
    No,
}

/// What became of the branch that a local one follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Upstream {
    None,
    There,
    Gone,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LocalBranch {
    pub name: RefName,
    pub tip: CommitId,
    pub time: Time,
    pub merged: Merged,
    pub upstream: Upstream,
    /// Commits that no remote is known to have.
    pub unpushed: usize,
    /// Where it is checked out, or in the middle of a rebase or bisect.
    pub worktree: Option<PathBuf>,
    pub protected: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HubBranch {
    /// Its name over there.
    pub name: RefName,
    pub tip: CommitId,
    pub time: Time,
    pub author: String,
    pub merged: Merged,
    pub protected: bool,
    /// A work tree here stands on the branch of that name.
    pub in_use: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stash {
    pub name: String,
    pub time: Time,
    pub summary: String,
}

/// A way back that gsync keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    pub name: RefName,
    pub commit: CommitId,
    pub made_at: Time,
}

/// A run as the journal has it, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSeen {
    pub id: RunId,
    pub at: Time,
    /// Refs that it made.
    pub made: Vec<RefName>,
}

/// What the hub said when it was asked just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Tips(Vec<(RefName, CommitId)>),
    Unreachable(String),
}

impl LocalBranch {
    /// Whether it can go: nothing is lost with it, and nobody stands on it.
    pub fn can_go(&self) -> bool {
        self.merged == Merged::Yes && !self.protected && self.worktree.is_none()
    }
}

impl HubBranch {
    /// Whether it can go from the hub.
    pub fn can_go(&self) -> bool {
        self.merged == Merged::Yes && !self.protected && !self.in_use
    }
}

impl Drift {
    /// Whether there is anything to say.
    pub fn is_empty(&self) -> bool {
        self.branches.iter().all(|branch| {
            branch.merged == Merged::No && branch.upstream != Upstream::Gone && branch.unpushed == 0
        }) && self.hub_branches.iter().all(|branch| branch.merged == Merged::No)
            && self.stashes.is_empty()
            && self.expired.is_empty()
            && self.peers.is_empty()
    }
}
