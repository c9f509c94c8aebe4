//! Questions to the repository: in process where gix can, because a hook must not be felt;
//! with the git executable where it cannot.

use std::collections::HashSet;

use anyhow::{Context, Result};
use gix::bstr::ByteSlice;
use gix::traverse::commit::simple::CommitTimeOrder;

use crate::base::{Commit, CommitId, RefName, Time, plain};
use crate::git::{self, Git};
use crate::host::read;

/// More commits than this are not counted one by one.
const MANY: usize = 10_000;

/// A repository, opened once for all questions of a hook.
pub struct Look<'git> {
    pub(super) git: &'git Git,
    pub(super) library: Option<gix::Repository>,
}

impl<'git> Look<'git> {
    pub fn at(git: &'git Git) -> Self {
        Self { git, library: git.library() }
    }

    /// The branch HEAD is on, if it is on one.
    pub fn branch(&self) -> Result<Option<RefName>> {
        match &self.library {
            Some(repo) => {
                Ok(repo.head_name()?.map(|name| RefName::new(name.as_bstr().to_string())))
            }
            None => Ok(self.git.ask(&["symbolic-ref", "--quiet", "HEAD"])?.map(RefName::new)),
        }
    }

    /// Where a ref, or `HEAD`, stands.
    pub fn tip(&self, name: &RefName) -> Result<Option<CommitId>> {
        let Some(repo) = &self.library else { return self.git.resolve_ref(name) };
        if name.as_str() == "HEAD" {
            return Ok(repo.head()?.id().map(|id| CommitId::new(id.to_string())));
        }
        let Some(mut reference) = repo.try_find_reference(name.as_str())? else { return Ok(None) };
        Ok(Some(CommitId::new(reference.peel_to_id()?.to_string())))
    }

    /// A setting, the last value if there are several.
    pub fn config(&self, key: &str) -> Result<Option<String>> {
        match &self.library {
            Some(repo) => Ok(repo.config_snapshot().string(key).map(|text| text.to_string())),
            None => self.git.config(key),
        }
    }

    /// The remote-tracking ref that a branch follows, whether or not it is there.
    pub fn upstream(&self, branch: &RefName) -> Result<Option<RefName>> {
        let Some(repo) = &self.library else {
            let args = ["for-each-ref", "--format=%(upstream)", branch.as_str()];
            let answer = self.git.ask(&args)?.filter(|answer| !answer.is_empty());
            return Ok(answer.map(RefName::new));
        };
        let name: gix::refs::FullName = branch.as_str().try_into()?;
        let found =
            repo.branch_remote_tracking_ref_name(name.as_ref(), gix::remote::Direction::Fetch);
        Ok(found.and_then(Result::ok).map(|name| RefName::new(name.as_bstr().to_string())))
    }

    /// Whether there is a remote by that name.
    pub fn has_remote(&self, name: &str) -> Result<bool> {
        Ok(self.config(&format!("remote.{name}.url"))?.is_some())
    }

    /// What a hub has, as far as it was fetched.
    pub fn hub_tips(&self, hub: &str) -> Result<Vec<CommitId>> {
        let prefix = format!("refs/remotes/{hub}/");
        let refs = match &self.library {
            Some(repo) => git::refs_in(repo, &prefix)?,
            None => self.git.refs(&prefix)?,
        };
        Ok(refs.into_iter().map(|(_, id)| id).collect())
    }

    /// The branches of this clone that stand at a commit.
    pub fn branches_at(&self, id: &CommitId) -> Result<Vec<RefName>> {
        let refs = match &self.library {
            Some(repo) => git::refs_in(repo, "refs/heads/")?,
            None => self.git.refs("refs/heads/")?,
        };
        Ok(refs.into_iter().filter(|(_, at)| at == id).map(|(name, _)| name).collect())
    }

    /// What the tips have and the hidden ones have not, the newest first.
    pub fn commits(&self, tips: &[CommitId], hidden: &[CommitId]) -> Result<Vec<Commit>> {
        let Some(repo) = &self.library else {
            let tips: Vec<&CommitId> = tips.iter().collect();
            return self.git.commits(&tips, &hidden.iter().collect::<Vec<_>>(), MANY);
        };
        let mut commits = Vec::new();
        for id in walk(repo, tips, hidden)? {
            let commit = repo.find_commit(id)?;
            let author = commit.author()?.name.to_str_lossy().into_owned();
            let summary = commit.message()?.summary().to_str_lossy().into_owned();
            commits.push(Commit {
                id: CommitId::new(id.to_string()),
                summary: plain(&summary),
                author: plain(&author),
                time: Time(commit.time()?.seconds),
            });
        }
        Ok(commits)
    }

    /// The commits that a commit was made on.
    pub(super) fn parents(&self, id: &CommitId) -> Result<Vec<CommitId>> {
        match &self.library {
            Some(repo) => {
                let commit = repo.find_commit(object(id)?)?;
                Ok(commit.parent_ids().map(|id| CommitId::new(id.to_string())).collect())
            }
            None => {
                let line = self.git.must(&["rev-parse", &format!("{id}^@")])?;
                Ok(line.lines().filter_map(CommitId::parse).collect())
            }
        }
    }

    /// Whether a commit is here. One that was cleaned away since cannot be compared with.
    pub(super) fn has(&self, id: &CommitId) -> bool {
        match &self.library {
            Some(repo) => object(id).is_ok_and(|id| repo.has_object(id)),
            None => self.git.ask(&["cat-file", "-e", id.as_str()]).is_ok_and(|said| said.is_some()),
        }
    }
}

pub(super) fn object(id: &CommitId) -> Result<gix::ObjectId> {
    gix::ObjectId::from_hex(id.as_str().as_bytes()).with_context(|| format!("read the id {id}"))
}

/// Commits of the tips that the hidden ones do not contain.
fn walk(
    repo: &gix::Repository,
    tips: &[CommitId],
    hidden: &[CommitId],
) -> Result<Vec<gix::ObjectId>> {
    // A ref may point at a tag, or at something that a partial clone has not got.
    let commit = |id: &CommitId| -> Option<gix::ObjectId> {
        let object = repo.find_object(object(id).ok()?).ok()?;
        Some(object.peel_to_kind(gix::object::Kind::Commit).ok()?.id)
    };
    let tips: Vec<gix::ObjectId> = tips.iter().filter_map(commit).collect();
    let hidden: HashSet<gix::ObjectId> = hidden.iter().filter_map(commit).collect();
    if tips.iter().all(|tip| hidden.contains(tip)) {
        return Ok(Vec::new());
    }
    let order = gix::revision::walk::Sorting::ByCommitTime(CommitTimeOrder::NewestFirst);
    let found = repo.rev_walk(tips).sorting(order).with_hidden(hidden).all()?;
    // A commit that is missing (shallow, partial) ends the list.
    Ok(found.take(MANY).map_while(Result::ok).map(|info| info.id).collect())
}

/// Whether a rebase, an am, or a sequence of picks is not through in this work tree.
pub fn is_busy(git: &Git) -> bool {
    is_rebasing(git) || read::exists(&git.git_dir.join("sequencer"))
}

pub(super) fn is_rebasing(git: &Git) -> bool {
    ["rebase-merge", "rebase-apply"].iter().any(|name| read::exists(&git.git_dir.join(name)))
}
