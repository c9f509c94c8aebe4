//! Objects that are too large to be held, read from their beginning to their end: those that lie
//! loose, and those that stand in a pack as they are.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Error, Read};
use std::sync::Arc;

use gix::ObjectId;
use gix::zlib::Decompress;

use super::objects::Objects;
use super::packs::Packs;

/// A header of a loose object is not longer.
const HEADER: usize = 64;
/// So much of a pack is shown at once.
const STEP: usize = 64 << 10;

/// An object, unpacked as it is read. More or less of it than it said is an error.
pub struct Large {
    from: Box<dyn BufRead>,
    state: Decompress,
    left: u64,
}

impl Objects {
    /// An object of a known size, if it can be read bit by bit.
    pub fn large(&self, id: &ObjectId, size: u64) -> io::Result<Option<Large>> {
        let hex = id.to_string();
        for dir in self.dirs() {
            let Ok(file) = File::open(dir.join(&hex[..2]).join(&hex[2..])) else { continue };
            let mut large = Large {
                from: Box::new(BufReader::new(file)),
                state: Decompress::new(),
                left: size,
            };
            large.pass_header()?;
            return Ok(Some(large));
        }
        self.expect_many();
        let Some(reader) = self.packed() else { return Ok(None) };
        let packs = reader.borrow().packs.clone();
        let Some((pack, offset)) = packs.locate(id) else { return Ok(None) };
        let entry = packs.entry((pack, offset)).filter(|entry| entry.header.is_base());
        let Some(entry) = entry else { return Ok(None) };
        let from = Box::new(Packed { packs, pack, at: entry.data_offset });
        Ok(Some(Large { from, state: Decompress::new(), left: size }))
    }
}

impl Large {
    fn some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        gix::zlib::stream::inflate::read(&mut self.from, &mut self.state, buffer)
    }

    /// `blob 123`, and a zero.
    fn pass_header(&mut self) -> io::Result<()> {
        for _ in 0..HEADER {
            let mut byte = [0];
            if self.some(&mut byte)? == 0 {
                break;
            }
            if byte == [0] {
                return Ok(());
            }
        }
        Err(Error::other("an object without a header"))
    }
}

impl Read for Large {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = self.some(buffer)?;
        match self.left.checked_sub(read as u64) {
            Some(left) if read > 0 || left == 0 => self.left = left,
            _ => return Err(Error::other("an object is not as large as it says")),
        }
        Ok(read)
    }
}

/// What stands in a pack from some place on.
struct Packed {
    packs: Arc<Packs>,
    pack: usize,
    at: u64,
}

impl Read for Packed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Packed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(self.packs.some(self.pack, self.at, STEP))
    }

    fn consume(&mut self, read: usize) {
        self.at += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::{Git, plain_git};

    #[test]
    fn a_large_object_is_read_to_its_end_and_must_be_as_large_as_it_says() {
        let dir = tempfile::tempdir().unwrap();
        let run = |args: &[&str]| {
            let out = plain_git().arg("-C").arg(dir.path()).args(args).output().unwrap();
            assert!(out.status.success(), "{args:?}");
            String::from_utf8(out.stdout).unwrap().trim().to_owned()
        };
        run(&["init", "-q", "--template="]);
        let text: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        std::fs::write(dir.path().join("f"), &text).unwrap();
        run(&["add", "f"]);
        let id = ObjectId::from_hex(run(&["hash-object", "f"]).as_bytes()).unwrap();
        let store = dir.path().join(".git");
        let git = Git::at(store.clone(), store, None);
        let open = || Objects::open(&git, gix::hash::Kind::Sha1).unwrap();
        for packed in [false, true] {
            if packed {
                run(&["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"]);
                run(&["repack", "-qad"]);
            }
            let objects = open();
            let size = text.len() as u64;
            let read = |size: u64| {
                let mut all = Vec::new();
                objects.large(&id, size).unwrap().unwrap().read_to_end(&mut all).map(|_| all)
            };
            assert!(read(size).unwrap() == text, "{packed}");
            assert!(read(size - 1).is_err() && read(size + 1).is_err() && read(1).is_err());
        }
        let other = ObjectId::null(gix::hash::Kind::Sha1);
        assert!(open().large(&other, 1).unwrap().is_none());
    }
}
