//! The server side: apps, their environments, and what moves between them.

mod app;
pub mod args;
pub(super) mod asked;
mod asks;
pub(super) mod checks;
mod commands;
pub(super) mod converse;
pub(super) mod decider;
mod envs;
mod follow;
mod handoffs;
mod proxy;
pub(super) mod receive;
mod server;
mod start;
pub(super) mod worker;

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Context;
use crate::base::Exit;
use crate::deploy::facts;
use crate::ui::Ui;
pub use args::{AppCommand, Serving};

/// `gsync app ..`
pub fn app(dir: &Path, ui: Ui, command: &AppCommand) -> Result<Exit> {
    match command {
        AppCommand::Create(args) => app::create(dir, ui, args),
        AppCommand::Start(args) => start::main(dir, ui, args),
        AppCommand::List => app::list(ui),
    }
}

/// The repository around here: an app's, anywhere in its home, or the one of a work tree.
pub fn around(dir: &Path, ui: Ui) -> Result<Context> {
    match facts::find(dir, None)? {
        Some(home) => Ok(Context::at(facts::repository(&home), ui)),
        None => Context::open(dir, ui),
    }
}

/// The commands that are about one app: of the home around here, of the clone around here, which
/// asks its server, or of the list of homes on this machine.
pub fn serve(dir: &Path, ui: Ui, what: &Serving) -> Result<Exit> {
    let name = what.app().app.as_deref();
    let here = facts::find(dir, None)?;
    let other = |home: &PathBuf| {
        name.is_some_and(|name| facts::settings(home).is_ok_and(|app| app.name != name))
    };
    if here.is_none_or(|home| other(&home)) {
        match asks::find(dir, ui, what) {
            Ok(Some(clone)) => return asks::ask(&clone, what),
            // An app of this machine may be meant.
            Err(_) if name.is_some_and(|name| facts::find(dir, Some(name)).is_ok()) => {}
            other => drop(other?),
        }
    }
    serve_here(&server::open(dir, what.app(), ui)?, what)
}

/// The same, for a home that was found.
fn serve_here(server: &server::Server, what: &Serving) -> Result<Exit> {
    match what {
        Serving::Envs(args) => envs::main(server, args),
        Serving::Deploy(args) => commands::deploy(server, args),
        Serving::Release(args) => commands::release(server, args),
        Serving::Rollback(args) => commands::rollback(server, args),
        Serving::Sync(args) => commands::sync(server, args),
        Serving::Cancel(_) => commands::cancel(server),
    }
}
