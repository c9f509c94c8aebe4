//! The search itself.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::hit::{Confidence, Hit, Secret};
use super::rules::{self, Rule};
use super::{doubt, views};
use crate::config::SecretRule;

/// Of a line that is longer, so much is looked at before a keyword, and so much after it.
const BEFORE: usize = 400;
const AFTER: usize = 4096;
/// No secret is longer, but a key of several lines.
const LONGEST: usize = 2048;
/// A match of several lines is not longer.
const WINDOW: usize = 64 << 10;
/// More in one content are not told: it is refused anyway.
const MOST: usize = 200;

/// All rules, ready to search with. One serves all threads.
pub struct Scanner {
    rules: Vec<Rule>,
    words: AhoCorasick,
    owners: Vec<Vec<Owner>>,
}

impl std::fmt::Debug for Scanner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scanner").field("rules", &self.rules.len()).finish_non_exhaustive()
    }
}

/// What a word stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Owner {
    Rule(usize),
    /// Part of a keyword in base64; so many letters of its group of four stand before it.
    Base64(usize),
}

/// What is found in one view of a content.
struct Search<'s> {
    scanner: &'s Scanner,
    bytes: &'s [u8],
    /// For each rule, up to where its regex has been.
    done: Vec<usize>,
    base64: usize,
    found: Vec<Found>,
    strong_only: bool,
}

/// A match, in the places of the view.
struct Found {
    rule: usize,
    at: Range<usize>,
    secret: Range<usize>,
    confidence: Confidence,
    /// Said already, if the bytes stand in what was decoded.
    told: Option<(String, String)>,
}

impl Scanner {
    /// The rules that are built in, with these changes.
    pub fn new(changes: &[SecretRule]) -> Result<Self, String> {
        let rules = rules::all(changes)?;
        let mut words: Vec<Vec<u8>> = Vec::new();
        let mut owners: Vec<Vec<Owner>> = Vec::new();
        let mut add = |word: Vec<u8>, owner: Owner| {
            if let Some(at) = words.iter().position(|known| known.eq_ignore_ascii_case(&word)) {
                if !owners[at].contains(&owner) {
                    owners[at].push(owner);
                }
            } else {
                words.push(word);
                owners.push(vec![owner]);
            }
        };
        for (at, rule) in rules.iter().enumerate() {
            for word in &rule.words {
                add(word.clone().into_bytes(), Owner::Rule(at));
                if rule.is_strong() && word.len() >= 4 {
                    for (encoded, phase) in views::encodings(word.as_bytes()) {
                        add(encoded, Owner::Base64(phase));
                    }
                }
            }
        }
        let words = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(&words)
            .map_err(|err| format!("the keywords cannot be searched for: {err}"))?;
        Ok(Self { rules, words, owners })
    }

