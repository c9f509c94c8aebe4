//! Deeds in the repository of an app on a server.

use std::path::Path;

use anyhow::{Context, Result};
use gix::objs::Kind;

use super::super::ask::finish;
use super::super::raw::by_gsync;
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
    (time, message): (i64, &str),
) -> Result<()> {
    let blob = git.write(Kind::Blob, text.as_bytes())?;
    let id = gix::ObjectId::from_hex(blob.as_str().as_bytes()).context("the id of an object")?;
    let mut tree = format!("100644 {file}\0").into_bytes();
    tree.extend_from_slice(id.as_bytes());
    let tree = git.write(Kind::Tree, &tree)?;
    let parents: Vec<&CommitId> = expect.into_iter().collect();
    // The entry says when: a date of whoever started us is not the time of the deed.
    let commit = git.write_commit(&tree, &parents, &by_gsync(time, message))?;
    set_ref(git, name, Some(&commit), expect)
}
