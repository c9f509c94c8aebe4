//! `gsync status`

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use super::Context;
use super::args::StatusArgs;
use crate::base::{CommitId, Exit, Problem};
use crate::config::Config;
use crate::deploy::afar::Afar;
use crate::deploy::facts::afar;
use crate::git::{self, Git};
use crate::peers::facts::{self as peers, Answer, Hub};
use crate::peers::memory::Memory;
use crate::peers::view::view;
use crate::run::{self, Journal, Lock, Who};
use crate::sync::facts::{self, Ask, Unfinished};
use crate::sync::status::{self, Relation, Status};
use crate::ui::{self, Ui};

/// How often the screen is drawn again, and how often the hub is asked for it.
const REDRAW: Duration = Duration::from_secs(2);
const ASK_AGAIN: Duration = Duration::from_secs(30);

pub fn main(context: &Context, args: &StatusArgs) -> Result<Exit> {
    let config = context.valid_config();
    // The hub is asked unless that was forbidden: what was so ten seconds ago is not what is so.
    let ask = if args.no_fetch { Ask::Never } else { Ask::Always };
    if args.watch {
        return watch(context, &config, ask);
    }
    let status = look(context, &config, ask)?;
    if context.ui.is_for_programs() {
        context.ui.object(&status);
    } else {
        show(&context.ui, &status);
    }
    Ok(if args.exit_code && !status.in_sync { Exit::Refused } else { Exit::Done })
}

/// Looks, thinks, and remembers for the prompt what was seen.
fn look(context: &Context, config: &Config, ask: Ask) -> Result<Status> {
    let git = &context.git;
    let index = git.index_written();
    let others = peers::hub(git, config);
    // All ask, and nobody waits for another.
    let (facts, heard, apps) = thread::scope(|scope| {
        let heard = others.as_ref().map(|hub| scope.spawn(move || hear(git, hub, ask)));
        let deadline = config.hub.timeout.0;
        let apps = scope.spawn(move || afar::look(git, &config.app, deadline, ask == Ask::Always));
        let facts = facts::observe(git, &config.hub.remote, ask, config.hub.timeout.0);
        (facts, heard.and_then(|heard| heard.join().ok()), apps.join().unwrap_or_default())
    });
    let mut facts = facts?;
    facts.unfinished = unfinished(context);
    let upstream = facts.upstream.as_ref().and_then(|upstream| upstream.id.clone());
    let mut status = status::status(facts);
    if let (Some(hub), Some((Some(memory), silent))) = (&others, heard) {
        meet(git, hub, &memory, silent, upstream.as_ref(), &mut status);
    }
    if others.is_some() {
        status.peer = peers::known_as(git);
    }
    status.handoffs = super::handoff::waiting(context, config, &status.role);
    status.apps = apps.iter().map(Afar::object).collect();
    git.remember_seen(&git::Seen {
        at: status.now,
        head: status.head.clone(),
        upstream,
        relation: status.relation.word().to_owned(),
        index,
        dirty: status.changes.len(),
    });
    Ok(status)
}

/// What the others told, and why the hub did not say what is so now.
fn hear(git: &Git, hub: &Hub, ask: Ask) -> (Option<Memory>, Option<String>) {
    let remembered = || peers::remembered(git, &hub.remote);
    match ask {
        Ask::Never => (remembered(), None),
        Ask::Always => match peers::ask(git, hub) {
            Ok(Answer::Memory(memory)) => (Some(memory), None),
            Ok(Answer::Silent(why)) => (remembered(), Some(why)),
            Err(err) => (remembered(), Some(format!("{err:#}"))),
        },
    }
}

/// Puts the others beside our own work.
fn meet(
    git: &Git,
    hub: &Hub,
    memory: &Memory,
    silent: Option<String>,
    upstream: Option<&CommitId>,
    status: &mut Status,
) {
    if memory.peers.is_empty() && memory.odd == 0 {
        return;
    }
    let mine = peers::mine(git, &status.changes, status.head.as_ref(), upstream);
    let mut seen = view(memory, &mine, status.now, hub.ttl);
    let clean = status.changes.is_empty();
    let met = peers::meet(git, memory, &mut seen, status.head.as_ref(), upstream, clean);
    if let Err(err) = met {
        status.notes.push(format!("what the peers' work would meet is not known: {err:#}"));
    }
    if let Some(why) = silent.filter(|_| !seen.peers.is_empty()) {
        let ago = seen.at.ago(status.now);
        status.notes.push(format!("what the peers do is as of {ago}: {why}"));
    }
    if seen.unreadable > 0 {
        let n = seen.unreadable;
        let entries = if n == 1 { "entry of a peer makes" } else { "entries of peers make" };
        status.notes.push(format!("{n} {entries} no sense"));
    }
    status.peers = seen.peers;
}

