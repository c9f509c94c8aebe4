//! The language of change. Pure data: a plan can be printed, sent, compared,
//! stored and taken back without anything being done.

mod event;
mod publish;
pub mod serve;
mod step;
mod task;
mod undo;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use event::{Event, Outcome, Report};
pub use publish::Publish;
pub use serve::{Deed, Serve};
pub use step::Step;
pub use task::{Clean, Drive, Remedy, Task};
pub use undo::{Before, Undo};

/// What will be done, in order. There are no branches and no loops: every
/// decision was taken when the plan was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What the command is, in a few words: `install gsync`, `start on main`.
    pub title: String,
    pub steps: Vec<Step>,
    /// What a person should know about this plan beyond its steps, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Plan {
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), steps: Vec::new(), notes: Vec::new() }
    }

    #[must_use]
    pub fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    #[must_use]
    pub fn then_all(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.steps.extend(steps);
        self
    }

    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// A short name for exactly this plan. Two plans with the same id do the
    /// same thing, so a person or an agent can approve one and later run
    /// "that plan or nothing". Snapshots are left out of it: they say where the way back is
    /// kept, and are new each time.
    pub fn id(&self) -> String {
        let mut steps = serde_json::to_value(&self.steps).expect("a plan is plain data");
        for step in steps.as_array_mut().into_iter().flatten() {
            step.as_object_mut().map(|step| step.remove("snapshot"));
        }
        let text = serde_json::to_vec(&(&self.title, &steps)).expect("a plan is plain data");
        let hash = Sha256::digest(text);
        crate::base::hex(&hash[..4])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_named_by_what_it_does() {
        let plan = Plan::new("a").then(Step::MakeDir { dir: "x".into() });
        let same = plan.clone().note("only a remark");
        let other = Plan::new("a").then(Step::MakeDir { dir: "y".into() });
        assert_eq!(plan.id(), same.id());
        assert_ne!(plan.id(), other.id());
        assert_eq!(plan.id().len(), 8);
    }
}
