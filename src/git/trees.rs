//! What a tree has that none of its parents' trees has: the contents that a commit brings,
//! a merge with changes of its own included. Equal subtrees are passed over unread.

use std::rc::Rc;

use anyhow::{Context, Result, bail};
use gix::ObjectId;
use gix::objs::tree::{EntryMode, EntryRef, name_order};
use gix::objs::{Kind, TreeRefIter};

use super::objects::Objects;
use crate::base::Problem;

/// A tree that is deeper is an attack: no system has paths that long.
const DEPTH: usize = 1000;
/// Files and directories that one tree may have. A few small trees that name each other again and
/// again have more of them than there are grains of sand.
const MOST: usize = 2_000_000;

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
    met: usize,
}

impl<'a> TreeWalk<'a> {
    pub fn new(objects: &'a Objects, visit: &'a mut dyn FnMut(Entry<'_>) -> Result<()>) -> Self {
        Self { objects, visit, missing: Vec::new(), path: Vec::new(), depth: 0, met: 0 }
    }

    /// Visits every entry of the tree that differs from the same entry of all parents; with
    /// no parent that is every entry.
    pub fn run(&mut self, tree: &ObjectId, parents: &[ObjectId]) -> Result<()> {
        if parents.contains(tree) {
            return Ok(());
        }
        self.meet()?;
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
            known.iter().map(|tree| Cursor { bytes: tree, at: 0, hash }).collect();
        let mut own = Cursor { bytes: &data, at: 0, hash };
        let length = self.path.len();
        loop {
            // What stands there in a parent just so was judged with that one.
            for cursor in &mut cursors {
                own.skip_equal(cursor);
            }
            let Some(entry) = own.peek() else { return Ok(()) };
            let (entry, end) = entry
                .map_err(|err| anyhow::anyhow!("{err}").context(format!("read the tree {tree}")))?;
            own.at = end;
            if length > 0 {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(entry.filename);
            self.entry(&entry, &mut cursors)?;
            self.path.truncate(length);
        }
    }

    fn meet(&mut self) -> Result<()> {
        self.met += 1;
        if self.met <= MOST {
            return Ok(());
        }
        Err(Problem::refuse("too-many-paths", format!("one commit brings more than {MOST} paths"))
            .because("what is not judged does not pass, so nothing does")
            .hint("bring them in several commits")
            .into())
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
                self.meet()?;
                let (id, before) = (entry.oid.to_owned(), &before_ids[..]);
                (self.visit)(Entry { path: &self.path, what, id, before })
            }
        }
    }
}

/// A place in a tree; in a parent's it moves along with the one in the tree in question.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    hash: gix::hash::Kind,
}

impl<'a> Cursor<'a> {
    /// The entry here, and where the next one begins.
    fn peek(&self) -> Option<Result<(EntryRef<'a>, usize), String>> {
        let entry = TreeRefIter::from_bytes(&self.bytes[self.at..], self.hash).next()?;
        let entry = entry.map_err(|err| err.to_string());
        Some(entry.and_then(|entry| Ok((entry, self.end().ok_or("it is cut off")?))))
    }

    /// Where the entry here ends.
    fn end(&self) -> Option<usize> {
        let name = memchr::memchr(0, &self.bytes[self.at..])?;
        let end = self.at + name + 1 + self.hash.len_in_bytes();
        (end <= self.bytes.len()).then_some(end)
    }

    /// Moves both over the entries that are the same.
    fn skip_equal(&mut self, other: &mut Self) {
        let (ours, theirs) = (&self.bytes[self.at..], &other.bytes[other.at..]);
        let same = same_front(ours, theirs);
        if same == ours.len() && same == theirs.len() {
            self.at = self.bytes.len();
            other.at = other.bytes.len();
            return;
        }
        let until = self.at + same;
        while let Some(end) = self.end().filter(|end| *end <= until) {
            other.at += end - self.at;
            self.at = end;
        }
    }

    /// The entry of that name and sort. In a tree that is not in order it may be overlooked:
    /// then more is judged.
    fn find(&mut self, wanted: &EntryRef<'_>) -> Option<EntryRef<'a>> {
        while let Some(Ok((entry, end))) = self.peek() {
            let order = name_order(
                entry.filename,
                entry.mode.is_tree(),
                wanted.filename,
                wanted.mode.is_tree(),
            );
            match order {
                std::cmp::Ordering::Less => self.at = end,
                std::cmp::Ordering::Equal => {
                    // The next one wanted comes after it.
                    self.at = end;
                    return Some(entry);
                }
                std::cmp::Ordering::Greater => return None,
            }
        }
        None
    }
}

/// How many bytes two trees have in common at their beginning.
fn same_front(a: &[u8], b: &[u8]) -> usize {
    const STEP: usize = 512;
    let most = a.len().min(b.len());
    let (a, b) = (&a[..most], &b[..most]);
    let equal = a.chunks(STEP).zip(b.chunks(STEP)).take_while(|(a, b)| a == b).count();
    let at = (equal * STEP).min(most);
    at + a[at..].iter().zip(&b[at..]).take_while(|(a, b)| a == b).count()
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
