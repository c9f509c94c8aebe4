//! `gsync undo [RUN]`: takes a run back, the last one if none is named. The runs of one command
//! (a `finish` commits, pulls and pushes) are taken back together.

use anyhow::Result;

use super::args::UndoArgs;
use super::{Context, presence};
use crate::base::{Exit, Problem, RunId, plain};
use crate::plan::{Before, Outcome, Step};
use crate::run::Record;
use crate::sync::undo::{self, What, leaves_something};

pub fn main(context: &Context, args: &UndoArgs) -> Result<Exit> {
    let config = context.valid_config();
    let how = args.act.how();
    let (plan, ran) = context.act(&how, || {
        let found = find(context, args.run.as_deref())?;
        let what = What {
            runs: found.runs.iter().map(|record| record.id.clone()).collect(),
            hub: args.hub,
            protected: config.guard.protected_branches.clone(),
        };
        let begun = found.begun();
        let deadline = args.hub.then_some(config.hub.timeout.0);
        let facts = undo::facts::observe(&context.git, &begun, deadline)?;
        let mut plan = undo::plan(&what, &begun, &facts)?;
        let takes = found
            .runs
            .iter()
            .map(|record| format!("takes back {} ({})", record.id, plain(&record.plan.title)));
        plan.notes.splice(0..0, found.passed_by.iter().cloned().chain(takes));
        Ok(plan)
    })?;
    if args.hub && !how.dry_run && ran.exit() == Exit::Done {
        presence::later(&context.git, &context.ui, &config, None);
    }
    // Notes of an empty plan and of a dry run were said already.
    let shown = how.dry_run || plan.steps.is_empty() || context.ui.is_for_programs();
    if !shown && ran.exit() == Exit::Done {
        plan.notes.iter().for_each(|note| context.ui.report(&format!("  {note}")));
    }
    Ok(ran.exit())
}

/// The runs to take back.
#[derive(Default)]
struct Found {
    /// All of one command, the oldest first.
    runs: Vec<Record>,
    /// Newer ones of which nothing can be taken back.
    passed_by: Vec<String>,
}

impl Found {
    fn begun(&self) -> Vec<(Step, Before)> {
        self.runs.iter().flat_map(|record| record.begun.iter().cloned()).collect()
    }
}

fn passed(record: &Record, why: &str) -> String {
    format!("passes by {} ({}): {why}", record.id, plain(&record.plan.title))
}

fn did_something(record: &Record) -> bool {
    matches!(record.outcome, Some(Outcome::Done | Outcome::Kept)) && !record.begun.is_empty()
}

/// The command of the named run, or the last one of this work tree that left something.
fn find(context: &Context, name: Option<&str>) -> Result<Found> {
    let records = context.journal().records()?;
    let here = context.git.dir();
    let of_command = |of: &Record| -> Vec<Record> {
        let mine = |record: &&Record| {
            record.command() == of.command()
                && record.who.dir == of.who.dir
                && did_something(record)
        };
        records.iter().filter(mine).cloned().collect()
    };
    let Some(name) = name else {
        let mut found = Found::default();
        for record in records.iter().rev() {
            if record.who.dir != here || !did_something(record) {
                continue;
            }
            if !leaves_something(&record.begun) {
                found.passed_by.push(passed(record, "nothing of it can be taken back"));
                continue;
            }
            if undo::facts::is_given_up(&context.git, &record.begun)? {
                found.passed_by.push(passed(record, "its merge was given up"));
                continue;
            }
            if record.plan.title.starts_with("install ") {
                // Somebody who means their work must not lose their hooks.
                let message = "the last run put gsync into this repository";
                return Err(Problem::refuse("install", message)
                    .hint("take it out: `gsync uninstall`")
                    .hint(format!("take back just that run: `gsync undo {}`", record.id))
                    .into());
            }
            found.runs = of_command(record);
            return Ok(found);
        }
        let problem = Problem::refuse("nothing", "there is no run to undo");
        return Err(found.passed_by.into_iter().fold(problem, Problem::because).into());
    };
    let id = RunId::new(name);
    let record = records.iter().find(|record| record.id == id).ok_or_else(|| {
        Problem::usage("no-such-run", format!("there is no run {}", plain(name)))
            .hint("run `gsync log`")
    })?;
    if record.who.dir != here {
        let dir = record.who.dir.display();
        return Err(Problem::refuse("other-worktree", format!("{name} was in {dir}"))
            .hint("run `gsync undo` there")
            .into());
    }
    if !did_something(record) || undo::facts::is_given_up(&context.git, &record.begun)? {
        return Err(Problem::refuse("nothing", format!("{name} left nothing to undo")).into());
    }
    Ok(Found { runs: of_command(record), passed_by: Vec::new() })
}
