//! `gsync finish`: commit if told to, bring up to date, push, and ask the hub whether it has it.

use anyhow::Result;
use serde_json::{Value, json};

use super::args::FinishArgs;
use super::arrived::Before;
use super::{Context, presence};
use crate::base::{Exit, Presence, Problem, RefName, RefUpdate};
use crate::config::Config;
use crate::git::{self, Fetched};
use crate::guard::{self, Severity, Verdict};
use crate::plan::Outcome;
use crate::run::{self, How, Ran};
use crate::sync::finish::{self, Sent, Wish};
use crate::sync::pull::facts::start;
use crate::ui::plan_object;

/// How often it pulls and pushes when the hub moves in between.
const TRIES: usize = 3;

pub fn main(context: &Context, args: &FinishArgs) -> Result<Exit> {
    let config = context.config()?;
    let ui = &context.ui;
    let how = args.act.how();
    let mut wish = Wish { committed: false, branches: args.branches };
    let mut runs = Vec::new();
    let mut made = false;
    if let Some(message) = &args.message {
        let (plan, ran) = context.carry_out(&How { only: None, ..how.clone() }, || {
            let only = how.only.as_deref();
            let facts = finish::facts::observe(&context.git, &config.hub)?;
            // Also where no hook is installed, and before anything is done.
            passes(&match args.all {
                true => guard::facts::these(&context.git, &facts.dirty)?,
                false => guard::facts::staged(&context.git, false)?,
            })?;
            passes(&guard::facts::message(&context.git, message)?)?;
            let plan = finish::commit(&facts, &start(&context.git)?, message, args.all)?;
            // Nothing to commit: then the plan that was shown is the one of the push.
            match only {
                Some(only) if !plan.steps.is_empty() && plan.id() != only => {
                    Err(run::changed(only, &plan).into())
                }
                _ => Ok(plan),
            }
        })?;
        let done = ran.outcome == Outcome::Done;
        runs.extend(ran.run.clone());
        // A commit that was shown is one plan, the push after it another one.
        let shown = (how.dry_run || how.only.is_some()) && !plan.steps.is_empty();
        if !done || shown {
            if ui.json {
                let mut object = json!({
                    "plan": plan_object(&plan, how.dry_run),
                    "runs": runs, "outcome": ran.outcome, "pushed": null,
                });
                if !done {
                    object["error"] = json!({
                        "exit": ran.exit().code(), "code": ran.exit().word(),
                        "message": "git did not commit; everything is as it was",
                        "hints": ["run `git commit` to see what it says"],
                    });
                }
                ui.object(&object);
            }
            return Ok(ran.exit());
        }
        wish.committed = true;
        made = !plan.steps.is_empty();
    }
    if let Some(to) = args.handoff.as_ref().filter(|_| !how.dry_run && how.only.is_none()) {
        super::handoff::draft_for(context, to)?;
    }
    let before = Before::look(context, how.dry_run)?;
    let mut tried = 0;
    let (plan, ran, sent) = loop {
        tried += 1;
        let mut sent = None;
        let done = context.carry_out(&how, || {
            let facts = finish::facts::observe(&context.git, &config.hub)?;
            let (plan, to_send) = finish::plan(&facts, wish)?;
            if let Some(sent) = &to_send {
                judge(context, sent, args.handoff.is_none())?;
            }
            sent = to_send;
            Ok(plan)
        });
        let (plan, ran) = match done {
            Err(err) if made => return Err(committed(context, err)),
            other => other?,
        };
        runs.extend(ran.run.clone());
        if ran.outcome != Outcome::PutBack
            || tried == TRIES
            || !moved(context, &config, sent.as_ref())?
        {
            break (plan, ran, sent);
        }
        ui.say(&format!("the hub moved in between: trying again ({} of {TRIES})", tried + 1));
    };
    let done = ran.exit() == Exit::Done && !how.dry_run;
    let verified = match &sent {
        Some(sent) if done => verify(context, &config, sent)?,
        _ => false,
    };
    let handoff = match &args.handoff {
        Some(to) if done => Some(hand_over(context, to, sent.is_some())?),
        _ => None,
    };
    if done {
        presence::later(&context.git, ui, &config, Some(Presence::Idle));
    }
    if !ui.json && done && !plan.steps.is_empty() {
        plan.notes.iter().for_each(|note| ui.say(&format!("  {note}")));
        if let Some(Sent { remote, branch, tip }) = &sent {
            ui.say(&format!("  {remote} has {} on {}", tip.short(), branch.short()));
        }
    }
    let (then, more) = Before::after(before, context, &ran)?;
    if ui.json {
        let handoff = handoff.as_ref().map(|(_, told)| &told["handoff"]);
        let sent = sent.as_ref().filter(|_| verified);
        let plan = plan_object(&plan, how.dry_run);
        tell(context, &ran, &runs, &plan, sent, (handoff, more));
    }
    let exit = then.exit(&ran);
    Ok(handoff.map(|(exit, _)| exit).filter(|exit| *exit != Exit::Done).unwrap_or(exit))
}

