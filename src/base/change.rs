//! What git says about paths and about work that was begun and not finished, as plain data.

use std::fmt;

use serde::Serialize;

use super::{CommitId, RepoPath};

/// What happened to a path, on one side of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Added,
    Modified,
    Deleted,
    Renamed,
    Copied,
    Typechange,
    Untracked,
    Conflicted,
}

impl Kind {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Modified => "modified",
            Self::Deleted => "deleted",
            Self::Renamed => "renamed",
            Self::Copied => "copied",
            Self::Typechange => "typechange",
            Self::Untracked => "untracked",
            Self::Conflicted => "conflicted",
        }
    }
}

/// A path with work that is not committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    pub path: RepoPath,
    /// Where it was before a rename or a copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<RepoPath>,
    /// What is staged.
    pub index: Option<Kind>,
    /// What is in the work tree and not staged.
    pub worktree: Option<Kind>,
    /// The path is a submodule.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub submodule: bool,
    /// The object that the index has for it.
    #[serde(skip)]
    pub staged: Option<CommitId>,
}

/// What was begun here and not finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    Merge,
    Rebase,
    CherryPick,
    Revert,
    Am,
    Bisect,
    /// Unmerged paths without a merge: after `merge --squash`, `stash pop` or `checkout -m`.
    Conflicts,
}

impl Operation {
    /// As git names it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Rebase => "rebase",
            Self::CherryPick => "cherry-pick",
            Self::Revert => "revert",
            Self::Am => "am",
            Self::Bisect => "bisect",
            Self::Conflicts => "conflicts",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
