//! A line that moves while something takes long: on a terminal only, and not before a person
//! begins to wonder.

use std::io::{IsTerminal, stderr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Ui;
use crate::base::{covered, plain};
use crate::host::{env, progress};

/// Work that is done by then shows nothing.
const PATIENCE: Duration = Duration::from_millis(250);
/// How often the line is looked after.
const TICK: Duration = Duration::from_millis(80);

/// The line that is shown now, if one is: talk has to go above it.
static LINE: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Shows what goes on until it is dropped.
pub struct Progress {
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Nothing where nobody sees it, or where programs read.
    pub fn begin(ui: Ui) -> Option<Self> {
        let dumb = env::text("TERM").is_some_and(|term| term == "dumb");
        if ui.quiet || ui.is_for_programs() || dumb || !stderr().is_terminal() {
            return None;
        }
        let end = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&end);
        let width = ui.width();
        let thread = std::thread::spawn(move || watch(&told, width));
        Some(Self { end, thread: Some(thread) })
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

fn watch(end: &AtomicBool, width: usize) {
    while !end.load(Ordering::Relaxed) {
        let shown = progress::now().filter(|(_, after, _)| *after >= PATIENCE);
        if let Ok(mut line) = LINE.lock() {
            match (shown, line.as_ref()) {
                (Some((what, after, said)), _) => {
                    let bar = line.get_or_insert_with(|| {
                        ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
                            .with_style(ProgressStyle::default_spinner())
                    });
                    // Two columns are the spinner's.
                    bar.set_message(text(
                        &covered(&plain(&what)),
                        after,
                        &covered(&plain(&said)),
                        width.saturating_sub(3),
                    ));
                    bar.tick();
                }
                (None, Some(bar)) => {
                    bar.finish_and_clear();
                    *line = None;
                }
                (None, None) => {}
            }
        }
        std::thread::park_timeout(TICK);
    }
    if let Ok(mut line) = LINE.lock()
        && let Some(bar) = line.take()
    {
        bar.finish_and_clear();
    }
}

/// What is done, for how long, and its last word; cut, since a line that wraps cannot be taken
/// away again.
fn text(what: &str, after: Duration, said: &str, width: usize) -> String {
    let text = format!("{what} {}  {}", elapsed(after), said.trim());
    text.trim_end().chars().take(width).collect()
}

/// `0.3 s`, `12 s`, `3 min 20 s`
pub(super) fn elapsed(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{:.1} s", time.as_secs_f32()),
        s if s < 60 => format!("{s} s"),
        s => format!("{} min {} s", s / 60, s % 60),
    }
}

/// Says something above the line.
pub(super) fn above(say: impl FnOnce()) {
    match LINE.lock() {
        Ok(line) => match &*line {
            Some(bar) => bar.suspend(say),
            None => say(),
        },
        Err(_) => say(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_is_done_for_how_long_and_never_wraps() {
        let after = Duration::from_secs(75);
        assert_eq!(text("ui: sync", after, " ok ", 80), "ui: sync 1 min 15 s  ok");
        assert_eq!(text("ui: sync", after, "", 80), "ui: sync 1 min 15 s");
        assert_eq!(text("ui: sync", after, &"é".repeat(90), 40).chars().count(), 40);
        assert_eq!(elapsed(Duration::from_millis(320)), "0.3 s");
    }
}
