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
use crate::handoff::seal::{is_unasked, is_untouched, sealed};
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
/// How long it waits for the end of a rebase that is all but done.
const MIDDLE: Duration = Duration::from_secs(5);
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

/// When a rebase is done: git says so while it still is under way, and the worker waits for that.
pub fn rebased(ui: &Ui, git: &Git) {
    if read::exists(&notes::draft_path(git)) {
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
    paths.retain(|path| !config.handoff.has(path));
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
            let until = Instant::now() + MIDDLE;
            while is_busy(&context.git) && Instant::now() < until {
                thread::sleep(Duration::from_millis(20));
            }
            // Its end is told again.
            if !is_busy(&context.git) {
                write(context)?;
            }
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
            return knowledge::replace(&notes::draft_path(git), text.as_bytes());
        }
    }
    Ok(())
}

/// The draft as it would be now. Nothing: the one that is there is about another branch, somebody
/// wrote into what is gsync's, or a new one would be for whoever works here.
pub fn renewed(context: &Context) -> Result<Option<(Told, String)>> {
    let config = context.config()?;
    let told = story::tell(context, &config, None, &SaysArgs::default())?;
    let other = |branch: &str| branch != told.clone.branch.as_str();
    let (keeps, unasked) = match story::drafted(told.draft.as_deref()) {
        Some((document, handoff)) => {
            let theirs = other(&handoff.branch) && counts(&document);
            (theirs || !is_untouched(&document), is_unasked(&document))
        }
        // One that cannot be read is somebody's too.
        None if told.draft.is_some() => (true, false),
        None => (told.story.to.is_some() && told.story.to == told.clone.role, true),
    };
    if keeps {
        return Ok(None);
    }
    let text = sealed(&render::render(&told.story, told.own.as_deref())?, unasked);
    Ok(Some((told, text)))
}

/// Whether a draft is somebody's word that work will be handed over. One that a hook began is
/// not, until the sender wrote something into it.
pub fn counts(draft: &Document) -> bool {
    !is_unasked(draft) || Sender::read(&draft.body) != Sender::default()
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
