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

use super::lines::Sieve;
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

/// The messages of the client that can be read. When they end, the client may be gone: a run must
/// not go on without anybody who hears of it.
pub(super) struct Input {
    file: tokio::fs::File,
    work: Work,
    sieve: Sieve,
    /// Lines that may be given out, and how much of them was.
    good: Vec<u8>,
    given: usize,
}

impl Input {
    pub(super) fn new(file: File, work: Work, sieve: Sieve) -> Self {
        let file = tokio::fs::File::from_std(file);
        Self { file, work, sieve, good: Vec::new(), given: 0 }
    }
}

/// So much is read at once.
const PIECE: usize = 1 << 14;

impl AsyncRead for Input {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.given == this.good.len() && buf.remaining() > 0 {
            (this.good, this.given) = (Vec::new(), 0);
            let mut piece = [0; PIECE];
            let mut read = ReadBuf::new(&mut piece);
            let polled = Pin::new(&mut this.file).poll_read(context, &mut read);
            match polled {
                Poll::Ready(Ok(())) if !read.filled().is_empty() => {
                    this.sieve.pass(read.filled(), &mut this.good);
                    // Whoever answers what did not pass is asked before the next piece.
                    if this.good.is_empty() {
                        context.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                }
                Poll::Pending => return Poll::Pending,
                Poll::Ready(ended) => {
                    this.work.hears_nothing();
                    return Poll::Ready(ended);
                }
            }
        }
        let some = buf.remaining().min(this.good.len() - this.given);
        buf.put_slice(&this.good[this.given..this.given + some]);
        this.given += some;
        Poll::Ready(Ok(()))
    }
}
