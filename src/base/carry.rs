use std::fmt;

use serde::{Deserialize, Serialize};

use super::{CommitId, RefName, RepoPath};

/// Where a work tree stands: the branch's commit, and what index and files hold, as trees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Nothing: the branch is not born yet.
    pub commit: Option<CommitId>,
    pub index: CommitId,
    /// Tracked and untracked files, not the ignored ones; submodules as the index has them.
    pub work: CommitId,
}

/// A move of branch, index and work tree from one place to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carry {
    pub branch: RefName,
    pub from: Place,
    pub to: Place,
    /// Paths that were only announced to the index (`git add -N`) and shall be announced no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forget: Vec<RepoPath>,
    /// Directories without a file that are there, and would not be after a way there and back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hollow: Vec<RepoPath>,
    /// Such directories that shall be there afterwards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hollow_after: Vec<RepoPath>,
    /// The snapshot whose index is wanted byte for byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<CommitId>,
    /// What the reflog says about it.
    pub reflog: String,
    /// The snapshot of where it starts.
    pub snapshot: CommitId,
}

impl fmt::Display for Carry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |commit: &Option<CommitId>| match commit {
            Some(commit) => commit.short().to_owned(),
            None => "nothing".to_owned(),
        };
        let (branch, from, to) = (&self.branch, name(&self.from.commit), name(&self.to.commit));
        if from == to {
            write!(f, "put the files and the index of {} in place at {to}", branch.short())
        } else {
            write!(f, "move {} from {from} to {to}", branch.short())
        }
    }
}
