//! The machines of a command: each is connected to once, and all that is asked and done there
//! goes through that connection. One that broke is made again the next time it is wanted, so that
//! what was begun there can be put back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;

use super::Machine;

/// How long a machine has to let us in.
const PATIENCE: Duration = Duration::from_secs(10);

/// One machine: whoever wants it while it is being connected to waits for that, and nobody else.
type Slot = Arc<Mutex<Option<Machine>>>;

static OPEN: Mutex<Vec<(String, Slot)>> = Mutex::new(Vec::new());

/// The machine of an environment: `ssh://[user@]host[:port]`, or this one.
pub fn open(host: Option<&str>) -> Result<Machine> {
    let Some(host) = host else { return Ok(Machine::Here) };
    let slot = slot(host);
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(machine) = slot.as_ref().filter(|machine| machine.is_connected()) {
        return Ok(machine.clone());
    }
    *slot = None;
    let machine = Machine::of(Some(host), PATIENCE)?;
    Ok(slot.insert(machine).clone())
}

fn slot(host: &str) -> Slot {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, slot)) = open.iter().find(|(name, _)| name == host) {
        return Arc::clone(slot);
    }
    let slot = Slot::default();
    open.push((host.to_owned(), Arc::clone(&slot)));
    slot
}

/// Ends all connections that nobody else holds.
pub fn close() {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner).clear();
}
