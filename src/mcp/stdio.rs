//! The two streams of the protocol. They are taken away from the rest of the process: nothing
//! that a command or one of its children prints or reads can get between the messages.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use anyhow::Context as _;
use rustix::io::fcntl_dupfd_cloexec;
use tokio::io::{AsyncRead, ReadBuf};

use super::work::Work;

/// Gives the streams of the protocol; from now on stdin is empty and stdout is stderr.
pub(super) fn take() -> anyhow::Result<(File, File)> {
    let taken = || -> io::Result<(OwnedFd, OwnedFd)> {
        let input = fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
        let output = fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
        rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
        rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
        Ok((input, output))
    };
    let (input, output) = taken().context("take over stdin and stdout")?;
    Ok((input.into(), output.into()))
}

/// The messages of the client. When they end, the client is gone: a run must not go on
/// without anybody who hears of it.
pub(super) struct Input {
    file: tokio::fs::File,
    work: Work,
}

impl Input {
    pub(super) fn new(file: File, work: Work) -> Self {
        Self { file: tokio::fs::File::from_std(file), work }
    }
}

impl AsyncRead for Input {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let room = buf.remaining() > 0;
        let read = Pin::new(&mut self.file).poll_read(context, buf);
        let ended = match &read {
            Poll::Ready(Ok(())) => room && buf.filled().len() == before,
            Poll::Ready(Err(_)) => true,
            Poll::Pending => false,
        };
        if ended {
            self.work.end();
        }
        read
    }
}
