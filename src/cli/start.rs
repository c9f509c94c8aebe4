//! `gsync start`: pull before work. Says what came in, or shows it without taking it.

use anyhow::Result;
use serde_json::json;

use super::args::StartArgs;
use super::arrived::Before;
use super::presence::Asking;
use super::production::InProduction;
use super::settings::Valid;
use super::{Context, presence, settings};
use crate::base::{Exit, Presence, plays_tricks};
use crate::config::Config;
use crate::peers::view::View;
use crate::peers::warn;
use crate::sync::pull;
use crate::sync::pull::facts::Upstream;

pub fn main(context: &Context, args: &StartArgs) -> Result<Exit> {
    let valid = settings::say_valid(&context.ui, &context.git);
    if args.review {
        return review(context, &valid.config);
    }
    let production = InProduction::observe(context, &valid, args.allow_critical)?;
    let Valid { config, broken } = valid;
    // While the hub is asked for the code.
    let asking = (!args.act.dry_run).then(|| Asking::begin(&context.git, &config));
    let before = Before::look(context, args.act.dry_run)?;
    let think = || {
        let facts = pull::facts::observe(&context.git, &config.hub)?;
        production.allows(context, &facts)?;
        Ok(pull::plan(&facts, "start")?)
    };
    let (_, ran, then) = context.act_and_then(&args.act.how(), think, |plan, ran| {
        let done = !args.act.dry_run && ran.exit() == Exit::Done;
        if !plan.steps.is_empty() && done {
            plan.notes.iter().for_each(|note| context.ui.report(&format!("  {note}")));
            production.what_is_old(context, &config)?;
        }
        let mut others = None;
        if done {
            // Whether the others are to be told is not known without the settings.
            if broken.is_none() {
                presence::later(&context.git, &context.ui, &config, Some(Presence::Working));
            }
            others = asking.and_then(|asking| asking.end(context, &config));
        }
        say_overlaps(context, others.as_ref());
        let waiting = super::handoff::waiting_here(context, &config);
        let (then, mut more) = Before::after(before, context, ran)?;
        if done {
            if more.is_null() {
                more = json!({});
            }
            more["handoffs"] = json!(waiting);
            more["peers"] = json!(others.map(|view| view.peers));
        }
        if done {
            super::handoff::say_waiting(&context.ui, &waiting);
        }
        Ok((then, more))
    })?;
    Ok(then.exit(&ran))
}

/// A line for each of the others whose work meets ours.
fn say_overlaps(context: &Context, others: Option<&View>) {
    if let Some(view) = others.filter(|_| !context.ui.is_for_programs()) {
        for line in warn::starting(view) {
            context.ui.report(&format!("  {line}"));
        }
    }
}

/// The incoming commits, what they change, and whose work meets ours; nothing more. The others
/// are not told: whoever only looks is not at work yet.
fn review(context: &Context, config: &Config) -> Result<Exit> {
    let asking = Asking::begin(&context.git, config);
    let facts = &pull::facts::observe(&context.git, &config.hub)?;
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
        let peers = asking.end(context, config).map(|view| view.peers);
        ui.object(&json!({ "incoming": facts.incoming, "diff": diff, "peers": peers }));
        return Ok(Exit::Done);
    }
    if facts.incoming.is_empty() {
        ui.report("nothing has come in");
    }
    let style = ui.style();
    let lines = facts
        .incoming
        .iter()
        .map(|line| format!("{} {} ({})\n", style.id(line.id.short()), line.summary, line.author));
    // The patch is foreign text: only its line breaks and tabs may move the cursor.
    let safe = diff.lines().map(|line| format!("{}\n", visible(line)));
    ui.result(&lines.chain(safe).collect::<String>());
    say_overlaps(context, asking.end(context, config).as_ref());
    Ok(Exit::Done)
}

fn visible(line: &str) -> String {
    line.chars().map(|c| if plays_tricks(c) && c != '\t' { '\u{fffd}' } else { c }).collect()
}
