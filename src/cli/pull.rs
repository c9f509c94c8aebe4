//! `gsync pull`: bring the branch up to date.

use anyhow::Result;

use super::args::PullArgs;
use super::arrived::Before;
use super::production::InProduction;
use super::{Context, settings};
use crate::base::Exit;
use crate::plan::{Plan, Step};
use crate::sync::pull;

pub fn main(context: &Context, args: &PullArgs) -> Result<Exit> {
    let valid = settings::say_valid(&context.ui, &context.git);
    let production = InProduction::observe(context, &valid, args.allow_critical)?;
    let config = valid.config;
    let before = Before::look(context, args.act.dry_run)?;
    let think = || {
        let facts = pull::facts::observe(&context.git, &config.hub)?;
        production.allows(context, &facts)?;
        let plan = if args.resolve { pull::resolve(&facts) } else { pull::plan(&facts, "pull") };
        Ok(plan?)
    };
    let (plan, ran, then) = context.act_and_then(&args.act.how(), think, |plan, ran| {
        if !plan.steps.is_empty() && !args.act.dry_run && ran.exit() == Exit::Done {
            plan.notes.iter().for_each(|note| context.ui.report(&format!("  {note}")));
            production.what_is_old(context, &config)?;
        }
        Before::after(before, context, ran)
    })?;
    if stops(&plan) && !args.act.dry_run && ran.exit() == Exit::Done {
        context.ui.hint("resolve them, then run `git add PATH` and `git commit`");
        context.ui.hint("give it up: `gsync undo`");
    }
    Ok(then.exit(&ran))
}

/// Whether the plan leaves something to a person.
fn stops(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| matches!(step, Step::Merge { .. }))
}
