//! What is judged about a step: how it ended, why it counts as done or not, which line shows it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::plain;

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    Exit(i32),
    Signal(i32),
    TimedOut(Duration),
    /// It never ran.
    NotStarted(String),
    /// It has not ended, and need not: a server.
    Running,
    /// Whoever drove it saw it fail.
    Failed(String),
}

/// Why it is judged so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    Fine,
    Ended(Ended),
    /// A line that no exit status outweighs.
    Said,
    /// It had to print nothing.
    Spoke,
    /// It ended well and never said that it did its work.
    NoSuccess,
}

/// A line of the log with those around it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Found {
    /// Counted from 1, in the clean log.
    pub line: u64,
    pub text: String,
    pub before: Vec<String>,
    pub after: Vec<String>,
}

/// The judgment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub why: Why,
    /// The first error, as well as it can be told.
    pub first: Option<Found>,
    pub lines: u64,
}

impl Verdict {
    pub fn ok(&self) -> bool {
        self.why == Why::Fine
    }

    /// Why, in a few words.
    pub fn reason(&self) -> String {
        match &self.why {
            Why::Fine => "done".to_owned(),
            Why::Ended(Ended::Exit(code)) => format!("exit status {code}"),
            Why::Ended(Ended::Signal(signal)) => format!("killed by signal {signal}"),
            Why::Ended(Ended::TimedOut(after)) => format!("timed out after {}", span(*after)),
            Why::Ended(Ended::NotStarted(why)) => format!("not started: {}", plain(why)),
            Why::Ended(Ended::Failed(why)) => plain(why),
            Why::Ended(Ended::Running) => "it says so itself".to_owned(),
            Why::Said => "the log has an error, whatever the exit status says".to_owned(),
            Why::Spoke => "it printed something, which is how it says no".to_owned(),
            Why::NoSuccess => "uncertain: it never said what `success` asks for".to_owned(),
        }
    }
}

fn span(length: Duration) -> String {
    match length.as_secs() {
        0 => format!("{} ms", length.as_millis()),
        s if s < 120 => format!("{s} s"),
        s => format!("{} min", s / 60),
    }
}

/// What a step asks for beyond the matchers.
#[derive(Debug, Clone, Default)]
pub struct Asked<'a> {
    pub command: &'a str,
    pub error: &'a [String],
    pub success: &'a [String],
    pub ok_exit: &'a [i32],
    /// The step has its own way out after a failure: only exit status and own patterns count.
    pub fallback_ok: bool,
}
