//! Asking the hub where its branches stand, with a deadline. Nothing is fetched and no
//! remote-tracking ref moves: what a person has seen stays what they have seen.

use std::time::Duration;

use anyhow::Result;

use super::Git;
use super::ask::refusal;
use super::fetch::has_own_ssh;
use crate::base::{CommitId, RefName, plain};
use crate::host::process::{Ended, run};

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// The branches it has, of those that were asked for.
    Tips(Vec<(RefName, CommitId)>),
    /// It could not be reached, and why.
    Unreachable(String),
}

impl Git {
    /// Where these refs stand on a remote, or all its branches if none is named.
    pub fn remote_tips(
        &self,
        remote: &str,
        refs: &[&RefName],
        deadline: Duration,
    ) -> Result<Asked> {
        let seconds = deadline.as_secs().max(1);
        let mut command = self.command();
        if !has_own_ssh(self)? {
            let ssh = format!("ssh -o BatchMode=yes -o ConnectTimeout={seconds}");
            command.env("GIT_SSH_COMMAND", ssh);
        }
        command.arg("-c").arg(format!("http.lowSpeedTime={seconds}"));
        command.args(["-c", "http.lowSpeedLimit=1", "ls-remote", "--refs", "--heads", "--"]);
        command.arg(remote).args(refs.iter().map(|name| name.as_str()));
        Ok(match run(&mut command, b"", deadline)? {
            Ended::TimedOut => {
                Asked::Unreachable(format!("{} did not answer in {seconds} s", plain(remote)))
            }
            Ended::Exited(out) if out.status.success() => {
                let text = String::from_utf8_lossy(&out.stdout).into_owned();
                let tips = text.lines().filter_map(|line| {
                    let (id, name) = line.split_once('\t')?;
                    Some((RefName::new(name), CommitId::parse(id)?))
                });
                // A pattern also matches at the end of longer names: only whole names count.
                let asked = |name: &RefName| refs.is_empty() || refs.contains(&name);
                Asked::Tips(tips.filter(|(name, _)| asked(name)).collect())
            }
            Ended::Exited(out) => Asked::Unreachable(refusal(&["ls-remote"], &out).complaint),
        })
    }
}
