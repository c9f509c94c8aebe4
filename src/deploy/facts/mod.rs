//! What is so in an app home: looked at anew each time, because what was LIVE a moment ago is not
//! what is LIVE.

pub mod afar;
mod asleep;
mod create;
mod home;
mod key;
mod place;
mod proxy;
mod version;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::drift::Found;
use super::state::State;
use super::{Facts, Relation, STATE, Seen, Sources, Target};
use crate::base::{CommitId, Problem, RepoPath, plain};
use crate::config::app::{self, App};
use crate::git::Git;
use crate::host::http::Url;
use crate::host::machine::pool;
use crate::host::{env, read, user};

pub use asleep::{Rest, at_home, at_rest, rest, sleeps};
pub use create::creation;
pub use home::{Listed, apps, find, is_home, registry, registry_text};
pub use proxy::proxy_warnings;

/// How long an environment has to answer when somebody only looks.
const QUESTION: Duration = Duration::from_secs(2);

/// The repository of an app home.
pub fn repository(home: &Path) -> Git {
    let dir = home.join("repo.git");
    Git::at(dir.clone(), dir, None)
}

/// The settings of an app home.
pub fn settings(home: &Path) -> Result<App> {
    let path = home.join(app::FILE);
    let file = read::file(&path)?.with_context(|| format!("there is no {}", path.display()))?;
    Ok(App::parse(&path.display().to_string(), &file.bytes.0)?)
}

/// Who asks, by the identity that the server gives: gitolite's user, the one that the key in
/// `authorized_keys` names (`GSYNC_USER` in its options), the web server's, the key's comment where
/// sshd tells which key it was, the unix user.
///
/// These variables are set by the server: gitolite, a forced command in `authorized_keys`, the
/// web server, sshd. A client cannot set them over ssh unless `AcceptEnv` or
/// `PermitUserEnvironment` names them, which they must not. Who works as another user of this
/// machine could: see [`who_at`].
pub fn who() -> String {
    let named = ["GL_USER", "GSYNC_USER", "REMOTE_USER"].into_iter().find_map(env::text);
    named
        .or_else(key::comment)
        .or_else(user::own)
        .map_or_else(|| number(user::id()), |name| plain(&name))
}

/// Who asks at an app home. Somebody who works there as another user of this machine than the one
/// it belongs to is that user, whatever their environment says.
pub fn who_at(home: &Path) -> String {
    use std::os::unix::fs::MetadataExt;
    let own = user::id();
    match home.metadata() {
        Ok(meta) if meta.uid() != own => user::of(own).unwrap_or_else(|| number(own)),
        _ => who(),
    }
}

/// What a user without a name is called.
fn number(uid: u32) -> String {
    format!("uid {uid}")
}

/// Looks at an app home. `ask`: the environments are asked whether they are well.
pub fn observe(git: &Git, home: &Path, who: &str, ask: bool) -> Result<Facts> {
    let app = settings(home)?;
    let (state, state_at) = state(git)?;
    let live = state.as_ref().and_then(|it| it.live.clone());
    // Each may be on a machine of its own, and connecting takes the longest.
    let (asked, looked) = std::thread::scope(|scope| {
        let looking: Vec<_> = app
            .env
            .keys()
            .map(|name| {
                let app = &app;
                (name, scope.spawn(move || place::environment(app, home, name)))
            })
            .collect();
        let asked = proxy::ask(&app);
        let looked: Vec<_> = looking.into_iter().map(|(name, it)| (name, it.join())).collect();
        (asked, looked)
    });
    let sources = match asked? {
        Some(it) => Sources {
            proxy: it.live,
            probe: it.probe,
            state: live,
            split: it.split,
            failed_reload: it.is_failed,
        },
        None => Sources {
            proxy: lead(&app, home)?,
            probe: probe(&app, home),
            state: live,
            ..Sources::default()
        },
    };
    let mut envs = BTreeMap::new();
    for (name, seen) in looked {
        let seen = seen.map_err(|_| anyhow::anyhow!("{name} could not be looked at"))?;
        envs.insert(name.clone(), seen?);
    }
    let mut facts = Facts {
        app,
        home: home.to_owned(),
        who: who.to_owned(),
        state,
        state_at,
        sources,
        envs,
        relation: Relation::Unknown,
    };
    facts.relation = relation(git, &facts)?;
    if ask {
        ask_all(&mut facts);
    }
    Ok(facts)
}

/// The last entry of the chain: how everything is by the record.
pub fn recorded(git: &Git) -> Result<Option<State>> {
    Ok(state(git)?.0)
}

/// The last entry of the chain of states.
fn state(git: &Git) -> Result<(Option<State>, Option<CommitId>)> {
    let Some(at) = git.resolve_commit(STATE)? else { return Ok((None, None)) };
    let bytes = git.file_in(&at, &RepoPath::from("state.json"))?;
    let bytes = bytes.with_context(|| format!("the state {} has no state.json", at.short()))?;
    let state = serde_json::from_slice(&bytes).map_err(|err| {
        Problem::blind("state", format!("the state {} cannot be read: {err}", at.short()))
    })?;
    Ok((Some(state), Some(at)))
}

