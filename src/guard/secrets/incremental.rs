//! A content of which a former version was searched already: only the lines that are not in
//! that one are searched, and the outcome is the same as if all were.

use std::ops::Range;

use super::found::Seen;
use super::scan::Scanner;
use super::views::is_wrapped;

/// After so many tries to find lines that stand for themselves all are searched.
const TRIES: usize = 4;

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
        let mut together = Vec::new();
        for _ in 0..TRIES {
            if !seen.plain {
                break;
            }
            let (parts, known) = changed(old, seen, new, copied, &together);
            match self.lines(new, &parts, known) {
                Ok(now) if now.plain => return now,
                Ok(_) => break,
                Err(spans) => together = spans,
            }
        }
        self.scan(new)
    }
}

/// Which lines are to be searched, and what is known of the others. What is `together` in the
/// new version is not split.
fn changed(
    old: &[u8],
    seen: &Seen,
    new: &[u8],
    copied: &[Copied],
    together: &[Range<usize>],
) -> (Vec<Range<usize>>, Seen) {
    let (mut parts, mut known, mut at) = (Vec::<Range<usize>>::new(), Seen::default(), 0);
    let mut lines = (0, 1);
    for copied in copied {
        let Some(same) = whole_lines(old, seen, new, together, copied) else { continue };
        if same.new > at {
            parts.push(at..same.new);
        }
        at = same.new + same.length;
        let then = same.old..same.old + same.length;
        let there = |range: &&Range<usize>| then.start <= range.start && range.end <= then.end;
        let here = |range: &Range<usize>| {
            range.start - same.old + same.new..range.end - same.old + same.new
        };
        known.spans.extend(seen.spans.iter().filter(there).map(here));
        for hit in seen.hits.iter().filter(|hit| there(&&hit.at)) {
            let mut hit = hit.clone();
            (hit.at, hit.secret) = (here(&hit.at), here(&hit.secret));
            let from = lines.0.min(hit.secret.start);
            let line = if from < lines.0 { 1 } else { lines.1 };
            let from = if line == 1 { 0 } else { from };
            hit.line = line + memchr::memchr_iter(b'\n', &new[from..hit.secret.start]).count();
            lines = (hit.secret.start, hit.line);
            known.hits.push(hit);
        }
    }
    if at < new.len() {
        parts.push(at..new.len());
    }
    (parts, known)
}

