//! The settings of a work tree, for commands and for hooks.

use anyhow::Result;

use crate::config::{self, Config};
use crate::git::Git;
use crate::host::read;

/// What `.gsync.toml` says, or the defaults where there is none.
pub(super) fn of(git: &Git) -> Result<Config> {
    let Some(dir) = &git.work_dir else { return Ok(Config::default()) };
    match read::file(&dir.join(config::FILE))? {
        Some(file) => Ok(config::parse(config::FILE, &file.bytes.0)?),
        None => Ok(Config::default()),
    }
}
