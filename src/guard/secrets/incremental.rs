//! A content of which a former version was searched already: only the lines that are not in
//! that one are searched, and the outcome is the same as if all were.

use std::ops::Range;

use super::scan::{Scanner, Seen};
use super::views::is_wrapped;

/// Bytes that stand in both versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    pub new: usize,
    pub old: usize,
    pub length: usize,
}

impl Scanner {
    /// What is found in `new`, if `seen` is what was found in `old`.
    pub fn rescan(&self, old: &[u8], seen: &Seen, new: &[u8]) -> Seen {
        if !seen.plain || old.is_empty() {
            return self.scan(new);
        }
        let most = old.len().min(new.len());
        let front = common(&old[..most], &new[..most]);
        let back = common_back(&old[front..], &new[front..]);
        let ends = Copied { new: new.len() - back, old: old.len() - back, length: back };
        self.rescan_copied(old, seen, new, &[Copied { new: 0, old: 0, length: front }, ends])
    }

    /// The same, where it is known which bytes stand in both, in the order of `new`.
    pub fn rescan_copied(&self, old: &[u8], seen: &Seen, new: &[u8], copied: &[Copied]) -> Seen {
        // Where lines belong together, all of them are looked at.
        if !seen.plain {
            return self.scan(new);
        }
        let (mut parts, mut known, mut at) = (Vec::<Range<usize>>::new(), Vec::new(), 0);
        let mut lines = (0, 1);
        for copied in copied {
            let Some(same) = whole_lines(old, new, copied) else { continue };
            if same.new > at {
                parts.push(at..same.new);
            }
            at = same.new + same.length;
            let then = same.old..same.old + same.length;
            for hit in &seen.hits {
                if then.start > hit.at.start || hit.at.end > then.end {
                    continue;
                }
                let shift = |at: usize| at - same.old + same.new;
                let mut hit = hit.clone();
                hit.at = shift(hit.at.start)..shift(hit.at.end);
                hit.secret = shift(hit.secret.start)..shift(hit.secret.end);
                let from = lines.0.min(hit.secret.start);
                let line = if from < lines.0 { 1 } else { lines.1 };
                let from = if line == 1 { 0 } else { from };
                hit.line = line + memchr::memchr_iter(b'\n', &new[from..hit.secret.start]).count();
                lines = (hit.secret.start, hit.line);
                known.push(hit);
            }
        }
        if at < new.len() {
            parts.push(at..new.len());
        }
        let now = self.lines(new, &parts, known);
        if now.plain { now } else { self.scan(new) }
    }
}

/// The whole lines in what stands in both. At their ends no line goes on in the next one, there
/// or here.
fn whole_lines(old: &[u8], new: &[u8], copied: &Copied) -> Option<Copied> {
    let Copied { new: mut start, old: then, length } = *copied;
    let mut end = start + length;
    let begins = |bytes: &[u8], at: usize| at == 0 || bytes[at - 1] == b'\n';
    let joined = |bytes: &[u8], at: usize| at > 0 && is_wrapped(bytes, at - 1);
    // In the old version the same byte stands so far away.
    let there = |at: usize| at - copied.new + then;
    if !begins(new, start) || !begins(old, then) {
        start += 1 + memchr::memchr(b'\n', &new[start..end])?;
    }
    while start < end && (joined(new, start) || joined(old, there(start))) {
        start += 1 + memchr::memchr(b'\n', &new[start..end])?;
    }
    if end < new.len() || there(end) < old.len() {
        end = start + 1 + memchr::memrchr(b'\n', &new[start..end])?;
        while joined(new, end) {
            end = start + 1 + memchr::memrchr(b'\n', &new[start..end - 1])?;
        }
    }
    (start < end).then(|| Copied { new: start, old: there(start), length: end - start })
}

/// How many bytes two contents of the same length have in common at the front.
fn common(a: &[u8], b: &[u8]) -> usize {
    const STEP: usize = 256;
    let whole = a.chunks(STEP).zip(b.chunks(STEP)).take_while(|(a, b)| a == b).count() * STEP;
    let at = whole.min(a.len().min(b.len()));
    at + a[at..].iter().zip(&b[at..]).take_while(|(a, b)| a == b).count()
}

fn common_back(a: &[u8], b: &[u8]) -> usize {
    const STEP: usize = 256;
    let whole = a.rchunks(STEP).zip(b.rchunks(STEP)).take_while(|(a, b)| a == b).count() * STEP;
    let at = whole.min(a.len().min(b.len()));
    let (a, b) = (&a[..a.len() - at], &b[..b.len() - at]);
    at + a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_in_a_changed_content_is_what_is_found_in_all_of_it() {
        let scanner = Scanner::new(&[]).unwrap();
        let mut random = fastrand::Rng::with_seed(1);
        let key = |random: &mut fastrand::Rng| -> String {
            let body: String = (0..36).map(|_| random.alphanumeric()).collect();
            ["gh", "p_", &body].concat()
        };
        let mark = |word: &str| ["-----", word, " PRIVATE", " KEY-----\n"].concat();
        let mut lines: Vec<String> = Vec::new();
        let (mut old, mut seen) = (Vec::new(), scanner.scan(b""));
        let mut found = 0;
        for _ in 0..300 {
            let at = random.usize(..=lines.len());
            match random.u8(..12) {
                0..=3 => lines.insert(at, "let x = 1;\n".into()),
                4 => lines.insert(at, format!("a = \"{}\";\n", key(&mut random))),
                5 => lines.insert(at, format!("a\r\n\0{}", key(&mut random))),
                6 => lines.insert(at, mark("BEGIN")),
                7 => lines.insert(at, mark("END")),
                8 => {
                    lines
                        .insert(at, (0..80).map(|_| random.alphanumeric()).chain(['\n']).collect());
                }
                9 => lines.insert(at, "no end of the line ".into()),
                _ if at < lines.len() => drop(lines.remove(at)),
                _ => lines.clear(),
            }
            if lines.len() > 30 || random.u8(..40) == 0 {
                lines.clear();
            }
            let new = lines.concat().into_bytes();
            let now = scanner.rescan(&old, &seen, &new);
            let all = scanner.scan(&new);
            assert_eq!(now.hits, all.hits, "{}", String::from_utf8_lossy(&new));
            found += all.hits.len();
            (old, seen) = (new, now);
        }
        assert!(found > 50, "{found}");
    }
}
