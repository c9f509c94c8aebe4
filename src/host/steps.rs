//! Runs one step: both pipes as one stream, in the order in which it was written, in pieces of
//! bounded size; the whole process group is ended at the deadline or when the user says stop.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal};

use super::leftovers::{fresh, marked};
use super::{env, process};

/// How long what was told to end has before it is killed.
const GRACE: Duration = Duration::from_secs(10);
/// How long we listen on when the step has ended and somebody still holds its pipe.
const LEAK: Duration = Duration::from_millis(500);
const PIECE: usize = 64 << 10;

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    Exit(i32),
    Signal(i32),
    TimedOut,
    Stopped,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    pub end: End,
    /// Processes that left the group and could not be ended with it.
    pub survivors: Vec<u32>,
}

/// A shell line in a directory, strict: any command that fails ends it, in a pipe too.
pub fn shell(line: &str, dir: &Path) -> Command {
    let bash = ["/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash"];
    let mut command = match bash.iter().find(|path| Path::new(path).exists()) {
        Some(bash) => {
            let mut command = process::command(bash);
            command.args(["-euo", "pipefail", "-c", line]);
            command
        }
        None => {
            let mut command = process::command("sh");
            command.args(["-eu", "-c", line]);
            command
        }
    };
    command.current_dir(dir);
    for name in env::GIT_LOCAL {
        command.env_remove(name);
    }
    command
}

/// Runs a command. `stop` is asked many times a second; `each` gets what it prints.
pub fn run(
    command: &mut Command,
    deadline: Duration,
    stop: &dyn Fn() -> bool,
    each: &mut dyn FnMut(&[u8]),
) -> Result<Ran> {
    run_with(command, Some(&fresh()), deadline, GRACE, stop, each)
}

/// The same for a step that somebody has noted by its mark. Without one: what it starts is none
/// of ours, as the daemon of a process manager.
pub fn run_as(
    mark: Option<&str>,
    command: &mut Command,
    deadline: Duration,
    stop: &dyn Fn() -> bool,
    each: &mut dyn FnMut(&[u8]),
) -> Result<Ran> {
    run_with(command, mark, deadline, GRACE, stop, each)
}

fn run_with(
    command: &mut Command,
    mark: Option<&str>,
    deadline: Duration,
    grace: Duration,
    stop: &dyn Fn() -> bool,
    each: &mut dyn FnMut(&[u8]),
) -> Result<Ran> {
    use std::os::unix::process::CommandExt;
    let name = command.get_program().to_string_lossy().into_owned();
    let (reader, writer) = std::io::pipe().context("a pipe")?;
    let start = Instant::now();
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone().context("a pipe")?)
        .stderr(writer)
        .process_group(0);
    match mark {
        Some(mark) => command.env(env::STEP, mark),
        None => command.env_remove(env::STEP),
    };
    let mut child = command.spawn().with_context(|| format!("start {name}"))?;
    // The command keeps our ends of the pipe until it is given others.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let pieces = pump(reader);
    let mut end = None;
    let mut told: Option<(Instant, bool)> = None;
    let status = loop {
        let open = listen(&pieces, Duration::from_millis(20), each);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if !open {
            // It is about to end, or closed its pipe and lives on: the waiting is ours.
            thread::sleep(Duration::from_millis(1));
        }
        match &mut told {
            None if stop() => end = Some(End::Stopped),
            None if start.elapsed() >= deadline => end = Some(End::TimedOut),
            Some((since, killed @ false)) if since.elapsed() >= grace => {
                signal(&child, Signal::KILL);
                *killed = true;
            }
            _ => {}
        }
        if end.is_some() && told.is_none() {
            signal(&child, Signal::TERM);
            told = Some((Instant::now(), false));
        }
    };
    if told.is_some() {
        // The leader is gone; others of its group may have ignored the word.
        wait_for_group(&child, grace, told);
    }
    let quiet = Instant::now();
    while quiet.elapsed() < LEAK && listen(&pieces, Duration::from_millis(20), each) {}
    let survivors = match mark {
        Some(mark) if end.is_some() => marked(mark),
        _ => Vec::new(),
    };
    Ok(Ran { end: end.unwrap_or_else(|| how(status)), survivors })
}

fn how(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exit(code),
        (None, signal) => End::Signal(signal.unwrap_or(0)),
    }
}

