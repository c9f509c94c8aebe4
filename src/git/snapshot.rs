//! All that a work tree holds, kept as one commit: HEAD, the index (its bytes too) and the
//! files, untracked ones included. Made with a scratch index, so nothing of the person's is
//! touched; only what git says has changed is read and hashed.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use gix::objs::Kind;
use serde::{Deserialize, Serialize};

use super::Git;
use super::dirt::Dirt;
use super::raw::by_gsync;
use crate::base::{CommitId, Place, RefName, RepoPath};
use crate::host::{clock, progress};

/// Files up to that size are kept byte for byte where a filter changes them.
const LARGE: u64 = 16 << 20;

/// What stands in a work tree now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The branch that HEAD names; nothing: HEAD is detached.
    pub branch: Option<RefName>,
    pub place: Place,
    /// The index file as it is; nothing: there is none.
    pub index_file: Option<CommitId>,
    /// When it was written, in seconds: see [`Git::index_copied`].
    pub index_time: Option<u64>,
    /// Announced to the index without contents (`git add -N`).
    pub intent: Vec<RepoPath>,
    pub untracked: Vec<RepoPath>,
    /// What git does not keep of the files that changed.
    pub beyond: Beyond,
}

/// What a tree cannot hold of a file: permissions beyond the executable bit, and the bytes
/// themselves where a filter makes others of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beyond {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modes: Vec<(RepoPath, u32)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bytes: Vec<(RepoPath, CommitId)>,
}

/// What the message of a snapshot holds beside its trees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    pub branch: Option<RefName>,
    pub index_file: Option<CommitId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index_time: Option<u64>,
    #[serde(default)]
    pub intent: Vec<RepoPath>,
    pub place: Place,
    #[serde(default)]
    pub beyond: Beyond,
}

impl Git {
    /// The index of this work tree.
    pub fn index_path(&self) -> PathBuf {
        self.git_dir.join("index")
    }

    /// A folder for scratch files, on the same file system as the index.
    pub fn scratch_dir(&self) -> Result<PathBuf> {
        let dir = self.git_dir.join("gsync");
        fs::create_dir_all(&dir).with_context(|| format!("make {}", dir.display()))?;
        Ok(dir)
    }

    /// Looks at everything.
    pub fn standing(&self) -> Result<Standing> {
        progress::doing("looking at the files");
        let scratch = tempfile::tempdir_in(self.scratch_dir()?).context("make a scratch folder")?;
        let copy = scratch.path().join("index");
        self.copy_index(&copy)?;
        let index_time = fs::metadata(&copy).and_then(|meta| meta.modified()).ok();
        let index_time =
            index_time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        let index_time = index_time.map(|time| time.as_secs());
        // Two long looks at the same copy, of which neither changes it.
        let (index_file, dirt) = std::thread::scope(|scope| {
            let index_file = scope.spawn(|| self.keep_index(&copy));
            let dirt = self.dirt(Some(&copy));
            (index_file.join(), dirt)
        });
        let index_file = index_file.map_err(|_| anyhow::anyhow!("keep the index"))??;
        let dirt = dirt?;
        let write_tree = ["write-tree", "--missing-ok"];
        if !dirt.unmerged.is_empty() {
            // There is no tree for an index with conflicts; the bytes of the index are kept, and
            // the files as they are count for both.
            self.take_up(&copy, &dirt)?;
        }
        let index = self.feed_id(Some(&copy), &write_tree, b"")?;
        let (mut work, mut beyond) = (index.clone(), Beyond::default());
        if self.take_up(&copy, &dirt)? {
            work = self.feed_id(Some(&copy), &write_tree, b"")?;
            beyond = self.beyond(&index, &work)?;
        }
        Ok(Standing {
            branch: self.head_branch()?,
            place: Place { commit: self.resolve_commit("HEAD")?, index, work },
            index_file,
            index_time,
            intent: dirt.intent,
            untracked: dirt.untracked,
            beyond,
        })
    }

