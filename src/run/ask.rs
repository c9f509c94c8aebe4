//! Asks the server of an app for something, and takes such requests off its list.
//!
//! This is outside of the journal: what is asked for is planned, run and written down over there,
//! and in this clone there is nothing to put back.

use anyhow::Result;

use crate::base::{CommitId, RefName};
use crate::git::{self, Git};

pub use crate::git::write::request::{Pushed, ask, withdraw};

/// On the server: a request that was read is no ref any more.
pub fn taken(git: &Git, name: &RefName, commit: &CommitId) -> Result<()> {
    git::write::set_ref(git, name, None, Some(commit))
}
