//! Words in. Every command looks, thinks, and lets [`crate::run`] act.

mod agent_hook;
mod args;
mod arrived;
mod background;
mod bump;
mod call;
mod context;
mod demo;
mod deploy;
mod discard;
mod doctor;
mod finish;
mod guard;
mod handoff;
mod hook;
mod install;
mod judge;
mod log;
mod manual;
mod messages;
mod peers;
mod presence;
mod production;
mod pull;
mod push;
mod rescue;
mod schedule;
mod services;
mod settings;
mod start;
mod status;
mod tidy;
mod undo;
mod up;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::base::Exit;
use crate::ui::Ui;
use args::{Cli, Command};
use deploy::Serving;

pub use call::{Acting, Called, acting, call, knows};
pub use context::Context;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    crate::base::cover_with(crate::guard::secrets::cover);
    let mut words = std::env::args_os();
    let _program = words.next();
    let words: Vec<OsString> = words.collect();
    // Hooks run with every commit and push: they do not pay for the rest of the command line.
    if words.first().is_some_and(|word| word == "hook") {
        return hook::main(&words[1..]);
    }
    let cli = match Cli::try_parse_from(std::iter::once("gsync".into()).chain(words.clone())) {
        Ok(cli) => cli,
        Err(err) => return args::explain(&err, &words).into(),
    };
    let ui = cli.ui();
    let exit = match dispatch(cli, ui) {
        Ok(exit) => exit,
        Err(err) => ui.error(&err),
    };
    exit.into()
}

fn dispatch(cli: Cli, ui: Ui) -> Result<Exit> {
    let dir = cli.directory.clone().unwrap_or_else(|| PathBuf::from("."));
    match cli.command {
        Command::AgentHook { moment } => Ok(agent_hook::main(&dir, moment, &ui)),
        Command::Mcp => crate::mcp::main(&dir, &ui),
        Command::Demo(args) => demo::main(&args, &ui),
        Command::Completions(args) => Ok(manual::completions(&args, &ui)),
        Command::Man(args) => manual::man(&args, &ui),
        // A prompt does not wait for git to find the repository; what is typed all day does not either.
        Command::Status(args) if args.short => Ok(status::short(&dir, &ui)),
        Command::Status(args) => status::main(&Context::open_quickly(&dir, ui)?, &args),
        Command::Handoff(what) => handoff::main(&Context::open(&dir, ui)?, &what),
        Command::Guard(args) => guard::main(&Context::open(&dir, ui)?, &args),
        Command::Install(args) => install::install(&Context::open(&dir, ui)?, &args),
        Command::Uninstall(args) => install::uninstall(&Context::open(&dir, ui)?, &args),
        Command::Doctor => doctor::main(&deploy::around(&dir, ui)?),
        Command::Services(args) => services::main(&Context::open(&dir, ui)?, &args),
        Command::Up(args) => up::main(&Context::open(&dir, ui)?, &args),
        Command::Push(args) => push::main(&Context::open(&dir, ui)?, &args),
        Command::Tidy(args) => tidy::main(&Context::open(&dir, ui)?, &args),
        Command::Start(args) => start::main(&Context::open_quickly(&dir, ui)?, &args),
        Command::Finish(args) => finish::main(&Context::open_quickly(&dir, ui)?, &args),
        Command::Pull(args) => pull::main(&Context::open_quickly(&dir, ui)?, &args),
        Command::Undo(args) => undo::main(&Context::open(&dir, ui)?, &args),
        Command::Log(args) => log::main(&deploy::around(&dir, ui)?, &args),
        Command::Bump(args) => bump::main(&Context::open_quickly(&dir, ui)?, &args),
        Command::Discard(args) => discard::main(&Context::open(&dir, ui)?, &args),
        Command::Schedule(what) => schedule::main(&Context::open(&dir, ui)?, &what),
        Command::App(what) => deploy::app(&dir, ui, &what),
        Command::Envs(args) => deploy::serve(&dir, ui, &Serving::Envs(args)),
        Command::Deploy(args) => deploy::serve(&dir, ui, &Serving::Deploy(args)),
        Command::Release(args) => deploy::serve(&dir, ui, &Serving::Release(args)),
        Command::Rollback(args) => deploy::serve(&dir, ui, &Serving::Rollback(args)),
        Command::Sync(args) => deploy::serve(&dir, ui, &Serving::Sync(args)),
        Command::Cancel(args) => deploy::serve(&dir, ui, &Serving::Cancel(args)),
        Command::Rescue(args) => rescue::main(&deploy::around(&dir, ui)?, &args),
        Command::Peers(args) => peers::main(&Context::open_quickly(&dir, ui)?, &args),
    }
}
