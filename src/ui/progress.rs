//! A line that moves while something takes long: on a terminal only, and not before a person
//! begins to wonder.

use std::io::{IsTerminal, stderr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget};

use super::Ui;
use crate::base::plain;
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
        let thread = std::thread::spawn(move || watch(&told));
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

fn watch(end: &AtomicBool) {
    let start = Instant::now();
    while !end.load(Ordering::Relaxed) {
        if start.elapsed() < PATIENCE {
            std::thread::park_timeout(PATIENCE.saturating_sub(start.elapsed()));
            continue;
        }
        let what = plain(&progress::now());
        if let Ok(mut line) = LINE.lock()
            && !what.is_empty()
        {
            let bar = line.get_or_insert_with(|| {
                ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
                    .with_style(indicatif::ProgressStyle::default_spinner())
            });
            bar.set_message(format!("{what} .. {} s", start.elapsed().as_secs()));
            bar.tick();
        }
        std::thread::park_timeout(TICK);
    }
    if let Ok(mut line) = LINE.lock()
        && let Some(bar) = line.take()
    {
        bar.finish_and_clear();
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
