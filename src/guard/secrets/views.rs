//! Other ways to write the same bytes: two or four bytes a letter, and base64.

use std::ops::Range;

/// A run of wide letters that is shorter holds no secret.
const SHORTEST: usize = 8;
/// A line of base64 that was broken into lines ends with so many digits.
const LINE: usize = 60;
/// So much base64 is decoded on each side of a keyword.
pub(super) const AROUND: usize = 48 << 10;

/// A content with its wide letters made narrow.
pub(super) struct Wide {
    pub bytes: Vec<u8>,
    /// Where each run begins: here, and in the content.
    runs: Vec<(usize, usize)>,
    step: usize,
}

impl Wide {
    /// Where a place of this view is in the content.
    pub(super) fn origin(&self, at: usize) -> usize {
        let run = self.runs.partition_point(|(here, _)| *here <= at).saturating_sub(1);
        self.runs.get(run).map_or(0, |(here, there)| there + (at - here) * self.step)
    }
}

/// What stands there in UTF-16 or UTF-32, in either order of bytes, anywhere in the content,
/// with a mark in front or not.
pub(super) fn wide(bytes: &[u8]) -> Vec<Wide> {
    let mut views = Vec::new();
    for (step, letter) in [(2, 0), (2, 1), (4, 0), (4, 3)] {
        let mut view = Wide { bytes: Vec::new(), runs: Vec::new(), step };
        let is_letter = |unit: &[u8]| {
            let others = unit.iter().enumerate().filter(|(at, _)| *at != letter);
            others.into_iter().all(|(_, byte)| *byte == 0)
                && (unit[letter] >= b' ' || b"\t\r\n".contains(&unit[letter]))
        };
        let mut at = 0;
        while at + step <= bytes.len() {
            // A letter cannot begin where the next unit has no zero.
            if !is_letter(&bytes[at..at + step]) {
                at += 1;
                continue;
            }
            let mut end = at;
            while end + step <= bytes.len() && is_letter(&bytes[end..end + step]) {
                end += step;
            }
            if (end - at) / step >= SHORTEST {
                view.runs.push((view.bytes.len(), at));
                view.bytes.extend((at..end).step_by(step).map(|unit| bytes[unit + letter]));
                view.bytes.push(b'\n');
            }
            at = end;
        }
        if !view.bytes.is_empty() {
            views.push(view);
        }
    }
    views
}

/// A stretch of base64, and what it says.
pub(super) struct Run {
    pub at: Range<usize>,
    pub decoded: Vec<u8>,
}

/// What each byte is worth as a digit of base64; 64 is no digit.
const DIGITS: [u8; 256] = {
    let mut digits = [64; 256];
    let mut byte = 0_u8;
    loop {
        digits[byte as usize] = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => 64,
        };
        if byte == u8::MAX {
            break digits;
        }
        byte += 1;
    }
};

fn is_digit(byte: u8) -> bool {
    DIGITS[usize::from(byte)] < 64
}

pub(super) fn digit(byte: u8) -> Option<u8> {
    Some(DIGITS[usize::from(byte)]).filter(|digit| *digit < 64)
}

/// The base64 around a place of which it is known how it stands in its group of four. Lines
/// that end in the middle of it are put together.
pub(super) fn base64_around(bytes: &[u8], word: usize, phase: usize) -> Option<Run> {
    let from = word.saturating_sub(AROUND);
    let to = (word + AROUND).min(bytes.len());
    let mut start = word;
    let mut before = Vec::new();
    while start > from {
        match bytes[start - 1] {
            byte if digit(byte).is_some() => before.push(byte),
            b'\n' if is_wrapped(bytes, start - 1) => {}
            b'\r' if bytes.get(start) == Some(&b'\n') => {}
            _ => break,
        }
        start -= 1;
    }
    let mut end = word;
    let mut letters: Vec<u8> = Vec::new();
    let mut indent = false;
    while end < to {
        match bytes[end] {
            byte if digit(byte).is_some() => {
                letters.push(byte);
                indent = false;
            }
            b'\n' if is_wrapped(bytes, end) => indent = true,
            b'\r' if bytes.get(end + 1) == Some(&b'\n') => {}
            b' ' | b'\t' if indent => {}
            _ => break,
        }
        end += 1;
    }
    // Whole groups only: what stands before may not belong to it.
    let keep = before.len().checked_sub(phase)? / 4 * 4 + phase;
    before.truncate(keep);
    before.reverse();
    before.append(&mut letters);
    if before.len() < 16 {
        return None;
    }
    let mut decoded = Vec::with_capacity(before.len() * 3 / 4);
    for group in before.chunks(4) {
        let value = group
            .iter()
            .try_fold(0_u32, |value, byte| Some(value << 6 | u32::from(digit(*byte)?)))?;
        let value = value << (6 * (4 - group.len()));
        let whole = group.len() * 6 / 8;
        decoded.extend_from_slice(&value.to_be_bytes()[1..=whole]);
    }
    Some(Run { at: start..end, decoded })
}

/// The next stretch of base64 in several lines, from a place on. A word may be broken in two
/// there, so it is not found by its letters.
pub(super) fn wrapped(bytes: &[u8], from: usize) -> Option<Run> {
    let mut at = from;
    while let Some(newline) = next_wrapped(bytes, at) {
        let line = bytes[from..newline].trim_ascii_end();
        let before = line.iter().rposition(|byte| !is_digit(*byte));
        let start = from + before.map_or(0, |before| before + 1);
        let run = base64_around(bytes, start, 0);
        if let Some(run) = run.filter(|run| run.at.end > newline + 1) {
            return Some(run);
        }
        at = newline + 1;
    }
    None
}

