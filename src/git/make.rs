//! Commits and tags of the person, made in memory: nothing points at them until a plan does.

use anyhow::{Context, Result};

use super::Git;
use super::raw::Entry;
use super::rehearse::committer;
use crate::base::{CommitId, RepoPath};

impl Git {
    /// A tree with these files in the place of those that it has there.
    pub fn tree_with(&self, tree: &CommitId, files: &[(RepoPath, Vec<u8>)]) -> Result<CommitId> {
        let scratch = tempfile::tempdir_in(self.scratch_dir()?).context("make a scratch folder")?;
        let index = scratch.path().join("index");
        self.feed(Some(&index), &["read-tree", tree.as_str()], b"")?;
        let paths: Vec<RepoPath> = files.iter().map(|(path, _)| path.clone()).collect();
        let there = self.entries(tree, &paths)?;
        let mut lines = Vec::new();
        for (path, bytes) in files {
            let id =
                self.feed_id(None, &["hash-object", "-w", "--no-filters", "--stdin"], bytes)?;
            let mode = match there.get(path) {
                Some(Entry { mode: 0o100_755, .. }) => "100755",
                _ => "100644",
            };
            lines.extend_from_slice(format!("{mode} {id}\t").as_bytes());
            lines.extend_from_slice(path.as_bytes());
            lines.push(0);
        }
        self.feed(Some(&index), &["update-index", "--add", "-z", "--index-info"], &lines)?;
        // Objects of a partial clone need not be here.
        self.feed_id(Some(&index), &["write-tree", "--missing-ok"], b"")
    }

    /// A commit by whoever works here, at that time: the same for the same facts, so that it can
    /// be shown, and made later.
    pub fn make_commit(
        &self,
        tree: &CommitId,
        parent: &CommitId,
        message: &str,
        time: i64,
    ) -> Result<CommitId> {
        let author = committer(&self.must(&["var", "GIT_AUTHOR_IDENT"])?, time)?;
        let who = committer(&self.must(&["var", "GIT_COMMITTER_IDENT"])?, time)?;
        let people = format!("author {author}\ncommitter {who}\n\n{message}\n");
        if self.signs()? {
            return self.signed(tree, &[parent], people.as_bytes());
        }
        self.write_commit(tree, &[parent], people.as_bytes())
    }

    /// An annotated tag by whoever works here.
    pub fn make_tag(
        &self,
        name: &str,
        commit: &CommitId,
        message: &str,
        time: i64,
    ) -> Result<CommitId> {
        let who = committer(&self.must(&["var", "GIT_COMMITTER_IDENT"])?, time)?;
        let raw = format!("object {commit}\ntype commit\ntag {name}\ntagger {who}\n\n{message}\n");
        self.feed_id(None, &["mktag"], raw.as_bytes())
    }

    /// When a commit was made, in seconds.
    pub fn time_of(&self, commit: &CommitId) -> Result<i64> {
        let time = self.must(&["show", "-s", "--format=%ct", commit.as_str(), "--"])?;
        time.parse().context("the time of a commit")
    }

    /// A file of a commit, if it is there and is one.
    pub fn file_in(&self, commit: &CommitId, path: &RepoPath) -> Result<Option<Vec<u8>>> {
        let tree = self.tree_of(commit)?;
        let Some(entry) = self.entries(&tree, std::slice::from_ref(path))?.remove(path) else {
            return Ok(None);
        };
        match entry.mode {
            0o120_000 | 0o160_000 | 0o040_000 => Ok(None),
            _ => match self.stored(&entry.id, gix::objs::Kind::Blob) {
                Some(bytes) => Ok(Some(bytes)),
                None => self.must_bytes(&["cat-file", "blob", entry.id.as_str()]).map(Some),
            },
        }
    }
}
