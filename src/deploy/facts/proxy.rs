//! What HAProxy says about which environment is LIVE: all its workers, its map on disk, and a
//! request through it.

use std::path::PathBuf;

use anyhow::Result;

use crate::base::Problem;
use crate::config::app::App;
use crate::host::haproxy::{Door, Entry, Probe, Proxy};
use crate::host::http::Url;
use crate::host::machine::Machine;

/// An environment, or what is said where it is none.
type Env = Option<String>;

/// Who has the traffic by the map, and by a request; nothing: no HAProxy leads it.
pub(super) fn ask(app: &App) -> Result<Option<(Env, Env)>> {
    let Some(settings) = &app.traffic.haproxy else { return Ok(None) };
    let probe = match &settings.probe {
        Some(url) => Some(Probe { url: Url::parse(url)?, host: Some(settings.host.clone()) }),
        None => None,
    };
    let door = Door::Master(PathBuf::from(&settings.master));
    let proxy = Proxy { machine: Machine::Here, door, map: PathBuf::from(&settings.map), probe };
    let backend = |env: &String| settings.backend.replace("{app}", &app.name).replace("{env}", env);
    let backends: Vec<(&String, String)> = app.env.keys().map(|env| (env, backend(env))).collect();
    let names: Vec<&str> = backends.iter().map(|(_, name)| name.as_str()).collect();
    let seen = proxy.look(&app.name, &names).map_err(|err| {
        Problem::blind("proxy", "haproxy does not answer, so it is not known what is LIVE")
            .because(format!("{err:#}"))
            .hint(format!("look at it: `ls -l {}`", settings.master))
    })?;
    let env_of = |said: &str| {
        let env = backends.iter().find(|(_, backend)| backend == said);
        env.map_or_else(|| said.to_owned(), |(env, _)| (*env).clone())
    };
    let live = match seen.live() {
        Ok(live) => Some(env_of(live)),
        // Not one word: they do not agree, which is a drift by itself.
        Err(said) => {
            let only_probe = seen.probe.is_some() && {
                let mut quiet = seen.clone();
                quiet.probe = None;
                quiet.live().is_ok()
            };
            match (&seen.file, only_probe) {
                (Entry::Is(backend), true) => Some(env_of(backend)),
                _ => Some(said.join("; ")),
            }
        }
    };
    let probe = match seen.probe {
        Some(Entry::Is(backend)) => Some(env_of(&backend)),
        Some(Entry::Missing | Entry::Unknown(_)) | None => None,
    };
    Ok(Some((live, probe)))
}
