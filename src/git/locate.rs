//! Finding the repository of a directory without a process, for a shell prompt. It asks git
//! wherever git's own rules could say something else.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

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
