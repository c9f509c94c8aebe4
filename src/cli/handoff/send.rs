//! `gsync handoff send`: takes a number, puts the document on the hub, and brings it here.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};

use super::args::SaysArgs;
use super::story::{self, Told};
use crate::base::{Branch, Exit, Problem};
use crate::cli::Context;
use crate::config::Config;
use crate::git::{self};
use crate::handoff::facts::{self, hub, notes, work};
use crate::handoff::plan::{self, Sending};
use crate::handoff::words::id_of;
use crate::plan::Outcome;
use crate::run::How;
use crate::sync::pull;

/// How often it is tried when others take the number, or move the branch, in between. In each
/// round somebody gets through, so of that many at once the last one does too.
const TRIES: usize = 60;

/// Into so many times it is told apart who steps aside for how long.
const PARTS: u32 = 23;
/// A try that took longer, as a hub may be slow, is not waited for longer.
const LONGEST: Duration = Duration::from_secs(3);

/// What is to be sent.
pub struct Wish<'a> {
    pub to: Option<&'a str>,
    pub says: &'a SaysArgs,
}

/// Sends a handoff.
pub fn send(context: &Context, wish: &Wish<'_>, how: &How) -> Result<Exit> {
    let (exit, object) = send_quietly(context, wish, how)?;
    if context.ui.json {
        context.ui.object(&object);
    }
    Ok(exit)
}

/// The handoff at the end of `gsync finish`, to this role, and what there is to say about it.
pub fn finish(context: &Context, to: &str) -> Result<(Exit, Value)> {
    let wish = Wish { to: Some(to), says: &SaysArgs::default() };
    send_quietly(context, &wish, &How::default())
}

/// Sends it; what programs are told is told by the caller.
fn send_quietly(context: &Context, wish: &Wish<'_>, how: &How) -> Result<(Exit, Value)> {
    let config = context.config()?;
    let ui = &context.ui;
    let mut claim = true;
    let mut tried = 0;
    let (number, told, plan, ran) = loop {
        tried += 1;
        let begun = Instant::now();
        let mut made = None;
        let (plan, ran) = context.carry_out(how, || {
            facts::ask(&context.git, &config)?;
            let told = story::tell(context, &config, wish.to, wish.says)?;
            if told.story.to.is_none() {
                return Err(no_receiver().into());
            }
            let open = told.shelf.waiting_for(told.story.to.as_deref().unwrap_or_default());
            let open = open.filter(|found| found.branch == told.clone.branch);
            for found in open {
                if !work::is_more(&context.git, &found.handoff.head, &told.clone.head)? {
                    return Err(plan::nothing_new(found).into());
                }
            }
            let path = told.draft.as_ref().map(|_| notes::draft_path(&context.git));
            let highest = if claim { hub::taken(&context.git, &config)? } else { 0 };
            let silent = told.story.sender.get("summary").is_none();
            let (mut plan, number) = plan::send(Sending {
                clone: &told.clone,
                shelf: &told.shelf,
                rules: &config.handoff,
                story: told.story.clone(),
                own: told.own.as_deref(),
                highest,
                claim,
                draft: path.as_deref(),
            })?;
            if silent {
                plan.notes.push("it has no summary: `-m TEXT` gives one".to_owned());
            }
            story::judge(context, &plan)?;
            made = Some((number, told));
            Ok(plan)
        })?;
        let Some((number, told)) = made else { return Ok((ran.exit(), Value::Null)) };
        let failed = ran.outcome == Outcome::PutBack;
        if !failed || tried == TRIES || how.only.is_some() {
            break (number, told, plan, ran);
        }
        if moved(context, &config, &told, number)? {
            ui.say(&format!("others were faster: trying again ({} of {TRIES})", tried + 1));
            thread::sleep(aside(begun.elapsed(), tried));
        } else if claim {
            claim = false;
            let why = "the hub refuses names below refs/gsync/handoff";
            ui.warn(&format!("{why}: the number is taken by the branch alone"));
        } else {
            break (number, told, plan, ran);
        }
    };
    let done = ran.exit() == Exit::Done && !how.dry_run;
    let id = id_of(number);
    let mut object = Value::Null;
    if ui.json {
        object = json!({
            "handoff": { "id": id, "to": told.story.to, "branch": told.clone.branch,
                "base": told.story.base, "head": told.story.head },
            "run": ran.run, "outcome": ran.outcome, "notes": plan.notes,
            "plan": { "id": plan.id(), "title": plan.title, "dry_run": how.dry_run,
                "steps": plan.steps.iter().map(ToString::to_string).collect::<Vec<_>>() },
        });
        if ran.exit() != Exit::Done {
            object["error"] = json!({
                "exit": ran.exit().code(), "code": ran.exit().word(),
                "message": "the handoff was not sent", "hints": ["run `gsync handoff send` again"],
            });
        }
    } else if done {
        plan.notes.iter().for_each(|note| ui.say(&format!("  {note}")));
        ui.result(&format!("{id}\n"));
    }
    if done {
        catch_up(context, &config, &told.clone.branch)?;
    }
    Ok((ran.exit(), object))
}

/// How long it is waited before the next try. Those who meet step aside for different times, as
/// long as a try takes where they meet: shorter, and all of them meet once more.
fn aside(took: Duration, tried: usize) -> Duration {
    let part = std::process::id() % PARTS;
    took.min(LONGEST) * part * u32::try_from(tried.min(4)).unwrap_or(4) * 2 / PARTS
}

fn no_receiver() -> Problem {
    Problem::usage("no-receiver", "it is not said who is to receive the handoff")
        .hint("name a role: `gsync handoff send --to ROLE`")
        .hint("or set `to` under [handoff] in .gsync.toml")
}

/// Whether the number was taken, or the branch moved, since the plan was made.
fn moved(context: &Context, config: &Config, told: &Told, number: u32) -> Result<bool> {
    let git = &context.git;
    let tip = git::tip_at(git, &told.clone.hub, &told.clone.branch.full(), config.hub.timeout.0)?;
    Ok(tip.as_ref() != Some(&told.clone.tip) || hub::taken(git, config)? >= number)
}

/// Brings this branch up to date where nothing else than what was just published is new. More
/// than that is for `gsync start`, which says what comes in, and asks where processes run.
pub fn catch_up(context: &Context, config: &Config, branch: &Branch) -> Result<()> {
    let ui = &context.ui;
    let later = "run `gsync start` to have it here";
    let quiet = How::default();
    let here = match facts::here(&context.git, config, &context.who().peer) {
        Ok(here) if here.branch == *branch => here,
        _ => return Ok(()),
    };
    let news = pull::facts::lines(&context.git, &[here.tip.as_str(), "--not", here.head.as_str()])?;
    let [one] = &news[..] else {
        if !news.is_empty() {
            ui.hint(later);
        }
        return Ok(());
    };
    if !one.summary.starts_with("docs: handoff H-") {
        return Ok(());
    }
    let pulled = context.carry_out(&quiet, || {
        let facts = pull::facts::observe(&context.git, &config.hub)?;
        Ok(pull::plan(&facts, "pull")?)
    });
    match pulled {
        Ok(_) => Ok(()),
        // The handoff is on the hub: what is in the way here is another matter.
        Err(err) => {
            ui.warn(&format!("the hub has it, and it cannot be pulled now: {err:#}"));
            ui.hint(later);
            Ok(())
        }
    }
}
