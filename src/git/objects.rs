//! Objects by their id, read in process: also those of a push that git still holds in
//! quarantine, which `gix::open` does not see. Replacement objects and grafts are passed over,
//! as in what git sends: what is judged is what the other side gets.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use gix::ObjectId;
use gix::objs::{Find, FindHeader, Kind};

use super::Git;
use super::packs::{LARGEST, Packs, Reader};
use crate::base::Problem;
use crate::host::{env, read};

/// Trees are read twice (as a commit's own and as its child's parent): so many bytes of them
/// are kept.
const TREE_MEMORY: usize = 16 << 20;
/// Bases of packed deltas that are kept.
const PACK_MEMORY: usize = 16 << 20;
/// A buffer that grew larger is not kept.
const ROOM: usize = 4 << 20;
/// No commit, tag or tree that anybody made for a purpose is larger.
const RECORD: u64 = 32 << 20;
/// A chain of tags that is longer is no chain that anybody made for a purpose.
const TAG_DEPTH: usize = 64;

/// Where objects are read: the repository, its alternates, and the quarantine of a push.
pub struct Objects {
    stores: Vec<gix::odb::Handle>,
    hash: gix::hash::Kind,
    graph: Option<Arc<gix::commitgraph::Graph>>,
    shallow: HashSet<ObjectId>,
    trees: RefCell<HashMap<ObjectId, Rc<Vec<u8>>>>,
    tree_bytes: Cell<usize>,
    /// Where objects are put together: bases and deltas need several times the room.
    room: RefCell<Vec<u8>>,
    /// Packs, where many objects are read from them.
    reader: OnceCell<RefCell<Reader>>,
    /// They come from somebody who may want to do harm: nothing is unpacked whose size is not
    /// known to be bearable, with all that it is made from.
    wary: bool,
}

/// What objects are opened from in another thread.
pub struct Seed {
    stores: Vec<gix::odb::Handle>,
    hash: gix::hash::Kind,
    graph: Option<Arc<gix::commitgraph::Graph>>,
    shallow: HashSet<ObjectId>,
    packs: Option<Arc<Packs>>,
    wary: bool,
}

impl Seed {
    pub fn open(self) -> Objects {
        let Self { stores, hash, graph, shallow, packs, wary } = self;
        let reader = packs.map_or_else(OnceCell::new, |packs| Reader::new(packs).into());
        Objects { reader, wary, ..Objects::new(stores, hash, graph, shallow) }
    }
}

/// The code of a problem with an object that is not unpacked.
pub const TOO_LARGE: &str = "object-too-large";

/// What a walk needs of a commit.
#[derive(Debug, Clone)]
pub struct Node {
    pub tree: ObjectId,
    pub parents: Vec<ObjectId>,
    pub time: i64,
}

/// Bases are asked for again and again: in a chain of deltas each object needs all before it.
fn pack_cache() -> Box<dyn gix::odb::pack::cache::DecodeEntry + Send + 'static> {
    Box::new(gix::odb::pack::cache::lru::MemoryCappedHashmap::new(PACK_MEMORY))
}

impl Objects {
    /// Opens the objects of a repository with ids of that kind.
    pub fn open(git: &Git, hash: gix::hash::Kind) -> Result<Self> {
        let mut dirs = Vec::new();
        for name in ["GIT_QUARANTINE_PATH", "GIT_OBJECT_DIRECTORY"] {
            dirs.extend(env::raw(name).map(PathBuf::from));
        }
        if let Some(list) = env::raw("GIT_ALTERNATE_OBJECT_DIRECTORIES") {
            dirs.extend(std::env::split_paths(&list));
        }
        let mut dirs: Vec<PathBuf> =
            dirs.into_iter().filter_map(|dir| dir.canonicalize().ok()).collect();
        let main = git.common_dir.join("objects");
        let main = main.canonicalize().with_context(|| format!("open {}", main.display()))?;
        // The repository itself comes last: only there an object that is missed is a reason
        // to look at the disk again, as somebody may be packing it anew.
        dirs.retain(|dir| *dir != main);
        dirs.push(main);
        let mut stores = Vec::new();
        for (at, dir) in dirs.iter().enumerate() {
            if dirs[..at].contains(dir) {
                continue;
            }
            let mut store = gix::odb::at(dir, hash)
                .with_context(|| format!("open the objects in {}", dir.display()))?;
            if at + 1 < dirs.len() {
                store.refresh_never();
            }
            store.set_pack_cache(pack_cache);
            stores.push(store);
        }
        let shallow = shallow(git)?;
        let info = git.common_dir.join("objects/info");
        // git leaves the graph alone in a shallow repository, as its parents are not ours.
        let graph = shallow
            .is_empty()
            .then(|| gix::commitgraph::Graph::from_info_dir(&info, hash).ok().map(Arc::new))
            .flatten();
        let wary = env::raw("GIT_QUARANTINE_PATH").is_some();
        let objects = Self { wary, ..Self::new(stores, hash, graph, shallow) };
        if wary && dirs.first().is_some_and(|dir| read::exists(&dir.join("pack"))) {
            objects.expect_many();
        }
        Ok(objects)
    }