    /// The kinds with what they are, for programs that list rules.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, &str)> {
        self.rules.iter().map(|rule| (&*rule.kind, &*rule.about))
    }

    /// Everything that is found in a content.
    pub fn scan(&self, bytes: &[u8]) -> Vec<Hit> {
        self.scan_from(bytes, 0)
    }

    /// The same, beginning at a place.
    pub(super) fn scan_from(&self, bytes: &[u8], from: usize) -> Vec<Hit> {
        let mut hits = self.view(bytes, from, bytes, |at| at);
        if memchr::memchr(0, &bytes[from..]).is_some() {
            for view in views::wide(&bytes[from..]) {
                hits.extend(self.view(&view.bytes, 0, bytes, |at| from + view.origin(at)));
            }
        }
        hits.sort_by_key(|hit| (hit.at.start, hit.at.end));
        hits.dedup_by(|b, a| a.fingerprint == b.fingerprint && a.line == b.line);
        hits.truncate(MOST);
        hits
    }

    /// Searches one view; `origin` leads from its places to those in the content.
    fn view(
        &self,
        view: &[u8],
        from: usize,
        bytes: &[u8],
        origin: impl Fn(usize) -> usize,
    ) -> Vec<Hit> {
        let mut found = self.search(view, from, false);
        if found.is_empty() {
            return Vec::new();
        }
        drop_covered(&mut found);
        let mut lines = Lines { bytes, at: 0, line: 1, start: 0 };
        let mut hits = Vec::new();
        for found in found.into_iter().take(MOST) {
            let rule = &self.rules[found.rule];
            let at = origin(found.at.start)..origin(found.at.end);
            let secret = origin(found.secret.start)..origin(found.secret.end);
            let (line, column) = lines.place(secret.start);
            let told = found.told.unwrap_or_else(|| {
                let secret = Secret::new(&view[found.secret]);
                (secret.shown(), secret.fingerprint(&rule.kind))
            });
            hits.push(Hit {
                kind: rule.kind.clone(),
                about: rule.about.clone(),
                line,
                column,
                shown: told.0,
                fingerprint: told.1,
                confidence: found.confidence,
                at,
                secret,
            });
        }
        hits
    }

    fn search(&self, bytes: &[u8], from: usize, strong_only: bool) -> Vec<Found> {
        let (done, found) = (Vec::new(), Vec::new());
        let mut search = Search { scanner: self, bytes, done, base64: 0, found, strong_only };
        let input = aho_corasick::Input::new(bytes).range(from..);
        for word in self.words.find_overlapping_iter(input) {
            for owner in &self.owners[word.pattern().as_usize()] {
                match owner {
                    Owner::Rule(rule) => search.rule(*rule, word.start()),
                    Owner::Base64(phase) if !strong_only => {
                        search.base64(word.start(), *phase);
                    }
                    Owner::Base64(_) => {}
                }
            }
            if search.found.len() > 4 * MOST {
                break;
            }
        }
        search.found.sort_by_key(|found| (found.secret.start, found.secret.end));
        search.found
    }
}

