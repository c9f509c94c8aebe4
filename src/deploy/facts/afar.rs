//! Asking the apps of a clone what they run: one ref is listed and one small file fetched, into a
//! place that is thrown away. What was heard is remembered below `gsync/` in the git directory.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::base::CommitId;
use crate::config::AppLink;
use crate::deploy::STATE;
use crate::deploy::afar::{Afar, Memory};
use crate::deploy::state::State;
use crate::git::{Git, Listing};
use crate::host::clock;

/// What the apps said, as it was when they were last asked.
const MEMORY: &str = "apps.json";
/// A state is not larger than this.
const LARGEST: u64 = 64 << 10;

/// What is known of the apps; `ask`: they are asked, all at the same time.
pub fn look(git: &Git, apps: &[AppLink], deadline: Duration, ask: bool) -> Vec<Afar> {
    if apps.is_empty() {
        return Vec::new();
    }
    let known: Vec<Memory> = git.recall(MEMORY).unwrap_or_default();
    let seen: Vec<Afar> = std::thread::scope(|scope| {
        let known = &known;
        let asking: Vec<_> = apps
            .iter()
            .map(|app| scope.spawn(move || one(git, app, known, deadline, ask)))
            .collect();
        asking.into_iter().filter_map(|asked| asked.join().ok()).collect()
    });
    // Those that were not asked about this time are not forgotten.
    let others = known.iter().filter(|memory| apps.iter().all(|app| app.name != memory.app));
    let heard = seen.iter().filter_map(|app| app.memory.as_ref());
    let now: Vec<&Memory> = others.chain(heard).collect();
    if ask && now != known.iter().collect::<Vec<_>>() {
        git.note(MEMORY, &now);
    }
    seen
}

fn one(git: &Git, app: &AppLink, known: &[Memory], deadline: Duration, ask: bool) -> Afar {
    let (name, remote) = (app.name.clone(), app.remote.clone());
    let mut seen = Afar { app: name, remote, asked: ask, ..Afar::default() };
    let Ok(Some(address)) = git.config(&format!("remote.{}.url", app.remote)) else {
        seen.silent = Some(format!("there is no remote `{}` here", app.remote));
        return seen;
    };
    let is_it = |it: &&Memory| it.app == app.name && it.address == address;
    seen.memory = known.iter().find(is_it).cloned();
    if ask {
        match heard(git, app, &address, seen.memory.as_ref(), deadline) {
            Ok(Ok(memory)) => seen.memory = Some(memory),
            Ok(Err(why)) => seen.silent = Some(why),
            Err(err) => seen.silent = Some(format!("{err:#}")),
        }
    }
    seen
}

/// What an app says now, or why it does not.
fn heard(
    git: &Git,
    app: &AppLink,
    address: &str,
    known: Option<&Memory>,
    deadline: Duration,
) -> Result<Result<Memory, String>> {
    let begun = Instant::now();
    let refs = match git.states(&app.remote, &[STATE], deadline)? {
        Listing::Refs(refs) => refs,
        Listing::Unreachable(why) => return Ok(Err(why)),
    };
    let commit: Option<CommitId> =
        refs.into_iter().find(|(name, _)| name.as_str() == STATE).map(|(_, commit)| commit);
    let Some(commit) = commit else {
        return Ok(Err(format!("{} is no app of gsync: it keeps no state", app.remote)));
    };
    let at = clock::now();
    if let Some(known) = known.filter(|known| known.commit == commit) {
        return Ok(Ok(Memory { at, ..known.clone() }));
    }
    let left = deadline.saturating_sub(begun.elapsed());
    let ids = std::slice::from_ref(&commit);
    let files = git.state_files(&app.remote, ids, "state.json", LARGEST, left)?;
    let bytes = files.and_then(|files| files.into_iter().next()).and_then(|(_, bytes)| bytes);
    let Some(bytes) = bytes else {
        return Ok(Err("it has a state and does not hand it out".to_owned()));
    };
    let state: State = match serde_json::from_slice(&bytes) {
        Ok(state) => state,
        Err(err) => return Ok(Err(format!("its state cannot be read: {err}"))),
    };
    if state.app != app.name {
        return Ok(Err(format!("it is the home of the app {}", state.app)));
    }
    let (app, remote) = (app.name.clone(), app.remote.clone());
    Ok(Ok(Memory { app, remote, address: address.to_owned(), commit, at, state }))
}
