//! Which environments shall run and do not. Who leads the traffic is not asked: after the machine
//! was started anew it may come up later than the apps.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail};
use serde_json::Value;

use super::{lead, place, probe, settings, state};
use crate::deploy::{Facts, Relation, Sources};
use crate::git::Git;
use crate::host::machine::pool;
use crate::host::proof::{Process, Seen};
use crate::plan::serve::Keeper;

/// An app home without its traffic: whom it is led to is what was written down last.
pub fn at_rest(git: &Git, home: &Path, who: &str) -> Result<Facts> {
    let app = settings(home)?;
    let (state, state_at) = state(git)?;
    // Each may be on a machine of its own, and one that is dead takes the longest.
    let looked: Vec<_> = std::thread::scope(|scope| {
        let looking: Vec<_> = app
            .env
            .keys()
            .map(|name| (name, scope.spawn(|| place::environment(&app, home, name))))
            .collect();
        looking.into_iter().map(|(name, it)| (name, it.join())).collect()
    });
    let mut envs = BTreeMap::new();
    for (name, seen) in looked {
        let seen = seen.map_err(|_| anyhow::anyhow!("{name} could not be looked at"))?;
        envs.insert(name.clone(), seen?);
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

/// The same with what this machine alone can tell of the traffic: where a link leads. What a
/// proxy says is asked of nobody, and taken to be what was written down.
pub fn at_home(git: &Git, home: &Path, who: &str) -> Result<Facts> {
    let mut facts = at_rest(git, home, who)?;
    facts.sources.proxy = match facts.app.link() {
        Some(_) => lead(&facts.app, home)?,
        None => facts.state.as_ref().and_then(|state| state.live.clone()),
    };
    facts.sources.probe = probe(&facts.app, home);
    Ok(facts)
}

/// How an environment is that has something to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rest {
    Runs,
    Sleeps,
    /// Somebody else has its port; in words.
    Stranger(String),
    /// Somebody has it, and who it is cannot be seen.
    Hidden(String),
    /// Nobody looked: there is nothing that gsync could find.
    Unasked,
}

/// Whether what an environment shall run runs.
pub fn rest(facts: &Facts, env: &str) -> Result<Rest> {
    let keeper = facts.keeper(env);
    let starts = starts(&keeper);
    let Some(build) = facts.build(env).filter(|_| keeper != Keeper::None) else {
        return Ok(Rest::Unasked);
    };
    let Some(port) = facts.port(env) else {
        if starts {
            facts.seen(env)?;
            bail!("[env.{env}] names no port: it cannot be told whether it runs");
        }
        return Ok(Rest::Unasked);
    };
    facts.seen(env)?;
    let machine = pool::open(facts.host(env))?;
    let list = match machine.on_port(port) {
        Seen::Is(list) => list,
        Seen::CannotTell(why) => bail!("{why}"),
    };
    let Some(first) = list.first() else { return Ok(Rest::Sleeps) };
    let dir = machine.real(&build.dir)?.unwrap_or_else(|| build.dir.clone());
    // A program may go elsewhere; who started it does not change.
    let record = match keeper {
        Keeper::Command { .. } => machine.read(&facts.env(env).home.join("process.json"))?,
        _ => None,
    };
    let record = record.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let pid = record.and_then(|record| record["pid"].as_u64());
    let is_ours = |process: &Process| {
        let descends = |pid: u64| {
            let mut all = std::iter::once(&process.pid).chain(&process.parents);
            all.any(|it| u64::from(*it) == pid)
        };
        pid.is_some_and(descends) || process.cwd.known().is_some_and(|cwd| cwd.starts_with(&dir))
    };
    if list.iter().any(is_ours) {
        return Ok(Rest::Runs);
    }
    if let Seen::CannotTell(why) = &first.cwd {
        let who = format!("process {} listens on port {port}, and {why}", first.pid);
        return Ok(Rest::Hidden(who));
    }
    let cwd = first.cwd.known().map(|cwd| cwd.display().to_string()).unwrap_or_default();
    Ok(Rest::Stranger(format!("process {} in {cwd} has port {port}", first.pid)))
}

/// Whether an environment has something to run that gsync starts, and nobody has its port.
/// Systemd starts its units by itself.
pub fn sleeps(facts: &Facts, env: &str) -> Result<bool> {
    Ok(starts(&facts.keeper(env)) && rest(facts, env)? == Rest::Sleeps)
}

fn starts(keeper: &Keeper) -> bool {
    matches!(keeper, Keeper::Command { .. } | Keeper::Pm2 { .. })
}
