//! `gsync rescue`: repairs what a killed run left.

use anyhow::Result;
use serde_json::json;

use super::Context;
use super::args::ActArgs;
use crate::base::{Exit, Problem, plain};
use crate::plan::Plan;
use crate::run::{World, way_back};

pub fn main(context: &Context, args: &ActArgs) -> Result<Exit> {
    // Also for a look: a run that is still at work was not cut off.
    let _lock = context.lock()?;
    if args.dry_run || args.only.is_some() {
        let left = context.journal().unfinished()?;
        let plan = match &left {
            Some(left) => way_back(&World { git: &context.git }, left)
                .note(format!("it was: {}", plain(&left.who.command))),
            None => Plan::new("rescue").note("the last run came to its end"),
        };
        if args.dry_run {
            context.show(&plan);
            return Ok(Exit::Done);
        }
        if args.only.as_deref() != Some(plan.id().as_str()) {
            return Err(Problem::refuse("plan-changed", "that is no longer what would be done")
                .because(format!("the plan is now {}", plan.id()))
                .hint("look at it again: `gsync rescue --dry-run`")
                .into());
        }
    }
    match context.put_back_leftovers()? {
        Some(put) if context.ui.json => {
            let (run, outcome, notes) = (put.run.id, put.outcome, put.notes);
            context.ui.object(&json!({ "run": run, "outcome": outcome, "notes": notes }));
        }
        None if context.ui.json => context.ui.object(&json!({ "run": null })),
        Some(_) => {}
        None => context.ui.say("nothing to rescue: the last run came to its end"),
    }
    Ok(Exit::Done)
}
