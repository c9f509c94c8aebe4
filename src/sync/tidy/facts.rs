//! Looking for what has piled up: from refs as they were last seen, without the network.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Answer, Drift, HubBranch, LocalBranch, Merged, RunSeen, Snapshot, Stash, Upstream};
use crate::base::{CommitId, RefName, Time, plain};
use crate::config::Config;
use crate::git::{Asked, Git, HubAt};
use crate::host::{clock, read};

/// Branches beyond that many are not compared by what they change: it costs a merge each.
const COMPARED: usize = 200;

/// One line about a ref.
struct Row {
    name: RefName,
    tip: CommitId,
    time: Time,
    author: String,
    /// The remote-tracking ref that it follows.
    follows: Option<RefName>,
    gone: bool,
    worktree: Option<PathBuf>,
}

/// Looks at everything here. `runs` is what the journal has.
pub fn observe(git: &Git, config: &Config, runs: &[RunSeen]) -> Result<Drift> {
    let now = clock::now();
    let hub = config.hub.remote.clone();
    let below = format!("refs/remotes/{hub}/");
    let default = default(git, &hub, &config.hub.branch)?;
    let default_tip = git.resolve_ref(&default)?;
    let default_name = default.as_str().strip_prefix(&below).unwrap_or_default().to_owned();
    let protected = |name: &str| {
        name == default_name || config.guard.protected_branches.iter().any(|known| known == name)
    };
    let contained = contained(git, default_tip.as_ref(), &below)?;
    let mut look = Look { git, default: default_tip.as_ref(), seen: HashMap::new() };
    let busy = busy(git)?;
    // Nothing is pruned here, so a ref may outlive the branch that it remembers.
    let known = git.known(&hub).map(|known| known.missing).unwrap_or_default();
    let mut missing = HashSet::new();
    for (name, tip) in known {
        // One that moved since was heard of again.
        if git.resolve_ref(&name)? == Some(tip) {
            missing.insert(name);
        }
    }
    let mut branches = Vec::new();
    let mut in_use = HashSet::new();
    for row in rows(git, "refs/heads")? {
        let short = row.name.short().to_owned();
        let worktree = row.worktree.or_else(|| busy.get(&row.name).cloned());
        if worktree.is_some() {
            in_use.insert(short.clone());
        }
        let merged = look.merged(&row.tip, contained.contains(&row.name))?;
        let pushed = matches!(merged, Merged::Yes | Merged::Even);
        branches.push(LocalBranch {
            unpushed: if pushed { 0 } else { unpushed(git, &row.tip, &missing)? },
            merged: if short == default_name { Merged::No } else { merged },
            upstream: match &row.follows {
                None => Upstream::None,
                Some(name) if row.gone || missing.contains(name) => Upstream::Gone,
                Some(_) => Upstream::There,
            },
            protected: protected(&short),
            name: row.name,
            tip: row.tip,
            time: row.time,
            worktree,
        });
    }
    let mut hub_branches = Vec::new();
    for row in rows(git, &below)? {
        let Some(name) = row.name.as_str().strip_prefix(&below) else { continue };
        if name == default_name || missing.contains(&row.name) {
            continue;
        }
        hub_branches.push(HubBranch {
            merged: look.merged(&row.tip, contained.contains(&row.name))?,
            protected: protected(name),
            in_use: in_use.contains(name),
            name: RefName::new(format!("refs/heads/{name}")),
            tip: row.tip,
            time: row.time,
            author: row.author,
        });
    }
    let keep = config.undo.keep.0.as_secs();
    let old = |time: Time| now.0.saturating_sub(time.0) > i64::try_from(keep).unwrap_or(i64::MAX);
    let all = snapshots(git, runs)?;
    let snapshots = all.len();
    let expired = all.into_iter().filter(|snapshot| old(snapshot.made_at)).collect();
    let old_runs = runs.iter().filter(|run| old(run.at)).map(|run| run.id.clone()).collect();
    let address = git.config(&format!("remote.{hub}.url"))?;
    let hub_at = HubAt { remote: &hub, address: address.as_deref(), merge: None };
    let fetched_at = git.asked(&hub_at).max(git.learned(&hub, Some(&default)));
    Ok(Drift {
        hub,
        default,
        default_tip,
        fetched_at,
        branches,
        hub_branches,
        stashes: stashes(git)?,
        expired,
        snapshots,
        old_runs,
        peers: Vec::new(),
        keep,
        now,
    })
}