/// The whole lines in what stands in both. At their ends nothing goes on that belongs together,
/// there or here.
fn whole_lines(
    old: &[u8],
    seen: &Seen,
    new: &[u8],
    together: &[Range<usize>],
    copied: &Copied,
) -> Option<Copied> {
    let Copied { new: mut start, old: then, length } = *copied;
    let mut end = start + length;
    let begins = |bytes: &[u8], at: usize| at == 0 || bytes[at - 1] == b'\n';
    let wrapped = |bytes: &[u8], at: usize| at > 0 && is_wrapped(bytes, at - 1);
    // In the old version the same byte stands so far away.
    let there = |at: usize| at - copied.new + then;
    let splits = |at: usize| {
        wrapped(new, at)
            || wrapped(old, there(at))
            || together.iter().any(|span| span.start < at && at < span.end)
            || seen.spans.iter().any(|span| span.start < there(at) && there(at) < span.end)
    };
    if !begins(new, start) || !begins(old, then) {
        start += 1 + memchr::memchr(b'\n', &new[start..end])?;
    }
    while start < end && splits(start) {
        start += 1 + memchr::memchr(b'\n', &new[start..end])?;
    }
    if end < new.len() || there(end) < old.len() {
        // What only the end of the old version cut off may go on here.
        let cut = |at: usize| {
            let cut = |span: &Range<usize>| span.start < there(at) && span.end == old.len();
            there(at) == old.len() && seen.spans.iter().any(cut)
        };
        end = start + 1 + memchr::memrchr(b'\n', &new[start..end])?;
        while splits(end) || cut(end) {
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

    /// A line out of which contents are made: harmless ones, secrets, and parts of what goes on
    /// over several lines.
    fn line(random: &mut fastrand::Rng) -> String {
        let mut some =
            |length: usize| -> String { (0..length).map(|_| random.alphanumeric()).collect() };
        let key = ["gh", "p_", &some(36)].concat();
        let mark = |word: &str| ["-----", word, " PRIVATE", " KEY-----\n"].concat();
        let (word, long, rest) = (some(12), some(80), some(7));
        match random.u8(..18) {
            0..=2 => "let x = 1;\n".into(),
            3 => format!("a = \"{key}\";\n"),
            4 => format!("a\r\n\0{key}"),
            5 => mark("BEGIN"),
            6 => mark("END"),
            7 => format!("{long}\n"),
            8 => "no end of the line ".into(),
            9 => format!("machine h.example login ada\n  password {word}9\n"),
            10 => "machine h.example login ada\n".into(),
            11 => format!("password {word}7\n"),
            12 => format!("{}\n", "-".repeat(70)),
            13 => format!("{rest}\n"),
            14 => wrapped(&format!("{rest}{} {key} {long}", &long[..random.usize(..60)])),
            15 => wrapped(&format!("{long}{key} {long}")).lines().next().unwrap_or("").into(),
            16 => "\n".into(),
            _ => format!("{long}{long} {key} {}\n", long.repeat(random.usize(..60))),
        }
    }

    fn wrapped(text: &str) -> String {
        let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut all = String::new();
        for three in text.as_bytes().chunks_exact(3) {
            let value = u32::from_be_bytes([0, three[0], three[1], three[2]]);
            for shift in [18, 12, 6, 0] {
                all.push(char::from(digits[(value >> shift & 63) as usize]));
                if all.len() % 65 == 64 {
                    all.push('\n');
                }
            }
        }
        all + "\n"
    }

    #[test]
    fn what_is_found_in_a_changed_content_is_what_is_found_in_all_of_it() {
        let scanner = Scanner::new(&[]).unwrap();
        let mut random = fastrand::Rng::with_seed(1);
        let (mut old, mut seen) = (Vec::new(), scanner.scan(b""));
        let (mut found, mut spared, mut spans) = (0, 0, 0);
        for round in 0..150 {
            // Stretches of the old version, anywhere from and to anywhere, and new lines.
            let (mut new, mut copied): (Vec<u8>, Vec<Copied>) = (Vec::new(), Vec::new());
            let in_order = random.bool();
            let mut from = 0;
            for _ in 0..random.usize(1..5) {
                if random.u8(..4) > 0 && from < old.len() {
                    let start = if random.bool() { from } else { random.usize(from..old.len()) };
                    let most = if random.bool() { old.len() } else { old.len().min(start + 300) };
                    let end = if random.bool() { most } else { random.usize(start..=most) };
                    copied.push(Copied { new: new.len(), old: start, length: end - start });
                    new.extend_from_slice(&old[start..end]);
                    from = if in_order { end } else { 0 };
                }
                for _ in 0..random.usize(..3) {
                    new.extend_from_slice(line(&mut random).as_bytes());
                }
            }
            let all = scanner.scan(&new);
            let text = || String::from_utf8_lossy(&new).into_owned();
            let now = scanner.rescan_copied(&old, &seen, &new, &copied);
            assert_eq!(now.hits, all.hits, "{round} {copied:?} {}", text());
            let other = scanner.rescan(&old, &seen, &new);
            assert_eq!(other.hits, all.hits, "{round} {}", text());
            found += all.hits.len();
            spared += usize::from(seen.plain && now.plain && !copied.is_empty());
            spans += usize::from(now.plain && !now.spans.is_empty());
            (old, seen) =
                if new.len() > 2500 { (Vec::new(), scanner.scan(b"")) } else { (new, now) };
        }
        assert!(found > 30 && spared > 20 && spans > 3, "{found} {spared} {spans}");
    }
}
