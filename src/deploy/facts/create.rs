//! What of an app home is there already.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::home::{apps, is_home, registry, registry_text};
use super::repository;
use crate::base::RefName;
use crate::config::app::{self, App};
use crate::deploy::STATE;
use crate::deploy::create::{Creation, Wish};
use crate::host::read;

/// Looks at the place where an app is wanted.
pub fn creation(wish: &Wish, who: &str) -> Result<Creation> {
    let home = &wish.home;
    let there = is_home(home);
    let file = read::file(&home.join(app::FILE))?;
    let text = match &file {
        Some(file) => String::from_utf8_lossy(&file.bytes.0).into_owned(),
        None => wish.text(),
    };
    let path = home.join(app::FILE);
    let app = App::parse(&path.display().to_string(), text.as_bytes())?;
    let git = repository(home);
    let has_repo = git.git_dir.join("HEAD").is_file();
    let local = |key: &str| git.ask(&["config", "--local", "--get-all", key]);
    let setting = |key: &str| if has_repo { git.config(key) } else { Ok(None) };
    let namesake = namesake(&app.name, home)?;
    let mut dirs = Vec::new();
    let mut wanted = vec![home.clone(), home.join("logs")];
    for (name, env) in app.env.iter().filter(|(_, env)| env.host.is_none()) {
        let dir = env.dir.as_ref().map_or_else(|| home.join(name), Into::into);
        wanted.extend([dir.clone(), dir.join("releases"), dir.join("shared")]);
    }
    wanted.retain(|dir| !dir.is_dir());
    dirs.append(&mut wanted);
    let link = app.link().map(|link| home.join(link));
    let registry = registry()?;
    let ancestors = registry.ancestors().skip(1).take_while(|dir| !dir.is_dir());
    let mut registry_dirs: Vec<_> = ancestors.map(Path::to_owned).collect();
    registry_dirs.reverse();
    Ok(Creation {
        who: who.to_owned(),
        others: stray(home)?.filter(|_| !there),
        text: file.is_none().then_some(text),
        has_repo,
        fsck: setting("receive.fsckObjects")?,
        proc_refs: match has_repo {
            true => {
                let all = local("receive.procReceiveRefs")?.unwrap_or_default();
                all.lines().map(str::to_owned).collect()
            }
            false => Vec::new(),
        },
        config: read::file(&git.git_dir.join("config"))?,
        dirs,
        has_link: link.as_deref().is_none_or(read::exists),
        link,
        has_state: has_repo && git.resolve_ref(&RefName::new(STATE))?.is_some(),
        // A home that was there before the name was given away stays what it is.
        namesake: namesake.clone().filter(|_| !has_repo),
        registry,
        registry_dirs,
        registry_text: match namesake {
            Some(_) => None,
            None => registry_text(&app.name, home)?,
        },
        app,
    })
}

/// Another app of that name that is still there: the list holds one of a name.
fn namesake(name: &str, home: &Path) -> Result<Option<PathBuf>> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let found = apps()?.into_iter().find(|listed| listed.app == name && listed.there);
    Ok(found.map(|listed| listed.home).filter(|other| real(other) != real(home)))
}

/// Something in the directory that no half made app home has.
fn stray(home: &Path) -> Result<Option<String>> {
    let ours = ["app.toml", "repo.git", "logs", "live"];
    let names = read::names(home)?;
    let stray = names.iter().map(|name| name.to_string_lossy().into_owned());
    let mut stray = stray.filter(|name| !ours.contains(&name.as_str()));
    // A half made home has its settings: environments are named there.
    Ok(if home.join(app::FILE).is_file() { None } else { stray.next() })
}
