//! Contents in packs, grouped by what they are made from: each is put together once, right after
//! its base, and whoever looks at it sees what it took from there.

use std::collections::HashMap;

use anyhow::Result;
use gix::ObjectId;
use gix::objs::Kind;
use gix::odb::pack::data::Entry;

use super::delta::Taken;
use super::objects::Objects;
use super::packs::{At, LARGEST, LONGEST, Packs};

const NONE: u32 = u32::MAX;

/// What is wanted of some packs.
#[derive(Default)]
pub struct Families {
    nodes: Vec<Node>,
    /// Where each family begins, the largest first.
    roots: Vec<u32>,
    /// What is in no pack, or not readable there.
    pub rest: Vec<ObjectId>,
}

/// An entry of a pack that is wanted, or that one is made from.
struct Node {
    pack: usize,
    entry: Entry,
    wanted: Option<ObjectId>,
    /// What is made from it: the first, and next to each the next one.
    child: u32,
    next: u32,
    /// How many entries are made from it, with itself, and how many of them at first hand.
    all: u32,
    children: u32,
}

/// A content, put together.
pub struct Made<'a, K> {
    /// Nothing: it is only a base of others.
    pub id: Option<&'a ObjectId>,
    pub data: &'a [u8],
    /// Its base, what was kept of that, and what was taken from it.
    pub from: Option<(&'a [u8], &'a K, &'a [Taken])>,
    /// How many others are made from it.
    pub children: usize,
}

impl Families {
    /// All of them are read one by one.
    pub fn none(ids: impl Iterator<Item = ObjectId>) -> Self {
        Self { rest: ids.collect(), ..Self::default() }
    }

    pub fn count(&self) -> usize {
        self.roots.len()
    }

    pub(super) fn new(packs: &Packs, ids: impl Iterator<Item = ObjectId>) -> Self {
        let mut found = Self::default();
        let mut wanted: Vec<(At, ObjectId)> = Vec::new();
        for id in ids {
            match packs.locate(&id) {
                Some(at) => wanted.push((at, id)),
                None => found.rest.push(id),
            }
        }
        // Near to each other on the disk.
        wanted.sort_unstable();
        let mut known: HashMap<At, u32> = HashMap::with_capacity(2 * wanted.len());
        for (at, id) in wanted {
            if found.add(packs, &mut known, at, id).is_none() {
                found.rest.push(id);
            }
        }
        found.weigh();
        found
    }

    fn add(
        &mut self,
        packs: &Packs,
        known: &mut HashMap<At, u32>,
        at: At,
        id: ObjectId,
    ) -> Option<()> {
        if let Some(node) = known.get(&at) {
            self.nodes[*node as usize].wanted = Some(id);
            return Some(());
        }
        // All the way up to what is no delta, or known; only then anything is noted.
        let (mut chain, mut next) = (Vec::new(), at);
        let mut parent = loop {
            if let Some(node) = known.get(&next) {
                break *node;
            }
            let entry = packs.entry(next)?;
            let (whole, base) = (entry.header.as_kind(), packs.base(next.0, &entry));
            if whole.is_some_and(|kind| kind != Kind::Blob) || entry.decompressed_size > LARGEST {
                return None;
            }
            chain.push((next, entry));
            match (whole, base) {
                (Some(_), _) => break NONE,
                // It may lead back to itself.
                (None, Some(base)) if chain.len() < LONGEST => next = base,
                _ => return None,
            }
        };
        for (at, entry) in chain.into_iter().rev() {
            let node = u32::try_from(self.nodes.len()).ok().filter(|node| *node != NONE)?;
            let next = match self.nodes.get_mut(parent as usize) {
                Some(parent) => {
                    parent.children += 1;
                    std::mem::replace(&mut parent.child, node)
                }
                None => {
                    self.roots.push(node);
                    NONE
                }
            };
            let (pack, wanted, child, all, children) = (at.0, None, NONE, 1, 0);
            self.nodes.push(Node { pack, entry, wanted, child, next, all, children });
            known.insert(at, node);
            parent = node;
        }
        self.nodes[parent as usize].wanted = Some(id);
        Some(())
    }

