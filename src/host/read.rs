//! Questions to the file system.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::base::{Bytes, File, Time};

/// A whole regular file, or nothing if there is none (links are followed).
pub fn file(path: &Path) -> Result<Option<File>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(err) if err.kind() == ErrorKind::NotFound => return Ok(None),
        Err(err) => return Err(err).with_context(|| format!("read {}", path.display())),
    };
    let meta = fs::metadata(path).with_context(|| format!("read {}", path.display()))?;
    Ok(Some(File { bytes: Bytes(bytes), mode: meta.permissions().mode() & 0o7777 }))
}

/// The text of a file, or nothing if there is no such file. Other bytes than UTF-8 are an error.
pub fn text(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(err) if err.kind() == ErrorKind::NotFound => Ok(None),
        Err(err) => Err(err).with_context(|| format!("read {}", path.display())),
    }
}

/// Where a symbolic link points, or nothing if there is no link.
pub fn link(path: &Path) -> Result<Option<PathBuf>> {
    match fs::read_link(path) {
        Ok(to) => Ok(Some(to)),
        Err(err) if matches!(err.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput) => Ok(None),
        Err(err) => Err(err).with_context(|| format!("read link {}", path.display())),
    }
}

/// Whether there is anything by that name, a dangling link included.
pub fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// When a file was last written, if there is one.
pub fn modified(path: &Path) -> Option<Time> {
    let time = fs::metadata(path).ok()?.modified().ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Time(i64::try_from(since.as_secs()).ok()?))
}

/// The names in a directory, sorted; none if there is no such directory.
pub fn names(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(err) if err.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(err) => return Err(err).with_context(|| format!("read {}", dir.display())),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(PathBuf::from(entry?.file_name()));
    }
    names.sort();
    Ok(names)
}

/// The last bytes of a file, at most so many, or nothing if there is no such file.
pub fn tail(path: &Path, most: u64) -> Result<Option<Vec<u8>>> {
    use std::io::{Read, Seek, SeekFrom};
    let describe = || format!("read {}", path.display());
    let mut file = match fs::File::open(path) {
        Ok(file) => file,
        Err(err) if err.kind() == ErrorKind::NotFound => return Ok(None),
        Err(err) => return Err(err).with_context(describe),
    };
    let length = file.metadata().with_context(describe)?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(most))).with_context(describe)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).with_context(describe)?;
    Ok(Some(bytes))
}

/// How many bytes may still be written to the file system of a directory.
pub fn free(dir: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(dir).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}
