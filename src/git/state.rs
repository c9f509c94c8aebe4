//! Where a repository stands: HEAD, the upstream of its branch, what was begun and not
//! finished, and what kind of a clone it is.

use std::path::PathBuf;

use anyhow::{Context, Result};
use gix::bstr::ByteSlice;

use super::{Git, ask::trimmed};
use crate::base::{Branch, CommitId, Operation, RefName, Time, plain};
use crate::host::read;

/// Where HEAD is. No branch: detached. No commit: the branch is not born yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    pub branch: Option<Branch>,
    pub id: Option<CommitId>,
}

/// What the branch follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// The remote's name, `.` for this repository, or an address.
    pub remote: String,
    /// The branch over there.
    pub merge: RefName,
    /// The ref here that remembers it. Nothing: the remote maps that branch nowhere.
    pub tracking: Option<RefName>,
    /// Where it stands as far as known here. Nothing: it is gone, or was never fetched.
    pub id: Option<CommitId>,
}

impl Upstream {
    /// What people call it: `origin/main`.
    pub fn short(&self) -> String {
        match &self.tracking {
            Some(tracking) => tracking.short().to_owned(),
            None => format!("{}/{}", self.remote, self.merge.short()),
        }
    }
}

impl Git {
    /// HEAD, and what its branch follows.
    pub fn position(&self, repo: Option<&gix::Repository>) -> Result<(Head, Option<Upstream>)> {
        match repo {
            Some(repo) => position_in(repo),
            None => self.position_by_git(),
        }
    }

    fn position_by_git(&self) -> Result<(Head, Option<Upstream>)> {
        let id = self.resolve_commit("HEAD")?;
        let Some(name) = self.ask(&["symbolic-ref", "--quiet", "HEAD"])? else {
            return Ok((Head { branch: None, id }, None));
        };
        let name = RefName::new(name);
        let branch = Branch::new(name.short());
        let head = Head { branch: Some(branch.clone()), id };
        let of = |key: &str| self.config(&format!("branch.{branch}.{key}"));
        let (Some(remote), Some(merge)) = (of("remote")?, of("merge")?) else {
            return Ok((head, None));
        };
        let merge = RefName::new(merge);
        let mapped = self.must(&["for-each-ref", "--format=%(upstream)", "--", name.as_str()])?;
        let tracking = match (remote.as_str(), mapped.lines().next().unwrap_or_default()) {
            (".", _) => Some(merge.clone()),
            // A branch that is not born has no line: the usual mapping will do.
            (_, "") if head.id.is_none() => {
                Some(RefName::new(format!("refs/remotes/{remote}/{}", merge.short())))
            }
            (_, "") => None,
            (_, mapped) => Some(RefName::new(mapped)),
        };
        let id = match &tracking {
            Some(tracking) => self.resolve_ref(tracking)?,
            None => None,
        };
        Ok((head, Some(Upstream { remote, merge, tracking, id })))
    }

    /// What was begun and not finished, and the branch that a rebase is about. Unmerged
    /// paths without any of these are for the caller to see.
    pub fn operation(&self) -> Option<(Operation, Option<Branch>)> {
        let at = |name: &str| self.git_dir.join(name);
        let there = |name: &str| read::exists(&at(name));
        // Where refs are not files these two are no files either.
        let pseudo = |name: &str| there(name) || (self.has_other_refs() && self.has_ref(name));
        if there("rebase-apply/applying") {
            return Some((Operation::Am, None));
        }
        for dir in ["rebase-merge", "rebase-apply"] {
            if there(dir) {
                let name = read::file(&at(dir).join("head-name")).ok().flatten();
                let name = name.map(|file| RefName::new(plain(&trimmed(&file.bytes.0))));
                return Some((Operation::Rebase, name.and_then(|name| name.branch())));
            }
        }
        let operation = match () {
            () if pseudo("MERGE_HEAD") => Operation::Merge,
            () if pseudo("CHERRY_PICK_HEAD") => Operation::CherryPick,
            () if pseudo("REVERT_HEAD") => Operation::Revert,
            () => match self.sequence() {
                Some(operation) => operation,
                None if there("BISECT_LOG") => Operation::Bisect,
                None => return None,
            },
        };
        Some((operation, None))
    }

    /// Several commits are picked or reverted, and one of them was committed by hand.
    fn sequence(&self) -> Option<Operation> {
        let todo = read::file(&self.git_dir.join("sequencer/todo")).ok()??.bytes.0;
        let revert = todo.starts_with(b"revert");
        Some(if revert { Operation::Revert } else { Operation::CherryPick })
    }

    fn has_other_refs(&self) -> bool {
        read::exists(&self.common_dir.join("reftable"))
    }

    fn has_ref(&self, name: &str) -> bool {
        self.resolve_ref(&RefName::new(name)).ok().flatten().is_some()
    }

