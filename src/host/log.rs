//! The log of a step while it runs: every line with its moment, secrets masked. It becomes a
//! log for people when the step fails, and is gone when it succeeds. Names below the directory
//! for logs are gsync's own, so this is written outside of the journal.
//!
//! What looks like a secret is covered when the log is kept: most logs never are, and a flood is
//! not to wait for a search of all that it says.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::clock;
use crate::base::covered;

/// How much of the beginning of a log is kept.
const FIRST: u64 = 16 << 20;
/// How much of its end is kept at least, and twice that at most.
const LAST: u64 = 8 << 20;
/// How many logs of failures are kept.
const KEPT: usize = 20;
/// So much of a log is searched for secrets at once.
const PIECE: u64 = 1 << 20;

/// A log that is being written. A flood does not fill the disk: of a long log the beginning and
/// the end are kept, 32 MiB together at most, and how many lines are missing is said in between.
pub struct Log {
    dir: PathBuf,
    /// The file at hand: the beginning, or one of the two parts of the end in turn.
    file: BufWriter<File>,
    part: usize,
    written: u64,
    lines: u64,
    /// Lines of the other part of the end.
    other: u64,
    missing: u64,
    first: u64,
    last: u64,
}

impl Log {
    /// Begins a log in a directory, which is made if it is not there.
    pub fn begin(dir: &Path) -> Result<Self> {
        Self::begin_with(dir, FIRST, LAST)
    }

    fn begin_with(dir: &Path, first: u64, last: u64) -> Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()))?;
        // What a killed run left; nobody else is at work while we have the lock.
        for (name, path) in names(dir) {
            if name.starts_with("running-") {
                let _ = std::fs::remove_file(path);
            }
        }
        let file = open(&part(dir, 0))?;
        let dir = dir.to_owned();
        let (part, written, lines, other, missing) = (0, 0, 0, 0, 0);
        Ok(Self { dir, file, part, written, lines, other, missing, first, last })
    }

    /// Whole lines, as they were said. A full disk is no reason to end the step.
    pub fn lines(&mut self, block: &[u8]) {
        let now = clock::now().rfc3339();
        for line in block.split_inclusive(|byte| *byte == b'\n') {
            let limit = if self.part == 0 { self.first } else { self.last };
            if self.written >= limit {
                self.turn();
            }
            let _ = self.file.write_all(now.as_bytes());
            let _ = self.file.write_all(b" ");
            let _ = self.file.write_all(line);
            self.written += (now.len() + 1 + line.len()) as u64;
            self.lines += 1;
        }
    }

    /// Goes on in the next part; what that held is missing from now on.
    fn turn(&mut self) {
        let next = if self.part == 1 { 2 } else { 1 };
        let Ok(file) = open(&part(&self.dir, next)) else { return };
        let _ = self.file.flush();
        self.file = file;
        self.missing += self.other;
        self.other = if self.part == 0 { 0 } else { self.lines };
        (self.part, self.written, self.lines) = (next, 0, 0);
    }

    /// A remark of ours.
    pub fn remark(&mut self, line: &str) {
        self.lines(format!("-- {line}\n").as_bytes());
    }

    /// Keeps it under the name of a failure, and the newest of those that are there.
    pub fn keep(mut self) -> Result<PathBuf> {
        let whole = part(&self.dir, 0);
        self.file.flush().with_context(|| format!("write {}", whole.display()))?;
        if self.part > 0 {
            self.join(&whole).with_context(|| format!("write {}", whole.display()))?;
        }
        let room = part(&self.dir, 1);
        if let Err(err) = cover(&whole, &room) {
            // What cannot be covered is not kept.
            let _ = std::fs::remove_file(room);
            let _ = std::fs::remove_file(&whole);
            return Err(err).with_context(|| format!("cover secrets in {}", whole.display()));
        }
        let stamp = clock::now().compact();
        let name = |n: u32| match n {
            1 => format!("sync-error-{stamp}.log"),
            n => format!("sync-error-{stamp}-{n}.log"),
        };
        for n in 1.. {
            let path = self.dir.join(name(n));
            if path.symlink_metadata().is_err() {
                std::fs::rename(&whole, &path)
                    .with_context(|| format!("write {}", path.display()))?;
                prune(&self.dir, &path);
                return Ok(path);
            }
        }
        Ok(whole)
    }

    /// Puts the end behind the beginning.
    fn join(&self, whole: &Path) -> std::io::Result<()> {
        let mut to = OpenOptions::new().append(true).open(whole)?;
        if self.missing > 0 {
            writeln!(to, "-- {} lines are left out here", self.missing)?;
        }
        for number in [3 - self.part, self.part] {
            let from = part(&self.dir, number);
            if let Ok(mut file) = File::open(&from) {
                std::io::copy(&mut file, &mut to)?;
                std::fs::remove_file(from)?;
            }
        }
        Ok(())
    }

    /// Nobody needs it.
    pub fn drop(self) {
        for number in 0..=2 {
            let _ = std::fs::remove_file(part(&self.dir, number));
        }
    }
}

