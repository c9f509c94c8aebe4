//! `gsync app start`: what shall run and does not is started, and proved. For the moment after a
//! machine was started anew; at any other time it finds nothing to do.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::args::StartArgs;
use super::server::{self, PATIENCE, Server};
use crate::base::{Exit, Problem, plain};
use crate::deploy::{facts, start};
use crate::run;
use crate::ui::Ui;

/// Starts the app that is meant, or all of this user.
pub fn main(dir: &Path, ui: Ui, args: &StartArgs) -> Result<Exit> {
    let here = facts::find(dir, args.app.app.as_deref())?;
    let homes = match here {
        Some(home) => vec![home],
        None => facts::apps()?.into_iter().filter(|app| app.there).map(|app| app.home).collect(),
    };
    if homes.is_empty() {
        return server::open(dir, &args.app, ui).map(|_| Exit::Done);
    }
    let (mut worst, mut told, mut met) = (Exit::Done, Vec::new(), args.act.only.is_none());
    for home in homes {
        let who = facts::who_at(&home);
        let server = Server::at(home, who, ui);
        // One that cannot be started keeps none of the others down.
        match one(&server, args, &mut told, &mut met) {
            Ok(Exit::Done) => {}
            Ok(exit) => worst = exit,
            Err(err) => worst = ui.error(&err),
        }
    }
    if !met {
        let only = args.act.only.as_deref().unwrap_or_default();
        let problem = format!("the plan {} is no longer what would be done", plain(only));
        return Err(Problem::refuse("plan-changed", problem)
            .hint("look at it again with `--dry-run`")
            .into());
    }
    if ui.json && worst == Exit::Done {
        ui.object(&json!({ "started": told }));
    } else if told.is_empty() && worst == Exit::Done && !ui.is_for_programs() {
        ui.say("everything that shall run runs: nothing to do");
    }
    Ok(worst)
}

fn one(server: &Server, args: &StartArgs, told: &mut Vec<Value>, met: &mut bool) -> Result<Exit> {
    let how = args.act.how();
    let _lock = if how.dry_run { None } else { Some(server.lock(PATIENCE)?) };
    if !how.dry_run {
        run::listen();
        server.context.put_back_leftovers()?;
    }
    let seen = facts::at_rest(server.git(), &server.home, &server.who)?;
    let live = seen.state.as_ref().and_then(|state| state.live.clone());
    let mut envs: Vec<String> = seen.envs.keys().cloned().collect();
    // LIVE first: somebody waits for it.
    envs.sort_by_key(|env| live.as_ref() != Some(env));
    let mut worst = Exit::Done;
    for env in envs {
        if !facts::sleeps(&seen, &env)? {
            continue;
        }
        let plan = start::plan(&seen, &env);
        if how.only.as_ref().is_some_and(|only| *only != plan.id()) {
            continue;
        }
        *met = true;
        // Each by itself: one that does not come up does not take the other one down.
        let (ran, _) = server.run(&how, &plan)?;
        told.push(json!({ "app": seen.app.name, "env": env, "exit": ran.exit().code(), "plan": plan.id() }));
        if ran.exit() != Exit::Done {
            worst = ran.exit();
        }
    }
    Ok(worst)
}
