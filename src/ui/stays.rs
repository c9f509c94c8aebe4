//! A listener for the later runs of a command: when one of them is put back, what the earlier
//! ones did still stands, and "everything is as it was" would be wrong.

use crate::plan::{Event, Outcome, Report};

/// Stands in front of another listener.
pub struct Stays<'a> {
    inner: &'a mut dyn Report,
    /// What stays, as a sentence.
    what: &'a str,
}

impl<'a> Stays<'a> {
    pub fn new(inner: &'a mut dyn Report, what: &'a str) -> Self {
        Self { inner, what }
    }
}

impl Report for Stays<'_> {
    fn event(&mut self, event: &Event<'_>) {
        let Event::Finished { outcome: outcome @ (Outcome::PutBack | Outcome::Interrupted) } =
            event
        else {
            return self.inner.event(event);
        };
        self.inner.event(&Event::Note { line: self.what });
        let outcome = match outcome {
            Outcome::PutBack => Outcome::Kept,
            other => *other,
        };
        self.inner.event(&Event::Finished { outcome });
    }
}
