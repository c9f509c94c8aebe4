//! What changed since the services were brought up: read from git, nothing is written.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;

use anyhow::{Context, Result};

use super::state::{self, Seen, State};
use crate::base::{CommitId, Problem, RepoPath};
use crate::git::Git;
use crate::host;

/// Since when something changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// As it was asked.
    Since(CommitId),
    /// Since they were last brought up here.
    LastUp(CommitId),
    /// Since before the last pull.
    Pull(CommitId),
    /// Nothing is known.
    Nothing,
}

impl Base {
    pub fn commit(&self) -> Option<&CommitId> {
        match self {
            Self::Since(id) | Self::LastUp(id) | Self::Pull(id) => Some(id),
            Self::Nothing => None,
        }
    }

    /// The word for programs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Since(_) => "since",
            Self::LastUp(_) => "last-up",
            Self::Pull(_) => "pull",
            Self::Nothing => "nothing",
        }
    }
}

/// What is so.
#[derive(Debug, Clone)]
pub struct Facts {
    pub base: Base,
    /// The paths that changed since, in the work tree too; both sides of a rename.
    pub changed: Vec<RepoPath>,
    /// The same for each service that was brought up by name since.
    pub own: BTreeMap<String, Vec<RepoPath>>,
    /// The sources as they are now.
    pub now: Seen,
    pub state: State,
}

/// Looks. `since` is a revision as the user wrote it. Who `remembers` what was brought up needs
/// to know what is not committed; for the question what a change touches that is not worth
/// another comparison.
pub fn observe(git: &Git, since: Option<&str>, remembers: bool) -> Result<Facts> {
    let state = remembered(git)?;
    let head = git.resolve_commit("HEAD")?;
    let base = match since {
        Some(rev) => Base::Since(git.resolve_commit(rev)?.ok_or_else(|| {
            Problem::usage(
                "no-such-revision",
                format!("there is no commit {}", crate::base::plain(rev)),
            )
        })?),
        None => match known(git, state.seen.head.as_ref())? {
            Some(id) => Base::LastUp(id),
            None => before_last_pull(git)?.map_or(Base::Nothing, Base::Pull),
        },
    };
    // Two questions that each walk the whole work tree: at the same time.
    let (untracked, tracked) = std::thread::scope(|scope| {
        let untracked = scope.spawn(|| untracked(git));
        let tracked = base.commit().map_or_else(|| Ok(BTreeSet::new()), |id| differing(git, id));
        let nobody = |_| Err(anyhow::anyhow!("looking for untracked files ended badly"));
        (untracked.join().unwrap_or_else(nobody), tracked)
    });
    let untracked = untracked?;
    let with_untracked = |mut paths: BTreeSet<RepoPath>| {
        paths.extend(untracked.iter().cloned());
        paths
    };
    let mut changed = match &base {
        Base::Nothing => BTreeSet::new(),
        _ => with_untracked(tracked?),
    };
    let dirty = match &head {
        _ if !remembers => BTreeSet::new(),
        Some(head) if base.commit() == Some(head) => changed.clone(),
        Some(head) => with_untracked(differing(git, head)?),
        None => BTreeSet::new(),
    };
    let now = Seen { dirty: marks(git, &dirty), head };
    if matches!(base, Base::LastUp(_)) {
        subtract(&mut changed, &state.seen, &now, &|path| mark(git, path));
    }
    let mut own = BTreeMap::new();
    if since.is_none() {
        for (service, seen) in &state.own {
            let Some(id) = known(git, seen.head.as_ref())? else { continue };
            let mut changed = with_untracked(differing(git, &id)?);
            subtract(&mut changed, seen, &now, &|path| mark(git, path));
            own.insert(service.clone(), changed.into_iter().collect());
        }
    }
    Ok(Facts { base, changed: changed.into_iter().collect(), own, now, state })
}

/// What was remembered; what cannot be read is forgotten.
pub fn remembered(git: &Git) -> Result<State> {
    let text = host::read::file(&git.git_dir.join("gsync").join(state::FILE))?;
    Ok(text.and_then(|file| serde_json::from_slice(&file.bytes.0).ok()).unwrap_or_default())
}

/// The matchers that the repository adds.
pub fn own_matchers(git: &Git) -> Result<Option<String>> {
    match &git.work_dir {
        Some(dir) => host::read::text(&dir.join(super::matchers::FILE)),
        None => Ok(None),
    }
}

/// What was dirty then and is the same now did not change; what was dirty and is clean did.
fn subtract(
    changed: &mut BTreeSet<RepoPath>,
    then: &Seen,
    now: &Seen,
    mark: &dyn Fn(&RepoPath) -> String,
) {
    for (path, was) in &then.dirty {
        let is = now.dirty.get(path).cloned().unwrap_or_else(|| mark(path));
        if *was == is {
            changed.remove(path);
        } else {
            changed.insert(path.clone());
        }
    }
}

/// A commit that is still here.
fn known(git: &Git, id: Option<&CommitId>) -> Result<Option<CommitId>> {
    id.map_or(Ok(None), |id| git.resolve_commit(id.as_str()))
}

/// Where the branch stood before the last pull, by the memory of HEAD: the rebase of a pull
/// makes many entries, which count as one.
fn before_last_pull(git: &Git) -> Result<Option<CommitId>> {
    let args = ["log", "-g", "-z", "--max-count=300", "--format=%H%x09%gs", "HEAD", "--"];
    let Some(text) = git.ask(&args)? else { return Ok(None) };
    let entries: Vec<(&str, &str)> =
        text.split('\0').filter_map(|entry| entry.split_once('\t')).collect();
    let Some(mut at) = entries.iter().position(|(_, what)| is_pull(what)) else { return Ok(None) };
    if entries[at].1.contains("(finish)") {
        let start = entries[at..].iter().position(|(_, what)| what.contains("(start)"));
        at += start.unwrap_or(0);
    }
    Ok(entries.get(at + 1).and_then(|(id, _)| CommitId::parse(id)))
}

fn is_pull(what: &str) -> bool {
    ["pull", "merge ", "rebase (finish)", "gsync"].iter().any(|start| what.starts_with(start))
}

/// The tracked paths in which the work tree differs from a commit.
fn differing(git: &Git, base: &CommitId) -> Result<BTreeSet<RepoPath>> {
    // Without renames both sides of one are named.
    let args = ["diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", base.as_str(), "--"];
    Ok(split(&git.must_bytes(&args).context("what changed")?))
}

fn untracked(git: &Git) -> Result<BTreeSet<RepoPath>> {
    let args = ["ls-files", "--others", "--exclude-standard", "-z"];
    Ok(split(&git.must_bytes(&args).context("what is untracked")?))
}

fn split(bytes: &[u8]) -> BTreeSet<RepoPath> {
    let names = bytes.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names.map(RepoPath::new).collect()
}

fn marks(git: &Git, paths: &BTreeSet<RepoPath>) -> BTreeMap<RepoPath, String> {
    paths.iter().map(|path| (path.clone(), mark(git, path))).collect()
}

/// Size and time: what a build tool goes by too.
fn mark(git: &Git, path: &RepoPath) -> String {
    match git.dir().join(path.to_path()).symlink_metadata() {
        Ok(meta) => format!("{}:{}.{:09}", meta.len(), meta.mtime(), meta.mtime_nsec()),
        Err(_) => "gone".to_owned(),
    }
}
