//! Puts one small state on the hub, under a lease: apart from the code, without hooks, and
//! without leaving anything in this repository.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::base::{CommitId, RefName, plain};
use crate::git::ask::refusal;
use crate::git::forecast::Scratch;
use crate::git::raw::by_gsync;
use crate::git::tip::talking;
use crate::git::{Bench, Git};
use crate::host::process::{Ended, run};

/// How long making one small object may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A small state: one file.
#[derive(Debug, Clone)]
pub struct State<'a> {
    pub name: &'a RefName,
    pub file: &'a str,
    pub bytes: &'a [u8],
    pub time: i64,
    /// Where its ref stands now.
    pub expect: Option<&'a CommitId>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// It is there, as this commit.
    Done(CommitId),
    /// Somebody else was first: look again.
    Moved,
    /// The hub does not take it.
    Refused(String),
    TimedOut,
}

/// Sends a state.
pub fn send(git: &Git, remote: &str, state: &State<'_>, deadline: Duration) -> Result<Sent> {
    let scratch = Scratch::new(git)?;
    let file = (state.file, state.bytes);
    let commit = wrapped(git, &scratch, file, state.time, "what this clone is doing\n")?;
    let sent =
        push(git, remote, state.name, Some(&commit), state.expect, Some(&scratch), deadline)?;
    Ok(sent.unwrap_or(Sent::Done(commit)))
}

/// A commit with one file, made in a scratch place.
pub(super) fn wrapped(
    git: &Git,
    scratch: &Scratch,
    (file, bytes): (&str, &[u8]),
    time: i64,
    message: &str,
) -> Result<CommitId> {
    let make = |args: &[&str], input: &[u8]| -> Result<CommitId> {
        let mut command = git.command();
        scratch.lend(&mut command);
        command.args(args);
        let Ended::Exited(out) = run(&mut command, input, PATIENCE)? else {
            anyhow::bail!("git {} did not end", args[0]);
        };
        if !out.status.success() {
            return Err(refusal(args, &out).into());
        }
        CommitId::parse(String::from_utf8_lossy(&out.stdout).trim())
            .with_context(|| format!("git {} gave no id", args[0]))
    };
    let blob = make(&["hash-object", "-w", "--stdin"], bytes)?;
    let tree = make(&["mktree"], format!("100644 blob {blob}\t{file}\n").as_bytes())?;
    let mut commit = format!("tree {tree}\n").into_bytes();
    commit.extend(by_gsync(time, message));
    make(&["hash-object", "-t", "commit", "-w", "--stdin"], &commit)
}

/// Points a ref on the hub at work that was made on a bench, or takes it away.
pub fn share(git: &Git, remote: &str, shared: &Shared<'_>, deadline: Duration) -> Result<Sent> {
    let (to, scratch) = match shared.work {
        Some((bench, commit)) => (Some(commit), Some(&bench.scratch)),
        None => (None, None),
    };
    let sent = push(git, remote, shared.name, to, shared.expect, scratch, deadline)?;
    let none = || CommitId::new("0".repeat(40));
    Ok(sent.unwrap_or_else(|| Sent::Done(to.cloned().unwrap_or_else(none))))
}

/// Work of this clone that others may see.
pub struct Shared<'a> {
    pub name: &'a RefName,
    /// Nothing: it is taken away.
    pub work: Option<(&'a Bench<'a>, &'a CommitId)>,
    /// Where its ref stands now.
    pub expect: Option<&'a CommitId>,
}

/// Nothing: it worked.
fn push(
    git: &Git,
    remote: &str,
    name: &RefName,
    to: Option<&CommitId>,
    expect: Option<&CommitId>,
    scratch: Option<&Scratch>,
    deadline: Duration,
) -> Result<Option<Sent>> {
    let mut command = talking(git, deadline)?;
    if let Some(scratch) = scratch {
        scratch.lend(&mut command);
    }
    // A mirror takes no single refs, and whoever signs pushes is not asked for it here.
    command.arg("-c").arg(format!("remote.{remote}.mirror=false"));
    command.args(["-c", "push.gpgSign=false", "-c", "push.followTags=false"]);
    command.args(["push", "--porcelain", "--no-verify", "--no-recurse-submodules"]);
    let expect = expect.map_or("", CommitId::as_str);
    command.arg(format!("--force-with-lease={name}:{expect}"));
    let to = to.map_or("", CommitId::as_str);
    command.args(["--", remote, &format!("{to}:{name}")]);
    Ok(match run(&mut command, b"", deadline)? {
        Ended::TimedOut => Some(Sent::TimedOut),
        Ended::Exited(out) if out.status.success() => None,
        Ended::Exited(out) => {
            let said = String::from_utf8_lossy(&out.stdout).into_owned();
            let verdict = said.lines().find_map(|line| line.strip_prefix("!\t"));
            let verdict = verdict.map(|line| line.rsplit('\t').next().unwrap_or_default());
            Some(match verdict {
                Some(why) if is_race(why) => Sent::Moved,
                Some(why) => Sent::Refused(plain(why)),
                None => Sent::Refused(refusal(&["push"], &out).complaint),
            })
        }
    })
}

/// Whether somebody else moved the same ref at the same time.
fn is_race(why: &str) -> bool {
    [
        "stale info",
        "cannot lock ref",
        "failed to update ref",
        "fetch first",
        "reference already exists",
    ]
    .iter()
    .any(|word| why.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_race_is_told_from_a_refusal() {
        assert!(is_race("[rejected] (stale info)"));
        assert!(is_race("[remote rejected] (cannot lock ref 'refs/gsync/peers/a@b')"));
        for why in ["[remote rejected] (hook declined)", "[remote rejected] (funny refname)"] {
            assert!(!is_race(why), "{why}");
        }
    }
}
