//! `gsync finish`: commit if told to, bring up to date, push, and ask the hub whether it has it.

use anyhow::Result;
use serde_json::{Value, json};

use super::args::FinishArgs;
use super::arrived::Before;
use super::{Context, presence};
use crate::base::{Exit, Presence, Problem, RefName, RefUpdate, plain};
use crate::config::Config;
use crate::git::{self, Fetched};
use crate::guard::{self, Severity, Verdict};
use crate::plan::{Outcome, Plan, Step};
use crate::run::{self, How, Ran};
use crate::sync::finish::{self, Sent, Wish};
use crate::sync::pull::facts::start;
use crate::ui::plan_object;

const UNDO: &str = "take the commit back: `gsync undo`";

/// How often it pulls and pushes when the hub moves in between.
const TRIES: usize = 3;

pub fn main(context: &Context, args: &FinishArgs) -> Result<Exit> {
    let config = context.config()?;
    let ui = &context.ui;
    let how = args.act.how();
    let mut wish = Wish { committed: false, branches: args.branches };
    let mut runs = Vec::new();
    let mut made = false;
    let mut promised = None;
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
            let mut plan = finish::commit(&facts, &start(&context.git)?, message, args.all)?;
            promised = finish::hub_at(&facts);
            if (how.dry_run || only.is_some()) && !plan.steps.is_empty() {
                plan.title.push_str(&finish::follows(&facts, wish));
                plan.title.push_str(&handed(args));
            }
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
        made = !plan.steps.is_empty();
        if !done || (how.dry_run && made) {
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
        if made {
            context.stays(format!("{} is committed here, and not pushed", tip(context)));
        }
    }
    // What was approved is the push to the hub as it was shown.
    let approved = (made && how.only.is_some()).then_some(promised);
    let most = if approved.is_some() { 1 } else { TRIES };
    let how = How { only: how.only.filter(|_| !made), ..how };
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
            if approved.as_ref().is_some_and(|promised| *promised != finish::hub_at(&facts)) {
                return Err(Problem::refuse("plan-changed", "the hub moved since that plan")
                    .hint("look again: `gsync finish --dry-run`")
                    .into());
            }
            let (mut plan, to_send) = finish::plan(&facts, wish)?;
            if how.dry_run || how.only.is_some() {
                plan.title.push_str(&handed(args));
            }
            judge(context, &plan, args.handoff.is_none())?;
            sent = to_send;
            Ok(plan)
        });
        let (plan, ran) = match done {
            Err(err) if made => return Err(committed(context, err)),
            other => other?,
        };
        runs.extend(ran.run.clone());
        if ran.outcome != Outcome::PutBack
            || tried == most
            || !moved(context, &config, sent.as_ref())?
        {
            break (plan, ran, sent);
        }
        ui.say(&format!("the hub moved in between: trying again ({} of {most})", tried + 1));
    };
    let ran = match ran.outcome {
        Outcome::PutBack if made => Ran { outcome: Outcome::Kept, ..ran },
        _ => ran,
    };
    let stuck_with = made && ran.outcome != Outcome::Done;
    if stuck_with && !ui.is_for_programs() {
        ui.hint(UNDO);
    }
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
        plan.notes.iter().for_each(|note| ui.report(&format!("  {note}")));
        if let Some(Sent { remote, branch, tip }) = &sent {
            ui.report(&format!("  {remote} has {} on {}", tip.short(), branch.short()));
        }
    }
    let (then, more) = Before::after(before, context, &ran)?;
    if ui.json {
        let handoff = handoff.as_ref().map(|(_, told)| &told["handoff"]);
        let sent = sent.as_ref().filter(|_| verified);
        let plan = plan_object(&plan, how.dry_run);
        tell(context, &ran, &runs, &plan, sent, (handoff, more), stuck_with);
    }
    let exit = then.exit(&ran);
    Ok(handoff.map(|(exit, _)| exit).filter(|exit| *exit != Exit::Done).unwrap_or(exit))
}

/// What else is approved with a plan: the commit of a handoff is made when all else is done.
fn handed(args: &FinishArgs) -> String {
    let to = args.handoff.as_deref().map(plain);
    to.map(|to| format!(", then hand over to {to}")).unwrap_or_default()
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
    made: bool,
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
        if made {
            object["error"]["because"] = json!([format!("{} is committed here", tip(context))]);
            object["error"]["hints"] = json!(["run `gsync finish` again", UNDO]);
        }
    }
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    context.ui.object(&object);
}

/// Judges what would be sent, whether or not a hook will do so again. `remind`: it is not
/// handed over right after.
fn judge(context: &Context, plan: &Plan, remind: bool) -> Result<()> {
    let git = &context.git;
    for step in &plan.steps {
        let Step::Push { remote, refs } = step else { continue };
        let mut updates = Vec::new();
        for push in refs {
            let there = RefName::new(format!("refs/remotes/{remote}/{}", push.to.short()));
            let (name, source) = (push.to.clone(), push.to.to_string());
            let (old, new) = (git.resolve_ref(&there)?, push.from.clone());
            updates.push(RefUpdate { name, old, new, source });
        }
        let url = git.config(&format!("remote.{remote}.url"))?.unwrap_or_default();
        passes(&guard::facts::push(git, remote, &url, &updates)?)?;
        if remind {
            super::handoff::before_push(&context.ui, git, remote, &updates)?;
        }
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
    problem.because.push(format!("{} is committed here, and not pushed", tip(context)));
    problem.hints.push(UNDO.to_owned());
    problem.into()
}

fn tip(context: &Context) -> String {
    let id = context.git.resolve_commit("HEAD").ok().flatten();
    id.map_or_else(|| "your work".to_owned(), |id| id.short().to_owned())
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
