//! What `gsync doctor` looks at in an app home: its settings, whether they are known to git, what
//! runs, and the configuration of the proxy.

use anyhow::Result;

use super::decider;
use super::receive::{asks_first, create_again, home_of};
use crate::base::{Problem, RefName, plain, shell_quote};
use crate::config::app::{self, App, Receive};
use crate::deploy::facts::Rest;
use crate::deploy::{Facts, drift, facts};
use crate::git::Git;
use crate::hooks::checks::{Check, State};
use crate::plan::serve::Keeper;

const LOOK: &str = "look at it: `gsync envs`";

/// The checks of the app that a repository belongs to.
pub fn of_home(git: &Git) -> Result<Vec<Check>> {
    let Some(home) = home_of(git) else { return Ok(Vec::new()) };
    let at = shell_quote(&plain(&home.to_string_lossy()));
    let app = match facts::settings(&home) {
        Ok(app) => app,
        Err(why) => {
            let hint = format!("put {} right in {at}", app::FILE);
            return Ok(vec![check(app::FILE, State::Error, said(&why), &hint)]);
        }
    };
    let name = plain(&app.name);
    let branch = RefName::new(format!("refs/heads/{}", app.branch));
    let again = create_again(&home, &app);
    let mut list = match app.mode == Receive::PostReceive || asks_first(git, &branch)? {
        true => vec![check(app::FILE, State::Ok, format!("it is the home of {name}"), "")],
        false => {
            let why = "it says proc-receive, and git was not told: pushes are refused";
            let hint = format!("tell it: {again}");
            vec![check(app::FILE, State::Error, why.to_owned(), &hint)]
        }
    };
    list.extend(decider::check(git, &branch, &again)?);
    match facts::at_home(git, &home, &facts::who_at(&home)) {
        Ok(seen) => {
            list.extend(running(&seen));
            list.extend(drifted(git, &seen)?);
        }
        Err(why) => {
            list.push(check(&format!("app {name}"), State::Unknown, said(&why), LOOK));
        }
    }
    list.extend(proxy(&app));
    Ok(list)
}

/// Whether what an app of this machine shall run runs: after a restart of the machine nobody else
/// may have started it. What was not looked at is not said to be well.
fn running(seen: &Facts) -> Vec<Check> {
    let envs = seen.envs.keys().filter(|env| seen.build(env).is_some());
    let judge = |env: &String| {
        let shown = plain(env);
        let rest = facts::rest(seen, env).unwrap_or_else(|why| Rest::Hidden(said(&why)));
        let (state, message, hint) = match rest {
            Rest::Unasked => return None,
            Rest::Runs => (State::Ok, format!("{shown} runs what it shall run"), ""),
            Rest::Sleeps => {
                let hint = match seen.keeper(env) {
                    Keeper::Systemd { .. } => LOOK,
                    _ => "start what does not run: `gsync app start`",
                };
                (State::Error, format!("{shown} shall run and does not"), hint)
            }
            Rest::Stranger(who) => {
                let who = plain(&who);
                (State::Error, format!("{shown} does not run what it shall run: {who}"), LOOK)
            }
            Rest::Hidden(why) => {
                let message = format!("it cannot be told whether {shown} runs: {}", plain(&why));
                (State::Unknown, message, LOOK)
            }
        };
        Some(check(&format!("app {}", plain(&seen.app.name)), state, message, hint))
    };
    envs.filter_map(judge).collect()
}

/// What of the record is not so, as far as this machine can tell.
fn drifted(git: &Git, seen: &Facts) -> Result<Option<Check>> {
    // Before the first release nobody wrote down whom a proxy leads to.
    if seen.app.link().is_none() && seen.sources.proxy.is_none() {
        return Ok(None);
    }
    let Some(why) = drift::drift(seen) else { return Ok(None) };
    let hints = drift::way_out(seen, &facts::found(git, seen)?);
    let hint = hints.into_iter().next().unwrap_or_default();
    Ok(Some(check(&format!("app {}", plain(&seen.app.name)), State::Error, why, &hint)))
}

/// What the configuration of the proxy lacks, where it runs on this machine.
fn proxy(app: &App) -> Vec<Check> {
    match facts::proxy_warnings(app) {
        None => Vec::new(),
        Some(Ok(lacks)) if lacks.is_empty() => {
            vec![check("haproxy", State::Ok, "nothing is missing in its configuration".into(), "")]
        }
        Some(Ok(lacks)) => {
            let hint = "put its configuration right, then reload haproxy";
            lacks.iter().map(|why| check("haproxy", State::Warning, plain(why), hint)).collect()
        }
        Some(Err(why)) => {
            let hint = "look at it: `gsync envs`, and whether haproxy runs";
            vec![check("haproxy", State::Unknown, said(&why), hint)]
        }
    }
}

fn check(name: &str, state: State, message: String, hint: &str) -> Check {
    Check { check: name.to_owned(), state, message, hint: hint.to_owned() }
}

fn said(why: &anyhow::Error) -> String {
    let because = why.downcast_ref::<Problem>().and_then(|problem| problem.because.first());
    match because {
        Some(because) => plain(&format!("{why:#}: {because}")),
        None => plain(&format!("{why:#}")),
    }
}
