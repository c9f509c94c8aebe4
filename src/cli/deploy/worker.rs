//! The worker that deploys what was pushed. It has a session of its own and writes to a log, so
//! that a pusher who goes away, or does not read, neither stops nor blocks it.
//!
//! Each push leaves what it wants in one note and starts a worker. The workers wait for the lock
//! of the app; one whose push is not the newest any more goes away at once.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::commands::after_deploy;
use super::server::Server;
use crate::base::{CommitId, Exit, Problem, RefName, plain};
use crate::deploy::{facts, standby};
use crate::git::Git;
use crate::host::{knowledge, read};
use crate::run::{How, Lock};
use crate::ui::Ui;

/// The word after `gsync hook` that starts a worker.
pub const NAME: &str = "deploy-worker";

/// A deploy that is wanted: the newest push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    pub ticket: String,
    pub commit: CommitId,
    pub by: String,
    /// The branch moves with the deploy, from here; nothing: it has moved already.
    #[serde(default)]
    pub branch: Option<(RefName, Option<CommitId>)>,
}

fn note(git: &Git) -> PathBuf {
    git.gsync_dir().join("wanted.json")
}

impl Wanted {
    /// Leaves the note; whoever waited before gives way.
    pub fn leave(&self, git: &Git) -> Result<()> {
        let bytes = serde_json::to_vec(self)?;
        knowledge::change(&note(git), |_| Ok(((), bytes)))
    }

    pub fn read(git: &Git) -> Result<Option<Self>> {
        let file = read::file(&note(git))?;
        Ok(file.and_then(|file| serde_json::from_slice(&file.bytes.0).ok()))
    }

    /// Takes the note away, whatever it says.
    pub fn take(git: &Git) -> Result<Option<Self>> {
        if Self::read(git)?.is_none() {
            return Ok(None);
        }
        knowledge::change(&note(git), |old| Ok((serde_json::from_slice(old).ok(), Vec::new())))
    }

    /// Takes the note away if it is still this one.
    fn done(git: &Git, ticket: &str) -> Result<()> {
        knowledge::change(&note(git), |old| {
            let now: Option<Self> = serde_json::from_slice(old).ok();
            let ours = now.is_some_and(|now| now.ticket == ticket);
            Ok(((), if ours { Vec::new() } else { old.to_vec() }))
        })
    }
}

/// The worker: `gsync hook deploy-worker HOME TICKET`.
pub fn main(words: &[OsString]) -> Exit {
    // Closing the terminal or Ctrl-C of the pusher does not reach it.
    let _ = rustix::process::setsid();
    let ui = Ui::default();
    let [home, ticket] = words else {
        return ui.error(&Problem::usage("usage", "an app home and a ticket").into());
    };
    match work(ui, home.into(), &ticket.to_string_lossy()) {
        Ok(exit) => exit,
        Err(err) => ui.error(&err),
    }
}

fn work(ui: Ui, home: PathBuf, ticket: &str) -> Result<Exit> {
    let git = facts::repository(&home);
    let mine = Wanted::read(&git)?.filter(|wanted| wanted.ticket == ticket);
    let Some(mine) = mine else { return Ok(given_way(&ui, &git)) };
    let mut server = Server::at(home, mine.by.clone(), ui);
    server.streams = true;
    let Some(lock) = wait(&server, ticket)? else { return Ok(given_way(&ui, &git)) };
    let ended = deploy(&server, lock, &mine);
    Wanted::done(&git, ticket)?;
    ended
}

/// The lock, or nothing if a newer push came.
fn wait(server: &Server, ticket: &str) -> Result<Option<Lock>> {
    let mut told = false;
    loop {
        let lock = server.lock(Duration::from_millis(if told { 200 } else { 0 }));
        let newest = Wanted::read(server.git())?.is_some_and(|wanted| wanted.ticket == ticket);
        if !newest {
            return Ok(None);
        }
        match lock {
            Ok(lock) => return Ok(Some(lock)),
            Err(err) if err.downcast_ref::<Problem>().is_some_and(|it| it.exit == Exit::Busy) => {
                if !told {
                    server.ui().say("something else is at work for this app: this deploy waits");
                    told = true;
                }
            }
            Err(err) => return Err(err),
        }
    }
}

fn given_way(ui: &Ui, git: &Git) -> Exit {
    match Wanted::read(git).ok().flatten() {
        Some(newer) => {
            let (id, by) = (newer.commit.short(), plain(&newer.by));
            ui.say(&format!("not deployed: {id} by {by} was pushed after it and takes its place"));
        }
        None => ui.say("not deployed: it was cancelled, or a newer push took its place"),
    }
    Exit::Refused
}

fn deploy(server: &Server, lock: Lock, wanted: &Wanted) -> Result<Exit> {
    let target = facts::target(server.git(), wanted.commit.as_str())?;
    let how = How::default();
    let plan = |seen: &crate::deploy::Facts| {
        let wish = standby::Wish {
            what: "deploy",
            target,
            again: false,
            reuse: false,
            cut: false,
            branch: branch(server.git(), wanted)?,
        };
        Ok(standby::plan(seen, &wish)?)
    };
    // A refusal comes first with its own words: they are what the pusher reads.
    let acted = server.act_under(Some(lock), &how, plan).map_err(|err| {
        match err.downcast::<Problem>() {
            Ok(problem) => problem.because("nothing was deployed").into(),
            Err(err) => err.context("nothing was deployed"),
        }
    })?;
    after_deploy(server, &acted);
    Ok(acted.ran.exit())
}

/// The branch that moves with the deploy, from where it is now: the deploy of another push may have
/// moved it while this one waited. What it brought must be in this one too, as git itself would
/// demand it of a push that comes now.
fn branch(git: &Git, wanted: &Wanted) -> Result<Option<(RefName, Option<CommitId>)>> {
    let Some((name, seen)) = &wanted.branch else { return Ok(None) };
    let now = git.resolve_ref(name)?;
    if now == *seen {
        return Ok(wanted.branch.clone());
    }
    let short = plain(name.short());
    match &now {
        // It is where it shall be.
        Some(now) if *now == wanted.commit => Ok(None),
        Some(now) if git.contains(now, &wanted.commit)? == Some(true) => {
            Ok(Some((name.clone(), Some(now.clone()))))
        }
        Some(now) => Err(Problem::refuse("moved", format!("{short} moved meanwhile: pull first"))
            .because(format!("it is at {} now, which is not in what was pushed", now.short()))
            .into()),
        None => Err(Problem::refuse("moved", format!("{short} was deleted meanwhile")).into()),
    }
}
