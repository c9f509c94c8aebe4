//! The judging hooks: pre-commit, pre-push, pre-receive.

use anyhow::Result;

use crate::base::{Exit, RefUpdate};
use crate::git::Git;
use crate::ui::Ui;

/// Judges what is about to be committed.
pub fn pre_commit(_ui: &Ui, _git: &Git) -> Result<Exit> {
    Ok(Exit::Done)
}

/// Judges what is about to be pushed. `remote` is a name or a URL, as git gives it.
pub fn pre_push(
    _ui: &Ui,
    _git: &Git,
    _remote: &str,
    _url: &str,
    _updates: &[RefUpdate],
) -> Result<Exit> {
    Ok(Exit::Done)
}

/// Judges what was pushed, on the server, while it is in quarantine.
pub fn pre_receive(_ui: &Ui, _git: &Git, _updates: &[RefUpdate]) -> Result<Exit> {
    Ok(Exit::Done)
}
