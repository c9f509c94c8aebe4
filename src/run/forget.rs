//! The very last thing of an uninstall: gsync's own folder goes.
//!
//! This is outside of the journal, because the journal is in that folder. Everything that
//! anybody else could miss was taken back before, as a plan; a folder of which a kill left
//! half is no harm: the next uninstall removes the rest.

use anyhow::Result;

use crate::git::Git;
use crate::host;

/// Removes gsync's folder in the git directory.
pub fn forget(git: &Git) -> Result<()> {
    host::write::remove_tree(&git.gsync_dir())
}
