//! What is looked at around a keyword, and what of it is taken for a secret.

use std::collections::HashSet;
use std::ops::Range;

use super::found::{Found, MOST};
use super::hit::{Confidence, Secret};
use super::places::{ends_a_word, starts_a_word};
use super::scan::{Scanner, whole};
use super::table::Owner;
use super::{coded::Coded, doubt, named, views};

/// Of a line that is longer, so much is looked at before a keyword, and so much after it.
const BEFORE: usize = 400;
const AFTER: usize = 4096;
/// No secret is longer, but a key of several lines.
const LONGEST: usize = 2048;
/// A match of several lines is not longer.
const WINDOW: usize = 64 << 10;

/// What begins like a token, in at least so many letters, and is none is a piece of one.
const SAYS: usize = 4;

/// What is found in one view of a content.
pub(super) struct Search<'s> {
    scanner: &'s Scanner,
    bytes: &'s [u8],
    /// For each rule, up to where its regex has been.
    done: Vec<usize>,
    pub coded: Coded,
    pub found: Vec<Found>,
    /// The rules and secrets of `found`.
    known: HashSet<(usize, usize, usize)>,
    /// There is more than is looked at.
    pub more: bool,
    /// Where a form begins as a known kind does, and is none.
    cut: Vec<usize>,
    coded_only: bool,
    pub plain: bool,
    pub spans: Vec<Range<usize>>,
}

impl<'s> Search<'s> {
    /// Matches in their order, of which the keyword stands in these parts.
    pub fn of(
        scanner: &'s Scanner,
        bytes: &'s [u8],
        parts: &[Range<usize>],
        coded_only: bool,
    ) -> Self {
        let (done, coded, found, known, cut, spans) = Default::default();
        let (plain, more) = (!scanner.words.have_lines(), false);
        let mut search =
            Self { scanner, bytes, done, coded, found, known, more, cut, coded_only, plain, spans };
        for part in parts {
            scanner.words.each(&bytes[part.clone()], |word, start| {
                for owner in scanner.words.owners(word) {
                    match owner {
                        Owner::Rule(rule) => search.rule(*rule, part.start + start),
                        Owner::Base64(phase) if !coded_only => {
                            search.base64(part.start + start, *phase);
                        }
                        Owner::Base64(_) => {}
                    }
                }
                search.more |= search.found.len() > 2 * MOST;
                !search.more
            });
            let mut at = part.start;
            while !coded_only
                && !search.more
                && let Some(run) = views::wrapped(&bytes[..part.end], at)
            {
                at = run.at.end;
                search.decoded(&run);
                search.more |= search.found.len() > 2 * MOST;
            }
            if search.more {
                break;
            }
        }
        search.plain &= !search.more;
        search.drop_cut();
        search.found.sort_by_key(|found| (found.secret.start, found.secret.end));
        search
    }
}

impl Search<'_> {
    fn rule(&mut self, at: usize, word: usize) {
        let rule = &self.scanner.rules[at];
        if self.coded_only && !rule.is_coded() {
            return;
        }
        if rule.named {
            return self.named(at, word);
        }
        if rule.front {
            let stands = |known: &&String| self.bytes[word..].starts_with(known.as_bytes());
            let exact = rule.words.iter().find(stands);
            let starts = exact.is_some() && rule.glued || starts_a_word(self.bytes, word);
            if exact.is_none() && !rule.folds || !starts {
                return;
            }
            let end = self.line_end(word, AFTER);
            let groups = rule.regex().and_then(|regex| regex.captures(&self.bytes[word..end]));
            let fits = groups.is_some_and(|groups| {
                let group = groups.iter().skip(1).flatten().next().or_else(|| groups.get(0));
                let (Some(all), Some(secret)) = (groups.get(0), group) else { return false };
                let shift = |range: Range<usize>| range.start + word..range.end + word;
                self.take(at, shift(all.range()), shift(secret.range()))
            });
            if !fits && exact.is_some_and(|known| known.len() >= SAYS) {
                self.cut.push(word);
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
            let span = start..(end + 1).min(self.bytes.len());
            if self.spans.last() != Some(&span) {
                self.spans.push(span);
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

    /// A token of a known kind that is too short or too long is no token: names do not count.
    fn drop_cut(&mut self) {
        self.cut.sort_unstable();
        let (scanner, cut) = (self.scanner, &self.cut);
        self.found.retain(|found| {
            let rule = &scanner.rules[found.rule];
            !(rule.loose && rule.named && cut.binary_search(&found.secret.start).is_ok())
        });
    }

    /// A word stands here that may belong to the name of a value.
    fn named(&mut self, at: usize, word: usize) {
        let rule = &self.scanner.rules[at];
        if !rule.inside && !named::begins(self.bytes, word) {
            return;
        }
        let Some(from) = named::end(&rule.words, self.bytes, word) else { return };
        let text = &self.bytes[from..self.line_end(from, AFTER)];
        if named::may_follow(text)
            && let Some(groups) = rule.regex().and_then(|regex| regex.captures(text))
            && let Some(secret) = groups.iter().skip(1).flatten().next()
            && !(rule.loose && named::is_known(self.bytes, word, from))
        {
            let secret = secret.start() + from..secret.end() + from;
            self.take(at, word..secret.end, secret);
        }
    }

    /// Takes a match for a secret, unless it is doubtful; tells whether the form fits at all.
    fn take(&mut self, at: usize, all: Range<usize>, secret: Range<usize>) -> bool {
        let inner = self.bytes[secret.clone()].trim_ascii();
        let from = secret.end - self.bytes[secret.clone()].trim_ascii_start().len();
        let secret = from..from + inner.len();
        let rule = &self.scanner.rules[at];
        let value = &self.bytes[secret.clone()];
        if rule.edges {
            let starts = starts_a_word(self.bytes, secret.start)
                || rule.glued && value.iter().any(u8::is_ascii_digit);
            // A form took as much as it can: what stands behind it is a remark, `_old`.
            let ends = ends_a_word(self.bytes, secret.end)
                || rule.is_strong() && self.bytes[secret.end] == b'_';
            if !starts || !ends {
                return false;
            }
        }
        let right = rule.check.map(|check| doubt::is_right(check, value));
        if right != Some(true) && doubt::is_made_up(rule, value) {
            return true;
        }
        let confidence = match right {
            Some(true) => Confidence::High,
            Some(false) => Confidence::Low,
            None if rule.loose => Confidence::Low,
            None if rule.named => Confidence::Medium,
            None => Confidence::High,
        };
        if self.known.insert((at, secret.start, secret.end)) {
            self.found.push(Found { rule: at, at: all, secret, confidence, told: None });
        }
        true
    }

    /// A keyword stands in base64 here: decodes what is around it, once.
    fn base64(&mut self, word: usize, phase: usize) {
        if self.coded.has(self.bytes, word, phase) {
            return;
        }
        if let Some(run) = views::base64_around(self.bytes, word, phase) {
            self.coded.note(&run, word, phase);
            self.decoded(&run);
        }
    }

    fn decoded(&mut self, run: &views::Run) {
        self.coded.work += run.decoded.len();
        let search = Search::of(self.scanner, &run.decoded, &whole(&run.decoded), true);
        self.more |= search.more;
        for found in search.found {
            let rule = &self.scanner.rules[found.rule];
            let secret = Secret::new(&run.decoded[found.secret]);
            let told = Some((secret.shown(), rule.fingerprint(secret)));
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
