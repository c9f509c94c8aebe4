//! Objects read and written in process. Each question to the git executable costs milliseconds,
//! and a pull has dozens; where gix does not read the repository, or does not have an object
//! (a partial clone fetches it when git is asked), the answer is nothing and git is asked.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result};
use gix::ObjectId;
use gix::objs::tree::{EntryKind, EntryMode};
use gix::objs::{CommitRef, Kind, TreeRefIter, Write};

use super::Git;
use super::raw::{Change, Entry};
use crate::base::{CommitId, RepoPath};
use crate::host::env;

/// A tree that is deeper is an attack: no system has paths that long.
const DEPTH: usize = 1000;

/// The repository as it was opened first: its objects, not its settings, which may change.
#[derive(Clone, Default)]
pub struct Store(Arc<OnceLock<Option<gix::ThreadSafeRepository>>>);

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

impl Git {
    /// The objects, where they can be had in process.
    fn store(&self) -> Option<gix::Repository> {
        let kept = self.store.0.get_or_init(|| {
            // Objects somewhere else, or with permissions of their own, are for git itself.
            if env::raw("GIT_OBJECT_DIRECTORY").is_some() {
                return None;
            }
            let repo = self.library()?;
            let shared = repo.config_snapshot().string("core.sharedRepository").is_some();
            (!shared).then(|| repo.into_sync())
        });
        kept.as_ref().map(gix::ThreadSafeRepository::to_thread_local)
    }

    /// The bytes of an object of that kind.
    pub(super) fn stored(&self, id: &CommitId, kind: Kind) -> Option<Vec<u8>> {
        let repo = self.store()?;
        let object = repo.try_find_object(parse(id)?).ok()??;
        (object.kind == kind).then(|| object.detach().data)
    }

    /// The tree of a commit, or of what leads to one.
    pub(super) fn stored_tree_of(&self, id: &CommitId) -> Option<CommitId> {
        let repo = self.store()?;
        let object = repo.try_find_object(parse(id)?).ok()??;
        let tree = object.peel_to_tree().ok()?;
        Some(CommitId::new(tree.id.to_string()))
    }

    /// The commit that HEAD or a full ref name leads to. Nothing: git knows better whether
    /// there is none.
    pub(super) fn stored_commit(&self, name: &str) -> Option<CommitId> {
        let repo = self.store()?;
        let id = repo.try_find_reference(name).ok()??.peel_to_id().ok()?.detach();
        let commit = repo.try_find_object(id).ok()??.peel_to_commit().ok()?;
        Some(CommitId::new(commit.id.to_string()))
    }

    /// Whether the first commit is contained in the second, where all that is between is here.
    pub(super) fn stored_contains(&self, old: &CommitId, new: &CommitId) -> Option<bool> {
        let repo = self.store()?;
        // What is cut off is for git itself.
        if repo.is_shallow().ok()? {
            return None;
        }
        let (old, new) = (parse(old)?, parse(new)?);
        let commit = |id| repo.try_find_object(id).ok().flatten().map(|it| it.kind);
        if commit(old)? != Kind::Commit || commit(new)? != Kind::Commit {
            return None;
        }
        let base = repo.merge_base(old, new).ok()?;
        Some(base.is_some_and(|base| base.detach() == old))
    }

    /// Whether the two have a commit in common, where all that is between is here.
    pub(super) fn stored_related(&self, a: &CommitId, b: &CommitId) -> Option<bool> {
        Some(!self.stored_bases(a, b)?.is_empty())
    }

    /// The best common commits of the two.
    fn stored_bases(&self, a: &CommitId, b: &CommitId) -> Option<Vec<ObjectId>> {
        let repo = self.store()?;
        // What is cut off is for git itself.
        if repo.is_shallow().ok()? {
            return None;
        }
        let bases = repo.merge_bases_many(parse(a)?, &[parse(b)?]).ok()?;
        Some(bases.into_iter().map(gix::Id::detach).collect())
    }

    /// How the one commit on which both build differs from each of them. Nothing: there is not
    /// just one, or git has to be asked.
    pub(super) fn stored_sides(
        &self,
        ours: &CommitId,
        theirs: &CommitId,
    ) -> Option<(Vec<Change>, Vec<Change>)> {
        let [base] = self.stored_bases(ours, theirs)?[..] else { return None };
        let base = self.stored_tree_of(&CommitId::new(base.to_string()))?;
        let side = |tip| self.stored_changes(&base, &self.stored_tree_of(tip)?);
        Some((side(ours)?, side(theirs)?))
    }

    /// Paths with conflicts that are not resolved, as the index has them.
    pub(super) fn stored_unmerged(&self) -> Option<Vec<RepoPath>> {
        let hash = self.store()?.object_hash();
        let options = gix::index::decode::Options::default();
        let index = gix::index::File::at(self.index_file(), hash, true, options).ok()?;
        let unmerged = index.entries().iter().filter(|entry| entry.stage_raw() != 0);
        let mut paths: Vec<RepoPath> =
            unmerged.map(|entry| RepoPath::new(entry.path(&index).to_vec())).collect();
        paths.dedup();
        Some(paths)
    }

