//! A line at the foot of a terminal while a step runs: a spinner, which step, for how long, and
//! what it said last. It comes after a moment and is gone when the step has ended; where there is
//! no terminal it never is.

use std::io::{IsTerminal, Write, stderr};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What takes less is not worth a line.
const PATIENCE: Duration = Duration::from_millis(250);
const TICK: Duration = Duration::from_millis(100);
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// The line, as long as it lives.
pub(super) struct Progress {
    /// What the step said last. Not a queue: a step may say gigabytes.
    last: Arc<Mutex<String>>,
    /// Its end is the word to stop.
    alive: Option<Sender<()>>,
    drawer: Option<JoinHandle<()>>,
}

impl Progress {
    /// Begins a line of so many columns, if there is a terminal for it.
    pub(super) fn begin(what: &str, width: usize) -> Option<Self> {
        if !stderr().is_terminal() {
            return None;
        }
        let (alive, stop) = channel::<()>();
        let what = what.to_owned();
        let last = Arc::new(Mutex::new(String::new()));
        let said = Arc::clone(&last);
        let drawer = std::thread::spawn(move || {
            let start = Instant::now();
            let mut wait = PATIENCE;
            let mut spinner = SPINNER.iter().cycle();
            while stop.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                let said = said.lock().map(|said| said.clone()).unwrap_or_default();
                let spinner = spinner.next().unwrap_or(&"");
                draw(&line(spinner, &what, start.elapsed(), &said, width));
                wait = TICK;
            }
            if wait == TICK {
                draw("");
            }
        });
        Some(Self { last, alive: Some(alive), drawer: Some(drawer) })
    }

    /// What the step said; harmless already.
    pub(super) fn says(&self, line: &str) {
        if let Ok(mut last) = self.last.lock() {
            line.clone_into(&mut last);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.alive = None;
        if let Some(drawer) = self.drawer.take() {
            let _ = drawer.join();
        }
    }
}

fn line(spinner: &str, what: &str, after: Duration, last: &str, width: usize) -> String {
    let text = format!("  {spinner} {what} {}  {}", elapsed(after), last.trim());
    // One column is left free: a full line would wrap.
    text.trim_end().chars().take(width.saturating_sub(1)).collect()
}

/// `0.3 s`, `12 s`, `3 min 20 s`
pub(super) fn elapsed(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{:.1} s", time.as_secs_f32()),
        s if s < 60 => format!("{s} s"),
        s => format!("{} min {} s", s / 60, s % 60),
    }
}

fn draw(line: &str) {
    let mut err = stderr().lock();
    let _ = write!(err, "\r\x1b[2K{line}").and_then(|()| err.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_which_step_for_how_long_and_never_wraps() {
        let after = Duration::from_secs(75);
        assert_eq!(line("*", "ui: sync", after, " ok ", 80), "  * ui: sync 1 min 15 s  ok");
        assert_eq!(line("*", "ui: sync", after, "", 80), "  * ui: sync 1 min 15 s");
        assert_eq!(line("*", "ui: sync", after, &"é".repeat(90), 40).chars().count(), 39);
        assert_eq!(elapsed(Duration::from_millis(320)), "0.3 s");
    }
}
