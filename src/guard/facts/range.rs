//! A range of commits, by hand.

use std::collections::HashSet;
use std::time::Instant;

use anyhow::Result;
use gix::ObjectId;

use super::contents::{Contents, Tip};
use super::policy;
use super::world::World;
use crate::base::{CommitId, Problem, Span, plain};
use crate::git::Git;
use crate::guard::allow::AllowFacts;
use crate::guard::judge::Judge;
use crate::guard::ways;
use crate::guard::{Scene, Severity, Verdict};

/// Judges all that any ref of this repository leads to. `anew`: as if there were no baseline.
pub fn history(git: &Git, anew: bool) -> Result<Verdict> {
    let began = Instant::now();
    let world = World::open(git);
    let read = if anew { policy::anew } else { policy::client };
    let mut policy = read(&world, None)?;
    // Whoever asks for all of it sees how far it is, and can stop it.
    policy.config.guard.time_limit = Span::seconds(24 * 60 * 60);
    let objects = world.objects()?;
    let head = world.head()?;
    let mut ids: Vec<ObjectId> = world.tips("refs/")?;
    ids.extend(head);
    let mut known = HashSet::new();
    ids.retain(|id| known.insert(*id));
    let tip = |id: ObjectId| {
        let branch = Some(id) == head;
        Tip { id, reference: None, elsewhere: None, branch }
    };
    let tips: Vec<Tip> = ids.into_iter().map(tip).collect();
    let below = world.below_top();
    // What another repository promised, or what was cut off, is none of this history.
    let missing = Severity::Warning;
    let mut judge = Judge::new(&policy, Verdict::new(Scene::Range));
    Contents { objects: &objects, judge: &mut judge, missing, below, began }.tips(&tips, &[])?;
    let mut verdict = judge.finish();
    verdict.findings.iter_mut().for_each(ways::of_the_past);
    Ok(verdict)
}

/// The settings of the work tree, or its baseline, as they are now.
pub fn exceptions(git: &Git, name: &str) -> Result<AllowFacts> {
    let Some(work_dir) = &git.work_dir else {
        return Err(Problem::refuse("bare", "a bare repository has no settings of its own")
            .hint("write the exception in a clone, and push it")
            .into());
    };
    let path = work_dir.join(name);
    let file = policy::tracked(work_dir, name)?;
    Ok(AllowFacts { path, file })
}

/// Judges every commit of a range such as `origin/main..HEAD`.
pub fn range(git: &Git, range: &str) -> Result<Verdict> {
    let answer = if range.starts_with('-') { None } else { git.ask(&["rev-parse", range, "--"])? };
    judged(git, range, answer.as_deref())
}

/// Judges every commit that no branch of a remote has, as far as is known here.
pub fn beyond(git: &Git, commit: &CommitId, remote: &str) -> Result<Verdict> {
    let remotes = format!("--remotes={remote}");
    let answer = git.ask(&["rev-parse", commit.as_str(), "--not", &remotes, "--"])?;
    judged(git, commit.as_str(), answer.as_deref())
}

fn judged(git: &Git, range: &str, answer: Option<&str>) -> Result<Verdict> {
    let (mut tips, mut hidden) = (Vec::new(), Vec::new());
    for line in answer.unwrap_or_default().lines() {
        match line.strip_prefix('^') {
            Some(id) => hidden.extend(ObjectId::from_hex(id.as_bytes()).ok()),
            None => tips.extend(ObjectId::from_hex(line.as_bytes()).ok()),
        }
    }
    if tips.is_empty() {
        let message = format!("`{}` is not a range of commits", plain(range));
        return Err(Problem::usage("range", message)
            .hint("name one, such as `gsync guard --range origin/main..HEAD`")
            .into());
    }
    let began = Instant::now();
    let world = World::open(git);
    let policy = policy::client(&world, None)?;
    let objects = world.objects()?;
    let head = world.head()?;
    let tip = |id: ObjectId| {
        let elsewhere = None;
        Tip { id, reference: None, elsewhere, branch: Some(id) == head }
    };
    let tips: Vec<Tip> = tips.into_iter().map(tip).collect();
    let below = world.below_top();
    let missing = if world.promised()? { Severity::Warning } else { Severity::Error };
    let mut judge = Judge::new(&policy, Verdict::new(Scene::Range));
    Contents { objects: &objects, judge: &mut judge, missing, below, began }
        .tips(&tips, &hidden)?;
    Ok(judge.finish())
}
