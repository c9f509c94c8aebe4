//! A push, before it leaves and when it arrives: every ref update by its objects.

use std::collections::HashSet;
use std::time::Instant;

use anyhow::{Result, bail};
use gix::ObjectId;

use super::contents::{Contents, Tip};
use super::policy;
use super::unheard;
use super::world::{World, oid};
use crate::base::{RefName, RefUpdate};
use crate::config::Mode;
use crate::git::{Git, Objects, new_commits};
use crate::guard::judge::{Judge, Text};
use crate::guard::policy::Policy;
use crate::guard::refs::{self, Lost, NAMED, RefFacts, Target};
use crate::guard::{Place, Scene, Severity, Verdict};
use crate::host::{clock, env};

/// So many updates are explained and looked at for drift; a push of more is no everyday push.
const EXPLAINED: usize = 5;
/// For so many updates git is asked whether a rewrite is one.
const CONFIRMED: usize = 50;

/// Judges a push before it leaves. `remote` is a name or an address, as git gives it.
pub fn push(git: &Git, remote: &str, url: &str, updates: &[RefUpdate]) -> Result<Verdict> {
    let began = Instant::now();
    let world = World::open(git);
    let name = world.remote_name(remote, url)?;
    let mut policy = policy::client(&world, name.as_deref())?;
    let objects = world.objects()?;
    let mut hidden: Vec<ObjectId> = match &name {
        Some(name) => world.tips(&format!("refs/remotes/{name}/"))?,
        None => Vec::new(),
    };
    let olds = updates.iter().filter_map(|update| update.old.as_ref()).filter_map(oid);
    hidden.extend(olds.filter(|old| objects.has(old)));

    let shown = name.clone().unwrap_or_else(|| without_password(remote));
    let target = Target { remote: &shown, scene: Scene::Push, now: clock::now() };
    let on_hub = name.as_deref() == Some(policy.config.hub.remote.as_str());
    let main = if on_hub { policy::hub_main(&world, &policy.config)? } else { None };
    unheard::by_the_hub(&world, &mut policy, main.as_ref())?;
    let policy = policy;

    let checked_out = world.head_ref()?;
    let mut judge = Judge::new(&policy, Verdict::new(Scene::Push));
    let leases = env::text("GSYNC_LEASE").unwrap_or_default();
    let mut explained = 0;
    for (at, update) in updates.iter().enumerate() {
        let mut facts = ref_facts(git, &objects, update, at < CONFIRMED)?;
        let main = main.filter(|_| at < EXPLAINED);
        facts.drift = drift(&objects, &policy, update, main)?;
        facts.checked_out = on_hub && checked_out.as_ref() == Some(&update.name);
        facts.leased = is_leased(&leases, update);
        let rewrites =
            update.old.is_some() && update.new.is_some() && facts.contained != Some(true);
        if rewrites
            && !facts.leased
            && explained < EXPLAINED
            && update.name.branch().is_some()
            && policy.config.work.pull_before_push != Mode::Off
        {
            explained += 1;
            facts.lost = lost(git, &policy, url, &facts)?;
        }
        judge.verdict.extend(refs::judge(&policy, target, &facts));
    }
    let tips = tips(updates, |update| {
        let source = RefName::new(&update.source);
        let here = update.source == "HEAD" || Some(&source) == checked_out.as_ref();
        (here || source.branch().is_some(), (!here).then(|| source.short().to_owned()))
    });
    names(&mut judge, updates);
    let below = world.below_top();
    let missing = if world.promised()? { Severity::Warning } else { Severity::Error };
    Contents { objects: &objects, judge: &mut judge, missing, below, began }
        .tips(&tips, &hidden)?;
    let mut verdict = judge.finish();
    let main = (policy.config.hub.branch.as_str(), main.as_ref());
    unheard::ways(git, &mut verdict, updates, &policy, main)?;
    Ok(verdict)
}

/// Judges a push that arrived and is still in quarantine. What cannot be read is refused.
pub fn receive(git: &Git, updates: &[RefUpdate]) -> Result<Verdict> {
    let began = Instant::now();
    let world = World::open(git);
    let objects = world.objects()?;
    let policy = policy::server(&world, &objects, updates)?;
    policy::stays_readable(&world, &objects, updates)?;
    let hidden = world.tips("refs/")?;
    let target = Target { remote: "", scene: Scene::Receive, now: clock::now() };
    let mut judge = Judge::new(&policy, Verdict::new(Scene::Receive));
    for (at, update) in updates.iter().enumerate() {
        let protected =
            update.name.branch().is_some_and(|branch| policy.protects_branch(branch.as_str()));
        if protected {
            let facts = ref_facts(git, &objects, update, at < CONFIRMED)?;
            judge.verdict.extend(refs::judge(&policy, target, &facts));
        }
    }
    names(&mut judge, updates);
    let tips = tips(updates, |update| (update.name.branch().is_some(), None));
    for tip in &tips {
        if !objects.has(&tip.id) {
            bail!("the pushed object {} cannot be read, so it cannot be judged", tip.id);
        }
    }
    let known: HashSet<&ObjectId> = hidden.iter().collect();
    let new = tips.iter().any(|tip| !known.contains(&tip.id));
    let (missing, below) = (Severity::Error, false);
    Contents { objects: &objects, judge: &mut judge, missing, below, began }
        .tips(&tips, &hidden)?;
    let judged = judge.verdict.judged;
    if new && judged.commits == 0 && judged.files == 0 && !reached(&objects, &tips, &hidden)? {
        bail!("refs would move, but none of their objects was found: nothing was judged");
    }
    let mut verdict = judge.finish();
    unheard::received(&world, &objects, &policy, updates, &mut verdict)?;
    let main = world.head_ref()?;
    let stands = main.as_ref().map_or(Ok(None), |main| world.resolve(main))?;
    let main = (main.as_ref().map_or("HEAD", RefName::short), stands.as_ref());
    unheard::ways(git, &mut verdict, updates, &policy, main)?;
    Ok(verdict)
}

