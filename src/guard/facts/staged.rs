//! What is staged, and whether the branch is known to be behind.

use std::time::Instant;

use anyhow::Result;
use gix::ObjectId;

use super::contents::Contents;
use super::policy;
use super::world::{World, hex};
use crate::base::{Problem, RefName};
use crate::config::Mode;
use crate::git::{Entry, Git, Objects, Staged, new_commits};
use crate::guard::judge::{Judge, Text};
use crate::guard::policy::Policy;
use crate::guard::refs::{self, Behind, Lost, NAMED};
use crate::guard::ways::{self, Standing};
use crate::guard::{Place, Scene, Severity, Verdict};
use crate::host::clock;

/// Judges what would be committed. `hook`: it is about to be; then a branch that is behind
/// matters too.
pub fn staged(git: &Git, hook: bool) -> Result<Verdict> {
    if git.work_dir.is_none() {
        return Err(Problem::refuse("bare", "nothing is staged in a bare repository")
            .hint("judge its commits: `gsync guard --range main`")
            .into());
    }
    let world = World::open(git);
    let policy = policy::client(&world, None)?;
    let objects = world.objects()?;
    let head = world.head()?;
    let merging = world.merge_heads()?;
    let empty = ObjectId::empty_tree(objects.hash());
    // What one of the merged sides has was judged there.
    let mut known = Vec::new();
    for commit in head.iter().chain(&merging) {
        if let Some((gix::objs::Kind::Commit, id)) = objects.peel(commit)? {
            known.extend(objects.commit(&id)?.map(|node| node.tree));
        }
    }
    let first = if head.is_some() { known.first().copied().unwrap_or(empty) } else { empty };
    let below = world.below_top();
    let missing = if world.promised()? { Severity::Warning } else { Severity::Error };
    let mut judge = Judge::new(&policy, Verdict::new(Scene::Commit));
    let began = Instant::now();
    let mut contents = Contents { objects: &objects, judge: &mut judge, missing, below, began };
    let place = Place::default();
    match git.staged(&objects, &first)? {
        Staged::Tree(tree) => contents.tree(&tree, &known, &place)?,
        Staged::Paths(paths) => {
            for (path, what, id) in paths {
                let mut before = Vec::new();
                for tree in &known {
                    before.extend(objects.at_path(tree, path.as_bytes())?);
                }
                if !before.contains(&(what, id)) {
                    let before: Vec<ObjectId> = before.into_iter().map(|(_, id)| id).collect();
                    let (path, before) = (path.as_bytes(), &before[..]);
                    contents.entry(Entry { path, what, id, before }, &place)?;
                }
            }
        }
    }
    let standing = Standing::Staged { born: head.is_some() };
    for finding in &mut judge.verdict.findings {
        finding.hints = ways::out(finding, &standing, below);
    }
    if hook && let Some(behind) = behind(&world, &objects, &policy, head, &merging)? {
        judge.verdict.extend(refs::before_commit(&policy, &behind, clock::now()));
    }
    Ok(judge.finish())
}

/// Judges what a commit would say.
pub fn message(git: &Git, message: &str) -> Result<Verdict> {
    let policy = policy::client(&World::open(git), None)?;
    let mut judge = Judge::new(&policy, Verdict::new(Scene::Commit));
    judge.text(Text::Commit, message.as_bytes(), &Place::default());
    for finding in &mut judge.verdict.findings {
        finding.hints = vec!["say it without the secret".to_owned()];
    }
    Ok(judge.finish())
}

/// Whether the branch lacks commits of what it follows, as far as that is known here.
fn behind(
    world: &World<'_>,
    objects: &Objects,
    policy: &Policy,
    head: Option<ObjectId>,
    merging: &[ObjectId],
) -> Result<Option<Behind>> {
    let (Some(head), Some(name)) = (head, world.head_ref()?) else { return Ok(None) };
    let (Some(branch), true) = (name.branch(), policy.config.work.pull_before_commit != Mode::Off)
    else {
        return Ok(None);
    };
    let remote = world.config(&format!("branch.{branch}.remote"))?;
    let merge = world.config(&format!("branch.{branch}.merge"))?;
    let upstream = match (remote.as_deref(), merge.as_deref()) {
        (Some("."), Some(merge)) => merge.to_owned(),
        (Some(remote), Some(merge)) => {
            let merge = merge.strip_prefix("refs/heads/").unwrap_or(merge);
            format!("refs/remotes/{remote}/{merge}")
        }
        _ => format!("refs/remotes/{}/{branch}", policy.config.hub.remote),
    };
    let upstream = RefName::new(upstream);
    let Some(theirs) = world.resolve(&upstream)? else { return Ok(None) };
    let mut ours = merging.to_vec();
    ours.push(head);
    let count = new_commits(objects, &[theirs], &ours)?.commits.len();
    if count == 0 {
        return Ok(None);
    }
    let (theirs, ours) = (hex(&theirs), ours.iter().map(hex).collect::<Vec<_>>());
    let ours: Vec<_> = ours.iter().collect();
    let commits = world.git.commits(&[&theirs], &ours, NAMED)?;
    let lost = Lost { commits, count, conflicts: None };
    let (branch, upstream) = (branch.as_str().to_owned(), upstream.short().to_owned());
    Ok(Some(Behind { branch, upstream, lost }))
}
