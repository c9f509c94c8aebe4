//! What gsync knows, as opposed to what a person has: reports that wait to be shown, where a
//! branch stood when it was last looked at, which branch waits to be pushed. Losing such a file
//! loses a line on a screen and no work; so it is written outside of plans and journals, by
//! hooks that have no time for either. Nothing but files below `gsync/` in the git directory
//! goes through here.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};

/// Opens a file with its folder made, and takes the kernel's lock on it.
fn locked(path: &Path) -> Result<File> {
    let describe = || format!("open {}", path.display());
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = match options.open(path) {
        Err(err) if err.kind() == ErrorKind::NotFound => {
            let dir = path.parent().context("a path with a directory")?;
            fs::create_dir_all(dir).with_context(describe)?;
            options.open(path).with_context(describe)?
        }
        other => other.with_context(describe)?,
    };
    file.lock().with_context(|| format!("lock {}", path.display()))?;
    Ok(file)
}

/// Adds one line. Two who write at once both get their line in.
pub fn append(path: &Path, line: &str) -> Result<()> {
    let mut file = locked(path)?;
    file.seek(SeekFrom::End(0))?;
    file.write_all(format!("{line}\n").as_bytes())
        .with_context(|| format!("write {}", path.display()))
}

/// Hands over all that was appended, and empties the file once it was shown: killed in
/// between, it is shown again rather than never. Somebody else showing it is enough.
pub fn take(path: &Path, show: impl FnOnce(&[u8])) -> Result<()> {
    let mut file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(err) if err.kind() == ErrorKind::NotFound => return Ok(()),
        Err(err) => return Err(err).with_context(|| format!("open {}", path.display())),
    };
    if file.metadata()?.len() == 0 {
        return Ok(());
    }
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(()),
        Err(TryLockError::Error(err)) => return Err(err.into()),
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    show(&bytes);
    file.set_len(0).with_context(|| format!("empty {}", path.display()))
}

/// Changes a small file under its lock. Nothing is written if nothing changed.
pub fn change<T>(path: &Path, change: impl FnOnce(&[u8]) -> Result<(T, Vec<u8>)>) -> Result<T> {
    let mut file = locked(path)?;
    let mut old = Vec::new();
    file.read_to_end(&mut old)?;
    let (result, new) = change(&old)?;
    if new != old {
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&new).with_context(|| format!("write {}", path.display()))?;
        file.set_len(new.len() as u64)?;
    }
    Ok(result)
}

/// Writes a file as a whole: whoever reads it, or is killed while it is written, has the old or
/// the new one. For what holds words of a person.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let dir = path.parent().context("a path with a directory")?;
    fs::create_dir_all(dir).with_context(|| format!("write {}", path.display()))?;
    let mode = fs::metadata(path).map_or(0o644, |there| there.permissions().mode());
    super::beside::put(path, bytes, mode & 0o777)
}

/// Leaves a note that something is to be done; one that is there already is enough.
pub fn leave(path: &Path) -> Result<()> {
    locked(path).map(drop)
}

/// Takes a note away, if it is there.
pub fn pick_up(path: &Path) -> bool {
    fs::remove_file(path).is_ok()
}

/// The one worker at a time: the lock, or nothing if another one has it.
pub fn only_one(path: &Path) -> Result<Option<File>> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()))?;
    }
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).open(path);
    let file = file.with_context(|| format!("open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(err)) => Err(err.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_append_at_once_is_all_handed_over_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gsync/messages");
        std::thread::scope(|scope| {
            for n in 0..8 {
                let path = &path;
                scope.spawn(move || {
                    (0..50).for_each(|m| append(path, &format!("{n} {m}")).unwrap());
                });
            }
        });
        let mut lines = 0;
        take(&path, |bytes| lines = String::from_utf8_lossy(bytes).lines().count()).unwrap();
        assert_eq!(lines, 400);
        take(&path, |_| panic!("shown twice")).unwrap();
    }

    #[test]
    fn a_change_that_makes_it_shorter_leaves_no_tail() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        change(&path, |_| Ok(((), b"long text".to_vec()))).unwrap();
        change(&path, |old| Ok((assert_eq!(old, b"long text"), b"short".to_vec()))).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"short");
    }

    #[test]
    fn there_is_one_worker_and_then_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("push.lock");
        let first = only_one(&path).unwrap();
        assert!(first.is_some() && only_one(&path).unwrap().is_none());
        drop(first);
        assert!(only_one(&path).unwrap().is_some());
    }
}
