//! `gsync doctor`: asks, and changes nothing.

use anyhow::Result;
use serde_json::json;

use super::settings::Valid;
use super::{Context, deploy, settings};
use crate::base::{Exit, plain};
use crate::config::Config;
use crate::deploy::facts::afar;
use crate::hooks::checks::{self, Check, State};
use crate::hooks::facts;
use crate::host::env;
use crate::peers::facts as peers;

pub fn main(context: &Context) -> Result<Exit> {
    let Valid { config, broken } = settings::valid(&context.git);
    let facts = facts::observe_anyway(&context.git)?;
    let mut probes = facts::probe(&context.git, &facts, &config)?;
    probes.unfinished = context.journal().unfinished()?.is_some();
    let mut list = checks::judge(&facts, &probes);
    list.extend(broken.map(|broken| Check {
        check: "settings".to_owned(),
        state: State::Error,
        message: broken.words(),
        hint: format!("put {} right and commit it", crate::config::FILE),
    }));
    list.extend(peers(context, &config));
    list.extend(agents(context)?);
    list.extend(apps(context, &config));
    list.extend(deploy::checks::of_home(&context.git)?);
    let well = checks::is_well(&list);
    if context.ui.is_for_programs() {
        context.ui.object(&json!({ "ok": well, "checks": list }));
    } else {
        let style = context.ui.style();
        let mut text = String::new();
        for check in &list {
            let state = match check.state {
                State::Ok => style.good("ok      "),
                State::Warning => style.warning("warning "),
                State::Error => style.error("error   "),
                State::Unknown => style.warning("unknown "),
            };
            text += &format!("{state} {}: {}\n", check.check, check.message);
            if !check.hint.is_empty() {
                text += &format!("         {} {}\n", style.hint("hint:"), check.hint);
            }
        }
        context.ui.result(&text);
    }
    Ok(if well { Exit::Done } else { Exit::Refused })
}

/// Whether the servers of the apps say what they run.
fn apps(context: &Context, config: &Config) -> Vec<Check> {
    let seen = afar::look(&context.git, &config.app, config.hub.timeout.0, true);
    let checks = seen.into_iter().map(|app| {
        let name = plain(&app.app);
        // Who never deploys needs no remote of the server.
        let url = context.git.config(&format!("remote.{}.url", app.remote));
        if matches!(url, Ok(None)) {
            return Check {
                check: format!("app {name}"),
                state: State::Ok,
                message: format!("it is not asked: {}", plain(&app.silent.unwrap_or_default())),
                hint: format!("to deploy from here: `git remote add {} URL`", plain(&app.remote)),
            };
        }
        let (state, message, hint) = match (&app.silent, app.live()) {
            (Some(why), _) => (
                State::Error,
                plain(why),
                format!("look where the remote {} leads: `git remote -v`", plain(&app.remote)),
            ),
            (None, Some(live)) => {
                (State::Ok, format!("{} is LIVE", plain(live.env)), String::new())
            }
            (None, None) => (State::Ok, "nothing is LIVE yet".to_owned(), String::new()),
        };
        Check { check: format!("app {name}"), state, message, hint }
    });
    checks.collect()
}

/// The files that `gsync install --agents` wrote.
fn agents(context: &Context) -> Result<Vec<Check>> {
    let Some(facts) = crate::agents::facts::observe(&context.git)? else { return Ok(Vec::new()) };
    let found = crate::agents::checks::judge(&facts, env::is_command("gsync"));
    let check = |one: crate::agents::checks::Finding| Check {
        check: "agents".to_owned(),
        state: if one.well { State::Ok } else { State::Warning },
        message: plain(&one.message),
        hint: one.hint,
    };
    Ok(found.into_iter().map(check).collect())
}

/// A hub that takes no entries of clones: work goes on, but nobody sees what this clone does.
fn peers(context: &Context, config: &Config) -> Option<Check> {
    let hub = peers::hub(&context.git, config)?;
    let refused = peers::refused(&context.git, &hub)?;
    let (remote, why) = (plain(&hub.remote), plain(&refused.why));
    Some(Check {
        check: "peers".to_owned(),
        state: State::Warning,
        message: format!("{remote} refuses refs/gsync/*, so others do not see this clone: {why}"),
        hint: "allow such refs on the hub, or set [peers] publish = \"off\"".to_owned(),
    })
}
