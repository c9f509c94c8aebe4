//! The search itself.

use super::found::{Found, Seen, drop_covered};
use super::hit::{Hit, Secret};
use super::places::Lines;
use super::rules::Rules;
use super::search::Search;
use super::views;
use super::words::Words;
use crate::config::SecretRule;
use std::ops::Range;

/// All rules, ready to search with. One serves all threads.
pub struct Scanner {
    pub(super) rules: Rules,
    pub(super) words: Words,
}

impl std::fmt::Debug for Scanner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scanner").field("rules", &self.rules.len()).finish_non_exhaustive()
    }
}

impl Scanner {
    /// The rules that are built in, with these changes.
    pub fn new(changes: &[SecretRule]) -> Result<Self, String> {
        let rules = Rules::new(changes)?;
        let words = Words::new(&rules, changes);
        Ok(Self { rules, words })
    }

    /// The kinds with what they are, for programs that list rules.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, &str)> {
        self.rules.iter().map(|rule| (&*rule.kind, &*rule.about))
    }

    /// Everything that is found in a content.
    pub fn scan(&self, bytes: &[u8]) -> Seen {
        let mut seen = self.view(bytes, bytes, |at| at);
        if memchr::memchr(0, bytes).is_some() {
            seen.plain = false;
            for view in views::wide(bytes) {
                let found = self.view(&view.bytes, bytes, |at| view.origin(at));
                seen.hits.extend(found.hits);
                seen.more |= found.more;
            }
        }
        seen.ordered()
    }

    /// What is found in some parts of a content: whole lines, that do not go on in others as
    /// [`views::is_wrapped`] says. The hits of the other lines are `known`. If some of those
    /// belong to what is searched, it is told what belongs together.
    pub(super) fn lines(
        &self,
        bytes: &[u8],
        lines: &[Range<usize>],
        mut known: Seen,
    ) -> Result<Seen, Vec<Range<usize>>> {
        if lines.iter().any(|lines| memchr::memchr(0, &bytes[lines.clone()]).is_some()) {
            return Ok(Seen::default());
        }
        let mut search = Search::of(self, bytes, lines, false);
        // What belongs together must not be in lines that are not searched.
        let within = |span: &Range<usize>| {
            let part = lines.partition_point(|part| part.end <= span.start);
            lines.get(part).is_some_and(|part| span.end <= part.end)
        };
        if !search.spans.iter().all(within) {
            return Err(search.spans);
        }
        let hits = self.told(std::mem::take(&mut search.found), bytes, bytes, |at| at);
        known.hits.extend(hits);
        known.spans.append(&mut search.spans);
        known.plain = search.plain;
        known.more = search.more;
        Ok(known.ordered())
    }

    /// The same bytes with each secret covered, if there is one; `but` those that are none here.
    pub fn covered(&self, bytes: &[u8], but: fn(&[u8], &Range<usize>) -> bool) -> Option<Vec<u8>> {
        let Search { mut found, more, .. } = Search::of(self, bytes, &whole(bytes), false);
        found.retain(|found| !but(bytes, &found.secret));
        if found.is_empty() {
            return None;
        }
        // What was not looked at is not shown.
        if more {
            return Some(b"(so many secrets that nothing of it is shown)\n".to_vec());
        }
        let (mut text, mut at) = (Vec::new(), 0);
        for found in found.iter().filter(|found| found.secret.end <= bytes.len()) {
            if found.secret.start >= at {
                text.extend_from_slice(&bytes[at..found.secret.start]);
                text.extend(Secret::new(&bytes[found.secret.clone()]).shown().bytes());
            }
            at = at.max(found.secret.end);
        }
        text.extend_from_slice(&bytes[at..]);
        Some(text)
    }

    /// Searches one view; `origin` leads from its places to those in the content.
    fn view(&self, view: &[u8], bytes: &[u8], origin: impl Fn(usize) -> usize) -> Seen {
        let Search { found, plain, more, spans, .. } = Search::of(self, view, &whole(view), false);
        Seen { hits: self.told(found, view, bytes, origin), more, plain, spans }
    }

    /// Hits, without the secrets.
    fn told(
        &self,
        mut found: Vec<Found>,
        view: &[u8],
        bytes: &[u8],
        origin: impl Fn(usize) -> usize,
    ) -> Vec<Hit> {
        drop_covered(&mut found);
        let mut lines = Lines::new(bytes);
        let mut hits = Vec::new();
        for found in found {
            let rule = &self.rules[found.rule];
            let at = origin(found.at.start)..origin(found.at.end);
            let secret = origin(found.secret.start)..origin(found.secret.end);
            let (line, column) = lines.place(secret.start);
            let told = found.told.unwrap_or_else(|| {
                let secret = Secret::new(&view[found.secret]);
                (secret.shown(), rule.fingerprint(secret))
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
}

pub(super) fn whole(bytes: &[u8]) -> Vec<Range<usize>> {
    std::iter::once(0..bytes.len()).collect()
}

#[cfg(test)]
impl Scanner {
    /// How many bytes are decoded to search a content, and where something is found.
    pub(super) fn work(&self, bytes: &[u8]) -> (usize, Vec<Range<usize>>) {
        let search = Search::of(self, bytes, &whole(bytes), false);
        (search.coded.work, search.found.into_iter().map(|found| found.at).collect())
    }
}
