//! Which commits are new: reachable from some tips and not from what the other side has.

use std::collections::BinaryHeap;

use anyhow::Result;
use gix::ObjectId;
use gix::hashtable::HashMap;

use super::objects::{Node, Objects};

/// After the last commit in question the walk goes on for so many others: commits whose clocks
/// were wrong may still turn out to be known.
const SLOP: usize = 16;
/// With more commits than that it pays to open all packs.
const MANY: usize = 64;

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

/// A commit that is new as far as a walk has come. It may still turn out to be known.
#[derive(Debug)]
pub struct Fresh {
    pub id: ObjectId,
    pub tree: ObjectId,
    /// The trees of its parents, as far as they are here.
    pub parents: Vec<ObjectId>,
    /// Its bytes, if they were read.
    pub data: Option<Vec<u8>>,
}

struct Seen {
    node: Node,
    /// Kept for who is told of it.
    data: Vec<u8>,
    hidden: bool,
    queued: bool,
}

#[derive(Default)]
struct Walker<'a> {
    /// Who is told of new commits while the walk goes on.
    each: Option<&'a mut dyn FnMut(Fresh)>,
    seen: HashMap<ObjectId, Seen>,
    queue: BinaryHeap<(i64, ObjectId)>,
    /// How many commits in the queue are not hidden.
    open: usize,
    missing: Vec<ObjectId>,
}

/// Walks from the tips (commits) to what is hidden (commits or tags of commits). A hidden
/// commit that is not here hides nothing, which errs on the side of judging more.
pub fn new_commits(objects: &Objects, tips: &[ObjectId], hidden: &[ObjectId]) -> Result<Walk> {
    walk(objects, tips, hidden, None)
}

/// The same, and tells of each commit as soon as it looks new, the newest first.
pub fn each_new_commit(
    objects: &Objects,
    tips: &[ObjectId],
    hidden: &[ObjectId],
    each: &mut dyn FnMut(Fresh),
) -> Result<Walk> {
    walk(objects, tips, hidden, Some(each))
}

fn walk(
    objects: &Objects,
    tips: &[ObjectId],
    hidden: &[ObjectId],
    each: Option<&mut dyn FnMut(Fresh)>,
) -> Result<Walk> {
    let known: gix::hashtable::HashSet<ObjectId> = hidden.iter().copied().collect();
    let tips: Vec<&ObjectId> = tips.iter().filter(|tip| !known.contains(*tip)).collect();
    let mut walker = Walker { each, ..Walker::default() };
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

impl Walker<'_> {
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
        if self.seen.len() == MANY {
            objects.expect_many();
        }
        let Some((node, data)) = objects.commit_with_data(id)? else {
            if !hidden {
                self.missing.push(*id);
            }
            return Ok(());
        };
        self.queue.push((node.time, *id));
        let data = if hidden || self.each.is_none() { Vec::new() } else { data };
        self.seen.insert(*id, Seen { node, data, hidden, queued: true });
        self.open += usize::from(!hidden);
        Ok(())
    }

    fn walk(&mut self, objects: &Objects) -> Result<Vec<ObjectId>> {
        let mut order = Vec::new();
        let (mut oldest, mut slop) = (i64::MAX, SLOP);
        while let Some((time, id)) = self.queue.pop() {
            if self.open == 0 {
                if order.is_empty() {
                    break;
                }
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
            let (tree, data) = (seen.node.tree, std::mem::take(&mut seen.data));
            if !hidden {
                self.open -= 1;
                oldest = oldest.min(time);
                order.push(id);
            }
            for parent in &parents {
                self.meet(objects, parent, hidden)?;
            }
            if let Some(each) = self.each.as_mut().filter(|_| !hidden) {
                let parents = parents.iter().filter_map(|parent| self.seen.get(parent));
                let parents = parents.map(|parent| parent.node.tree).collect();
                let data = Some(data).filter(|data| !data.is_empty());
                each(Fresh { id, tree, parents, data });
            }
        }
        Ok(order)
    }
}

#[cfg(test)]
pub(in crate::git) mod tests {
    use std::collections::BTreeSet;
    use std::io::Write;
    use std::process::Stdio;

    use super::*;
    use crate::git::{Git, plain_git};

    /// A repository with random commits, and for each its id and its parents by number.
    pub(in crate::git) struct Random {
        pub git: Git,
        pub ids: Vec<ObjectId>,
        pub parents: Vec<Vec<usize>>,
        _dir: tempfile::TempDir,
    }

