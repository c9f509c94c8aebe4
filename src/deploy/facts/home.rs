//! Finding an app home: from where one stands, or from the list of the apps that this user made.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::base::{Problem, nearest, plain};
use crate::config::app;
use crate::host::{env, read};

/// An app of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    pub app: String,
    pub home: PathBuf,
    /// Whether there is still an app home.
    pub there: bool,
}

/// The file with the list.
pub fn registry() -> Result<PathBuf> {
    let state = env::raw("XDG_STATE_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
    let state = match state {
        Some(dir) => dir,
        None => env::home().context("there is no home directory")?.join(".local/state"),
    };
    Ok(state.join("gsync/apps.json"))
}

/// The list with one more app in it; nothing if it is there already.
pub fn registry_text(app: &str, home: &Path) -> Result<Option<String>> {
    let mut list = list()?;
    let home = home.to_string_lossy().into_owned();
    if list.get(app) == Some(&home) {
        return Ok(None);
    }
    list.insert(app.to_owned(), home);
    Ok(Some(serde_json::to_string_pretty(&list)? + "\n"))
}

fn list() -> Result<BTreeMap<String, String>> {
    let text = read::text(&registry()?)?;
    // A list that cannot be read is one that is lost: the apps themselves are all there.
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// All apps of the list.
pub fn apps() -> Result<Vec<Listed>> {
    let list = list()?.into_iter();
    Ok(list
        .map(|(app, home)| {
            let home = PathBuf::from(home);
            Listed { app, there: is_home(&home), home }
        })
        .collect())
}

/// Whether a directory is an app home.
pub fn is_home(dir: &Path) -> bool {
    dir.join(app::FILE).is_file() && dir.join("repo.git/HEAD").is_file()
}

/// The app home that is meant: the one named, or the one that the directory is in. Nothing: the
/// directory is in none, and none was named.
pub fn find(dir: &Path, name: Option<&str>) -> Result<Option<PathBuf>> {
    let here = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let around = here.ancestors().find(|dir| is_home(dir)).map(Path::to_owned);
    let Some(name) = name else { return Ok(around) };
    if let Some(home) = &around
        && super::settings(home).is_ok_and(|app| app.name == name)
    {
        return Ok(around);
    }
    let all = apps()?;
    if let Some(listed) = all.iter().find(|listed| listed.app == name && listed.there) {
        return Ok(Some(listed.home.clone()));
    }
    let problem = Problem::refuse("no-such-app", format!("there is no app `{}`", plain(name)));
    let problem = match nearest(name, all.iter().map(|listed| listed.app.as_str())) {
        Some(near) => problem.hint(format!("say `--app {near}` if that is what you mean")),
        None => problem,
    };
    Err(problem.hint("look at those that are there: `gsync app list`").into())
}
