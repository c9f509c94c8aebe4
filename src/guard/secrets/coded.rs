//! Which base64 was decoded already. Keywords may stand in it as close as they like: what is around
//! them is decoded once for each of the four ways in which letters form groups, and not once for
//! each keyword.

use std::ops::Range;

use super::views::{AROUND, Run, digit};

/// So much after a keyword must have been decoded with what stands before it: no secret whose form
/// says what it is takes more.
const AFTER: usize = 16 << 10;
/// A keyword may begin so far before one that was met earlier.
const BACK: usize = 64;

/// A stretch that was decoded.
struct Stretch {
    at: Range<usize>,
    /// It goes on no further.
    ends: bool,
    /// Up to where its letters were counted, and the place in its group of the letter there.
    counted: usize,
    phase: usize,
}

impl Stretch {
    /// Whether a word stands in it, in the same groups of letters, and all that belongs to it.
    fn has(&mut self, bytes: &[u8], word: usize, phase: usize) -> bool {
        let enough = self.ends && word < self.at.end || word + AFTER <= self.at.end;
        if !enough || word < self.at.start {
            return false;
        }
        let letters = |range: Range<usize>| {
            bytes[range].iter().filter(|byte| digit(**byte).is_some()).count()
        };
        if word < self.counted {
            return (self.phase + 4 - letters(word..self.counted) % 4) % 4 == phase % 4;
        }
        self.phase = (self.phase + letters(self.counted..word)) % 4;
        self.counted = word;
        self.phase == phase % 4
    }
}

/// What was decoded of a content.
#[derive(Default)]
pub(super) struct Coded {
    known: Vec<Stretch>,
    /// How many bytes came out.
    pub work: usize,
}

impl Coded {
    /// Whether what is around a word was decoded already. Words come in their order.
    pub(super) fn has(&mut self, bytes: &[u8], word: usize, phase: usize) -> bool {
        self.known.retain(|known| word < known.at.end + BACK);
        self.known.iter_mut().any(|known| known.has(bytes, word, phase))
    }

    /// Takes note of what was decoded around a word.
    pub(super) fn note(&mut self, run: &Run, word: usize, phase: usize) {
        let ends = run.at.end < word + AROUND;
        self.known.push(Stretch { at: run.at.clone(), ends, counted: word, phase: phase % 4 });
    }
}

#[cfg(test)]
mod tests {
    use super::super::Scanner;
    use super::super::table::{DIGITS, encodings};

    fn coded(bytes: &[u8]) -> Vec<u8> {
        let mut text = Vec::new();
        for three in bytes.chunks_exact(3) {
            let value = three.iter().fold(0_u32, |value, byte| value << 8 | u32::from(*byte));
            text.extend([18, 12, 6, 0].map(|shift| DIGITS[(value >> shift & 63) as usize]));
        }
        text
    }

    #[test]
    fn a_line_full_of_keywords_in_base64_is_decoded_a_few_times_and_nothing_in_it_is_missed() {
        let scanner = Scanner::new(&[]).unwrap();
        let mut random = fastrand::Rng::with_seed(4);
        let size = 300_000;
        for (letters, _) in encodings(b"ghp_").into_iter().chain(encodings(b"-----BEGIN")) {
            let body: String = (0..36).map(|_| random.alphanumeric()).collect();
            let secret = format!("key = {}{body} and so on", ["gh", "p_"].concat());
            for shift in 0..4 {
                let (before, after) = (random.usize(1000..size), random.usize(1000..size));
                let mut line = letters.repeat(before / letters.len());
                line.extend(&b"AAAA"[..shift]);
                let start = line.len();
                line.extend(coded(secret.as_bytes()));
                line.extend(letters.repeat(after / letters.len()));
                let (work, hits) = scanner.work(&line);
                assert!(work <= 16 * line.len(), "{work} for {}", line.len());
                let there = |at: &std::ops::Range<usize>| at.start <= start && start < at.end;
                assert!(hits.iter().any(there), "{before} {shift} {after}");
            }
        }
        let noise: Vec<u8> =
            (0..size).map(|_| random.choice(DIGITS.iter().copied()).unwrap()).collect();
        assert!(scanner.work(&noise).0 <= 16 * noise.len());
    }
}
