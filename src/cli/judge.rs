//! The judging hooks: pre-commit, pre-push, pre-receive.

use anyhow::Result;

use crate::base::{Exit, RefUpdate};
use crate::git::Git;
use crate::guard::facts;
use crate::ui::Ui;

/// Judges what is about to be committed.
pub(super) fn pre_commit(ui: &Ui, git: &Git) -> Result<Exit> {
    Ok(ui.verdict(&facts::staged(git, true)?))
}

/// Judges what is about to be pushed. `remote` is a name or a URL, as git gives it.
pub(super) fn pre_push(
    ui: &Ui,
    git: &Git,
    remote: &str,
    url: &str,
    updates: &[RefUpdate],
) -> Result<Exit> {
    if updates.is_empty() {
        return Ok(Exit::Done);
    }
    match ui.verdict(&facts::push(git, remote, url, updates)?) {
        Exit::Done => super::handoff::before_push(ui, git, remote, updates).map(|()| Exit::Done),
        other => Ok(other),
    }
}

/// Judges what was pushed, on the server, while it is in quarantine.
pub(super) fn pre_receive(ui: &Ui, git: &Git, updates: &[RefUpdate]) -> Result<Exit> {
    if updates.is_empty() {
        return Ok(Exit::Done);
    }
    let admit = || {
        super::deploy::asked::admit(git, updates)?;
        super::deploy::receive::pre_receive(git, updates)
    };
    if let Err(err) = admit() {
        return super::deploy::asked::refuse(git, updates, err);
    }
    // A request is one small file of a known kind, which was read, and it does not stay: the rules
    // are about what people write.
    if super::deploy::asked::is_asked(updates) {
        return Ok(Exit::Done);
    }
    Ok(ui.verdict(&facts::receive(git, updates)?))
}
