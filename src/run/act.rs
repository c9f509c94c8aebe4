use anyhow::Result;

use super::{Hands, Journal, run};
use crate::base::{Exit, Problem, RunId};
use crate::plan::{Event, Outcome, Plan, Report};

/// How a plan is to be carried out.
#[derive(Debug, Clone, Default)]
pub struct How {
    /// Show it only.
    pub dry_run: bool,
    /// Run exactly the plan with this id, or nothing.
    pub only: Option<String>,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Nothing: it was only shown, or there was nothing to do.
    pub run: Option<RunId>,
    pub outcome: Outcome,
}

impl Ran {
    pub fn exit(&self) -> Exit {
        match self.outcome {
            Outcome::Done => Exit::Done,
            Outcome::PutBack => Exit::PutBack,
            Outcome::Kept => Exit::Kept,
            Outcome::Stuck => Exit::Stuck,
            Outcome::Interrupted => Exit::Interrupted,
        }
    }
}

/// What whoever asked for one plan is told when it would be another one.
pub fn changed(only: &str, plan: &Plan) -> Problem {
    Problem::refuse("plan-changed", format!("the plan {only} is no longer what would be done"))
        .because(format!("the plan is now {}", plan.id()))
        .hint("look at it again with `--dry-run`")
}

/// Shows a plan, or runs it. The one door to [`run`]: the command line and
/// the agents' server both come through here, so `--dry-run`, `--only` and
/// every report work the same for every command. The lock must be held.
pub fn act(
    plan: &Plan,
    how: &How,
    hands: &mut dyn Hands,
    journal: &mut Journal,
    report: &mut dyn Report,
) -> Result<Ran> {
    if let Some(only) = &how.only
        && *only != plan.id()
    {
        return Err(changed(only, plan).into());
    }
    report.event(&Event::Planned { plan, id: plan.id(), dry_run: how.dry_run });
    if how.dry_run || plan.steps.is_empty() {
        return Ok(Ran { run: None, outcome: Outcome::Done });
    }
    let outcome = run(plan, hands, journal, report)?;
    Ok(Ran { run: journal.current().cloned(), outcome })
}
