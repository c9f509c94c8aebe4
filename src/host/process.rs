//! Other programs: run with a deadline, killed with all their children.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::signal;

/// A command for a program that is not git. The door by which processes enter.
#[expect(clippy::disallowed_methods, reason = "the door by which processes enter")]
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    Command::new(program)
}

/// How long the output of a program is waited for after its end.
const LINGER: Duration = Duration::from_secs(2);

/// What came of a program with a deadline.
pub enum Ended {
    Exited(Output),
    /// It and all processes of its group were killed.
    TimedOut,
}

/// Runs a command in a process group of its own, gives it the input, takes all output, and
/// kills the whole group at the deadline.
pub fn run(command: &mut Command, input: &[u8], deadline: Duration) -> Result<Ended> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().with_context(|| format!("start {name}"))?;
    let mut stdin = child.stdin.take().context("a pipe")?;
    let input = input.to_vec();
    // A program that does not read its input must not stop us: the writer is a thread, and
    // its broken pipe is no news.
    thread::spawn(move || drop(stdin.write_all(&input)));
    let stdout = drain(child.stdout.take().context("a pipe")?);
    let stderr = drain(child.stderr.take().context("a pipe")?);
    let status = match wait(&mut child, deadline)? {
        Waited::Ended(status) => status,
        Waited::TooLong => {
            kill_group(&mut child);
            return Ok(Ended::TimedOut);
        }
        // Ctrl-C does not reach a group of its own: nobody waits for the deadline.
        Waited::Stopped => {
            kill_group(&mut child);
            bail!("interrupted");
        }
    };
    // Something that it left behind (the master of shared ssh connections) may keep the pipe.
    let until = Instant::now() + LINGER;
    let (stdout, stderr) = (stdout.all(until), stderr.all(until));
    Ok(Ended::Exited(Output { status, stdout, stderr }))
}

/// What has come out of a pipe so far, and whether that is all.
struct Drain {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: thread::JoinHandle<()>,
}

impl Drain {
    fn all(self, until: Instant) -> Vec<u8> {
        let mut pause = Duration::from_micros(50);
        while !self.reader.is_finished() && Instant::now() < until {
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(5));
        }
        self.bytes.lock().map(|mut bytes| std::mem::take(&mut *bytes)).unwrap_or_default()
    }
}

fn drain(mut pipe: impl Read + Send + 'static) -> Drain {
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let shared = Arc::clone(&bytes);
    let reader = thread::spawn(move || {
        let mut some = [0; 1 << 14];
        while let Ok(read @ 1..) = pipe.read(&mut some) {
            if let Ok(mut bytes) = shared.lock() {
                bytes.extend_from_slice(&some[..read]);
            }
        }
    });
    Drain { bytes, reader }
}

/// How the waiting ended.
enum Waited {
    Ended(ExitStatus),
    TooLong,
    Stopped,
}

/// Waits until the child ends, the deadline is over, or the user says stop.
fn wait(child: &mut Child, deadline: Duration) -> Result<Waited> {
    let was_stopped = signal::stopped();
    let start = Instant::now();
    let mut pause = Duration::from_micros(200);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Waited::Ended(status));
        }
        if start.elapsed() >= deadline {
            return Ok(Waited::TooLong);
        }
        // What is begun after that is putting back, and is waited for.
        if signal::stopped() && !was_stopped {
            return Ok(Waited::Stopped);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}

fn kill_group(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::TERM);
        if !matches!(wait(child, Duration::from_millis(300)), Ok(Waited::Ended(_))) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_takes_too_long_is_killed_with_its_children() {
        let mut sh = command("sh");
        sh.args(["-c", "sleep 100 & sleep 100"]);
        let start = Instant::now();
        assert!(matches!(run(&mut sh, b"", Duration::from_millis(50)).unwrap(), Ended::TimedOut));
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_program_that_ignores_its_input_is_no_error() {
        let input = vec![b'x'; 1 << 20];
        let Ended::Exited(out) = run(&mut command("true"), &input, Duration::from_secs(9)).unwrap()
        else {
            panic!("timed out")
        };
        assert!(out.status.success());
    }
}
