//! `gsync discard`: become what the upstream is, with a way back.

use std::collections::BTreeSet;

use anyhow::Result;

use super::Context;
use super::args::ActArgs;
use crate::base::{Exit, RepoPath, count};
use crate::git::Git;
use crate::plan::Plan;
use crate::sync::discard;

/// So many paths of a kind are named.
const NAMED: usize = 10;

pub fn main(context: &Context, args: &ActArgs) -> Result<Exit> {
    let config = context.valid_config();
    let (plan, ran) = context.act(&args.how(), || {
        let plan = discard::plan(&discard::facts::observe(&context.git, &config.hub)?)?;
        if plan.steps.is_empty() { Ok(plan) } else { with_losses(plan, &context.git) }
    })?;
    if !plan.steps.is_empty() && !args.dry_run && ran.exit() == Exit::Done {
        plan.notes.iter().for_each(|note| context.ui.report(&format!("  {note}")));
    }
    Ok(ran.exit())
}

/// The plan, which says what of the work tree it takes away.
fn with_losses(mut plan: Plan, git: &Git) -> Result<Plan> {
    let dirt = git.dirt(None)?;
    let untracked: BTreeSet<&RepoPath> = dirt.untracked.iter().collect();
    let changed: Vec<&RepoPath> =
        dirt.all.iter().filter(|path| !untracked.contains(path)).collect();
    let untracked: Vec<&RepoPath> = dirt.untracked.iter().collect();
    for (does, what, paths) in
        [("removes", "untracked file", untracked), ("puts back", "changed file", changed)]
    {
        if paths.is_empty() {
            continue;
        }
        let names: Vec<String> = paths.iter().take(NAMED).map(|path| path.quoted()).collect();
        let more = match paths.len() - names.len() {
            0 => String::new(),
            hidden => format!(" and {hidden} more"),
        };
        let many = count(paths.len(), what);
        plan.notes.insert(0, format!("{does} {many}: {}{more}", names.join(", ")));
    }
    Ok(plan)
}
