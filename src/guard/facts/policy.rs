//! Where the rules come from. What is judged must not bring its own.

use anyhow::Result;
use gix::ObjectId;

use super::world::{World, oid};
use crate::base::{RefName, RefUpdate};
use crate::config::{self, Config};
use crate::git::Objects;
use crate::guard::policy::Policy;
use crate::host::read;

/// The rules of a clone: the work tree's; where it has none (a branch from before, a sparse
/// checkout) the hub's main branch's, as known here; then HEAD's; then the built-in ones.
/// A configuration that cannot be read is an error: nobody knows what it would have said.
pub(super) fn client(world: &World<'_>, remote: Option<&str>) -> Result<Policy> {
    let fold = world.flag("core.ignorecase")?;
    if let Some(work_dir) = &world.git.work_dir
        && let Some(file) = read::file(&work_dir.join(config::FILE))?
    {
        let config = config::parse(config::FILE, &file.bytes.0)?;
        return Ok(Policy::new(config::FILE, config, fold));
    }
    let hub = Config::default().hub;
    let objects = world.objects()?;
    let other = remote.filter(|name| *name != hub.remote);
    let remotes = [Some(hub.remote.as_str()), other].into_iter().flatten();
    let tracked = remotes.flat_map(|remote| {
        [&hub.branch, "HEAD"].map(|branch| format!("refs/remotes/{remote}/{branch}"))
    });
    for name in tracked.chain(["HEAD".to_owned()]).map(RefName::new) {
        let Some(commit) = world.resolve(&name)? else { continue };
        if let Some(bytes) = objects.file_in(&commit, config::FILE)? {
            let origin = format!("{}:{}", name.short(), config::FILE);
            let config = config::parse(&origin, &bytes)?;
            return Ok(Policy::new(origin, config, fold));
        }
    }
    Ok(Policy::default_rules(fold))
}

/// The rules of a server: those of its main branch as it stands before the push; if there is
/// no such branch yet, the pushed ones. If the rules cannot be read, the built-in ones hold, so
/// that a push can mend them.
pub(super) fn server(
    world: &World<'_>,
    objects: &Objects,
    updates: &[RefUpdate],
) -> Result<Policy> {
    let fold = world.flag("core.ignorecase")?;
    let main = world.head_ref()?;
    let before = match &main {
        Some(main) => world.resolve(main)?,
        None => world.head()?,
    };
    if let Some(commit) = before {
        let name = main.as_ref().map_or("HEAD", RefName::short);
        return match objects.file_in(&commit, config::FILE)? {
            Some(bytes) => Ok(lenient(name, &bytes, fold)),
            None => Ok(Policy::default_rules(fold)),
        };
    }
    let first = updates.iter().filter(|update| Some(&update.name) == main.as_ref());
    for update in first.chain(updates) {
        let Some(commit) = update.new.as_ref().and_then(oid) else { continue };
        if let Some(bytes) = pushed(objects, &commit)? {
            let origin = format!("{}:{}", update.name.short(), config::FILE);
            // A first push with rules that cannot be read is refused: it can be mended here.
            let config = config::parse(&origin, &bytes)?;
            return Ok(Policy::new(origin, config, fold));
        }
    }
    Ok(Policy::default_rules(fold))
}

fn pushed(objects: &Objects, commit: &ObjectId) -> Result<Option<Vec<u8>>> {
    objects.file_in(commit, config::FILE)
}

fn lenient(name: &str, bytes: &[u8], fold: bool) -> Policy {
    let origin = format!("{name}:{}", config::FILE);
    match config::parse(&origin, bytes) {
        Ok(config) => Policy::new(origin, config, fold),
        Err(problem) => {
            let mut policy = Policy::default_rules(fold);
            policy.instead_of = Some(problem.message);
            policy
        }
    }
}
