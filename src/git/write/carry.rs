//! Moving branch, index and work tree from one place to another, once.
//!
//! While a move is under way it holds git's own `index.lock`. A mark beside the index says that
//! it was begun, so that a move that was killed is told from one that never was. The files are
//! written by git (`read-tree -m -u` on a scratch index of exactly the paths that differ), so its
//! filters, links, modes and sparse rules hold, and it looks again at each file it goes over.

mod files;
mod fit;
mod mend;
mod room;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::base::{Carry, CommitId, RefName, RepoPath};
use crate::git::Git;
use crate::git::raw::{Change, Entry};
use crate::git::snapshot::put_index_time;
use crate::host::progress;
use files::Files;

pub use mend::mend;

/// A place where the crash tests can stop, and a person who says stop is obeyed.
pub type Point<'a> = &'a mut dyn FnMut(&str) -> Result<()>;

/// Makes the move. What it finds other than announced, it leaves alone.
pub fn carry(git: &Git, carry: &Carry, point: Point<'_>) -> Result<()> {
    progress::doing("moving the files");
    let scratch = git.scratch_dir()?;
    let lock = IndexLock::take(git, &carry.snapshot)?;
    let index = Index::copied(git, &scratch)?;
    if git.head_branch()?.as_ref() != Some(&carry.branch)
        || git.resolve_ref(&carry.branch)? != carry.from.commit
    {
        bail!("{} moved in the meantime", carry.branch.short());
    }
    if index.tree()? != carry.from.index {
        bail!("the index changed in the meantime");
    }
    let changes = git.compare_trees(&carry.from.work, &carry.to.work)?;
    let files = Files::new(git, &scratch, &changes);
    let seen = files.look()?;
    files.must_be_as_announced(&seen, &index, carry)?;
    room::keep(git, &changes)?;
    fs::write(mark(git)?, carry.snapshot.as_str()).context("write down that the move begins")?;
    point("move begun")?;
    files.write(&seen, |change| change.to.clone()).map_err(|why| room::explained(git, why))?;
    files.hollow(&carry.hollow_after)?;
    if let Some(snapshot) = &carry.restore {
        files.beyond(&git.snapshot_notes(snapshot)?.beyond)?;
    }
    point("files written")?;
    match &carry.restore {
        Some(snapshot) => index.put_bytes(snapshot)?,
        None => index.bring(carry, &files)?,
    }
    point("index made")?;
    if carry.from.commit != carry.to.commit {
        let to = carry.to.commit.as_ref();
        move_branch(git, &carry.branch, to, carry.from.commit.as_ref(), &carry.reflog)?;
    }
    point("branch moved")?;
    index.put_in_place()?;
    point("index in place")?;
    // From here on the move is whole: what somebody builds on it is no half of anything.
    fs::write(mark(git)?, whole(carry)).context("write down that the move is done")?;
    room::give(git);
    point("move done")?;
    drop(lock);
    Ok(())
}

/// Moves the branch, if it stands where we saw it, and says so in the reflog.
fn move_branch(
    git: &Git,
    branch: &RefName,
    to: Option<&CommitId>,
    from: Option<&CommitId>,
    why: &str,
) -> Result<()> {
    let letters = to.or(from).map_or(40, |id| id.as_str().len());
    let none = "0".repeat(letters);
    let from = from.map_or(none.as_str(), CommitId::as_str);
    let name = branch.as_str();
    let args = match to {
        Some(to) => vec!["update-ref", "-m", why, name, to.as_str(), from],
        None => vec!["update-ref", "-d", name, from],
    };
    git.feed(None, &args, b"").map(drop)
}

/// Where it is written down that a move was begun.
fn mark(git: &Git) -> Result<PathBuf> {
    Ok(git.scratch_dir()?.join("moving"))
}

/// What the mark says when the move is whole.
fn whole(carry: &Carry) -> String {
    format!("{} whole", carry.snapshot)
}

/// git's own lock of the index. It holds the id of the snapshot, so that the lock of a killed
/// move is known for what it is.
pub(super) struct IndexLock {
    path: PathBuf,
}

impl IndexLock {
    pub(super) fn take(git: &Git, snapshot: &CommitId) -> Result<Self> {
        let path = git.git_dir.join("index.lock");
        let text = format!("gsync {snapshot}\n");
        let beside = git.scratch_dir()?.join("index.lock");
        fs::write(&beside, &text).context("lock the index")?;
        let linked = fs::hard_link(&beside, &path);
        let _ = fs::remove_file(&beside);
        match linked {
            Ok(()) => Ok(Self { path }),
            Err(err) if err.kind() == ErrorKind::AlreadyExists => {
                if Self::is_ours(&path) {
                    return Ok(Self { path });
                }
                bail!("another git holds the index: {} exists", path.display())
            }
            Err(err) => Err(err).context("lock the index"),
        }
    }
}

impl IndexLock {
    /// Whether a gsync took it. We hold the lock of the repository, so that one is dead.
    fn is_ours(path: &Path) -> bool {
        fs::read(path).is_ok_and(|there| there.starts_with(b"gsync "))
    }

    /// Gives back what a killed gsync took.
    pub(super) fn drop_ours(git: &Git) {
        let path = git.git_dir.join("index.lock");
        if Self::is_ours(&path) {
            let _ = fs::remove_file(path);
        }
    }
}

