//! Tells the hub what this clone is doing.
//!
//! This is outside of the journal: an entry says what is so, replaces the one before it, and is
//! true again a moment later whatever happens to it. There is nothing to put back, and a way
//! back to what was so an hour ago would tell the others something false.

use std::time::Duration;

use anyhow::Result;

use crate::git::Git;
use crate::git::write::state;

pub use crate::git::write::state::{Sent, Shared, State};

/// Puts an entry on the hub, if its ref stands where it was seen.
pub fn publish(git: &Git, remote: &str, state: &State<'_>, deadline: Duration) -> Result<Sent> {
    state::send(git, remote, state, deadline)
}

/// Puts shared work on the hub, or takes it away.
pub fn share(git: &Git, remote: &str, shared: &Shared<'_>, deadline: Duration) -> Result<Sent> {
    state::share(git, remote, shared, deadline)
}
