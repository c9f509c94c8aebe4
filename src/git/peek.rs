//! Looking at what others pushed without taking it over: no ref moves, no file changes. Only
//! for telling why a push is refused, where the time does not matter any more.

use std::time::Duration;

use anyhow::{Context, Result};

use super::Git;
use crate::base::{CommitId, RefName, RepoPath};
use crate::host::{env, process};

/// No push waits longer than that to be told why it is refused.
const PATIENCE: Duration = Duration::from_secs(5);

impl Git {
    /// Brings the commits of a ref of a remote here, without any ref that names them. Says
    /// whether that worked.
    pub fn peek(&self, remote: &str, name: &RefName, timeout: Duration) -> Result<bool> {
        let timeout = timeout.min(PATIENCE);
        let seconds = timeout.as_secs().max(1);
        let mut command = self.command();
        command
            .args(["-c", "core.askPass=", "-c", "http.lowSpeedLimit=1000"])
            .arg("-c")
            .arg(format!("http.lowSpeedTime={seconds}"))
            .env_remove("GIT_ASKPASS")
            .env_remove("SSH_ASKPASS");
        if env::raw("GIT_SSH_COMMAND").is_none()
            && env::raw("GIT_SSH").is_none()
            && self.config("core.sshCommand")?.is_none()
        {
            let ssh = format!("ssh -oBatchMode=yes -oConnectTimeout={seconds}");
            command.env("GIT_SSH_COMMAND", ssh);
        }
        command.args(["fetch", "--quiet", "--no-write-fetch-head", "--no-tags", "--no-auto-gc"]);
        command.args(["--no-recurse-submodules", "--refmap=", "--", remote, name.as_str()]);
        Ok(match process::run(&mut command, b"", timeout)? {
            process::Ended::Exited(out) => out.status.success(),
            process::Ended::TimedOut => false,
        })
    }

    /// The paths that would conflict if these two were merged. Nothing: git could not tell.
    pub fn would_conflict(
        &self,
        ours: &CommitId,
        theirs: &CommitId,
    ) -> Result<Option<Vec<RepoPath>>> {
        // The trees it makes are nobody's: they go to a directory that is thrown away.
        let scratch = tempfile::tempdir().context("make a temporary directory")?;
        let mut alternates = vec![self.common_dir.join("objects")];
        if let Some(list) = env::raw("GIT_ALTERNATE_OBJECT_DIRECTORIES") {
            alternates.extend(std::env::split_paths(&list));
        }
        let alternates = std::env::join_paths(alternates).context("name the objects")?;
        let mut command = self.command();
        command
            .env("GIT_OBJECT_DIRECTORY", scratch.path())
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", alternates)
            .args(["merge-tree", "--write-tree", "--name-only", "--no-messages", "-z"])
            .args([ours.as_str(), theirs.as_str()]);
        let process::Ended::Exited(out) = process::run(&mut command, b"", PATIENCE)? else {
            return Ok(None);
        };
        Ok(match out.status.code() {
            Some(0) => Some(Vec::new()),
            Some(1) => {
                let names = out.stdout.split(|byte| *byte == 0).skip(1);
                let mut paths: Vec<_> =
                    names.filter(|name| !name.is_empty()).map(RepoPath::new).collect();
                paths.dedup();
                Some(paths)
            }
            _ => None,
        })
    }
}