/// The end of the next line of which `is_wrapped` is true. So many digits in a row cannot be
/// missed by one who looks at every so many bytes.
fn next_wrapped(bytes: &[u8], from: usize) -> Option<usize> {
    // They may end right before this place.
    let mut at = from.saturating_sub(2);
    while let Some(byte) = bytes.get(at) {
        if !is_digit(*byte) {
            at += LINE;
            continue;
        }
        let after = bytes[at..].iter().position(|byte| !is_digit(*byte))?;
        let end = at + after;
        let before = bytes[..at].iter().rev().take(LINE - 1).take_while(|byte| is_digit(**byte));
        if after + before.count() >= LINE {
            let newline = if bytes[end..].starts_with(b"\r\n") { end + 1 } else { end };
            if bytes[newline] == b'\n' && newline >= from {
                return Some(newline);
            }
        }
        // Behind them none has begun yet.
        at = end + LINE;
    }
    None
}

/// Whether the line that ends here is as long as those of base64 that was broken into lines.
pub(super) fn is_wrapped(bytes: &[u8], newline: usize) -> bool {
    let line = bytes[..newline].strip_suffix(b"\r").unwrap_or(&bytes[..newline]);
    let digits = line.iter().rev().take(LINE).take_while(|byte| is_digit(**byte));
    digits.count() == LINE
}

#[cfg(test)]
mod tests {
    use super::super::table;
    use super::super::table::encodings;
    use super::*;

    fn encode(bytes: &[u8]) -> Vec<u8> {
        let mut text = Vec::new();
        for group in bytes.chunks(3) {
            let mut three = [0; 3];
            three[..group.len()].copy_from_slice(group);
            let value = u32::from_be_bytes([0, three[0], three[1], three[2]]);
            let letters =
                (0..=group.len()).map(|at| table::DIGITS[(value >> (18 - 6 * at) & 63) as usize]);
            text.extend(letters);
            text.resize(text.len().next_multiple_of(4), b'=');
        }
        text
    }

    #[test]
    fn a_word_in_base64_is_recognised_and_decoded_wherever_it_stands() {
        assert_eq!(encode(b"any carnal pleas"), b"YW55IGNhcm5hbCBwbGVhcw==");
        for before in 0..8 {
            for wrap in [0, 64, 76] {
                let text =
                    format!("{}ghp_0123456789 and so on, for some more", "x".repeat(before * 11));
                let mut coded = encode(text.as_bytes());
                if wrap > 0 {
                    let lines: Vec<Vec<u8>> = coded.chunks(wrap).map(<[u8]>::to_vec).collect();
                    coded = lines.join(&b"\r\n"[..]);
                }
                let whole = [b"key: \"".as_slice(), &coded, b"\"\n"].concat();
                let found = encodings(b"ghp_").into_iter().any(|(letters, phase)| {
                    let Some(at) = memchr::memmem::find(&whole, &letters) else { return false };
                    let Some(run) = base64_around(&whole, at, phase) else { return false };
                    memchr::memmem::find(&run.decoded, text.as_bytes()).is_some()
                });
                // The word itself may be broken in two by the end of a line.
                let broken = wrap > 0 && before > 3;
                assert!(found || broken, "{before} {wrap}");
            }
        }
    }

    #[test]
    fn no_line_of_base64_is_stepped_over() {
        let mut random = fastrand::Rng::with_seed(4);
        let mut wrapped = 0;
        for _ in 0..2000 {
            let mut bytes = Vec::new();
            for _ in 0..random.usize(1..8) {
                let digits = random.usize(..10) + [0, 54, 115][random.usize(..3)];
                bytes.extend((0..digits).map(|_| random.choice(*b"aZ09+_-/").unwrap()));
                let end: &[u8] =
                    random.choice([&b"\n"[..], b"\r\n", b"\n\n", b"\r", b" "]).unwrap();
                bytes.extend_from_slice(end);
            }
            let ends = |at: &usize| bytes[*at] == b'\n' && is_wrapped(&bytes, *at);
            for from in 0..=bytes.len() {
                let plainly = (from..bytes.len()).find(ends);
                assert_eq!(
                    next_wrapped(&bytes, from),
                    plainly,
                    "{from} {:?}",
                    bytes.escape_ascii()
                );
                wrapped += usize::from(plainly.is_some());
            }
        }
        assert!(wrapped > 1000, "{wrapped}");
    }

    #[test]
    fn wide_letters_are_found_anywhere_and_lead_back_to_their_place() {
        for (step, letter) in [(2, 0), (2, 1), (4, 0), (4, 3)] {
            for lead in 0..5 {
                let mut bytes = vec![b'#'; lead];
                for byte in b"password here\n" {
                    let mut unit = vec![0; step];
                    unit[letter] = *byte;
                    bytes.extend(unit);
                }
                let views = wide(&bytes);
                let at = |view: &Wide| {
                    let found = memchr::memmem::find(&view.bytes, b"here")?;
                    Some(view.origin(found))
                };
                let places: Vec<usize> = views.iter().filter_map(at).collect();
                let right = lead + 9 * step;
                assert!(
                    places.iter().any(|place| place.abs_diff(right) < step),
                    "{step} {places:?}"
                );
            }
        }
    }
}
