//! What a commit brings, looked at: the part of judging that takes time, and that several
//! threads can do at once.

use std::collections::HashSet;

use anyhow::{Context, Result, bail};
use gix::ObjectId;
use gix::hashtable::HashMap;
use gix::objs::Kind;

use super::many::Watch;
use super::world::hex;
use crate::base::Problem;
use crate::git::{Entry, Fresh, NewCommit, Objects, TOO_LARGE, TreeWalk, What};
use crate::guard::Place;
use crate::guard::judge::{Fault, Former, Text, look, look_along, named, said};
use crate::guard::policy::Policy;
use crate::guard::secrets::Seen;

/// Files that are larger are not held as a whole, if they can be read piece by piece.
pub(super) const HELD: u64 = 32 << 20;
/// What cannot, and is larger, is judged by name and size only, and refused unless it may be so.
const READ_LIMIT: u64 = 128 << 20;
/// Paths that are held at once, of commits that are looked at together.
const PATHS: usize = 4_000_000;
/// So many bytes of former versions are kept.
const MEMORY: usize = 16 << 20;

/// What a tree has that its parents have not.
#[derive(Debug, Default)]
pub(super) struct Brought {
    pub place: Place,
    /// What the message says.
    pub said: Vec<Fault>,
    pub entries: Vec<Found>,
    pub missing: Vec<ObjectId>,
}

/// Something at a path.
#[derive(Debug)]
pub(super) struct Found {
    pub path: Vec<u8>,
    pub what: What,
    pub id: ObjectId,
    pub before: Vec<ObjectId>,
    /// What is wrong with its name.
    pub named: Vec<Fault>,
    /// What was learned of it, the first time that it is met.
    pub learned: Option<Learned>,
}

#[derive(Debug)]
pub(super) enum Learned {
    Absent,
    Known { size: u64, faults: Vec<Fault>, unread: bool },
}

/// Looks at contents, and remembers which it knows.
pub(super) struct Looker<'a> {
    pub objects: &'a Objects,
    pub policy: &'a Policy,
    known: HashSet<ObjectId>,
    /// Names that are right.
    clean: HashSet<Vec<u8>>,
    former: HashMap<ObjectId, (Vec<u8>, Seen)>,
    /// Of a version that is still to come, a later one that was looked at.
    later: HashMap<ObjectId, ObjectId>,
    bytes: usize,
    /// The trees of the commits in question.
    trees: HashMap<ObjectId, ObjectId>,
    /// Contents are only named, and looked at later.
    gathering: bool,
    /// How many paths were met.
    met: usize,
    pub watch: Option<Watch>,
}

impl<'a> Looker<'a> {
    pub(super) fn new(objects: &'a Objects, policy: &'a Policy) -> Self {
        let (known, clean, former, later, trees) = Default::default();
        let (bytes, gathering, met, watch) = Default::default();
        Self { objects, policy, known, clean, former, later, bytes, trees, gathering, met, watch }
    }

    pub(super) fn gathering(objects: &'a Objects, policy: &'a Policy, watch: Watch) -> Self {
        Self { gathering: true, watch: Some(watch), ..Self::new(objects, policy) }
    }

    /// Commits one after the other, as they came; looked at from the last one on: packs have
    /// new versions whole, and old ones as changes to those.
    pub(super) fn commits(
        &mut self,
        commits: &[NewCommit],
        go_on: &mut dyn FnMut(usize) -> Result<()>,
    ) -> Result<Vec<Brought>> {
        let mut all = Vec::with_capacity(commits.len());
        self.trees = commits.iter().map(|commit| (commit.id, commit.node.tree)).collect();
        for (at, commit) in commits.iter().rev().enumerate() {
            go_on(at)?;
            all.push(self.commit(commit)?);
        }
        all.reverse();
        Ok(all)
    }

    fn commit(&mut self, commit: &NewCommit) -> Result<Brought> {
        let mut parents = Vec::new();
        for parent in &commit.node.parents {
            // A parent that is not here (shallow, partial) hides nothing.
            match self.trees.get(parent) {
                Some(tree) => parents.push(*tree),
                None => parents.extend(self.objects.commit(parent)?.map(|node| node.tree)),
            }
        }
        let (id, tree) = (commit.id, commit.node.tree);
        self.fresh(Fresh { id, tree, parents, data: None })
    }

    /// What a commit brings, of which the parents' trees are known.
    pub(super) fn fresh(&mut self, commit: Fresh) -> Result<Brought> {
        let Fresh { id, tree, parents, data } = commit;
        let place = Place { commit: Some(hex(&id)), ..Place::default() };
        let mut brought = self.tree(&tree, &parents, &place)?;
        if self.policy.config.guard.secrets {
            let read = || Ok::<_, anyhow::Error>(self.objects.data(&id)?.map(|(_, data)| data));
            let data = data.map_or_else(read, |data| Ok(Some(data)))?;
            let said = data.map(|data| said(self.policy, Text::Commit, &data, &place));
            brought.said = said.unwrap_or_default();
        }
        Ok(brought)
    }

