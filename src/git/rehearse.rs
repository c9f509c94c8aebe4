//! What bringing a branch up to date would come to, worked out in memory: no file, no ref and
//! no index is touched. The same histories always give the same commits, so a rehearsal can be
//! shown, and done later.

use anyhow::{Context, Result};

use super::Git;
use super::raw::{Entry, Merged};
use crate::base::{CommitId, Place, RepoPath};

/// How a branch gets the upstream's commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    FastForward,
    /// The local commits are made again on top of the upstream.
    Replay,
    Merge,
}

/// Where the conflict would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Among {
    Commits,
    Uncommitted,
}

/// What would come of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rehearsal {
    Clean {
        way: Way,
        to: Place,
        /// Local commits that the upstream has already, under another id.
        dropped: Vec<CommitId>,
    },
    Conflict {
        among: Among,
        paths: Vec<RepoPath>,
    },
}

/// The commits of a rehearsal.
enum Joined {
    At { way: Way, commit: CommitId, dropped: Vec<CommitId> },
    Conflict(Vec<RepoPath>),
}

impl Git {
    /// Rehearses bringing what stands at `place` up to `upstream`, which it does not contain.
    /// `label` is what a merge commit calls the upstream.
    pub fn rehearse(&self, place: &Place, upstream: &CommitId, label: &str) -> Result<Rehearsal> {
        let joined = match &place.commit {
            None => {
                Joined::At { way: Way::FastForward, commit: upstream.clone(), dropped: Vec::new() }
            }
            Some(head) => self.join(head, upstream, label)?,
        };
        let (way, commit, dropped) = match joined {
            Joined::At { way, commit, dropped } => (way, commit, dropped),
            Joined::Conflict(paths) => {
                return Ok(Rehearsal::Conflict { among: Among::Commits, paths });
            }
        };
        Ok(match self.carry_over(place, &commit)? {
            Ok(to) => Rehearsal::Clean { way, to, dropped },
            Err(paths) => Rehearsal::Conflict { among: Among::Uncommitted, paths },
        })
    }

    /// The uncommitted work of a place on top of another commit, or where it conflicts.
    pub fn carry_over(
        &self,
        place: &Place,
        commit: &CommitId,
    ) -> Result<Result<Place, Vec<RepoPath>>> {
        let base = match &place.commit {
            Some(head) => head.clone(),
            None => self.carrier(&self.empty_tree()?, None)?,
        };
        let new = Place {
            commit: Some(commit.clone()),
            index: self.tree_of(commit)?,
            work: self.tree_of(commit)?,
        };
        self.carry_between(&base, place, &new)
    }

    /// What `place` holds beyond the tree of `base`, on top of `new`.
    fn carry_between(
        &self,
        base: &CommitId,
        place: &Place,
        new: &Place,
    ) -> Result<Result<Place, Vec<RepoPath>>> {
        let was = self.tree_of(base)?;
        let mut conflicts = Vec::new();
        let mut over = |mine: &CommitId, new: &CommitId| -> Result<CommitId> {
            match self.merge_over(base, &was, new, mine)? {
                Merged::Clean(tree) => Ok(tree),
                Merged::Conflict(paths) => {
                    conflicts.extend(paths);
                    Ok(mine.clone())
                }
            }
        };
        let index = over(&place.index, &new.index)?;
        let work = if place.work == place.index && new.index == new.work {
            index.clone()
        } else {
            over(&place.work, &new.work)?
        };
        if conflicts.is_empty() {
            return Ok(Ok(Place { commit: new.commit.clone(), index, work }));
        }
        conflicts.sort();
        conflicts.dedup();
        Ok(Err(conflicts))
    }

