//! Submodules: their pointers are files of ours, their checkouts are repositories of their own.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Git, discover};
use crate::base::{CommitId, RepoPath};

/// A submodule whose pointer changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submodule {
    pub path: RepoPath,
    pub dir: PathBuf,
    pub from: CommitId,
    pub to: CommitId,
    /// Its checkout can follow: it stands at the former pointer, on no branch, clean, and has
    /// the new commit already.
    pub follows: bool,
}

impl Git {
    /// The submodules that are checked out here and whose pointers two trees have differently.
    pub fn submodules_between(&self, from: &CommitId, to: &CommitId) -> Result<Vec<Submodule>> {
        let mut found = Vec::new();
        for change in self.compare_trees(from, to)? {
            let (Some(from), Some(to)) = (&change.from, &change.to) else { continue };
            if !from.is_submodule() || !to.is_submodule() {
                continue;
            }
            let dir = self.dir().join(change.path.to_path());
            let Some(sub) = checked_out(&dir) else { continue };
            let follows = sub.resolve_commit("HEAD")?.as_ref() == Some(&from.id)
                && sub.head_branch()?.is_none()
                && sub.operation().is_none()
                && sub.dirt(None)?.all.is_empty()
                && sub.resolve_commit(to.id.as_str())?.is_some();
            let (from, to) = (from.id.clone(), to.id.clone());
            found.push(Submodule { path: change.path, dir, from, to, follows });
        }
        Ok(found)
    }

    /// The submodules whose checkout is older than the pointer in the index: to commit them would
    /// take somebody's step back.
    pub fn stale_submodules(&self) -> Result<Vec<RepoPath>> {
        let args = ["diff-files", "--raw", "-z", "--no-abbrev", "--ignore-submodules=dirty"];
        let out = self.must_bytes(&args)?;
        let mut words = out.split(|byte| *byte == 0).filter(|word| !word.is_empty());
        let mut found = Vec::new();
        while let (Some(what), Some(path)) = (words.next(), words.next()) {
            let what = String::from_utf8_lossy(what).into_owned();
            let fields: Vec<&str> = what.trim_start_matches(':').split(' ').collect();
            let ["160000", "160000", pointer, ..] = fields[..] else { continue };
            let path = RepoPath::new(path);
            let Some(sub) = checked_out(&self.dir().join(path.to_path())) else { continue };
            let Some(head) = sub.resolve_commit("HEAD")? else { continue };
            let args = ["merge-base", "--is-ancestor", head.as_str(), pointer];
            // Without the newer commit it is older too, as far as can be seen.
            let unknown = sub.resolve_commit(pointer)?.is_none();
            if unknown || sub.ask(&args)?.is_some() {
                found.push(path);
            }
        }
        Ok(found)
    }
}

/// The repository of a submodule, if it has one of its own.
pub(super) fn checked_out(dir: &Path) -> Option<Git> {
    let own = dir.join(".git").symlink_metadata().is_ok();
    own.then(|| discover(dir).ok()).flatten()
}

/// Where the checkout of a submodule stands.
pub fn submodule_at(dir: &Path) -> Result<Option<CommitId>> {
    match checked_out(dir) {
        Some(sub) => sub.resolve_commit("HEAD"),
        None => Ok(None),
    }
}
