//! A private directory of a connection, and the end of those whose gsync was killed.
//!
//! A killed process leaves its directory behind, and a server that deploys often would gather
//! them. So each holds a lock on a file in its own, and whoever makes one takes away those
//! whose lock nobody holds any more.

use std::fs::{File, Permissions, TryLockError};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::host::env;

const PREFIX: &str = "gsync-";
const LOCK: &str = "held";

#[derive(Debug)]
pub(super) struct Scratch {
    dir: TempDir,
    /// Let go with the process, however it ends.
    _held: File,
}

impl Scratch {
    /// In a place whose path is short: that of a socket may have about 100 letters.
    pub(super) fn new() -> Result<Self> {
        let short = env::raw("XDG_RUNTIME_DIR").map(PathBuf::from);
        let short = short.filter(|dir| dir.is_dir() && dir.as_os_str().len() < 50);
        Self::within(&short.unwrap_or_else(|| PathBuf::from("/tmp")))
    }

    fn within(place: &Path) -> Result<Self> {
        sweep(place);
        let private = Permissions::from_mode(0o700);
        let dir = tempfile::Builder::new().prefix(PREFIX).permissions(private).tempdir_in(place);
        let dir = dir.context("make a directory for ssh")?;
        let held = File::create(dir.path().join(LOCK)).context("make a directory for ssh")?;
        held.lock().context("make a directory for ssh")?;
        Ok(Self { dir, _held: held })
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// Takes away what the dead left. One that has no lock yet is being made, or is not of here.
fn sweep(place: &Path) {
    let Ok(entries) = std::fs::read_dir(place) else { return };
    let us = rustix::process::geteuid().as_raw();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let ours = name.to_str().is_some_and(|name| name.starts_with(PREFIX))
            && entry.metadata().is_ok_and(|about| about.is_dir() && about.uid() == us);
        if !ours {
            continue;
        }
        let Ok(lock) = File::open(entry.path().join(LOCK)) else { continue };
        match lock.try_lock() {
            // Being made: between its creation and its lock there is a moment, in which it is
            // empty. A whole one has the pipe and the log too.
            Ok(()) if entry.path().join("log").exists() => {
                let _ = std::fs::remove_dir_all(entry.path());
            }
            Ok(()) | Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_of_a_dead_one_goes_and_that_of_a_living_one_stays() {
        let place = tempfile::tempdir().unwrap();
        let living = Scratch::within(place.path()).unwrap();
        std::fs::write(living.path().join("log"), "").unwrap();
        let dead = place.path().join("gsync-dead00");
        let foreign = place.path().join("gsync-by-somebody");
        for dir in [&dead, &foreign] {
            std::fs::create_dir(dir).unwrap();
            std::fs::write(dir.join("log"), "").unwrap();
        }
        std::fs::write(dead.join(LOCK), "").unwrap();

        let next = Scratch::within(place.path()).unwrap();

        assert!(!dead.exists());
        assert!(living.path().exists() && next.path().exists() && foreign.exists());
        let mode = std::fs::metadata(next.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "nobody else reads what ssh said");
    }
}
