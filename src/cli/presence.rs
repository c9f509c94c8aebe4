//! Telling the others what is done here: after the code, never instead of it. Whatever goes
//! wrong here is not the business of the command it belongs to.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::background;
use crate::base::{Exit, Presence, RepoPath};
use crate::config::{self, Config, Publish, Share};
use crate::git::{self, Git};
use crate::guard;
use crate::host::{clock, env, knowledge, processes, read};
use crate::peers::entry::{self, Entry};
use crate::peers::facts::{self, Answer, Hub};
use crate::peers::memory::{Memory, Published};
use crate::peers::view::{Mine, View, view};
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
pub(super) struct Known {
    pub memory: Memory,
    pub entry: Entry,
    pub ttl: i64,
}

impl Known {
    /// The others, with what meets our work.
    pub(super) fn view(&self) -> View {
        let paths: Vec<RepoPath> =
            self.entry.dirty.iter().chain(&self.entry.unpushed).cloned().collect();
        let mine = Mine { id: Some(self.entry.id.clone()), paths };
        view(&self.memory, &mine, clock::now(), self.ttl)
    }
}

/// Tells the hub, now. Nothing: there is nobody to tell, or the hub does not answer.
pub(super) fn tell(git: &Git, ui: &Ui, config: &Config, state: Option<Presence>) -> Option<Known> {
    let hub = facts::hub(git, config)?;
    match one_at_a_time(git, &hub, state) {
        Ok(known) => known,
        Err(err) => {
            ui.detail(&format!("the others could not be told: {err:#}"));
            None
        }
    }
}

/// Two who tell at once would take the ref from each other: the second leaves a note, and the
/// first looks again.
fn one_at_a_time(git: &Git, hub: &Hub, state: Option<Presence>) -> Result<Option<Known>> {
    if let Some(state) = state {
        let mut told = facts::told(git);
        if told.state != state {
            told.state = state;
            facts::note_told(git, &told);
        }
    }
    let file = |end: &str| -> PathBuf { git.gsync_dir().join(git.own_name("presence") + end) };
    let (lock, again) = (file(".lock"), file(".again"));
    knowledge::leave(&again)?;
    let mut known = None;
    loop {
        let Some(held) = knowledge::only_one(&lock)? else { return Ok(known) };
        while knowledge::pick_up(&again) {
            known = tell_once(git, hub)?;
        }
        drop(held);
        if !read::exists(&again) {
            return Ok(known);
        }
    }
}

fn tell_once(git: &Git, hub: &Hub) -> Result<Option<Known>> {
    let mut known = None;
    for _ in 0..TRIES {
        let Answer::Memory(memory) = facts::ask(git, hub)? else { return Ok(known) };
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
        let mut now = Known { memory, entry, ttl: hub.ttl };
        let Some(publication) = decided.filter(|_| !refused) else {
            if let Some(last) = &told.last {
                now.entry.id = last.entry.id.clone();
            }
            if !refused {
                share(git, hub, &now)?;
            }
            return Ok(Some(now));
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
                let remote = hub.remote.clone();
                told.last = Some(Published { remote, commit, entry: now.entry.clone() });
                facts::note_told(git, &told);
                facts::note_accepted(git);
                share(git, hub, &now)?;
                return Ok(Some(now));
            }
            Sent::Refused(why) => {
                facts::note_refused(git, hub, &why);
                return Ok(Some(now));
            }
            Sent::TimedOut => return Ok(Some(now)),
            Sent::Moved => known = Some(now),
        }
    }
    Ok(known)
}

/// Where the repository wants it, the work itself is put beside the entry, unless the guard
/// would not let all of it out; else what was put there before is taken away.
fn share(git: &Git, hub: &Hub, now: &Known) -> Result<()> {
    let there = now.memory.content(&now.entry.id).map(|content| &content.commit);
    let name = name::content_ref(&now.entry.id);
    let bench = git.bench()?;
    let work = match &now.entry.head {
        Some(head) if hub.share == Share::Content && may_go_out(git, now)? => {
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
fn may_go_out(git: &Git, now: &Known) -> Result<bool> {
    let entry = &now.entry;
    if !entry.dirty.is_empty() {
        let dirt = git.dirt(None)?;
        if !guard::facts::these(git, &dirt.all)?.passes() {
            return Ok(false);
        }
    }
    let (Some(head), true) = (&entry.head, entry.ahead > 0) else { return Ok(true) };
    let Some(upstream) = &entry.upstream else { return Ok(false) };
    let range = format!("refs/remotes/{upstream}..{head}");
    Ok(guard::facts::range(git, &range)?.passes())
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
pub(super) fn after_commit(ui: &Ui, git: &Git) {
    warn(ui, git, true);
    if let Some(config) = configured(git)
        && config.peers.publish == Publish::Commit
        && !crate::hooks::events::facts::is_busy(git)
        && facts::hub(git, &config).is_some()
    {
        let _ = background::detach(git, &[NAME, "0"]);
    }
}

/// A session of an agent ends: nobody works here now. A process of its own tells that, since
/// the agent waits for no hub when it ends.
pub(super) fn end(git: &Git) {
    if configured(git).and_then(|config| facts::hub(git, &config)).is_none() {
        return;
    }
    let mut told = facts::told(git);
    if told.state != Presence::Idle {
        told.state = Presence::Idle;
        facts::note_told(git, &told);
    }
    let _ = background::detach(git, &[NAME, "0"]);
}

/// The worker: waits for a process to end, then tells.
pub(super) fn main(pusher: Option<u32>) -> Exit {
    let _ = rustix::process::setsid();
    let until = Instant::now() + PATIENCE;
    while pusher.is_some_and(|pid| pid > 0 && processes::runs(pid)) && Instant::now() < until {
        thread::sleep(Duration::from_millis(15));
    }
    let Some(git) = git::at_hook() else { return Exit::Blind };
    let Some(config) = configured(&git) else { return Exit::Blind };
    let quiet = Ui { quiet: true, ..Ui::default() };
    tell(&git, &quiet, &config, None);
    Exit::Done
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
    let Some(config) = configured(git) else { return Ok(()) };
    let Some(hub) = facts::hub(git, &config) else { return Ok(()) };
    let Some(memory) = facts::remembered(git, &hub.remote) else { return Ok(()) };
    let mine = Mine { id: Some(facts::known_as(git)), paths: Vec::new() };
    let view = view(&memory, &mine, clock::now(), hub.ttl);
    if !warn::anybody(&view) {
        return Ok(());
    }
    let line = warn::committing(&view, &facts::committing(git, made)?);
    if facts::say(git, line.as_deref(), made)
        && let Some(line) = line
    {
        ui.say(&line);
    }
    Ok(())
}

fn configured(git: &Git) -> Option<Config> {
    let dir = git.work_dir.as_ref()?;
    match read::file(&dir.join(config::FILE)).ok()? {
        Some(file) => config::parse(config::FILE, &file.bytes.0).ok(),
        None => Some(Config::default()),
    }
}
