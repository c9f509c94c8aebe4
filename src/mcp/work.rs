//! Commands run on threads of their own; those that act one at a time. A call that is
//! cancelled puts its run back.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rmcp::RoleServer;
use rmcp::model::ProgressNotificationParam;
use rmcp::service::RequestContext;
use tokio::sync::{Mutex, mpsc};

use crate::base::{Exit, plain};
use crate::cli::{self, Called};
use crate::plan::Event;
use crate::run;
use crate::ui::Listener;

/// What a step says is passed on this often at most.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a line of progress may be.
const LINE: usize = 200;

/// Who works, and whether it is over. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Work {
    /// Held by the command that acts.
    turn: Arc<Mutex<()>>,
    over: Arc<AtomicBool>,
}

/// One moment of a run.
struct Tick {
    progress: f64,
    total: f64,
    message: String,
}

impl Work {
    /// The client is gone: what runs is put back, and nothing begins.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
        run::stop();
    }

    /// The client asks nothing more: what acts is put back, nobody may hear of it. What only looks
    /// is answered, for somebody may still read.
    pub(super) fn hears_nothing(&self) {
        self.over.store(true, Ordering::SeqCst);
        if self.turn.try_lock().is_err() {
            run::stop();
        }
    }

    /// Until nothing acts any more.
    pub(super) async fn wait(&self) {
        drop(self.turn.lock().await);
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Runs a command that only looks.
    pub(super) async fn look(&self, dir: PathBuf, words: Vec<String>) -> Called {
        let job = tokio::task::spawn_blocking(move || cli::call(&dir, &words, Box::new(|_| {})));
        job.await.unwrap_or_else(|_| broken())
    }

    /// Runs a command that acts, tells how far it is, and puts back when the call is cancelled.
    pub(super) async fn act(
        &self,
        dir: PathBuf,
        words: Vec<String>,
        context: &RequestContext<RoleServer>,
    ) -> Called {
        let turn = tokio::select! {
            turn = self.turn.clone().lock_owned() => turn,
            () = context.ct.cancelled() => return cancelled(),
        };
        if self.is_over() || context.ct.is_cancelled() {
            return cancelled();
        }
        let (sender, mut ticks) = mpsc::unbounded_channel();
        // The turn comes back with the answer: it ends when both the thread and the one who
        // may still cancel it are done.
        let mut job = tokio::task::spawn_blocking(move || {
            let called = cli::call(&dir, &words, listener(sender));
            (called, turn)
        });
        let token = context.meta.get_progress_token();
        let mut told = false;
        let ended = loop {
            tokio::select! {
                biased;
                Some(tick) = ticks.recv() => {
                    if let Some(token) = &token {
                        let note = ProgressNotificationParam::new(token.clone(), tick.progress)
                            .with_total(tick.total)
                            .with_message(tick.message);
                        // Nobody listens any more: the end of the input tells.
                        let _ = context.peer.notify_progress(note).await;
                    }
                }
                ended = &mut job => break ended,
                () = context.ct.cancelled(), if !told => {
                    told = true;
                    run::stop();
                }
            }
        };
        if !self.is_over() {
            run::go_on();
        }
        ended.map_or_else(|_| broken(), |(called, _turn)| called)
    }
}

/// Turns the events of a run into ticks. Progress only grows: what a step says comes nearer
/// and nearer to its end without reaching it.
fn listener(sender: mpsc::UnboundedSender<Tick>) -> Listener {
    let (mut total, mut done, mut said) = (0_u32, 0_u32, 0_u32);
    let mut last: Option<Instant> = None;
    Box::new(move |event| {
        let message = match event {
            Event::Planned { plan, .. } => {
                total = u32::try_from(plan.steps.len()).unwrap_or(u32::MAX);
                plan.title.clone()
            }
            Event::Started { step } => {
                said = 1;
                step.to_string()
            }
            Event::Done { .. } => {
                (done, said) = (done.saturating_add(1), 0);
                return;
            }
            Event::Output { line } => {
                if last.is_some_and(|last| last.elapsed() < PAUSE) {
                    return;
                }
                last = Some(Instant::now());
                said = said.saturating_add(1);
                (*line).to_owned()
            }
            Event::Finished { .. } if total > 0 && done == total => "done".to_owned(),
            _ => return,
        };
        let within = 1.0 - 1.0 / f64::from(said.saturating_add(1));
        let progress = f64::from(done) + within;
        let message: String = plain(&message).chars().take(LINE).collect();
        let _ = sender.send(Tick { progress, total: f64::from(total), message });
    })
}

/// The call was cancelled before anything began.
fn cancelled() -> Called {
    failed(Exit::Interrupted, "cancelled", "the call was cancelled; nothing was changed")
}

fn broken() -> Called {
    failed(Exit::Blind, "failed", "gsync itself failed; look with `gsync log` and `gsync status`")
}

fn failed(exit: Exit, code: &str, message: &str) -> Called {
    let error = serde_json::json!({ "exit": exit.code(), "code": code, "message": message });
    Called { exit, object: serde_json::json!({ "gsync": 1, "error": error }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Outcome, Plan, Step};

    #[test]
    fn progress_only_grows_and_ends_at_the_total() {
        let (sender, mut ticks) = mpsc::unbounded_channel();
        let mut hear = listener(sender);
        let step = Step::MakeDir { dir: "x".into() };
        let plan = Plan::new("two").then(step.clone()).then(step.clone());
        hear(&Event::Planned { plan: &plan, id: plan.id(), dry_run: false });
        for _ in 0..2 {
            hear(&Event::Started { step: &step });
            hear(&Event::Output { line: "\u{1b}[2Jhello" });
            hear(&Event::Done { step: &step });
        }
        hear(&Event::Finished { outcome: Outcome::Done });
        let mut seen = Vec::new();
        while let Ok(tick) = ticks.try_recv() {
            assert!(!tick.message.contains('\u{1b}'));
            seen.push(tick.progress);
        }
        assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "{seen:?}");
        assert!((seen.last().unwrap() - 2.0).abs() < f64::EPSILON, "{seen:?}");
    }
}