    /// The other way round, for undo: what was done to index and files since `since`, on top of
    /// `back`. Both are places that gsync made.
    pub fn carry_back(
        &self,
        since: &Place,
        now: &Place,
        back: &Place,
    ) -> Result<Result<Place, Vec<RepoPath>>> {
        let mut found = back.clone();
        let mut conflicts = Vec::new();
        for (base, mine, new, into) in [
            (&since.index, &now.index, &back.index, &mut found.index),
            (&since.work, &now.work, &back.work, &mut found.work),
        ] {
            match self.merge_over(&self.carrier(base, None)?, base, new, mine)? {
                Merged::Clean(tree) => *into = tree,
                Merged::Conflict(paths) => conflicts.extend(paths),
            }
        }
        conflicts.sort();
        conflicts.dedup();
        Ok(if conflicts.is_empty() { Ok(found) } else { Err(conflicts) })
    }

    /// A merge of trees. First without renames: then files that the other side does not touch
    /// stay where they are, whatever happened to the directory around them. Only if that does
    /// not go, renames are followed.
    fn merge_over(
        &self,
        base: &CommitId,
        base_tree: &CommitId,
        new: &CommitId,
        mine: &CommitId,
    ) -> Result<Merged> {
        if mine == base_tree || mine == new {
            return Ok(Merged::Clean(new.clone()));
        }
        if new == base_tree {
            return Ok(Merged::Clean(mine.clone()));
        }
        match self.merge_trees(base, new, mine, false)? {
            Merged::Conflict(_) => self.merge_trees(base, new, mine, true),
            clean @ Merged::Clean(_) => Ok(clean),
        }
    }

    fn join(&self, head: &CommitId, upstream: &CommitId, label: &str) -> Result<Joined> {
        let range = format!("{upstream}...{head}");
        let args = ["rev-list", "--reverse", "--topo-order", "--right-only", "--cherry-mark"];
        let out = self.must(&[&args[..], &["--parents", range.as_str()]].concat())?;
        // Each line: a mark (`=`: the upstream has it already), the commit, its parents.
        let mut mine = Vec::new();
        for line in out.lines() {
            let known = line.starts_with('=');
            let ids = line.trim_start_matches(['=', '+', '>']).split(' ');
            let ids: Vec<CommitId> = ids.filter_map(CommitId::parse).collect();
            mine.push((known, ids));
        }
        if mine.is_empty() {
            let way = Way::FastForward;
            return Ok(Joined::At { way, commit: upstream.clone(), dropped: Vec::new() });
        }
        let straight = mine.iter().all(|(_, ids)| ids.len() == 2);
        if straight && let Some(joined) = self.replay(&mine, upstream)? {
            return Ok(joined);
        }
        self.merge(head, upstream, label)
    }

    /// Makes the commits again on top of `onto`, as `git rebase` would. Nothing: one of them
    /// conflicts.
    fn replay(&self, commits: &[(bool, Vec<CommitId>)], onto: &CommitId) -> Result<Option<Joined>> {
        let mut at = onto.clone();
        let mut at_tree = self.tree_of(onto)?;
        let mut dropped = Vec::new();
        let (ident, sign) = (self.must(&["var", "GIT_COMMITTER_IDENT"])?, self.signs()?);
        // The commit before and its tree: mostly the next one's parent.
        let mut last: Option<(&CommitId, CommitId)> = None;
        for (known, ids) in commits {
            let [commit, parent] = &ids[..] else { return Ok(None) };
            let was = match last.take() {
                Some((id, tree)) if id == parent => tree,
                _ => self.tree_of(parent)?,
            };
            let theirs = self.tree_of(commit)?;
            last = Some((commit, theirs.clone()));
            // Two empty commits look alike to git's comparison; each was made on purpose.
            if *known && was != theirs {
                dropped.push(commit.clone());
                continue;
            }
            let tree = match self.merge_trees(parent, &at_tree, &theirs, true)? {
                Merged::Clean(tree) => tree,
                Merged::Conflict(_) => return Ok(None),
            };
            // Became empty: the upstream has the same change. Was empty: somebody meant it.
            if tree == at_tree && was != theirs {
                dropped.push(commit.clone());
                continue;
            }
            at = self.again(commit, &tree, &at, (&ident, sign))?;
            at_tree = tree;
        }
        Ok(Some(Joined::At { way: Way::Replay, commit: at, dropped }))
    }

