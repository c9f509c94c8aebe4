//! `gsync agent-hook`: what the hooks of coding agents run. Pull before work when a session
//! starts, ask for a push when it stops. Nothing here may break a session: what fails becomes
//! words, or nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;
use serde_json::Value;

use crate::agents::guard;
use crate::agents::hook::{Answer, Call, Touch, context};
use crate::agents::stop::{self, Asked, Left};
use crate::base::Exit;
use crate::config;
use crate::git::{self, Git};
use crate::guard::policy::Policy;
use crate::host::{env, knowledge, stdin};
use crate::ui::Ui;

/// An input that is longer than that is not read to its end.
const MOST: usize = 4 << 20;

/// How long the words of an agent are waited for. It has them ready when it calls; one that leaves
/// the pipe open without a word, or a person who types the command, is not waited for. The guard
/// waits longer: without them it lets everything pass.
fn patience(moment: Moment) -> Duration {
    match moment {
        Moment::End => Duration::from_millis(300),
        Moment::Start | Moment::Stop => Duration::from_secs(2),
        Moment::Guard => Duration::from_secs(10),
    }
}

/// What happens in the life of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Moment {
    /// A session begins: pull, and say what came in
    Start,
    /// The agent stops: ask for a push, once
    Stop,
    /// The session ends
    End,
    /// A tool is about to run
    Guard,
}

pub fn main(dir: &Path, moment: Moment, ui: &Ui) -> Exit {
    // Whatever cannot be read is treated as nothing. What comes behind the object is not ours.
    let input = stdin::object(MOST, patience(moment));
    let first = serde_json::Deserializer::from_slice(&input).into_iter::<Value>().next();
    let call = Call::read(&first.and_then(Result::ok).unwrap_or_default());
    let answer = answer(dir, moment, &call).unwrap_or_else(|err| {
        ui.detail(&format!("agent-hook: {err:#}"));
        Answer::Quiet
    });
    let said = answer.said(call.agent);
    ui.result(&said.out);
    if !said.err.is_empty() {
        ui.warn(said.err.trim_end());
    }
    // The agents' own number for no.
    if said.no { Exit::Usage } else { Exit::Done }
}

fn answer(dir: &Path, moment: Moment, call: &Call) -> Result<Answer> {
    if env::raw("GSYNC_SKIP").is_some() {
        return Ok(Answer::Quiet);
    }
    let dir = match &call.dir {
        Some(named) if Path::new(named).is_dir() => PathBuf::from(named),
        _ => dir.to_owned(),
    };
    // Outside of a repository there is nothing to say.
    let Ok(git) = git::find(&dir) else { return Ok(Answer::Quiet) };
    if git.work_dir.is_none() || is_off(&git, moment)? {
        return Ok(Answer::Quiet);
    }
    match moment {
        Moment::Start => start(&dir, &git, call),
        Moment::Stop => stop(&git, call),
        Moment::End => {
            super::presence::rest(&git);
            Ok(Answer::Quiet)
        }
        Moment::Guard => judge(&git, &dir, call),
    }
}

/// `git config gsync.agentStart off`, and the same for each of the others.
fn is_off(git: &Git, moment: Moment) -> Result<bool> {
    let key = match moment {
        Moment::Start => "gsync.agentStart",
        Moment::Stop => "gsync.agentStop",
        Moment::End => "gsync.agentEnd",
        Moment::Guard => "gsync.agentGuard",
    };
    let value = git.config(key)?.map(|value| value.to_ascii_lowercase());
    Ok(value.is_some_and(|value| ["off", "false", "no", "0"].contains(&value.as_str())))
}

fn start(dir: &Path, git: &Git, call: &Call) -> Result<Answer> {
    let has_hub = git.ask(&["remote"])?.is_some_and(|remotes| !remotes.is_empty());
    // Windsurf has no start of a session but every prompt.
    if !has_hub || (call.agent == crate::agents::Agent::Windsurf && !is_first(git, &call.session)?)
    {
        return Ok(Answer::Quiet);
    }
    let run = |words: &[&str]| -> Value {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        super::call(dir, &words, Box::new(|_| {})).object
    };
    // In the middle of a session nothing moves under the feet of the agent.
    let started = (call.source != "compact").then(|| run(&["start"]));
    Ok(Answer::Context(context(started.as_ref(), &run(&["status", "--no-fetch"]))))
}

