//! `gsync handoff list|show|take`: looking at handoffs.

use anyhow::Result;
use serde_json::{Value, json};

use super::answer::missing;
use super::args::{ListArgs, ShowArgs};
use super::{draft, story};
use crate::base::{Exit, Problem, plain};
use crate::cli::Context;
use crate::config::Config;
use crate::handoff::facts::hub::Found;
use crate::handoff::facts::{self, Shelf, notes};
use crate::handoff::plan;
use crate::handoff::render::{self, Story, Todo};
use crate::handoff::sender::Sender;
use crate::handoff::words::clean;
use crate::ui::handoff as show_it;

/// What is known of the hub, which is asked first unless that was forbidden. A hub that does
/// not answer is no reason to show nothing.
fn look(context: &Context, config: &Config, no_fetch: bool) -> Result<Shelf> {
    if !no_fetch && let Err(err) = facts::ask(&context.git, config) {
        match err.downcast_ref::<Problem>() {
            Some(problem) if problem.code == "offline" => {
                context.ui.warn("the hub does not answer: this is what was known before");
            }
            _ => return Err(err),
        }
    }
    facts::shelf(&context.git, config)
}

pub fn list(context: &Context, args: &ListArgs) -> Result<Exit> {
    let config = context.valid_config();
    let shelf = look(context, &config, args.no_fetch)?;
    let shown: Vec<&Found> =
        shelf.found.iter().filter(|found| args.all || found.shown.is_open()).collect();
    if context.ui.is_for_programs() {
        let broken: Vec<Value> = shelf
            .broken
            .iter()
            .map(|(path, problem)| json!({ "file": path, "why": problem.message }))
            .collect();
        let handoffs: Vec<Value> = shown.iter().map(|found| show_it::entry(found)).collect();
        context.ui.object(&json!({ "handoffs": handoffs, "broken": broken }));
        return Ok(Exit::Done);
    }
    context.ui.result(&show_it::list(&shown, &shelf, context.ui.style()));
    for (_, problem) in &shelf.broken {
        context.ui.warn(&problem.message);
        problem.hints.iter().for_each(|hint| context.ui.hint(hint));
    }
    Ok(Exit::Done)
}

pub fn show(context: &Context, args: &ShowArgs) -> Result<Exit> {
    let config = context.valid_config();
    if args.id == "draft" {
        return show_draft(context);
    }
    let shelf = look(context, &config, args.no_fetch)?;
    let found = plan::find(&shelf, &args.id)?;
    if context.ui.is_for_programs() {
        context.ui.object(&object(found));
    } else {
        context.ui.result(&clean(&found.document.write()));
    }
    Ok(Exit::Done)
}

/// The draft as it is now; one that cannot be told anew as it stands.
fn show_draft(context: &Context) -> Result<Exit> {
    let Some(bytes) = notes::draft(&context.git)? else {
        return Err(Problem::refuse("no-draft", "there is no draft of a handoff")
            .hint("write one: `gsync handoff draft`")
            .into());
    };
    // A hook may have begun to write it again a moment ago.
    let text = match draft::renewed(context) {
        Ok(Some((_, text))) => text,
        _ => String::from_utf8_lossy(&bytes).into_owned(),
    };
    let text = clean(&text);
    if context.ui.is_for_programs() {
        context.ui.object(&json!({ "id": "draft", "status": "draft", "text": text }));
    } else {
        context.ui.result(&text);
    }
    Ok(Exit::Done)
}

/// A handoff for programs: what the front matter says, what the sender wrote, and the text.
fn object(found: &Found) -> Value {
    let handoff = &found.handoff;
    let sender = Sender::read(&found.document.body);
    let says: serde_json::Map<String, Value> = Sender::NAMES
        .into_iter()
        .map(|name| (name.to_owned(), json!(sender.get(name).map(clean))))
        .collect();
    let answers: serde_json::Map<String, Value> = handoff
        .answers
        .iter()
        .map(|(key, words)| {
            let words = words.iter().map(|(name, text)| (name.clone(), json!(text)));
            (key.clone(), Value::Object(words.collect()))
        })
        .collect();
    let mut object = show_it::entry(found);
    if let Value::Object(object) = &mut object {
        object.insert("base".into(), json!(handoff.base));
        object.insert("head".into(), json!(handoff.head));
        object.insert("risk".into(), json!(handoff.risk));
        object.insert("tests".into(), json!(handoff.tests));
        object.insert("migrations".into(), json!(handoff.migrations));
        object.insert("env_added".into(), json!(handoff.env_added));
        object.insert("rollback".into(), json!(handoff.rollback));
        object.insert("sender".into(), Value::Object(says));
        object.insert("answers".into(), Value::Object(answers));
        object.insert("text".into(), json!(clean(&found.document.body)));
    }
    object
}

