//! Looking at one clone. The look at the work tree is slow, so it goes on while the hub is
//! asked and everything else is read.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use crate::base::{Branch, Change, Commit, CommitId, Operation, Problem, RefName, RepoPath, Time};
use crate::git::{self, Fetched, Git};
use crate::host::{clock, env};

pub use crate::git::{Forecast, Head, Scan, Seen, Side, Upstream};

/// How many commits of each side are told one by one; there may be more.
const TOLD: usize = 1000;
/// Asking again within this time would tell nothing new.
const FRESH: i64 = 10;

/// Whether the hub is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    Always,
    /// Not if it was asked a moment ago.
    IfOld,
    Never,
}

/// What came of asking the hub.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Asked {
    #[default]
    NotAsked,
    /// Now, or a moment ago.
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
    let scanner = git.clone();
    let scan = thread::spawn(move || scanner.scan());

    let repo = git.library();
    let mut repo = repo.as_ref();
    let (_, upstream) = git.position(repo)?;
    let remote = upstream.as_ref().map(|upstream| upstream.remote.clone());
    let remote = remote.filter(|remote| remote != ".").unwrap_or_else(|| hub.to_owned());
    let merge = upstream.as_ref().map(|upstream| upstream.merge.clone());
    let tracking = upstream.as_ref().and_then(|upstream| upstream.tracking.clone());
    let asked = ask_hub(git, &remote, ask, merge.as_ref(), timeout)?;
    // The refs have moved, and new packs have come, since it was opened.
    let again = if asked == Asked::NotAsked { None } else { git.library() };
    repo = again.as_ref().or(repo);

    let (head, upstream) = git.position(repo)?;
    let known = git.known(&remote);
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
        fetched_at: git.asked(&remote, merge.as_ref(), tracking.as_ref()).1,
        remote,
        missing: upstream.as_ref().is_some_and(|upstream| {
            upstream
                .tracking
                .as_ref()
                .zip(upstream.id.as_ref())
                .is_some_and(|(n, i)| is_missing(n, i))
        }),
        operation: git.operation(),
        unpushed: unpushed(git, repo, &head, &on_hub)?,
        shallow: git.is_shallow(),
        untracked_hidden: config(git, repo, "status.showUntrackedFiles").as_deref() == Some("no"),
        related: true,
        head,
        upstream,
        asked,
        ..Facts::default()
    };
    compare(git, repo, &on_hub, &mut facts);
    facts.scan = scan.join().map_err(|_| anyhow!("the look at the work tree broke off"))??;
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

