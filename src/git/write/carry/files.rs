//! The files of a move: a scratch index of exactly the paths that differ, and git writing them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{Change, Entry, Index, hidden_in, index_line, null};
use crate::base::{Carry, CommitId, RepoPath};
use crate::git::{Beyond, Git};

/// The paths of a move that are files here; submodules are directories of their own.
pub(super) struct Files<'a> {
    git: &'a Git,
    scratch: &'a Path,
    changes: &'a [Change],
    /// Paths that git did not write, since a sparse checkout leaves them out.
    pub(super) hidden: RefCell<Vec<RepoPath>>,
}

/// What was there at these paths, and a scratch index that says so.
pub(super) struct Seen {
    dir: tempfile::TempDir,
    entries: BTreeMap<RepoPath, Entry>,
    pub(super) tree: CommitId,
}

impl Seen {
    pub(super) fn at(&self, path: &RepoPath) -> Option<&Entry> {
        self.entries.get(path)
    }

    fn index(&self) -> PathBuf {
        self.dir.path().join("index")
    }
}

impl<'a> Files<'a> {
    pub(super) fn new(git: &'a Git, scratch: &'a Path, changes: &'a [Change]) -> Self {
        Self { git, scratch, changes, hidden: RefCell::default() }
    }

    /// Reads what is there now.
    pub(super) fn look(&self) -> Result<Seen> {
        let dir = tempfile::tempdir_in(self.scratch).context("make a scratch folder")?;
        let index = dir.path().join("index");
        let here: Vec<&Change> = self.changes.iter().filter(|c| self.is_there(&c.path)).collect();
        // The former entries first, so that git knows what it had there: modes on file systems
        // that have none, line ends that were never made uniform.
        let seeds: Vec<u8> = here
            .iter()
            .filter_map(|change| Some((&change.path, change.from.as_ref()?)))
            .filter(|(_, entry)| !entry.is_submodule())
            .flat_map(|(path, entry)| index_line(path, entry))
            .collect();
        self.git.feed(Some(&index), &["update-index", "-z", "--index-info"], &seeds)?;
        if !here.is_empty() {
            let args = ["-c", "core.safecrlf=false", "update-index", "--add", "--remove"];
            let args = [&args[..], &["--replace", "-z", "--stdin"]].concat();
            let input = null(here.iter().map(|change| &change.path));
            self.git.feed(Some(&index), &args, &input)?;
        }
        let tree = self.git.feed_id(Some(&index), &["write-tree", "--missing-ok"], b"")?;
        let empty = self.git.empty_tree()?;
        let entries = self.git.compare_trees(&empty, &tree)?;
        let entries = entries.into_iter().filter_map(|c| Some((c.path, c.to?))).collect();
        Ok(Seen { dir, entries, tree })
    }

    /// Whether there is a file or a link, and no link on the way to it.
    fn is_there(&self, path: &RepoPath) -> bool {
        let top = self.git.dir();
        let bytes = path.as_bytes();
        let mut above = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        let is_dir = |at: usize| {
            let meta = top.join(RepoPath::new(&bytes[..at]).to_path()).symlink_metadata();
            meta.is_ok_and(|meta| meta.is_dir())
        };
        above.all(|(at, _)| is_dir(at))
            && top.join(path.to_path()).symlink_metadata().is_ok_and(|meta| !meta.is_dir())
    }

    /// Somebody may have saved a file since the snapshot, or a build may have made one.
    pub(super) fn must_be_as_announced(
        &self,
        seen: &Seen,
        index: &Index<'_>,
        carry: &Carry,
    ) -> Result<()> {
        let mut added = Vec::new();
        for change in self.changes {
            let now = seen.at(&change.path);
            let from = change.from.as_ref().filter(|entry| !entry.is_submodule());
            if change.from.is_none() {
                added.extend(change.to.clone().map(|entry| (change.path.clone(), entry)));
                continue;
            }
            if now != from && !is_clean(index, &change.path, from)? {
                bail!("{} changed in the meantime", change.path);
            }
        }
        if let Some(path) = self.git.obstacles_to(&carry.from.work, &added)?.first() {
            bail!("{path} came in the way in the meantime");
        }
        Ok(())
    }

