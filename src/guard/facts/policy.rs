//! Where the rules come from. What is judged must not bring its own.

use std::collections::HashSet;
use std::path::Path;

use anyhow::Result;
use gix::ObjectId;

use super::world::{World, oid};
use crate::base::{File, Problem, RefName, RefUpdate};
use crate::config::{self, Config};
use crate::git::Objects;
use crate::guard::policy::Policy;
use crate::host::{clock, read};

/// Fingerprints of what was there before anybody looked; tracked like the rules.
pub const BASELINE: &str = ".gsync/baseline.json";

/// The rules of a clone: the work tree's; where it has none (a branch from before, a sparse
/// checkout) the hub's main branch's, as known here; then HEAD's; then the built-in ones.
/// A configuration that cannot be read is an error: nobody knows what it would have said.
pub(super) fn client(world: &World<'_>, remote: Option<&str>) -> Result<Policy> {
    let mut policy = anew(world, remote)?;
    if let Some(work_dir) = &world.git.work_dir
        && let Some(file) = tracked(work_dir, BASELINE)?
    {
        policy.baseline = prints(BASELINE, &file.bytes.0)?;
    }
    Ok(policy)
}

/// A tracked file of gsync's own, in the work tree.
pub(super) fn tracked(work_dir: &Path, name: &str) -> Result<Option<File>> {
    let path = work_dir.join(name);
    match read::file(&path) {
        Err(_) if path.is_dir() => {
            Err(Problem::usage("directory", format!("{name} is a directory and should be a file"))
                .hint(format!("put it elsewhere: `mv {name} {name}.old`"))
                .into())
        }
        read => read,
    }
}

/// The same as if there were no baseline, also where one cannot be read.
pub(super) fn anew(world: &World<'_>, remote: Option<&str>) -> Result<Policy> {
    let mut policy = own(world, remote)?;
    policy.now = clock::now();
    if policy.is_wide()
        && let Some(commit) = hub_main(world, &policy.config)?
    {
        let trusted = match world.objects()?.file_in(&commit, config::FILE)? {
            Some(bytes) => config::parse(config::FILE, &bytes).unwrap_or_default(),
            None => Config::default(),
        };
        policy.narrow(&trusted);
    }
    Ok(policy)
}

/// The hub's main branch, as known here.
pub(super) fn hub_main(world: &World<'_>, config: &Config) -> Result<Option<ObjectId>> {
    let hub = &config.hub;
    world.resolve(&RefName::new(format!("refs/remotes/{}/{}", hub.remote, hub.branch)))
}

/// The fingerprints of a baseline. What is more in it, or other, would be taken for what it is
/// not: it is an error.
pub(super) fn prints(name: &str, bytes: &[u8]) -> Result<HashSet<String>> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Baseline {
        gsync: u64,
        fingerprints: HashSet<String>,
    }
    let bad = |line: usize| {
        Problem::usage("baseline", format!("{name}:{line}: not a baseline"))
            .hint("make it anew: `gsync guard baseline`")
    };
    let read: Result<Baseline, _> = serde_json::from_slice(bytes);
    let read = read.map_err(|err| bad(err.line()))?;
    let is_print =
        |print: &String| print.len() == 16 && print.bytes().all(|byte| byte.is_ascii_hexdigit());
    if read.gsync != 1 || !read.fingerprints.iter().all(is_print) {
        return Err(bad(1).into());
    }
    Ok(read.fingerprints)
}

fn own(world: &World<'_>, remote: Option<&str>) -> Result<Policy> {
    let fold = world.flag("core.ignorecase")?;
    if let Some(work_dir) = &world.git.work_dir
        && let Some(file) = tracked(work_dir, config::FILE)?
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
        let mut policy = match objects.file_in(&commit, config::FILE)? {
            Some(bytes) => lenient(name, &bytes, fold),
            None => Policy::default_rules(fold),
        };
        policy.now = clock::now();
        if let Some(bytes) = objects.file_in(&commit, BASELINE)? {
            // One that cannot be read excuses nothing.
            policy.baseline = prints(BASELINE, &bytes).unwrap_or_default();
        }
        return Ok(policy);
    }
    let first = updates.iter().filter(|update| Some(&update.name) == main.as_ref());
    for update in first.chain(updates) {
        let Some(commit) = update.new.as_ref().and_then(oid) else { continue };
        if let Some(bytes) = objects.file_in(&commit, config::FILE)? {
            let origin = format!("{}:{}", update.name.short(), config::FILE);
            // A first push with rules that cannot be read is refused: it can be mended here.
            let config = config::parse(&origin, &bytes)?;
            let mut policy = Policy::new(origin, config, fold);
            policy.now = clock::now();
            // Nobody else has seen them: they excuse single values, and nothing wholesale.
            policy.narrow(&Config::default());
            if let Some(bytes) = objects.file_in(&commit, BASELINE)? {
                policy.baseline = prints(BASELINE, &bytes)?;
            }
            return Ok(policy);
        }
    }
    Ok(Policy::default_rules(fold))
}

/// Refuses a push after which the rules or the baseline of the main branch could not be read:
/// nobody would be guarded by what the team wrote there, and no clone could judge at all.
pub(super) fn stays_readable(
    world: &World<'_>,
    objects: &Objects,
    updates: &[RefUpdate],
) -> Result<()> {
    let Some(main) = world.head_ref()? else { return Ok(()) };
    let rules = |name: &str, bytes: &[u8]| config::parse(name, bytes).map(drop).map_err(Into::into);
    let known = |name: &str, bytes: &[u8]| prints(name, bytes).map(drop);
    let files: [(&str, Reads<'_>); 2] = [(config::FILE, &rules), (BASELINE, &known)];
    let before = world.resolve(&main)?;
    for (name, reads) in files {
        if let Some(before) = &before
            && let Some(bytes) = objects.file_in(before, name)?
            && reads(name, &bytes).is_err()
        {
            // It is broken already: it says nothing, and a push may mend it.
            continue;
        }
        for update in updates.iter().filter(|update| update.name == main) {
            let Some(commit) = update.new.as_ref().and_then(oid) else { continue };
            if let Some(bytes) = objects.file_in(&commit, name)? {
                reads(&format!("{}:{name}", update.name.short()), &bytes)?;
            }
        }
    }
    Ok(())
}

/// Says what is wrong with a file of that name.
type Reads<'a> = &'a dyn Fn(&str, &[u8]) -> Result<()>;

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