impl Search<'_> {
    fn rule(&mut self, at: usize, word: usize) {
        let rule = &self.scanner.rules[at];
        if self.strong_only && !rule.is_strong() {
            return;
        }
        if rule.front {
            let exact =
                rule.words.iter().any(|known| self.bytes[word..].starts_with(known.as_bytes()));
            if !exact && !rule_folds(rule) || !starts_a_word(self.bytes, word) {
                return;
            }
            let end = self.line_end(word, AFTER);
            if let Some(regex) = rule.regex()
                && let Some(groups) = regex.captures(&self.bytes[word..end])
            {
                let group = groups.iter().skip(1).flatten().next().or_else(|| groups.get(0));
                let (Some(all), Some(secret)) = (groups.get(0), group) else { return };
                let shift = |range: Range<usize>| range.start + word..range.end + word;
                self.take(at, shift(all.range()), shift(secret.range()));
            }
            return;
        }
        if self.done.is_empty() {
            self.done = vec![0; self.scanner.rules.len()];
        }
        if word + LONGEST <= self.done[at] {
            return;
        }
        let start = self.line_start(word).max(self.done[at].saturating_sub(LONGEST));
        let mut end = self.line_end(word, AFTER);
        if rule.lines > 0 {
            for _ in 0..rule.lines {
                end = self.line_end((end + 1).min(self.bytes.len()), AFTER);
            }
            end = end.min(word + WINDOW);
        } else {
            let whole = end < word + AFTER;
            self.done[at] = if whole { end + LONGEST } else { end };
        }
        let Some(regex) = rule.regex() else { return };
        let mut next = start;
        while next <= end
            && let Some(all) = regex.find_at(&self.bytes[..end], next)
        {
            let Some(groups) = regex.captures_at(&self.bytes[..end], all.start()) else { break };
            let group = groups.iter().skip(1).flatten().next().or_else(|| groups.get(0));
            if let Some(secret) = group {
                self.take(at, all.range(), secret.range());
            }
            next = all.end().max(all.start() + 1);
        }
    }

    fn take(&mut self, at: usize, all: Range<usize>, secret: Range<usize>) {
        let inner = self.bytes[secret.clone()].trim_ascii();
        let from = secret.end - self.bytes[secret.clone()].trim_ascii_start().len();
        let secret = from..from + inner.len();
        let rule = &self.scanner.rules[at];
        if rule.edges
            && !(starts_a_word(self.bytes, secret.start) && ends_a_word(self.bytes, secret.end))
        {
            return;
        }
        let value = &self.bytes[secret.clone()];
        let right = rule.check.map(|check| doubt::is_right(check, value));
        if right != Some(true) && doubt::is_made_up(rule, value) {
            return;
        }
        let confidence = match right {
            Some(true) => Confidence::High,
            Some(false) => Confidence::Low,
            None if rule.loose => Confidence::Low,
            None if rule.named => Confidence::Medium,
            None => Confidence::High,
        };
        let known = self.found.iter().any(|old| old.rule == at && old.secret == secret);
        if !known {
            self.found.push(Found { rule: at, at: all, secret, confidence, told: None });
        }
    }

    /// A keyword stands in base64 here: decodes what is around it, once.
    fn base64(&mut self, word: usize, phase: usize) {
        if word < self.base64 {
            return;
        }
        let Some(run) = views::base64_around(self.bytes, word, phase) else { return };
        let found = self.scanner.search(&run.decoded, 0, true);
        if found.is_empty() {
            return;
        }
        self.base64 = run.at.end;
        for found in found {
            let rule = &self.scanner.rules[found.rule];
            let secret = Secret::new(&run.decoded[found.secret]);
            let told = Some((secret.shown(), secret.fingerprint(&rule.kind)));
            let (at, confidence) = (run.at.clone(), found.confidence);
            self.found.push(Found {
                rule: found.rule,
                at: at.clone(),
                secret: at,
                confidence,
                told,
            });
        }
    }

    fn line_start(&self, at: usize) -> usize {
        let from = at.saturating_sub(BEFORE);
        memchr::memrchr(b'\n', &self.bytes[from..at]).map_or(from, |found| from + found + 1)
    }

    fn line_end(&self, at: usize, most: usize) -> usize {
        let to = (at + most).min(self.bytes.len());
        memchr::memchr(b'\n', &self.bytes[at..to]).map_or(to, |found| at + found)
    }
}

/// Whether upper and lower case are the same in the form.
fn rule_folds(rule: &Rule) -> bool {
    rule.kind.starts_with("age-") || &*rule.kind == "slack-app-token"
}

/// Whether nothing stands before that the word could go on from. An escape (`\n`, `%20`) is not
/// part of the word after it.
fn starts_a_word(bytes: &[u8], at: usize) -> bool {
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

fn ends_a_word(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_none_or(|next| !next.is_ascii_alphanumeric() && *next != b'_')
}

/// Of several rules that found the same, the surest one counts; the earlier one of equals.
fn drop_covered(found: &mut Vec<Found>) {
    let overlap = |a: &Range<usize>, b: &Range<usize>| a.start < b.end && b.start < a.end;
    let mut kept: Vec<Found> = Vec::new();
    let mut order: Vec<Found> = std::mem::take(found);
    order
        .sort_by_key(|found| (std::cmp::Reverse(found.confidence), found.rule, found.secret.start));
    for one in order {
        let same_view = one.told.is_some();
        let covered = kept.iter().any(|other| {
            overlap(&other.secret, &one.secret) && (!same_view || other.told == one.told)
        });
        if !covered {
            kept.push(one);
        }
    }
    kept.sort_by_key(|found| found.secret.start);
    *found = kept;
}

/// Counts lines, from one place on to the next.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
    start: usize,
}

impl Lines<'_> {
    fn place(&mut self, at: usize) -> (usize, usize) {
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
