//! What is in the index, without asking git where its cache of trees says it all: git has
//! brought that up to date when it calls pre-commit.

use std::path::PathBuf;

use anyhow::{Context, Result};
use gix::ObjectId;
use gix::objs::tree::EntryMode;

use super::{Git, Objects, What};
use crate::base::RepoPath;
use crate::host::env;

/// What would be committed.
pub enum Staged {
    /// The tree of it.
    Tree(ObjectId),
    /// The paths in which it differs from a tree.
    Paths(Vec<(RepoPath, What, ObjectId)>),
}

impl Git {
    /// The index that counts: in `commit -a` and `commit PATH` git gives the hook another one.
    pub(super) fn index_file(&self) -> PathBuf {
        env::raw("GIT_INDEX_FILE")
            .map_or_else(|| self.git_dir.join("index"), |file| self.dir().join(file))
    }

    /// What is staged on top of `head`, which is a tree (the empty one before the first commit).
    pub fn staged(&self, objects: &Objects, head: &ObjectId) -> Result<Staged> {
        if let Some(tree) = self.cached_tree(head.kind())
            && objects.has(&tree)
        {
            return Ok(Staged::Tree(tree));
        }
        let head = head.to_string();
        let args = ["diff-index", "--cached", "--raw", "-z", "--no-renames", "--no-abbrev"];
        let args: Vec<&str> = args.into_iter().chain([head.as_str(), "--"]).collect();
        let out = self.must_bytes(&args)?;
        let mut fields = out.split(|byte| *byte == 0);
        let mut paths = Vec::new();
        while let (Some(about), Some(path)) = (fields.next(), fields.next()) {
            // :100644 100755 <old> <new> M
            let about = about.strip_prefix(b":").context("a line of diff-index")?;
            let words: Vec<&[u8]> = about.split(|byte| *byte == b' ').collect();
            let [_, mode, _, id, _] = words[..] else { anyhow::bail!("a line of diff-index") };
            let mode = EntryMode::from_bytes(mode).context("a mode of diff-index")?;
            let id = ObjectId::from_hex(id).context("an id of diff-index")?;
            // A deletion has no mode and no id; an unmerged path has no id yet.
            if let (Some(what), false) = (What::of(mode), id.is_null()) {
                paths.push((RepoPath::new(path), what, id));
            }
        }
        Ok(Staged::Paths(paths))
    }

    /// The tree of the index, if the index knows it.
    fn cached_tree(&self, hash: gix::hash::Kind) -> Option<ObjectId> {
        let options = gix::index::decode::Options::default();
        let index = gix::index::File::at(self.index_file(), hash, true, options).ok()?;
        let tree = index.tree()?;
        tree.num_entries.is_some().then_some(tree.id)
    }
}