impl Drop for IndexLock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// The index that will be, beside the one that is.
pub(super) struct Index<'a> {
    git: &'a Git,
    dir: tempfile::TempDir,
}

impl<'a> Index<'a> {
    pub(super) fn copied(git: &'a Git, scratch: &Path) -> Result<Self> {
        let dir = tempfile::tempdir_in(scratch).context("make a scratch folder")?;
        let index = Self { git, dir };
        git.index_copied(&index.path())?;
        Ok(index)
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("index")
    }

    fn feed(&self, args: &[&str], input: &[u8]) -> Result<Vec<u8>> {
        self.git.feed(Some(&self.path()), args, input)
    }

    pub(super) fn tree(&self) -> Result<CommitId> {
        self.git.feed_id(Some(&self.path()), &["write-tree", "--missing-ok"], b"")
    }

    /// Makes it what a snapshot has, byte for byte.
    pub(super) fn put_bytes(&self, snapshot: &CommitId) -> Result<()> {
        let notes = self.git.snapshot_notes(snapshot)?;
        match &notes.index_file {
            Some(id) => {
                let bytes = self.git.must_bytes(&["cat-file", "blob", id.as_str()])?;
                fs::write(self.path(), bytes).context("write the index")?;
                put_index_time(&self.path(), &notes)?;
                fit::fit(self, &notes)
            }
            None => drop_file(&self.path()),
        }
    }

    /// Changes the entries that the two trees do not have alike; all others keep all they have,
    /// flags and times included.
    fn bring(&self, carry: &Carry, files: &Files<'_>) -> Result<()> {
        let changes = self.git.compare_trees(&carry.from.index, &carry.to.index)?;
        if !carry.forget.is_empty() {
            let forget = null(carry.forget.iter());
            self.feed(&["update-index", "--force-remove", "-z", "--stdin"], &forget)?;
        }
        if changes.is_empty() {
            return Ok(());
        }
        let hidden = self.hidden()?;
        let mut lines = Vec::new();
        // What goes, goes first: a directory may come where a file was.
        let (gone, come): (Vec<_>, Vec<_>) = changes.iter().partition(|c| c.to.is_none());
        for change in gone.into_iter().chain(come) {
            lines.extend(match (&change.to, &change.from) {
                (Some(entry), _) => index_line(&change.path, entry),
                (None, Some(was)) => {
                    index_line(&change.path, &Entry { mode: 0, id: was.id.clone() })
                }
                (None, None) => Vec::new(),
            });
        }
        self.feed(&["update-index", "-z", "--index-info"], &lines)?;
        let now_hidden: Vec<&RepoPath> = changes
            .iter()
            .filter(|change| change.to.is_some())
            .map(|change| &change.path)
            .filter(|path| hidden.contains(path) || files.hidden.borrow().contains(path))
            .collect();
        if !now_hidden.is_empty() {
            let input = null(now_hidden.into_iter());
            self.feed(&["update-index", "-z", "--skip-worktree", "--stdin"], &input)?;
        }
        let there = changes.iter().filter(|change| change.to.is_some());
        let args = ["--literal-pathspecs", "add", "--refresh", "--ignore-errors"];
        let args = [&args[..], &["--pathspec-from-file=-", "--pathspec-file-nul"]].concat();
        // Only so that the next `git status` is fast: what cannot be refreshed, stays unread.
        let _ = self.feed(&args, &null(there.map(|change| &change.path)));
        Ok(())
    }

    /// The paths that a sparse checkout leaves out.
    fn hidden(&self) -> Result<Vec<RepoPath>> {
        if self.git.ask(&["config", "--type=bool", "core.sparseCheckout"])?.as_deref()
            != Some("true")
        {
            return Ok(Vec::new());
        }
        Ok(hidden_in(&self.feed(&["ls-files", "-t", "-z"], b"")?))
    }

    /// Whether it is, byte for byte, what a snapshot has.
    pub(super) fn is_as_in(&self, snapshot: &CommitId) -> Result<bool> {
        let was = self.git.snapshot_notes(snapshot)?.index_file;
        if !self.path().exists() {
            return Ok(was.is_none());
        }
        let now = self.git.hash_file(&["hash-object", "--no-filters"], &self.path())?;
        Ok(Some(now) == was)
    }

    pub(super) fn put_in_place(self) -> Result<()> {
        let index = self.git.index_path();
        if !self.path().exists() {
            return drop_file(&index);
        }
        fs::File::open(self.path()).and_then(|file| file.sync_data()).context("write the index")?;
        fs::rename(self.path(), &index).context("write the index")
    }
}

fn hidden_in(listing: &[u8]) -> Vec<RepoPath> {
    let lines = listing.split(|byte| *byte == 0);
    lines.filter_map(|line| line.strip_prefix(b"S ")).map(RepoPath::new).collect()
}

fn drop_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(err) if err.kind() != ErrorKind::NotFound => Err(err).context("remove the index"),
        _ => Ok(()),
    }
}

fn null<'a>(paths: impl Iterator<Item = &'a RepoPath>) -> Vec<u8> {
    paths.flat_map(|path| [path.as_bytes(), b"\0"].concat()).collect()
}

/// A line for `update-index -z --index-info`; mode 0 removes.
fn index_line(path: &RepoPath, entry: &Entry) -> Vec<u8> {
    let head = format!("{:o} {}\t", entry.mode, entry.id);
    [head.as_bytes(), path.as_bytes(), b"\0"].concat()
}
