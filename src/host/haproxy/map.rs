//! The map file: a key and a value in a line. Lines of other apps, comments and what we do not
//! understand stay byte for byte.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{Entry, parse};
use crate::host::machine::{self, Machine};

/// The text of a map, wherever it is.
pub(super) fn text(machine: &Machine, path: &Path) -> Result<Vec<u8>> {
    let text = machine.read(path)?;
    text.with_context(|| format!("there is no map {} on {}", path.display(), machine.name()))
}

/// Writes a map that is not there.
pub(super) fn make(machine: &Machine, path: &Path, text: &[u8]) -> Result<()> {
    let file = crate::base::File { bytes: crate::base::Bytes(text.to_vec()), mode: 0o644 };
    machine::write::file(machine, path, &file)
        .with_context(|| format!("write the map {}", path.display()))
}

/// Sets a key, in turn with all others who change a map of this directory. What it said before.
pub(super) fn change(
    machine: &Machine,
    path: &Path,
    key: &str,
    value: &str,
    patience: Duration,
) -> Result<Entry> {
    if let Machine::Here = machine {
        let _lock = lock(path, patience)?;
        let map = Map::read(path)?;
        map.replace(&with(&map.bytes, key, value))?;
        return Ok(entry(&map.bytes, key));
    }
    // The lock cannot be held from here: only what was read is replaced.
    for _ in 0..50 {
        let old = text(machine, path)?;
        let new = with(&old, key, value);
        if new == old || machine::write::swap(machine, path, &old, &new)? {
            return Ok(entry(&old, key));
        }
    }
    bail!("{} changes all the time", path.display())
}

/// A map as it is on disk.
pub(super) struct Map {
    /// Where the file really is: a link to it is not replaced by a file.
    path: PathBuf,
    bytes: Vec<u8>,
}

/// The lock on the map's directory, which all who change a map of it take in turn.
pub(super) struct Lock {
    _dir: File,
}

pub(super) fn lock(path: &Path, patience: Duration) -> Result<Lock> {
    let real = real(path)?;
    let dir = real.parent().context("a path with a directory")?;
    let file = File::open(dir).with_context(|| format!("open {}", dir.display()))?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Lock { _dir: file }),
            Err(TryLockError::WouldBlock) if start.elapsed() < patience => {
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(TryLockError::WouldBlock) => {
                bail!("another one is changing {}", path.display())
            }
            Err(TryLockError::Error(err)) => {
                return Err(err).with_context(|| format!("lock {}", dir.display()));
            }
        }
    }
}

fn real(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path).with_context(|| format!("read the map {}", path.display()))
}

impl Map {
    pub fn read(path: &Path) -> Result<Self> {
        let path = real(path)?;
        let bytes = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        Ok(Self { path, bytes })
    }

    /// Puts new contents in its place: whole or not at all, also through a loss of power.
    pub fn replace(&self, bytes: &[u8]) -> Result<()> {
        if bytes == self.bytes {
            return Ok(());
        }
        let describe = || format!("write {}", self.path.display());
        let dir = self.path.parent().context("a path with a directory")?;
        let meta = fs::metadata(&self.path).with_context(describe)?;
        let mut beside =
            tempfile::Builder::new().prefix(".gsync-").tempfile_in(dir).with_context(describe)?;
        beside.write_all(bytes).with_context(describe)?;
        let mode = fs::Permissions::from_mode(meta.mode() & 0o7777);
        beside.as_file().set_permissions(mode).with_context(describe)?;
        // Only root may give a file away; who may not keeps it, and haproxy reads it all the same.
        let _ = std::os::unix::fs::fchown(beside.as_file(), Some(meta.uid()), Some(meta.gid()));
        beside.as_file().sync_all().with_context(describe)?;
        beside.persist(&self.path).map_err(|err| err.error).with_context(describe)?;
        File::open(dir).and_then(|dir| dir.sync_all()).with_context(describe)
    }
}

/// What it says for a key.
pub(super) fn entry(text: &[u8], key: &str) -> Entry {
    let lines = text.split(|byte| *byte == b'\n').filter_map(pair);
    let values = lines.filter(|(name, _)| *name == key.as_bytes());
    parse::one_of(values.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect())
}

/// The same map with another value for a key, and nothing else changed.
fn with(text: &[u8], key: &str, value: &str) -> Vec<u8> {
    let mut new = Vec::with_capacity(text.len() + key.len() + value.len() + 2);
    let line = format!("{key} {value}\n");
    let mut done = false;
    for old in text.split_inclusive(|byte| *byte == b'\n') {
        let ours = pair(old.trim_ascii_end()).is_some_and(|(name, _)| name == key.as_bytes());
        if !ours {
            new.extend_from_slice(old);
        } else if !done {
            new.extend_from_slice(line.as_bytes());
            done = true;
        }
    }
    if !done {
        if new.last().is_some_and(|last| *last != b'\n') {
            new.push(b'\n');
        }
        new.extend_from_slice(line.as_bytes());
    }
    new
}

/// Key and value of a line, as haproxy reads it; nothing for a comment or an empty line.
fn pair(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.trim_ascii();
    if line.is_empty() || line.starts_with(b"#") {
        return None;
    }
    let end = line.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(line.len());
    Some((&line[..end], line[end..].trim_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_line_changes() {
        let old = b"# live\r\nshopping x_y\n  shop\tshop_blue  \n\nldc   ldc_green\n\xff\n#shop z";
        let new = with(old, "shop", "shop_green");
        assert_eq!(
            new,
            b"# live\r\nshopping x_y\nshop shop_green\n\nldc   ldc_green\n\xff\n#shop z"
        );
        assert_eq!(entry(&new, "shop"), Entry::Is("shop_green".into()));
        assert_eq!(with(b"a b", "shop", "s"), b"a b\nshop s\n");
        assert_eq!(with(b"", "shop", "s"), b"shop s\n");
        assert_eq!(with(b"shop a\nx y\nshop b\n", "shop", "c"), b"shop c\nx y\n");
    }

    #[test]
    fn a_map_that_says_two_things_says_nothing() {
        assert!(matches!(entry(b"shop a\nshop b\n", "shop"), Entry::Unknown(_)));
        assert_eq!(entry(b"shop a\nshop a\n", "shop"), Entry::Is("a".into()));
        assert_eq!(entry(b"#shop a\n", "shop"), Entry::Missing);
    }

    #[test]
    fn a_link_stays_a_link_and_the_mode_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("real.map"), dir.path().join("live.map"));
        fs::write(&file, "shop a\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("real.map", &link).unwrap();
        let map = Map::read(&link).unwrap();
        map.replace(&with(&map.bytes, "shop", "b")).unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "shop b\n");
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn those_who_change_one_map_wait_for_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("live.map");
        fs::write(&path, "").unwrap();
        std::thread::scope(|scope| {
            for n in 0..8 {
                let path = &path;
                scope.spawn(move || {
                    let _lock = lock(path, Duration::from_secs(20)).unwrap();
                    let map = Map::read(path).unwrap();
                    map.replace(&with(&map.bytes, &format!("app{n}"), "x")).unwrap();
                });
            }
        });
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 8);
        let held = lock(&path, Duration::ZERO).unwrap();
        assert!(lock(&path, Duration::from_millis(5)).is_err());
        drop(held);
    }
}