    /// Stores an object, as `git hash-object -w` does: not one that git would not read.
    pub(super) fn store_object(&self, kind: Kind, bytes: &[u8]) -> Option<Result<CommitId>> {
        let repo = self.store()?;
        let hash = repo.object_hash();
        let sound = match kind {
            Kind::Commit => CommitRef::from_bytes(bytes, hash).is_ok(),
            Kind::Tree => TreeRefIter::from_bytes(bytes, hash).all(|entry| entry.is_ok()),
            Kind::Blob => true,
            Kind::Tag => false,
        };
        if !sound {
            return None;
        }
        let written = repo.objects.write_buf(kind, bytes);
        let written = written.map_err(|why| anyhow::anyhow!("{why}")).context("store an object");
        Some(written.map(|id| CommitId::new(id.to_string())))
    }

    /// How two trees differ, file by file. Equal subtrees are passed over unread.
    pub(super) fn stored_changes(&self, from: &CommitId, to: &CommitId) -> Option<Vec<Change>> {
        let repo = self.store()?;
        let mut walk = Walk { repo: &repo, path: Vec::new(), depth: 0, changes: Vec::new() };
        walk.trees(Some(parse(from)?), Some(parse(to)?))?;
        Some(walk.changes)
    }

    /// What a tree has at these paths.
    pub(super) fn stored_entries(
        &self,
        tree: &CommitId,
        paths: &[RepoPath],
    ) -> Option<BTreeMap<RepoPath, Entry>> {
        let repo = self.store()?;
        let tree = repo.try_find_object(parse(tree)?).ok()??.peel_to_tree().ok()?;
        let mut entries = BTreeMap::new();
        for path in paths {
            let parts = path.as_bytes().split(|byte| *byte == b'/');
            let found = tree.lookup_entry(parts).ok()?;
            let entry = found.map(|entry| one(entry.mode(), entry.object_id()));
            entries.extend(entry.map(|entry| (path.clone(), entry)));
        }
        Some(entries)
    }
}

fn parse(id: &CommitId) -> Option<ObjectId> {
    ObjectId::from_hex(id.as_str().as_bytes()).ok()
}

fn one(mode: EntryMode, id: ObjectId) -> Entry {
    Entry { mode: meant(mode), id: CommitId::new(id.to_string()) }
}

/// The mode that git takes an entry for: trees of its first years have more kinds of files.
fn meant(mode: EntryMode) -> u32 {
    match mode.kind() {
        EntryKind::Tree => 0o040_000,
        EntryKind::Blob => 0o100_644,
        EntryKind::BlobExecutable => 0o100_755,
        EntryKind::Link => 0o120_000,
        EntryKind::Commit => 0o160_000,
    }
}

/// An entry of a tree, for itself.
struct Own {
    mode: EntryMode,
    name: Vec<u8>,
    id: ObjectId,
}

impl Own {
    /// What trees are sorted by: a directory counts with its slash.
    fn key(&self) -> Vec<u8> {
        let mut key = self.name.clone();
        if self.mode.is_tree() {
            key.push(b'/');
        }
        key
    }
}

struct Walk<'a> {
    repo: &'a gix::Repository,
    path: Vec<u8>,
    depth: usize,
    changes: Vec<Change>,
}

impl Walk<'_> {
    /// Nothing: a tree is not here, or is no tree.
    fn trees(&mut self, from: Option<ObjectId>, to: Option<ObjectId>) -> Option<()> {
        if from == to {
            return Some(());
        }
        self.depth += 1;
        if self.depth > DEPTH {
            return None;
        }
        let mut old = self.read(from)?.into_iter().peekable();
        let mut new = self.read(to)?.into_iter().peekable();
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => break,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(old), Some(new)) => old.key().cmp(&new.key()),
            };
            let gone = if order.is_le() { old.next() } else { None };
            let come = if order.is_ge() { new.next() } else { None };
            self.entry(gone, come)?;
        }
        self.depth -= 1;
        Some(())
    }

    fn entry(&mut self, gone: Option<Own>, come: Option<Own>) -> Option<()> {
        if let (Some(gone), Some(come)) = (&gone, &come)
            && gone.id == come.id
            && meant(gone.mode) == meant(come.mode)
        {
            return Some(());
        }
        let length = self.path.len();
        if length > 0 {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(gone.as_ref().or(come.as_ref()).map(|own| &own.name[..])?);
        let is_tree = |own: &Option<Own>| own.as_ref().is_some_and(|own| own.mode.is_tree());
        if is_tree(&gone) || is_tree(&come) {
            // Entries meet by their sorting keys, so never a directory with a file.
            self.trees(gone.map(|own| own.id), come.map(|own| own.id))?;
        } else {
            let path = RepoPath::new(self.path.as_slice());
            let entry = |own: Own| one(own.mode, own.id);
            self.changes.push(Change { path, from: gone.map(entry), to: come.map(entry) });
        }
        self.path.truncate(length);
        Some(())
    }

    fn read(&self, tree: Option<ObjectId>) -> Option<Vec<Own>> {
        let Some(id) = tree else { return Some(Vec::new()) };
        let hash = self.repo.object_hash();
        if id == ObjectId::empty_tree(hash) {
            return Some(Vec::new());
        }
        let object = self.repo.try_find_object(id).ok()??;
        if object.kind != Kind::Tree {
            return None;
        }
        let entries = TreeRefIter::from_bytes(&object.data, hash);
        entries
            .map(|entry| {
                let entry = entry.ok()?;
                let (name, id) = (entry.filename.to_vec(), entry.oid.to_owned());
                Some(Own { mode: entry.mode, name, id })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
