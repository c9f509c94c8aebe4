//! `gsync tidy`: the weekly review.

use anyhow::Result;

use super::args::TidyArgs;
use super::{Context, presence};
use crate::base::{Exit, PeerSeen, RefName};
use crate::config::Config;
use crate::host::clock;
use crate::peers::facts as peers;
use crate::peers::view::{Mine, view};
use crate::plan::Step;
use crate::sync::tidy::{RunSeen, facts, plan};
use crate::ui;

/// In seconds.
const WEEK: i64 = 7 * 86_400;

pub fn main(context: &Context, args: &TidyArgs) -> Result<Exit> {
    let how = args.act.how();
    if !args.apply && how.only.is_none() && !how.dry_run {
        let config = context.valid_config();
        let mut drift = facts::observe(&context.git, &config, &runs(context)?)?;
        drift.peers = long_silent(context, &config);
        let open = super::handoff::left_open(context, &config);
        if context.ui.json {
            let mut object = serde_json::to_value(&drift)?;
            object["handoffs"] = open.iter().map(ui::handoff::entry).collect();
            context.ui.object(&object);
        } else {
            context.ui.result(&ui::tidy(&drift, context.ui.style()));
            context.ui.result(&ui::handoff::left_open(&open, context.ui.style()));
        }
        return Ok(Exit::Done);
    }
    let config = context.config()?;
    let (plan, ran) = context.act(&how, || {
        let drift = facts::observe(&context.git, &config, &runs(context)?)?;
        Ok(plan::plan(&drift, &facts::ask(&context.git, &config)?))
    })?;
    // What is ahead or behind may be another branch now.
    if !how.dry_run && !plan.steps.is_empty() && ran.exit() == Exit::Done {
        presence::later(&context.git, &context.ui, &config, None);
    }
    // Notes of an empty plan and of a dry run were said already.
    let shown = how.dry_run || plan.steps.is_empty() || context.ui.is_for_programs();
    if !shown && ran.exit() == Exit::Done {
        plan.notes.iter().for_each(|note| context.ui.report(&format!("  {note}")));
    }
    Ok(ran.exit())
}

/// Peers that were not heard of for a week; the hub is not asked.
fn long_silent(context: &Context, config: &Config) -> Vec<PeerSeen> {
    let git = &context.git;
    let Some(hub) = peers::hub(git, config) else { return Vec::new() };
    let memory = peers::remembered(git, &hub.remote).unwrap_or_default();
    let mine = Mine { id: Some(peers::known_as(git)), ..Mine::default() };
    let now = clock::now();
    let mut all = view(&memory, &mine, now, hub.ttl).peers;
    all.retain(|peer| now.0.saturating_sub(peer.seen_at.0) > WEEK);
    all
}

/// The journal, as far as it tells how old things are.
fn runs(context: &Context) -> Result<Vec<RunSeen>> {
    let records = context.journal().records()?;
    let made = |step: &Step| -> Option<RefName> {
        match step {
            Step::SetRef { name, to: Some(_), .. } => Some(name.clone()),
            _ => None,
        }
    };
    let run = |record: crate::run::Record| RunSeen {
        made: record.plan.steps.iter().filter_map(made).collect(),
        id: record.id,
        at: record.at,
    };
    Ok(records.into_iter().map(run).collect())
}
