//! Asking the hub what is new, with a deadline: a server that is gone must not hold anybody up.

use std::time::Duration;

use anyhow::Result;

use super::Git;
use super::ask::refusal;
use crate::base::plain;
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
    command.args(["-c", "http.lowSpeedLimit=1", "fetch", "--quiet", "--no-write-fetch-head"]);
    command.args(["--no-auto-maintenance", "--no-recurse-submodules", "--", remote]);
    match run(&mut command, b"", deadline)? {
        Ended::TimedOut => {
            Ok(Fetched::Unreachable(format!("{} did not answer in {seconds} s", plain(remote))))
        }
        Ended::Exited(out) if out.status.success() => Ok(Fetched::Done),
        Ended::Exited(out) => Ok(Fetched::Unreachable(refusal(&["fetch"], &out).complaint)),
    }
}
