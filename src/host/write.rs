//! Deeds on the file system. Only `run` may name this file (`tests/it/house.rs`).

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{beside, scheduler};
use crate::base::{Bytes, File};

/// Writes beside the file and renames: a reader sees the old or the new file, never a part.
pub fn file(path: &Path, file: &File) -> Result<()> {
    room().with_context(|| format!("write {}", path.display()))?;
    beside::put(path, &file.bytes.0, file.mode)
}

/// Writes into a file that is there, in the room that it has: for a full disk. Who is killed
/// meanwhile leaves a part.
pub fn over(path: &Path, bytes: &[u8]) -> Result<()> {
    let describe = || format!("write {}", path.display());
    let mut file = fs::OpenOptions::new().write(true).open(path).with_context(describe)?;
    file.write_all(bytes).with_context(describe)?;
    file.set_len(bytes.len() as u64).with_context(describe)?;
    file.sync_all().with_context(describe)
}

/// Removes a file or a link; one that is gone already is no error.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(err) if err.kind() != ErrorKind::NotFound => {
            Err(err).with_context(|| format!("remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Renames, never over something that is there.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    let describe = || format!("move {} to {}", from.display(), to.display());
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        // File systems without the flag: a look first is the best there is, under our lock.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::NOTSUP) => {
            if to.symlink_metadata().is_ok() {
                bail!("{}: it exists", describe());
            }
            fs::rename(from, to).with_context(describe)
        }
        Err(err) => Err(err).with_context(describe),
    }
}

/// Points a link, atomically.
pub fn link(at: &Path, to: &Path) -> Result<()> {
    let describe = || format!("link {}", at.display());
    let dir = at.parent().context("a path with a directory")?;
    let beside = tempfile::Builder::new()
        .prefix(".gsync-")
        .make_in(dir, |path| std::os::unix::fs::symlink(to, path))
        .with_context(describe)?;
    let path = beside.into_temp_path();
    fs::rename(&path, at).with_context(describe)?;
    let _ = path.keep();
    Ok(())
}

/// Waits until a directory's names are on the disk.
pub fn settle(dir: &Path) -> Result<()> {
    let synced = fs::File::open(dir).and_then(|dir| dir.sync_all());
    synced.with_context(|| format!("write {}", dir.display()))
}

/// Makes one directory; the one above it must be there.
pub fn make_dir(dir: &Path) -> Result<()> {
    match fs::create_dir(dir) {
        Err(err) if err.kind() == ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        other => other.with_context(|| format!("make {}", dir.display())),
    }
}

/// Removes a directory if it is empty; one with something in it stays.
pub fn remove_dir(dir: &Path) -> Result<()> {
    match fs::remove_dir(dir) {
        Err(err) if matches!(err.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) => {
            Ok(())
        }
        other => other.with_context(|| format!("remove {}", dir.display())),
    }
}

/// Removes a directory with everything in it; one that is gone already is no error.
pub fn remove_tree(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(err) if err.kind() != ErrorKind::NotFound => {
            Err(err).with_context(|| format!("remove {}", dir.display()))
        }
        _ => Ok(()),
    }
}

/// A full disk for the tests: `GSYNC_DISK_FULL=n` lets the n-th write fail. Only in builds with
/// debug assertions.
#[cfg(debug_assertions)]
fn room() -> std::io::Result<()> {
    use std::sync::atomic::{AtomicU32, Ordering};
    static WRITES: AtomicU32 = AtomicU32::new(0);
    let write = WRITES.fetch_add(1, Ordering::Relaxed) + 1;
    match super::env::text("GSYNC_DISK_FULL").and_then(|at| at.parse::<u32>().ok()) {
        Some(at) if write == at => Err(rustix::io::Errno::NOSPC.into()),
        _ => Ok(()),
    }
}

#[cfg(not(debug_assertions))]
fn room() -> std::io::Result<()> {
    Ok(())
}

/// Gives the user this crontab, or none at all.
pub fn crontab(table: Option<&Bytes>) -> Result<()> {
    match table {
        Some(table) => scheduler::must("crontab", &["-"], &table.0).map(drop),
        None => scheduler::must("crontab", &["-r"], b"").map(drop),
    }
}

/// Lets systemd read the user's units again, then stops and starts timers.
pub fn timers(start: &[String], stop: &[String]) -> Result<()> {
    scheduler::must("systemctl", &["--user", "daemon-reload"], b"")?;
    for (word, names) in [("stop", stop), ("start", start)] {
        if !names.is_empty() {
            let mut args = vec!["--user", word, "--"];
            args.extend(names.iter().map(String::as_str));
            scheduler::must("systemctl", &args, b"")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rename_never_goes_over_another_file() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        fs::write(&a, "a").unwrap();
        fs::write(&b, "b").unwrap();
        assert!(rename(&a, &b).is_err());
        assert_eq!(fs::read_to_string(&b).unwrap(), "b");
    }

    #[test]
    fn a_directory_with_something_in_it_stays() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a"), "a").unwrap();
        remove_dir(dir.path()).unwrap();
        assert!(dir.path().join("a").exists());
    }

    #[test]
    fn a_link_replaces_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("l");
        link(&at, Path::new("one")).unwrap();
        link(&at, Path::new("two")).unwrap();
        assert_eq!(fs::read_link(&at).unwrap(), Path::new("two"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