    fn new(
        stores: Vec<gix::odb::Handle>,
        hash: gix::hash::Kind,
        graph: Option<Arc<gix::commitgraph::Graph>>,
        shallow: HashSet<ObjectId>,
    ) -> Self {
        let (trees, tree_bytes, room, reader, wary) = Default::default();
        Self { stores, hash, graph, shallow, trees, tree_bytes, room, reader, wary }
    }

    /// The objects of these directories, such as a scratch one, and nothing else.
    pub fn of(dirs: &[&std::path::Path], hash: gix::hash::Kind) -> Result<Self> {
        let open = |dir: &&std::path::Path| -> Result<gix::odb::Handle> {
            let mut store = gix::odb::at(*dir, hash)
                .with_context(|| format!("open the objects in {}", dir.display()))?;
            store.set_pack_cache(pack_cache);
            Ok(store)
        };
        let stores = dirs.iter().map(open).collect::<Result<_>>()?;
        Ok(Self::new(stores, hash, None, HashSet::new()))
    }

    /// The same objects for another thread.
    pub fn seed(&self) -> Seed {
        let (stores, shallow) = (self.stores.clone(), self.shallow.clone());
        let packs = self.packed().map(|reader| reader.borrow().packs.clone());
        let (graph, wary) = (self.graph.clone(), self.wary);
        Seed { stores, hash: self.hash, graph, shallow, packs, wary }
    }

    /// Opens all packs: that pays where many objects are read.
    pub fn expect_many(&self) {
        let open = || Reader::new(Packs::open(&self.dirs(), self.hash).into());
        let _ = self.reader.get_or_init(open);
    }

    /// The directories of all stores, with those that they borrow from.
    pub(super) fn dirs(&self) -> Vec<PathBuf> {
        let mut dirs: Vec<PathBuf> = Vec::new();
        for store in self.stores.iter().map(|store| store.store_ref()) {
            dirs.push(store.path().to_owned());
            dirs.extend(store.alternate_db_paths().into_iter().flatten());
        }
        let mut known = HashSet::new();
        dirs.retain(|dir| known.insert(dir.clone()));
        dirs
    }

    pub(super) fn packed(&self) -> Option<&RefCell<Reader>> {
        self.reader.get()
    }

    pub fn hash(&self) -> gix::hash::Kind {
        self.hash
    }

    /// The kind and size of an object, or nothing if it is not here.
    pub fn header(&self, id: &ObjectId) -> Result<Option<(Kind, u64)>> {
        for store in &self.stores {
            let found = store.try_header(id).map_err(|err| unreadable(id, &err))?;
            if let Some(header) = found {
                return Ok(Some((header.kind, header.size)));
            }
        }
        Ok(None)
    }

    pub fn has(&self, id: &ObjectId) -> bool {
        self.stores.iter().any(|store| gix::objs::Exists::exists(store, id))
    }

    /// An object, or nothing if it is not here.
    pub fn data(&self, id: &ObjectId) -> Result<Option<(Kind, Vec<u8>)>> {
        if let Some((kind, data)) = self.packed().and_then(|reader| reader.borrow_mut().data(id)) {
            let large = kind != Kind::Blob && data.len() as u64 > RECORD;
            return if self.wary && large { Err(too_large(id)) } else { Ok(Some((kind, data))) };
        }
        self.read(id, <[u8]>::to_vec)
    }

    /// The same, made into what is wanted while it is in the common buffer.
    fn read<T>(&self, id: &ObjectId, make: impl Fn(&[u8]) -> T) -> Result<Option<(Kind, T)>> {
        self.bearable(id)?;
        let mut room = self.room.take();
        let mut all = None;
        for store in &self.stores {
            let found = store.try_find(id, &mut room).map_err(|err| unreadable(id, &err))?;
            all = found.map(|data| (data.kind, make(data.data)));
            if all.is_some() {
                break;
            }
        }
        if room.capacity() <= ROOM {
            self.room.replace(room);
        }
        Ok(all)
    }

    /// Refuses to unpack what takes too much room. What stands in a pack and was not read from there
    /// does, or something that it is made from: a few bytes may be made from gigabytes.
    fn bearable(&self, id: &ObjectId) -> Result<()> {
        if !self.wary {
            return Ok(());
        }
        let packed = self.packed().is_some_and(|reader| reader.borrow().packs.locate(id).is_some());
        let large = |(kind, size)| size > if kind == Kind::Blob { LARGEST } else { RECORD };
        if !packed && !self.header(id)?.is_some_and(large) {
            return Ok(());
        }
        Err(too_large(id))
    }

