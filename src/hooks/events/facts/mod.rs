//! Looking at the repository from inside of a hook.

mod look;
mod pulls;
mod unpushed;

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::git::Git;
use crate::host::read;

pub use look::{Look, is_busy};
pub use pulls::{checkout, gained, here, is_known, memory, squashed};
pub use unpushed::{after_commit, has_upstream};

/// The directory of the hooks that were there before gsync, from gsync's own record.
pub fn chained(git: &Git) -> Result<Option<PathBuf>> {
    let Some(file) = read::file(&git.gsync_dir().join("chain"))? else { return Ok(None) };
    // A path may hold newlines: all of it but the last is the path.
    let line = file.bytes.0.strip_suffix(b"\n").unwrap_or(&file.bytes.0);
    Ok((!line.is_empty()).then(|| Path::new(std::ffi::OsStr::from_bytes(line)).to_owned()))
}
