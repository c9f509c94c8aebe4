use serde::{Deserialize, Serialize};

use super::{Plan, Step};

/// What happens while a plan runs. The same events feed the terminal, the
/// JSON lines and the progress notes of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event<'a> {
    Planned {
        plan: &'a Plan,
        id: String,
        dry_run: bool,
    },
    Started {
        step: &'a Step,
    },
    Output {
        line: &'a str,
    },
    Done {
        step: &'a Step,
    },
    Failed {
        step: &'a Step,
        why: String,
    },
    PutBack {
        step: &'a Step,
        by: Step,
    },
    NotPutBack {
        step: &'a Step,
        why: String,
    },
    Kept {
        step: &'a Step,
    },
    /// What a person must know about putting back: what was kept, and where.
    Note {
        line: &'a str,
    },
    Finished {
        outcome: Outcome,
    },
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Done,
    /// A step failed; the world is as it was.
    PutBack,
    /// A step failed; the world is as it was after the last final step.
    Kept,
    /// A step failed and so did taking it back.
    Stuck,
    /// The user said stop; the world is as it was.
    Interrupted,
}

/// Somebody who wants to know.
pub trait Report {
    fn event(&mut self, event: &Event<'_>);
}

impl Report for Vec<String> {
    fn event(&mut self, event: &Event<'_>) {
        self.push(serde_json::to_string(event).expect("an event is plain data"));
    }
}
