//! `gsync pull`: bring the branch up to date.

use anyhow::Result;

use super::Context;
use super::args::PullArgs;
use crate::base::Exit;
use crate::sync::pull;

pub fn main(context: &Context, args: &PullArgs) -> Result<Exit> {
    let config = context.config()?;
    let (plan, ran) = context.act(&args.act.how(), || {
        let facts = pull::facts::observe(&context.git, &config.hub)?;
        Ok(pull::plan(&facts, "pull")?)
    })?;
    if !plan.steps.is_empty() && !args.act.dry_run && ran.exit() == Exit::Done {
        plan.notes.iter().for_each(|note| context.ui.say(&format!("  {note}")));
    }
    Ok(ran.exit())
}
