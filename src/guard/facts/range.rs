//! A range of commits, by hand.

use std::time::Instant;

use anyhow::Result;
use gix::ObjectId;

use super::contents::{Contents, Tip};
use super::policy;
use super::world::World;
use crate::base::{CommitId, Problem, plain};
use crate::git::Git;
use crate::guard::judge::Judge;
use crate::guard::{Scene, Severity, Verdict};

/// Judges every commit of a range such as `origin/main..HEAD`.
pub fn range(git: &Git, range: &str) -> Result<Verdict> {
    let answer = if range.starts_with('-') { None } else { git.ask(&["rev-parse", range, "--"])? };
    judged(git, range, answer)
}

/// Judges every commit that no branch of a remote has, as far as is known here.
pub fn beyond(git: &Git, commit: &CommitId, remote: &str) -> Result<Verdict> {
    let remotes = format!("--remotes={remote}");
    let answer = git.ask(&["rev-parse", commit.as_str(), "--not", &remotes, "--"])?;
    judged(git, commit.as_str(), answer)
}

fn judged(git: &Git, range: &str, answer: Option<String>) -> Result<Verdict> {
    let (mut tips, mut hidden) = (Vec::new(), Vec::new());
    for line in answer.as_deref().unwrap_or_default().lines() {
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