    /// What the tree of the work tree does not say about the files that changed.
    fn beyond(&self, index: &CommitId, work: &CommitId) -> Result<Beyond> {
        let mut beyond = Beyond::default();
        let mut files = Vec::new();
        for change in self.compare_trees(index, work)? {
            let Some(entry) = change.to.filter(|entry| matches!(entry.mode, 0o100_644 | 0o100_755))
            else {
                continue;
            };
            let Ok(meta) = self.dir().join(change.path.to_path()).symlink_metadata() else {
                continue;
            };
            let mode = meta.permissions().mode() & 0o7777;
            if !matches!(mode, 0o644 | 0o755) {
                beyond.modes.push((change.path.clone(), mode));
            }
            files.push((change.path, entry.id, meta.len()));
        }
        let ids: String = files.iter().map(|(_, id, _)| format!("{id}\n")).collect();
        let sizes =
            self.feed(None, &["cat-file", "--batch-check=%(objectsize)"], ids.as_bytes())?;
        for ((path, _, size), stored) in files.iter().zip(String::from_utf8_lossy(&sizes).lines()) {
            // Of the same size, the file is taken for what git stored; a large one comes back
            // through its filter, as it came here.
            if stored.parse() != Ok(*size) && *size <= LARGE {
                let bytes = fs::read(self.dir().join(path.to_path()))
                    .with_context(|| format!("read {path}"))?;
                let id = self.write(Kind::Blob, &bytes)?;
                beyond.bytes.push((path.clone(), id));
            }
        }
        Ok(beyond)
    }

    /// The branch that HEAD names.
    pub fn head_branch(&self) -> Result<Option<RefName>> {
        let name = match self.library() {
            Some(library) => library.head_name().context("read HEAD")?.map(|name| name.to_string()),
            None => self.ask(&["symbolic-ref", "--quiet", "HEAD"])?,
        };
        Ok(name.map(RefName::new))
    }

    /// A copy of the index with its time, if there is an index. git compares whole seconds: an
    /// entry that is not older than the index file is compared by its contents, since the file
    /// may have been changed in that very second. A copy that looks younger would hide that.
    pub(super) fn index_copied(&self, to: &Path) -> Result<bool> {
        let copied = fs::metadata(self.index_path()).and_then(|meta| {
            fs::copy(self.index_path(), to)?;
            set_time(to, meta.modified()?)
        });
        match copied {
            Ok(()) => Ok(true),
            Err(err) if err.kind() == ErrorKind::NotFound => Ok(false),
            Err(err) => Err(err).context("read the index"),
        }
    }

    fn copy_index(&self, copy: &Path) -> Result<()> {
        if !self.index_copied(copy)? {
            return Ok(());
        }
        let shared = fs::read_dir(&self.git_dir)?.filter_map(Result::ok);
        if shared
            .map(|e| e.file_name())
            .any(|name| name.to_string_lossy().starts_with("sharedindex."))
        {
            // A split index is kept whole: its other half has a life of its own.
            self.feed(Some(copy), &["update-index", "--no-split-index"], b"")?;
        }
        Ok(())
    }

    /// Stores the bytes of an index. Flat: it is large, and compressing it costs more than all
    /// the rest.
    fn keep_index(&self, copy: &Path) -> Result<Option<CommitId>> {
        if !copy.exists() {
            return Ok(None);
        }
        let flat = ["-c", "core.looseCompression=0", "hash-object", "-w", "--no-filters"];
        self.hash_file(&flat, copy).map(Some)
    }

    /// Lets git hash a file by its name, or by its bytes where the name is no text.
    pub(super) fn hash_file(&self, args: &[&str], file: &Path) -> Result<CommitId> {
        match file.to_str() {
            Some(name) => self.feed_id(None, &[args, &["--", name]].concat(), b""),
            None => {
                // What comes through a pipe has no path, so nothing filters it.
                let args: Vec<&str> =
                    args.iter().copied().filter(|arg| *arg != "--no-filters").collect();
                let bytes = std::fs::read(file).context("read the index")?;
                self.feed_id(None, &[&args[..], &["--stdin"]].concat(), &bytes)
            }
        }
    }

