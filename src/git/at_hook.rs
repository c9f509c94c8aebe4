//! Finding the repository that git started a hook in, without asking git: a hook must not be
//! felt, and git has just checked everything that there is to check.

use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::Git;
use crate::host::{env, read};

/// The repository of the hook that is running, from what git exports and from where it stands.
/// Nothing: ask git with `discover`.
pub fn at_hook() -> Option<Git> {
    let here = std::env::current_dir().ok()?;
    let Some(dir) = env::raw("GIT_DIR") else { return repository_at(&here) };
    let git_dir = here.join(dir);
    let bare = is_git_dir(&here) && same(&git_dir, &here);
    // In a client hook git stands at the top of the work tree.
    let work_dir = env::raw("GIT_WORK_TREE").map(|dir| here.join(dir));
    opened(&git_dir, work_dir.or_else(|| (!bare).then(|| here.clone())))
}

/// The repository whose top, or bare self, is exactly this directory.
pub(super) fn repository_at(here: &Path) -> Option<Git> {
    if read::exists(&here.join(".git")) {
        return opened(&dot_git(here)?, Some(here.to_owned()));
    }
    if is_git_dir(here) { opened(here, None) } else { None }
}

fn opened(git_dir: &Path, work_dir: Option<PathBuf>) -> Option<Git> {
    let git_dir = git_dir.canonicalize().ok()?;
    let common_dir = match read::file(&git_dir.join("commondir")).ok()? {
        Some(file) => git_dir.join(line(file.bytes.0)).canonicalize().ok()?,
        None => git_dir.clone(),
    };
    is_git_dir(&common_dir).then(|| Git::at(git_dir, common_dir, work_dir))
}

/// The git directory of a `.git` that is a directory, or a file that names one.
fn dot_git(top: &Path) -> Option<PathBuf> {
    let at = top.join(".git");
    if at.is_dir() {
        return Some(at);
    }
    let bytes = read::file(&at).ok()??.bytes.0;
    let target = bytes.strip_prefix(b"gitdir: ")?.to_vec();
    Some(top.join(line(target)))
}

fn line(mut bytes: Vec<u8>) -> PathBuf {
    while bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        bytes.pop();
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

fn is_git_dir(dir: &Path) -> bool {
    read::exists(&dir.join("objects")) && read::exists(&dir.join("HEAD"))
}

fn same(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}