    /// `skew`: by so many seconds clocks may be wrong; a commit comes every ten.
    pub(in crate::git) fn random(seed: u64, commits: usize, skew: i64) -> Random {
        let mut random = fastrand::Rng::with_seed(seed);
        let dir = tempfile::tempdir().unwrap();
        let run = |args: &[&str], input: &str| {
            let mut child = plain_git()
                .env("GIT_DIR", dir.path())
                .args(args)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
            let out = child.wait_with_output().unwrap();
            assert!(out.status.success(), "{args:?}");
            String::from_utf8(out.stdout).unwrap()
        };
        run(&["init", "-q", "--bare", "--template=", dir.path().to_str().unwrap()], "");
        let mut stream = String::new();
        let mut parents: Vec<Vec<usize>> = Vec::new();
        for n in 0..commits {
            let mut of: Vec<usize> = (0..[1, 1, 1, 2, 2, 3][random.usize(..6)])
                .filter_map(|_| n.checked_sub(1 + random.usize(..6)))
                .collect();
            of.sort_unstable();
            of.dedup();
            of.reverse();
            let i = i64::try_from(n).unwrap();
            let time = 1_700_000_000 + 10 * i + random.i64(-skew..=skew);
            stream += &format!("commit refs/c/{n}\nmark :{}\n", n + 1);
            stream += &format!("committer A <a@b> {time} +0000\ndata 0\n");
            for (at, parent) in of.iter().enumerate() {
                stream += if at == 0 { "from" } else { "merge" };
                stream += &format!(" :{}\n", parent + 1);
            }
            for _ in 0..random.usize(..4) {
                let dirs = ["", "a/", "a/b/", "a.b/", "ab/", "x/y/z/"];
                let names = ["a", "b", "a.b", "ab", "z"];
                let path = format!("{}{}", dirs[random.usize(..6)], names[random.usize(..5)]);
                if random.u8(..4) == 0 {
                    stream += &format!("D {path}\n");
                } else {
                    let mode = ["100644", "100755", "120000"][random.usize(..3)];
                    let text = random.u8(..5);
                    stream += &format!("M {mode} inline {path}\ndata 1\n{text}\n");
                }
            }
            stream += "\n";
            parents.push(of);
        }
        run(&["fast-import", "--quiet", "--force"], &stream);
        let refs = run(&["for-each-ref", "--format=%(refname:lstrip=2) %(objectname)"], "");
        let mut ids = vec![ObjectId::null(gix::hash::Kind::Sha1); commits];
        for line in refs.lines() {
            let (n, id) = line.split_once(' ').unwrap();
            ids[n.parse::<usize>().unwrap()] = ObjectId::from_hex(id.as_bytes()).unwrap();
        }
        if seed.is_multiple_of(2) {
            run(&["commit-graph", "write", "--reachable"], "");
        }
        let at = dir.path().to_owned();
        let git = Git::at(at.clone(), at, None);
        Random { git, ids, parents, _dir: dir }
    }

    fn reach(world: &Random, from: &[usize]) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut next = from.to_vec();
        while let Some(n) = next.pop() {
            if found.insert(n) {
                next.extend(&world.parents[n]);
            }
        }
        found
    }

    #[test]
    fn what_is_new_is_exactly_what_is_reachable_and_not_known_and_never_less() {
        for (seed, skew) in [(1, 0), (2, 0), (3, 5), (4, 2000)] {
            let world = random(seed, 300, skew);
            let objects = Objects::open(&world.git, gix::hash::Kind::Sha1).unwrap();
            let mut random = fastrand::Rng::with_seed(seed);
            for _ in 0..60 {
                let mut some = |most: usize| -> Vec<usize> {
                    (0..random.usize(..=most)).map(|_| random.usize(..300)).collect()
                };
                let (tips, hidden) = (some(4), some(6));
                let ids = |of: &[usize]| of.iter().map(|n| world.ids[*n]).collect::<Vec<_>>();
                let walk = new_commits(&objects, &ids(&tips), &ids(&hidden)).unwrap();
                let known = reach(&world, &hidden);
                let right: BTreeSet<ObjectId> =
                    reach(&world, &tips).difference(&known).map(|n| world.ids[*n]).collect();
                let found: BTreeSet<ObjectId> = walk.commits.iter().map(|new| new.id).collect();
                assert_eq!(found.len(), walk.commits.len(), "each once");
                assert!(found.is_superset(&right), "{seed}: {tips:?} {hidden:?}");
                if skew < 10 {
                    assert_eq!(found, right, "{seed}: {tips:?} {hidden:?}");
                }
                assert!(walk.missing.is_empty());
            }
        }
    }
}
