//! Finding the repository of a directory without a process, for a shell prompt. It asks git
//! wherever git's own rules could say something else.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::Result;

use super::{Git, at_hook};
use crate::host::{env, read};

/// The repository that a directory is in, or nothing.
pub fn locate(dir: &Path) -> Option<Git> {
    if env::raw("GIT_DIR").is_some() {
        return super::discover(dir).ok();
    }
    let start = dir.canonicalize().ok()?;
    let ceilings = env::raw("GIT_CEILING_DIRECTORIES");
    let ceilings: Vec<_> = ceilings.iter().flat_map(std::env::split_paths).collect();
    let mut at = start.as_path();
    loop {
        if let Some(git) = at_hook::repository_at(at) {
            // Somebody else's repository: git decides whether it is trusted.
            let own = |path: &Path| {
                path.metadata().is_ok_and(|meta| meta.uid() == rustix::process::geteuid().as_raw())
            };
            let trusted = own(at) && own(&git.git_dir);
            return if trusted { Some(git) } else { super::discover(dir).ok() };
        }
        // Something that is called `.git` and is no repository, or a place that git skips.
        if read::exists(&at.join(".git")) {
            return super::discover(dir).ok();
        }
        at = at.parent()?;
        if ceilings.iter().any(|ceiling| ceiling == at) {
            return None;
        }
    }
}

/// The same as `discover`, without a process where there can be no doubt about the answer: a
/// work tree whose configuration says nothing about where it is.
pub fn find(dir: &Path) -> Result<Git> {
    match locate(dir).filter(|git| git.work_dir.is_some() && is_plain(git)) {
        Some(git) if env::raw("GIT_WORK_TREE").is_none() => Ok(git),
        _ => super::discover(dir),
    }
}

fn is_plain(git: &Git) -> bool {
    let Ok(Some(file)) = read::file(&git.common_dir.join("config")) else { return false };
    let text = String::from_utf8_lossy(&file.bytes.0).to_ascii_lowercase();
    let moves = |line: &str| {
        line.contains("worktree")
            || line.starts_with("[include")
            || (line.starts_with("bare") && !line.ends_with("false"))
    };
    !text.lines().any(|line| moves(line.trim()))
}
