//! Uncommitted work as a commit, and what two such works would meet in a merge. Objects of
//! other clones are kept in a place of gsync's own beside the repository's: no ref leads to
//! them, and no command of git looks there by itself.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use super::ask::refusal;
use super::forecast::Scratch;
use super::porcelain::offline;
use super::raw::by_gsync;
use super::tip::talking;
use super::{Git, Merged};
use crate::base::{CommitId, RepoPath};
use crate::host::process::{Ended, run};
use crate::host::read;

/// More packs than that are thrown away, and what is still wanted is fetched again.
const PACKS: usize = 40;

/// A place to merge in: all objects that are here can be read, new ones are thrown away.
pub struct Bench<'git> {
    git: &'git Git,
    pub(super) scratch: Scratch,
}

impl Git {
    fn others_dir(&self) -> PathBuf {
        self.gsync_dir().join("objects")
    }

    /// Fetches commits of others with all that belongs to them. False: they cannot be had.
    pub fn fetch_others(&self, remote: &str, ids: &[CommitId], limit: Duration) -> Result<bool> {
        if ids.is_empty() {
            return Ok(true);
        }
        let dir = self.others_dir();
        // This is a cache of gsync's own; without it nothing is lost.
        std::fs::create_dir_all(&dir).with_context(|| format!("make {}", dir.display()))?;
        let mut command = talking(self, limit)?;
        Scratch::lend_dir(self, &dir, &mut command);
        command.args(["-c", "maintenance.auto=false", "-c", "gc.auto=0"]);
        // In packs, which are easier to count and to throw away.
        command.args(["-c", "fetch.unpackLimit=1"]);
        command.args(["fetch", "--quiet", "--no-progress", "--no-tags", "--no-prune"]);
        command.args([
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--refmap=",
            "--no-filter",
        ]);
        command.args(["--stdin", "--", remote]);
        let input: String = ids.iter().map(|id| format!("{id}\n")).collect();
        Ok(match run(&mut command, input.as_bytes(), limit)? {
            Ended::Exited(out) => out.status.success(),
            Ended::TimedOut => false,
        })
    }

    /// Whether the place for the objects of others has become too full, or is not there.
    pub fn others_are_stale(&self) -> bool {
        let packs = read::names(&self.others_dir().join("pack")).unwrap_or_default().len();
        packs == 0 || packs > PACKS * 3
    }

    /// Throws it away.
    pub fn drop_others(&self) {
        let _ = std::fs::remove_dir_all(self.others_dir());
    }

    pub fn bench(&self) -> Result<Bench<'_>> {
        let mut scratch = Scratch::new(self)?;
        scratch.see(&self.others_dir());
        Ok(Bench { git: self, scratch })
    }
}

impl Bench<'_> {
    fn ask(&self, index: Option<&PathBuf>, args: &[&str], input: &[u8]) -> Result<Vec<u8>> {
        let mut command = offline(self.git.command());
        self.scratch.lend(&mut command);
        if let Some(index) = index {
            command.env("GIT_INDEX_FILE", index);
        }
        command.args(args);
        match run(&mut command, input, Duration::from_mins(2))? {
            Ended::Exited(out) if out.status.success() => Ok(out.stdout),
            Ended::Exited(out) => Err(refusal(args, &out).into()),
            Ended::TimedOut => anyhow::bail!("git {} did not end", args[0]),
        }
    }

    fn id(&self, index: Option<&PathBuf>, args: &[&str], input: &[u8]) -> Result<CommitId> {
        let out = self.ask(index, args, input)?;
        let text = String::from_utf8_lossy(&out);
        CommitId::parse(text.trim()).with_context(|| format!("git {} gave no id", args[0]))
    }

    fn commit(&self, tree: &CommitId, parents: &[&CommitId]) -> Result<CommitId> {
        let mut raw = format!("tree {tree}\n").into_bytes();
        for parent in parents {
            raw.extend(format!("parent {parent}\n").into_bytes());
        }
        // Without a time: the same work is the same commit.
        raw.extend(by_gsync(0, "uncommitted work\n"));
        self.id(None, &["hash-object", "-t", "commit", "-w", "--stdin"], &raw)
    }

    /// The work tree, untracked files too, as a commit on HEAD; HEAD itself if it is clean.
    pub fn work(&self, head: &CommitId, clean: bool) -> Result<CommitId> {
        if clean {
            return Ok(head.clone());
        }
        let index = self.scratch.path().join("index");
        self.git.index_copied(&index)?;
        let add = ["-c", "core.safecrlf=false", "-c", "advice.addEmbeddedRepo=false", "add", "-A"];
        self.ask(Some(&index), &add, b"")?;
        let tree = self.id(Some(&index), &["write-tree"], b"")?;
        self.commit(&tree, &[head])
    }

    /// What merging two commits would meet. Nothing: git cannot say.
    pub fn merge(&self, ours: &CommitId, theirs: &CommitId) -> Result<Option<Merged>> {
        let mut command = offline(self.git.command());
        self.scratch.lend(&mut command);
        command.args(["merge-tree", "--write-tree", "--name-only", "--no-messages", "-z"]);
        command.args([ours.as_str(), theirs.as_str()]);
        let out = command.output().context("run git merge-tree")?;
        let mut parts = out.stdout.split(|byte| *byte == 0).filter(|part| !part.is_empty());
        let tree = parts.next().and_then(|id| CommitId::parse(&String::from_utf8_lossy(id)));
        Ok(match (out.status.code(), tree) {
            (Some(0), Some(tree)) => Some(Merged::Clean(tree)),
            (Some(1), Some(_)) => {
                let mut paths: Vec<RepoPath> = parts.map(RepoPath::new).collect();
                paths.dedup();
                Some(Merged::Conflict(paths))
            }
            _ => None,
        })
    }

    /// The merge of two commits, if there is no conflict.
    pub fn merged(&self, ours: &CommitId, theirs: &CommitId) -> Result<Option<CommitId>> {
        match self.merge(ours, theirs)? {
            Some(Merged::Clean(tree)) => self.commit(&tree, &[ours, theirs]).map(Some),
            _ => Ok(None),
        }
    }
}
