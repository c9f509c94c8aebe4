//! The file of the hook that lets a push fail with its deploy. Once git was told to ask it, every
//! push to the app's branch needs it: where git looks for it, whether it is ours, and how it comes
//! and goes.

use std::path::PathBuf;

use anyhow::Result;

use super::receive::{PROC_REFS, asks_first, home_of};
use crate::base::{Edit, File, Hook, Problem, RefName, plain, shell_quote};
use crate::cli::Context;
use crate::deploy::facts;
use crate::git::Git;
use crate::hooks::checks::{Check, State};
use crate::hooks::{self, shim};
use crate::host::read;
use crate::plan::{Plan, Step};
use crate::run::How;

/// What stands where git looks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// As this gsync writes it.
    Ours,
    /// By another gsync, or one that git does not run.
    Odd,
    Foreign,
    Nothing,
}

struct Seen {
    path: PathBuf,
    stands: Stands,
    wanted: File,
}

/// Looks where `core.hooksPath` leads, as git does.
fn look(git: &Git) -> Result<Seen> {
    let hook = Hook::ProcReceive;
    let place = git.must(&["rev-parse", "--git-path", &format!("hooks/{hook}")])?;
    let path = git.dir().join(place);
    let all = hooks::facts::observe_anyway(git)?;
    let wanted = File::script(shim::shim(hook, &all.version, &all.binary));
    let stands = match read::file(&path)? {
        None => Stands::Nothing,
        Some(file) if file == wanted => Stands::Ours,
        // One of ours that only leads on to somebody else's.
        Some(_) if all.foreign.iter().any(|name| name == hook.name()) => Stands::Foreign,
        Some(file) => match shim::marker(&file.bytes.0) {
            Some(marker) if marker.hook == hook.name() => Stands::Odd,
            _ => Stands::Foreign,
        },
    };
    Ok(Seen { path, stands, wanted })
}

/// Refuses where somebody else decides already: there is one such hook, and it is theirs.
pub fn is_free(git: &Git) -> Result<()> {
    Ok(free(&look(git)?)?)
}

fn free(seen: &Seen) -> Result<(), Problem> {
    if seen.stands != Stands::Foreign {
        return Ok(());
    }
    let at = plain(&seen.path.to_string_lossy());
    let to = shell_quote(&format!("{at}.before"));
    Err(Problem::refuse("foreign-hook", format!("{at} is another hook than gsync's"))
        .because("git asks one proc-receive hook alone, and an app needs it")
        .hint(format!("move it away, then say it again: `mv {} {to}`", shell_quote(&at))))
}

/// What puts it in.
pub fn plan(git: &Git) -> Result<Plan> {
    let seen = look(git)?;
    free(&seen)?;
    let Seen { path, stands, wanted } = seen;
    let mut plan = Plan::new("let git ask before an app's branch moves");
    if stands == Stands::Ours {
        return Ok(plan);
    }
    if let Some(dir) = path.parent().filter(|dir| !dir.is_dir()) {
        plan = plan.then(Step::MakeDir { dir: dir.to_owned() });
    }
    Ok(plan.then(Step::Write { path, file: Some(wanted) }))
}

/// Puts it in again where the other hooks were put in anew, maybe in another folder than before.
pub fn again(context: &Context) -> Result<()> {
    let lacks = |seen: &Seen| matches!(seen.stands, Stands::Nothing | Stands::Odd);
    if home_of(&context.git).is_some() && lacks(&look(&context.git)?) {
        context.carry_out(&How::default(), || plan(&context.git))?;
    }
    Ok(())
}

/// What takes it out, and first the setting that makes git ask for it; nothing where there is no
/// app.
pub fn out(git: &Git) -> Result<Vec<Step>> {
    let Some(home) = home_of(git) else { return Ok(Vec::new()) };
    let mut steps = Vec::new();
    let values = git.ask(&["config", "--local", "--get-all", PROC_REFS])?.unwrap_or_default();
    // Where the settings cannot be read it is not known which of several is ours.
    let ours = facts::settings(&home).ok().map(|app| format!("refs/heads/{}", app.branch));
    let others: Vec<&str> = values.lines().filter(|line| Some(*line) != ours.as_deref()).collect();
    if others.len() < values.lines().count() {
        let edit = match others.as_slice() {
            [] => Some(Edit::unset(PROC_REFS)),
            [one] => Some(Edit::set(PROC_REFS, *one)),
            // Several are never written: without ours git lets everything through that is not theirs.
            _ => None,
        };
        let file = git.common_dir.join("config");
        steps.extend(edit.map(|edit| Step::Config { file, edits: vec![edit] }));
    }
    let seen = look(git)?;
    if matches!(seen.stands, Stands::Ours | Stands::Odd) {
        steps.push(Step::Write { path: seen.path, file: None });
    }
    Ok(steps)
}

/// What the doctor says of it; nothing if git does not ask, or all is well.
pub fn check(git: &Git, branch: &RefName, again: &str) -> Result<Option<Check>> {
    if !asks_first(git, branch)? {
        return Ok(None);
    }
    let seen = look(git)?;
    let (at, to) = (plain(&seen.path.to_string_lossy()), plain(branch.short()));
    let (state, message, hint) = match seen.stands {
        Stands::Ours => return Ok(None),
        Stands::Nothing => {
            let why = format!("there is no {at}: every push to {to} fails");
            (State::Error, why, format!("put it there: {again}"))
        }
        Stands::Odd => {
            let why = format!("{at} is not as this gsync writes it");
            (State::Warning, why, format!("write it anew: {again}"))
        }
        Stands::Foreign => {
            let why = format!("{at} is another hook than gsync's: pushes to {to} deploy nothing");
            (State::Error, why, format!("move it away, then {again}"))
        }
    };
    Ok(Some(Check { check: Hook::ProcReceive.name().to_owned(), state, message, hint }))
}
