//! Asking the hub what is new, with a deadline: a server that is gone must not hold anybody up.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use super::Git;
use super::ask::refusal;
use crate::base::{CommitId, RefName, plain};
use crate::host::env;
use crate::host::process::{Ended, run};

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The remote-tracking branches are as the hub has them.
    Done,
    /// It could not be reached, and why.
    Unreachable(String),
}

/// Fetches from a remote, prompting for nothing.
pub fn fetch(git: &Git, remote: &str, deadline: Duration) -> Result<Fetched> {
    let mut command = talking(git, deadline)?;
    command.args(["fetch", "--quiet", "--no-write-fetch-head", "--no-auto-maintenance"]);
    command.args(["--no-recurse-submodules", "--", remote]);
    match run(&mut command, b"", deadline)? {
        Ended::TimedOut => {
            let seconds = deadline.as_secs_f32();
            Ok(Fetched::Unreachable(format!("{} did not answer in {seconds} s", plain(remote))))
        }
        Ended::Exited(out) if out.status.success() => Ok(Fetched::Done),
        Ended::Exited(out) => Ok(Fetched::Unreachable(refusal(&["fetch"], &out).complaint)),
    }
}

/// Where a branch stands on a remote, asked there and not remembered here.
pub fn tip_at(
    git: &Git,
    remote: &str,
    branch: &RefName,
    deadline: Duration,
) -> Result<Option<CommitId>> {
    let mut command = talking(git, deadline)?;
    command.args(["ls-remote", "--quiet", "--", remote, branch.as_str()]);
    match run(&mut command, b"", deadline)? {
        Ended::TimedOut => bail!("{} did not answer in time", plain(remote)),
        Ended::Exited(out) if out.status.success() => {
            let text = String::from_utf8_lossy(&out.stdout);
            let line = text.lines().find_map(|line| line.split_once('\t'));
            Ok(line.and_then(|(id, _)| CommitId::parse(id)))
        }
        Ended::Exited(out) => Err(refusal(&["ls-remote"], &out).into()),
    }
}

/// A git that talks to servers: it asks nobody for a password, and gives up by itself.
fn talking(git: &Git, deadline: Duration) -> Result<Command> {
    let seconds = deadline.as_secs().max(1);
    let mut command = git.command();
    if env::raw("GIT_SSH_COMMAND").is_none()
        && env::raw("GIT_SSH").is_none()
        && git.config("core.sshCommand")?.is_none()
    {
        let ssh = format!("ssh -oBatchMode=yes -oConnectTimeout={seconds}");
        command.env("GIT_SSH_COMMAND", ssh);
    }
    command.arg("-c").arg(format!("http.lowSpeedTime={seconds}"));
    command.args(["-c", "http.lowSpeedLimit=1"]);
    Ok(command)
}
