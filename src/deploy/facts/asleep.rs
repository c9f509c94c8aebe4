//! Which environments shall run and do not. Who leads the traffic is not asked: after the machine
//! was started anew it may come up later than the apps.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail};

use super::{place, settings, state};
use crate::deploy::{Facts, Relation, Sources};
use crate::git::Git;
use crate::host::machine::pool;
use crate::host::proof::Seen;
use crate::plan::serve::Keeper;

/// An app home without its traffic: whom it is led to is what was written down last.
pub fn at_rest(git: &Git, home: &Path, who: &str) -> Result<Facts> {
    let app = settings(home)?;
    let (state, state_at) = state(git)?;
    let mut envs = BTreeMap::new();
    for name in app.env.keys() {
        envs.insert(name.clone(), place::environment(&app, home, name)?);
    }
    Ok(Facts {
        app,
        home: home.to_owned(),
        who: who.to_owned(),
        state,
        state_at,
        sources: Sources::default(),
        envs,
        relation: Relation::Unknown,
    })
}

/// Whether an environment has something to run that gsync starts, and nobody runs it. Systemd
/// starts its units by itself.
pub fn sleeps(facts: &Facts, env: &str) -> Result<bool> {
    let starts = matches!(facts.keeper(env), Keeper::Command { .. } | Keeper::Pm2 { .. });
    if !starts || facts.build(env).is_none() {
        return Ok(false);
    }
    facts.seen(env)?;
    let Some(port) = facts.port(env) else {
        bail!("[env.{env}] names no port: it cannot be told whether it runs");
    };
    match pool::open(facts.host(env))?.on_port(port) {
        Seen::Is(list) => Ok(list.is_empty()),
        Seen::CannotTell(why) => bail!("{why}"),
    }
}