/// Asks the hub where its branches stand; not being able to is an answer too.
pub fn ask(git: &Git, config: &Config) -> Result<Answer> {
    Ok(match git.remote_tips(&config.hub.remote, &[], config.hub.timeout.0)? {
        Asked::Tips(tips) => Answer::Tips(tips),
        Asked::Unreachable(why) => Answer::Unreachable(why),
    })
}

/// The hub's main branch as last seen: the configured one, else what its HEAD names.
fn default(git: &Git, hub: &str, branch: &str) -> Result<RefName> {
    let configured = RefName::new(format!("refs/remotes/{hub}/{branch}"));
    if git.resolve_ref(&configured)?.is_some() {
        return Ok(configured);
    }
    let head = git.ask(&["symbolic-ref", "--quiet", &format!("refs/remotes/{hub}/HEAD")])?;
    Ok(head.map_or(configured, RefName::new))
}

fn rows(git: &Git, below: &str) -> Result<Vec<Row>> {
    let format = "--format=%(refname)%00%(objectname)%00%(committerdate:unix)%00%(authorname)%00\
                  %(upstream)%00%(upstream:track,nobracket)%00%(worktreepath)%00%(symref)";
    let out = git.must(&["for-each-ref", format, below])?;
    let row = |line: &str| {
        let mut fields = line.split('\0');
        let mut next = || fields.next().unwrap_or_default().to_owned();
        let (name, tip) = (RefName::new(next()), CommitId::parse(&next())?);
        let time = Time(next().parse().unwrap_or(0));
        let author = plain(&next());
        let follows = Some(next()).filter(|name| !name.is_empty()).map(RefName::new);
        let gone = next() == "gone";
        let worktree = Some(next()).filter(|path| !path.is_empty()).map(PathBuf::from);
        let symbolic = !next().is_empty();
        (!symbolic).then_some(Row { name, tip, time, author, follows, gone, worktree })
    };
    Ok(out.lines().filter_map(row).collect())
}

/// The refs whose commits are all in the default branch.
fn contained(git: &Git, default: Option<&CommitId>, below: &str) -> Result<HashSet<RefName>> {
    let Some(default) = default else { return Ok(HashSet::new()) };
    let merged = format!("--merged={default}");
    let out = git.must(&["for-each-ref", &merged, "--format=%(refname)", "refs/heads", below])?;
    Ok(out.lines().map(RefName::new).collect())
}

/// Looks at each tip once: a branch here and on the hub is mostly the same one.
struct Look<'a> {
    git: &'a Git,
    default: Option<&'a CommitId>,
    seen: HashMap<CommitId, Merged>,
}

impl Look<'_> {
    fn merged(&mut self, tip: &CommitId, contained: bool) -> Result<Merged> {
        let Some(default) = self.default else { return Ok(Merged::No) };
        if tip == default {
            return Ok(Merged::Even);
        }
        if contained {
            return Ok(Merged::Yes);
        }
        if let Some(known) = self.seen.get(tip) {
            return Ok(*known);
        }
        let probably = self.seen.len() < COMPARED && adds_nothing(self.git, default, tip)?;
        let merged = if probably { Merged::Probably } else { Merged::No };
        self.seen.insert(tip.clone(), merged);
        Ok(merged)
    }
}