    /// What a tree has and none of the others.
    pub(super) fn tree(
        &mut self,
        tree: &ObjectId,
        others: &[ObjectId],
        place: &Place,
    ) -> Result<Brought> {
        let mut brought = Brought { place: place.clone(), ..Brought::default() };
        let (objects, entries) = (self.objects, &mut brought.entries);
        let mut visit = |entry: Entry<'_>| {
            entries.push(self.entry(entry)?);
            Ok(())
        };
        let mut walk = TreeWalk::new(objects, &mut visit);
        walk.run(tree, others)?;
        brought.missing = std::mem::take(&mut walk.missing);
        Ok(brought)
    }

    /// What stands at a path.
    pub(super) fn entry(&mut self, entry: Entry<'_>) -> Result<Found> {
        self.met += 1;
        if self.met.is_multiple_of(256)
            && let Some(watch) = &self.watch
        {
            watch.check()?;
        }
        if self.met > PATHS {
            let message = format!("these commits bring more than {PATHS} paths");
            return Err(Problem::refuse("too-many-paths", message)
                .because("what is not judged does not pass, so nothing does")
                .hint("push the older commits first: `git push REMOTE COMMIT:BRANCH`")
                .into());
        }
        // A submodule is judged by its own repository; a link leads to a text that is as good
        // a hiding place as any.
        let wanted = !self.gathering && entry.what != What::Commit && self.known.insert(entry.id);
        let learned = if wanted { Some(self.learn(&entry)?) } else { None };
        let Entry { path, what, id, before } = entry;
        let (path, before) = (path.to_vec(), before.to_vec());
        let mut faults = Vec::new();
        if !self.clean.contains(&path) {
            faults = named(self.policy, &path);
            if faults.is_empty() {
                self.clean.insert(path.clone());
            }
        }
        Ok(Found { path, what, id, before, named: faults, learned })
    }

    pub(super) fn learn(&mut self, entry: &Entry<'_>) -> Result<Learned> {
        let (id, guard) = (&entry.id, &self.policy.config.guard);
        let Some((kind, size)) = self.objects.header(id)? else { return Ok(Learned::Absent) };
        if kind != Kind::Blob {
            bail!("{id} should be the content of a file and is a {kind}");
        }
        let wanted = guard.conflict_markers || guard.secrets;
        // What is too large is refused unread, unless it may be large.
        let may = !self.policy.is_too_large(size, Some(entry.path));
        if wanted
            && may
            && size > HELD
            && let Some(mut large) = self.objects.large(id, size)?
        {
            let mut go_on = || match self.watch.map_or(Ok(()), |watch| watch.check()) {
                Ok(()) => Ok(()),
                Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
            };
            let looked = look_along(self.policy, size, &mut large, &mut go_on);
            if let Some(watch) = &self.watch {
                watch.check()?;
            }
            let faults = looked.with_context(|| format!("read the object {id}"))?;
            return Ok(Learned::Known { size, faults, unread: false });
        }
        let read = wanted && may && size <= READ_LIMIT;
        let data = if read { self.content(id)? } else { None };
        let unread = wanted && may && data.is_none();
        let later = self.later.get(id).into_iter();
        let former = entry.before.iter().chain(later).find_map(|other| self.former.get(other));
        let former = former.map(|(bytes, seen)| Former { bytes, seen, copied: None });
        let looked = look(self.policy, size, data.as_deref(), former.as_ref());
        if let Some(data) = data {
            self.later.extend(entry.before.iter().map(|before| (*before, *id)));
            self.keep(*id, data, looked.seen);
        }
        Ok(Learned::Known { size, faults: looked.faults, unread })
    }

    /// The bytes of a blob. Nothing: it is not here, or it takes too much to unpack it.
    fn content(&self, id: &ObjectId) -> Result<Option<Vec<u8>>> {
        match self.objects.data(id) {
            Ok(found) => Ok(found.map(|(_, data)| data)),
            Err(err) if err.downcast_ref::<Problem>().is_some_and(|it| it.code == TOO_LARGE) => {
                Ok(None)
            }
            Err(err) => Err(err),
        }
    }

    fn keep(&mut self, id: ObjectId, data: Vec<u8>, seen: Seen) {
        if data.len() > MEMORY / 8 {
            return;
        }
        if self.bytes + data.len() > MEMORY {
            self.former.clear();
            self.bytes = 0;
        }
        self.bytes += data.len();
        self.former.insert(id, (data, seen));
    }
}
