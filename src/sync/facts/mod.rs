//! Looking at one clone. The look at the work tree is slow, so it goes on while the hub is
//! asked and everything else is read.

mod compare;
mod glance;
mod met;

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::base::{Branch, Change, Commit, CommitId, Operation, Problem, RefName, RepoPath, Time};
use crate::git::{self, Fetched, Git, HubAt};
use crate::host::{clock, env, user};
use compare::{compare, unpushed};
use met::met;

pub use glance::glance;

pub use crate::git::{Forecast, Head, Scan, Seen, Side, Upstream};

/// How many commits of each side are told one by one; there may be more.
const TOLD: usize = 1000;

/// Whether the hub is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    Always,
    Never,
}

/// What came of asking the hub.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Asked {
    #[default]
    NotAsked,
    Answered,
    Failed(String),
    TimedOut,
    /// There is no such remote.
    NoHub,
}

/// Who this clone is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peer {
    pub role: Option<String>,
    pub user: String,
    pub host: String,
    /// From 2 on, for further work trees.
    pub worktree: Option<usize>,
}

/// A run that did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Unfinished {
    pub run: String,
    pub title: String,
    pub command: String,
    /// It is at work right now.
    pub running: bool,
}

/// All that is so, in one clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    pub now: Time,
    pub peer: Peer,
    pub path: PathBuf,
    pub hub: String,
    /// Where it is to be pushed by default: the hub or the remote that the branch follows.
    pub remote: String,
    pub head: Head,
    pub upstream: Option<Upstream>,
    /// The hub said that it no longer has the upstream.
    pub missing: bool,
    /// Nothing: cannot be known here.
    pub outgoing: Option<Side>,
    pub incoming: Option<Side>,
    /// Both sides have a common beginning, as far as this clone can see.
    pub related: bool,
    /// Local commits that the upstream once had and has no longer.
    pub lost: Vec<Commit>,
    pub scan: Scan,
    /// The hub answered, and has no branch.
    pub hub_is_empty: bool,
    /// Untracked files are not looked for, because git is told not to.
    pub untracked_hidden: bool,
    pub operation: Option<(Operation, Option<Branch>)>,
    pub unpushed: Vec<(Branch, usize)>,
    pub asked: Asked,
    pub fetched_at: Option<Time>,
    /// Nothing: git cannot say.
    pub forecast: Option<Forecast>,
    /// Paths whose uncommitted work pulling would meet.
    pub met: Vec<RepoPath>,
    pub shallow: bool,
    pub unfinished: Option<Unfinished>,
}

/// Looks at a clone, asking the hub as told.
pub fn observe(git: &Git, hub: &str, ask: Ask, timeout: Duration) -> Result<Facts> {
    let work_dir = git.work_dir.clone().ok_or_else(|| bare(git))?;
    let scan = git.scan()?;

    let repo = git.library();
    let mut repo = repo.as_ref();
    let (_, upstream) = git.position(repo)?;
    let remote = upstream.as_ref().map(|upstream| upstream.remote.clone());
    let remote = remote.filter(|remote| remote != ".").unwrap_or_else(|| hub.to_owned());
    let merge = upstream.as_ref().map(|upstream| upstream.merge.clone());
    let tracking = upstream.as_ref().and_then(|upstream| upstream.tracking.clone());
    let address = config(git, repo, &format!("remote.{remote}.url"));
    let hub_at = HubAt { remote: &remote, address: address.as_deref(), merge: merge.as_ref() };
    let asked = ask_hub(git, &hub_at, ask, timeout)?;
    // The refs have moved, and new packs have come, since it was opened.
    let again = if asked == Asked::NotAsked { None } else { git.library() };
    repo = again.as_ref().or(repo);

    let (head, upstream) = git.position(repo)?;
    let known = git.known(&remote);
    let listed_none = known.as_ref().is_some_and(|known| known.empty);
    let missing: HashSet<(RefName, CommitId)> =
        known.into_iter().flat_map(|known| known.missing).collect();
    let is_missing = |name: &RefName, id: &CommitId| missing.contains(&(name.clone(), id.clone()));
    let on_hub: Vec<CommitId> = refs(git, repo, "refs/remotes/")?
        .into_iter()
        .filter(|(name, id)| !is_missing(name, id))
        .map(|(_, id)| id)
        .collect();
    let mut facts = Facts {
        now: clock::now(),
        peer: peer(git, repo),
        path: work_dir,
        hub: hub.to_owned(),
        fetched_at: git.asked(&hub_at).max(git.learned(&remote, tracking.as_ref())),
        remote: remote.clone(),
        missing: upstream.as_ref().is_some_and(|upstream| {
            upstream
                .tracking
                .as_ref()
                .zip(upstream.id.as_ref())
                .is_some_and(|(n, i)| is_missing(n, i))
        }),
        operation: git.operation(),
        unpushed: unpushed(git, repo, &head, &on_hub, address.is_some())?,
        shallow: git.is_shallow(),
        hub_is_empty: listed_none && on_hub.is_empty() && asked == Asked::Answered,
        untracked_hidden: config(git, repo, "status.showUntrackedFiles").as_deref() == Some("no"),
        related: true,
        head,
        upstream,
        asked,
        ..Facts::default()
    };
    compare(git, repo, &on_hub, address.is_some(), &mut facts);
    facts.scan = scan.end()?;
    if facts.operation.is_none() && facts.scan.changes.iter().any(is_unmerged) {
        facts.operation = Some((Operation::Conflicts, None));
    }
    if let Some(forecast) = &facts.forecast {
        facts.met =
            met(git, forecast, &facts.scan.changes).context("compare with what comes in")?;
    }
    Ok(facts)
}

fn is_unmerged(change: &Change) -> bool {
    change.worktree == Some(crate::base::Kind::Conflicted)
}

fn bare(git: &Git) -> Problem {
    let place = git.git_dir.display().to_string();
    Problem::refuse("bare", "this is a bare repository: there is no work tree to tell about").hint(
        format!("make a clone and go there: `git clone {}`", crate::base::shell_quote(&place)),
    )
}

fn ask_hub(git: &Git, hub: &HubAt<'_>, ask: Ask, timeout: Duration) -> Result<Asked> {
    if hub.address.is_none() {
        return Ok(Asked::NoHub);
    }
    match ask {
        Ask::Never => Ok(Asked::NotAsked),
        Ask::Always => Ok(match git::fetch(git, hub.remote, timeout)? {
            Fetched::Done(_) => Asked::Answered,
            Fetched::Failed { why } => Asked::Failed(why),
            Fetched::TimedOut => Asked::TimedOut,
        }),
    }
}

fn config(git: &Git, repo: Option<&gix::Repository>, key: &str) -> Option<String> {
    match repo {
        Some(repo) => repo.config_snapshot().string(key).map(|value| value.to_string()),
        None => git.config(key).ok().flatten(),
    }
}

fn peer(git: &Git, repo: Option<&gix::Repository>) -> Peer {
    Peer {
        role: config(git, repo, "gsync.role").filter(|role| !role.is_empty()),
        user: user::name(),
        host: env::host_name(),
        worktree: git.worktree_number(),
    }
}

fn refs(
    git: &Git,
    repo: Option<&gix::Repository>,
    prefix: &str,
) -> Result<Vec<(RefName, CommitId)>> {
    match repo {
        Some(repo) => git::refs_in(repo, prefix),
        None => git.refs(prefix),
    }
}
