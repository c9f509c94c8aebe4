//! After a pull: which services it concerns is said, or they are brought up, as `on_pull` wants
//! it. For git's hooks, and for gsync's own commands that pull.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::args::UpArgs;
use super::{Context, settings, up};
use crate::base::{CommitId, Exit, RepoPath, plain};
use crate::config::Config;
use crate::git::Git;
use crate::host::{env, process, read, terminal};
use crate::pipeline;
use crate::run::Ran;
use crate::ui::Ui;

/// Where a command of our own stood before it pulled.
pub struct Before {
    head: Option<CommitId>,
    /// The settings make no sense, and that was said.
    broken: bool,
}

/// What a pull led to.
#[derive(Debug, Default)]
pub struct Then {
    /// For the one JSON object.
    pub told: Value,
    /// Nothing: all is well.
    pub exit: Option<Exit>,
}

impl Then {
    /// How the command exits, given how its own run went.
    pub fn exit(&self, ran: &Ran) -> Exit {
        match ran.exit() {
            Exit::Done => self.exit.unwrap_or(Exit::Done),
            other => other,
        }
    }
}

impl Before {
    /// Nothing: no service will be concerned.
    pub fn look(context: &Context, dry_run: bool) -> Result<Option<Self>> {
        match dry_run || env::raw(env::STEP).is_some() {
            true => Ok(None),
            false => Ok(Some(Self {
                head: context.git.resolve_commit("HEAD")?,
                broken: context.config().is_err(),
            })),
        }
    }

    /// What the pull led to, with its part of the JSON object.
    pub fn after(before: Option<Self>, context: &Context, ran: &Ran) -> Result<(Then, Value)> {
        let mut then = match before {
            Some(before) => before.then(context, ran)?,
            None => Then::default(),
        };
        let told = std::mem::take(&mut then.told);
        Ok((then, told))
    }

    /// Says or brings up what the pull concerns. The lock must be free.
    pub fn then(self, context: &Context, ran: &Ran) -> Result<Then> {
        let git = &context.git;
        let now = git.resolve_commit("HEAD")?;
        let (Some(old), Some(new)) = (self.head, now) else { return Ok(Then::default()) };
        if old == new || ran.exit() != Exit::Done {
            return Ok(Then::default());
        }
        // As it is now: the pull may have brought the services themselves.
        let config = match context.config() {
            Ok(config) if !config.service.is_empty() => config,
            Ok(_) => return Ok(Then::default()),
            Err(_) if self.broken => return Ok(Then::default()),
            Err(err) => {
                let line = settings::say_brought(&context.ui, &context.git, &err);
                return Ok(Then { told: json!({ "warnings": [line] }), exit: None });
            }
        };
        let (names, up) = concerned(&context.ui, &config, &git.changed_between(&old, &new)?);
        if names.is_empty() {
            return Ok(Then { told: json!({ "concerns": names }), exit: None });
        }
        say(&context.ui, &names, up);
        if !up {
            return Ok(Then { told: json!({ "concerns": names }), exit: None });
        }
        let exit = up::main(&context.aside(), &UpArgs::default());
        let exit = exit.unwrap_or_else(|err| context.aside().ui.error(&err));
        let state = pipeline::facts::remembered(git)?;
        let mut told = json!({
            "concerns": names,
            "services": { "left": state.left },
            "failed": state.failed,
        });
        if exit == Exit::Done {
            return Ok(Then { told, exit: None });
        }
        let exit = if exit == Exit::Interrupted { exit } else { Exit::Kept };
        let hint = "run `gsync up` to bring them up";
        told["error"] = json!({
            "exit": exit.code(), "code": exit.word(),
            "message": "the pull stays; not all services that it concerns are up", "hints": [hint],
        });
        if !context.ui.is_for_programs() {
            context.ui.warn("the pull stays; not all services that it concerns are up");
        }
        Ok(Then { told, exit: Some(exit) })
    }
}

/// The services that a change concerns, in the order in which they would be brought up, and
/// whether they are to be. What is wrong with their configuration is the business of
/// `gsync up`, not of a pull.
pub fn concerned(ui: &Ui, config: &Config, files: &[RepoPath]) -> (Vec<String>, bool) {
    match pipeline::concerned(config, files) {
        Ok(mut concerned) => {
            // A service without steps only claims paths.
            concerned.retain(|one| !one.steps.is_empty());
            let up = pipeline::brings_up(config, &concerned);
            (concerned.into_iter().map(|one| one.service).collect(), up)
        }
        Err(err) => {
            ui.detail(&format!("the services it concerns are not known: {err}"));
            (Vec::new(), false)
        }
    }
}

/// One line about them.
pub fn say(ui: &Ui, names: &[String], up: bool) {
    let what = if up { "bringing it up to date" } else { "run `gsync up`" };
    ui.say(&format!("  concerns {}: {what}", plain(&names.join(", "))));
}

/// Whether a hook may bring services up now: not in the middle of anything, and not while git
/// keeps work aside that it puts back after the hook. `ended`: a rebase that is still to be
/// seen has come to its end.
pub fn is_quiet(git: &Git, ended: bool) -> bool {
    let there = |name: &str| read::exists(&git.git_dir.join(name));
    let aside = ["MERGE_AUTOSTASH", "rebase-merge/autostash", "rebase-apply/autostash"];
    let amid = ["rebase-merge", "rebase-apply", "sequencer"];
    env::raw(env::STEP).is_none()
        && !aside.into_iter().any(there)
        && (ended || !amid.into_iter().any(there))
}

/// Brings services up from a hook, in front of whoever pulled. What comes of it is said by it;
/// git is told nothing.
pub fn bring_up(ui: &Ui, git: &Git) {
    let started = || -> Result<bool> {
        let mut gsync = process::command(env::binary().context("find gsync itself")?);
        gsync.arg("up").current_dir(git.dir()).stdout(std::process::Stdio::null());
        for name in env::GIT_LOCAL {
            gsync.env_remove(name);
        }
        gsync.env_remove("GIT_REFLOG_ACTION");
        Ok(terminal::in_front(&mut gsync)?.success())
    };
    match started() {
        Ok(true) => {}
        Ok(false) => ui.warn("the pull stays; not all services that it concerns are up"),
        Err(err) => ui.warn(&format!("services were not brought up: {err:#}")),
    }
}
