//! What goes on just now, for whoever watches. Work that may take long says so here; the
//! interface shows it to a person who waits, and nobody else looks.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// What is done, since when, and what it said last.
struct Now {
    what: String,
    since: Instant,
    said: String,
}

static NOW: Mutex<Option<Now>> = Mutex::new(None);

/// Says what is done from here on.
pub fn doing(what: impl Into<String>) {
    if let Ok(mut now) = NOW.lock() {
        *now = Some(Now { what: what.into(), since: Instant::now(), said: String::new() });
    }
}

/// What it says while it is done. Only the last word is kept: a step may say gigabytes.
pub fn says(line: &str) {
    if let Ok(mut now) = NOW.lock()
        && let Some(now) = now.as_mut()
    {
        line.clone_into(&mut now.said);
    }
}

/// Nothing is done any more that a person would wait for.
pub fn done() {
    if let Ok(mut now) = NOW.lock() {
        *now = None;
    }
}

/// What is done now, for how long, and its last word; nothing if nobody said.
pub fn now() -> Option<(String, Duration, String)> {
    let now = NOW.lock().ok()?;
    now.as_ref().map(|now| (now.what.clone(), now.since.elapsed(), now.said.clone()))
}
