//! Which commits are new: reachable from some tips and not from what the other side has.

use std::collections::BinaryHeap;

use anyhow::Result;
use gix::ObjectId;
use gix::hashtable::HashMap;

use super::objects::{Node, Objects};

/// After the last commit in question the walk goes on for so many others: commits whose clocks
/// were wrong may still turn out to be known.
const SLOP: usize = 64;

/// A commit that the other side does not have.
#[derive(Debug, Clone)]
pub struct NewCommit {
    pub id: ObjectId,
    pub node: Node,
}

/// What a walk found.
#[derive(Debug, Default)]
pub struct Walk {
    /// Parents stand before their children, as far as their dates are right.
    pub commits: Vec<NewCommit>,
    /// Commits that should be judged and are not here.
    pub missing: Vec<ObjectId>,
}

struct Seen {
    node: Node,
    hidden: bool,
    queued: bool,
}

#[derive(Default)]
struct Walker {
    seen: HashMap<ObjectId, Seen>,
    queue: BinaryHeap<(i64, ObjectId)>,
    /// How many commits in the queue are not hidden.
    open: usize,
    missing: Vec<ObjectId>,
}

/// Walks from the tips (commits) to what is hidden (commits or tags of commits). A hidden
/// commit that is not here hides nothing, which errs on the side of judging more.
pub fn new_commits(objects: &Objects, tips: &[ObjectId], hidden: &[ObjectId]) -> Result<Walk> {
    let known: gix::hashtable::HashSet<ObjectId> = hidden.iter().copied().collect();
    let tips: Vec<&ObjectId> = tips.iter().filter(|tip| !known.contains(*tip)).collect();
    let mut walker = Walker::default();
    for tip in &tips {
        walker.meet(objects, tip, false)?;
    }
    if walker.queue.is_empty() {
        return Ok(Walk { missing: walker.missing, ..Walk::default() });
    }
    for id in &known {
        if let Some((gix::objs::Kind::Commit, id)) = objects.peel(id)? {
            walker.meet(objects, &id, true)?;
        }
    }
    let order = walker.walk(objects)?;
    let mut commits = Vec::new();
    for id in order.into_iter().rev() {
        if let Some(seen) = walker.seen.remove(&id)
            && !seen.hidden
        {
            commits.push(NewCommit { id, node: seen.node });
        }
    }
    Ok(Walk { commits, missing: walker.missing })
}

impl Walker {
    fn meet(&mut self, objects: &Objects, id: &ObjectId, hidden: bool) -> Result<()> {
        if let Some(seen) = self.seen.get_mut(id) {
            if hidden && !seen.hidden {
                seen.hidden = true;
                if seen.queued {
                    self.open -= 1;
                } else {
                    // It was walked as new: its line must be walked again as hidden.
                    seen.queued = true;
                    self.queue.push((seen.node.time, *id));
                }
            }
            return Ok(());
        }
        let Some(node) = objects.commit(id)? else {
            if !hidden {
                self.missing.push(*id);
            }
            return Ok(());
        };
        self.queue.push((node.time, *id));
        self.seen.insert(*id, Seen { node, hidden, queued: true });
        self.open += usize::from(!hidden);
        Ok(())
    }

    fn walk(&mut self, objects: &Objects) -> Result<Vec<ObjectId>> {
        let mut order = Vec::new();
        let (mut oldest, mut slop) = (i64::MAX, SLOP);
        while let Some((time, id)) = self.queue.pop() {
            if self.open == 0 {
                if time < oldest {
                    slop -= 1;
                }
                if slop == 0 {
                    break;
                }
            } else {
                slop = SLOP;
            }
            let Some(seen) = self.seen.get_mut(&id) else { continue };
            seen.queued = false;
            let (hidden, parents) = (seen.hidden, seen.node.parents.clone());
            if !hidden {
                self.open -= 1;
                oldest = oldest.min(time);
                order.push(id);
            }
            for parent in parents {
                self.meet(objects, &parent, hidden)?;
            }
        }
        Ok(order)
    }
}
