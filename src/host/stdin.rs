//! What a caller says on stdin, for a program that must not wait for callers who leave it open: it
//! is read to the end of one JSON object, to its own end, or until the patience is over.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// The bytes that came. A person at a terminal says nothing.
pub fn object(most: usize, patience: Duration) -> Vec<u8> {
    let stdin = std::io::stdin();
    let mut said = Vec::new();
    if stdin.is_terminal() {
        return said;
    }
    let until = Instant::now() + patience;
    let mut object = Object::default();
    let mut some = [0; 1 << 14];
    while said.len() < most && !object.is_whole {
        let left = until.saturating_duration_since(Instant::now());
        let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut fds, Timespec::try_from(left).ok().as_ref()) {
            Ok(1..) => {}
            Err(rustix::io::Errno::INTR) => continue,
            // It says nothing more, or not soon enough.
            Ok(0) | Err(_) => break,
        }
        // The pipe itself: what a buffer took could not be asked for any more.
        match rustix::io::read(&stdin, &mut some) {
            Ok(0) => break,
            Ok(read) => {
                object.feed(&some[..read]);
                said.extend_from_slice(&some[..read]);
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => break,
        }
    }
    said
}

/// Finds the end of a JSON object without reading it twice.
#[derive(Debug, Default)]
struct Object {
    depth: usize,
    is_text: bool,
    is_escaped: bool,
    is_whole: bool,
}

impl Object {
    fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.is_whole {
                return;
            }
            if self.is_text {
                match byte {
                    _ if self.is_escaped => self.is_escaped = false,
                    b'\\' => self.is_escaped = true,
                    b'"' => self.is_text = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.is_text = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.is_whole = self.depth == 0;
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_ends_with_its_own_brace_wherever_it_is_cut() {
        let text = br#" {"a": "}\"{", "b": [{}, "\\"], "c": {"d": 1}}"#;
        for cut in 0..text.len() {
            let mut object = Object::default();
            object.feed(&text[..cut]);
            assert!(!object.is_whole, "at {cut}");
            object.feed(&text[cut..]);
            assert!(object.is_whole, "cut at {cut}");
        }
        for open in ["", "null", "{", "\"}\"", "{\"a\": \"}"] {
            let mut object = Object::default();
            object.feed(open.as_bytes());
            assert!(!object.is_whole, "{open}");
        }
    }
}
