//! Asking the hub, within a deadline and without ever asking the person for a password.
//!
//! The remote-tracking refs move, as with any fetch; nothing is pruned, because a branch that
//! the hub no longer has may be the only name of somebody's commits. Which branches it no
//! longer has is read from git's own list of what it fetched.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use anyhow::Result;

use super::{Git, Known, ask::refusal, tip::ssh_that_ends};
use crate::base::{CommitId, RefName, Time, plain};
use crate::host::process::{self, Ended};
use crate::host::{clock, progress, read};

/// How often a fetch is tried that meets another one.
const TRIES: u32 = 4;

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The hub answered; this is known now.
    Done(Known),
    /// It could not be reached, or refused.
    Failed {
        why: String,
    },
    TimedOut,
}

/// Fetches the branches of a remote and remembers when.
pub fn fetch(git: &Git, remote: &str, deadline: Duration) -> Result<Fetched> {
    fetch_knowing(git, remote, deadline, &git.settings(MATTERS)?)
}

/// The settings that matter for a fetch.
pub const MATTERS: &str = r"^(core\.sshcommand|remote\..*\.fetch)$";

/// The same for those who have asked for the settings that matter already.
pub fn fetch_knowing(
    git: &Git,
    remote: &str,
    deadline: Duration,
    settings: &Settings,
) -> Result<Fetched> {
    progress::doing(format!("asking {}", plain(remote)));
    let mut command = git.command();
    // Maintenance would go on in the background and belongs to the person's own commands;
    // so does the fetching of submodules.
    command.args(["-c", "maintenance.auto=false", "-c", "gc.auto=0", "-c", "fetch.output=full"]);
    let seconds = deadline.as_secs().max(1);
    let low = format!("http.lowSpeedTime={seconds}");
    command.args(["-c", "http.lowSpeedLimit=1", "-c", &low]);
    command.args(["fetch", "--verbose", "--no-progress", "--no-prune", "--no-write-fetch-head"]);
    command.args(["--no-recurse-submodules", "--", remote]);
    command.env("GIT_TERMINAL_PROMPT", "0").env("GCM_INTERACTIVE", "never");
    ssh_that_ends(&mut command, settings.contains_key("core.sshcommand"), seconds);
    let mut more = TRIES;
    loop {
        more -= 1;
        match process::run(&mut command, b"", deadline)? {
            Ended::TimedOut => return Ok(Fetched::TimedOut),
            Ended::Exited(out) if out.status.success() => {
                let said = String::from_utf8_lossy(&out.stderr);
                let (missing, empty) = missing(git, remote, settings, &said)?;
                let known = Known { remote: remote.to_owned(), at: clock::now(), missing, empty };
                git.remember(&known);
                return Ok(Fetched::Done(known));
            }
            Ended::Exited(out) => {
                let why = refusal(&["fetch"], &out).complaint;
                // Another fetch moved the same ref at the same time: the hub did answer.
                if more == 0 || !why.contains("cannot lock ref") {
                    return Ok(Fetched::Failed { why });
                }
            }
        }
    }
}

/// Settings by name, all values of each.
pub type Settings = BTreeMap<String, Vec<String>>;

/// The branches of a remote that are remembered here and that git did not list, and whether it
/// listed none.
fn missing(
    git: &Git,
    remote: &str,
    settings: &Settings,
    said: &str,
) -> Result<(Vec<(RefName, CommitId)>, bool)> {
    let prefix = format!("refs/remotes/{remote}/");
    let usual = format!("+refs/heads/*:{prefix}*");
    // With other mappings git's silence about a ref means nothing.
    if settings.get(&format!("remote.{remote}.fetch")) != Some(&vec![usual]) {
        return Ok((Vec::new(), false));
    }
    let listed: HashSet<&str> = said.lines().filter_map(listed).collect();
    let remembered = git.refs(&prefix)?;
    let missing = remembered
        .into_iter()
        .filter(|(name, _)| name.as_str() != format!("{prefix}HEAD"))
        .filter(|(name, _)| !listed.contains(name.short()))
        .collect();
    let branches = format!("{remote}/");
    Ok((missing, !listed.iter().any(|name| name.starts_with(&branches))))
}

/// The ref here that a line of `git fetch --verbose` is about:
/// ` = [up to date]      main       -> origin/main`.
fn listed(line: &str) -> Option<&str> {
    let (_, to) = line.rsplit_once(" -> ")?;
    to.split_whitespace().next()
}

/// The hub as this clone names it: the remote, where it is, and the branch that matters.
#[derive(Debug, Clone, Copy)]
pub struct HubAt<'a> {
    pub remote: &'a str,
    pub address: Option<&'a str>,
    pub merge: Option<&'a RefName>,
}

impl Git {
    /// When it was last asked for that branch, by us or by git.
    pub fn asked(&self, hub: &HubAt<'_>) -> Option<Time> {
        self.known(hub.remote).map(|known| known.at).max(self.asked_by_git(hub))
    }

    /// When something was last learned of a remote, as far as files alone tell.
    pub fn learned(&self, remote: &str, tracking: Option<&RefName>) -> Option<Time> {
        let ours = self.known(remote).map(|known| known.at);
        let head = RefName::new(format!("refs/remotes/{remote}/HEAD"));
        let logs = [Some(&head), tracking].into_iter().flatten();
        let logged = logs.filter_map(|log| self.former(log).ok()?.1).max().map(Time);
        ours.max(logged)
    }

    /// git notes what it fetched, but not when, and a fetch that failed leaves an empty note.
    fn asked_by_git(&self, hub: &HubAt<'_>) -> Option<Time> {
        let path = self.git_dir.join("FETCH_HEAD");
        let note = read::file(&path).ok()??.bytes.0;
        let bare =
            |address: &str| address.trim_end_matches('/').trim_end_matches(".git").to_owned();
        let address = bare(hub.address?);
        let branch = hub.merge.map(|merge| format!("branch '{}'", merge.short()));
        let about = String::from_utf8_lossy(&note).lines().any(|line| {
            line.split_once(" of ").is_some_and(|(what, from)| {
                bare(from) == address && branch.as_ref().is_none_or(|branch| what.contains(branch))
            })
        });
        about.then(|| read::modified(&path)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refs_that_git_lists_are_read_from_every_kind_of_line() {
        let lines = [
            (" = [up to date]      main       -> origin/main", Some("origin/main")),
            ("   1234567..89abcde  a/b        -> origin/a/b", Some("origin/a/b")),
            (" + 1234567...89abcde x          -> origin/x  (forced update)", Some("origin/x")),
            (" * [new branch]      y          -> origin/y", Some("origin/y")),
            ("From ../hub", None),
        ];
        for (line, ref_here) in lines {
            assert_eq!(listed(line), ref_here, "{line}");
        }
    }
}
