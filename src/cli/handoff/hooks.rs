//! What the hooks say about handoffs: what arrived, and what is missing.

use anyhow::Result;

use super::waiting::say_waiting;
use super::{draft, story};
use crate::base::{Problem, RefUpdate, RepoPath, count};
use crate::cli::settings;
use crate::config::Config;
use crate::git::Git;
use crate::handoff::content::touching;
use crate::handoff::facts::{notes, shelf, work};
use crate::ui::{self, Ui};

/// Says which handoffs for this clone came in with a pull.
pub fn arrived(ui: &Ui, git: &Git, config: &Config, files: &[RepoPath]) {
    if !files.iter().any(|path| config.handoff.has(path)) {
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
pub fn before_push(ui: &Ui, git: &Git, remote: &str, updates: &[RefUpdate]) -> Result<()> {
    let config = settings::of(git)?;
    let rules = &config.handoff;
    if rules.when.is_empty() || remote != config.hub.remote {
        return Ok(());
    }
    for update in updates {
        let (Some(branch), Some(new)) = (update.name.branch(), &update.new) else { continue };
        let shelf = shelf(git, &config)?;
        let mut paths = work::uncovered(git, &config, &shelf, update.old.as_ref(), new)?;
        paths.retain(|path| !rules.has(path));
        let touched = touching(&rules.when, &paths);
        let Some(first) = touched.first() else { continue };
        let to = rules.to.as_deref().unwrap_or("ROLE");
        let what = format!("{} to hand over, such as {first}", count(touched.len(), "path"));
        let drafted = story::drafted(notes::draft(git)?.as_deref());
        if drafted.is_some_and(|(document, handoff)| {
            handoff.branch == branch.as_str() && draft::counts(&document)
        }) {
            ui.say(&format!("this push has {what}: the draft covers it"));
            ui.hint(&format!("send it then: `gsync handoff send --to {to}`"));
        } else if rules.require {
            let problem = Problem::refuse("handoff", format!("this push has {what}"))
                .because("`[handoff] require` in .gsync.toml wants a handoff, at least a draft")
                .hint(format!("write one: `gsync handoff draft --to {to} -m TEXT`, then push"))
                .hint(format!("or push and send at once: `gsync finish --handoff {to}`"));
            return Err(problem.into());
        } else {
            ui.say(&format!("this push has {what}, and no handoff covers it"));
            ui.hint(&format!("send one then: `gsync handoff send --to {to} -m TEXT`"));
        }
    }
    Ok(())
}
