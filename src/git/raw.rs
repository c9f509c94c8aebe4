//! Trees and commits: read, compared, and written as objects that nothing points at yet. Such
//! objects change nothing that a person has; git's own garbage collection takes the unused ones.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use gix::objs::Kind;

use super::Git;
use super::ask::{not_run, refusal, trimmed};
use crate::base::{CommitId, RepoPath};

/// So many paths go onto a command line.
const AT_ONCE: usize = 500;

/// What a tree or an index has at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub mode: u32,
    pub id: CommitId,
}

impl Entry {
    pub fn is_submodule(&self) -> bool {
        self.mode == 0o160_000
    }
}

/// One path that two trees do not have alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub path: RepoPath,
    pub from: Option<Entry>,
    pub to: Option<Entry>,
}

impl Git {
    /// Runs git with something on its input, on the real index or on a scratch one.
    pub fn feed(&self, index: Option<&Path>, args: &[&str], input: &[u8]) -> Result<Vec<u8>> {
        let mut command = self.command();
        if let Some(index) = index {
            command.env("GIT_INDEX_FILE", index);
        }
        command.env("GIT_OPTIONAL_LOCKS", "0").args(args);
        self.feed_to(command, args, input)
    }

    /// Runs a git command with something on its input; `args` are what to call it.
    pub(super) fn feed_to(
        &self,
        mut command: Command,
        args: &[&str],
        input: &[u8],
    ) -> Result<Vec<u8>> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|err| not_run(err, args, self.dir()))?;
        let mut stdin = child.stdin.take().context("a pipe")?;
        let input = input.to_vec();
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let out = child.wait_with_output()?;
        let _ = writer.join();
        if out.status.success() { Ok(out.stdout) } else { Err(refusal(args, &out).into()) }
    }

    /// The same, where the answer is an object id.
    pub fn feed_id(&self, index: Option<&Path>, args: &[&str], input: &[u8]) -> Result<CommitId> {
        let out = trimmed(&self.feed(index, args, input)?);
        CommitId::parse(&out).with_context(|| format!("git {} gave no id", args[0]))
    }

    /// The tree of a commit.
    pub fn tree_of(&self, commit: &CommitId) -> Result<CommitId> {
        if let Some(tree) = self.stored_tree_of(commit) {
            return Ok(tree);
        }
        let rev = format!("{commit}^{{tree}}");
        let id = self.must(&["rev-parse", "--verify", "--end-of-options", &rev])?;
        CommitId::parse(&id).context("a commit has a tree")
    }

    /// The tree without anything in it.
    pub fn empty_tree(&self) -> Result<CommitId> {
        self.write(Kind::Tree, b"")
    }

    /// Stores an object.
    pub(super) fn write(&self, kind: Kind, bytes: &[u8]) -> Result<CommitId> {
        if let Some(written) = self.store_object(kind, bytes) {
            return written;
        }
        let kind = kind.to_string();
        self.feed_id(None, &["hash-object", "-t", &kind, "-w", "--stdin"], bytes)
    }

    /// How two trees differ, path by path; a rename is two paths.
    pub fn compare_trees(&self, from: &CommitId, to: &CommitId) -> Result<Vec<Change>> {
        if from == to {
            return Ok(Vec::new());
        }
        match self.stored_changes(from, to) {
            Some(changes) => Ok(changes),
            None => self.told_changes(from, to),
        }
    }

    /// The same, where git has to be asked.
    pub(super) fn told_changes(&self, from: &CommitId, to: &CommitId) -> Result<Vec<Change>> {
        let args = ["diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev"];
        let args = [&args[..], &[from.as_str(), to.as_str()]].concat();
        let out = self.must_bytes(&args)?;
        let mut words = out.split(|byte| *byte == 0).filter(|word| !word.is_empty());
        let mut changes = Vec::new();
        while let (Some(head), Some(path)) = (words.next(), words.next()) {
            let head = String::from_utf8_lossy(head);
            let mut parts = head.trim_start_matches(':').split(' ');
            let mut part = || parts.next().unwrap_or_default().to_owned();
            let (mode_from, mode_to, id_from, id_to) = (part(), part(), part(), part());
            changes.push(Change {
                path: RepoPath::new(path),
                from: entry(&mode_from, &id_from),
                to: entry(&mode_to, &id_to),
            });
        }
        Ok(changes)
    }

    /// What a tree has at these paths.
    pub fn entries(
        &self,
        tree: &CommitId,
        paths: &[RepoPath],
    ) -> Result<BTreeMap<RepoPath, Entry>> {
        if paths.is_empty() {
            return Ok(BTreeMap::new());
        }
        if let Some(known) = self.stored_entries(tree, paths) {
            return Ok(known);
        }
        self.told_entries(tree, paths)
    }

    /// The same, where git has to be asked.
    pub(super) fn told_entries(
        &self,
        tree: &CommitId,
        paths: &[RepoPath],
    ) -> Result<BTreeMap<RepoPath, Entry>> {
        let mut found = BTreeMap::new();
        // A command line holds so much and no more.
        for some in paths.chunks(AT_ONCE) {
            let mut command = self.command();
            // With `-t`: a path may be a directory that another of them leads into.
            command.args(["--literal-pathspecs", "ls-tree", "-t", "-z", "--full-tree"]);
            command.args([tree.as_str(), "--"]).args(some.iter().map(RepoPath::to_path));
            let out = super::ask::finish(&mut command, &[])?;
            let wanted: BTreeSet<&[u8]> = some.iter().map(RepoPath::as_bytes).collect();
            for line in out.split(|byte| *byte == 0) {
                let mut halves = line.splitn(2, |byte| *byte == b'\t');
                let (Some(head), Some(path)) = (halves.next(), halves.next()) else { continue };
                if !wanted.contains(path) {
                    continue;
                }
                let head = String::from_utf8_lossy(head);
                let mut words = head.split(' ');
                let (mode, _, id) = (words.next(), words.next(), words.next());
                let entry = entry(mode.unwrap_or_default(), id.unwrap_or_default());
                found.extend(entry.map(|entry| (RepoPath::new(path), entry)));
            }
        }
        Ok(found)
    }

    /// A commit as git stores it.
    pub fn raw_commit(&self, id: &CommitId) -> Result<Vec<u8>> {
        match self.stored(id, Kind::Commit) {
            Some(bytes) => Ok(bytes),
            None => self.must_bytes(&["cat-file", "commit", id.as_str()]),
        }
    }

    /// Stores a commit object. `people` are its author and committer lines and what follows
    /// them, the message behind an empty line.
    pub fn write_commit(
        &self,
        tree: &CommitId,
        parents: &[&CommitId],
        people: &[u8],
    ) -> Result<CommitId> {
        let mut raw = format!("tree {tree}\n").into_bytes();
        for parent in parents {
            raw.extend_from_slice(format!("parent {parent}\n").as_bytes());
        }
        raw.extend_from_slice(people);
        self.write(Kind::Commit, &raw)
    }

    /// A commit that only carries a tree into a merge; nothing ever points at it.
    pub fn carrier(&self, tree: &CommitId, parent: Option<&CommitId>) -> Result<CommitId> {
        self.write_commit(tree, parent.as_slice(), &by_gsync(0, ""))
    }

    /// Merges two trees over the tree of a commit, in memory. The conflicting paths, if any.
    ///
    /// The base is given to git as the common parent of two made-up commits, which every git
    /// since 2.38 understands; `--merge-base` came later.
    pub fn merge_trees(
        &self,
        base: &CommitId,
        ours: &CommitId,
        theirs: &CommitId,
        renames: bool,
    ) -> Result<Merged> {
        let ours = self.carrier(ours, Some(base))?;
        let theirs = self.carrier(theirs, Some(base))?;
        self.merge_commits(&ours, &theirs, renames)
    }

    /// Merges two commits in memory, as `git merge` would.
    pub fn merge_commits(
        &self,
        ours: &CommitId,
        theirs: &CommitId,
        renames: bool,
    ) -> Result<Merged> {
        let mut args = Vec::new();
        if !renames {
            args.extend(["-c", "merge.renames=false", "-c", "merge.directoryRenames=false"]);
        }
        args.extend(["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages"]);
        args.extend([ours.as_str(), theirs.as_str()]);
        let out = self.output(&args)?;
        if !matches!(out.status.code(), Some(0 | 1)) {
            return Err(refusal(&["merge-tree"], &out).into());
        }
        let mut words = out.stdout.split(|byte| *byte == 0);
        let tree = words.next().map(trimmed).and_then(|id| CommitId::parse(&id));
        let tree = tree.context("git merge-tree gave no tree")?;
        if out.status.success() {
            return Ok(Merged::Clean(tree));
        }
        let sides = [ours, theirs];
        let paths = words.take_while(|word| !word.is_empty());
        let mut paths: Vec<_> = paths.map(|path| RepoPath::new(own_name(path, sides))).collect();
        paths.sort();
        paths.dedup();
        Ok(Merged::Conflict(paths))
    }
}

/// The name that people know a path by. Where a file meets a directory, git moves it to the side
/// under the name of the commit it came from, such as `d~c3ab..`.
fn own_name<'a>(path: &'a [u8], sides: [&CommitId; 2]) -> &'a [u8] {
    let digits = path.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let numbered = path[..path.len() - digits].strip_suffix(b"_").filter(|_| digits > 0);
    for path in numbered.into_iter().chain([path]) {
        for side in sides {
            let suffix = [b"~", side.as_str().as_bytes()].concat();
            if let Some(name) = path.strip_suffix(&suffix[..]) {
                return name;
            }
        }
    }
    path
}

/// What came of a merge in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merged {
    Clean(CommitId),
    Conflict(Vec<RepoPath>),
}

/// The lines of a commit that gsync itself is the author of.
pub fn by_gsync(time: i64, message: &str) -> Vec<u8> {
    let who = format!("gsync <gsync@localhost> {time} +0000");
    format!("author {who}\ncommitter {who}\n\n{message}").into_bytes()
}

fn entry(mode: &str, id: &str) -> Option<Entry> {
    let mode = u32::from_str_radix(mode, 8).ok().filter(|mode| *mode != 0)?;
    Some(Entry { mode, id: CommitId::parse(id)? })
}
