//! The sockets of HAProxy: one command, one answer in plain text. The master's socket refuses
//! for a moment during a reload, and answers only once its client has half closed.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::base::plain;
use crate::host::paced::Paced;

/// An answer longer than this is not one to our questions.
const MOST: u64 = 16 << 20;

/// A socket, and how long it is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Socket {
    pub path: PathBuf,
    /// What people call it.
    pub name: String,
    pub patience: Duration,
}

impl Socket {
    /// Sends one command and takes the whole answer. All that we send may be sent twice, so a
    /// socket that refuses or breaks off is asked again until the patience is over.
    pub fn ask(&self, command: &str) -> Result<String> {
        // A newline or a semicolon would begin a second command.
        let one = command.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b';');
        ensure!(one, "not one command for haproxy: {}", plain(command));
        let until = Instant::now() + self.patience;
        let describe = || format!("ask haproxy at {}", self.name);
        loop {
            let err = match once(&self.path, command, until) {
                Ok(answer) if !answer.is_empty() => return Ok(answer),
                Ok(_) => std::io::Error::new(ErrorKind::UnexpectedEof, "it said nothing"),
                Err(err) => err,
            };
            let again = matches!(
                err.kind(),
                ErrorKind::ConnectionRefused
                    | ErrorKind::ConnectionReset
                    | ErrorKind::BrokenPipe
                    | ErrorKind::NotFound
                    | ErrorKind::UnexpectedEof
                    | ErrorKind::WouldBlock
            );
            if !again || Instant::now() >= until {
                return Err(err).with_context(describe);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn once(path: &Path, command: &str, until: Instant) -> std::io::Result<String> {
    let stream = UnixStream::connect(path)?;
    let mut paced = Paced::new(stream.try_clone()?, &stream, until);
    paced.write_all(command.as_bytes())?;
    paced.write_all(b"\n")?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    paced.take(MOST).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A socket has no exit code: what is an error stands in the text.
pub(super) fn refusal(answer: &str) -> Result<()> {
    let said = answer.trim();
    if said.is_empty() {
        return Ok(());
    }
    if said.starts_with("Unknown map identifier") {
        bail!("haproxy does not use this map: its configuration names another file");
    }
    if said.starts_with("Permission denied") {
        bail!("haproxy does not allow it: the socket needs `level admin`");
    }
    bail!("haproxy says: {}", super::parse::said(said))
}

/// The worker ended between being listed and being asked.
pub(super) fn is_gone(answer: &str) -> bool {
    answer.starts_with("Can't find the target")
}