/// The environment that whatever leads the traffic leads to.
fn lead(app: &App, home: &Path) -> Result<Option<String>> {
    let Some(link) = app.link() else { return Ok(None) };
    let to = read::link(&home.join(link))?;
    Ok(to.map(|to| to.to_string_lossy().trim_end_matches('/').to_owned()))
}

/// The environment that is really found behind it.
fn probe(app: &App, home: &Path) -> Option<String> {
    let behind = home.join(app.link()?).canonicalize().ok()?;
    let is_it = |(name, env): &(&String, &app::Env)| {
        let dir = env.dir.as_ref().map_or_else(|| home.join(name), Into::into);
        dir.canonicalize().is_ok_and(|dir| dir == behind)
    };
    app.env.iter().find(is_it).map(|(name, _)| name.clone())
}

fn relation(git: &Git, facts: &Facts) -> Result<Relation> {
    let Some(live) = facts.sources.proxy.as_deref() else { return Ok(Relation::Unknown) };
    let standby = facts.app.other(live).unwrap_or_default();
    let (Some(live), Some(standby)) = (facts.build(live), facts.build(standby)) else {
        return Ok(Relation::Unknown);
    };
    if live.commit == standby.commit {
        return Ok(Relation::Same);
    }
    let contains = |new: &CommitId, old: &CommitId| -> Result<bool> {
        Ok(git.contains(old, new)?.unwrap_or(false))
    };
    Ok(if contains(&standby.commit, &live.commit)? {
        Relation::Newer
    } else if contains(&live.commit, &standby.commit)? {
        Relation::Older
    } else {
        Relation::Diverged
    })
}

/// Asks both environments at the same time.
fn ask_all(facts: &mut Facts) {
    let asked: Vec<(String, Option<String>)> = facts
        .envs
        .keys()
        .map(|name| {
            let runs = facts.build(name).is_some() && facts.seen(name).is_ok();
            (name.clone(), facts.health(name).url.filter(|_| runs))
        })
        .collect();
    let status = facts.app.health.status;
    let seen: Vec<(String, Seen)> = std::thread::scope(|scope| {
        let asking: Vec<_> = asked
            .into_iter()
            .map(|(name, url)| {
                let host = facts.host(&name);
                (name, scope.spawn(move || well(host, url.as_deref(), status)))
            })
            .collect();
        asking.into_iter().map(|(name, it)| (name, it.join().unwrap_or_default())).collect()
    });
    for (name, seen) in seen {
        if let Some(env) = facts.envs.get_mut(&name) {
            env.health = seen;
        }
    }
}

fn well(host: Option<&str>, url: Option<&str>, status: u16) -> Seen {
    let Some(text) = url else { return Seen::Unknown };
    let Ok(url) = Url::parse(text) else { return Seen::Unknown };
    let Ok(machine) = pool::open(host) else { return Seen::Unknown };
    match machine.get(&url, None, QUESTION) {
        Ok(answer) if answer.status == status => Seen::Well,
        Ok(answer) => Seen::Failing(format!("{text} answers {}", answer.status)),
        Err(why) => Seen::Failing(format!("{text} does not answer: {why:#}")),
    }
}

/// The commit that a revision means, and its version.
pub fn target(git: &Git, rev: &str) -> Result<Target> {
    let commit = git.resolve_commit(rev)?.ok_or_else(|| {
        Problem::usage("no-such-revision", format!("there is no commit {}", plain(rev)))
    })?;
    let version = version::of(git, &commit)?;
    Ok(Target { commit, version })
}

/// The commit that somebody names: by a revision, or by the version that a release here has; of
/// several the newest.
pub fn named(git: &Git, facts: &Facts, name: &str) -> Result<Target> {
    if git.resolve_commit(name)?.is_none() {
        for release in facts.releases() {
            let Some((_, short)) = release.split_once('-') else { continue };
            let Some(commit) = git.resolve_commit(short)? else { continue };
            let version = version::of(git, &commit)?;
            if version == name.strip_prefix('v').unwrap_or(name) {
                return Ok(Target { commit, version });
            }
        }
    }
    target(git, name)
}

/// Of which commits the releases that are in use are, for `--reconcile`.
pub fn found(git: &Git, facts: &Facts) -> Result<Found> {
    let mut found = Found::new();
    for env in facts.envs.values() {
        let Some(name) = &env.current else { continue };
        let Some((_, short)) = name.split_once('-') else { continue };
        if let Some(commit) = git.resolve_commit(short)? {
            let version = version::of(git, &commit)?;
            found.push((name.clone(), commit, version));
        }
    }
    Ok(found)
}