/// Sends the handoff. What stops it does not take the push back, and that is said.
fn hand_over(context: &Context, to: &str, pushed: bool) -> Result<(Exit, serde_json::Value)> {
    super::handoff::finish(context, to).map_err(|err| match err.downcast_ref::<Problem>() {
        Some(problem) if pushed => {
            let mut problem = problem.clone();
            problem.exit = Exit::Kept;
            problem.because("the work is pushed, and not handed over").into()
        }
        _ => err,
    })
}

fn tell(
    context: &Context,
    ran: &Ran,
    runs: &[crate::base::RunId],
    plan: &Value,
    sent: Option<&Sent>,
    (handoff, more): (Option<&Value>, Value),
) {
    let pushed = sent.map(
        |sent| json!({ "remote": sent.remote, "branch": sent.branch.short(), "commit": sent.tip }),
    );
    let mut object =
        json!({ "plan": plan, "runs": runs, "outcome": ran.outcome, "pushed": pushed });
    object["notes"] = plan["notes"].clone();
    if let Some(handoff) = handoff {
        object["handoff"] = handoff.clone();
    }
    if ran.exit() != Exit::Done {
        object["error"] = json!({
            "exit": ran.exit().code(), "code": ran.exit().word(),
            "message": "the branch could not be pushed", "hints": ["run `gsync finish` again"],
        });
    }
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    context.ui.object(&object);
}

/// Judges what would be sent, whether or not a hook will do so again. `remind`: it is not
/// handed over right after.
fn judge(context: &Context, sent: &Sent, remind: bool) -> Result<()> {
    let git = &context.git;
    let branch = sent.branch.short();
    let old = git.resolve_ref(&RefName::new(format!("refs/remotes/{}/{branch}", sent.remote)))?;
    let (new, source) = (Some(sent.tip.clone()), sent.branch.to_string());
    let update = RefUpdate { name: sent.branch.clone(), old, new, source };
    let url = git.config(&format!("remote.{}.url", sent.remote))?.unwrap_or_default();
    let updates = [update];
    passes(&guard::facts::push(git, &sent.remote, &url, &updates)?)?;
    if remind {
        super::handoff::before_push(&context.ui, git, &sent.remote, &updates)?;
    }
    Ok(())
}

/// A refusal with what the guard found.
pub(super) fn passes(verdict: &Verdict) -> Result<()> {
    let errors = verdict.findings.iter().filter(|found| found.severity == Severity::Error);
    let mut problem = Problem::refuse("guard", "the guard refuses what would be pushed");
    let mut refused = false;
    for found in errors.take(20) {
        refused = true;
        let path = found.place.path.as_ref().map(|path| format!("{path} ")).unwrap_or_default();
        problem = problem.because(format!("{path}{}", found.message));
        problem.hints.extend(found.hints.iter().cloned());
    }
    if refused { Err(problem.into()) } else { Ok(()) }
}

/// What stopped the push, after the commit was made: the commit stays, and that is said.
fn committed(context: &Context, err: anyhow::Error) -> anyhow::Error {
    let Some(problem) = err.downcast_ref::<Problem>() else { return err };
    let mut problem = problem.clone();
    problem.exit = Exit::Kept;
    problem.because.retain(|line| line != "nothing was changed");
    let id = context.git.resolve_commit("HEAD").ok().flatten();
    let id = id.map_or_else(|| "your work".to_owned(), |id| id.short().to_owned());
    problem.because.push(format!("{id} is committed here, and not pushed"));
    problem.hints.push("take the commit back: `gsync undo`".to_owned());
    problem.into()
}

/// Whether the hub has commits that what we wanted to send does not build on.
fn moved(context: &Context, config: &Config, sent: Option<&Sent>) -> Result<bool> {
    let Some(sent) = sent else { return Ok(false) };
    let git = &context.git;
    if !matches!(git::fetch(git, &sent.remote, config.hub.timeout.0)?, Fetched::Done(_)) {
        return Ok(false);
    }
    let Some(tip) = git::tip_at(git, &sent.remote, &sent.branch, config.hub.timeout.0)? else {
        return Ok(false);
    };
    let args = ["merge-base", "--is-ancestor", tip.as_str(), sent.tip.as_str()];
    Ok(git.ask(&args)?.is_none())
}

/// Asks the hub. Somebody may have built on our commit already: then it has it too.
fn verify(context: &Context, config: &Config, sent: &Sent) -> Result<bool> {
    let git = &context.git;
    let deadline = config.hub.timeout.0;
    let tip = git::tip_at(git, &sent.remote, &sent.branch, deadline)?;
    if tip.as_ref() == Some(&sent.tip) {
        return Ok(true);
    }
    if let Some(tip) = &tip
        && matches!(git::fetch(git, &sent.remote, deadline)?, Fetched::Done(_))
        && git.ask(&["merge-base", "--is-ancestor", sent.tip.as_str(), tip.as_str()])?.is_some()
    {
        return Ok(true);
    }
    let message = format!("{} does not show {}", sent.remote, sent.tip.short());
    Err(Problem::new(Exit::Kept, "not-verified", message)
        .because("the push was accepted, and then something else happened to that branch")
        .hint("look at it: `gsync status --fetch`")
        .into())
}
