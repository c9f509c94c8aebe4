//! Which scheduler runs here, and what it has of ours.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{ScheduleFacts, Scheduler, units};
use crate::base::Problem;
use crate::git::Git;
use crate::host::{env, read, scheduler};

/// Looks.
pub fn observe(git: &Git) -> Result<ScheduleFacts> {
    let has_cron = scheduler::has_crontab();
    let scheduler = match scheduler::has_systemd() {
        true => Scheduler::Systemd,
        false if has_cron => Scheduler::Cron,
        false => Scheduler::None,
    };
    let config = env::raw("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.filter(|dir| dir.is_absolute());
    let config = config.or_else(|| env::home().map(|home| home.join(".config")));
    let config = config.context("find the user's home: HOME is not set")?;
    let unit_dir = config.join("systemd/user");
    let program = std::env::current_exe().context("find the path of gsync itself")?;
    let mut facts = ScheduleFacts {
        scheduler,
        program: text(&program)?,
        dir: text(git.dir())?,
        path: env::text("PATH"),
        missing: missing(&unit_dir.join("timers.target.wants")),
        unit_dir,
        units: Vec::new(),
        links: Vec::new(),
        crontab: if has_cron { scheduler::crontab()? } else { None },
    };
    for (path, _) in units::wanted(&facts) {
        if let Some(file) = read::file(&path)? {
            facts.units.push((path, file));
        }
    }
    for (at, _) in units::links(&facts) {
        if let Some(to) = read::link(&at)? {
            facts.links.push((at, to));
        }
    }
    Ok(facts)
}

fn text(path: &Path) -> Result<String> {
    let odd = || Problem::refuse("odd-path", format!("{} is not text", path.display()));
    Ok(path.to_str().ok_or_else(odd)?.to_owned())
}

/// The directories on the way down that are not there, the uppermost first.
fn missing(dir: &Path) -> Vec<PathBuf> {
    let mut missing: Vec<PathBuf> =
        dir.ancestors().take_while(|dir| !read::exists(dir)).map(Path::to_owned).collect();
    missing.reverse();
    missing
}