fn ask_hub(
    git: &Git,
    remote: &str,
    ask: Ask,
    merge: Option<&RefName>,
    timeout: Duration,
) -> Result<Asked> {
    let exists = git.config(&format!("remote.{remote}.url"))?.is_some();
    if !exists {
        return Ok(Asked::NoHub);
    }
    let fresh = || {
        git.asked(remote, merge, None)
            .0
            .is_some_and(|at| (0..FRESH).contains(&(clock::now().0 - at.0)))
    };
    match ask {
        Ask::Never => Ok(Asked::NotAsked),
        Ask::IfOld if fresh() => Ok(Asked::Answered),
        Ask::IfOld | Ask::Always => Ok(match git::fetch(git, remote, timeout)? {
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
        user: env::text("USER").unwrap_or_else(|| "someone".into()),
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

/// Other branches with commits that no remote has. Without any remote that is all of them,
/// and says nothing.
fn unpushed(
    git: &Git,
    repo: Option<&gix::Repository>,
    head: &Head,
    on_hub: &[CommitId],
) -> Result<Vec<(Branch, usize)>> {
    if on_hub.is_empty() {
        return Ok(Vec::new());
    }
    let pushed: HashSet<&CommitId> = on_hub.iter().collect();
    let mut found = Vec::new();
    for (name, id) in refs(git, repo, "refs/heads/")? {
        let Some(branch) = name.branch() else { continue };
        if head.branch.as_ref() == Some(&branch) || pushed.contains(&id) {
            continue;
        }
        // A branch whose commits are not here is git's to complain about.
        let Ok(side) = git.only_in(repo, &[id], on_hub, 0) else { continue };
        if side.count > 0 {
            found.push((branch, side.count));
        }
    }
    Ok(found)
}

/// What is on this side, on the other side, and what became of what both once had.
fn compare(git: &Git, repo: Option<&gix::Repository>, on_hub: &[CommitId], facts: &mut Facts) {
    let theirs = facts.upstream.as_ref().and_then(|upstream| upstream.id.clone());
    let theirs = theirs.filter(|_| !facts.missing);
    let only = |tip: &CommitId, hidden: &[CommitId]| {
        git.only_in(repo, std::slice::from_ref(tip), hidden, TOLD).ok()
    };
    match (facts.head.id.clone(), theirs) {
        (Some(ours), Some(theirs)) if ours == theirs => {
            facts.outgoing = Some(Side::default());
            facts.incoming = Some(Side::default());
            facts.forecast = Some(Forecast::default());
        }
        (Some(ours), Some(theirs)) => {
            facts.outgoing = only(&ours, std::slice::from_ref(&theirs));
            facts.incoming = only(&theirs, std::slice::from_ref(&ours));
            let forked = |side: &Option<Side>| side.as_ref().is_some_and(|side| side.count > 0);
            let (ahead, behind) = (forked(&facts.outgoing), forked(&facts.incoming));
            if ahead && behind {
                let args = ["merge-base", ours.as_str(), theirs.as_str()];
                facts.related = git.ask(&args).ok().flatten().is_some();
            }
            if ahead {
                facts.lost = lost(git, repo, facts, &theirs);
            }
            facts.forecast = match behind {
                true => git.forecast(&ours, &theirs, !ahead).ok().flatten(),
                false => Some(Forecast::default()),
            };
        }
        (Some(ours), None) => {
            let nowhere = on_hub.is_empty();
            facts.outgoing = if nowhere { None } else { only(&ours, on_hub) };
        }
        (None, Some(theirs)) => facts.incoming = only(&theirs, &[]),
        (None, None) => {}
    }
}

/// Our commits that the upstream once contained, as its log here remembers.
fn lost(
    git: &Git,
    repo: Option<&gix::Repository>,
    facts: &Facts,
    theirs: &CommitId,
) -> Vec<Commit> {
    let tracking = facts.upstream.as_ref().and_then(|upstream| upstream.tracking.as_ref());
    let former = tracking.and_then(|name| git.former(name).ok()).unwrap_or_default().0;
    let here = |id: &CommitId| match repo {
        Some(repo) => {
            gix::ObjectId::from_hex(id.as_str().as_bytes()).is_ok_and(|id| repo.has_object(id))
        }
        None => git.resolve_commit(id.as_str()).ok().flatten().is_some(),
    };
    let former: Vec<CommitId> =
        former.into_iter().filter(|id| id != theirs).take(200).filter(here).collect();
    let (Some(outgoing), false) = (&facts.outgoing, former.is_empty()) else { return Vec::new() };
    let Ok(once) = git.only_in(repo, &former, std::slice::from_ref(theirs), TOLD) else {
        return Vec::new();
    };
    let once: HashSet<&CommitId> = once.newest.iter().map(|commit| &commit.id).collect();
    outgoing.newest.iter().filter(|commit| once.contains(&commit.id)).cloned().collect()
}

/// Paths that are changed here and change by pulling too, and whatever untracked or ignored
/// file stands where a new one shall be. The same contents on both sides is no meeting.
fn met(git: &Git, forecast: &Forecast, changes: &[Change]) -> Result<Vec<RepoPath>> {
    let mut by_path: HashMap<&RepoPath, &Change> = HashMap::new();
    for change in changes {
        by_path.insert(&change.path, change);
        // Where a renamed file was, it is deleted; who changes it over there meets that.
        if let Some(from) = &change.from {
            by_path.insert(from, change);
        }
    }
    let gone: HashSet<&RepoPath> =
        forecast.incoming.iter().filter(|i| i.blob.is_none()).map(|i| &i.path).collect();
    let mut met = Vec::new();
    for incoming in &forecast.incoming {
        if let Some(change) = by_path.get(&incoming.path) {
            let staged = change.staged.as_ref().filter(|id| !id.is_zero());
            let index_same = change.index.is_none() || staged == incoming.blob.as_ref();
            if !(index_same && change.from.is_none() && git.is_already(incoming)?) {
                met.push(incoming.path.clone());
            }
        } else if incoming.added
            && let Some(stands) = git.in_the_way(&incoming.path)
        {
            let below = |path: &RepoPath| {
                path.as_bytes()
                    .strip_prefix(stands.as_bytes())
                    .is_some_and(|rest| rest.first() == Some(&b'/'))
            };
            let makes_room = gone.contains(&stands)
                || (gone.iter().any(|path| below(path)) && !changes.iter().any(|c| below(&c.path)));
            let same = stands == incoming.path && git.is_already(incoming)?;
            if !makes_room && !same {
                met.push(stands);
            }
        }
    }
    met.sort();
    met.dedup();
    Ok(met)
}

/// Looks at a clone without looking at its work tree or asking anybody: for a prompt. What
/// the last full look found is told if nothing that it depends on has moved since.
pub fn glance(git: &Git) -> Result<(Facts, Option<Seen>)> {
    let repo = git.library();
    let repo = repo.as_ref();
    let (head, upstream) = git.position(repo)?;
    let seen = git.seen().filter(|seen| seen.head == head.id && seen.index == git.index_written());
    let theirs = upstream.as_ref().and_then(|upstream| upstream.id.clone());
    let side = |tip: &CommitId, hidden: &CommitId| {
        if tip == hidden {
            return Some(Side::default());
        }
        git.only_in(repo, std::slice::from_ref(tip), std::slice::from_ref(hidden), 0).ok()
    };
    let both = head.id.as_ref().zip(theirs.as_ref());
    let remote = upstream.as_ref().map(|upstream| upstream.remote.clone()).unwrap_or_default();
    let tracking = upstream.as_ref().and_then(|upstream| upstream.tracking.clone());
    let known = git.known(&remote).map(|known| known.missing).unwrap_or_default();
    let missing = tracking.clone().zip(theirs.clone()).is_some_and(|one| known.contains(&one));
    let facts = Facts {
        now: clock::now(),
        outgoing: both.and_then(|(ours, theirs)| side(ours, theirs)),
        incoming: both.and_then(|(ours, theirs)| side(theirs, ours)),
        related: true,
        operation: git.operation(),
        fetched_at: git.learned(&remote, tracking.as_ref()),
        missing,
        remote,
        head,
        upstream,
        ..Facts::default()
    };
    Ok((facts, seen))
}
