//! Telling the others what is done here: after the code, never instead of it. Whatever goes
//! wrong here is not the business of the command it belongs to.

use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Context, background, settings};
use crate::base::{Exit, PeerId, Presence};
use crate::config::{Config, Publish, Share};
use crate::git::{self, Git};
use crate::guard;
use crate::host::{clock, env, knowledge, processes, read};
use crate::peers::entry::{self, Entry};
use crate::peers::facts::{self, Answer, Hub};
use crate::peers::memory::{Memory, Published};
use crate::peers::view::{Mine, View, anybody, view};
use crate::peers::{name, publish, warn};
use crate::run::{self, Sent, Shared, State};
use crate::ui::Ui;

/// The word after `gsync hook` that starts a worker.
pub(super) const NAME: &str = "background-presence";

/// How often it is tried when the ref moves in between.
const TRIES: usize = 3;
/// A push that takes longer is not waited for.
const PATIENCE: Duration = Duration::from_mins(10);

/// What is known once it was told.
struct Known {
    memory: Memory,
    entry: Entry,
}

/// Has the hub told by a process of its own: however slow it is, nobody waits for it. What is
/// to be told is noted before this returns, so that a worker that is at it already does it too.
pub(super) fn later(git: &Git, ui: &Ui, config: &Config, state: Option<Presence>) {
    if facts::hub(git, config).is_none() {
        return;
    }
    if let Some(state) = state {
        let mut told = facts::told(git);
        if told.state != state {
            told.state = state;
            facts::note_told(git, &told);
        }
    }
    let begun = knowledge::leave(&file(git, AGAIN)).and_then(|()| background::detach(git, &[NAME]));
    if let Err(err) = begun {
        ui.detail(&format!("the others cannot be told: {err:#}"));
    }
}

/// A note that there is something to tell.
const AGAIN: &str = ".again";

fn file(git: &Git, end: &str) -> PathBuf {
    git.gsync_dir().join(git.own_name("presence") + end)
}