/// Reads in a thread of its own, so that a deadline holds for a step that says nothing. The
/// channel is short: a step that prints faster than we judge has to wait.
fn pump(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (send, receive) = sync_channel(8);
    thread::spawn(move || {
        let mut piece = vec![0; PIECE];
        loop {
            match pipe.read(&mut piece) {
                Ok(0) => return,
                Ok(n) if send.send(piece[..n].to_vec()).is_err() => return,
                Ok(_) => {}
                Err(err) if err.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    });
    receive
}

/// Takes what is there, waiting for it at most so long. False: nothing will come any more.
fn listen(pieces: &Receiver<Vec<u8>>, wait: Duration, each: &mut dyn FnMut(&[u8])) -> bool {
    match pieces.recv_timeout(wait) {
        Ok(piece) => {
            each(&piece);
            true
        }
        Err(RecvTimeoutError::Timeout) => true,
        Err(RecvTimeoutError::Disconnected) => false,
    }
}

fn group(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

fn signal(child: &Child, signal: Signal) {
    if let Some(group) = group(child) {
        let _ = rustix::process::kill_process_group(group, signal);
    }
}

fn wait_for_group(child: &Child, grace: Duration, told: Option<(Instant, bool)>) {
    let Some(group) = group(child) else { return };
    let since = told.map_or_else(Instant::now, |(since, _)| since);
    let is_there = || rustix::process::test_kill_process_group(group).is_ok() && lives(group);
    while is_there() && since.elapsed() < grace {
        thread::sleep(Duration::from_millis(5));
    }
    if is_there() {
        signal(child, Signal::KILL);
    }
}

/// Whether somebody of a group is more than a corpse that nobody has buried yet.
fn lives(group: Pid) -> bool {
    let Ok(entries) = std::fs::read_dir("/proc") else { return true };
    let wanted = group.as_raw_nonzero().to_string();
    entries.flatten().any(|entry| {
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // After the name in brackets: state, parent, group.
        let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let state = fields.next();
        let _parent = fields.next();
        fields.next() == Some(wanted.as_str()) && !matches!(state, Some("Z" | "X"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(line: &str, deadline: u64, grace: u64) -> (Ran, String) {
        let mut said = Vec::new();
        let ran = run_with(
            &mut shell(line, Path::new(".")),
            Some(&fresh()),
            Duration::from_millis(deadline),
            Duration::from_millis(grace),
            &|| false,
            &mut |piece| said.extend_from_slice(piece),
        );
        (ran.unwrap(), String::from_utf8_lossy(&said).into_owned())
    }

    #[test]
    fn both_streams_come_in_the_order_in_which_they_were_written() {
        let (ran, said) =
            sh("for i in 1 2 3; do echo out$i; echo err$i >&2; done; exit 7", 9000, 9);
        assert_eq!(said, "out1\nerr1\nout2\nerr2\nout3\nerr3\n");
        assert_eq!(ran.end, End::Exit(7));
    }

    #[test]
    fn at_the_deadline_nobody_of_the_group_survives_though_he_does_not_listen() {
        let line = "trap '' TERM; sh -c 'trap \"\" TERM; sleep 60' & sleep 60 & sleep 60";
        let (ran, _) = sh(line, 60, 60);
        assert_eq!(ran, Ran { end: End::TimedOut, survivors: vec![] });
    }

    #[test]
    fn who_leaves_the_group_is_reported() {
        let (ran, _) = sh("setsid sleep 5 & sleep 60", 100, 50);
        assert_eq!((ran.end, ran.survivors.len()), (End::TimedOut, 1));
        let pid = i32::try_from(ran.survivors[0]).unwrap();
        rustix::process::kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    }

    #[test]
    fn a_daemon_that_keeps_the_pipe_does_not_keep_us() {
        let start = Instant::now();
        let (ran, said) = sh("sleep 3 & echo up", 9000, 9);
        assert_eq!((ran.end, said.as_str()), (End::Exit(0), "up\n"));
        assert!(start.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn a_failure_in_a_pipe_and_a_missing_variable_are_failures() {
        assert_ne!(sh("false | true", 9000, 9).0.end, End::Exit(0));
        assert_ne!(sh("echo \"$NOBODY_SET_THIS\"", 9000, 9).0.end, End::Exit(0));
    }

    #[test]
    fn being_told_to_stop_ends_the_group() {
        let start = Instant::now();
        let mut sleep = shell("sleep 60 & sleep 60", Path::new("."));
        let ran = run(&mut sleep, Duration::from_mins(1), &|| true, &mut |_| {}).unwrap();
        assert_eq!(ran, Ran { end: End::Stopped, survivors: vec![] });
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}