    /// Takes the work tree's changes up into a scratch index. Whether there were any.
    fn take_up(&self, index: &Path, dirt: &Dirt) -> Result<bool> {
        let null = |paths: &[RepoPath]| -> Vec<u8> {
            paths.iter().flat_map(|path| [path.as_bytes(), b"\0"].concat()).collect()
        };
        if !dirt.gone.is_empty() {
            let args = ["update-index", "--force-remove", "-z", "--stdin"];
            self.feed(Some(index), &args, &null(&dirt.gone))?;
        }
        let there: Vec<RepoPath> =
            dirt.changed.iter().chain(&dirt.unmerged).chain(&dirt.untracked).cloned().collect();
        if !there.is_empty() {
            let args = ["-c", "core.safecrlf=false", "update-index", "--add", "--remove"];
            let args = [&args[..], &["--replace", "-z", "--stdin"]].concat();
            self.feed(Some(index), &args, &null(&there))?;
        }
        Ok(!there.is_empty() || !dirt.gone.is_empty())
    }

    /// Stores what stands as a commit: its tree is the work tree, its parents are HEAD and a
    /// commit that holds the index, as a tree and as bytes.
    pub fn keep_standing(&self, standing: &Standing) -> Result<CommitId> {
        let place = &standing.place;
        let mut tree = format!("040000 tree {}\tstaged\0", place.index);
        if let Some(index_file) = &standing.index_file {
            tree.insert_str(0, &format!("100644 blob {index_file}\tindex\0"));
        }
        let mut bytes: Vec<&CommitId> = standing.beyond.bytes.iter().map(|(_, id)| id).collect();
        bytes.sort();
        bytes.dedup();
        if !bytes.is_empty() {
            // In a tree, so that they live as long as the snapshot.
            let list: String = bytes.iter().map(|id| format!("100644 blob {id}\t{id}\0")).collect();
            let list = self.feed_id(None, &["mktree", "-z"], list.as_bytes())?;
            tree.push_str(&format!("040000 tree {list}\tbytes\0"));
        }
        let tree = self.feed_id(None, &["mktree", "-z", "--missing"], tree.as_bytes())?;
        let now = clock::now().0;
        let head = place.commit.as_ref();
        let staged = by_gsync(now, "the index of a snapshot\n");
        let staged = self.write_commit(&tree, head.as_slice(), &staged)?;
        let notes = Notes {
            branch: standing.branch.clone(),
            index_file: standing.index_file.clone(),
            index_time: standing.index_time,
            intent: standing.intent.clone(),
            place: place.clone(),
            beyond: standing.beyond.clone(),
        };
        let message = format!("a snapshot by gsync\n\n{}\n", serde_json::to_string(&notes)?);
        let parents: Vec<&CommitId> = head.into_iter().chain([&staged]).collect();
        self.write_commit(&place.work, &parents, &by_gsync(now, &message))
    }

    /// What a snapshot's message says.
    pub fn snapshot_notes(&self, snapshot: &CommitId) -> Result<Notes> {
        let raw = String::from_utf8(self.raw_commit(snapshot)?).context("read a snapshot")?;
        let json = raw.lines().find(|line| line.starts_with('{')).unwrap_or_default();
        serde_json::from_str(json).with_context(|| format!("{} is no snapshot", snapshot.short()))
    }

    /// The name for the next snapshot of this work tree.
    pub fn next_snapshot(&self) -> Result<RefName> {
        let worktree = match self.git_dir.file_name() {
            Some(name) if self.is_linked_worktree() => {
                format!("worktrees/{}", name.to_string_lossy())
            }
            _ => "main".to_owned(),
        };
        let prefix = format!("refs/gsync/undo/{worktree}/");
        let names = self.refs(&prefix)?;
        let last = names
            .iter()
            .filter_map(|(name, _)| name.as_str().strip_prefix(&prefix)?.parse::<u32>().ok());
        Ok(RefName::new(format!("{prefix}{}", last.max().unwrap_or(0) + 1)))
    }
}

/// Gives an index that was put back the time that it had. Without one, that of which all entries
/// are younger, so that git looks at everything once.
pub(super) fn put_index_time(index: &Path, notes: &Notes) -> Result<()> {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(notes.index_time.unwrap_or(1));
    set_time(index, time).context("write the index")
}

fn set_time(file: &Path, time: SystemTime) -> std::io::Result<()> {
    fs::File::options().write(true).open(file)?.set_modified(time)
}
