//! `gsync hook NAME`: what git calls. The hook that was there before runs first, then gsync's
//! own part. A `pre-*` hook that cannot judge refuses; a `post-*` hook that cannot do its part
//! says so and lets pass.

mod after;
mod chain;

use std::ffi::OsString;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use super::{background, deploy, handoff, judge, messages, presence};
use crate::base::{Exit, Hook, Problem, nearest, plain};
use crate::git::{self, Git};
use crate::hooks::events::Call;
use crate::host::env;
use crate::ui::Ui;

pub use after::{catch_up, settle};

/// Runs a hook. `words` are its name and what git called it with.
pub fn main(words: &[OsString]) -> ExitCode {
    let ui = Ui::default();
    let name = words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    if name == background::NAME {
        let hub = words.get(1).map(|word| word.to_string_lossy().into_owned());
        return background::main(&hub.unwrap_or_default()).into();
    }
    if name == deploy::worker::NAME {
        return deploy::worker::main(&words[1..]).into();
    }
    if name == deploy::asked::NAME {
        return deploy::asked::main(&words[1..]).into();
    }
    if name == crate::run::serve::BECOME {
        let Err(err) = crate::run::serve::become_process(&words[1..]) else {
            return ExitCode::SUCCESS;
        };
        return ui.error(&err).into();
    }
    if name == presence::NAME {
        return presence::main(words.get(1).and_then(|word| word.to_str()?.parse().ok())).into();
    }
    if name == handoff::draft::NAME {
        return handoff::draft::main().into();
    }
    let Some(hook) = Hook::parse(&name) else {
        return ui.error(&unknown(&name).into()).into();
    };
    let args = &words[1..];
    match run(&ui, hook, args) {
        Ok(code) => code,
        Err(err) if hook.can_refuse() => {
            // git stops at any code; what could not be judged is refused.
            let exit = ui.error(&err);
            if exit == Exit::Usage { exit.into() } else { Exit::Refused.into() }
        }
        Err(err) => {
            ui.warn(&format!("{hook}: {err:#}"));
            ExitCode::SUCCESS
        }
    }
}

fn unknown(name: &str) -> Problem {
    let known = Hook::CLIENT.into_iter().chain(Hook::SERVER).map(Hook::name);
    let problem = Problem::usage("usage", format!("gsync answers no hook `{}`", plain(name)));
    match nearest(name, known) {
        Some(near) => problem.hint(format!("say `gsync hook {near}` if that is what you mean")),
        None => problem,
    }
}

fn run(ui: &Ui, hook: Hook, args: &[OsString]) -> Result<ExitCode> {
    let server = Hook::SERVER.contains(&hook);
    let probed = env::raw("GSYNC_PROBE").is_some();
    if probed && !server {
        return Ok(answer(ui, hook));
    }
    if hook == Hook::ProcReceive {
        let git = git::at_hook().context("find the repository of this hook")?;
        return deploy::converse::main(ui, &git).map(Into::into);
    }
    // All of it before anything else: git waits for nobody who does not read.
    let mut stdin = Vec::new();
    if hook.reads_stdin() {
        std::io::stdin().read_to_end(&mut stdin).context("read what git says")?;
    }
    // A pusher may share our environment; what is pushed is judged whatever stands there.
    if probed && stdin.is_empty() {
        return Ok(answer(ui, hook));
    }
    if chain::is_inside(hook) {
        return Ok(ExitCode::SUCCESS);
    }
    let git = match git::at_hook() {
        Some(git) => git,
        None => git::discover(Path::new("."))?,
    };
    let mut code = 0;
    if let Some(path) = chain::find(&git, hook)? {
        code = chain::run(hook, &path, args, &stdin)?;
        if code != 0 && hook.can_refuse() {
            let whose = plain(&path.display().to_string());
            ui.warn(&format!(
                "{hook}: refused by {whose} (exit {code}), which was here before gsync"
            ));
            return Ok(code.into());
        }
    }
    if !server && env::raw("GSYNC_SKIP").is_some_and(|value| value != "0") {
        // One line a command of git: a commit has said it before it was made.
        if hook != Hook::PostCommit {
            ui.say("gsync: skipped by GSYNC_SKIP; the server judges again");
        }
        return Ok(code.into());
    }
    match own_part(ui, &git, hook, args, &stdin) {
        Ok(exit) if exit != Exit::Done => Ok(exit.into()),
        Ok(_) => Ok(code.into()),
        Err(err) if hook.can_refuse() => Err(err),
        Err(err) => {
            ui.warn(&format!("{hook}: {err:#}"));
            Ok(code.into())
        }
    }
}

/// What `gsync doctor` hears if a hook fires.
fn answer(ui: &Ui, hook: Hook) -> ExitCode {
    ui.result(&format!("gsync {} {hook}\n", env!("CARGO_PKG_VERSION")));
    ExitCode::SUCCESS
}

fn own_part(ui: &Ui, git: &Git, hook: Hook, args: &[OsString], stdin: &[u8]) -> Result<Exit> {
    if Hook::CLIENT.contains(&hook) {
        messages::show(git, ui);
    }
    match Call::parse(hook, args, stdin)? {
        Call::PreCommit => {
            after::look_back(ui, git);
            let verdict = judge::pre_commit(ui, git)?;
            if verdict == Exit::Done {
                presence::warn(ui, git, false);
            }
            Ok(verdict)
        }
        // Up to date, or behind and known to be: git itself says the rest.
        Call::PrePush { updates, .. } if updates.is_empty() => Ok(Exit::Done),
        Call::PrePush { remote, url, updates } => {
            after::look_back(ui, git);
            let verdict = judge::pre_push(ui, git, &remote, &url, &updates)?;
            if verdict == Exit::Done {
                presence::after_push(git, &remote, &url);
            }
            Ok(verdict)
        }
        Call::PreReceive { updates } => judge::pre_receive(ui, git, &updates),
        Call::PostCommit => {
            let config = after::commit(ui, git)?;
            presence::after_commit(ui, git, &config);
            Ok(Exit::Done)
        }
        Call::PostMerge { squash } => after::merge(ui, git, squash).map(|()| Exit::Done),
        Call::PostRewrite { how, .. } => after::rewrite(ui, git, &how).map(|()| Exit::Done),
        Call::PostCheckout { old, new, branch: true } => {
            after::checkout(ui, git, old, new).map(|()| Exit::Done)
        }
        Call::PostReceive { updates } => deploy::receive::post_receive(ui, git, &updates),
        Call::PostCheckout { .. } => Ok(Exit::Done),
    }
}
