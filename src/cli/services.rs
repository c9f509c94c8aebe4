//! `gsync services`: what a change touches, and why.

use anyhow::Result;

use super::Context;
use super::args::ServicesArgs;
use crate::base::Exit;
use crate::pipeline::{observe, plan};
use crate::ui::services as show;

pub fn main(context: &Context, args: &ServicesArgs) -> Result<Exit> {
    let config = context.valid_config();
    plan::check(&config)?;
    let facts = observe(&context.git, args.since.as_deref(), false)?;
    let concerned = plan::wanted(&config, &facts)?;
    if context.ui.json {
        context.ui.object(&show::services_object(&config, &facts, &concerned));
    } else {
        let text = show::services(&context.ui.style(), &config, &facts, &concerned);
        context.ui.result(&text);
    }
    Ok(Exit::Done)
}
