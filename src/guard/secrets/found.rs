//! What a search found, before and after it is told.

use std::ops::Range;

use super::hit::{Confidence, Hit, Print};

/// Of more in one content not each is looked at: that there are more is a fault by itself, which
/// neither what stood there before nor the name of a value excuses.
pub const MOST: usize = 5000;
/// With more of them lines are no longer taken for themselves.
const SPANS: usize = 1000;

/// What is found in a content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    pub hits: Vec<Hit>,
    /// There are more than [`MOST`].
    pub more: bool,
    /// Lines mean nothing for other lines, but for those that a line of base64 goes on in, and
    /// those in `spans`.
    pub plain: bool,
    /// What a rule about several lines looked at together.
    pub(super) spans: Vec<Range<usize>>,
}

/// A match, in the places of the view.
pub(super) struct Found {
    pub rule: usize,
    pub at: Range<usize>,
    pub secret: Range<usize>,
    pub confidence: Confidence,
    /// Said already, if the bytes stand in what was decoded.
    pub told: Option<(String, Print)>,
}

impl Seen {
    /// In their order, each once, and not too many.
    pub(super) fn ordered(mut self) -> Self {
        let hits = &mut self.hits;
        hits.sort_by_key(|hit| (hit.at.start, hit.at.end));
        hits.dedup_by(|b, a| a.fingerprint == b.fingerprint && a.line == b.line);
        self.more |= hits.len() > MOST;
        hits.truncate(MOST);
        self.plain &= !self.more && self.spans.len() < SPANS;
        self
    }
}

/// Of several rules that found the same, the surest one counts; the earlier one of equals.
pub(super) fn drop_covered(found: &mut Vec<Found>) {
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
