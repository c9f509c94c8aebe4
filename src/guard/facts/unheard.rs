//! Exceptions that travel together with what they are for. A hub judges by the rules that its
//! main branch has before the push, so they come too late for it: that is said on both sides,
//! with the order in which both can go. A clone only warns: not every hub judges.

use std::sync::Arc;

use anyhow::Result;
use gix::ObjectId;

use super::policy::{BASELINE, prints};
use super::world::{World, hex};
use crate::base::{CommitId, RefUpdate};
use crate::config::{self, Config};
use crate::git::{Git, Objects};
use crate::guard::policy::Policy;
use crate::guard::{Finding, Verdict};

/// So many updates of a push are looked at for exceptions.
const LOOKED: usize = 5;

/// The rules and the baseline of a commit; what cannot be read there excuses nothing.
fn of(world: &World<'_>, objects: &Objects, commit: &ObjectId) -> Result<Policy> {
    let config = match objects.file_in(commit, config::FILE)? {
        Some(bytes) => config::parse(config::FILE, &bytes).unwrap_or_default(),
        None => Config::default(),
    };
    let mut policy = Policy::new(config::FILE, config, world.flag("core.ignorecase")?);
    if let Some(bytes) = objects.file_in(commit, BASELINE)? {
        policy.baseline = prints(BASELINE, &bytes).unwrap_or_default();
    }
    Ok(policy)
}

/// Lets a policy know by what the hub will judge, where that makes a difference.
pub(super) fn by_the_hub(
    world: &World<'_>,
    policy: &mut Policy,
    main: Option<&ObjectId>,
) -> Result<()> {
    let Some(main) = main else { return Ok(()) };
    if policy.config.guard.allow.is_empty() && policy.baseline.is_empty() {
        return Ok(());
    }
    let mut hub = of(world, &world.objects()?, main)?;
    hub.now = policy.now;
    let same = hub.config.guard == policy.config.guard && hub.baseline == policy.baseline;
    policy.hub = (!same).then(|| Arc::new(hub));
    Ok(())
}

/// Finds what the pushed rules let pass, and those of the hub do not yet.
pub(super) fn received(
    world: &World<'_>,
    objects: &Objects,
    policy: &Policy,
    updates: &[RefUpdate],
    verdict: &mut Verdict,
) -> Result<()> {
    if verdict.findings.is_empty() {
        return Ok(());
    }
    for update in updates.iter().take(LOOKED) {
        let Some(commit) = update.new.as_ref().and_then(super::world::oid) else { continue };
        let mut pushed = of(world, objects, &commit)?;
        pushed.now = policy.now;
        for finding in &mut verdict.findings {
            let (rule, path) = (finding.rule, finding.place.path.as_ref());
            let path = path.map(crate::base::RepoPath::as_bytes);
            finding.unheard |= match &finding.secret {
                Some(hit) => pushed.lets_secret_pass(hit, path),
                None => path.is_some() && pushed.allows(rule, path),
            };
        }
    }
    Ok(())
}

/// Says of each such finding what has to come first. `main`: the hub's main branch, and where it
/// stands as far as is known.
pub(super) fn ways(
    git: &Git,
    verdict: &mut Verdict,
    updates: &[RefUpdate],
    policy: &Policy,
    main: (&str, Option<&ObjectId>),
) -> Result<()> {
    if !verdict.findings.iter().any(|found| found.unheard) {
        return Ok(());
    }
    let (branch, stands) = (main.0, main.1.map(hex));
    let mut brought = None;
    for update in updates.iter().take(LOOKED) {
        let Some(new) = &update.new else { continue };
        let not = stands.as_ref().map(|id| format!("^{id}"));
        let mut args = vec!["log", "-1", "--format=%H %P", new.as_str()];
        args.extend(not.as_deref());
        args.extend(["--", config::FILE, BASELINE]);
        if let Some(line) = git.ask(&args)? {
            let mut ids = line.split_whitespace().filter_map(CommitId::parse);
            let to_main = update.name.branch().is_some_and(|name| name.as_str() == branch);
            if let Some(id) = ids.next() {
                brought = Some((id, to_main || ids.next() == stands));
                break;
            }
        }
    }
    let remote = &policy.config.hub.remote;
    let says = format!("{} allows it, but the hub judges by its main branch", config::FILE);
    for finding in verdict.findings.iter_mut().filter(|found| found.unheard) {
        let way = match &brought {
            Some((id, true)) if !is_in(git, finding, id)? => {
                format!("push that commit first: `git push {remote} {}:{branch}`", id.short())
            }
            _ => format!("commit what allows it by itself, and bring it to {branch} first"),
        };
        finding.hints = vec![format!("{says}: {way}")];
    }
    Ok(())
}

/// Whether what was found would come along with that commit.
fn is_in(git: &Git, finding: &Finding, id: &CommitId) -> Result<bool> {
    match &finding.place.commit {
        Some(commit) => Ok(git.contains(commit, id)? != Some(false)),
        None => Ok(false),
    }
}