    /// A tree's bytes, or nothing if it is not here.
    pub fn tree(&self, id: &ObjectId) -> Result<Option<Rc<Vec<u8>>>> {
        let packed = self.packed().and_then(|reader| reader.borrow_mut().read(id));
        if let Some((Kind::Tree, tree)) = packed {
            return Ok(Some(tree));
        }
        if let Some(tree) = self.trees.borrow().get(id) {
            return Ok(Some(tree.clone()));
        }
        if id.is_empty_tree() {
            return Ok(Some(Rc::default()));
        }
        let tree = self.read(id, |data| Rc::new(data.to_vec()))?;
        let Some((kind, tree)) = tree else { return Ok(None) };
        if kind != Kind::Tree {
            bail!("{id} should be a tree and is a {kind}");
        }
        let mut trees = self.trees.borrow_mut();
        if self.tree_bytes.get() + tree.len() > TREE_MEMORY {
            trees.clear();
            self.tree_bytes.set(0);
        }
        self.tree_bytes.set(self.tree_bytes.get() + tree.len());
        trees.insert(*id, tree.clone());
        Ok(Some(tree))
    }

    /// A commit, or nothing if it is not here. A shallow one has no parents.
    pub fn commit(&self, id: &ObjectId) -> Result<Option<Node>> {
        Ok(self.commit_with_data(id)?.map(|(node, _)| node))
    }

    /// The same, with its bytes if they had to be read.
    pub(super) fn commit_with_data(&self, id: &ObjectId) -> Result<Option<(Node, Vec<u8>)>> {
        if let Some(graph) = &self.graph
            && let Some(commit) = graph.commit_by_id(id)
        {
            let parents: Result<Vec<_>, _> =
                commit.iter_parents().map(|at| at.map(|at| graph.id_at(at).to_owned())).collect();
            if let Ok(parents) = parents {
                let time = i64::try_from(commit.committer_timestamp()).unwrap_or(i64::MAX);
                let tree = commit.root_tree_id().to_owned();
                return Ok(Some((Node { tree, parents, time }, Vec::new())));
            }
        }
        let Some((kind, data)) = self.data(id)? else { return Ok(None) };
        if kind != Kind::Commit {
            bail!("{id} should be a commit and is a {kind}");
        }
        let mut commit = gix::objs::CommitRefIter::from_bytes(&data, self.hash);
        let tree = commit.tree_id().map_err(|err| unreadable(id, &err))?;
        let commit = gix::objs::CommitRefIter::from_bytes(&data, self.hash);
        let parents = match self.shallow.contains(id) {
            true => Vec::new(),
            false => commit.parent_ids().collect(),
        };
        // A date that makes no sense is old: then a walk looks further.
        let time = commit.committer().ok().and_then(|who| who.time().ok());
        let time = time.map_or(0, |time| time.seconds);
        Ok(Some((Node { tree, parents, time }, data)))
    }

    /// What a tag means, through tags of tags; nothing if something on the way is not here.
    pub fn peel(&self, id: &ObjectId) -> Result<Option<(Kind, ObjectId)>> {
        let mut id = *id;
        for _ in 0..TAG_DEPTH {
            if self.graph.as_ref().is_some_and(|graph| graph.commit_by_id(id).is_some()) {
                return Ok(Some((Kind::Commit, id)));
            }
            let Some((kind, _)) = self.header(&id)? else { return Ok(None) };
            if kind != Kind::Tag {
                return Ok(Some((kind, id)));
            }
            let Some((_, data)) = self.data(&id)? else { return Ok(None) };
            let tag = gix::objs::TagRefIter::from_bytes(&data, self.hash);
            id = tag.target_id().map_err(|err| unreadable(&id, &err))?;
        }
        bail!("{id} is a tag of a tag of a tag, more than {TAG_DEPTH} deep")
    }
}

fn too_large(id: &ObjectId) -> anyhow::Error {
    Problem::refuse(TOO_LARGE, format!("the object {id} takes too much room to unpack"))
        .because("what is not judged does not pass, so nothing does")
        .hint("push without the commit that has it")
        .into()
}

fn unreadable(id: &ObjectId, err: &dyn std::fmt::Display) -> anyhow::Error {
    anyhow::anyhow!("{err}").context(format!("read the object {id}"))
}

/// The commits at which the history of this repository was cut off.
fn shallow(git: &Git) -> Result<HashSet<ObjectId>> {
    let path = env::raw("GIT_SHALLOW_FILE")
        .map_or_else(|| git.common_dir.join("shallow"), |file| git.dir().join(file));
    let text = read::text(&path)?.unwrap_or_default();
    Ok(text.lines().filter_map(|line| ObjectId::from_hex(line.trim().as_bytes()).ok()).collect())
}
