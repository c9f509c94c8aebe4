//! `gsync undo [RUN]`: takes a run back, the last one if none is named.

use anyhow::Result;

use super::Context;
use super::args::UndoArgs;
use crate::base::{Exit, Problem, RunId};
use crate::plan::Outcome;
use crate::run::Record;
use crate::sync::undo;

pub fn main(context: &Context, args: &UndoArgs) -> Result<Exit> {
    let (plan, ran) = context.act(&args.act.how(), || {
        let record = find(context, args.run.as_deref())?;
        let facts = undo::facts::observe(&context.git, &record.begun)?;
        Ok(undo::plan(&record.id, &record.begun, &facts)?.note(record.plan.title))
    })?;
    if ran.exit() == Exit::Done && !args.act.dry_run {
        let stays = plan.notes.iter().filter(|note| note.starts_with("stays"));
        stays.for_each(|note| context.ui.say(&format!("  {note}")));
    }
    Ok(ran.exit())
}

/// The named run, or the last one of this work tree that did something.
fn find(context: &Context, name: Option<&str>) -> Result<Record> {
    let journal = context.journal();
    let here = context.git.dir();
    let Some(name) = name else {
        let mine = journal.records()?.into_iter().rev().find(|record| {
            let did = matches!(record.outcome, Some(Outcome::Done | Outcome::Kept));
            did && record.who.dir == here && !record.begun.is_empty()
        });
        return mine.ok_or_else(|| Problem::refuse("nothing", "there is no run to undo").into());
    };
    let record = journal.find(&RunId::new(name))?.ok_or_else(|| {
        Problem::usage("no-such-run", format!("there is no run {name}")).hint("run `gsync log`")
    })?;
    if record.who.dir != here {
        let dir = record.who.dir.display();
        return Err(Problem::refuse("other-worktree", format!("{name} was in {dir}"))
            .hint("run `gsync undo` there")
            .into());
    }
    match record.outcome {
        Some(Outcome::Done | Outcome::Kept) => Ok(record),
        _ => Err(Problem::refuse("nothing", format!("{name} left nothing to undo")).into()),
    }
}
