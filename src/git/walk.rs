//! Commits on one side of a fork: how many, and the newest of them.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use gix::bstr::ByteSlice;
use gix::revision::walk::Sorting;

use super::Git;
use crate::base::{Commit, CommitId, Time, plain};
use crate::host::process::{self, Ended};

/// How long a walk may take before its answer is worth nothing.
const PATIENCE: Duration = Duration::from_mins(1);

/// Commits that one side has and the other lacks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Side {
    pub count: usize,
    /// The newest of them, the newest first.
    pub newest: Vec<Commit>,
}

impl Git {
    /// What the tips reach and the hidden commits do not; at most `limit` of them are told.
    pub fn only_in(
        &self,
        repo: Option<&gix::Repository>,
        tips: &[CommitId],
        hidden: &[CommitId],
        limit: usize,
    ) -> Result<Side> {
        // What gix cannot walk, git can, or knows why not.
        match repo.filter(|_| !self.is_shallow()).map(|repo| walk(repo, tips, hidden, limit)) {
            Some(Ok(side)) => Ok(side),
            Some(Err(_)) | None => self.only_in_by_git(tips, hidden, limit),
        }
    }

    fn only_in_by_git(&self, tips: &[CommitId], hidden: &[CommitId], limit: usize) -> Result<Side> {
        let mut revs = String::new();
        for id in tips {
            revs += &format!("{id}\n");
        }
        for id in hidden {
            revs += &format!("^{id}\n");
        }
        let count = self.rev_list(&["--count"], &revs)?;
        let count = count.trim().parse().context("a count of commits")?;
        let mut newest = Vec::new();
        if limit > 0 && count > 0 {
            let most = format!("--max-count={limit}");
            let ids = self.rev_list(&[&most], &revs)?;
            let ids: Vec<CommitId> = ids.lines().filter_map(CommitId::parse).collect();
            newest = self.described(&ids)?;
        }
        Ok(Side { count, newest })
    }

    fn rev_list(&self, args: &[&str], revs: &str) -> Result<String> {
        let mut command = super::porcelain::offline(self.command());
        command.arg("rev-list").args(args).arg("--stdin");
        match process::run(&mut command, revs.as_bytes(), PATIENCE)? {
            Ended::Exited(out) if out.status.success() => {
                Ok(String::from_utf8_lossy(&out.stdout).into_owned())
            }
            Ended::Exited(out) => Err(super::ask::refusal(&["rev-list"], &out).into()),
            Ended::TimedOut => bail!("git rev-list took too long"),
        }
    }

    /// Author, time and summary of commits, in their order.
    fn described(&self, ids: &[CommitId]) -> Result<Vec<Commit>> {
        let mut found = Vec::new();
        for some in ids.chunks(200) {
            let mut args = vec!["show", "-s", "-z", "--format=%H%x00%ct%x00%an%x00%s"];
            args.push("--end-of-options");
            args.extend(some.iter().map(CommitId::as_str));
            let out = self.must_bytes(&args)?;
            let text = String::from_utf8_lossy(&out);
            let mut fields = text.split('\0');
            while let (Some(id), Some(time), Some(author), Some(summary)) =
                (fields.next(), fields.next(), fields.next(), fields.next())
            {
                let id = CommitId::parse(id.trim()).context("a commit id from git show")?;
                let time = Time(time.parse().unwrap_or(0));
                found.push(Commit { id, time, author: plain(author), summary: plain(summary) });
            }
        }
        Ok(found)
    }
}

fn walk(
    repo: &gix::Repository,
    tips: &[CommitId],
    hidden: &[CommitId],
    limit: usize,
) -> Result<Side> {
    let ids = |ids: &[CommitId]| -> Result<Vec<gix::ObjectId>> {
        ids.iter().map(|id| Ok(gix::ObjectId::from_hex(id.as_str().as_bytes())?)).collect()
    };
    let newest_first =
        Sorting::ByCommitTime(gix::traverse::commit::simple::CommitTimeOrder::NewestFirst);
    let walk = repo.rev_walk(ids(tips)?).with_hidden(ids(hidden)?).sorting(newest_first).all();
    let mut side = Side::default();
    for info in walk.context("walk the history")? {
        let info = info.context("walk the history")?;
        side.count += 1;
        if side.newest.len() < limit {
            let commit = info.object().context("read a commit")?;
            let summary =
                commit.message().context("read a commit")?.summary().to_str_lossy().into_owned();
            let author = commit.author().context("read a commit")?.name.to_str_lossy().into_owned();
            let time = commit.time().context("read a commit")?.seconds;
            side.newest.push(Commit {
                id: CommitId::new(info.id.to_string()),
                summary: plain(&summary),
                author: plain(&author),
                time: Time(time),
            });
        }
    }
    Ok(side)
}
