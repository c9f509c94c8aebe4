//! A push in the background, after a commit: the hook returns at once, a process of its own
//! session pushes, and what came of it is told by the next hook or command.
//!
//! Each commit leaves a note for its branch and starts a worker. One worker holds the lock and
//! takes notes until there are none; the others go away. A note that is left after the last
//! look is seen because the worker looks once more after it let go of the lock.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};

use super::messages;
use crate::base::{Branch, Exit, plain, shell_quote};
use crate::git::{self, Git};
use crate::hooks::events::facts;
use crate::host::process::Ended;
use crate::host::{env, knowledge, process, read};

/// The word after `gsync hook` that starts a worker.
pub(super) const NAME: &str = "background-push";

/// A hub that does not answer is given up after this.
const PATIENCE: Duration = Duration::from_mins(10);

/// How many lines of what git said are kept.
const LINES: usize = 12;

/// Asks for a push and returns without waiting for it.
pub(super) fn start(git: &Git, hub: &str, branch: &Branch) -> Result<()> {
    knowledge::leave(&notes(git).join(note(branch)))?;
    detach(git, &[NAME, hub]).context("start a push in the background")
}

/// Starts `gsync hook WORDS` as a process that outlives this one and speaks to nobody.
pub(super) fn detach(git: &Git, words: &[&str]) -> Result<()> {
    let mut worker = process::command(std::env::current_exe().context("find gsync itself")?);
    worker.arg("hook").args(words).current_dir(git.dir());
    // A hook is told of the index and the directory of one git command; the worker outlives it.
    for name in env::GIT_LOCAL {
        worker.env_remove(name);
    }
    worker.env_remove("GIT_REFLOG_ACTION").env("GIT_DIR", &git.git_dir);
    if let Some(dir) = &git.work_dir {
        worker.env("GIT_WORK_TREE", dir);
    }
    // Nobody is there to answer a question.
    worker
        .env("GIT_ASKPASS", "true")
        .env("SSH_ASKPASS", "true")
        .env("SSH_ASKPASS_REQUIRE", "never");
    worker.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    worker.spawn().context("start gsync in the background")?;
    Ok(())
}

/// The worker. Whatever happens is kept as a message; there is nobody to tell.
pub(super) fn main(hub: &str) -> Exit {
    // A session of its own: closing the terminal or Ctrl-C does not reach it.
    let _ = rustix::process::setsid();
    let Some(git) = git::at_hook() else { return Exit::Blind };
    match work(&git, hub) {
        Ok(()) => Exit::Done,
        Err(err) => {
            let _ = messages::keep(
                &git,
                true,
                &format!("the push in the background failed: {err:#}"),
                vec![],
            );
            Exit::Blind
        }
    }
}

fn work(git: &Git, hub: &str) -> Result<()> {
    let lock = git.gsync_dir().join("push.lock");
    loop {
        let Some(held) = knowledge::only_one(&lock)? else { return Ok(()) };
        for name in read::names(&notes(git))? {
            if knowledge::pick_up(&notes(git).join(&name)) {
                push(git, hub, &branch_of(&name.to_string_lossy()))?;
            }
        }
        drop(held);
        if read::names(&notes(git))?.is_empty() {
            return Ok(());
        }
    }
}

fn push(git: &Git, hub: &str, branch: &Branch) -> Result<()> {
    let mut command = git.command();
    command.env(messages::BACKGROUND, "1");
    // Nobody is there to answer a question.
    command
        .env("GIT_ASKPASS", "true")
        .env("SSH_ASKPASS", "true")
        .env("SSH_ASKPASS_REQUIRE", "never");
    let asks = ["GIT_SSH", "GIT_SSH_COMMAND"].iter().any(|name| env::raw(name).is_some());
    if !asks && git.config("core.sshCommand")?.is_none() {
        command.env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes -o ConnectTimeout=20");
    }
    command.args(["-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=60", "push", "--quiet"]);
    if !facts::has_upstream(git, branch)? {
        command.arg("--set-upstream");
    }
    command.args([hub, &format!("{0}:{0}", branch.full())]);
    let name = format!("{branch} to {hub}");
    match process::run(&mut command, b"", PATIENCE)? {
        Ended::Exited(out) if out.status.success() => {
            messages::keep(git, false, &format!("pushed {name} in the background"), Vec::new())
        }
        Ended::Exited(out) => {
            let said = String::from_utf8_lossy(&out.stderr);
            let details = said
                .lines()
                .filter_map(|line| line.rsplit('\r').next())
                .map(|line| plain(line.trim_end()))
                .filter(|line| !line.is_empty())
                .take(LINES)
                .collect();
            let text = format!("{name} could not be pushed in the background");
            messages::keep(git, true, &text, details)
        }
        Ended::TimedOut => {
            let text =
                format!("{name} could not be pushed in the background: the hub did not answer");
            let again = format!(
                "hint: run `git push {} {}`",
                shell_quote(hub),
                shell_quote(branch.as_str())
            );
            messages::keep(git, true, &text, vec![again])
        }
    }
}

fn notes(git: &Git) -> PathBuf {
    git.gsync_dir().join("push")
}

/// A branch as the name of a file: no slash, and nothing that could be `.` or `..`.
fn note(branch: &Branch) -> String {
    format!("b-{}", branch.as_str().replace('%', "%25").replace('/', "%2F"))
}

fn branch_of(note: &str) -> Branch {
    let name = note.strip_prefix("b-").unwrap_or(note);
    Branch::new(name.replace("%2F", "/").replace("%25", "%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_note_of_a_branch_names_that_branch() {
        for name in ["main", "a/b", "a%2Fb", "%25", "..x/%"] {
            let note = note(&Branch::new(name));
            assert!(!note.contains('/') && branch_of(&note) == Branch::new(name), "{note}");
        }
    }
}
