//! Words in. Every command looks, thinks, and lets [`crate::run`] act.

mod args;
mod context;
mod doctor;
mod guard;
mod hook;
mod install;
mod judge;
mod manual;
mod rescue;
mod services;
mod status;
mod up;

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

use crate::base::Exit;
use crate::ui::Ui;
use args::{Cli, Command};

pub use context::Context;

/// Runs the command line of this process.
pub fn main() -> Exit {
    let mut words = std::env::args_os();
    let _program = words.next();
    let words: Vec<OsString> = words.collect();
    // Hooks run with every commit and push: they do not pay for the rest of the command line.
    if words.first().is_some_and(|word| word == "hook") {
        return hook::main(&words[1..]);
    }
    let cli = match Cli::try_parse_from(std::iter::once("gsync".into()).chain(words.clone())) {
        Ok(cli) => cli,
        Err(err) => return args::explain(&err, &words),
    };
    let ui = cli.ui();
    match dispatch(cli, ui) {
        Ok(exit) => exit,
        Err(err) => ui.error(&err),
    }
}

fn dispatch(cli: Cli, ui: Ui) -> Result<Exit> {
    let dir = cli.directory.clone().unwrap_or_else(|| PathBuf::from("."));
    match cli.command {
        Command::Completions(args) => Ok(manual::completions(&args, &ui)),
        Command::Man(args) => manual::man(&args, &ui),
        Command::Status(args) => status::main(&Context::open(&dir, ui)?, &args),
        Command::Guard(args) => guard::main(&Context::open(&dir, ui)?, &args),
        Command::Install(args) => install::install(&Context::open(&dir, ui)?, &args),
        Command::Uninstall(args) => install::uninstall(&Context::open(&dir, ui)?, &args),
        Command::Doctor => doctor::main(&Context::open(&dir, ui)?),
        Command::Services(args) => services::main(&Context::open(&dir, ui)?, &args),
        Command::Up(args) => up::main(&Context::open(&dir, ui)?, &args),
        Command::Rescue => rescue::main(&Context::open(&dir, ui)?),
    }
}
