//! What pulling would bring, found out in memory: no file and no ref changes, and what git
//! has to write on the way goes to a place that is thrown away.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::raw::Change;
use super::{Git, ask::refusal, porcelain::offline};
use crate::base::{CommitId, RepoPath};
use crate::host::read;

/// A path that pulling would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    pub path: RepoPath,
    /// What is new there now; nothing if it goes.
    pub blob: Option<CommitId>,
    /// git's mode of what is new, such as `100644`.
    pub mode: String,
    /// It was not there before.
    pub added: bool,
}

/// What pulling would do to the commits and the tree of HEAD.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forecast {
    /// Paths on which the commits of both sides conflict.
    pub conflicts: Vec<RepoPath>,
    pub incoming: Vec<Incoming>,
}

impl Git {
    /// Whether two commits have one in common.
    pub fn are_related(&self, a: &CommitId, b: &CommitId) -> Result<bool> {
        match self.stored_related(a, b) {
            Some(related) => Ok(related),
            None => Ok(self.ask(&["merge-base", a.as_str(), b.as_str()])?.is_some()),
        }
    }

    /// Merges two commits in memory. Nothing: git cannot say (objects that are not here,
    /// histories without a common beginning).
    pub fn forecast(
        &self,
        ours: &CommitId,
        theirs: &CommitId,
        forward: bool,
    ) -> Result<Option<Forecast>> {
        if forward {
            let incoming = self.tree_changes(ours, theirs, None)?;
            return Ok(incoming.map(|incoming| Forecast { conflicts: Vec::new(), incoming }));
        }
        match self.simple_forecast(ours, theirs) {
            Some(forecast) => Ok(Some(forecast)),
            None => self.told_forecast(ours, theirs),
        }
    }

    /// Where the two sides have nothing to do with each other, which is most often so.
    pub(super) fn simple_forecast(&self, ours: &CommitId, theirs: &CommitId) -> Option<Forecast> {
        let (ours, theirs) = self.stored_sides(ours, theirs)?;
        keep_apart(&ours, &theirs).then(|| Forecast {
            conflicts: Vec::new(),
            incoming: theirs.into_iter().map(incoming).collect(),
        })
    }

    /// The same, where git has to merge them.
    pub(super) fn told_forecast(
        &self,
        ours: &CommitId,
        theirs: &CommitId,
    ) -> Result<Option<Forecast>> {
        let scratch = Scratch::new(self)?;
        let mut command = offline(self.command());
        scratch.lend(&mut command);
        command.args(["merge-tree", "--write-tree", "--name-only", "--no-messages", "-z"]);
        command.args([ours.as_str(), theirs.as_str()]);
        let out = command.output().context("run git merge-tree")?;
        let mut parts = out.stdout.split(|byte| *byte == 0).filter(|part| !part.is_empty());
        let tree = parts.next().and_then(|id| CommitId::parse(&String::from_utf8_lossy(id)));
        let (Some(0 | 1), Some(tree)) = (out.status.code(), tree) else { return Ok(None) };
        let conflicts = parts.map(RepoPath::new).collect();
        let incoming = self.tree_changes(ours, &tree, Some(&scratch))?;
        Ok(incoming.map(|incoming| Forecast { conflicts, incoming }))
    }

    fn tree_changes(
        &self,
        from: &CommitId,
        to: &CommitId,
        scratch: Option<&Scratch>,
    ) -> Result<Option<Vec<Incoming>>> {
        let mut command = offline(self.command());
        match scratch {
            Some(scratch) => scratch.lend(&mut command),
            None => {
                let trees = self.stored_tree_of(from).zip(self.stored_tree_of(to));
                let changes = trees.and_then(|(from, to)| self.stored_changes(&from, &to));
                if let Some(changes) = changes {
                    return Ok(Some(changes.into_iter().map(incoming).collect()));
                }
            }
        }
        command.args(["diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev"]);
        command.args([from.as_str(), to.as_str(), "--"]);
        let out = command.output().context("run git diff-tree")?;
        if !out.status.success() {
            return Ok(None);
        }
        read_raw(&out.stdout).map(Some)
    }

    /// Whether a file of the work tree is what is coming in, byte for byte after git's filters.
    pub fn is_already(&self, incoming: &Incoming) -> Result<bool> {
        let Some(work_dir) = &self.work_dir else { return Ok(false) };
        let path = work_dir.join(incoming.path.to_path());
        let Some(blob) = &incoming.blob else { return Ok(!read::exists(&path)) };
        if let Some(target) = read::link(&path)? {
            let args = ["cat-file", "blob", blob.as_str()];
            let out = offline(self.command()).args(args).output().context("run git cat-file")?;
            let same = out.status.success() && out.stdout == target.as_os_str().as_bytes();
            return Ok(incoming.mode == "120000" && same);
        }
        if !path.is_file() || incoming.mode == "120000" || incoming.mode == "160000" {
            return Ok(false);
        }
        let mut command = self.command();
        command.args(["hash-object", "--"]).arg(OsStr::from_bytes(incoming.path.as_bytes()));
        let out = command.output().context("run git hash-object")?;
        if !out.status.success() {
            return Err(refusal(&["hash-object"], &out).into());
        }
        Ok(super::ask::trimmed(&out.stdout) == blob.as_str())
    }