    /// The same commit on another parent: author, encoding and message as they are; a signature
    /// would be wrong and goes, or is made anew where commits are to be signed.
    fn again(
        &self,
        commit: &CommitId,
        tree: &CommitId,
        parent: &CommitId,
        (ident, sign): (&str, bool),
    ) -> Result<CommitId> {
        let raw = self.raw_commit(commit)?;
        let parts = Parts::of(&raw).context("a commit has a head and a message")?;
        let parent_raw = self.raw_commit(parent)?;
        let parent_time = Parts::of(&parent_raw).map_or(0, |parts| parts.time());
        let committer = committer(ident, parts.time().max(parent_time))?;
        let mut people = parts.line(b"author ");
        people.extend_from_slice(format!("committer {committer}\n").as_bytes());
        people.extend_from_slice(&parts.line(b"encoding "));
        people.push(b'\n');
        people.extend_from_slice(parts.message);
        if !sign {
            return self.write_commit(tree, &[parent], &people);
        }
        self.signed(tree, &[parent], &people)
    }

    fn merge(&self, head: &CommitId, upstream: &CommitId, label: &str) -> Result<Joined> {
        let tree = match self.merge_commits(head, upstream, true)? {
            Merged::Clean(tree) => tree,
            Merged::Conflict(paths) => return Ok(Joined::Conflict(paths)),
        };
        let mut time = 0;
        for commit in [head, upstream] {
            let raw = self.raw_commit(commit)?;
            time = time.max(Parts::of(&raw).map_or(0, |parts| parts.time()));
        }
        let who = committer(&self.must(&["var", "GIT_COMMITTER_IDENT"])?, time)?;
        let message = format!("Merge remote-tracking branch '{label}'\n");
        let people = format!("author {who}\ncommitter {who}\n\n{message}");
        let parents = [head, upstream];
        let commit = match self.signs()? {
            true => self.signed(&tree, &parents, people.as_bytes())?,
            false => self.write_commit(&tree, &parents, people.as_bytes())?,
        };
        Ok(Joined::At { way: Way::Merge, commit, dropped: Vec::new() })
    }

    /// Ignored files (and whatever else git does not know) where a move would put something.
    /// A file that has the wanted bytes already is not in the way.
    pub fn obstacles(&self, from: &CommitId, to: &CommitId) -> Result<Vec<RepoPath>> {
        let changes = self.compare_trees(from, to)?;
        let hidden = self.hidden_edits(&changes)?;
        let added: Vec<(RepoPath, Entry)> = changes
            .into_iter()
            .filter(|change| change.from.is_none())
            .filter_map(|change| Some((change.path, change.to?)))
            .collect();
        let mut met = self.obstacles_to(from, &added)?;
        met.extend(hidden);
        Ok(met)
    }
}

/// Who commits here, at that time. Not at the time of day: a rehearsal that is done again must
/// come to the same commits.
pub(super) fn committer(ident: &str, time: i64) -> Result<String> {
    let (who, when) = ident.rsplit_once("> ").context("read who commits here")?;
    let zone = when.split(' ').nth(1).unwrap_or("+0000");
    Ok(format!("{who}> {time} {zone}"))
}

/// A stored commit, taken apart.
struct Parts<'a> {
    head: &'a [u8],
    message: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(raw: &'a [u8]) -> Option<Self> {
        let at = raw.windows(2).position(|two| two == b"\n\n")?;
        Some(Self { head: &raw[..=at], message: &raw[at + 2..] })
    }

    /// One line of the head with its newline; nothing if there is none.
    fn line(&self, name: &[u8]) -> Vec<u8> {
        let line = self.head.split_inclusive(|byte| *byte == b'\n');
        line.filter(|line| line.starts_with(name)).flatten().copied().collect()
    }

    fn time(&self) -> i64 {
        let line = self.line(b"committer ");
        let text = String::from_utf8_lossy(&line);
        text.trim_end().rsplit(' ').nth(1).and_then(|time| time.parse().ok()).unwrap_or(0)
    }
}