    /// Counts what is made from each, and puts the largest last: then its base is not needed
    /// any more, and however long a chain is, few contents are held at once.
    fn weigh(&mut self) {
        // What is made from another one stands after it.
        for node in (0..self.nodes.len()).rev() {
            let mut children = self.children(node);
            children.sort_unstable_by_key(|child| self.nodes[*child as usize].all);
            let mut next = NONE;
            for child in children.iter().rev() {
                self.nodes[*child as usize].next = next;
                next = *child;
            }
            let all: u32 = children.iter().map(|child| self.nodes[*child as usize].all).sum();
            self.nodes[node].child = next;
            self.nodes[node].all = all + 1;
        }
        self.roots.sort_by_key(|root| std::cmp::Reverse(self.nodes[*root as usize].all));
    }

    fn children(&self, node: usize) -> Vec<u32> {
        let mut all = Vec::new();
        let mut child = self.nodes[node].child;
        while let Some(node) = self.nodes.get(child as usize) {
            all.push(child);
            child = node.next;
        }
        all
    }

    /// What is wanted in a part of a family that could not be read.
    fn lost(&self, node: u32, rest: &mut Vec<ObjectId>) {
        let mut next = vec![node];
        while let Some(node) = next.pop() {
            rest.extend(self.nodes[node as usize].wanted);
            next.extend(self.children(node as usize));
        }
    }
}

impl Objects {
    /// Groups these blobs by what they are made from, as far as they are in packs.
    pub fn families(&self, ids: impl Iterator<Item = ObjectId>) -> Families {
        match self.packed() {
            Some(reader) => Families::new(&reader.borrow().packs, ids),
            None => Families::none(ids),
        }
    }

    /// Puts together each content of a family, and tells which of those that are wanted could
    /// not be, or are larger than `most`. What is said about one is kept for those that are made
    /// from it.
    pub fn family<K>(
        &self,
        families: &Families,
        family: usize,
        most: u64,
        visit: &mut dyn FnMut(Made<'_, K>) -> Result<K>,
    ) -> Result<Vec<ObjectId>> {
        let mut lost = Vec::new();
        let Some(reader) = self.packed() else { return Ok(lost) };
        let reader = &mut *reader.borrow_mut();
        let nodes = &families.nodes;
        let mut taken = Vec::new();
        // What is held, with the next content that is made from it.
        let mut held: Vec<(Vec<u8>, K, u32)> = Vec::new();
        let mut next = families.roots[family];
        loop {
            let node = &nodes[next as usize];
            let base = held.last();
            // Only what others are made from is read whatever its size.
            let most = if node.child == NONE { most } else { LARGEST };
            let made = match base {
                None => reader.whole(node.pack, &node.entry, most),
                Some((base, ..)) => reader.made(node.pack, &node.entry, base, &mut taken, most),
            };
            let new = match made {
                None => {
                    families.lost(next, &mut lost);
                    None
                }
                Some(data) => {
                    let from = base.map(|(base, kept, _)| (&base[..], kept, &taken[..]));
                    let (id, children) = (node.wanted.as_ref(), node.children as usize);
                    let kept = visit(Made { id, data: &data, from, children })?;
                    Some((data, kept, node.child))
                }
            };
            if let Some((.., child)) = held.last_mut() {
                *child = node.next;
            }
            // Who has nothing more to give is let go of.
            if let Some((data, ..)) = held.pop_if(|(.., child)| *child == NONE) {
                reader.take_back(data);
            }
            match new {
                Some((data, .., NONE)) => reader.take_back(data),
                new => held.extend(new),
            }
            match held.last() {
                Some((.., child)) => next = *child,
                None => return Ok(lost),
            }
        }
    }
}
