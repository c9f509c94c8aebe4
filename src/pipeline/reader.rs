//! Lines from what a tool printed: without colours and cursor movements, progress bars cut
//! at every return to the line's start, lines of any length capped. Bytes stay bytes, so a
//! log in any encoding passes.

/// Longer lines lose their end.
pub const LINE_CAP: usize = 4096;

/// Takes pieces of any size and gives blocks of whole, clean lines, each ended by a newline.
/// It never holds more than one line.
#[derive(Debug, Default)]
pub struct Reader {
    /// The line that has not ended yet.
    line: Vec<u8>,
    /// Clean lines that are about to be given.
    block: Vec<u8>,
    state: State,
    /// The rest of a line over the cap is passed over.
    full: bool,
    /// The last byte was a return that ended a line: a newline right after it ends no other.
    returned: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Text,
    /// After `ESC`.
    Escape,
    /// In `ESC [ ..`, with whether a parameter was there.
    Control,
    /// In `ESC ] ..` and its kin, up to BEL or `ESC \`.
    Words,
    WordsEscape,
    /// After `ESC (` and its kin: one more byte belongs to it.
    One,
}

impl Reader {
    /// Takes a piece; `each` gets every block of whole lines that it completes.
    pub fn push(&mut self, piece: &[u8], each: &mut dyn FnMut(&[u8])) {
        let tame = self.state == State::Text && !self.full && !self.returned && !has_wild(piece);
        if !tame {
            self.clean(piece, each);
            return;
        }
        // The common case: nothing to take out, so whole lines go through as they are.
        let Some(first) = memchr::memchr(b'\n', piece) else {
            self.clean(piece, each);
            return;
        };
        let mut rest = piece;
        if !self.line.is_empty() {
            let (head, tail) = piece.split_at(first + 1);
            self.clean(head, each);
            rest = tail;
        }
        let Some(last) = memchr::memrchr(b'\n', rest) else {
            self.clean(rest, each);
            return;
        };
        let (whole, open) = rest.split_at(last + 1);
        each(whole);
        self.clean(open, each);
    }

    /// Gives the last line, if it had no end.
    pub fn end(&mut self, each: &mut dyn FnMut(&[u8])) {
        if !self.line.is_empty() {
            self.end_line();
        }
        self.give(each);
    }

    fn give(&mut self, each: &mut dyn FnMut(&[u8])) {
        if !self.block.is_empty() {
            each(&self.block);
            self.block.clear();
        }
    }

    fn end_line(&mut self) {
        self.block.extend_from_slice(&self.line);
        self.block.push(b'\n');
        self.line.clear();
        self.full = false;
    }

    /// A return to the start of the line, or a move elsewhere: what was there was a line.
    fn break_line(&mut self) {
        if !self.line.is_empty() {
            self.end_line();
        }
        self.full = false;
    }

    fn clean(&mut self, piece: &[u8], each: &mut dyn FnMut(&[u8])) {
        let mut at = 0;
        while at < piece.len() {
            if self.state == State::Text {
                let rest = &piece[at..];
                let run = rest.iter().position(|byte| *byte < b' ' && *byte != b'\t');
                let run = run.unwrap_or(rest.len());
                self.text(&rest[..run]);
                at += run;
            }
            let Some(byte) = piece.get(at) else { break };
            self.byte(*byte);
            at += 1;
            if self.block.len() > 1 << 16 {
                self.give(each);
            }
        }
        self.give(each);
    }

    fn text(&mut self, run: &[u8]) {
        self.returned &= run.is_empty();
        if self.full {
            return;
        }
        let room = LINE_CAP - self.line.len();
        self.line.extend_from_slice(&run[..run.len().min(room)]);
        self.full = run.len() > room;
    }

