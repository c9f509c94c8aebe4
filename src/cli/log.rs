//! `gsync log`: the runs, the newest first; with `-f` as they come, the newest last.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::Context;
use super::args::LogArgs;
use crate::base::{Exit, Problem, RunId, plain};
use crate::host::clock;
use crate::plan::Outcome;
use crate::run::{self, Record};

/// How often `-f` looks.
const AGAIN: Duration = Duration::from_millis(200);
/// How many runs `-f` begins with.
const LAST: usize = 10;

pub fn main(context: &Context, args: &LogArgs) -> Result<Exit> {
    if args.follow && context.ui.json {
        return Err(Problem::usage("endless", "`log -f` has no end, and `--json` is one object")
            .hint("follow it line by line: `gsync --json-lines log -f`")
            .into());
    }
    if args.follow {
        return follow(context, args.number.unwrap_or(LAST));
    }
    let mut records = context.journal().records()?;
    records.reverse();
    records.truncate(args.number.unwrap_or(usize::MAX));
    if context.ui.is_for_programs() {
        let runs: Vec<_> = records.iter().map(object).collect();
        context.ui.object(&json!({ "runs": runs }));
        return Ok(Exit::Done);
    }
    let text: String = records.iter().map(|record| line(context, record, false)).collect();
    context.ui.result(&text);
    Ok(Exit::Done)
}

/// Shows the last runs, and then each one as it begins and as it ends.
fn follow(context: &Context, number: usize) -> Result<Exit> {
    run::listen();
    let journal = context.journal();
    let all = journal.records()?;
    let skipped = all.len().saturating_sub(number);
    let mut ended: Option<RunId> = all.get(..skipped).and_then(|all| Some(all.last()?.id.clone()));
    let mut begun: Option<RunId> = None;
    loop {
        let records = journal.after(ended.as_ref())?;
        let newest = records.last().map(|record| record.id.clone());
        for record in &records {
            let is_last = newest.as_ref() == Some(&record.id);
            let runs = record.outcome.is_none() && is_last;
            if runs && begun.as_ref() == Some(&record.id) {
                continue;
            }
            if context.ui.is_for_programs() {
                context.ui.object(&json!({ "event": if runs { "begun" } else { "ended" },
                                           "run": object(record) }));
            } else {
                context.ui.result(&line(context, record, runs));
            }
            if runs {
                begun = Some(record.id.clone());
            } else {
                ended = Some(record.id.clone());
            }
        }
        if run::stopped() {
            return Ok(Exit::Interrupted);
        }
        if context.ui.is_left_alone(AGAIN) {
            return Ok(Exit::Done);
        }
    }
}

fn object(record: &Record) -> Value {
    let steps: Vec<_> = record.plan.steps.iter().map(ToString::to_string).collect();
    json!({
        "id": record.id, "time": record.at.rfc3339(), "who": record.who.peer,
        "command": record.who.command, "dir": record.who.dir, "part_of": record.command(),
        "what": record.plan.title, "steps": steps, "outcome": record.outcome,
    })
}

fn line(context: &Context, record: &Record, runs: bool) -> String {
    let style = context.ui.style();
    let outcome = match record.outcome {
        Some(Outcome::Done) => style.good("done"),
        Some(Outcome::PutBack) => style.warning("put back"),
        Some(Outcome::Interrupted) => style.warning("interrupted"),
        Some(Outcome::Kept) => style.error("kept"),
        None if runs => style.warning("at work"),
        Some(Outcome::Stuck) | None => style.error("not ended"),
    };
    let (ago, who) = (record.at.ago(clock::now()), plain(&record.who.peer));
    let what = plain(&record.plan.title);
    let with = match &record.part_of {
        Some(first) => format!(", one command with {first}"),
        None => String::new(),
    };
    let id = style.id(record.id.as_str());
    format!("{id} {what}: {outcome} ({who}, {ago}{with})\n")
}