    /// History was cut off here when it was cloned.
    pub fn is_shallow(&self) -> bool {
        read::file(&self.common_dir.join("shallow"))
            .is_ok_and(|file| file.is_some_and(|file| !file.bytes.0.is_empty()))
    }

    /// The number of this work tree among those of the clone, from 2 on; the oldest linked
    /// one is 2. Nothing for the first, which has no number.
    pub fn worktree_number(&self) -> Option<usize> {
        if !self.is_linked_worktree() {
            return None;
        }
        let all = self.common_dir.join("worktrees");
        let mut linked: Vec<(Option<Time>, PathBuf)> = Vec::new();
        for name in read::names(&all).ok()? {
            // Written once, when the work tree is made.
            let born = read::modified(&all.join(&name).join("commondir"));
            linked.push((born, name));
        }
        linked.sort();
        let own = self.git_dir.file_name()?;
        linked.iter().position(|(_, name)| name == own).map(|at| at + 2)
    }

    /// Where a ref of the clone stood before, as its log remembers, the newest first; with
    /// the moment of the newest entry.
    pub fn former(&self, name: &RefName) -> Result<(Vec<CommitId>, Option<i64>)> {
        if self.has_other_refs() {
            let args = ["log", "-g", "--format=%H", "--end-of-options", name.as_str(), "--"];
            let lines = self.ask(&args)?.unwrap_or_default();
            return Ok((lines.lines().filter_map(CommitId::parse).collect(), None));
        }
        let Some(log) = read::file(&self.common_dir.join("logs").join(name.as_str()))? else {
            return Ok((Vec::new(), None));
        };
        let mut ids = Vec::new();
        let mut moment = None;
        for line in log.bytes.0.split(|byte| *byte == b'\n').rev() {
            let line = String::from_utf8_lossy(line);
            let mut words = line.split(' ');
            let (Some(old), Some(new)) = (words.next(), words.next()) else { continue };
            let who = line.split('\t').next().unwrap_or_default();
            moment = moment.or_else(|| who.rsplit(' ').nth(1)?.parse().ok());
            ids.extend(CommitId::parse(new).filter(|id| !id.is_zero()));
            ids.extend(CommitId::parse(old).filter(|id| !id.is_zero()));
        }
        let mut seen = std::collections::HashSet::new();
        ids.retain(|id| seen.insert(id.clone()));
        Ok((ids, moment))
    }

    /// Commits that this clone itself took from a remote again, as the log of the
    /// remote-tracking ref remembers: it pushed something that they were built on.
    pub fn taken_back(&self, name: &RefName) -> Result<Vec<CommitId>> {
        let args = ["log", "-g", "--format=%H %gs", "-50", name.as_str(), "--"];
        let text = self.ask(&args)?.unwrap_or_default();
        let mut found = Vec::new();
        let mut to = None;
        for line in text.lines() {
            let (id, why) = line.split_once(' ').unwrap_or((line, ""));
            if let Some(to) = to
                && to != id
                && self.ask(&["merge-base", "--is-ancestor", to, id])?.is_some()
            {
                let gone = self.must(&["rev-list", id, "--not", to])?;
                found.extend(gone.lines().filter_map(CommitId::parse));
            }
            to = why.starts_with("update by push").then_some(id);
        }
        Ok(found)
    }
}

fn position_in(repo: &gix::Repository) -> Result<(Head, Option<Upstream>)> {
    use gix::remote::Direction::Fetch;
    let at = repo.head().context("read HEAD")?;
    let id = at.id().map(|id| CommitId::new(id.to_string()));
    let Some(name) = at.referent_name().map(ToOwned::to_owned) else {
        return Ok((Head { branch: None, id }, None));
    };
    let text = |name: &gix::refs::FullNameRef| name.as_bstr().to_str_lossy().into_owned();
    let branch = Branch::new(name.shorten().to_str_lossy().into_owned());
    let head = Head { branch: Some(branch), id };
    let Some(remote) = repo.branch_remote_name(name.shorten(), Fetch) else {
        return Ok((head, None));
    };
    let remote = remote.as_bstr().to_str_lossy().into_owned();
    let Some(Ok(merge)) = repo.branch_remote_ref_name(name.as_ref(), Fetch) else {
        return Ok((head, None));
    };
    let tracking = match remote.as_str() {
        "." => Some(merge.clone()),
        _ => repo.branch_remote_tracking_ref_name(name.as_ref(), Fetch).and_then(Result::ok),
    };
    let tip = match &tracking {
        Some(tracking) => repo.try_find_reference(tracking.as_ref()).ok().flatten(),
        None => None,
    };
    let id = tip.and_then(|mut tip| tip.peel_to_id().ok().map(gix::Id::detach));
    let upstream = Upstream {
        remote,
        merge: RefName::new(text(merge.as_ref())),
        tracking: tracking.map(|tracking| RefName::new(text(tracking.as_ref()))),
        id: id.map(|id| CommitId::new(id.to_string())),
    };
    Ok((head, Some(upstream)))
}
