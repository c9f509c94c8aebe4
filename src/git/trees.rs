//! What a tree has that none of its parents' trees has: the contents that a commit brings,
//! a merge with changes of its own included. Equal subtrees are passed over unread.

use std::rc::Rc;

use anyhow::{Context, Result, bail};
use gix::ObjectId;
use gix::objs::tree::{EntryMode, EntryRef, name_order};
use gix::objs::{Kind, TreeRefIter};

use super::objects::Objects;

/// A tree that is deeper is an attack: no system has paths that long.
const DEPTH: usize = 1000;

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    File,
    Link,
    /// A commit of another repository: a submodule.
    Commit,
}

impl What {
    /// From the mode of an entry; nothing for a directory. git sends along what stands behind
    /// a mode that it does not know: so it is judged like a file.
    pub fn of(mode: EntryMode) -> Option<Self> {
        match mode.value() & 0o170_000 {
            0o040_000 => None,
            0o120_000 => Some(Self::Link),
            0o160_000 => Some(Self::Commit),
            _ => Some(Self::File),
        }
    }
}

/// An entry that is not in any parent.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    pub path: &'a [u8],
    pub what: What,
    pub id: ObjectId,
    /// What stood there in the parents.
    pub before: &'a [ObjectId],
}

/// Who wants to know, and what could not be read.
pub struct TreeWalk<'a> {
    objects: &'a Objects,
    visit: &'a mut dyn FnMut(Entry<'_>) -> Result<()>,
    pub missing: Vec<ObjectId>,
    path: Vec<u8>,
    depth: usize,
}

impl<'a> TreeWalk<'a> {
    pub fn new(objects: &'a Objects, visit: &'a mut dyn FnMut(Entry<'_>) -> Result<()>) -> Self {
        Self { objects, visit, missing: Vec::new(), path: Vec::new(), depth: 0 }
    }

    /// Visits every entry of the tree that differs from the same entry of all parents; with
    /// no parent that is every entry.
    pub fn run(&mut self, tree: &ObjectId, parents: &[ObjectId]) -> Result<()> {
        if parents.contains(tree) {
            return Ok(());
        }
        let Some(data) = self.objects.tree(tree)? else {
            self.missing.push(*tree);
            return Ok(());
        };
        // A parent that is not here (shallow, partial) hides nothing.
        let mut known: Vec<Rc<Vec<u8>>> = Vec::new();
        for parent in parents {
            known.extend(self.objects.tree(parent)?);
        }
        let hash = self.objects.hash();
        let mut cursors: Vec<Cursor<'_>> =
            known.iter().map(|tree| Cursor::new(TreeRefIter::from_bytes(tree, hash))).collect();
        let length = self.path.len();
        for entry in TreeRefIter::from_bytes(&data, hash) {
            let entry = entry
                .map_err(|err| anyhow::anyhow!("{err}").context(format!("read the tree {tree}")))?;
            if length > 0 {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(entry.filename);
            self.entry(&entry, &mut cursors)?;
            self.path.truncate(length);
        }
        Ok(())
    }

    fn entry(&mut self, entry: &EntryRef<'_>, cursors: &mut [Cursor<'_>]) -> Result<()> {
        let before = cursors.iter_mut().filter_map(|cursor| cursor.find(entry));
        match What::of(entry.mode) {
            None => {
                let parents: Vec<ObjectId> = before.map(|entry| entry.oid.to_owned()).collect();
                if self.depth == DEPTH {
                    bail!("a tree is more than {DEPTH} directories deep");
                }
                self.depth += 1;
                let done = self.run(&entry.oid.to_owned(), &parents);
                self.depth -= 1;
                done
            }
            Some(what) => {
                let same =
                    |old: &EntryRef<'_>| old.oid == entry.oid && What::of(old.mode) == Some(what);
                // Every cursor moves on, so no early end here.
                let (mut known, mut before_ids) = (false, Vec::new());
                for old in before {
                    known |= same(&old);
                    before_ids.push(old.oid.to_owned());
                }
                if known {
                    return Ok(());
                }
                let (id, before) = (entry.oid.to_owned(), &before_ids[..]);
                (self.visit)(Entry { path: &self.path, what, id, before })
            }
        }
    }
}

/// A place in a parent's tree, which moves along with the tree in question.
struct Cursor<'a> {
    entries: std::iter::Peekable<TreeRefIter<'a>>,
}

impl<'a> Cursor<'a> {
    fn new(tree: TreeRefIter<'a>) -> Self {
        Self { entries: tree.peekable() }
    }

