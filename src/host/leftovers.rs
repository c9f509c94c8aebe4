//! What a step left running when gsync itself was killed. Its processes carry the step's mark in
//! their environment, and the mark is noted on disk while the step runs: whoever finds the note
//! and holds the lock knows that the step has lost its gsync. A step that came to its end leaves
//! no note, so the servers that it started on purpose are nobody's prey.
//!
//! The note is gsync's own bookkeeping about a step of a plan, as the lock's file is: it is
//! written outside of the journal.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

use super::{env, read};

/// Says that a step is running.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub mark: String,
    /// What a person calls the step.
    pub step: String,
}

impl Note {
    /// Notes a step that is about to begin.
    pub fn leave(&self, path: &Path) -> Result<()> {
        std::fs::write(path, serde_json::to_vec(self)?)
            .with_context(|| format!("write {}", path.display()))
    }

    /// The note of a step that did not come to its end.
    pub fn find(path: &Path) -> Result<Option<Self>> {
        let text = read::text(path)?;
        // What was cut off while it was written was followed by no step.
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    pub fn take_away(path: &Path) {
        let _ = std::fs::remove_file(path);
    }
}

/// A mark that no other step has, of this process or another.
pub fn fresh() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let since = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let started = since.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(19));
    format!(
        "{}.{}-{:x}",
        std::process::id(),
        started.unwrap_or("0"),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

/// The living processes that carry a mark. Only where `/proc` tells.
pub fn marked(mark: &str) -> Vec<u32> {
    let wanted = format!("{}={mark}", env::STEP);
    let has = |pid: &u32| {
        lives(*pid)
            && std::fs::read(format!("/proc/{pid}/environ"))
                .is_ok_and(|env| env.split(|byte| *byte == 0).any(|it| it == wanted.as_bytes()))
    };
    pids().filter(has).collect()
}

/// Ends the processes that carry a mark, with all of their groups: asks them, waits, and makes
/// them. Gives those that it found.
pub fn end(mark: &str, grace: Duration) -> Vec<u32> {
    let ours = rustix::process::getpgrp();
    let mut found: Vec<u32> = Vec::new();
    let mut send = |signal: Signal| {
        let there = marked(mark);
        for pid in &there {
            let Some(pid) = i32::try_from(*pid).ok().and_then(Pid::from_raw) else { continue };
            let _ = match rustix::process::getpgid(Some(pid)) {
                Ok(group) if group != ours => rustix::process::kill_process_group(group, signal),
                _ => rustix::process::kill_process(pid, signal),
            };
        }
        found.extend(there.iter().filter(|pid| !found.contains(pid)).collect::<Vec<_>>());
        !there.is_empty()
    };
    let start = Instant::now();
    if send(Signal::TERM) {
        while !marked(mark).is_empty() && start.elapsed() < grace {
            std::thread::sleep(Duration::from_millis(5));
        }
        // Who is born while we look is found the next time.
        for _ in 0..20 {
            if !send(Signal::KILL) {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    found
}

fn pids() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next());
    !matches!(state, None | Some("Z" | "X"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Stdio};

    use super::*;
    use crate::host::process;

    fn start(line: &str, mark: &str) -> Child {
        let mut sh = process::command("sh");
        sh.args(["-c", line]).env(env::STEP, mark).process_group(0).stdout(Stdio::piped());
        let mut child = sh.spawn().unwrap();
        let mut ready = [0];
        std::io::Read::read_exact(&mut child.stdout.take().unwrap(), &mut ready).unwrap();
        child
    }

    #[test]
    fn whoever_carries_the_mark_is_ended_though_he_left_the_group_or_does_not_listen() {
        let mark = fresh();
        let deaf = "trap '' TERM; setsid sleep 50 & sh -c 'trap \"\" TERM; sleep 50' & echo; wait";
        let mut child = start(deaf, &mark);
        let mut other = start("echo; exec sleep 50", &fresh());
        assert!(marked(&mark).len() >= 3);
        assert!(end(&mark, Duration::from_millis(40)).len() >= 3);
        child.wait().unwrap();
        assert_eq!(marked(&mark), Vec::<u32>::new());
        assert!(other.try_wait().unwrap().is_none(), "another step's process");
        other.kill().unwrap();
        other.wait().unwrap();
    }

    #[test]
    fn a_note_is_found_until_it_is_taken_away() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("step.json");
        assert_eq!(Note::find(&path).unwrap(), None);
        let note = Note { mark: "1.2-3".into(), step: "server: build".into() };
        note.leave(&path).unwrap();
        assert_eq!(Note::find(&path).unwrap(), Some(note));
        std::fs::write(&path, "{\"mark\":").unwrap();
        assert_eq!(Note::find(&path).unwrap(), None);
        Note::take_away(&path);
        assert_eq!(Note::find(&path).unwrap(), None);
    }
}
