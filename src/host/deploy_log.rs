//! The log of one deploy: what its worker says, for the pusher who follows it and for whoever
//! looks later. The names are gsync's own, so this is written outside of the journal.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// How many of them stay.
const KEPT: usize = 100;

/// Begins a log; the oldest ones go.
pub fn begin(dir: &Path, ticket: &str) -> Result<(File, PathBuf)> {
    fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()))?;
    let is_ours = |name: &str| name.starts_with("deploy-") && name.ends_with(".log");
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| is_ours(name)).collect();
    // Their names begin with the moment.
    names.sort();
    let old = names.len().saturating_sub(KEPT - 1);
    for name in names.iter().take(old) {
        let _ = fs::remove_file(dir.join(name));
    }
    let path = dir.join(format!("deploy-{ticket}.log"));
    let mut options = File::options();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.create(true).append(true).open(&path);
    Ok((file.with_context(|| format!("write {}", path.display()))?, path))
}

/// A place for what is said once: to write to, and to read from at the same time. It has no name,
/// so that nothing is left whoever is killed.
pub fn passing() -> Result<(File, File)> {
    let named = tempfile::NamedTempFile::new().context("make a temporary file")?;
    let back = named.reopen().context("read a temporary file")?;
    Ok((named.into_file(), back))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_logs_stay_and_nothing_else_is_touched() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("blue.log"), "").unwrap();
        for n in 0..KEPT + 5 {
            begin(dir.path(), &format!("2024{n:04}")).unwrap();
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), KEPT + 1);
        assert!(!dir.path().join("deploy-20240004.log").exists());
        assert!(dir.path().join("deploy-20240005.log").exists());
    }
}