/// Whether merging the tip would change nothing, or each of its changes is there under another
/// id: it was squashed, or rebased.
fn adds_nothing(git: &Git, default: &CommitId, tip: &CommitId) -> Result<bool> {
    if git.ask(&["merge-base", default.as_str(), tip.as_str()])?.is_none() {
        return Ok(false);
    }
    // Trees that the merge makes go to a place of their own and with it.
    let scratch = tempfile::tempdir()?;
    let objects = git.common_dir.join("objects");
    let mut merge = git.command();
    merge
        .env("GIT_OBJECT_DIRECTORY", scratch.path())
        .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", &objects)
        .args(["merge-tree", "--write-tree", "--no-messages", default.as_str(), tip.as_str()]);
    let out = merge.output()?;
    let made = String::from_utf8_lossy(&out.stdout).trim().to_owned();
    let tree = git.must(&["rev-parse", &format!("{default}^{{tree}}")])?;
    if out.status.success() && made == tree {
        return Ok(true);
    }
    let cherry = git.ask(&["cherry", default.as_str(), tip.as_str()])?;
    Ok(cherry.is_some_and(|all| !all.is_empty() && all.lines().all(|line| line.starts_with('-'))))
}

/// Commits that no remote is known to have. A branch that the hub no longer has is no remote's.
fn unpushed(git: &Git, tip: &CommitId, missing: &HashSet<RefName>) -> Result<usize> {
    let mut args = vec!["rev-list".to_owned(), "--count".into(), tip.to_string(), "--not".into()];
    args.extend(missing.iter().map(|name| format!("--exclude={}", name.short())));
    args.extend(["--remotes".into(), "--".into()]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    Ok(git.must(&args)?.parse().unwrap_or(0))
}

/// Branches that a work tree is rebasing or bisecting: HEAD is detached there, so git's list
/// of work trees does not name them.
fn busy(git: &Git) -> Result<HashMap<RefName, PathBuf>> {
    let linked = git.common_dir.join("worktrees");
    let mut dirs = vec![git.common_dir.clone()];
    dirs.extend(read::names(&linked)?.into_iter().map(|name| linked.join(name)));
    let mut busy = HashMap::new();
    for dir in dirs {
        for (file, prefix) in [
            ("rebase-merge/head-name", ""),
            ("rebase-apply/head-name", ""),
            ("BISECT_START", "refs/heads/"),
        ] {
            if let Some(name) = line(&dir.join(file)) {
                busy.insert(RefName::new(format!("{prefix}{name}")), dir.clone());
            }
        }
    }
    Ok(busy)
}

fn line(path: &Path) -> Option<String> {
    let file = read::file(path).ok()??;
    Some(String::from_utf8_lossy(&file.bytes.0).trim().to_owned())
}

fn stashes(git: &Git) -> Result<Vec<Stash>> {
    if git.resolve_ref(&RefName::new("refs/stash"))?.is_none() {
        return Ok(Vec::new());
    }
    let out = git.must(&["stash", "list", "--format=%gd%x00%ct%x00%gs"])?;
    let stash = |line: &str| {
        let mut fields = line.split('\0');
        let (name, time, summary) = (fields.next()?, fields.next()?, fields.next()?);
        let time = Time(time.parse().ok()?);
        Some(Stash { name: name.to_owned(), time, summary: plain(summary) })
    };
    Ok(out.lines().filter_map(stash).collect())
}

/// The ways back, with when they were made. A snapshot's commit is made with it; a tip of the
/// hub that was kept may be a very old commit, so the run that kept it tells; without it, it
/// counts as made now, and stays.
fn snapshots(git: &Git, runs: &[RunSeen]) -> Result<Vec<Snapshot>> {
    let made: HashMap<&RefName, Time> =
        runs.iter().flat_map(|run| run.made.iter().map(move |name| (name, run.at))).collect();
    let kept = crate::sync::force::facts::KEPT;
    let snapshot = |row: Row| {
        let by_run = made.get(&row.name).copied();
        let made_at = match by_run {
            Some(at) => at.max(row.time),
            None if row.name.as_str().starts_with(kept) => clock::now(),
            None => row.time,
        };
        Snapshot { name: row.name, commit: row.tip, made_at }
    };
    Ok(rows(git, "refs/gsync/undo")?.into_iter().map(snapshot).collect())
}
