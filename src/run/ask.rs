//! Asks the server of an app for something, and takes such requests off its list.
//!
//! This is outside of the journal: what is asked for is planned, run and written down over there,
//! and in this clone there is nothing to put back.

use anyhow::Result;

use crate::base::{CommitId, RefName};
use crate::git::{self, Git};

pub use crate::git::write::request::Pushed;

/// Sends a request and hands on what the server says.
pub fn ask(
    git: &Git,
    remote: &str,
    name: &RefName,
    (file, bytes): (&str, &[u8]),
    heard: &mut dyn FnMut(&str),
) -> Result<Pushed> {
    git::write::request::ask(git, remote, name, (file, bytes), heard)
}

/// Takes a request away that nobody answered.
pub fn withdraw(git: &Git, remote: &str, name: &RefName) -> Result<Pushed> {
    git::write::request::withdraw(git, remote, name)
}

/// On the server: a request that was read is no ref any more.
pub fn taken(git: &Git, name: &RefName, commit: &CommitId) -> Result<()> {
    git::write::set_ref(git, name, None, Some(commit))
}
