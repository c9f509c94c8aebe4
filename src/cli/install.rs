//! `gsync install` and `gsync uninstall`

use anyhow::Result;
use serde_json::json;

use super::args::{ActArgs, InstallArgs};
use super::{Context, deploy, presence};
use crate::agents::plan::Change;
use crate::agents::{self, Agent};
use crate::base::{Exit, Hook, Problem, plain};
use crate::hooks::{self, Facts, Mode, Wish, facts};
use crate::plan::Plan;
use crate::run;

pub fn install(context: &Context, args: &InstallArgs) -> Result<Exit> {
    let wish = Wish { role: args.role.clone(), force: args.force };
    // What will not do is refused before anything is made, the lock's folder included.
    hooks::install::plan(&facts::observe(&context.git)?, &wish)?;
    let mut seen = None;
    let how = args.act.how();
    let (plan, ran) = context.act(&how, || {
        let facts = facts::observe(&context.git)?;
        let mut plan = hooks::install::plan(&facts, &wish)?;
        seen = Some(facts);
        let agents = for_agents(context, args)?;
        if plan.steps.is_empty() && !agents.steps.is_empty() {
            plan = Plan::new("install gsync for agents");
        }
        add(&mut plan, agents, how.dry_run);
        Ok(plan)
    })?;
    let exit = ran.exit();
    if exit == Exit::Done && !how.dry_run {
        deploy::decider::again(context)?;
    }
    if exit == Exit::Done && !how.dry_run && !context.ui.is_for_programs() {
        let wrote = plan.steps.iter().any(|step| step.to_string().ends_with(".gsync.toml"));
        if let Some(facts) = seen {
            context.ui.result(&summary(&facts, wrote));
        }
        // A plan without steps has told its notes.
        let notes = plan.notes.iter().filter(|_| !plan.steps.is_empty());
        notes.for_each(|note| context.ui.say(&format!("note: {}", plain(note))));
    }
    Ok(exit)
}

pub fn uninstall(context: &Context, args: &ActArgs) -> Result<Exit> {
    if !facts::is_touched(&context.git) {
        match context.ui.is_for_programs() {
            true => context.ui.object(&json!({ "plan": null, "run": null, "outcome": "done" })),
            false => context.ui.say("gsync is not installed here: nothing to do"),
        }
        return Ok(Exit::Done);
    }
    let how = args.how();
    let mut undo_refs = 0;
    let (plan, ran) = context.act(&how, || {
        let facts = facts::observe_anyway(&context.git)?;
        undo_refs = facts.undo_refs;
        let mut plan = hooks::uninstall::plan(&facts);
        plan.steps.splice(0..0, deploy::decider::out(&context.git)?);
        if let Some(seen) = agents::facts::observe(&context.git)? {
            add(&mut plan, agents::plan::uninstall(&seen), how.dry_run);
        }
        Ok(plan)
    })?;
    let exit = ran.exit();
    if exit != Exit::Done || how.dry_run {
        return Ok(exit);
    }
    for note in &plan.notes {
        context.ui.say(&plain(note));
    }
    presence::leave(context);
    if undo_refs > 0 {
        context.ui.say("snapshots for `gsync undo` are still here, so gsync's records stay");
        context.ui.hint("look at them with `git for-each-ref refs/gsync/undo`");
        return Ok(exit);
    }
    run::forget(&context.git)?;
    if !plan.steps.is_empty() && !context.ui.is_for_programs() {
        context.ui.result("gsync is out of this repository; it is as it was before\n");
    }
    Ok(exit)
}

/// The agents' files: for those that were asked for, and those that were chosen before.
fn for_agents(context: &Context, args: &InstallArgs) -> Result<Change> {
    let wanted: &[Agent] = match &args.agents {
        None => &[],
        Some(named) if named.is_empty() => &Agent::ALL,
        Some(named) => named,
    };
    match agents::facts::observe(&context.git)? {
        Some(seen) => Ok(agents::plan::install(&seen, wanted)),
        None if wanted.is_empty() => Ok(Change::default()),
        None => Err(Problem::refuse("bare", "a bare repository has no files for agents")
            .hint("run `gsync install --agents` in a clone")
            .into()),
    }
}

/// Makes a change a part of a plan; a dry run shows what changes in the files.
fn add(plan: &mut Plan, change: Change, dry_run: bool) {
    plan.steps.extend(change.steps);
    if dry_run {
        plan.notes.extend(change.diff);
    }
    plan.notes.extend(change.notes);
}

/// What runs from now on, in words.
fn summary(facts: &Facts, wrote: bool) -> String {
    let place = facts.work_dir.as_ref().unwrap_or(&facts.common_dir);
    let way = match facts.right_mode() {
        Mode::Folder => "shims in the hooks folder",
        Mode::Override => "shims in gsync's own folder, core.hooksPath leads there",
        Mode::Config => "hooks in the configuration",
    };
    let mut text = format!(
        "gsync {} is installed in {} ({way})\n",
        facts.version,
        plain(&place.to_string_lossy())
    );
    for hook in hooks::desired::wanted(facts.bare) {
        text += &format!("  {}\n", in_words(*hook));
    }
    text += match (wrote, facts.bare) {
        (true, _) => {
            "next: `git add .gsync.toml` and commit it, so that everybody has the same rules\n"
        }
        (false, false) => "next: work as ever; `gsync doctor` proves that every hook fires\n",
        (false, true) => "next: push something; `gsync doctor` proves that every hook fires\n",
    };
    text
}

fn in_words(hook: Hook) -> &'static str {
    match hook {
        Hook::PreCommit => "before a commit:   the guard looks at what is staged",
        Hook::PostCommit => "after a commit:    says what is not pushed yet",
        Hook::PrePush => {
            "before a push:     refuses what the guard finds, and asks to pull first when behind"
        }
        Hook::PostMerge => "after a pull:      says what came in",
        Hook::PostRewrite => "after a rebase:    says what came in",
        Hook::PostCheckout => "after a checkout:  notices a pull by other means",
        Hook::PreReceive => "when pushed to:    the guard judges every new commit",
        Hook::ProcReceive => "when pushed to:    deploys, and lets the push fail if that fails",
        Hook::PostReceive => "after a push here: starts deploys, where an app is set up",
    }
}
