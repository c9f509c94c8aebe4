//! Reads what a worker says as it grows, and hands it on to whoever pushed, without ever waiting
//! for them: somebody who does not read must not hold up anything.

use std::fs::File;
use std::io::{Read, Write, stderr};
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, poll};

/// How often is looked.
const PAUSE: Duration = Duration::from_millis(3);
/// How long a pusher may not read before nothing more is said to them.
const DEAF: Duration = Duration::from_secs(10);

/// What is followed, and who does not listen any more.
#[derive(Default)]
pub(super) struct Follow {
    sources: Vec<Source>,
    /// What was not handed on yet.
    rest: Vec<u8>,
    deaf_since: Option<Instant>,
    gone: bool,
}

/// One file that grows.
struct Source {
    file: File,
    /// Stands in front of each of its lines.
    mark: String,
    /// A line that has not ended yet.
    part: Vec<u8>,
}

impl Follow {
    /// Follows a log too.
    pub fn read(&mut self, path: &Path) -> Result<()> {
        let file = File::open(path).with_context(|| format!("read {}", path.display()))?;
        self.read_file(file, String::new());
        Ok(())
    }

    /// Follows a file too, with something in front of each line.
    pub fn read_file(&mut self, file: File, mark: String) {
        self.sources.push(Source { file, mark, part: Vec::new() });
    }

    /// Hands on what a worker says until it ends; its exit code, unless it was killed.
    pub fn until_end(&mut self, mut child: Child) -> Result<Option<u8>> {
        let status = loop {
            self.more();
            if let Some(status) = child.try_wait().context("wait for the worker")? {
                break status;
            }
            std::thread::sleep(PAUSE);
        };
        self.more();
        for source in &mut self.sources {
            if !source.part.is_empty() {
                source.part.push(b'\n');
                self.rest.extend(source.mark.bytes().chain(std::mem::take(&mut source.part)));
            }
        }
        self.through();
        Ok(status.code().and_then(|code| u8::try_from(code).ok()))
    }

    /// One more line, of our own.
    pub fn say(&mut self, line: &str) {
        self.rest.extend(line.bytes().chain([b'\n']));
        self.through();
    }

    /// Until all of it is handed on, or nobody listens.
    fn through(&mut self) {
        while !self.rest.is_empty() && !self.gone {
            if !self.pass() {
                std::thread::sleep(PAUSE);
            }
        }
    }

    fn more(&mut self) {
        let mut some = [0; 1 << 14];
        for source in &mut self.sources {
            while let Ok(read @ 1..) = source.file.read(&mut some) {
                source.part.extend_from_slice(&some[..read]);
                // Whole lines only: two who speak must not meet within one.
                let end = source.part.iter().rposition(|byte| *byte == b'\n');
                let whole: Vec<u8> = source.part.drain(..end.map_or(0, |at| at + 1)).collect();
                if !self.gone {
                    for line in whole.split_inclusive(|byte| *byte == b'\n') {
                        self.rest.extend(source.mark.bytes().chain(line.iter().copied()));
                    }
                }
            }
        }
        while !self.rest.is_empty() && !self.gone && self.pass() {}
    }

    /// Hands on a piece that the pipe takes for sure. False: nobody takes it now.
    fn pass(&mut self) -> bool {
        let err = stderr();
        let mut fds = [PollFd::new(&err, PollFlags::OUT)];
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        let ready = poll(&mut fds, Some(&now)).is_ok_and(|ready| ready > 0);
        if !ready {
            let since = *self.deaf_since.get_or_insert_with(Instant::now);
            self.gone = since.elapsed() > DEAF;
            return false;
        }
        self.deaf_since = None;
        // A pipe that takes anything takes this much at once.
        let piece = self.rest.len().min(4096);
        if err.lock().write_all(&self.rest[..piece]).is_err() {
            self.gone = true;
            return false;
        }
        self.rest.drain(..piece);
        true
    }
}
