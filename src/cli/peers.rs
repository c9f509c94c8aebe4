//! `gsync peers`: what the other clones are doing.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::Context;
use super::args::ActArgs;
use crate::base::{Exit, PeerSeen, Problem, Time};
use crate::config::Config;
use crate::git::{Git, Scanning};
use crate::host::clock;
use crate::peers::facts::{self, Answer, Hub};
use crate::peers::forget;
use crate::peers::memory::Memory;
use crate::peers::view::{Mine, View, anybody, view};
use crate::ui;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct PeersArgs {
    #[command(subcommand)]
    pub command: Option<PeersCommand>,
    /// Do not ask the hub
    #[arg(long)]
    pub no_fetch: bool,
}

#[derive(Debug, Subcommand)]
pub enum PeersCommand {
    /// Take the entry of a clone that is no more off the hub
    Forget(ForgetArgs),
}

#[derive(Debug, Args)]
pub struct ForgetArgs {
    /// A peer, such as builder@server
    #[arg(value_name = "ID")]
    pub id: String,
    /// Also one that was heard of lately
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub act: ActArgs,
}

pub fn main(context: &Context, args: &PeersArgs) -> Result<Exit> {
    let config = context.valid_config();
    let Some(hub) = facts::hub(&context.git, &config) else { return Err(nobody(&config).into()) };
    match &args.command {
        Some(PeersCommand::Forget(args)) => forget(context, &hub, args),
        None => show(context, &hub, args.no_fetch),
    }
}

fn nobody(config: &Config) -> Problem {
    let remote = crate::base::plain(&config.hub.remote);
    Problem::refuse("no-peers", "this clone exchanges nothing with others")
        .because(format!(
            "there is no remote `{remote}`, or `[peers] publish` or `gsync.peers` is off"
        ))
        .hint("see what is set: `git config --get-regexp 'remote|gsync'`")
}

fn show(context: &Context, hub: &Hub, no_fetch: bool) -> Result<Exit> {
    let git = &context.git;
    let ui = &context.ui;
    // Beside the question to the hub, where it is known that there is somebody to compare with.
    let old = facts::remembered(git, &hub.remote);
    let scan = match old.as_ref().is_some_and(|old| is_worth_a_look(git, hub, old)) {
        true => Some(git.scan()?),
        false => None,
    };
    let mut silent = None;
    let memory = match no_fetch {
        true => None,
        false => match facts::ask(git, hub)? {
            Answer::Memory(memory) => Some(memory),
            Answer::Silent(why) => {
                silent = Some(why);
                None
            }
        },
    };
    let memory = memory.or(old);
    if let (None, Some(why)) = (&memory, &silent) {
        return Err(Problem::blind("hub", format!("{} cannot be asked: {why}", hub.remote)).into());
    }
    let memory = memory.unwrap_or_default();
    let view = look(context, hub, &memory, scan)?;
    if ui.is_for_programs() {
        ui.long_object(&Shown {
            peers: &view.peers,
            unreadable: view.unreadable,
            as_of: view.at,
            online: (!no_fetch).then_some(silent.is_none()),
            offline: silent,
        });
        return Ok(Exit::Done);
    }
    if let Some(why) = silent {
        ui.warn(&format!("{why}; this is as of {}", view.at.ago(clock::now())));
    }
    ui.result(&ui::peers::peers(&view, clock::now(), ui.style(), ui.width()));
    Ok(Exit::Done)
}

/// What programs are told.
#[derive(Serialize)]
struct Shown<'a> {
    peers: &'a [PeerSeen],
    unreadable: usize,
    as_of: Time,
    online: Option<bool>,
    offline: Option<String>,
}

fn is_worth_a_look(git: &Git, hub: &Hub, memory: &Memory) -> bool {
    !memory.contents.is_empty() || anybody(memory, &facts::known_as(git), clock::now(), hub.ttl)
}

/// The others beside our work (a look at which may have begun); nothing is looked at where there
/// is nobody to compare with.
pub(super) fn look(
    context: &Context,
    hub: &Hub,
    memory: &Memory,
    begun: Option<Scanning>,
) -> Result<View> {
    let git = &context.git;
    if !is_worth_a_look(git, hub, memory) {
        let nobody = Mine { id: Some(facts::known_as(git)), ..Mine::default() };
        return Ok(view(memory, &nobody, clock::now(), hub.ttl));
    }
    let scan = match begun {
        Some(begun) => begun,
        None => git.scan()?,
    };
    let (head, upstream) = git.position(git.library().as_ref())?;
    let upstream = upstream.and_then(|upstream| upstream.id);
    let changes = scan.end()?.changes;
    let mine = facts::mine(git, &changes, head.id.as_ref(), upstream.as_ref());
    let mut seen = view(memory, &mine, clock::now(), hub.ttl);
    let clean = changes.is_empty();
    facts::meet(git, memory, &mut seen, head.id.as_ref(), upstream.as_ref(), clean)?;
    Ok(seen)
}

fn forget(context: &Context, hub: &Hub, args: &ForgetArgs) -> Result<Exit> {
    let (_, ran) = context.act(&args.act.how(), || {
        let facts = match facts::ask(&context.git, hub)? {
            Answer::Memory(memory) => {
                let now = clock::now();
                let view: View = view(&memory, &Mine::default(), now, hub.ttl);
                let own = facts::known_as(&context.git);
                forget::Facts { remote: hub.remote.clone(), memory, view, own, now }
            }
            Answer::Silent(why) => {
                let message = format!("{} cannot be asked: {why}", hub.remote);
                return Err(Problem::blind("hub", message).into());
            }
        };
        Ok(forget::plan(&facts, &args.id, args.force)?)
    })?;
    Ok(ran.exit())
}
