//! A content of which a former version was searched already: only the lines between their
//! common beginning and their common end are searched, and the outcome is the same as if all
//! were.

use super::scan::{Scanner, Seen};

impl Scanner {
    /// What is found in `new`, if `seen` is what was found in `old`.
    pub fn rescan(&self, old: &[u8], seen: &Seen, new: &[u8]) -> Seen {
        // Where lines belong together, all of them are looked at.
        if !seen.plain || old.is_empty() {
            return self.scan(new);
        }
        let most = old.len().min(new.len());
        let front = common(&old[..most], &new[..most]);
        let back = common_back(&old[front..], &new[front..]);
        // Whole lines only: the one that changed, from its beginning to its end.
        let start = memchr::memrchr(b'\n', &new[..front]).map_or(0, |at| at + 1);
        let tail = new.len() - back;
        let end = memchr::memchr(b'\n', &new[tail..]).map_or(new.len(), |at| tail + at + 1);
        let old_end = old.len() - (new.len() - end);
        if end < start || old_end < start {
            return self.scan(new);
        }
        let middle = self.scan(&new[start..end]);
        if !middle.plain {
            return self.scan(new);
        }
        let lines = |bytes: &[u8]| memchr::memchr_iter(b'\n', bytes).count();
        let mut hits: Vec<_> =
            seen.hits.iter().filter(|hit| hit.at.end <= start).cloned().collect();
        let mut before = None;
        for mut hit in middle.hits {
            hit.line += *before.get_or_insert_with(|| lines(&new[..start]));
            hit.at = hit.at.start + start..hit.at.end + start;
            hit.secret = hit.secret.start + start..hit.secret.end + start;
            hits.push(hit);
        }
        let after = seen.hits.iter().filter(|hit| hit.at.start >= old_end);
        let mut moved = None;
        for hit in after {
            let (now, then) = *moved
                .get_or_insert_with(|| (lines(&new[start..end]), lines(&old[start..old_end])));
            let shift = |at: usize| at - old_end + end;
            let mut hit = hit.clone();
            hit.line = hit.line - then + now;
            hit.at = shift(hit.at.start)..shift(hit.at.end);
            hit.secret = shift(hit.secret.start)..shift(hit.secret.end);
            hits.push(hit);
        }
        Seen { hits, plain: true }
    }
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