    /// The entry of that name and sort. In a tree that is not in order it may be overlooked:
    /// then more is judged.
    fn find(&mut self, wanted: &EntryRef<'_>) -> Option<EntryRef<'a>> {
        while let Some(Ok(entry)) = self.entries.peek() {
            let order = name_order(
                entry.filename,
                entry.mode.is_tree(),
                wanted.filename,
                wanted.mode.is_tree(),
            );
            match order {
                std::cmp::Ordering::Less => drop(self.entries.next()),
                std::cmp::Ordering::Equal => return Some(*entry),
                std::cmp::Ordering::Greater => return None,
            }
        }
        None
    }
}

impl Objects {
    /// What stands at a path in a tree: a file, a link or a submodule.
    pub fn at_path(&self, tree: &ObjectId, path: &[u8]) -> Result<Option<(What, ObjectId)>> {
        let mut tree = *tree;
        let mut parts = path.split(|byte| *byte == b'/').peekable();
        while let Some(part) = parts.next() {
            let Some(data) = self.tree(&tree)? else { return Ok(None) };
            let found = TreeRefIter::from_bytes(&data, self.hash())
                .filter_map(Result::ok)
                .find(|entry| entry.filename == part)
                .map(|entry| (entry.mode, entry.oid.to_owned()));
            let Some((kind, id)) = found else { return Ok(None) };
            match (What::of(kind), parts.peek()) {
                (Some(what), None) => return Ok(Some((what, id))),
                (None, Some(_)) => tree = id,
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    /// The bytes of the file at a path in a commit.
    pub fn file_in(&self, commit: &ObjectId, path: &str) -> Result<Option<Vec<u8>>> {
        let Some((Kind::Commit, commit)) = self.peel(commit)? else { return Ok(None) };
        let Some(node) = self.commit(&commit)? else { return Ok(None) };
        match self.at_path(&node.tree, path.as_bytes())? {
            Some((What::File, id)) => {
                let (_, data) = self.data(&id)?.with_context(|| format!("{path} is not here"))?;
                Ok(Some(data))
            }
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::super::history::tests::random;
    use super::*;

    /// Path -> what and id, from git.
    fn listing(world: &super::super::Git, commit: &ObjectId) -> BTreeMap<Vec<u8>, (What, String)> {
        let out = world.must_bytes(&["ls-tree", "-r", "-z", &commit.to_string()]).unwrap();
        let lines = out.split(|byte| *byte == 0).filter(|line| !line.is_empty());
        lines
            .map(|line| {
                let tab = line.iter().position(|byte| *byte == b'\t').unwrap();
                let about = String::from_utf8_lossy(&line[..tab]).into_owned();
                let words: Vec<&str> = about.split(' ').collect();
                let what = if words[0] == "120000" { What::Link } else { What::File };
                (line[tab + 1..].to_vec(), (what, words[2].to_owned()))
            })
            .collect()
    }

    #[test]
    fn exactly_the_entries_that_no_parent_has_are_visited() {
        let world = random(5, 120, 0);
        let objects = Objects::open(&world.git, gix::hash::Kind::Sha1).unwrap();
        let (mut merges, mut entries) = (0, 0);
        for (n, id) in world.ids.iter().enumerate() {
            let parents: Vec<_> =
                world.parents[n].iter().map(|n| listing(&world.git, &world.ids[*n])).collect();
            let right: BTreeSet<_> = listing(&world.git, id)
                .into_iter()
                .filter(|(path, at)| parents.iter().all(|parent| parent.get(path) != Some(at)))
                .map(|(path, (what, id))| (path, what, id))
                .collect();
            let mut found = Vec::new();
            let mut visit = |entry: Entry<'_>| {
                found.push((entry.path.to_vec(), entry.what, entry.id.to_string()));
                Ok(())
            };
            let trees: Vec<ObjectId> = world.parents[n]
                .iter()
                .map(|n| objects.commit(&world.ids[*n]).unwrap().unwrap().tree)
                .collect();
            let tree = objects.commit(id).unwrap().unwrap().tree;
            TreeWalk::new(&objects, &mut visit).run(&tree, &trees).unwrap();
            for (path, what, id) in &found {
                let at = objects.at_path(&tree, path).unwrap().unwrap();
                assert_eq!((at.0, at.1.to_string()), (*what, id.clone()));
            }
            merges += usize::from(trees.len() > 1 && !found.is_empty());
            entries += found.len();
            assert_eq!(found.len(), right.len(), "each once");
            assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), right, "commit {n}");
        }
        assert!(merges > 10 && entries > 100, "the world is too simple: {merges} {entries}");
    }
}
