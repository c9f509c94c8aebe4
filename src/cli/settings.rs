//! The settings of a work tree, for commands and for hooks.

use anyhow::{Error, Result};

use crate::base::{CommitId, Problem, plain};
use crate::config::{self, Config};
use crate::git::Git;
use crate::host::read;
use crate::ui::{self, Color, Ui};

/// So many changes of the file are looked at for the last one that makes sense.
const CHANGES: usize = 50;

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

/// The settings to work with where that must be possible whatever the file says: those who lead
/// out of it, and those who only look. Never for what judges: that refuses.
pub(super) struct Valid {
    pub(super) config: Config,
    pub(super) broken: Option<Broken>,
}

/// Settings that make no sense.
pub(super) struct Broken {
    why: Error,
    /// The commit whose settings hold. Nothing: the built-in ones do.
    instead: Option<CommitId>,
}

/// What is valid, or was before.
pub(super) fn valid(git: &Git) -> Valid {
    match of(git) {
        Ok(config) => Valid { config, broken: None },
        Err(why) => {
            let (instead, config) = match before(git) {
                Some((id, config)) => (Some(id), config),
                None => (None, Config::default()),
            };
            Valid { config, broken: Some(Broken { why, instead }) }
        }
    }
}

/// The same, said aloud.
pub(super) fn say_valid(ui: &Ui, git: &Git) -> Valid {
    let valid = valid(git);
    if let Some(broken) = &valid.broken {
        ui.warn(&broken.words());
        hints(ui, &broken.why, broken.instead.as_ref());
    }
    valid
}

impl Broken {
    /// No settings hold but those that are built in.
    pub(super) fn leaves_nothing(&self) -> bool {
        self.instead.is_none()
    }

    pub(super) fn why(&self) -> String {
        format!("{:#}", self.why)
    }

    pub(super) fn words(&self) -> String {
        match &self.instead {
            Some(id) => format!("{:#}; the settings of {} hold meanwhile", self.why, id.short()),
            None => format!("{:#}; the built-in settings hold meanwhile", self.why),
        }
    }
}

/// The last settings in the history of HEAD that make sense.
fn before(git: &Git) -> Option<(CommitId, Config)> {
    let most = format!("--max-count={CHANGES}");
    let args = ["log", "--no-show-signature", "--format=%H", &most, "HEAD", "--", config::FILE];
    let ids = git.ask(&args).ok()??;
    ids.lines().filter_map(CommitId::parse).find_map(|id| {
        let text = git.must_bytes(&["show", &format!("{id}:{}", config::FILE)]).ok()?;
        Some((id, config::parse(config::FILE, &text).ok()?))
    })
}

/// After a pull of our own: it may have brought settings that make no sense.
pub(super) fn say_brought(ui: &Ui, git: &Git, why: &Error) -> String {
    let line = format!("what came in leaves settings that make no sense: {why:#}");
    ui.warn(&line);
    hints(ui, why, before(git).as_ref().map(|(id, _)| id));
    ui.hint("or take back what brought it in: `gsync undo`");
    line
}

/// `good`: a commit with settings that make sense.
fn hints(ui: &Ui, why: &Error, good: Option<&CommitId>) {
    if let Some(problem) = why.downcast_ref::<Problem>() {
        problem.hints.iter().for_each(|hint| ui.hint(hint));
    }
    let file = config::FILE;
    ui.hint(&match good {
        Some(id) => {
            let good = id.short();
            format!("put {file} right, or take the one of {good}: `git checkout {good} -- {file}`")
        }
        None => format!("put {file} right and commit it"),
    });
}
