//! Room on the disk for the way back: kept before anything moves, given free for putting back,
//! so that a move that a full disk stops can be taken back on it.

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use crate::git::Git;
use crate::git::raw::{Change, Entry};
use crate::host::read;

/// For trees, a few objects, and small things.
const LEAST: u64 = 256 << 10;
/// One file or object takes at least so much of a disk.
const BLOCK: u64 = 4096;
/// A disk with less than this is nearly full.
const LITTLE: u64 = 16 << 20;

fn place(git: &Git) -> Result<PathBuf> {
    Ok(git.scratch_dir()?.join("room"))
}

/// Keeps room for what the way back writes: the index, and the old files if there is so much.
pub(super) fn keep(git: &Git, changes: &[Change]) -> Result<()> {
    let length = |path: PathBuf| path.symlink_metadata().map_or(0, |meta| meta.len());
    let index = length(git.index_path());
    let old = changes.iter().filter(|change| change.from.is_some());
    let old: u64 = old.map(|change| length(git.dir().join(change.path.to_path()))).sum();
    let least = LEAST + 4 * index + BLOCK * changes.len() as u64;
    let file = fs::File::create(place(git)?).context("keep room for the way back")?;
    for wanted in [least + old, least] {
        match fallocate(&file, FallocateFlags::empty(), 0, wanted) {
            Err(Errno::NOSPC | Errno::DQUOT) => {}
            // Some file systems keep no room: then it is tried without.
            _ => return Ok(()),
        }
    }
    give(git);
    bail!("No space left on device: {} kB are needed to be able to put all back", least >> 10)
}

/// Gives it free.
pub(super) fn give(git: &Git) {
    if let Ok(place) = place(git) {
        let _ = fs::remove_file(place);
    }
}

/// git says that it cannot write a file, and not why.
pub(super) fn explained(git: &Git, why: anyhow::Error) -> anyhow::Error {
    match read::free(git.dir()) {
        Some(free) if free < LITTLE => {
            why.context(format!("No space left on device: {} kB are free", free >> 10))
        }
        _ => why,
    }
}

/// On a nearly full disk: removes files that are only the beginning of what was to be written.
/// To keep them by name, as other things that are found, there is no room.
pub(super) fn drop_halves(git: &Git, changes: &[Change]) -> Result<()> {
    if read::free(git.dir()).is_none_or(|free| free > LITTLE) {
        return Ok(());
    }
    for change in changes {
        let Some(to) = change.to.as_ref().filter(|to| !to.is_submodule()) else { continue };
        let path = git.dir().join(change.path.to_path());
        let Ok(meta) = path.symlink_metadata() else { continue };
        let was = change.from.as_ref().map(|from| size(git, from)).transpose()?;
        if !meta.is_file() || was == Some(meta.len()) || meta.len() >= size(git, to)? {
            continue;
        }
        let whole = git.must_bytes(&["cat-file", "blob", to.id.as_str()])?;
        let mut half = Vec::new();
        let file = fs::File::open(&path).with_context(|| format!("read {}", change.path))?;
        file.take(meta.len()).read_to_end(&mut half)?;
        if whole.starts_with(&half) {
            fs::remove_file(&path).with_context(|| format!("remove {}", change.path))?;
        }
    }
    Ok(())
}

fn size(git: &Git, entry: &Entry) -> Result<u64> {
    let size = git.must(&["cat-file", "-s", entry.id.as_str()])?;
    size.trim().parse().context("the size of an object")
}
