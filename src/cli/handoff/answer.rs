//! `gsync handoff ack|done|reject`: the answers of the receiver, each a commit on the hub.

use std::thread;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::args::{AckArgs, DoneArgs, RejectArgs};
use super::send::catch_up;
use super::story;
use crate::base::{CommitId, Exit, Problem, plain, shell_quote};
use crate::cli::Context;
use crate::config::Config;
use crate::git;
use crate::handoff::facts;
use crate::handoff::facts::hub::Found;
use crate::handoff::plan::{self, Answer};
use crate::handoff::words::{id_of, number_of};
use crate::plan::Outcome;
use crate::run::How;

/// How often it is tried when the branch moves in between.
const TRIES: usize = 10;

pub fn ack(context: &Context, args: &AckArgs) -> Result<Exit> {
    let restated = said("ack", &args.id, args.message.as_deref(), "what you understood")?;
    answer(context, &args.id, &args.act.how(), |context, found| {
        check(context, found)?;
        Ok(Answer::Ack { restated: restated.clone() })
    })
}

pub fn done(context: &Context, args: &DoneArgs) -> Result<Exit> {
    answer(context, &args.id, &args.act.how(), |context, found| {
        let commit = match &args.commit {
            None => found.handoff.head.clone(),
            Some(rev) => deployed(context, found, rev)?,
        };
        Ok(Answer::Done { env: args.env.clone(), commit })
    })
}

pub fn reject(context: &Context, args: &RejectArgs) -> Result<Exit> {
    let why = said("reject", &args.id, args.message.as_deref(), "why")?;
    answer(context, &args.id, &args.act.how(), |_, _| Ok(Answer::Reject { why: why.clone() }))
}

/// What is said with `-m`. Who says nothing is shown how, in a line to be pasted and filled in.
fn said(word: &str, id: &str, text: Option<&str>, what: &str) -> Result<String, Problem> {
    let shown = plain(&number_of(id).map_or_else(|| id.to_owned(), id_of));
    let again = |problem: Problem| {
        let id = shell_quote(&shown);
        let words = what.to_uppercase();
        problem
            .hint(format!("read it: `gsync handoff show {id}`"))
            .hint(format!("say {what}: `gsync handoff {word} {id} -m '{words}'`"))
    };
    let Some(text) = text else {
        let message = format!("{word} {shown} in your own words: say {what} with `-m`");
        return Err(again(Problem::usage("nothing-said", message)));
    };
    let text = text.trim();
    if text.is_empty() {
        return Err(again(Problem::usage("nothing-said", format!("`-m` is empty: say {what}"))));
    }
    Ok(text.to_owned())
}

/// The commit that was deployed, which must have the work of the handoff in it.
fn deployed(context: &Context, found: &Found, rev: &str) -> Result<CommitId> {
    let git = &context.git;
    let Some(commit) = git.resolve_commit(rev)? else {
        let what = format!("there is no commit {}", plain(rev));
        return Err(Problem::usage("no-such-revision", what).into());
    };
    let head = &found.handoff.head;
    if git.contains(head, &commit)? != Some(true) {
        let (id, short) = (&found.handoff.id, commit.short());
        let what = format!("{short} does not have the head of {id}, {}", head.short());
        return Err(Problem::refuse("not-deployed", what)
            .hint("name the commit that is really deployed: `--commit COMMIT`")
            .into());
    }
    Ok(commit)
}

/// Every commit that a handoff names must still be part of its branch on the hub.
fn check(context: &Context, found: &Found) -> Result<()> {
    let gone = missing(context, found)?;
    plan::gone(found, &gone).map_or(Ok(()), |problem| Err(problem.into()))
}

/// Those that are not.
pub fn missing(context: &Context, found: &Found) -> Result<Vec<(&'static str, CommitId)>> {
    let handoff = &found.handoff;
    let mut ids = vec![("base", &handoff.base), ("head", &handoff.head)];
    ids.extend(handoff.rollback.iter().map(|back| ("rollback", &back.commit)));
    let mut gone = Vec::new();
    for (what, id) in ids {
        if context.git.contains(id, &found.tip)? != Some(true) {
            gone.push((what, id.clone()));
        }
    }
    Ok(gone)
}

fn answer(
    context: &Context,
    id: &str,
    how: &How,
    say: impl Fn(&Context, &Found) -> Result<Answer>,
) -> Result<Exit> {
    let config = context.config()?;
    let ui = &context.ui;
    let mut tried = 0;
    let (found, plan, ran) = loop {
        tried += 1;
        let mut about = None;
        let (plan, ran) = context.carry_out(how, || {
            facts::ask(&context.git, &config)?;
            let shelf = facts::shelf(&context.git, &config)?;
            let found = plan::find(&shelf, id)?;
            let answer = say(context, found)?;
            let who = facts::who(&context.git, &config, &context.who().peer, found)?;
            let plan = plan::answer_to(&who, found, &answer)?;
            story::judge(context, &plan)?;
            about = Some(found.clone());
            Ok(plan)
        })?;
        let Some(found) = about else { return Ok(ran.exit()) };
        if ran.outcome != Outcome::PutBack || tried == TRIES || !moved(context, &config, &found)? {
            break (found, plan, ran);
        }
        ui.say(&format!("the hub moved in between: trying again ({} of {TRIES})", tried + 1));
        thread::sleep(Duration::from_millis(u64::from(std::process::id() % 7) * 10));
    };
    let done = ran.exit() == Exit::Done && !how.dry_run;
    if ui.json {
        let mut object = json!({
            "handoff": { "id": found.handoff.id, "was": found.shown, "branch": found.branch },
            "run": ran.run, "outcome": ran.outcome,
            "plan": { "id": plan.id(), "title": plan.title, "dry_run": how.dry_run,
                "steps": plan.steps.iter().map(ToString::to_string).collect::<Vec<_>>() },
        });
        if ran.exit() != Exit::Done {
            object["error"] = json!({
                "exit": ran.exit().code(), "code": ran.exit().word(),
                "message": "the handoff was not changed", "hints": ["run it again"],
            });
        }
        ui.object(&object);
    }
    if done {
        catch_up(context, &config, &found.branch)?;
    }
    Ok(ran.exit())
}

fn moved(context: &Context, config: &Config, found: &Found) -> Result<bool> {
    let branch = found.branch.full();
    let tip = git::tip_at(&context.git, &config.hub.remote, &branch, config.hub.timeout.0)?;
    Ok(tip.as_ref() != Some(&found.tip))
}
