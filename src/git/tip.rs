//! Asking a remote where one of its branches stands, within a deadline.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use super::Git;
use super::ask::{Refusal, refusal};
use crate::base::{CommitId, PushRef, RefName, plain};
use crate::host::env;
use crate::host::process::{Ended, run};

/// Where a branch stands on a remote, asked there and not remembered here.
pub fn tip_at(
    git: &Git,
    remote: &str,
    branch: &RefName,
    deadline: Duration,
) -> Result<Option<CommitId>> {
    match ls_remote(git, &["--quiet"], remote, &[branch.as_str()], deadline)? {
        Heard::Refs(refs) => {
            Ok(refs.into_iter().find(|(name, _)| name == branch).map(|(_, id)| id))
        }
        Heard::Refused(refusal) => Err(refusal.into()),
        Heard::TimedOut => bail!("{} did not answer in time", plain(remote)),
    }
}

/// The refs of a remote that match a pattern, asked there and not remembered here.
pub fn refs_at(
    git: &Git,
    remote: &str,
    pattern: &str,
    deadline: Duration,
) -> Result<Vec<(RefName, CommitId)>> {
    match ls_remote(git, &["--quiet", "--refs"], remote, &[pattern], deadline)? {
        Heard::Refs(refs) => Ok(refs),
        Heard::Refused(refusal) => Err(refusal.into()),
        Heard::TimedOut => bail!("{} did not answer in time", plain(remote)),
    }
}

/// What a remote said of its refs.
pub(super) enum Heard {
    Refs(Vec<(RefName, CommitId)>),
    Refused(Refusal),
    TimedOut,
}

/// Asks a remote for the refs that match patterns, within a deadline. A pattern also matches at
/// the end of longer names.
pub(super) fn ls_remote(
    git: &Git,
    options: &[&str],
    remote: &str,
    patterns: &[&str],
    deadline: Duration,
) -> Result<Heard> {
    let mut command = talking(git, deadline)?;
    command.arg("ls-remote").args(options).args(["--", remote]).args(patterns);
    Ok(match run(&mut command, b"", deadline)? {
        Ended::TimedOut => Heard::TimedOut,
        Ended::Exited(out) if out.status.success() => {
            let text = String::from_utf8_lossy(&out.stdout);
            let lines = text.lines().filter_map(|line| line.split_once('\t'));
            let refs =
                lines.filter_map(|(id, name)| Some((RefName::new(name), CommitId::parse(id)?)));
            Heard::Refs(refs.collect())
        }
        Ended::Exited(out) => Heard::Refused(refusal(&["ls-remote"], &out)),
    })
}

/// A git that talks to servers: it asks nobody for a password, and gives up by itself.
pub(super) fn talking(git: &Git, deadline: Duration) -> Result<Command> {
    let seconds = deadline.as_secs().max(1);
    let mut command = git.command();
    // In process where that can be: it is asked before every question to the hub.
    let own = match git.library() {
        Some(repo) => repo.config_snapshot().string("core.sshCommand").is_some(),
        None => git.config("core.sshCommand")?.is_some(),
    };
    ssh_that_ends(&mut command, own, seconds);
    command.arg("-c").arg(format!("http.lowSpeedTime={seconds}"));
    command.args(["-c", "http.lowSpeedLimit=1"]);
    Ok(command)
}

/// Lets ssh ask nobody and give up by itself, unless the person says how ssh is called: in the
/// environment, or (`own`) in the settings.
pub(super) fn ssh_that_ends(command: &mut Command, own: bool, seconds: u64) {
    if !own && env::raw("GIT_SSH_COMMAND").is_none() && env::raw("GIT_SSH").is_none() {
        let ssh = format!("ssh -o BatchMode=yes -o ConnectTimeout={seconds}");
        command.env("GIT_SSH_COMMAND", ssh);
    }
}

/// How long the hub is asked where it stands before a push, where this clone does not keep track.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the refs of a push stand over there before it, for the way back: what the lease says,
/// else what this clone has just seen, else what the remote answers.
pub fn where_it_goes(
    git: &Git,
    remote: &str,
    refs: &[PushRef],
) -> Result<Vec<(RefName, Option<CommitId>)>> {
    let usual = format!("+refs/heads/*:refs/remotes/{remote}/*");
    let fetched = git.ask(&["config", "--get-all", &format!("remote.{remote}.fetch")])?;
    let is_usual = fetched.is_some_and(|all| all.lines().any(|line| line == usual));
    let mut found = Vec::new();
    for push in refs {
        let at = match (&push.lease, push.to.branch()) {
            (Some(lease), _) => Some(lease.clone()).filter(|lease| !lease.is_zero()),
            (None, Some(branch)) if is_usual => {
                git.resolve_ref(&RefName::new(format!("refs/remotes/{remote}/{branch}")))?
            }
            (None, _) => tip_at(git, remote, &push.to, PATIENCE)?,
        };
        found.push((push.to.clone(), at));
    }
    Ok(found)
}