/// For the receiver: is all of it so, and what is to be done in which order?
pub fn take(context: &Context, args: &ShowArgs) -> Result<Exit> {
    let config = context.config()?;
    let shelf = look(context, &config, args.no_fetch)?;
    let found = plan::find(&shelf, &args.id)?;
    let handoff = &found.handoff;
    let gone = missing(context, found)?;
    if let Some(problem) = plan::gone(found, &gone) {
        return Err(problem.into());
    }
    let work = story::content(context, &config, &handoff.base, &handoff.head)?;
    let story = Story {
        id: handoff.id.clone(),
        status: handoff.status,
        from: handoff.from.clone(),
        to: handoff.to.clone(),
        base: handoff.base.clone(),
        head: handoff.head.clone(),
        branch: handoff.branch.clone(),
        hub: config.hub.remote.clone(),
        on_hub: true,
        risk: Some(handoff.risk.clone()),
        today: shelf.now,
        tests: handoff.tests.clone(),
        sender: Sender::read(&found.document.body),
        content: work,
    };
    let steps = render::steps(&story);
    let checks = checks(found, &story, &steps);
    let fine = checks.iter().all(|check| check.ok);
    if context.ui.is_for_programs() {
        let back = render::rollback_commands(&story);
        context.ui.object(&json!({
            "handoff": show_it::entry(found), "checks": checks, "steps": steps, "rollback": back,
            "fine": fine,
        }));
    } else {
        let back = render::rollback_commands(&story);
        let text = show_it::take(found, &checks, &steps, &back, context.ui.style());
        context.ui.result(&text);
    }
    Ok(if fine { Exit::Done } else { Exit::Refused })
}

/// What the document says against what git says here, and whether the commands are there.
fn checks(found: &Found, story: &Story, steps: &[Todo]) -> Vec<show_it::Check> {
    let handoff = &found.handoff;
    let check = |what: String, ok: bool| show_it::Check { what, ok };
    let mut checks = vec![check(
        format!(
            "{} has base {} and head {}",
            plain(found.branch.as_str()),
            handoff.base.short(),
            handoff.head.short()
        ),
        true,
    )];
    let migrations: Vec<&String> = story.content.migrations.iter().map(|one| &one.name).collect();
    let same = migrations == handoff.migrations.iter().collect::<Vec<_>>();
    checks.push(check("the migrations are those that git shows".to_owned(), same));
    let keys: Vec<&String> = story.content.env_added.iter().map(|key| &key.name).collect();
    let same = keys == handoff.env_added.iter().collect::<Vec<_>>();
    checks.push(check("the new environment keys are those that git shows".to_owned(), same));
    for test in &handoff.tests {
        let proof = test.proof(&handoff.head);
        let ok = proof == crate::handoff::words::Proof::Passed;
        checks.push(check(format!("`{}` passed on that head", plain(&test.run)), ok));
    }
    let mut seen = Vec::new();
    for step in steps {
        let Some(program) = step.command.as_deref().and_then(program) else { continue };
        if !seen.contains(&program) {
            let ok = crate::host::env::is_command(&program);
            checks.push(check(format!("the command `{}` is there", plain(&program)), ok));
            seen.push(program);
        }
    }
    checks
}

/// The program that a line for the shell begins with.
fn program(line: &str) -> Option<String> {
    let line = line.trim_start_matches('(');
    let line = match line.strip_prefix("cd ") {
        Some(rest) => rest.split_once("&&").map_or(rest, |(_, then)| then),
        None => line,
    };
    let word = line.split_whitespace().find(|word| !word.contains('='))?;
    // Words with signs of the shell in them cannot be looked up.
    let simple = |c: char| c.is_ascii_alphanumeric() || "-_./+".contains(c);
    word.chars().all(simple).then(|| word.to_owned())
}
