//! `gsync start`: pull before work. Says what came in, or shows it without taking it.

use anyhow::Result;
use serde_json::{Value, json};

use super::args::StartArgs;
use super::production::InProduction;
use super::{Context, presence};
use crate::base::{Exit, Presence};
use crate::peers::warn;
use crate::plan::Outcome;
use crate::sync::pull;
use crate::sync::pull::facts::{Facts, Upstream};

pub fn main(context: &Context, args: &StartArgs) -> Result<Exit> {
    let config = context.config()?;
    if args.review {
        return review(context, &pull::facts::observe(&context.git, &config.hub)?);
    }
    let production = InProduction::observe(context, &config, args.allow_critical)?;
    let known = || presence::tell(&context.git, &context.ui, &config, Some(Presence::Working));
    let plan = || {
        let facts = pull::facts::observe(&context.git, &config.hub)?;
        production.allows(context, &facts)?;
        Ok(pull::plan(&facts, "start")?)
    };
    let (plan, ran) = context.act_then(&args.act.how(), plan, |_, outcome| {
        // The one object on stdout has the peers too; people need not wait under the lock.
        Ok(match outcome == Outcome::Done && context.ui.json {
            true => json!({ "peers": known().map(|known| known.view().peers) }),
            false => Value::Null,
        })
    })?;
    if !plan.steps.is_empty() && !args.act.dry_run && ran.exit() == Exit::Done {
        plan.notes.iter().for_each(|note| context.ui.say(&format!("  {note}")));
        production.what_is_old(context, &config)?;
    }
    if !args.act.dry_run && ran.exit() == Exit::Done && !context.ui.json {
        let met = known().map(|known| warn::starting(&known.view()));
        met.into_iter().flatten().for_each(|line| context.ui.say(&format!("  {line}")));
    }
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
