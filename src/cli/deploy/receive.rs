//! What a push to an app's repository does: a worker deploys it, and the hook only follows.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::asked;
use super::commands::allowed;
use super::follow::Follow;
use super::worker::{self, Wanted};
use crate::base::{CommitId, Exit, Problem, RefName, RefUpdate, plain, shell_quote};
use crate::config::app::{App, Receive};
use crate::deploy::{facts, request};
use crate::git::Git;
use crate::host::{clock, deploy_log, env, process};
use crate::peers::name as peers;
use crate::ui::Ui;

/// The app home that a repository belongs to.
pub fn home_of(git: &Git) -> Option<PathBuf> {
    let home = git.git_dir.parent()?;
    (git.git_dir.file_name()? == "repo.git" && facts::is_home(home)).then(|| home.to_owned())
}

/// What clones keep on a hub, which an app's repository may be too. All else below `refs/gsync/`
/// is the server's own.
const CLONES: [&str; 4] = [peers::ENTRIES, peers::CONTENTS, "refs/gsync/handoff/", request::BELOW];

/// Before a push: the record of what is LIVE, which is the audit log too, is moved by deeds alone.
/// And only who may deploy may move the app's branch, or the next deploy of somebody else would
/// bring what they pushed.
pub fn pre_receive(git: &Git, updates: &[RefUpdate]) -> Result<()> {
    let Some(home) = home_of(git) else { return Ok(()) };
    // Whoever reads the settings for a request says himself what is wrong with them.
    if asked::is_asked(updates) {
        return Ok(());
    }
    let own = |update: &&RefUpdate| {
        let name = update.name.as_str();
        name.starts_with("refs/gsync/") && !CLONES.iter().any(|below| name.starts_with(below))
    };
    if let Some(update) = updates.iter().find(own) {
        let name = plain(update.name.as_str());
        return Err(Problem::refuse("own-ref", format!("{name} is written by the server alone"))
            .because("it is the record of what was done here")
            .hint("push the other refs without it")
            .into());
    }
    let app = facts::settings(&home)?;
    let branch = RefName::new(format!("refs/heads/{}", app.branch));
    if !updates.iter().any(|update| update.name == branch) {
        return Ok(());
    }
    allowed(&facts::who_at(&home), "deploy", app.access.deploy.as_deref())?;
    if app.mode == Receive::ProcReceive && !asks_first(git, &branch)? {
        let why = "app.toml says proc-receive, and git on the server was not told";
        return Err(Problem::refuse("proc-receive", why)
            .because("the branch would move although its deploy may fail")
            .hint(format!("tell it on the server: {}", create_again(&home, &app)))
            .into());
    }
    Ok(())
}

/// The command that puts an app home in order.
pub(super) fn create_again(home: &Path, app: &App) -> String {
    let at = shell_quote(&plain(&home.to_string_lossy()));
    format!("`gsync app create {} --dir {at}`", plain(&app.name))
}

/// The setting that names the refs about which git asks its hook.
pub(super) const PROC_REFS: &str = "receive.procReceiveRefs";

/// Whether git lets us decide about the app's branch, among others maybe.
pub(super) fn asks_first(git: &Git, branch: &RefName) -> Result<bool> {
    let values = git.ask(&["config", "--get-all", PROC_REFS])?.unwrap_or_default();
    let covers = |value: &str| {
        // Some name kinds of pushes too: `ad:refs/for`.
        let (kinds, below) = value.split_once(':').unwrap_or(("adm", value));
        let all = ['a', 'd', 'm'].iter().all(|kind| kinds.contains(*kind)) && !kinds.contains('!');
        let rest = branch.as_str().strip_prefix(below.trim_end_matches('/'));
        all && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    Ok(values.lines().any(covers))
}

/// After a push: what was pushed to the app's branch goes to STANDBY.
pub fn post_receive(ui: &Ui, git: &Git, updates: &[RefUpdate]) -> Result<Exit> {
    let Some(home) = home_of(git) else { return Ok(Exit::Done) };
    if asked::is_asked(updates) {
        return asked::answer(ui, git, &home, updates);
    }
    let app = facts::settings(&home)?;
    let branch = RefName::new(format!("refs/heads/{}", app.branch));
    others(ui, &branch, updates);
    let Some(update) = updates.iter().find(|update| update.name == branch) else {
        return Ok(Exit::Done);
    };
    if app.mode == Receive::ProcReceive {
        if asks_first(git, &branch)? {
            // The deploy moved it.
            return Ok(Exit::Done);
        }
        // Somebody else's pre-receive let it through.
        ui.warn("app.toml says proc-receive, and git was not told: a failed deploy fails no push");
        ui.hint(&format!("tell it on the server: {}", create_again(&home, &app)));
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
        // What gsync keeps for itself is nobody's release.
        .filter(|update| !update.name.as_str().starts_with("refs/gsync/"))
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
    let mut worker = worker_of(home, worker::NAME)?;
    worker.arg(&ticket);
    worker.stdin(Stdio::null()).stdout(log.try_clone().context("a log")?).stderr(log);
    let child = worker.spawn().context("start the worker of the deploy")?;
    let mut follow = Follow::default();
    follow.read(&path)?;
    Ok(Ended { exit: follow.until_end(child)?.unwrap_or(u8::MAX), log: path })
}

/// gsync as a worker for an app home: what it is to do comes behind it.
pub(super) fn worker_of(home: &Path, name: &str) -> Result<Command> {
    let mut worker = process::command(env::binary().context("find gsync itself")?);
    worker.args(["hook", name]).arg(home).current_dir(home);
    // A hook is told of one push; the worker outlives it.
    for name in env::GIT_LOCAL {
        worker.env_remove(name);
    }
    for name in ["GIT_REFLOG_ACTION", "GIT_PUSH_OPTION_COUNT", "GIT_EXEC_PATH"] {
        worker.env_remove(name);
    }
    // The session in which it was said who this is may end before the worker does; and what it
    // said is judged here, once.
    for name in ["GL_USER", "REMOTE_USER", "SSH_USER_AUTH"] {
        worker.env_remove(name);
    }
    worker.env("GSYNC_USER", facts::who_at(home));
    Ok(worker)
}

pub fn log_name(path: &Path) -> String {
    plain(&path.to_string_lossy())
}
