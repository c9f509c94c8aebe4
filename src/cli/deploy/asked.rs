//! Requests of clones, on the server: let in if they are understood, taken off the list, and
//! answered by a worker of its own session, which a pusher who goes away does not stop.

use std::ffi::OsString;
use std::io::{Read, Write, stdin};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result};

use super::args::{DeployArgs, EnvsArgs, ReleaseArgs, RollbackArgs, Serving, SyncArgs, WhichApp};
use super::follow::Follow;
use super::receive::{home_of, worker_of};
use super::server::Server;
use crate::base::{CommitId, Exit, Problem, RefName, RefUpdate, plain};
use crate::cli::args::ActArgs;
use crate::deploy::facts;
use crate::deploy::request::{self, Ask, Request, Talk};
use crate::git::Git;
use crate::host::{clock, deploy_log};
use crate::run;
use crate::ui::Ui;

/// The word after `gsync hook` that starts a worker.
pub const NAME: &str = "ask-worker";

/// Whether a push carries a request.
pub fn is_asked(updates: &[RefUpdate]) -> bool {
    requests(updates).next().is_some()
}

/// What is asked for. A request that is taken away is none.
fn requests(updates: &[RefUpdate]) -> impl Iterator<Item = (&RefName, &CommitId)> {
    updates
        .iter()
        .filter(|update| update.name.as_str().starts_with(request::BELOW))
        .filter_map(|update| Some((&update.name, update.new.as_ref()?)))
}

/// Before a push is taken: a request comes alone, to an app, and is understood.
pub fn admit(git: &Git, updates: &[RefUpdate]) -> Result<()> {
    let Some((name, commit)) = requests(updates).next() else { return Ok(()) };
    if updates.len() > 1 {
        return Err(Problem::refuse("request", "a request travels alone")
            .because(format!("this push moves {} refs", updates.len()))
            .hint("push them one after the other")
            .into());
    }
    let Some(home) = home_of(git) else {
        return Err(Problem::refuse("no-app", "this is the repository of no app")
            .hint("put the right remote into .gsync.toml: `[[app]] remote`")
            .into());
    };
    let request = read(git, name, commit)?;
    let app = facts::settings(&home)?.name;
    if request.app != app {
        let why = format!("this is the app {app}, and {} was asked for", plain(&request.app));
        return Err(Problem::refuse("other-app", why)
            .hint("put the right remote into .gsync.toml: `[[app]] remote`")
            .into());
    }
    Ok(())
}

/// Refuses a push that was not taken. Whoever asked an app for something hears why in the words
/// of an answer: it is that of the server, and not that the server takes no requests.
pub fn refuse(git: &Git, updates: &[RefUpdate], err: anyhow::Error) -> Result<Exit> {
    let asked = requests(updates).next().filter(|_| home_of(git).is_some());
    let request = asked.and_then(|(name, commit)| read(git, name, commit).ok());
    let id = asked.and_then(|(name, _)| request::id(name));
    let (Some(request), Some(id)) = (request, id) else { return Err(err) };
    let ui = ui_for(&request);
    let mut follow = Follow::default();
    follow.say(&request::begun(id));
    if ui.is_for_programs() {
        ui.result(&request::mark(id));
    }
    let exit = ui.error(&err);
    follow.say(&request::end(id, exit.code()));
    Ok(Exit::Refused)
}

/// How somebody wants to be told.
fn ui_for(request: &Request) -> Ui {
    Ui {
        json: request.talk == Talk::Json,
        json_lines: request.talk == Talk::JsonLines,
        quiet: request.quiet,
        verbose: request.verbose,
        ..Ui::default()
    }
}

/// The request in a commit that was pushed: one small file, and nothing that it builds on.
fn read(git: &Git, name: &RefName, commit: &CommitId) -> Result<Request> {
    let odd = |why: &str| Problem::refuse("request", "this request is not understood").because(why);
    if request::id(name).is_none() {
        let why = format!("`{}` is no name of a request", plain(name.as_str()));
        return Err(odd(&why).into());
    }
    if git.ask(&["cat-file", "-t", commit.as_str()])?.as_deref() != Some("commit")
        || git.resolve_commit(&format!("{commit}^"))?.is_some()
    {
        return Err(odd("it is no commit that stands for itself").into());
    }
    // Nobody else judges what comes with it.
    if git.must(&["ls-tree", "--name-only", commit.as_str()])?.trim() != request::FILE {
        return Err(odd(&format!("it is not one {}", request::FILE)).into());
    }
    let file = format!("{commit}:{}", request::FILE);
    let size = git.ask(&["cat-file", "-s", &file])?.and_then(|size| size.parse::<usize>().ok());
    match size {
        None => Err(odd(&format!("it has no {}", request::FILE)).into()),
        Some(size) if size > request::LARGEST => {
            Err(odd(&format!("it has more than {} bytes", request::LARGEST)).into())
        }
        Some(_) => Ok(Request::decode(&git.must_bytes(&["cat-file", "blob", &file])?)?),
    }
}