/// Waits until nothing is left to be told: for those who take the place away afterwards.
pub(super) fn settle(git: &Git, patience: Duration) -> Result<()> {
    let until = Instant::now() + patience;
    while Instant::now() < until {
        // In this order: who takes the note away has the lock.
        let (lock, told) = (file(git, ".lock"), !read::exists(&file(git, AGAIN)));
        if told && (!read::exists(&lock) || knowledge::only_one(&lock)?.is_some()) {
            break;
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// The question what the others do, asked while something else is being done.
pub(super) struct Asking(Option<JoinHandle<Option<Memory>>>);

impl Asking {
    pub(super) fn begin(git: &Git, config: &Config) -> Self {
        let ask = |hub: Hub| {
            let git = git.clone();
            thread::spawn(move || match facts::ask(&git, &hub) {
                Ok(Answer::Memory(memory)) => Some(memory),
                _ => None,
            })
        };
        Self(facts::hub(git, config).map(ask))
    }

    /// The others beside our work. Nothing: there is nobody to ask, or the hub does not answer.
    pub(super) fn end(mut self, context: &Context, config: &Config) -> Option<View> {
        let memory = self.0.take()?.join().ok()??;
        let hub = facts::hub(&context.git, config)?;
        match super::peers::look(context, &hub, &memory, None) {
            Ok(view) => Some(view),
            Err(err) => {
                context.ui.detail(&format!("what others change cannot be told: {err:#}"));
                None
            }
        }
    }
}

impl Drop for Asking {
    /// Whoever asks has a place to clean up.
    fn drop(&mut self) {
        if let Some(asking) = self.0.take() {
            let _ = asking.join();
        }
    }
}

/// Two who tell at once would take the ref from each other: the second leaves a note, and the
/// first looks again.
fn one_at_a_time(git: &Git, hub: &Hub) -> Result<()> {
    let (lock, again) = (file(git, ".lock"), file(git, AGAIN));
    loop {
        let Some(held) = knowledge::only_one(&lock)? else { return Ok(()) };
        while knowledge::pick_up(&again) {
            tell_once(git, hub)?;
        }
        drop(held);
        if !read::exists(&again) {
            return Ok(());
        }
    }
}

fn tell_once(git: &Git, hub: &Hub) -> Result<()> {
    for _ in 0..TRIES {
        let Answer::Memory(memory) = facts::ask(git, hub)? else { return Ok(()) };
        let mut told = facts::told(git);
        let entry = facts::entry(git, hub, told.state)?;
        let refused = facts::refused(git, hub).is_some();
        let decided = publish::decide(&publish::Facts {
            entry: entry.clone(),
            memory: &memory,
            told: &told,
            now: clock::now(),
            ttl: hub.ttl,
        });
        let mut now = Known { memory, entry };
        let Some(publication) = decided.filter(|_| !refused) else {
            if let Some(last) = &told.last {
                now.entry.id = last.entry.id.clone();
            }
            if !refused {
                share(git, hub, &now)?;
            }
            return Ok(());
        };
        let name = publish::place(&publication);
        let bytes = publication.entry.bytes();
        let state = State {
            name: &name,
            file: entry::FILE,
            bytes: &bytes,
            time: publication.entry.time.0,
            expect: publication.expect.as_ref(),
        };
        now.entry = publication.entry;
        match run::publish(git, &hub.remote, &state, hub.deadline)? {
            Sent::Done(commit) => {
                facts::take_up(git, &now.memory, &commit, &now.entry);
                told.number = publication.number;
                // It may have been set while this was on its way.
                told.state = facts::told(git).state;
                let remote = hub.remote.clone();
                let last = Published { remote, commit, entry: now.entry.clone() };
                let before = told.last.replace(last);
                facts::note_told(git, &told);
                facts::note_accepted(git);
                if let Some(before) = before.filter(|before| before.remote == hub.remote) {
                    leave_name(git, hub, &now, &before.entry.id)?;
                }
                return share(git, hub, &now);
            }
            Sent::Refused(why) => {
                facts::note_refused(git, hub, &why);
                return Ok(());
            }
            Sent::TimedOut => return Ok(()),
            Sent::Moved => {}
        }
    }
    Ok(())
}

/// With another role a work tree has another name: what it said under the old one is taken away,
/// or it would be seen twice.
fn leave_name(git: &Git, hub: &Hub, now: &Known, old: &PeerId) -> Result<()> {
    if *old != now.entry.id && take_away(git, hub, &now.memory, old, &now.entry.clone)? {
        let mut memory = facts::remembered(git, &hub.remote).unwrap_or_default();
        memory.peers.retain(|known| known.id != *old);
        facts::note_memory(git, &memory);
    }
    Ok(())
}

/// Takes what this clone said under a name off the hub. False: it is not there, or not ours.
fn take_away(git: &Git, hub: &Hub, memory: &Memory, id: &PeerId, clone: &str) -> Result<bool> {
    let ours = |entry: &Entry| entry.clone == clone;
    let there = memory.find(id).filter(|known| known.entry.as_ref().is_some_and(ours));
    let Some(there) = there else { return Ok(false) };
    let content = memory.content(id).map(|content| (name::content_ref(id), &content.commit));
    let mut gone = true;
    for (name, stands) in std::iter::once((name::entry_ref(id), &there.commit)).chain(content) {
        let away = Shared { name: &name, work: None, expect: Some(stands) };
        let sent = run::share(git, &hub.remote, &away, hub.deadline)?;
        gone &= matches!(sent, Sent::Done(_));
    }
    Ok(gone)
}

/// Where gsync leaves a clone, the others are not to see it for a week: its entry is taken away.
/// If the hub does not answer, it is said how to do that later.
pub(super) fn leave(context: &Context) {
    let (git, ui) = (&context.git, &context.ui);
    let Some(config) = configured(git) else { return };
    let (Some(hub), Some(last)) = (facts::hub(git, &config), facts::told(git).last) else { return };
    let (id, remote) = (&last.entry.id, crate::base::plain(&hub.remote));
    let gone = settle(git, hub.deadline).and_then(|()| match facts::ask(git, &hub)? {
        Answer::Memory(memory) if memory.find(id).is_none() => Ok(None),
        Answer::Memory(memory) => Ok(Some(take_away(git, &hub, &memory, id, &last.entry.clone)?)),
        Answer::Silent(_) => Ok(Some(false)),
    });
    match gone {
        Ok(None) => {}
        Ok(Some(true)) => ui.say(&format!("{id} is off {remote}: the others see it no more")),
        _ => {
            ui.warn(&format!("{remote} still has the entry of {id}"));
            let words =
                [hub.remote.as_str(), name::entry_ref(id).as_str()].map(crate::base::shell_quote);
            ui.hint(&format!("take it away: `git push {} --delete {}`", words[0], words[1]));
        }
    }
}

/// At the end of a session of work.
pub(super) fn rest(git: &Git) {
    if let Some(config) = configured(git) {
        later(git, &Ui { quiet: true, ..Ui::default() }, &config, Some(Presence::Idle));
    }
}

/// Where the repository wants it, the work itself is put beside the entry, unless the guard
/// would not let all of it out; else what was put there before is taken away.
fn share(git: &Git, hub: &Hub, now: &Known) -> Result<()> {
    let there = now.memory.content(&now.entry.id).map(|content| &content.commit);
    let name = name::content_ref(&now.entry.id);
    let bench = git.bench()?;
    let work = match &now.entry.head {
        Some(head) if hub.share == Share::Content && may_go_out(git, hub, now)? => {
            Some(bench.work(head, now.entry.dirty.is_empty())?)
        }
        _ => None,
    };
    if work.as_ref() != there {
        let work = work.as_ref().map(|commit| (&bench, commit));
        run::share(git, &hub.remote, &Shared { name: &name, work, expect: there }, hub.deadline)?;
    }
    Ok(())
}

/// Whether all uncommitted work could be committed, and all commits pushed.
fn may_go_out(git: &Git, hub: &Hub, now: &Known) -> Result<bool> {
    let entry = &now.entry;
    if !entry.dirty.is_empty() {
        let dirt = git.dirt(None)?;
        if !guard::facts::these(git, &dirt.all)?.passes() {
            return Ok(false);
        }
    }
    let (Some(head), true) = (&entry.head, entry.ahead > 0) else { return Ok(true) };
    let verdict = match &entry.upstream {
        Some(upstream) => guard::facts::range(git, &format!("refs/remotes/{upstream}..{head}"))?,
        // A branch that follows nothing yet: all that no branch of the hub has.
        None => guard::facts::beyond(git, head, &hub.remote)?,
    };
    Ok(verdict.passes())
}

/// A push to the hub goes on as soon as the hook has let it pass: a process of its own waits
/// for its end and tells the others what is so then.
pub(super) fn after_push(git: &Git, remote: &str, url: &str) {
    if env::raw(git::OWN_PUSH).is_some() {
        return;
    }
    let Some(hub) = configured(git).and_then(|config| facts::hub(git, &config)) else { return };
    if hub.remote == remote || hub.address == url {
        let pusher = processes::above("git").unwrap_or(0).to_string();
        // Whoever cannot be told now is told by the next command.
        let _ = background::detach(git, &[NAME, &pusher]);
    }
}

/// After a commit: what meets, and where the repository wants that, the others are told.
pub(super) fn after_commit(ui: &Ui, git: &Git, config: &Config) {
    warn(ui, git, true);
    if config.peers.publish == Publish::Commit && !crate::hooks::events::facts::is_busy(git) {
        later(git, ui, config, None);
    }
}

/// The worker: waits for a process to end if there is one to wait for, then tells.
pub(super) fn main(pusher: Option<u32>) -> Exit {
    let _ = rustix::process::setsid();
    let until = Instant::now() + PATIENCE;
    while pusher.is_some_and(|pid| pid > 0 && processes::runs(pid)) && Instant::now() < until {
        thread::sleep(Duration::from_millis(15));
    }
    let Some(git) = git::at_hook() else { return Exit::Blind };
    let Some(config) = configured(&git) else { return Exit::Blind };
    let Some(hub) = facts::hub(&git, &config) else { return Exit::Done };
    // Whoever started it without a process to wait for has left a note already.
    let noted = match pusher {
        Some(_) => knowledge::leave(&file(&git, AGAIN)),
        None => Ok(()),
    };
    match noted.and_then(|()| one_at_a_time(&git, &hub)) {
        Ok(()) => Exit::Done,
        // Nobody is there to be told; the next command tries again.
        Err(_) => Exit::Blind,
    }
}

/// One line if a path that is committed is being changed by somebody else, as far as that is
/// remembered: the hub is not asked. What pre-commit said post-commit does not say again.
pub(super) fn warn(ui: &Ui, git: &Git, made: bool) {
    if env::raw(super::messages::BACKGROUND).is_some() || !facts::has_memory(git) {
        return;
    }
    if let Err(err) = try_warn(ui, git, made) {
        ui.detail(&format!("what others change cannot be told: {err:#}"));
    }
}

fn try_warn(ui: &Ui, git: &Git, made: bool) -> Result<()> {
    // Most are alone most of the time: then neither settings nor the repository are read.
    let own = facts::known_as(git);
    if facts::is_alone(git, &own) {
        return Ok(());
    }
    let Some(config) = configured(git) else { return Ok(()) };
    let Some(hub) = facts::hub(git, &config) else { return Ok(()) };
    let Some(memory) = facts::remembered(git, &hub.remote) else { return Ok(()) };
    let now = clock::now();
    if !anybody(&memory, &own, now, hub.ttl) {
        return Ok(());
    }
    let view = view(&memory, &Mine { id: Some(own), paths: Vec::new() }, now, hub.ttl);
    let line = warn::committing(&view, &facts::committing(git, made)?);
    if facts::say(git, line.as_deref(), made)
        && let Some(line) = line
    {
        ui.say(&line);
    }
    Ok(())
}

fn configured(git: &Git) -> Option<Config> {
    git.work_dir.as_ref()?;
    settings::of(git).ok()
}
