//! The foreground of a terminal, lent to a program that a hook starts: Ctrl-C then reaches that
//! program alone, and not the git that waits for the hook and has something left to do.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, WaitOptions};

use super::env;

/// Tells the program whose the foreground was: it gives it back at its end, because only who is
/// in front may do that without being stopped.
const BACK: &str = "GSYNC_FRONT_OF";

/// Runs a program in front of the terminal, if there is one and we are in front of it; else as
/// any other program. Nothing is on its input.
pub fn in_front(command: &mut Command) -> Result<ExitStatus> {
    let name = command.get_program().to_string_lossy().into_owned();
    let Some((terminal, ours)) = front() else {
        return command.stdin(Stdio::null()).status().with_context(|| format!("start {name}"));
    };
    command.process_group(0).stdin(Stdio::piped()).env(BACK, ours.as_raw_nonzero().to_string());
    let mut child = command.spawn().with_context(|| format!("start {name}"))?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("a process id")?;
    let _ = rustix::termios::tcsetpgrp(&terminal, pid);
    // The end of its input is the word to begin.
    drop(child.stdin.take());
    loop {
        match rustix::process::waitpid(Some(pid), WaitOptions::UNTRACED) {
            // Nobody could wake it again: the shell does not know it.
            Ok(Some((_, status))) if status.stopped() => {
                let _ = rustix::process::kill_process_group(pid, Signal::CONT);
            }
            Ok(Some((_, status))) => return Ok(ExitStatus::from_raw(status.as_raw())),
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(err) => return Err(err).with_context(|| format!("wait for {name}")),
        }
    }
}

/// The terminal and our group, if we are in front of it.
fn front() -> Option<(OwnedFd, Pid)> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let terminal = rustix::fs::open("/dev/tty", flags, Mode::empty()).ok()?;
    let ours = rustix::process::getpgrp();
    let is_front = rustix::termios::tcgetpgrp(&terminal).is_ok_and(|front| front == ours);
    is_front.then_some((terminal, ours))
}

/// Being in front by loan; given back when it is dropped.
#[derive(Debug)]
pub struct Loan {
    to: Pid,
}

/// For a program that may have been started by [`in_front`]: waits until it is in front.
pub fn borrowed() -> Option<Loan> {
    let to = Pid::from_raw(env::text(BACK)?.parse().ok()?)?;
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    Some(Loan { to })
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let Some((terminal, _)) = front() {
            let _ = rustix::termios::tcsetpgrp(&terminal, self.to);
        }
    }
}
