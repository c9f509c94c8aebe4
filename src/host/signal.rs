//! Being told to stop: Ctrl-C and TERM are noted, and whoever waits looks here.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once, OnceLock};

static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();

fn flag() -> &'static Arc<AtomicBool> {
    STOP.get_or_init(|| Arc::new(AtomicBool::new(false)))
}

/// From now on Ctrl-C and TERM are noted instead of killing: a run puts back first. A second
/// Ctrl-C during that changes nothing: putting back is short, and half of it is worse.
pub fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            // Without the signal the default stays: the process ends, and `rescue` has work.
            let _ = signal_hook::flag::register(signal, Arc::clone(flag()));
        }
    });
}

/// The same as Ctrl-C, by whoever runs the engine inside of this process.
pub fn stop() {
    flag().store(true, Ordering::Relaxed);
}

/// Forgets that somebody asked to stop: the run that it was about has ended.
pub fn go_on() {
    flag().store(false, Ordering::Relaxed);
}

/// Whether the user asked to stop.
pub fn stopped() -> bool {
    STOP.get().is_some_and(|flag| flag.load(Ordering::Relaxed))
}