    /// What is in the way of a new path: something that is not tracked, at the path itself
    /// or where one of its directories has to be.
    pub fn in_the_way(&self, path: &RepoPath) -> Option<RepoPath> {
        let work_dir = self.work_dir.as_ref()?;
        let bytes = path.as_bytes();
        let slashes = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        for (at, _) in slashes {
            let above = RepoPath::new(&bytes[..at]);
            let kind = work_dir.join(above.to_path()).symlink_metadata();
            match kind {
                Ok(meta) if meta.is_dir() => {}
                Ok(_) => return Some(above),
                Err(_) => return None,
            }
        }
        let full = work_dir.join(path.to_path());
        // git removes an empty directory by itself.
        let empty = || std::fs::read_dir(&full).is_ok_and(|mut all| all.next().is_none());
        (read::exists(&full) && !empty()).then(|| path.clone())
    }
}

fn incoming(change: Change) -> Incoming {
    let Change { path, from, to } = change;
    let mode = to.as_ref().map_or_else(|| "000000".to_owned(), |to| format!("{:06o}", to.mode));
    Incoming { path, blob: to.map(|to| to.id), mode, added: from.is_none() }
}

/// Whether merging two sides is putting their changes together: no path is changed by both, no
/// file is where the other side has a directory, and nothing goes. Where something goes it may
/// have been renamed, and then the other side's changes go with it.
fn keep_apart(ours: &[Change], theirs: &[Change]) -> bool {
    let stays = |change: &Change| {
        let kind = |mode: u32| mode & 0o170_000;
        match (&change.from, &change.to) {
            (Some(from), Some(to)) => kind(from.mode) == kind(to.mode),
            (None, Some(_)) => true,
            (_, None) => false,
        }
    };
    if !ours.iter().chain(theirs).all(stays) {
        return false;
    }
    let mut paths: Vec<&[u8]> =
        ours.iter().chain(theirs).map(|change| change.path.as_bytes()).collect();
    // A path and what is below it are neighbours if a slash comes before all else.
    let key =
        |path: &&[u8]| path.split(|byte| *byte == b'/').map(<[u8]>::to_vec).collect::<Vec<_>>();
    paths.sort_by_cached_key(key);
    paths.windows(2).all(|pair| {
        let [one, next] = pair else { return true };
        one != next && !(next.starts_with(one) && next.get(one.len()) == Some(&b'/'))
    })
}

/// Reads `:100644 100644 <old> <new> M NUL path NUL` and so on.
fn read_raw(bytes: &[u8]) -> Result<Vec<Incoming>> {
    let mut parts = bytes.split(|byte| *byte == 0).filter(|part| !part.is_empty());
    let mut found = Vec::new();
    while let (Some(what), Some(path)) = (parts.next(), parts.next()) {
        let what = String::from_utf8_lossy(what).into_owned();
        let fields: Vec<&str> = what.trim_start_matches(':').split(' ').collect();
        let &[_, mode, _, new, letter] = fields.as_slice() else {
            bail!("git diff-tree said something that gsync does not understand");
        };
        let blob = CommitId::parse(new).filter(|id| !id.is_zero());
        let path = RepoPath::new(path);
        found.push(Incoming { path, blob, mode: mode.to_owned(), added: letter == "A" });
    }
    Ok(found)
}

/// A place for objects that nobody needs afterwards.
pub(super) struct Scratch {
    dir: TempDir,
    real: OsString,
}

impl Scratch {
    pub(super) fn new(git: &Git) -> Result<Self> {
        let dir = TempDir::with_prefix("gsync-").context("make a temporary directory")?;
        Ok(Self { dir, real: quoted(&git.common_dir.join("objects")) })
    }

    /// Objects of another directory can be read too.
    pub(super) fn see(&mut self, dir: &Path) {
        self.real.push(":");
        self.real.push(quoted(dir));
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn lend(&self, command: &mut Command) {
        command
            .env("GIT_OBJECT_DIRECTORY", self.dir.path())
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", &self.real);
    }

    /// The same with a directory that stays.
    pub(super) fn lend_dir(git: &Git, dir: &Path, command: &mut Command) {
        command
            .env("GIT_OBJECT_DIRECTORY", dir)
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", quoted(&git.common_dir.join("objects")));
    }
}

/// The list is separated by colons, unless an entry is quoted.
fn quoted(dir: &Path) -> OsString {
    let mut real = vec![b'"'];
    for byte in dir.as_os_str().as_bytes() {
        if matches!(byte, b'"' | b'\\') {
            real.push(b'\\');
        }
        real.push(*byte);
    }
    real.push(b'"');
    OsStr::from_bytes(&real).to_owned()
}
