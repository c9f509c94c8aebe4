//! Small states on the hub, each in a ref of its own below `refs/gsync/`: listed by
//! `ls-remote`, fetched by object id into a place that is thrown away. No ref of this clone
//! moves, and nothing of it is in the repository afterwards.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use gix::ObjectId;

use super::forecast::Scratch;
use super::objects::Objects;
use super::tip::{Heard, ls_remote, talking};
use super::{Git, What};
use crate::base::{CommitId, RefName, RepoPath, plain};
use crate::host::process::{Ended, run};

/// A tree or a commit around a small state is not larger than this.
const WRAPPING: u64 = 64 << 10;

/// What the hub lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listing {
    Refs(Vec<(RefName, CommitId)>),
    Unreachable(String),
}

/// Contents of small states: nothing for one that cannot be had or is not of that shape.
pub type Entries = Vec<(CommitId, Option<Vec<u8>>)>;

impl Git {
    /// The refs of a remote below these prefixes.
    pub fn states(&self, remote: &str, below: &[&str], deadline: Duration) -> Result<Listing> {
        let patterns: Vec<String> = below.iter().map(|prefix| format!("{prefix}*")).collect();
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        Ok(match ls_remote(self, &["--quiet"], remote, &patterns, deadline)? {
            Heard::TimedOut => Listing::Unreachable(format!("{} did not answer", plain(remote))),
            Heard::Refs(refs) => {
                // A pattern also matches at the end of longer names.
                let here = |name: &str| below.iter().any(|prefix| name.starts_with(prefix));
                Listing::Refs(refs.into_iter().filter(|(name, _)| here(name.as_str())).collect())
            }
            Heard::Refused(refusal) => Listing::Unreachable(refusal.complaint),
        })
    }

    /// The file of that name in each of these commits, at most so large. They were listed just
    /// now. Nothing: the hub does not hand them out in time.
    pub fn state_files(
        &self,
        remote: &str,
        ids: &[CommitId],
        file: &str,
        most: u64,
        deadline: Duration,
    ) -> Result<Option<Entries>> {
        let Some(first) = ids.first() else { return Ok(Some(Vec::new())) };
        let scratch = Scratch::new(self)?;
        let until = Instant::now() + deadline;
        if !self.fetch_states(remote, ids, &scratch, until)? {
            return Ok(None);
        }
        let hash = match first.as_str().len() {
            64 => gix::hash::Kind::Sha256,
            _ => gix::hash::Kind::Sha1,
        };
        // What a clone by hard links brought along is not fetched a second time.
        let here = self.common_dir.join("objects");
        let objects = Objects::of(&[scratch.path(), &here], hash)?;
        let read = |id: &CommitId| state_file(&objects, id, file, most).ok().flatten();
        Ok(Some(ids.iter().map(|id| (id.clone(), read(id))).collect()))
    }

    /// The paths that commits change which the hidden ones do not contain.
    pub fn changed_by(&self, tip: &CommitId, hidden: &[CommitId]) -> Result<Vec<RepoPath>> {
        let mut args = vec!["log", "-z", "--name-only", "--no-renames", "--format="];
        args.extend(["--max-count=500", tip.as_str(), "--not"]);
        args.extend(hidden.iter().take(200).map(CommitId::as_str));
        args.push("--");
        let out = self.must_bytes(&args)?;
        let names = out.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        let mut paths: Vec<RepoPath> = names.map(RepoPath::new).collect();
        paths.sort();
        paths.dedup();
        Ok(paths)
    }

    /// Fetches objects into a scratch place. If the hub cannot hand out all of them, the halves
    /// are tried: one broken state must not hide the others. False: there was no time, or
    /// nothing came at all.
    fn fetch_states(
        &self,
        remote: &str,
        ids: &[CommitId],
        scratch: &Scratch,
        until: Instant,
    ) -> Result<bool> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        let mut command = talking(self, left)?;
        scratch.lend(&mut command);
        // Nothing of ours leads to a state, so the hub is not told what we have. What comes is
        // judged when it is read, and goes where nobody else looks.
        command.args(["-c", "fetch.negotiationAlgorithm=noop", "-c", "core.fsync=none"]);
        command.args(["-c", "fetch.fsckObjects=false", "-c", "transfer.fsckObjects=false"]);
        command.args(["-c", "maintenance.auto=false", "-c", "gc.auto=0"]);
        // What our own refs lead to has nothing to do with it, and takes two processes to list;
        // and so many small objects are sooner unpacked than handed to threads.
        command.args(["-c", "core.alternateRefsCommand=true", "-c", "pack.threads=1"]);
        command.args(["fetch", "--quiet", "--no-progress", "--no-tags", "--no-prune"]);
        command.args(["--no-write-fetch-head", "--no-recurse-submodules", "--refmap="]);
        // A partial clone wants trees without contents; a state is its content.
        command.args(["--no-filter", "--stdin", "--", remote]);
        let input: String = ids.iter().map(|id| format!("{id}\n")).collect();
        match run(&mut command, input.as_bytes(), left)? {
            Ended::TimedOut => Ok(false),
            Ended::Exited(out) if out.status.success() => Ok(true),
            Ended::Exited(_) if ids.len() > 1 => {
                let (one, other) = ids.split_at(ids.len() / 2);
                let one = self.fetch_states(remote, one, scratch, until)?;
                let other = self.fetch_states(remote, other, scratch, until)?;
                Ok(one || other)
            }
            Ended::Exited(_) => Ok(false),
        }
    }
}

fn state_file(
    objects: &Objects,
    commit: &CommitId,
    file: &str,
    most: u64,
) -> Result<Option<Vec<u8>>> {
    let id = ObjectId::from_hex(commit.as_str().as_bytes()).context("an object id")?;
    // The size is looked at before anything is unpacked.
    let small = |id: &ObjectId, most: u64| -> Result<bool> {
        Ok(objects.header(id)?.is_some_and(|(_, size)| size <= most))
    };
    if !small(&id, WRAPPING)? {
        return Ok(None);
    }
    let Some(node) = objects.commit(&id)? else { return Ok(None) };
    if !small(&node.tree, WRAPPING)? {
        return Ok(None);
    }
    match objects.at_path(&node.tree, file.as_bytes())? {
        Some((What::File, blob)) if small(&blob, most)? => {
            Ok(objects.data(&blob)?.map(|(_, data)| data))
        }
        _ => Ok(None),
    }
}
