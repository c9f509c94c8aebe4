//! `gsync push --force`

use anyhow::Result;

use super::args::PushArgs;
use super::{Context, presence};
use crate::base::{Exit, Problem};
use crate::sync::force;

pub fn main(context: &Context, args: &PushArgs) -> Result<Exit> {
    if !args.force {
        return Err(Problem::usage("no-force", "`gsync push` is for emergencies only: `--force`")
            .hint("push as ever: `git push`")
            .hint("end your work: `gsync finish`")
            .into());
    }
    let config = context.config()?;
    let how = args.act.how();
    let (plan, ran) = context.act(&how, || {
        let mut plan = force::plan(&force::facts::observe(&context.git, &config)?)?;
        if let Some(back) = force::way_back(&plan) {
            plan.notes.push(format!("the way back: `{back}`"));
        }
        Ok(plan)
    })?;
    if !how.dry_run && ran.exit() == Exit::Done {
        presence::later(&context.git, &context.ui, &config, None);
    }
    // A dry run has shown the notes.
    if !how.dry_run && ran.exit() == Exit::Done && !context.ui.is_for_programs() {
        let lines = plan.notes.iter().filter(|_| !plan.steps.is_empty());
        lines.for_each(|note| context.ui.say(&format!("  {note}")));
    }
    Ok(ran.exit())
}