/// A run that was cut off, or is at work in this moment. A journal that cannot be read is for
/// `doctor`; the status of the clone can still be told.
fn unfinished(context: &Context) -> Option<Unfinished> {
    let dir = context.git.gsync_dir();
    let left = Journal::at(&dir, Who::default()).unfinished().ok()??;
    let running = Lock::take(&dir, "gsync status", Duration::ZERO).is_err();
    Some(Unfinished {
        run: left.id.to_string(),
        title: left.plan.title,
        command: left.who.command,
        running,
    })
}

fn show(ui: &Ui, status: &Status) {
    ui.result(&ui::status::screen(status, ui.style(), ui.width()));
}

/// The same screen again and again, until Ctrl-C.
fn watch(context: &Context, config: &Config, ask: Ask) -> Result<Exit> {
    let ui = &context.ui;
    if !ui.is_terminal() {
        return Err(Problem::usage(
            "not-a-terminal",
            "--watch draws on a terminal, and this is none",
        )
        .hint("use `gsync status --json` in scripts")
        .into());
    }
    run::listen();
    let mut asked: Option<Instant> = None;
    let mut answer = (None, None);
    while !run::stopped() {
        let due = asked.is_none_or(|at| at.elapsed() >= ASK_AGAIN);
        let begun = Instant::now();
        let mut status = match look(context, config, if due { ask } else { Ask::Never }) {
            // Ctrl-C reaches git too, and a look that it cut short has nothing to say.
            Err(_) if run::stopped() => break,
            other => other?,
        };
        if due {
            asked = Some(Instant::now());
            answer = (status.online, status.offline.clone());
        } else {
            // What the hub said is not forgotten between two questions.
            status.hub_said(answer.0, answer.1.clone());
        }
        let screen = ui::status::screen(&status, ui.style(), ui.width());
        ui.result(&format!("\x1b[H\x1b[2J{screen}"));
        // A look that is slow must not keep the machine busy.
        let pause = REDRAW.max(begun.elapsed() * 3);
        let until = Instant::now() + pause;
        while Instant::now() < until && !run::stopped() {
            thread::sleep(Duration::from_millis(50));
        }
    }
    Ok(Exit::Done)
}

/// One line for a shell prompt. Outside of a repository it is silent: a prompt is shown
/// everywhere, and errors in it help nobody.
pub fn short(dir: &Path, ui: &Ui) -> Exit {
    let Some(git) = git::locate(dir) else { return Exit::Blind };
    let Ok((facts, seen)) = facts::glance(&git) else { return Exit::Blind };
    let upstream = facts.upstream.as_ref().and_then(|upstream| upstream.id.clone());
    let rewound = seen
        .as_ref()
        .is_some_and(|seen| seen.relation == Relation::Rewound.word() && seen.upstream == upstream);
    let relation = if rewound { Relation::Rewound } else { status::relation(&facts) };
    if ui.is_for_programs() {
        let count = |side: &Option<facts::Side>| side.as_ref().map(|side| side.count);
        ui.object(&json!({
            "branch": facts.head.branch,
            "head": facts.head.id,
            "upstream": facts.upstream.as_ref().map(facts::Upstream::short),
            "relation": relation,
            "ahead": count(&facts.outgoing),
            "behind": count(&facts.incoming),
            "operation": facts.operation.as_ref().map(|(operation, _)| operation),
            "dirty": seen.as_ref().map(|seen| seen.dirty),
            "dirty_as_of": seen.as_ref().map(|seen| seen.at),
            "fetched_at": facts.fetched_at,
        }));
    } else {
        ui.result(&format!("{}\n", ui::status::prompt(&facts, relation, seen.as_ref())));
    }
    Exit::Done
}
