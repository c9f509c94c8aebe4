//! Looking at what others pushed without taking it over: no ref moves, no file changes. Only
//! for telling why a push is refused, where the time does not matter any more.

use std::time::Duration;

use anyhow::Result;

use super::Git;
use super::tip::talking;
use crate::base::RefName;
use crate::host::process;

/// No push waits longer than that to be told why it is refused.
const PATIENCE: Duration = Duration::from_secs(5);

impl Git {
    /// Brings the commits of a ref of a remote here, without any ref that names them. Says
    /// whether that worked.
    pub fn peek(&self, remote: &str, name: &RefName, timeout: Duration) -> Result<bool> {
        let timeout = timeout.min(PATIENCE);
        let mut command = talking(self, timeout)?;
        command
            .args(["-c", "core.askPass=", "-c", "http.lowSpeedLimit=1000"])
            .env_remove("GIT_ASKPASS")
            .env_remove("SSH_ASKPASS");
        command.args(["fetch", "--quiet", "--no-write-fetch-head", "--no-tags", "--no-auto-gc"]);
        command.args([
            "--no-recurse-submodules",
            "--no-prune",
            "--refmap=",
            "--",
            remote,
            name.as_str(),
        ]);
        Ok(match process::run(&mut command, b"", timeout)? {
            process::Ended::Exited(out) => out.status.success(),
            process::Ended::TimedOut => false,
        })
    }
}
