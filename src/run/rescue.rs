use anyhow::Result;

use super::{Hands, Journal, Record, put_back};
use crate::plan::{Outcome, Report};

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
