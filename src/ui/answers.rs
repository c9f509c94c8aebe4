//! What the server behind a remote says while something is pushed there: shown as it comes, since
//! it may build for minutes, and kept for whoever has to explain how it ended.

use super::{Ui, talk};
use crate::base::plain;
use crate::plan::{Event, Report, Step};

/// So many lines are shown and kept.
const MOST: usize = 500;

/// Stands in front of another listener.
pub struct Answers<'a> {
    inner: &'a mut dyn Report,
    remote: &'a str,
    said: &'a mut Vec<String>,
    /// Whether people see it.
    loud: bool,
    /// The step that goes there is being done.
    on: bool,
}

impl<'a> Answers<'a> {
    pub fn new(
        ui: Ui,
        inner: &'a mut dyn Report,
        remote: &'a str,
        said: &'a mut Vec<String>,
    ) -> Self {
        let loud = !ui.is_for_programs() && !ui.quiet && !ui.verbose;
        Self { inner, remote, said, loud, on: false }
    }
}

impl Report for Answers<'_> {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Started { step: Step::Push { remote, .. } } => self.on = remote == self.remote,
            Event::Started { .. } => self.on = false,
            Event::Output { line } if self.on => {
                if let Some(answer) = line.strip_prefix("remote:")
                    && self.said.len() < MOST
                {
                    let answer = plain(answer.strip_prefix(' ').unwrap_or(answer).trim_end());
                    if self.loud {
                        talk(&format!("    {answer}"));
                    }
                    self.said.push(answer);
                    if self.loud {
                        // It need not be said again if the step fails.
                        return;
                    }
                }
            }
            _ => {}
        }
        self.inner.event(event);
    }
}
