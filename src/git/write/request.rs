//! Pushes a request to a server and hears the answer as it comes. The commit is made in a place
//! that is thrown away, and the hooks of this clone have no part in it: a request is no work.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use super::state::wrapped;
use crate::base::{RefName, plain};
use crate::git::Git;
use crate::git::ask::refusal;
use crate::git::forecast::Scratch;
use crate::host::clock;

/// What became of the push. The answer itself was heard on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pushed {
    Taken,
    /// The server does not take it.
    Refused(String),
    /// It could not be asked.
    Unreachable(String),
}

/// Sends a request; every line that the server says is handed on without what git puts around it.
pub fn ask(
    git: &Git,
    remote: &str,
    name: &RefName,
    (file, bytes): (&str, &[u8]),
    heard: &mut dyn FnMut(&str),
) -> Result<Pushed> {
    let scratch = Scratch::new(git)?;
    let commit = wrapped(git, &scratch, (file, bytes), clock::now().0, "a request\n")?;
    let mut command = pushing(git, remote);
    scratch.lend(&mut command);
    command.arg(format!("--force-with-lease={name}:"));
    command.args(["--", remote, &format!("{commit}:{name}")]);
    run(command, heard)
}

/// Takes a request away that nobody answered.
pub fn withdraw(git: &Git, remote: &str, name: &RefName) -> Result<Pushed> {
    let mut command = pushing(git, remote);
    command.args(["--", remote, &format!(":{name}")]);
    run(command, &mut |_| {})
}

fn pushing(git: &Git, remote: &str) -> Command {
    let mut command = git.command();
    // A mirror takes no single refs, whoever signs pushes is not asked for it here, and an
    // answer may be silent for minutes while something is built.
    command.arg("-c").arg(format!("remote.{remote}.mirror=false"));
    command.args(["-c", "push.gpgSign=false", "-c", "push.followTags=false"]);
    command.args(["-c", "color.ui=false", "-c", "color.remote=false"]);
    command.args(["-c", "http.lowSpeedLimit=0", "push", "--porcelain", "--no-progress"]);
    command.args(["--no-verify", "--no-recurse-submodules"]);
    command
}

fn run(mut command: Command, heard: &mut dyn FnMut(&str)) -> Result<Pushed> {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child: Child = child.context("run git push")?;
    let mut said = Vec::new();
    for line in BufReader::new(child.stderr.take().context("a pipe")?).split(b'\n') {
        let line = line.context("hear what the server says")?;
        // A server that draws a progress bar says several things on one line.
        for part in line.split(|byte| *byte == b'\r').filter(|part| !part.is_empty()) {
            let text = String::from_utf8_lossy(part);
            match from_remote(&text) {
                Some(text) => heard(text),
                None => {
                    said.extend_from_slice(part);
                    said.push(b'\n');
                }
            }
        }
    }
    let mut verdict = String::new();
    let mut stdout = child.stdout.take().context("a pipe")?;
    let _ = stdout.read_to_string(&mut verdict);
    let status = child.wait().context("run git push")?;
    if status.success() {
        return Ok(Pushed::Taken);
    }
    let refused = verdict.lines().find_map(|line| line.strip_prefix("!\t"));
    if let Some(why) = refused.and_then(|line| line.rsplit('\t').next()) {
        return Ok(Pushed::Refused(plain(why)));
    }
    let output = std::process::Output { status, stdout: Vec::new(), stderr: said };
    Ok(Pushed::Unreachable(refusal(&["push"], &output).complaint))
}

/// A line of the server without git's `remote: ` and the spaces that git puts behind it.
fn from_remote(line: &str) -> Option<&str> {
    let text = line.strip_prefix("remote:")?;
    let text = text.strip_prefix(' ').unwrap_or(text);
    Some(text.strip_suffix("        ").unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_puts_around_a_line_is_taken_off_and_nothing_else() {
        assert_eq!(from_remote("remote:   two         "), Some("  two "));
        assert_eq!(from_remote("remote: one        "), Some("one"));
        assert_eq!(from_remote("remote: "), Some(""));
        assert_eq!(from_remote("remote:"), Some(""));
        assert_eq!(from_remote("To ../shop"), None);
    }
}
