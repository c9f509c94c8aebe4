//! The server side: apps, their environments, and what moves between them.

mod app;
pub mod args;
mod commands;
pub(super) mod converse;
mod envs;
mod proxy;
pub(super) mod receive;
mod server;
pub(super) mod worker;

use std::path::Path;

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

/// The commands that are about one app.
pub fn serve(dir: &Path, ui: Ui, what: &Serving) -> Result<Exit> {
    match what {
        Serving::Envs(args) => envs::main(&server::open(dir, &args.app, ui)?, args),
        Serving::Deploy(args) => commands::deploy(&server::open(dir, &args.app, ui)?, args),
        Serving::Release(args) => commands::release(&server::open(dir, &args.app, ui)?, args),
        Serving::Rollback(args) => commands::rollback(&server::open(dir, &args.app, ui)?, args),
        Serving::Sync(args) => commands::sync(&server::open(dir, &args.app, ui)?, args),
        Serving::Cancel(args) => commands::cancel(&server::open(dir, args, ui)?),
    }
}
