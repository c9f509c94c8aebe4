//! Being told to stop: Ctrl-C and TERM are noted, and whoever waits looks here.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on Ctrl-C and TERM are noted instead of killing: a run puts back first. A second
/// Ctrl-C during that changes nothing: putting back is short, and half of it is worse.
pub fn listen() {
    let flag = STOP.get_or_init(|| Arc::new(AtomicBool::new(false)));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // Without the signal the default stays: the process ends, and `rescue` has work.
        let _ = signal_hook::flag::register(signal, Arc::clone(flag));
    }
}

/// Whether the user asked to stop.
pub fn stopped() -> bool {
    STOP.get().is_some_and(|flag| flag.load(Ordering::Relaxed))
}
