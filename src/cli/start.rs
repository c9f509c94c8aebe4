//! `gsync start`: pull before work. Says what came in, or shows it without taking it.

use anyhow::Result;
use serde_json::json;

use super::Context;
use super::args::StartArgs;
use super::production::InProduction;
use crate::base::Exit;
use crate::sync::pull;
use crate::sync::pull::facts::{Facts, Upstream};

pub fn main(context: &Context, args: &StartArgs) -> Result<Exit> {
    let config = context.config()?;
    if args.review {
        return review(context, &pull::facts::observe(&context.git, &config.hub)?);
    }
    let production = InProduction::observe(context, &config, args.allow_critical)?;
    let think = || {
        let facts = pull::facts::observe(&context.git, &config.hub)?;
        production.allows(context, &facts)?;
        Ok(pull::plan(&facts, "start")?)
    };
    let mut waiting = Vec::new();
    let (plan, ran) = context.act_then(&args.act.how(), think, |_, _| {
        waiting = super::handoff::waiting_here(context, &config);
        Ok(json!({ "handoffs": waiting }))
    })?;
    if !plan.steps.is_empty() && !args.act.dry_run && ran.exit() == Exit::Done {
        plan.notes.iter().for_each(|note| context.ui.say(&format!("  {note}")));
        production.what_is_old(context, &config)?;
    }
    super::handoff::say_waiting(&context.ui, &waiting);
    Ok(ran.exit())
}

/// The incoming commits and what they change, nothing more.
fn review(context: &Context, facts: &Facts) -> Result<Exit> {
    pull::safe(facts)?;
    let ui = &context.ui;
    let diff = match (&facts.upstream, &facts.head) {
        (Upstream::At { commit, .. }, Some(head)) => {
            let range = format!("{head}...{commit}");
            context.git.must_bytes(&["diff", "--no-ext-diff", "--stat", "--patch", &range, "--"])?
        }
        _ => Vec::new(),
    };
    let diff = String::from_utf8_lossy(&diff);
    if ui.is_for_programs() {
        ui.object(&json!({ "incoming": facts.incoming, "diff": diff }));
        return Ok(Exit::Done);
    }
    if facts.incoming.is_empty() {
        ui.say("nothing has come in");
    }
    let style = ui.style();
    let lines = facts
        .incoming
        .iter()
        .map(|line| format!("{} {} ({})\n", style.id(line.id.short()), line.summary, line.author));
    // The patch is foreign text: only its line breaks and tabs may move the cursor.
    let safe = diff.lines().map(|line| format!("{}\n", visible(line)));
    ui.result(&lines.chain(safe).collect::<String>());
    Ok(Exit::Done)
}

fn visible(line: &str) -> String {
    line.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}
