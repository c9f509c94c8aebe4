//! Lines within blocks of text.

use crate::base::plain;

/// How much of a line is shown.
const SHOWN: usize = 400;

/// Where the line of a position begins and ends, without its newline.
pub(super) fn line_around(block: &[u8], at: usize) -> (usize, usize) {
    let start = memchr::memrchr(b'\n', &block[..at]).map_or(0, |before| before + 1);
    let end = memchr::memchr(b'\n', &block[at..]).map_or(block.len(), |after| at + after);
    (start, end)
}

/// The first lines, with their newlines.
pub(super) fn first_lines(block: &[u8], n: usize) -> impl Iterator<Item = &[u8]> {
    block.split_inclusive(|byte| *byte == b'\n').take(n)
}

/// The last lines of a text that ends in a newline.
pub(super) fn last_lines(text: &[u8], n: usize) -> impl Iterator<Item = &[u8]> {
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    let mut from = body.len();
    for _ in 0..n {
        match memchr::memrchr(b'\n', &body[..from]) {
            Some(at) => from = at,
            None => {
                from = usize::MAX;
                break;
            }
        }
    }
    let start = match from {
        usize::MAX => 0,
        at if at == body.len() => at,
        at => at + 1,
    };
    let lines = body[start..].split(|byte| *byte == b'\n');
    lines.take(if body.is_empty() { 0 } else { n })
}

/// A line as it is shown: short, and without anything that moves a cursor.
pub(super) fn shown(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let text = String::from_utf8_lossy(&line[..line.len().min(SHOWN)]);
    plain(&text.replace('\t', "    "))
}
