//! Asking a remote where one of its branches stands, within a deadline.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use super::Git;
use super::ask::refusal;
use crate::base::{CommitId, RefName, plain};
use crate::host::env;
use crate::host::process::{Ended, run};

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

/// The refs of a remote that match a pattern, asked there and not remembered here.
pub fn refs_at(
    git: &Git,
    remote: &str,
    pattern: &str,
    deadline: Duration,
) -> Result<Vec<(RefName, CommitId)>> {
    let mut command = talking(git, deadline)?;
    command.args(["ls-remote", "--quiet", "--refs", "--", remote, pattern]);
    match run(&mut command, b"", deadline)? {
        Ended::TimedOut => bail!("{} did not answer in time", plain(remote)),
        Ended::Exited(out) if out.status.success() => {
            let text = String::from_utf8_lossy(&out.stdout).into_owned();
            let lines = text.lines().filter_map(|line| line.split_once('\t'));
            Ok(lines
                .filter_map(|(id, name)| Some((RefName::new(name), CommitId::parse(id)?)))
                .collect())
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
