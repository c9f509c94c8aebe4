//! Deeds in the repository of an app on a server.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};

use super::super::ask::{finish, trimmed};
use super::super::{Git, plain_git};
use super::set_ref;
use crate::base::{CommitId, RefName};

/// Makes the bare repository, where it is not there yet.
pub fn init_bare(git: &Git, branch: &str) -> Result<()> {
    let mut command = plain_git();
    for name in crate::host::env::GIT_LOCAL {
        command.env_remove(name);
    }
    let args = ["init", "--quiet", "--bare", "--template=", "--initial-branch", branch, "--"];
    command.args(args).arg(&git.git_dir);
    finish(&mut command, &[]).map(drop)
}

/// Writes all of a commit's tree into an empty directory, with git's own filters, and without
/// leaving out what is marked `export-ignore`.
pub fn unpack(git: &Git, commit: &CommitId, dir: &Path) -> Result<()> {
    let scratch = tempfile::tempdir().context("make a temporary directory")?;
    let mut command = git.command();
    command
        .current_dir(dir)
        .env("GIT_WORK_TREE", dir)
        .env("GIT_INDEX_FILE", scratch.path().join("index"));
    finish(&mut command, &["read-tree", "--reset", "-u", commit.as_str()]).map(drop)
}

/// Adds a commit with one file to a chain, if it ends where it was seen.
pub fn entry(
    git: &Git,
    name: &RefName,
    expect: Option<&CommitId>,
    file: &str,
    text: &str,
    message: &str,
) -> Result<()> {
    let blob = fed(git, &["hash-object", "-w", "--stdin"], text)?;
    let tree = fed(git, &["mktree"], &format!("100644 blob {blob}\t{file}\n"))?;
    let mut args = vec!["commit-tree", "-F", "-"];
    if let Some(parent) = expect {
        args.extend(["-p", parent.as_str()]);
    }
    args.push(&tree);
    let commit = fed(git, &args, message)?;
    set_ref(git, name, Some(&CommitId::new(commit)), expect)
}

fn fed(git: &Git, args: &[&str], input: &str) -> Result<String> {
    use std::io::Write;
    let mut command = git.command();
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "gsync");
        command.env(format!("GIT_{who}_EMAIL"), "gsync@localhost");
        // The entry says when: a date of whoever started us is not the time of the deed.
        command.env_remove(format!("GIT_{who}_DATE"));
    }
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("run git")?;
    child.stdin.take().context("a pipe")?.write_all(input.as_bytes()).context("speak to git")?;
    let out = child.wait_with_output().context("run git")?;
    match out.status.success() {
        true => Ok(trimmed(&out.stdout)),
        false => Err(super::refusal(args, &out).into()),
    }
}
