//! Keeping the draft of a handoff current. A hook only looks whether there is something to do,
//! leaves a note and starts a process of its own: nobody waits for what that asks of git. The
//! draft holds what the sender wrote, so it is replaced as a whole, under the lock of the
//! repository, and only if it still is what was read.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::args::SaysArgs;
use super::story::{self, Told};
use crate::base::Exit;
use crate::cli::{Context, background};
use crate::config::Config;
use crate::git::{self, Git};
use crate::handoff::content::touching;
use crate::handoff::document::Document;
use crate::handoff::facts::notes;
use crate::handoff::render;
use crate::handoff::sender::Sender;
use crate::hooks::events::facts::is_busy;
use crate::host::{knowledge, read};
use crate::peers::facts::committing;
use crate::run::Lock;
use crate::ui::Ui;

/// The word after `gsync hook` that starts a worker.
pub const NAME: &str = "background-draft";

/// How often it is written anew when somebody saves it in the very same moment.
const TRIES: usize = 5;
/// How long a worker waits for a command that is at work here.
const PATIENCE: Duration = Duration::from_mins(2);

/// After a commit: one look for a file and, where `[handoff] when` is set and there is no
/// draft yet, one at the paths of the commit.
pub fn committed(ui: &Ui, git: &Git, config: &Config) {
    // In this order: most have no draft and hand nothing over, and a commit is not to be felt.
    let there = read::exists(&notes::draft_path(git));
    if !there && config.handoff.when.is_empty() || is_busy(git) {
        return;
    }
    let wanted = there
        || begins(git, config).unwrap_or_else(|err| {
            ui.detail(&format!("whether this is to be handed over is not known: {err:#}"));
            false
        });
    if wanted {
        later(ui, git);
    }
}

/// After something else that may have moved the branch: what others did begins no draft.
pub fn moved(ui: &Ui, git: &Git) {
    if read::exists(&notes::draft_path(git)) && !is_busy(git) {
        later(ui, git);
    }
}

/// After a command of ours, which fires no hook.
pub fn settle(ui: &Ui, git: &Git) {
    let bytes = notes::draft(git).ok().flatten();
    if let Some((_, handoff)) = story::drafted(bytes.as_deref())
        && git.resolve_commit("HEAD").is_ok_and(|head| head.is_some_and(|id| id != handoff.head))
    {
        moved(ui, git);
    }
}

fn begins(git: &Git, config: &Config) -> Result<bool> {
    let mut paths = committing(git, true)?;
    let dir = format!("{}/", config.handoff.dir.trim_matches('/'));
    paths.retain(|path| !path.as_bytes().starts_with(dir.as_bytes()));
    Ok(!touching(&config.handoff.when, &paths).is_empty())
}

fn later(ui: &Ui, git: &Git) {
    let begun = knowledge::leave(&again(git)).and_then(|()| background::detach(git, &[NAME]));
    if let Err(err) = begun {
        ui.detail(&format!("the draft of the handoff is not current: {err:#}"));
    }
}

/// A note that there is something to write.
fn again(git: &Git) -> PathBuf {
    notes::dir(git).join("outdated")
}

fn lock(git: &Git) -> PathBuf {
    notes::dir(git).join("draft.lock")
}

/// The worker. There is nobody to be told of anything; `gsync handoff draft` says what is wrong.
pub fn main() -> Exit {
    let _ = rustix::process::setsid();
    let Some(git) = git::at_hook() else { return Exit::Blind };
    let context = Context::at(git, Ui { quiet: true, ..Ui::default() });
    match one_at_a_time(&context) {
        Ok(()) => Exit::Done,
        Err(_) => Exit::Blind,
    }
}

/// The second of two leaves its note to the first, who looks again.
fn one_at_a_time(context: &Context) -> Result<()> {
    let (lock, again) = (lock(&context.git), again(&context.git));
    loop {
        let Some(held) = knowledge::only_one(&lock)? else { return Ok(()) };
        while knowledge::pick_up(&again) {
            write(context)?;
        }
        drop(held);
        if !read::exists(&again) {
            return Ok(());
        }
    }
}

fn write(context: &Context) -> Result<()> {
    let git = &context.git;
    for _ in 0..TRIES {
        let Some((told, text)) = renewed(context)? else { return Ok(()) };
        if told.draft.as_deref() == Some(text.as_bytes()) {
            return Ok(());
        }
        let _lock = Lock::take(&git.gsync_dir(), NAME, PATIENCE)?;
        if notes::draft(git)? == told.draft {
            if told.draft.is_none() {
                knowledge::leave(&unasked(git))?;
            }
            return knowledge::replace(&notes::draft_path(git), text.as_bytes());
        }
    }
    Ok(())
}

/// The draft as it would be now. Nothing: the one that is there is about another branch, or a
/// new one would be for whoever works here.
pub fn renewed(context: &Context) -> Result<Option<(Told, String)>> {
    let config = context.config()?;
    let told = story::tell(context, &config, None, &SaysArgs::default())?;
    let other = |branch: &str| branch != told.clone.branch.as_str();
    let keeps = match story::drafted(told.draft.as_deref()) {
        Some((document, handoff)) => other(&handoff.branch) && counts(&context.git, &document),
        None => told.story.to.is_some() && told.story.to == told.clone.role,
    };
    if keeps {
        return Ok(None);
    }
    let text = render::render(&told.story, told.own.as_deref())?.write();
    let text = crate::base::covered(&text).into_owned();
    Ok(Some((told, text)))
}

/// The mark of a draft that nobody asked for.
fn unasked(git: &Git) -> PathBuf {
    notes::dir(git).join("unasked")
}

/// Somebody asked for the draft.
pub fn asked(git: &Git) {
    knowledge::pick_up(&unasked(git));
}

/// Whether a draft is somebody's word that work will be handed over. One that a hook began is
/// not, until the sender wrote something into it.
pub fn counts(git: &Git, draft: &Document) -> bool {
    !read::exists(&unasked(git)) || Sender::read(&draft.body) != Sender::default()
}

/// Waits until nothing is left to be written: for those who take the place away afterwards.
pub fn wait(git: &Git, patience: Duration) -> Result<()> {
    let until = Instant::now() + patience;
    while Instant::now() < until {
        // In this order: who takes the note away has the lock.
        let none = !read::exists(&again(git));
        if none && (!read::exists(&lock(git)) || knowledge::only_one(&lock(git))?.is_some()) {
            break;
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
