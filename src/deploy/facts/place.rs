//! What is there in an environment, on this machine or on another one. A machine that cannot be
//! reached is said to be so: what is there is then not known, and never nothing.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::config::app::App;
use crate::deploy::{Environment, standby};
use crate::host::machine::{Machine, pool};

/// Looks at one environment.
pub(super) fn environment(app: &App, home: &Path, name: &str) -> Result<Environment> {
    let settings = app.env.get(name);
    let dir = settings.and_then(|env| env.dir.as_ref()).map(PathBuf::from);
    let Some(host) = settings.and_then(|env| env.host.as_deref()) else {
        return look(&Machine::Here, &dir.unwrap_or_else(|| home.join(name)));
    };
    let seen = pool::open(Some(host)).and_then(|machine| {
        // Where every user may write, and two apps or environments do not meet.
        let own = Path::new("gsync").join(&app.name).join(name);
        look(&machine, dir.as_ref().unwrap_or(&own))
    });
    Ok(seen.unwrap_or_else(|why| Environment {
        home: dir.unwrap_or_default(),
        unseen: Some(format!("{host} cannot be reached: {why:#}")),
        ..Environment::default()
    }))
}

fn look(machine: &Machine, dir: &Path) -> Result<Environment> {
    let place = machine.place(dir)?;
    let mut found = Environment { home: place.dir, ..Environment::default() };
    for name in place.releases {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with(".new-") {
            found.leftovers.push(name);
        } else if standby::seq(&name).is_some() {
            match name.starts_with("failed-") {
                true => found.failed.push(name),
                false => found.releases.push(name),
            }
        }
    }
    found.releases.sort_by_key(|name| standby::seq(name));
    found.failed.sort_by_key(|name| standby::seq(name));
    let name = place.current.as_deref().and_then(Path::file_name);
    found.current = name.map(|name| name.to_string_lossy().into_owned());
    Ok(found)
}
