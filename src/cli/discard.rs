//! `gsync discard`: become what the upstream is, with a way back.

use anyhow::Result;

use super::Context;
use super::args::ActArgs;
use crate::base::Exit;
use crate::sync::discard;

pub fn main(context: &Context, args: &ActArgs) -> Result<Exit> {
    let config = context.valid_config();
    let (plan, ran) = context.act(&args.how(), || {
        Ok(discard::plan(&discard::facts::observe(&context.git, &config.hub)?)?)
    })?;
    if !plan.steps.is_empty() && !args.dry_run && ran.exit() == Exit::Done {
        plan.notes.iter().for_each(|note| context.ui.report(&format!("  {note}")));
    }
    Ok(ran.exit())
}