    fn byte(&mut self, byte: u8) {
        let returned = std::mem::take(&mut self.returned);
        self.state = match (self.state, byte) {
            (State::Text, b'\n') if returned => State::Text,
            (State::Text, b'\n') => {
                self.end_line();
                State::Text
            }
            (State::Text, b'\r') => {
                self.returned = !self.line.is_empty();
                self.break_line();
                State::Text
            }
            (_, 0x1b) if self.state != State::Words => State::Escape,
            (State::Text, _) => State::Text,
            (State::Escape, b'[') => State::Control,
            (State::Escape, b']' | b'P' | b'X' | b'^' | b'_') => State::Words,
            (State::Escape, b'(' | b')' | b'*' | b'+' | b'#' | b'%') => State::One,
            (State::Escape | State::One, _) => State::Text,
            // A sequence that is cut off by a newline must not eat the next line.
            (State::Control | State::Words | State::WordsEscape, b'\n') => {
                self.end_line();
                State::Text
            }
            (State::Control, b'A'..=b'H' | b'J' | b'f' | b'd') => {
                self.break_line();
                State::Text
            }
            (State::Control, 0x40..=0x7e) => State::Text,
            (State::Control, _) => State::Control,
            (State::Words, 0x07) => State::Text,
            (State::Words, 0x1b) => State::WordsEscape,
            (State::WordsEscape, b'\\') => State::Text,
            (State::Words | State::WordsEscape, _) => State::Words,
        };
    }
}

/// Whether anything must be taken out. In chunks without a way out of the inner loop, which
/// the compiler makes many bytes at a time of.
fn has_wild(piece: &[u8]) -> bool {
    let is_wild = |byte: u8| byte < b' ' && byte != b'\n' && byte != b'\t';
    piece.chunks(256).any(|chunk| chunk.iter().fold(false, |found, byte| found | is_wild(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(pieces: &[&[u8]]) -> Vec<String> {
        let mut text = Vec::new();
        let mut reader = Reader::default();
        let mut each = |block: &[u8]| text.extend_from_slice(block);
        for piece in pieces {
            reader.push(piece, &mut each);
        }
        reader.end(&mut each);
        String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
    }

    #[test]
    fn colours_titles_and_links_are_gone_and_the_words_stay() {
        let lines =
            lines_of(&[b"\x1b[1;31merror\x1b[0m: x\n\x1b]0;title\x07ok\n\x1b]8;;u\x1b\\l\n"]);
        assert_eq!(lines, ["error: x", "ok", "l"]);
    }

    #[test]
    fn a_progress_bar_is_cut_at_every_return_and_a_dos_line_is_one_line() {
        let log = b"10%\r20%\r\nnext\r\n\r\n\x1b[2K\x1b[1Gc";
        assert_eq!(lines_of(&[log]), ["10%", "20%", "next", "", "c"]);
    }

    #[test]
    fn it_does_not_matter_how_the_bytes_are_cut() {
        let text = b"a\x1b[31mb\x1b[0m\rc\r\n\xff\xfe d\nlast \x1b]2;t\x07end";
        let whole = lines_of(&[text]);
        for at in 1..text.len() {
            assert_eq!(lines_of(&[&text[..at], &text[at..]]), whole, "cut at {at}");
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(lines_of(&bytes), whole);
    }

    #[test]
    fn a_line_without_an_end_takes_no_more_than_the_cap() {
        let mut reader = Reader::default();
        let mut longest = 0;
        for _ in 0..1000 {
            reader.push(&[b'x'; 1000], &mut |block| longest = longest.max(block.len()));
        }
        assert!(reader.line.capacity() <= 4 * LINE_CAP);
        reader.push(b"\nnext\n", &mut |block| longest = longest.max(block.len()));
        assert!(longest <= LINE_CAP + 6);
    }

    #[test]
    fn a_sequence_that_was_cut_off_does_not_eat_the_next_line() {
        assert_eq!(
            lines_of(&[b"a\x1b[31\nerror: x\n\x1b]0;oops\nb\n"]),
            ["a", "error: x", "", "b"]
        );
    }
}