/// Covers the secrets in a log, by way of another file if there are any.
fn cover(log: &Path, room: &Path) -> Result<()> {
    let mut from = BufReader::new(File::open(log)?);
    let (mut to, mut passed) = (None, 0);
    loop {
        let mut piece = Vec::new();
        from.by_ref().take(PIECE).read_to_end(&mut piece)?;
        from.read_until(b'\n', &mut piece)?;
        if piece.is_empty() {
            break;
        }
        let new = without_secrets(&piece);
        if to.is_none() && new.is_some() {
            let mut file = open(room)?;
            std::io::copy(&mut File::open(log)?.take(passed), &mut file)?;
            to = Some(file);
        }
        if let Some(to) = &mut to {
            to.write_all(new.as_deref().unwrap_or(&piece))?;
        }
        passed += piece.len() as u64;
    }
    if let Some(mut to) = to {
        to.flush()?;
        std::fs::rename(room, log)?;
    }
    Ok(())
}

/// Lines of a log with the secrets in them covered, if there are any. The moments are taken off
/// meanwhile: a key may stand in several lines.
fn without_secrets(lines: &[u8]) -> Option<Vec<u8>> {
    let halves = lines.split_inclusive(|byte| *byte == b'\n').map(|line| {
        let stamped = line.get(10) == Some(&b'T') && line.get(20) == Some(&b' ');
        line.split_at(if stamped { 21 } else { 0 })
    });
    let (moments, texts): (Vec<&[u8]>, Vec<&[u8]>) = halves.unzip();
    let Cow::Owned(text) = covered(&String::from_utf8_lossy(&texts.concat())) else { return None };
    let mut new = Vec::with_capacity(lines.len());
    for (at, line) in text.split_inclusive('\n').enumerate() {
        new.extend_from_slice(moments.get(at).or(moments.last()).copied().unwrap_or_default());
        new.extend_from_slice(line.as_bytes());
    }
    Some(new)
}

fn part(dir: &Path, number: usize) -> PathBuf {
    let pid = std::process::id();
    match number {
        0 => dir.join(format!("running-{pid}.log")),
        n => dir.join(format!("running-{pid}-{n}.log")),
    }
}

fn open(path: &Path) -> Result<BufWriter<File>> {
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(true);
    // What a build prints is nobody else's business.
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).with_context(|| format!("write {}", path.display()))?;
    Ok(BufWriter::new(file))
}

/// The logs in a directory.
fn names(dir: &Path) -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let all = entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()));
    all.filter(|(name, _)| name.ends_with(".log")).collect()
}

/// Removes the oldest logs of failures, never the one that was just written.
fn prune(dir: &Path, newest: &Path) {
    let mut old: Vec<_> = names(dir)
        .into_iter()
        .filter(|(name, path)| name.starts_with("sync-error-") && path != newest)
        .filter_map(|(name, path)| {
            let time = path.symlink_metadata().and_then(|meta| meta.modified()).ok()?;
            Some((time, name, path))
        })
        .collect();
    old.sort();
    let too_many = (old.len() + 1).saturating_sub(KEPT);
    for (_, _, path) in old.into_iter().take(too_many) {
        let _ = std::fs::remove_file(path);
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

    #[test]
    fn of_a_flood_the_beginning_and_the_end_are_kept_and_what_is_missing_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        for (lines, whole) in [(20, true), (2000, false)] {
            let mut log = Log::begin_with(dir.path(), 1000, 500).unwrap();
            for n in 1..=lines {
                log.lines(format!("line {n}\n").as_bytes());
            }
            let text = std::fs::read_to_string(log.keep().unwrap()).unwrap();
            assert!(text.lines().next().unwrap().ends_with(" line 1"));
            assert!(text.lines().last().unwrap().ends_with(&format!(" line {lines}")));
            let said = text.lines().find_map(|line| line.strip_prefix("-- "));
            let missing = said.map_or(0, |said| said.split(' ').next().unwrap().parse().unwrap());
            let kept = text.lines().filter(|line| line.contains("Z line ")).count();
            assert_eq!((kept + missing, missing == 0), (lines, whole), "{text}");
            assert!(whole || text.len() < 2300, "{}", text.len());
        }
        assert!(names(dir.path()).iter().all(|(name, _)| name.starts_with("sync-error-")));
    }

    #[test]
    fn the_newest_logs_of_failures_are_kept_and_nobody_elses_are_touched() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("other.log"), "").unwrap();
        for n in 0..KEPT + 5 {
            let mut log = Log::begin(dir.path()).unwrap();
            log.remark(&n.to_string());
            log.keep().unwrap();
        }
        let logs = names(dir.path());
        assert_eq!(logs.len(), KEPT + 1);
        let text = |n: usize| {
            let ends = format!("-- {n}\n");
            logs.iter().any(|(_, path)| std::fs::read_to_string(path).unwrap().ends_with(&ends))
        };
        assert!(text(KEPT + 4) && !text(0));
    }
}
