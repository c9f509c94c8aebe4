//! Being told to stop: Ctrl-C, and the stop points of the crash tests.

use anyhow::Result;

pub use crate::host::signal::{go_on, listen, stop, stopped};

/// A place in the middle of a step where a person who said stop is obeyed: what was done so far
/// is put back.
pub(super) fn pause(name: &str) -> Result<()> {
    point(name);
    if stopped() { Err(anyhow::anyhow!("interrupted")) } else { Ok(()) }
}

/// Tells another gsync to stop: it puts back first. False: there is none by that number.
pub fn stop_other(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::kill_process(pid, rustix::process::Signal::TERM).is_ok())
}

/// A place where the crash tests can kill the process: `GSYNC_STOP_AT=n` aborts at the n-th.
/// Only in builds with debug assertions.
#[cfg(debug_assertions)]
pub(super) fn point(_name: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static PASSED: AtomicU32 = AtomicU32::new(0);
    let passed = PASSED.fetch_add(1, Ordering::Relaxed) + 1;
    if crate::host::env::text("GSYNC_STOP_AT").and_then(|at| at.parse().ok()) == Some(passed) {
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

#[cfg(not(debug_assertions))]
pub(super) fn point(_name: &str) {}
