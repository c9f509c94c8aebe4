//! What stands where a move of the work tree would write: the questions before the deed.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;

use super::Git;
use super::raw::{Change, Entry};
use super::snapshot::Standing;
use crate::base::{CommitId, RepoPath};

impl Git {
    /// What is in the way of files that `tree` does not have: anything that is there without
    /// `tree` knowing it, unless it is the same file already.
    pub fn obstacles_to(
        &self,
        tree: &CommitId,
        added: &[(RepoPath, Entry)],
    ) -> Result<Vec<RepoPath>> {
        let top = self.dir();
        let mut met = BTreeSet::new();
        let mut same = Vec::new();
        for (path, entry) in added {
            if let Some(above) = obstacle_above(top, path) {
                met.insert(above);
                continue;
            }
            let Ok(meta) = top.join(path.to_path()).symlink_metadata() else { continue };
            if meta.is_dir() {
                met.extend(files_below(top, path));
            } else {
                met.insert(path.clone());
                if !entry.is_submodule() {
                    same.push((path, entry));
                }
            }
        }
        if met.is_empty() {
            return Ok(Vec::new());
        }
        // What the tree has at these paths is known, and goes or moves as part of the plan.
        let all: Vec<RepoPath> = met.iter().cloned().collect();
        for path in self.entries(tree, &all)?.into_keys() {
            met.remove(&path);
        }
        for (path, entry) in same {
            if met.contains(path) && self.is_same_file(path, entry)? {
                met.remove(path);
            }
        }
        Ok(met.into_iter().collect())
    }

    /// Edits that git was told not to look at (`update-index --skip-worktree`,
    /// `--assume-unchanged`), in files that would change: no snapshot has them.
    pub fn hidden_edits(&self, changes: &[Change]) -> Result<Vec<RepoPath>> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let out = self.must_bytes(&["ls-files", "-v", "-z"])?;
        let hidden: BTreeSet<&[u8]> = out
            .split(|byte| *byte == 0)
            .filter(|line| line.first().is_some_and(|tag| tag.is_ascii_lowercase() || *tag == b'S'))
            .filter_map(|line| line.get(2..))
            .collect();
        let mut found = Vec::new();
        for change in changes.iter().filter(|change| hidden.contains(change.path.as_bytes())) {
            // In a sparse checkout the file is not there, and nothing of anybody's can be lost.
            if self.dir().join(change.path.to_path()).symlink_metadata().is_err() {
                continue;
            }
            let mut known = change.from.iter().chain(&change.to);
            if !known.try_fold(false, |same, entry| -> Result<bool> {
                Ok(same || self.is_same_file(&change.path, entry)?)
            })? {
                found.push(change.path.clone());
            }
        }
        Ok(found)
    }

    /// Directories without any file in which a move from one tree to another puts files.
    pub fn hollow(&self, from: &CommitId, to: &CommitId) -> Result<Vec<RepoPath>> {
        let top = self.dir();
        let mut above = BTreeSet::new();
        for change in self.compare_trees(from, to)?.iter().filter(|c| c.from.is_none()) {
            let bytes = change.path.as_bytes();
            let slashes = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'/');
            above.extend(slashes.map(|(at, _)| RepoPath::new(&bytes[..at])));
        }
        let is_hollow = |dir: &RepoPath| {
            let meta = top.join(dir.to_path()).symlink_metadata();
            meta.is_ok_and(|meta| meta.is_dir()) && files_below(top, dir).is_empty()
        };
        Ok(above.into_iter().filter(is_hollow).collect())
    }

    /// Untracked files (announced ones too) that a commit has otherwise, or would bury.
    pub fn untracked_clash(&self, standing: &Standing, commit: &CommitId) -> Result<Vec<RepoPath>> {
        let mine: Vec<RepoPath> =
            standing.untracked.iter().chain(&standing.intent).cloned().collect();
        let theirs = self.entries(&self.tree_of(commit)?, &mine)?;
        let ours = self.entries(&standing.place.work, &mine)?;
        let clash = |path: &RepoPath| match (theirs.get(path), ours.get(path)) {
            (Some(theirs), Some(ours)) => theirs.id != ours.id,
            _ => false,
        };
        Ok(mine.into_iter().filter(clash).collect())
    }

    /// Whether the file at a path is what an entry says, after git's own filters.
    fn is_same_file(&self, path: &RepoPath, entry: &Entry) -> Result<bool> {
        use std::os::unix::ffi::OsStrExt;
        let file = self.dir().join(path.to_path());
        let id = if let Ok(to) = file.read_link() {
            self.feed_id(None, &["hash-object", "--stdin"], to.as_os_str().as_bytes())?
        } else if entry.mode == 0o120_000 || path.as_bytes().contains(&b'\n') {
            return Ok(false);
        } else {
            let args = ["-c", "core.safecrlf=false", "hash-object", "--stdin-paths"];
            self.feed_id(None, &args, &[path.as_bytes(), b"\n"].concat())?
        };
        Ok(id == entry.id)
    }
}

/// The first part of the way to a path that is there and no directory.
fn obstacle_above(top: &Path, path: &RepoPath) -> Option<RepoPath> {
    let bytes = path.as_bytes();
    let slashes = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    for (at, _) in slashes {
        let above = RepoPath::new(&bytes[..at]);
        match top.join(above.to_path()).symlink_metadata() {
            Ok(meta) if !meta.is_dir() => return Some(above),
            Ok(_) => {}
            Err(_) => return None,
        }
    }
    None
}

/// Everything below a directory that is no directory itself.
fn files_below(top: &Path, dir: &RepoPath) -> Vec<RepoPath> {
    use std::os::unix::ffi::OsStrExt;
    let entries = walkdir::WalkDir::new(top.join(dir.to_path())).into_iter();
    entries
        .filter_map(Result::ok)
        .filter(|entry| !entry.file_type().is_dir())
        .filter_map(|entry| {
            let path = entry.path().strip_prefix(top).ok()?;
            Some(RepoPath::new(path.as_os_str().as_bytes()))
        })
        .collect()
}
