//! The settings of a work tree, for commands and for hooks.

use anyhow::Result;

use crate::base::plain;
use crate::config::{self, Config};
use crate::git::Git;
use crate::host::read;
use crate::ui::{self, Color, Ui};

/// What `.gsync.toml` says, or the defaults where there is none.
pub(super) fn of(git: &Git) -> Result<Config> {
    let Some(dir) = &git.work_dir else { return Ok(Config::default()) };
    match read::file(&dir.join(config::FILE))? {
        Some(file) => Ok(config::parse(config::FILE, &file.bytes.0)?),
        None => Ok(Config::default()),
    }
}

/// `gsync.color` of the person: from now on it holds wherever the command line says nothing.
pub(super) fn color(git: &Git, ui: &Ui) -> Result<()> {
    let wish = match git.library() {
        Some(repo) => repo.config_snapshot().string("gsync.color").map(|wish| wish.to_string()),
        None => git.config("gsync.color")?,
    };
    let Some(wish) = wish else { return Ok(()) };
    match wish.as_str() {
        "auto" | "true" => {}
        "always" => ui::likes(Color::Always),
        "never" | "false" => ui::likes(Color::Never),
        other => ui.warn(&format!("gsync.color is `{}`: use auto, always or never", plain(other))),
    }
    Ok(())
}