    /// Lets git make the files what they are wanted to be. Those that are so already are not
    /// touched.
    pub(super) fn write(
        &self,
        seen: &Seen,
        wanted: impl Fn(&Change) -> Option<Entry>,
    ) -> Result<()> {
        let modes = self.modes();
        let dirs = self.submodule_dirs(&wanted);
        for dir in &dirs.1 {
            // Stays if something is in it: it is a repository, and not ours.
            let _ = fs::remove_dir(dir);
        }
        let lines: Vec<u8> = self
            .changes
            .iter()
            .filter_map(|change| Some((change, wanted(change)?)))
            .filter(|(_, entry)| !entry.is_submodule())
            .flat_map(|(change, entry)| index_line(&change.path, &entry))
            .collect();
        let goal = seen.dir.path().join("goal");
        self.git.feed(Some(&goal), &["update-index", "-z", "--index-info"], &lines)?;
        let goal = self.git.feed_id(Some(&goal), &["write-tree", "--missing-ok"], b"")?;
        if goal != seen.tree {
            let args = ["read-tree", "-m", "-u", "--no-recurse-submodules"];
            let args = [&args[..], &[seen.tree.as_str(), goal.as_str()]].concat();
            self.git.feed(Some(&seen.index()), &args, b"")?;
        }
        let listing = self.git.feed(Some(&seen.index()), &["ls-files", "-t", "-z"], b"")?;
        self.hidden.replace(hidden_in(&listing));
        for dir in dirs.0 {
            fs::create_dir_all(&dir).with_context(|| format!("make {}", dir.display()))?;
        }
        modes.iter().try_for_each(|(path, mode)| self.set_mode(path, *mode))
    }

    /// Permissions that git would not keep, of the files that are there now.
    fn modes(&self) -> Vec<(RepoPath, u32)> {
        let paths = self.changes.iter().filter(|change| change.from.is_some()).map(|c| &c.path);
        let mode = |path: &RepoPath| {
            let meta = self.git.dir().join(path.to_path()).symlink_metadata().ok()?;
            let mode = meta.permissions().mode() & 0o7777;
            let odd = meta.is_file() && !matches!(mode, 0o644 | 0o755);
            odd.then(|| (path.clone(), mode))
        };
        paths.filter_map(mode).collect()
    }

    /// Gives a file its permissions back; whether it can be executed is what git says.
    fn set_mode(&self, path: &RepoPath, mode: u32) -> Result<()> {
        let file = self.git.dir().join(path.to_path());
        let Ok(meta) = file.symlink_metadata() else { return Ok(()) };
        if !meta.is_file() {
            return Ok(());
        }
        let executable = meta.permissions().mode() & 0o100 != 0;
        if executable != (mode & 0o100 != 0) {
            return Ok(());
        }
        fs::set_permissions(&file, fs::Permissions::from_mode(mode))
            .with_context(|| format!("set the permissions of {path}"))
    }

    /// Brings back what a snapshot kept beside its trees, of the files that were written.
    pub(super) fn beyond(&self, beyond: &Beyond) -> Result<()> {
        let ours = |path: &RepoPath| self.changes.iter().any(|change| change.path == *path);
        for (path, id) in beyond.bytes.iter().filter(|(path, _)| ours(path)) {
            let file = self.git.dir().join(path.to_path());
            if file.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
                let bytes = self.git.must_bytes(&["cat-file", "blob", id.as_str()])?;
                fs::write(&file, bytes).with_context(|| format!("write {path}"))?;
            }
        }
        let modes = beyond.modes.iter().filter(|(path, _)| ours(path));
        modes.into_iter().try_for_each(|(path, mode)| self.set_mode(path, *mode))
    }

    /// Makes directories that have no file in them.
    pub(super) fn hollow(&self, dirs: &[RepoPath]) -> Result<()> {
        dirs.iter().try_for_each(|dir| {
            fs::create_dir_all(self.git.dir().join(dir.to_path()))
                .with_context(|| format!("make {dir}"))
        })
    }

    /// The directories of submodules that come, and of those that go.
    fn submodule_dirs(
        &self,
        wanted: &impl Fn(&Change) -> Option<Entry>,
    ) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let (mut come, mut go) = (Vec::new(), Vec::new());
        for change in self.changes {
            let dir = self.git.dir().join(change.path.to_path());
            let is = |entry: Option<&Entry>| entry.is_some_and(Entry::is_submodule);
            if is(wanted(change).as_ref()) {
                come.push(dir);
            } else if is(change.from.as_ref()) || is(change.to.as_ref()) {
                go.push(dir);
            }
        }
        (come, go)
    }
}

/// Whether the index holds that entry and git sees no change of the file, however it hashes;
/// a file that a sparse checkout leaves out counts as clean.
fn is_clean(index: &Index<'_>, path: &RepoPath, entry: Option<&Entry>) -> Result<bool> {
    let one = |flag: &str| -> Result<Vec<u8>> {
        let name = std::str::from_utf8(path.as_bytes()).unwrap_or_default();
        index.feed(&["--literal-pathspecs", "ls-files", "-z", flag, "--", name], b"")
    };
    let Some(Entry { mode, id }) = entry else { return Ok(false) };
    let same = one("-s")?.starts_with(format!("{mode:o} {id} 0\t").as_bytes());
    Ok(same && one("-m")?.is_empty())
}
