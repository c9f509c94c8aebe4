//! `gsync doctor`: asks, and changes nothing.

use anyhow::Result;
use serde_json::json;

use super::Context;
use crate::agents;
use crate::base::{Exit, plain};
use crate::config::Config;
use crate::deploy::facts::afar;
use crate::hooks::checks::{self, Check, State};
use crate::hooks::facts;
use crate::peers::facts as peers;

pub fn main(context: &Context) -> Result<Exit> {
    let config = context.config()?;
    let facts = facts::observe(&context.git)?;
    let mut probes = facts::probe(&context.git, &facts, &config)?;
    probes.unfinished = context.journal().unfinished()?.is_some();
    let mut list = checks::judge(&facts, &probes);
    list.extend(peers(context, &config));
    list.extend(agents(context)?);
    list.extend(apps(context, &config));
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
        let (state, message, hint) = match (&app.silent, app.live()) {
            (Some(why), _) => (
                State::Error,
                plain(why),
                format!("put [[app]] remote right, or `git remote add {} URL`", plain(&app.remote)),
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

/// The agents' files that `gsync install --agents` wrote here: they are tracked, and a merge or
/// a person may have changed what was ours in them.
fn agents(context: &Context) -> Result<Option<Check>> {
    let Some(seen) = agents::facts::observe(&context.git)? else { return Ok(None) };
    let Some(record) = &seen.record else { return Ok(None) };
    if record.agents.is_empty() {
        return Ok(None);
    }
    let change = agents::plan::install(&seen, &[]);
    let files = change.steps.iter().map(|step| plain(&step.to_string())).collect::<Vec<_>>();
    let check = "agents".to_owned();
    if files.is_empty() && change.notes.is_empty() {
        let message = format!("the files of {} are as they were installed", record.agents.len());
        return Ok(Some(Check { check, state: State::Ok, message, hint: String::new() }));
    }
    let message = match change.notes.first() {
        Some(note) if files.is_empty() => note.clone(),
        _ => "files for agents were changed since, or are gone".to_owned(),
    };
    let hint = "look first: `gsync install --agents --dry-run`".to_owned();
    Ok(Some(Check { check, state: State::Warning, message, hint }))
}
