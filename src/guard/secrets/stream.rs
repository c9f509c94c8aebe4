//! Contents that are too large to be held: they are searched piece by piece. Each piece begins
//! with the end of the one before, so that what stands around a place is always in sight.

use std::io::{self, Read};
use std::ops::Range;

use super::found::{MOST, Seen};
use super::scan::Scanner;

/// So much is held at once.
const PIECE: usize = 8 << 20;
/// So much of it stands in the next piece too: twice what a match and its surroundings take.
const TWICE: usize = 512 << 10;

impl Scanner {
    /// What is found in all that can be read. All of it is shown to `look` as well, in parts.
    pub fn scan_stream(
        &self,
        read: &mut dyn Read,
        look: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<Seen> {
        self.scan_pieces(read, look, PIECE, TWICE)
    }

    fn scan_pieces(
        &self,
        read: &mut dyn Read,
        look: &mut dyn FnMut(&[u8]) -> io::Result<()>,
        size: usize,
        twice: usize,
    ) -> io::Result<Seen> {
        let mut seen = Seen::default();
        let mut piece = Vec::with_capacity(size);
        // Where the piece begins: the byte, the line, and where that line does.
        let (mut begin, mut line, mut line_begin) = (0, 0, 0);
        loop {
            let had = piece.len();
            Read::take(&mut *read, (size - had) as u64).read_to_end(&mut piece)?;
            let last = piece.len() < size;
            look(&piece[had..])?;
            // What begins near an edge is told by the piece that sees more of it.
            let from = if begin == 0 { 0 } else { twice / 2 };
            let to = if last { piece.len() + 1 } else { piece.len() - twice / 2 };
            let found = self.scan(&piece);
            seen.more |= found.more;
            for mut hit in found.hits {
                if !(from..to).contains(&hit.at.start) {
                    continue;
                }
                if seen.hits.len() >= MOST {
                    seen.more = true;
                    break;
                }
                let there = |range: &Range<usize>| range.start + begin..range.end + begin;
                (hit.at, hit.secret) = (there(&hit.at), there(&hit.secret));
                if hit.line == 1 {
                    hit.column = hit.secret.start - line_begin + 1;
                }
                hit.line += line;
                seen.hits.push(hit);
            }
            if last {
                return Ok(seen);
            }
            let gone = piece.len() - twice;
            line += memchr::memchr_iter(b'\n', &piece[..gone]).count();
            if let Some(newline) = memchr::memrchr(b'\n', &piece[..gone]) {
                line_begin = begin + newline + 1;
            }
            piece.drain(..gone);
            begin += gone;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_piece_by_piece_is_what_is_found_in_all_of_it() {
        let scanner = Scanner::new(&[]).unwrap();
        let mut random = fastrand::Rng::with_seed(5);
        for round in 0..3 {
            let mut text = String::new();
            while text.len() < 200_000 {
                let key: String = (0..36).map(|_| random.alphanumeric()).collect();
                let before = "word ".repeat(random.usize(..9_000));
                let end = if round % 2 == 0 { "\n" } else { " " };
                text += &format!("{before}{} = {}{key}{end}", "key", ["gh", "p_"].concat());
            }
            let all = scanner.scan(text.as_bytes());
            let mut looked = 0;
            let mut look = |piece: &[u8]| {
                looked += piece.len();
                Ok(())
            };
            let (size, twice) = (40_000 + random.usize(..9000), 20_000);
            let read = &mut text.as_bytes();
            let seen = scanner.scan_pieces(read, &mut look, size, twice).unwrap();
            assert!(seen.hits.len() > 3 && looked == text.len());
            assert_eq!(seen.hits, all.hits, "{round}");
        }
    }
}
