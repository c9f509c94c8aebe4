//! Packs, opened to read many objects from: what was just put together serves to put the next
//! one together. Whatever is not found or not right here is read, or refused, by [`Objects`].
//!
//! [`Objects`]: super::Objects

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use gix::ObjectId;
use gix::objs::Kind;
use gix::odb::pack::data::entry::Header;
use gix::odb::pack::{data, index};
use gix::zlib::Inflate;

use super::delta::{Delta, Taken};

/// What is larger is not read here.
pub(super) const LARGEST: u64 = 128 << 20;
/// A chain of deltas is not longer.
pub(super) const LONGEST: usize = 10_000;
/// Of what was put together so many bytes are kept, twice: those of late, and those before.
const MEMORY: usize = 12 << 20;

/// So many rooms for objects are kept, and none that is larger.
const SPARE: usize = 16;
const ROOM: usize = 1 << 20;

/// Where an object is: in which pack, and from which byte on.
pub(super) type At = (usize, u64);

/// The packs of a repository, for all threads.
pub(super) struct Packs(Vec<Pack>);

struct Pack {
    index: index::File,
    data: data::File,
}

impl Packs {
    /// Opens the packs in these directories of objects, and passes over those that it cannot.
    pub(super) fn open(dirs: &[PathBuf], hash: gix::hash::Kind) -> Self {
        let mut packs = Vec::new();
        for dir in dirs {
            let found = std::fs::read_dir(dir.join("pack")).into_iter().flatten().flatten();
            let mut names: Vec<PathBuf> = found.map(|entry| entry.path()).collect();
            names.retain(|name| name.extension().is_some_and(|end| end == "idx"));
            names.sort();
            packs.extend(names.iter().filter_map(|name| Pack::open(name, hash)));
        }
        Self(packs)
    }

    pub(super) fn locate(&self, id: &ObjectId) -> Option<At> {
        self.0.iter().enumerate().find_map(|(at, pack)| Some((at, pack.offset(id)?)))
    }

    pub(super) fn entry(&self, (pack, offset): At) -> Option<data::Entry> {
        self.0[pack].data.entry(offset).ok()
    }

    /// Bytes of a pack, at most so many.
    pub(super) fn some(&self, pack: usize, at: u64, most: usize) -> &[u8] {
        let data = &self.0[pack].data;
        let end = (data.pack_end() as u64).min(at + most as u64);
        data.entry_slice(at..end.max(at)).unwrap_or_default()
    }

    /// Where the base of an entry is, if it has one: it is in the same pack.
    pub(super) fn base(&self, pack: usize, entry: &data::Entry) -> Option<At> {
        let offset = match entry.header {
            Header::OfsDelta { base_distance } => entry.checked_base_pack_offset(base_distance)?,
            Header::RefDelta { base_id } => self.0[pack].offset(&base_id)?,
            _ => return None,
        };
        Some((pack, offset))
    }
}

impl Pack {
    fn open(index: &Path, hash: gix::hash::Kind) -> Option<Self> {
        let data = data::File::at(index.with_extension("pack"), hash).ok()?;
        Some(Self { index: index::File::at(index, hash).ok()?, data })
    }

    fn offset(&self, id: &ObjectId) -> Option<u64> {
        self.index.lookup(id).map(|at| self.index.pack_offset_at_index(at))
    }
}

/// Reads from packs; one for each thread.
pub(super) struct Reader {
    pub packs: Arc<Packs>,
    inflate: Inflate,
    delta: Vec<u8>,
    /// Where objects were that nobody needs any more.
    spare: Vec<Vec<u8>>,
    late: HashMap<At, Rc<Vec<u8>>>,
    before: HashMap<At, Rc<Vec<u8>>>,
    bytes: usize,
}

impl Reader {
    pub(super) fn new(packs: Arc<Packs>) -> RefCell<Self> {
        let (inflate, delta, spare, late, before) = Default::default();
        RefCell::new(Self { packs, inflate, delta, spare, late, before, bytes: 0 })
    }