/// Whether all tips are old: then there is nothing to judge, and that is no mistake.
fn reached(objects: &Objects, tips: &[Tip], hidden: &[ObjectId]) -> Result<bool> {
    let ids: Vec<ObjectId> = tips.iter().map(|tip| tip.id).collect();
    for id in ids {
        let Some((kind, id)) = objects.peel(&id)? else { return Ok(false) };
        if kind == gix::objs::Kind::Commit
            && !new_commits(objects, &[id], hidden)?.commits.is_empty()
        {
            return Ok(false);
        }
    }
    Ok(true)
}

fn tips(updates: &[RefUpdate], here: impl Fn(&RefUpdate) -> (bool, Option<String>)) -> Vec<Tip> {
    let mut known = HashSet::new();
    let mut tips = Vec::new();
    for update in updates {
        let Some(id) = update.new.as_ref().and_then(oid) else { continue };
        if known.insert(id) {
            let (branch, elsewhere) = here(update);
            tips.push(Tip { id, reference: Some(update.name.clone()), elsewhere, branch });
        }
    }
    tips
}

/// Judges the names of the refs that would be there.
fn names(judge: &mut Judge<'_>, updates: &[RefUpdate]) {
    for update in updates.iter().filter(|update| update.new.is_some()) {
        judge.text(Text::Ref, update.name.as_str().as_bytes(), &Place::default());
    }
}

fn ref_facts(git: &Git, objects: &Objects, update: &RefUpdate, confirm: bool) -> Result<RefFacts> {
    let mut facts = RefFacts {
        update: update.clone(),
        contained: None,
        drift: 0,
        lost: None,
        leased: false,
        checked_out: false,
    };
    let (Some(old), Some(new), true) = (&update.old, &update.new, update.name.branch().is_some())
    else {
        return Ok(facts);
    };
    let (Some(old_id), Some(new_id)) = (oid(old), oid(new)) else { return Ok(facts) };
    if old == new {
        facts.contained = Some(true);
    } else if objects.has(&old_id) {
        let walk = new_commits(objects, &[old_id], &[new_id])?;
        // Wrong clocks can mislead the walk, so git has the last word before a push is refused.
        let contained = walk.commits.is_empty() && walk.missing.is_empty();
        facts.contained = match contained {
            false if confirm => git.contains(old, new)?,
            contained => Some(contained),
        };
    }
    Ok(facts)
}

fn drift(
    objects: &Objects,
    policy: &Policy,
    update: &RefUpdate,
    main: Option<ObjectId>,
) -> Result<usize> {
    let branch = update.name.branch();
    let other = branch.is_some_and(|branch| branch.as_str() != policy.config.hub.branch);
    let (Some(main), Some(new), true, 1..) =
        (main, update.new.as_ref().and_then(oid), other, policy.config.work.base_drift)
    else {
        return Ok(0);
    };
    Ok(new_commits(objects, &[main], &[new])?.commits.len())
}

/// What the push would pass over. If it is not here, those commits are fetched, without any
/// ref: the push is refused anyway, and the person wants to know by whom.
fn lost(git: &Git, policy: &Policy, url: &str, facts: &RefFacts) -> Result<Option<Lost>> {
    let update = &facts.update;
    let (Some(old), Some(new)) = (&update.old, &update.new) else { return Ok(None) };
    if facts.contained.is_none() {
        let fetched = git.peek(url, &update.name, policy.config.hub.timeout.0)?;
        if !fetched || git.resolve_commit(old.as_str())?.is_none() {
            return Ok(None);
        }
    }
    let commits = git.commits(&[old], &[new], NAMED)?;
    let (_, count) = git.apart(new, old)?;
    // Only inside a work tree does git honour its attributes.
    let forecast = if git.work_dir.is_some() { git.forecast(new, old, false)? } else { None };
    let conflicts = forecast.map(|forecast| forecast.conflicts);
    Ok(Some(Lost { commits, count, conflicts }))
}

/// Whether `gsync push --force` decided, and showed, that this ref is to be rewritten from
/// exactly where it stands: `<ref>:<old id>`, several with a space between.
fn is_leased(leases: &str, update: &RefUpdate) -> bool {
    let Some(old) = &update.old else { return false };
    leases.split(' ').any(|lease| lease == format!("{}:{old}", update.name))
}

/// An address without the secret that may be in it.
fn without_password(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let host = rest.find('/').unwrap_or(rest.len());
            let from = rest[..host].rfind('@').map_or(0, |at| at + 1);
            format!("{scheme}://{}", &rest[from..])
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_password_of_an_address_is_shown() {
        let shown = |url| super::without_password(url);
        assert_eq!(shown("https://me:secret@h.example/x@y"), "https://h.example/x@y");
        assert_eq!(shown("git@h.example:x"), "git@h.example:x");
        assert_eq!(shown("ssh://h/x"), "ssh://h/x");
    }
}
