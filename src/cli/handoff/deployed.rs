//! Marks on the hub the handoffs whose work a server runs by now, from a clone: where the app's
//! repository is not the hub, the server cannot reach it, and the clone that asked for the deploy
//! is the first that knows.

use anyhow::Result;

use super::send::catch_up;
use crate::base::{Branch, CommitId, Exit, plain};
use crate::cli::Context;
use crate::config::Config;
use crate::handoff::deployed::{Deployed, plan};
use crate::handoff::facts;
use crate::handoff::facts::hub::Found;
use crate::host::clock;
use crate::run::How;

/// Marks them; what goes wrong here is said and fails nothing: the deploy is done.
pub fn deployed(context: &Context, config: &Config, app: &str, env: &str, commit: &CommitId) {
    if let Err(err) = mark(&context.aside(), config, app, env, commit) {
        context.ui.warn(&format!("the handoffs that this brings are not marked done: {err:#}"));
    }
}

fn mark(context: &Context, config: &Config, app: &str, env: &str, commit: &CommitId) -> Result<()> {
    let mut branches: Vec<(Branch, CommitId)> = Vec::new();
    for found in waiting(context, config, commit)? {
        let at = (found.branch, found.tip);
        if !branches.contains(&at) {
            branches.push(at);
        }
    }
    for (branch, on) in branches {
        let (_, ran) = context.carry_out(&How::default(), || {
            let found = waiting(context, config, commit)?;
            let found: Vec<Found> = found
                .into_iter()
                .filter(|found| found.branch == branch && found.tip == on)
                .collect();
            let deployed = Deployed {
                remote: Some(config.hub.remote.clone()),
                branch: branch.full(),
                on: on.clone(),
                env: env.to_owned(),
                commit: commit.clone(),
                by: format!("{}@{}", plain(app), plain(env)),
                now: clock::now(),
            };
            Ok(plan(&deployed, &found))
        })?;
        if ran.exit() == Exit::Done {
            catch_up(context, config, &branch)?;
        }
    }
    Ok(())
}

/// The open handoffs whose work is in a commit.
fn waiting(context: &Context, config: &Config, commit: &CommitId) -> Result<Vec<Found>> {
    let mut waiting = Vec::new();
    for found in facts::shelf(&context.git, config)?.found {
        if found.shown.is_open() && context.git.contains(&found.handoff.head, commit)? == Some(true)
        {
            waiting.push(found);
        }
    }
    Ok(waiting)
}
