//! A conversation over any pair of file descriptors that ends at a deadline, whatever the
//! other side does: sockets, and the pipes of a program that carries one.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Reads from one end and writes to the other until the deadline. The two may be one.
pub struct Paced<R, W> {
    reader: R,
    writer: W,
    until: Instant,
}

impl<R: Read + AsFd, W> Paced<R, W> {
    /// Where nothing is written, the writer may be anything.
    pub fn new(reader: R, writer: W, until: Instant) -> Self {
        Self { reader, writer, until }
    }
}

impl<R: Read + AsFd, W> Read for Paced<R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        wait(self.reader.as_fd(), PollFlags::IN, self.until)?;
        self.reader.read(buffer)
    }
}

impl<R, W: Write + AsFd> Write for Paced<R, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        wait(self.writer.as_fd(), PollFlags::OUT, self.until)?;
        // A pipe that has room has room for a page: more could block past the deadline.
        self.writer.write(&bytes[..bytes.len().min(4096)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

fn wait(fd: BorrowedFd<'_>, flags: PollFlags, until: Instant) -> io::Result<()> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "no whole answer in time"));
        }
        // Never a wait of nothing: that would be a busy loop at the end.
        let left = left.max(Duration::from_millis(1));
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(&mut [PollFd::from_borrowed_fd(fd, flags)], Some(&left)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            // Closed or broken: the read or write says which.
            Ok(_) => return Ok(()),
            Err(err) => return Err(err.into()),
        }
    }
}
