//! `gsync envs`: both environments, and whether everybody agrees on which is LIVE.

use anyhow::Result;

use super::args::EnvsArgs;
use super::commands::may;
use super::server::Server;
use crate::base::Exit;
use crate::deploy::drift;
use crate::deploy::facts;
use crate::run::Lock;
use crate::ui::deploy as show;

pub fn main(server: &Server, args: &EnvsArgs) -> Result<Exit> {
    if args.reconcile {
        let app = facts::settings(&server.home)?;
        // It may move the traffic, and it says what is LIVE: both are what a release does.
        may(server, "release", app.access.release.as_deref())?;
        let how = args.act.how();
        // It takes what is so, also what putting back a killed run has just made so.
        let acted = server.act_as_seen(
            &how,
            |_, _| Ok(()),
            |seen| Ok(drift::reconcile(seen, &facts::found(server.git(), seen)?)?),
        )?;
        return Ok(server.end(&how, &acted, serde_json::Value::Null));
    }
    let seen = server.observe(true)?;
    let busy = Lock::holder(&server.git().gsync_dir())?;
    let drift = drift::drift(&seen);
    let ui = server.ui();
    match ui.is_for_programs() {
        true => ui.object(&show::envs_object(&seen, drift.as_deref(), busy.as_deref())),
        false => {
            let text = show::envs(&ui.style(), &seen, drift.as_deref(), busy.as_deref());
            ui.result(&text);
            if drift.is_some() {
                for hint in drift::way_out(&seen, &facts::found(server.git(), &seen)?) {
                    ui.hint(&hint);
                }
            }
        }
    }
    // What could not be looked at is not fine.
    if seen.envs.values().any(|env| env.unseen.is_some()) {
        return Ok(Exit::Blind);
    }
    Ok(if drift.is_some() && args.exit_code { Exit::Refused } else { Exit::Done })
}
