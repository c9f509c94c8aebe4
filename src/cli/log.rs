//! `gsync log`: the runs, the newest first.

use anyhow::Result;
use serde_json::json;

use super::Context;
use super::args::LogArgs;
use crate::base::{Exit, plain};
use crate::host::clock;
use crate::plan::Outcome;

pub fn main(context: &Context, args: &LogArgs) -> Result<Exit> {
    let mut records = context.journal().records()?;
    records.reverse();
    records.truncate(args.number.unwrap_or(usize::MAX));
    if context.ui.is_for_programs() {
        let runs: Vec<_> = records
            .iter()
            .map(|record| {
                let steps: Vec<_> = record.plan.steps.iter().map(ToString::to_string).collect();
                json!({
                    "id": record.id, "time": record.at.rfc3339(), "who": record.who.peer,
                    "command": record.who.command, "dir": record.who.dir,
                    "part_of": record.command(), "what": record.plan.title, "steps": steps, "outcome": record.outcome,
                })
            })
            .collect();
        context.ui.object(&json!({ "runs": runs }));
        return Ok(Exit::Done);
    }
    let style = context.ui.style();
    let mut text = String::new();
    for record in &records {
        let outcome = match record.outcome {
            Some(Outcome::Done) => style.good("done"),
            Some(Outcome::PutBack) => style.warning("put back"),
            Some(Outcome::Interrupted) => style.warning("interrupted"),
            Some(Outcome::Kept) => style.error("kept"),
            Some(Outcome::Stuck) | None => style.error("not ended"),
        };
        let (ago, who) = (record.at.ago(clock::now()), plain(&record.who.peer));
        let what = plain(&record.plan.title);
        let with = match &record.part_of {
            Some(first) => format!(", one command with {first}"),
            None => String::new(),
        };
        let id = style.id(record.id.as_str());
        text += &format!("{id} {what}: {outcome} ({who}, {ago}{with})\n");
    }
    context.ui.result(&text);
    Ok(Exit::Done)
}
