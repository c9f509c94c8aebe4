//! The machines of a command: each is connected to once, and all that is asked and done there
//! goes through that connection. One that broke is made again the next time it is wanted, so that
//! what was begun there can be put back.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;

use super::Machine;

/// How long a machine has to let us in.
const PATIENCE: Duration = Duration::from_secs(10);

static OPEN: Mutex<Vec<(String, Machine)>> = Mutex::new(Vec::new());

/// The machine of an environment: `ssh://[user@]host[:port]`, or this one.
pub fn open(host: Option<&str>) -> Result<Machine> {
    let Some(host) = host else { return Ok(Machine::Here) };
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    open.retain(|(_, machine)| machine.is_connected());
    if let Some((_, machine)) = open.iter().find(|(name, _)| name == host) {
        return Ok(machine.clone());
    }
    let machine = Machine::of(Some(host), PATIENCE)?;
    open.push((host.to_owned(), machine.clone()));
    Ok(machine)
}

/// Ends all connections that nobody else holds.
pub fn close() {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner).clear();
}