/// Whether this conversation was not seen before; remembers it.
fn is_first(git: &Git, session: &str) -> Result<bool> {
    knowledge::change(&git.gsync_dir().join("agent-sessions"), |old| {
        let mut known: Vec<String> =
            String::from_utf8_lossy(old).lines().map(str::to_owned).collect();
        let session = crate::base::plain(session);
        let first = !known.contains(&session);
        if first {
            known.push(session);
            known.drain(..known.len().saturating_sub(50));
        }
        Ok((first, (known.join("\n") + "\n").into_bytes()))
    })
}

fn stop(git: &Git, call: &Call) -> Result<Answer> {
    if call.again || call.aborted || git.operation().is_some() {
        return Ok(Answer::Quiet);
    }
    let Some(left) = left(git)? else { return Ok(Answer::Quiet) };
    let path = git.gsync_dir().join("agent-stops");
    let words = knowledge::change(&path, |old| {
        let mut asked: Asked = serde_json::from_slice(old).unwrap_or_default();
        let words = stop::judge(&mut asked, &call.session, call.again, &left);
        Ok((words, serde_json::to_vec(&asked)?))
    })?;
    Ok(words.map_or(Answer::Quiet, Answer::GoOn))
}

/// What is not pushed: what no branch of any remote has, so that neither a missing upstream nor
/// an unset `origin/HEAD` hides or invents work. A detached HEAD is nobody's work.
fn left(git: &Git) -> Result<Option<Left>> {
    let Some(branch) = git.head_branch()? else { return Ok(None) };
    if git.ask(&["remote"])?.is_none_or(|remotes| remotes.is_empty()) {
        return Ok(None);
    }
    let tip = git.resolve_commit("HEAD")?;
    let count = git.ask(&["rev-list", "--count", "HEAD", "--not", "--remotes"])?;
    let commits = count.and_then(|count| count.trim().parse().ok()).unwrap_or(0);
    // Not asked for by default: many agents are told not to commit.
    let wants = git.config("gsync.agentStop")?.is_some_and(|value| value == "commit");
    let uncommitted = match wants {
        true => git.must(&["status", "--porcelain"])?.lines().count(),
        false => 0,
    };
    Ok(Some(Left {
        branch: crate::base::plain(branch.short()),
        tip: tip.filter(|_| commits > 0).map(|tip| tip.to_string()),
        commits,
        uncommitted,
    }))
}

fn judge(git: &Git, dir: &Path, call: &Call) -> Result<Answer> {
    let why = match &call.touch {
        Touch::Nothing => None,
        Touch::Shell(line) => guard::shell(line),
        Touch::Files(files) => {
            let mut found = None;
            for file in files {
                found = found.or(protected(git, dir, file)?);
            }
            found
        }
    };
    Ok(why.map_or(Answer::Quiet, |why| Answer::Deny(format!("gsync: {why}"))))
}

/// Why a file is not to be written: it is protected, and git would take it.
fn protected(git: &Git, dir: &Path, file: &str) -> Result<Option<String>> {
    let Some(root) = &git.work_dir else { return Ok(None) };
    let full = std::path::absolute(dir.join(file))?;
    let Ok(path) = full.strip_prefix(root) else { return Ok(None) };
    let Some(path) = path.to_str() else { return Ok(None) };
    let policy = Policy::new(config::FILE, super::settings::of(git)?, false);
    let Some(pattern) = policy.protected.matching(path.as_bytes()) else { return Ok(None) };
    if policy.allows("protected-file", Some(path.as_bytes()))
        || git.ask(&["check-ignore", "-q", "--", path])?.is_some()
    {
        return Ok(None);
    }
    Ok(Some(guard::file(&crate::base::plain(path), pattern)))
}
