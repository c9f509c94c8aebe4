//! Where words and lines begin and end.

/// Whether nothing stands before that the word could go on from. An escape (`\n`, `%20`) is not
/// part of the word after it.
pub(super) fn starts_a_word(bytes: &[u8], at: usize) -> bool {
    let before = &bytes[..at];
    match before {
        [] => true,
        [.., last] if !last.is_ascii_alphanumeric() => true,
        [.., b'\\', b'n' | b'r' | b't'] => true,
        [.., b'%', a, b] => a.is_ascii_hexdigit() && b.is_ascii_hexdigit(),
        [.., b'\\', b'x', a, b] => a.is_ascii_hexdigit() && b.is_ascii_hexdigit(),
        [.., b'\\', b'u', a, b, c, d] => [a, b, c, d].iter().all(|c| c.is_ascii_hexdigit()),
        // The end of a colour.
        [.., b'0'..=b'9', b'm'] => true,
        _ => false,
    }
}

/// Whether nothing stands after it that it could go on with.
pub(super) fn ends_a_word(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_none_or(|next| !next.is_ascii_alphanumeric() && *next != b'_')
}

/// Counts lines, from one place on to the next.
pub(super) struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
    start: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, line: 1, start: 0 }
    }

    pub(super) fn place(&mut self, at: usize) -> (usize, usize) {
        let at = at.min(self.bytes.len());
        if at < self.at {
            (self.at, self.line, self.start) = (0, 1, 0);
        }
        for newline in memchr::memchr_iter(b'\n', &self.bytes[self.at..at]) {
            self.line += 1;
            self.start = self.at + newline + 1;
        }
        self.at = at;
        (self.line, at - self.start + 1)
    }
}
