//! What HAProxy says about which environment is LIVE: all its workers, its map on disk, and a
//! request through it.

use std::path::PathBuf;

use anyhow::Result;

use crate::base::Problem;
use crate::config::app::App;
use crate::deploy::{Split, words};
use crate::host::haproxy::{Door, Entry, Probe, Proxy, config_facts, warnings};
use crate::host::http::Url;
use crate::host::machine::pool;

/// What it says: environments, or what is said where it is none.
pub(super) struct Asked {
    /// Who has the traffic, if the map says one thing wherever it is.
    pub live: Option<String>,
    /// Who answers a request.
    pub probe: Option<String>,
    pub split: Option<Split>,
    /// Its last reload failed: what it runs is not what its configuration says.
    pub is_failed: bool,
}

/// Asks it; nothing: no HAProxy leads the traffic.
pub(super) fn ask(app: &App) -> Result<Option<Asked>> {
    let Some(settings) = &app.traffic.haproxy else { return Ok(None) };
    let probe = match &settings.probe {
        Some(url) => Some(Probe { url: Url::parse(url)?, host: Some(settings.host.clone()) }),
        None => None,
    };
    let backend = |env: &String| settings.backend.replace("{app}", &app.name).replace("{env}", env);
    let backends: Vec<(&String, String)> = app.env.keys().map(|env| (env, backend(env))).collect();
    let names: Vec<&str> = backends.iter().map(|(_, name)| name.as_str()).collect();
    let seen = pool::open(settings.machine.as_deref()).and_then(|machine| {
        let door = Door::Master(PathBuf::from(&settings.master));
        let proxy = Proxy { machine, door, map: PathBuf::from(&settings.map), probe };
        proxy.look(&app.name, &names)
    });
    let seen = seen.map_err(|err| {
        let there = settings.machine.as_deref().map(|host| format!("ssh {} ", words(host)));
        let (there, master) = (there.unwrap_or_default(), &settings.master);
        Problem::blind("proxy", "haproxy does not answer, so it is not known what is LIVE")
            .because(format!("{err:#}"))
            .hint(format!("look at it: `{there}ls -l {master}`"))
    })?;
    let env_of = |said: &str| {
        let env = backends.iter().find(|(_, backend)| backend == said);
        env.map_or_else(|| said.to_owned(), |(env, _)| (*env).clone())
    };
    let probe = match &seen.probe {
        Some(Entry::Is(backend)) => Some(env_of(backend)),
        Some(Entry::Missing | Entry::Unknown(_)) | None => None,
    };
    let is_failed = seen.failed_reloads > 0;
    // What a request meets is compared on its own: a LIVE that does not answer is ill, and that
    // alone must not stop the way back from it.
    let mut quiet = seen;
    quiet.probe = None;
    let (live, split) = match quiet.live() {
        Ok(live) => (Some(env_of(live)), None),
        Err(said) => {
            let mut by_users = quiet.workers.iter().map(|worker| &worker.live);
            let first = by_users.next();
            let memory = match first {
                Some(Entry::Is(first)) if by_users.all(|it| *it == Entry::Is(first.clone())) => {
                    Some(env_of(first))
                }
                _ => None,
            };
            (None, Some(Split { said: said.join(", "), memory }))
        }
    };
    Ok(Some(Asked { live, probe, split, is_failed }))
}

/// What the configuration of the proxy lacks; nothing: none leads the traffic, or it runs on
/// another machine, whose files only that one sees.
pub fn proxy_warnings(app: &App) -> Option<Result<Vec<String>>> {
    let settings = app.traffic.haproxy.as_ref().filter(|it| it.machine.is_none())?;
    let look = || {
        let machine = pool::open(None)?;
        let door = Door::Master(PathBuf::from(&settings.master));
        let map = PathBuf::from(&settings.map);
        Ok(warnings(&config_facts(&Proxy { machine, door, map, probe: None })?))
    };
    Some(look())
}
