use anyhow::Result;

use super::{Hands, Journal, Record, put_back};
use crate::plan::{Before, Outcome, Plan, Report, Undo};

/// Puts back what a killed run left, and says how that went. Nothing: there was nothing to do.
/// The lock must be held.
pub fn rescue(
    hands: &mut dyn Hands,
    journal: &mut Journal,
    report: &mut dyn Report,
) -> Result<Option<(Record, Outcome)>> {
    let Some(left) = journal.unfinished()? else { return Ok(None) };
    journal.resume(&left.id)?;
    let outcome = put_back(left.begun.clone(), hands, report);
    // A run that is still stuck stays unfinished, so that the next rescue tries again.
    if outcome != Outcome::Stuck {
        journal.end(outcome)?;
    }
    Ok(Some((left, outcome)))
}

/// What a rescue would do, as far as that can be known before: the way back from where the run
/// was cut off.
pub fn way_back(hands: &dyn Hands, left: &Record) -> Plan {
    let mut plan = Plan::new(format!("rescue {}", left.id));
    for (step, before) in left.begun.iter().rev() {
        let is_snapshot = matches!(before, Before::Snapshot { .. });
        if !is_snapshot && hands.look(step).is_ok_and(|now| now == *before) {
            continue;
        }
        match step.undo(before) {
            Undo::By(undo) => plan = plan.then(undo),
            Undo::Nothing => {}
            Undo::Never => {
                plan = plan.note(format!("stays: {step}"));
                break;
            }
        }
    }
    plan.note("what somebody did since is kept by name first, and said")
}