/// After it was taken: the ref goes, the worker does it, and the pusher hears of it.
pub fn answer(ui: &Ui, git: &Git, home: &Path, updates: &[RefUpdate]) -> Result<Exit> {
    // Where pre-receive is not ours anybody can push anything.
    let judged = admit(git, updates);
    let mut first = None;
    for (name, commit) in requests(updates) {
        if judged.is_ok() {
            first = Some((name.clone(), read(git, name, commit)?));
        }
        run::taken(git, name, commit)?;
    }
    judged?;
    let Some((name, request)) = first else { return Ok(Exit::Done) };
    let id = request::id(&name).unwrap_or_default();
    let mut follow = Follow::default();
    follow.say(&request::begun(id));
    let (result, back) = deploy_log::passing()?;
    follow.read_file(back, request::mark(id));
    let talk = if request.ask.only_looks() {
        let (talk, back) = deploy_log::passing()?;
        follow.read_file(back, String::new());
        talk
    } else {
        let ticket = format!("{}-{}", clock::now().compact(), std::process::id());
        let (talk, path) = deploy_log::begin(&home.join("logs"), &ticket)?;
        follow.read(&path)?;
        talk
    };
    let mut worker = worker_of(home, NAME)?;
    worker.stdin(Stdio::piped()).stdout(result).stderr(talk);
    let mut child = worker.spawn().context("start the worker")?;
    let bytes = request.encode()?;
    child.stdin.take().context("a pipe")?.write_all(&bytes).context("tell the worker")?;
    // One that was killed did not come to an end, and the pusher is not told that it did.
    match follow.until_end(child)? {
        Some(exit) => follow.say(&request::end(id, exit)),
        None => ui.warn("what answered was killed; the next command here puts back what it left"),
    }
    Ok(Exit::Done)
}

/// The worker: `gsync hook ask-worker HOME`, with the request on its input.
pub fn main(words: &[OsString]) -> Exit {
    // Closing the terminal or Ctrl-C of the pusher does not reach it.
    let _ = rustix::process::setsid();
    let [home] = words else {
        return Ui::default().error(&Problem::usage("usage", "an app home").into());
    };
    let mut bytes = Vec::new();
    let heard = stdin().take(request::LARGEST as u64 + 1).read_to_end(&mut bytes);
    let request = heard.context("read the request").and_then(|_| Ok(Request::decode(&bytes)?));
    let request = match request {
        Ok(request) => request,
        Err(err) => return Ui::default().error(&err),
    };
    let ui = ui_for(&request);
    let command = format!("{} (asked for by a push)", request.words());
    let home = PathBuf::from(home);
    let who = facts::who_at(&home);
    let mut server = Server::asked(home, who, command, ui);
    server.streams = !ui.quiet;
    super::serve_here(&server, &serving(request)).unwrap_or_else(|err| ui.error(&err))
}

/// The same as if it had been typed here.
fn serving(request: Request) -> Serving {
    let act = ActArgs { dry_run: request.dry_run, only: request.only };
    let app = WhichApp { app: None };
    match request.ask {
        Ask::Envs { exit_code, reconcile } => {
            Serving::Envs(EnvsArgs { exit_code, reconcile, app, act })
        }
        Ask::Deploy { rev } => Serving::Deploy(DeployArgs { rev, app, act }),
        Ask::Release { to } => Serving::Release(ReleaseArgs { to, app, act }),
        Ask::Rollback { to } => Serving::Rollback(RollbackArgs { to, app, act }),
        Ask::Sync { cut } => Serving::Sync(SyncArgs { cut, app, act }),
        Ask::Cancel {} => Serving::Cancel(app),
    }
}
