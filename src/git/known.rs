//! What gsync remembers about a clone between two commands: when the hub was last asked and
//! what it no longer had, and what the last look at a work tree found.
//!
//! This is knowledge and no deed: a file that is lost or stale costs freshness and nothing
//! else, so it is written here and not by a run, and not being able to write it is no error.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::Git;
use crate::base::{CommitId, RefName, Time, hidden, unhidden};
use crate::host::read;

/// The hub, as it was when it was last asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    pub remote: String,
    pub at: Time,
    /// Branches that are remembered here, with where they stood, and that it no longer had.
    #[serde(default)]
    pub missing: Vec<(RefName, CommitId)>,
    /// It had no branch at all.
    #[serde(default)]
    pub empty: bool,
}

/// A work tree, as it was when it was last looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub at: Time,
    pub head: Option<CommitId>,
    /// Where the upstream stood, and in which relation.
    pub upstream: Option<CommitId>,
    pub relation: String,
    /// When the index was last written, in nanoseconds.
    pub index: Option<i64>,
    /// Paths with uncommitted work.
    pub dirty: usize,
}

impl Git {
    /// What is known of a remote.
    pub fn known(&self, remote: &str) -> Option<Known> {
        recall::<Known>(&self.known_file()).filter(|known| known.remote == remote)
    }

    pub fn remember(&self, known: &Known) {
        store(&self.known_file(), known);
    }

    /// What the last look at this work tree found.
    pub fn seen(&self) -> Option<Seen> {
        recall(&self.seen_file())
    }

    pub fn remember_seen(&self, seen: &Seen) {
        if self.seen().as_ref() != Some(seen) {
            store(&self.seen_file(), seen);
        }
    }

    /// When the index of this work tree was last written, to the nanosecond: it may be
    /// written twice in a second.
    pub fn index_written(&self) -> Option<i64> {
        let meta = self.git_dir.join("index").metadata().ok()?;
        meta.mtime().checked_mul(1_000_000_000)?.checked_add(meta.mtime_nsec())
    }

    /// Something else that is known, by the name of its file.
    pub fn recall<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        recall(&self.gsync_dir().join(name))
    }

    pub fn note(&self, name: &str, what: &impl Serialize) {
        store(&self.gsync_dir().join(name), what);
    }

    /// Forgets it.
    pub fn strike(&self, name: &str) {
        let _ = std::fs::remove_file(self.gsync_dir().join(name));
    }

    /// The name of a file that each work tree has for itself.
    pub fn own_name(&self, stem: &str) -> String {
        match self.git_dir.file_name().filter(|_| self.is_linked_worktree()) {
            Some(worktree) => format!("{stem}-{}.json", worktree.to_string_lossy()),
            None => format!("{stem}.json"),
        }
    }

    fn known_file(&self) -> PathBuf {
        self.gsync_dir().join("hub.json")
    }

    fn seen_file(&self) -> PathBuf {
        let mut name = std::ffi::OsString::from("seen");
        if let Some(worktree) = self.git_dir.file_name().filter(|_| self.is_linked_worktree()) {
            name.push("-");
            name.push(worktree);
        }
        name.push(".json");
        self.gsync_dir().join(name)
    }
}

fn recall<T: DeserializeOwned>(path: &Path) -> Option<T> {
    unhidden(&read::file(path).ok()??.bytes.0)
}

/// Beside it and renamed: whoever reads at the same time sees the old or the new one.
fn store(path: &Path, what: &impl Serialize) {
    let Ok(text) = serde_json::to_string(what) else { return };
    let text = hidden(text, |_| {});
    let Some(dir) = path.parent() else { return };
    let beside = dir.join(format!(
        ".{}.{}",
        path.file_name().unwrap_or_default().display(),
        std::process::id()
    ));
    let written = std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::write(&beside, text))
        .and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
}
