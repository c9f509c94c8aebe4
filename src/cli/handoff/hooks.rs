//! What the hooks do about handoffs: say what arrived, remind of what is missing, and mark the
//! draft as outdated. A commit costs one look for a file; the draft is written again by the
//! next command of gsync, not by the hook.

use anyhow::Result;

use super::args::SaysArgs;
use super::story;
use super::waiting::say_waiting;
use crate::base::{Exit, Problem, RefUpdate, RepoPath, count};
use crate::cli::{Context, settings};
use crate::config::Config;
use crate::git::Git;
use crate::handoff::content::touching;
use crate::handoff::document::Document;
use crate::handoff::facts::{notes, shelf, work};
use crate::handoff::render;
use crate::host::{knowledge, read};
use crate::ui::{self, Ui};

/// Notes that the draft, if there is one, is no longer what is so.
pub fn outdated(git: &Git) {
    if read::exists(&notes::draft_path(git)) {
        let _ = knowledge::leave(&notes::dir(git).join("outdated"));
    }
}

/// Writes the draft again if a hook said that it is outdated. What the sender wrote stays; a
/// draft that cannot be read is left alone until somebody asks for it.
pub fn refresh(context: &Context) {
    if !knowledge::pick_up(&notes::dir(&context.git).join("outdated")) {
        return;
    }
    let written = || -> Result<()> {
        let config = context.config()?;
        let told = story::tell(context, &config, None, &SaysArgs::default())?;
        let document = render::render(&told.story, told.own.as_deref())?;
        let text = crate::base::covered(&document.write()).into_owned().into_bytes();
        knowledge::change(&notes::draft_path(&context.git), |old| {
            // Somebody saved it in this very moment: the next look takes that over.
            let same = Some(old) == told.draft.as_deref();
            Ok(((), if same { text } else { old.to_vec() }))
        })
    };
    if let Err(err) = written() {
        context.ui.detail(&format!("the draft of the handoff is not current: {err:#}"));
    }
}

/// Says which handoffs for this clone came in with a pull.
pub fn arrived(ui: &Ui, git: &Git, config: &Config, files: &[RepoPath]) {
    let dir = format!("{}/", config.handoff.dir.trim_matches('/'));
    if !files.iter().any(|path| path.as_bytes().starts_with(dir.as_bytes())) {
        return;
    }
    match shelf(git, config) {
        Ok(shelf) => {
            let new = shelf.mine().filter(|found| files.contains(&found.path));
            say_waiting(ui, &new.map(ui::handoff::entry).collect::<Vec<_>>());
        }
        Err(err) => ui.detail(&format!("the handoffs cannot be read: {err:#}")),
    }
}

/// After the guard let a push pass: does it touch what is to be handed over?
pub fn before_push(ui: &Ui, git: &Git, remote: &str, updates: &[RefUpdate]) -> Result<Exit> {
    let config = settings::of(git)?;
    let rules = &config.handoff;
    if rules.when.is_empty() || remote != config.hub.remote {
        return Ok(Exit::Done);
    }
    let dir = format!("{}/", rules.dir.trim_matches('/'));
    for update in updates {
        let (Some(branch), Some(new)) = (update.name.branch(), &update.new) else { continue };
        let shelf = shelf(git, &config)?;
        let mut paths = work::uncovered(git, &config, &shelf, update.old.as_ref(), new)?;
        paths.retain(|path| !path.as_bytes().starts_with(dir.as_bytes()));
        let touched = touching(&rules.when, &paths);
        let Some(first) = touched.first() else { continue };
        let to = rules.to.as_deref().unwrap_or("ROLE");
        let what = format!("{} to hand over, such as {first}", count(touched.len(), "path"));
        let drafted = notes::draft(git)?.and_then(|bytes| Document::parse("draft", &bytes).ok());
        let drafted = drafted.and_then(|document| document.handoff().ok());
        if drafted.is_some_and(|draft| draft.branch == branch.as_str()) {
            ui.say(&format!("this push has {what}: the draft covers it"));
            ui.hint(&format!("send it then: `gsync handoff send --to {to}`"));
        } else if rules.require {
            let problem = Problem::refuse("handoff", format!("this push has {what}"))
                .because("`[handoff] require` in .gsync.toml wants a handoff, at least a draft")
                .hint(format!("write one: `gsync handoff draft --to {to} -m TEXT`, then push"))
                .hint(format!("or push and send at once: `gsync finish --handoff {to}`"));
            return Ok(ui.error(&problem.into()));
        } else {
            ui.say(&format!("this push has {what}, and no handoff covers it"));
            ui.hint(&format!("send one then: `gsync handoff send --to {to} -m TEXT`"));
        }
    }
    Ok(Exit::Done)
}
