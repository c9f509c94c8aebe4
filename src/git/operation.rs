//! Whether git is in the middle of something that a person has to finish first.

use anyhow::Result;

use super::Git;
use crate::base::RepoPath;

impl Git {
    /// The operation that is in progress in this work tree, by git's name for it.
    pub fn operation(&self) -> Option<&'static str> {
        let there = |name: &str| self.git_dir.join(name).exists();
        match () {
            () if there("rebase-apply/applying") => Some("am"),
            () if there("rebase-merge") || there("rebase-apply") => Some("rebase"),
            () if there("MERGE_HEAD") => Some("merge"),
            () if there("CHERRY_PICK_HEAD") => Some("cherry-pick"),
            () if there("REVERT_HEAD") => Some("revert"),
            () if there("sequencer") => Some("cherry-pick"),
            () if there("BISECT_LOG") => Some("bisect"),
            () => None,
        }
    }

    /// Paths with conflicts that are not resolved.
    pub fn unmerged(&self) -> Result<Vec<RepoPath>> {
        let out = self.must_bytes(&["ls-files", "--unmerged", "-z"])?;
        let mut paths: Vec<RepoPath> = out
            .split(|byte| *byte == 0)
            .filter_map(|line| line.splitn(2, |byte| *byte == b'\t').nth(1))
            .map(RepoPath::new)
            .collect();
        paths.dedup();
        Ok(paths)
    }
}