    /// An object. What it is made from is kept for the next one.
    pub(super) fn read(&mut self, id: &ObjectId) -> Option<(Kind, Rc<Vec<u8>>)> {
        let mut at = self.packs.locate(id)?;
        let (mut chain, mut made) = (Vec::new(), None);
        let kind = loop {
            let entry = self.packs.entry(at)?;
            let base = self.packs.base(at.0, &entry);
            if made.is_none() {
                made = self.kept(at);
            }
            let kind = entry.header.as_kind();
            if made.is_none() {
                chain.push((at, entry));
            }
            match (kind, base) {
                (Some(kind), _) => break kind,
                (None, Some(base)) if chain.len() < LONGEST => at = base,
                _ => return None,
            }
        };
        for (at, entry) in chain.into_iter().rev() {
            let whole = match &made {
                None => self.whole(at.0, &entry, LARGEST)?,
                Some(base) => self.made(at.0, &entry, base, &mut Vec::new(), LARGEST)?,
            };
            let whole = Rc::new(whole);
            self.keep(at, &whole);
            made = Some(whole);
        }
        Some((kind, made?))
    }

    /// An object that is wanted once.
    pub(super) fn data(&mut self, id: &ObjectId) -> Option<(Kind, Vec<u8>)> {
        let at = self.packs.locate(id)?;
        let entry = self.packs.entry(at)?;
        if let Some(kind) = entry.header.as_kind() {
            return Some((kind, self.whole(at.0, &entry, LARGEST)?));
        }
        let (kind, bytes) = self.read(id)?;
        Some((kind, bytes.to_vec()))
    }

    /// An entry that is no delta, and not larger than `most`.
    pub(super) fn whole(&mut self, pack: usize, entry: &data::Entry, most: u64) -> Option<Vec<u8>> {
        let size = size(entry.decompressed_size, most)?;
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.resize(size, 0);
        self.packs.0[pack].data.decompress_entry(entry, &mut self.inflate, &mut bytes).ok()?;
        Some(bytes)
    }

    /// What a delta makes of its base.
    pub(super) fn made(
        &mut self,
        pack: usize,
        entry: &data::Entry,
        base: &[u8],
        taken: &mut Vec<Taken>,
        most: u64,
    ) -> Option<Vec<u8>> {
        let size = size(entry.decompressed_size, LARGEST)?;
        if self.delta.len() < size {
            self.delta.resize(size, 0);
        }
        let bytes = &mut self.delta[..size];
        self.packs.0[pack].data.decompress_entry(entry, &mut self.inflate, bytes).ok()?;
        let delta = Delta::new(bytes)?;
        let small = u64::try_from(delta.size).is_ok_and(|size| size <= most);
        if !small {
            return None;
        }
        delta.apply(base, taken, self.spare.pop().unwrap_or_default())
    }

    /// Takes back what was read, so that its room serves once more.
    pub(super) fn take_back(&mut self, bytes: Vec<u8>) {
        if self.spare.len() < SPARE && bytes.capacity() <= ROOM {
            self.spare.push(bytes);
        }
    }

    fn kept(&mut self, at: At) -> Option<Rc<Vec<u8>>> {
        if let Some(found) = self.late.get(&at) {
            return Some(found.clone());
        }
        let found = self.before.remove(&at)?;
        self.keep(at, &found);
        Some(found)
    }

    fn keep(&mut self, at: At, bytes: &Rc<Vec<u8>>) {
        if bytes.len() > MEMORY / 8 {
            return;
        }
        if self.bytes + bytes.len() > MEMORY {
            self.before = std::mem::take(&mut self.late);
            self.bytes = 0;
        }
        self.bytes += bytes.len();
        self.late.insert(at, bytes.clone());
    }
}

fn size(size: u64, most: u64) -> Option<usize> {
    Some(size).filter(|size| *size <= most).and_then(|size| usize::try_from(size).ok())
}
