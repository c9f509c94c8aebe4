//! What goes on just now, for whoever watches. Work that may take long says so here; the
//! interface shows it to a person who waits, and nobody else looks.

use std::sync::Mutex;

static NOW: Mutex<String> = Mutex::new(String::new());

/// Says what is done from here on.
pub fn doing(what: impl Into<String>) {
    if let Ok(mut now) = NOW.lock() {
        *now = what.into();
    }
}

/// What is done now; empty if nobody said.
pub fn now() -> String {
    NOW.lock().map(|now| now.clone()).unwrap_or_default()
}
