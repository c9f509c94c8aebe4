//! What a push to an app's repository does: a worker deploys it, and the hook only follows.

use std::fs::File;
use std::io::{Read, Write, stderr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, poll};

use super::commands::allowed;
use super::worker::{self, Wanted};
use crate::base::{CommitId, Exit, RefName, RefUpdate, plain, shell_quote};
use crate::config::app::Receive;
use crate::deploy::facts;
use crate::git::Git;
use crate::host::{clock, deploy_log, env, process};
use crate::ui::Ui;

/// How often the log is looked at.
const PAUSE: Duration = Duration::from_millis(10);
/// How long a pusher may not read before nothing more is said to them.
const DEAF: Duration = Duration::from_secs(10);

/// The app home that a repository belongs to.
pub fn home_of(git: &Git) -> Option<PathBuf> {
    let home = git.git_dir.parent()?;
    (git.git_dir.file_name()? == "repo.git" && facts::is_home(home)).then(|| home.to_owned())
}

/// Before a push to the app's branch: only who may deploy may move it, or the next deploy of
/// somebody else would bring what they pushed.
pub fn pre_receive(git: &Git, updates: &[RefUpdate]) -> Result<()> {
    let Some(home) = home_of(git) else { return Ok(()) };
    let app = facts::settings(&home)?;
    let branch = RefName::new(format!("refs/heads/{}", app.branch));
    if !updates.iter().any(|update| update.name == branch) {
        return Ok(());
    }
    allowed(&facts::who_at(&home), "deploy", app.access.deploy.as_deref())
}

/// After a push: what was pushed to the app's branch goes to STANDBY.
pub fn post_receive(ui: &Ui, git: &Git, updates: &[RefUpdate]) -> Result<Exit> {
    let Some(home) = home_of(git) else { return Ok(Exit::Done) };
    let app = facts::settings(&home)?;
    let branch = RefName::new(format!("refs/heads/{}", app.branch));
    others(ui, &branch, updates);
    let Some(update) = updates.iter().find(|update| update.name == branch) else {
        return Ok(Exit::Done);
    };
    if app.mode == Receive::ProcReceive {
        if git.config("receive.procReceiveRefs")?.as_deref() == Some(branch.as_str()) {
            // The deploy moved it.
            return Ok(Exit::Done);
        }
        let (name, on) = (&app.name, shell_quote(&plain(&home.to_string_lossy())));
        ui.warn("app.toml says proc-receive, and git was not told: a failed deploy fails no push");
        ui.hint(&format!("tell it on the server: `gsync app create {name} --dir {on}`"));
    }
    let Some(new) = &update.new else { return Ok(Exit::Done) };
    let ended = through_worker(git, &home, new, None)?;
    if ended.exit != 0 {
        ui.say(&format!("the push was taken; its log is {}", log_name(&ended.log)));
        if ended.exit != Exit::Refused.code() {
            let on = shell_quote(&plain(&home.to_string_lossy()));
            ui.hint(&format!("try the deploy again on the server: `gsync -C {on} deploy`"));
        }
    }
    Ok(Exit::Done)
}

/// What is not deployed, in one line, however much it is.
fn others(ui: &Ui, branch: &RefName, updates: &[RefUpdate]) {
    let said: Vec<String> = updates
        .iter()
        .filter(|update| update.name != *branch || update.new.is_none())
        .map(|update| match (&update.new, update.name.as_str().starts_with("refs/tags/")) {
            (None, _) => format!("the deletion of {}", plain(update.name.short())),
            (Some(_), true) => format!("tag {}", plain(update.name.short())),
            (Some(_), false) => plain(update.name.short()),
        })
        .collect();
    let line = match said.as_slice() {
        [] => return,
        [one] => format!("nothing is deployed for {one}"),
        [one, two] => format!("nothing is deployed for {one} and {two}"),
        [one, rest @ ..] => format!("nothing is deployed for {one} and {} others", rest.len()),
    };
    ui.say(&format!("{line}: only {} is", plain(branch.short())));
}

/// How a worker ended.
pub struct Ended {
    pub exit: u8,
    pub log: PathBuf,
}

/// Lets a worker deploy a commit, and says what it says as long as somebody listens.
pub fn through_worker(
    git: &Git,
    home: &Path,
    commit: &CommitId,
    branch: Option<(RefName, Option<CommitId>)>,
) -> Result<Ended> {
    let by = facts::who_at(home);
    allowed(&by, "deploy", facts::settings(home)?.access.deploy.as_deref())?;
    let ticket = format!("{}-{}", clock::now().compact(), std::process::id());
    let (log, path) = deploy_log::begin(&home.join("logs"), &ticket)?;
    let commit = git.resolve_commit(commit.as_str())?.context("what was pushed is no commit")?;
    Wanted { ticket: ticket.clone(), commit, by, branch }.leave(git)?;
    let mut worker = process::command(env::binary().context("find gsync itself")?);
    worker.args(["hook", worker::NAME]).arg(home).arg(&ticket).current_dir(home);
    // A hook is told of one push; the worker outlives it.
    for name in env::GIT_LOCAL {
        worker.env_remove(name);
    }
    for name in ["GIT_REFLOG_ACTION", "GIT_PUSH_OPTION_COUNT", "GIT_EXEC_PATH"] {
        worker.env_remove(name);
    }
    worker.stdin(Stdio::null()).stdout(log.try_clone().context("a log")?).stderr(log);
    let mut child = worker.spawn().context("start the worker of the deploy")?;
    let mut follow = Follow::new(&path)?;
    let status = loop {
        follow.more();
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(PAUSE);
    };
    follow.more();
    let exit = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(Ended { exit: exit.unwrap_or(u8::MAX), log: path })
}

pub fn log_name(path: &Path) -> String {
    plain(&path.to_string_lossy())
}

/// Reads a log as it grows, and hands it on without ever waiting for who reads it.
struct Follow {
    file: File,
    rest: Vec<u8>,
    deaf_since: Option<Instant>,
    gone: bool,
}

impl Follow {
    fn new(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("read {}", path.display()))?;
        Ok(Self { file, rest: Vec::new(), deaf_since: None, gone: false })
    }

    fn more(&mut self) {
        let mut some = [0; 1 << 14];
        while let Ok(read @ 1..) = self.file.read(&mut some) {
            if !self.gone {
                self.rest.extend_from_slice(&some[..read]);
            }
        }
        while !self.rest.is_empty() && !self.gone && self.pass() {}
    }

    /// Hands on a piece that the pipe takes for sure. False: nobody takes it now.
    fn pass(&mut self) -> bool {
        let err = stderr();
        let mut fds = [PollFd::new(&err, PollFlags::OUT)];
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        let ready = poll(&mut fds, Some(&now)).is_ok_and(|ready| ready > 0);
        if !ready {
            let since = *self.deaf_since.get_or_insert_with(Instant::now);
            self.gone = since.elapsed() > DEAF;
            return false;
        }
        self.deaf_since = None;
        // A pipe that takes anything takes this much at once.
        let piece = self.rest.len().min(4096);
        if err.lock().write_all(&self.rest[..piece]).is_err() {
            self.gone = true;
            return false;
        }
        self.rest.drain(..piece);
        true
    }
}
