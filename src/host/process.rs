//! Other programs: run with a deadline, killed with all their children.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// A command for a program that is not git. The door by which processes enter.
#[expect(clippy::disallowed_methods, reason = "the door by which processes enter")]
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    Command::new(program)
}

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
    let Some(status) = wait(&mut child, deadline)? else {
        kill_group(&mut child);
        return Ok(Ended::TimedOut);
    };
    let stdout = stdout.join().unwrap_or_default();
    let stderr = stderr.join().unwrap_or_default();
    Ok(Ended::Exited(Output { status, stdout, stderr }))
}

fn drain(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}

/// Waits until the child ends or the deadline is over.
fn wait(child: &mut Child, deadline: Duration) -> Result<Option<ExitStatus>> {
    let start = Instant::now();
    let mut pause = Duration::from_micros(200);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() >= deadline {
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}

fn kill_group(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::TERM);
        if !matches!(wait(child, Duration::from_millis(300)), Ok(Some(_))) {
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
