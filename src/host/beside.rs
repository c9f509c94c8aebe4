//! How a file gets new contents as a whole: written beside it and renamed, so that a reader sees
//! the old or the new one, never a part.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};

/// The bytes are on the disk before they have the name.
pub(super) fn put(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let describe = || format!("write {}", path.display());
    let dir = path.parent().context("a path with a directory")?;
    let mut beside =
        tempfile::Builder::new().prefix(".gsync-").tempfile_in(dir).with_context(describe)?;
    beside.write_all(bytes).with_context(describe)?;
    beside.as_file().set_permissions(Permissions::from_mode(mode)).with_context(describe)?;
    beside.as_file().sync_all().with_context(describe)?;
    beside.persist(path).map_err(|err| err.error).with_context(describe)?;
    Ok(())
}
