//! `gsync schedule install|remove|show`

use anyhow::Result;

use super::Context;
use super::args::ScheduleCommand;
use crate::base::Exit;
use crate::plan::Step;
use crate::sync::schedule::{self, facts};
use crate::ui;

pub fn main(context: &Context, what: &ScheduleCommand) -> Result<Exit> {
    let (act, plan): (_, fn(&schedule::ScheduleFacts) -> _) = match what {
        ScheduleCommand::Install(act) => (act, schedule::install),
        ScheduleCommand::Remove(act) => (act, schedule::remove),
        ScheduleCommand::Show => {
            let facts = facts::observe(&context.git)?;
            if context.ui.json {
                context.ui.object(&ui::schedule_object(&facts));
            } else {
                context.ui.result(&ui::schedule(&facts));
            }
            return Ok(Exit::Done);
        }
    };
    let how = act.how();
    let (plan, ran) = context.act(&how, || Ok(plan(&facts::observe(&context.git)?)?))?;
    if !context.ui.is_for_programs() && ran.exit() == Exit::Done {
        written(context, &plan.steps);
        // A dry run and an empty plan have shown their notes.
        if !how.dry_run && !plan.steps.is_empty() {
            plan.notes.iter().for_each(|note| context.ui.say(&format!("  {note}")));
        }
    }
    Ok(ran.exit())
}

/// Shows the text of what is written, before or after.
fn written(context: &Context, steps: &[Step]) {
    for step in steps {
        let (title, bytes) = match step {
            Step::Write { path, file: Some(file) } => (path.display().to_string(), &file.bytes),
            Step::Crontab { table: Some(table) } => ("crontab".to_owned(), table),
            _ => continue,
        };
        context.ui.result(&ui::titled(&title, bytes));
    }
}
