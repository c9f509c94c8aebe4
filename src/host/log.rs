//! The log of a step while it runs: every line with its moment, secrets masked. It becomes a
//! log for people when the step fails, and is gone when it succeeds. Names below the directory
//! for logs are gsync's own, so this is written outside of the journal.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::clock;

/// A log that is being written.
pub struct Log {
    file: BufWriter<File>,
    path: PathBuf,
    dir: PathBuf,
}

impl Log {
    /// Begins a log in a directory, which is made if it is not there.
    pub fn begin(dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()))?;
        // What a killed run left; nobody else is at work while we have the lock.
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with("running-") && name.ends_with(".log") {
                let _ = std::fs::remove_file(entry.path());
            }
        }
        let path = dir.join(format!("running-{}.log", std::process::id()));
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(true);
        // What a build prints is nobody else's business.
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).with_context(|| format!("write {}", path.display()))?;
        Ok(Self { file: BufWriter::new(file), path, dir: dir.to_owned() })
    }

    /// Whole lines, as they were said. A full disk is no reason to end the step.
    pub fn lines(&mut self, block: &[u8]) {
        let now = clock::now().rfc3339();
        for line in block.split_inclusive(|byte| *byte == b'\n') {
            let _ = self.file.write_all(now.as_bytes());
            let _ = self.file.write_all(b" ");
            let _ = self.file.write_all(line);
        }
    }

    /// A remark of ours.
    pub fn remark(&mut self, line: &str) {
        self.lines(format!("-- {line}\n").as_bytes());
    }

    /// Keeps it under the name of a failure.
    pub fn keep(mut self) -> Result<PathBuf> {
        self.file.flush().with_context(|| format!("write {}", self.path.display()))?;
        let stamp = clock::now().compact();
        let name = |n: u32| match n {
            1 => format!("sync-error-{stamp}.log"),
            n => format!("sync-error-{stamp}-{n}.log"),
        };
        for n in 1.. {
            let path = self.dir.join(name(n));
            if path.symlink_metadata().is_err() {
                std::fs::rename(&self.path, &path)
                    .with_context(|| format!("write {}", path.display()))?;
                return Ok(path);
            }
        }
        Ok(self.path)
    }

    /// Nobody needs it.
    pub fn drop(self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Hides the values of variables whose names say that they are secret.
pub struct Mask {
    values: Vec<Vec<u8>>,
}

impl Mask {
    pub fn new(values: Vec<Vec<u8>>) -> Self {
        Self { values }
    }

    /// The block with `***` for every secret; itself if there is none.
    pub fn hide<'a>(&self, block: &'a [u8], room: &'a mut Vec<u8>) -> &'a [u8] {
        if !self.values.iter().any(|value| memchr::memmem::find(block, value).is_some()) {
            return block;
        }
        room.clear();
        room.extend_from_slice(block);
        for value in &self.values {
            let mut from = 0;
            while let Some(at) = memchr::memmem::find(&room[from..], value) {
                let at = from + at;
                room.splice(at..at + value.len(), *b"***");
                from = at + 3;
            }
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_wherever_it_stands() {
        let mask = Mask::new(vec![b"hunter22".to_vec()]);
        let mut room = Vec::new();
        assert_eq!(mask.hide(b"pw=hunter22 hunter22\n", &mut room), b"pw=*** ***\n");
        assert_eq!(mask.hide(b"nothing\n", &mut room), b"nothing\n");
    }

    #[test]
    fn two_failures_in_one_second_have_two_logs() {
        let dir = tempfile::tempdir().unwrap();
        let mut paths: Vec<PathBuf> = Vec::new();
        for _ in 0..3 {
            let mut log = Log::begin(dir.path()).unwrap();
            log.lines(b"a\nb\n");
            paths.push(log.keep().unwrap());
        }
        paths.dedup();
        assert_eq!(paths.len(), 3);
        let text = std::fs::read_to_string(&paths[0]).unwrap();
        assert!(text.lines().all(|line| line.len() > 20 && line.as_bytes()[10] == b'T'), "{text}");
    }
}
