//! All keywords at once, wherever they stand.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::rules::Rules;
use super::table::{Owner, Table};
use crate::config::SecretRule;

/// The keywords of the rules that are built in, and what each of them stands for.
const WORDS: &[&[u8]] = include!(concat!(env!("OUT_DIR"), "/words.rs"));
const OWNERS: &[&[Owner]] = include!(concat!(env!("OUT_DIR"), "/owners.rs"));

/// Up to so many bytes the words are looked for one by one: a commit of one small file does not
/// wait until a search for all of them at once is made.
const FEW: usize = 32 << 10;
/// After so many bytes it pays to make a faster search for the words.
const MANY: usize = 1 << 20;

/// Words in small letters, what each of them stands for, and the searches for them, made when
/// they pay. They are found in capitals too.
pub(super) struct Words {
    table: Option<Table>,
    all: OnceLock<Option<AhoCorasick>>,
    fast: OnceLock<Option<AhoCorasick>>,
    searched: AtomicUsize,
}

fn automaton<W: AsRef<[u8]>>(words: &[W], kind: AhoCorasickKind) -> Option<AhoCorasick> {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::Standard)
        .kind(Some(kind))
        .build(words)
        .ok()
}

/// Where which words stand, as (end, start, word), by their ends.
fn one_by_one<W: AsRef<[u8]>>(words: &[W], bytes: &[u8]) -> Vec<(usize, usize, usize)> {
    let lower = bytes.to_ascii_lowercase();
    // Which pairs of letters are there at all: most words need not be looked for.
    let mut pairs = vec![0_u64; 1 << 10];
    let bit = |two: &[u8]| {
        let pair = usize::from(two[0]) << 8 | usize::from(two[1]);
        (pair >> 6, 1_u64 << (pair & 63))
    };
    for two in lower.windows(2) {
        let (at, mask) = bit(two);
        pairs[at] |= mask;
    }
    let mut found = Vec::new();
    for (word, letters) in words.iter().map(AsRef::as_ref).enumerate() {
        let may = letters.len() < 2 || {
            let (at, mask) = bit(letters);
            pairs[at] & mask != 0
        };
        let mut from = 0;
        while may
            && !letters.is_empty()
            && let Some(at) = memchr::memmem::find(&lower[from..], letters)
        {
            let start = from + at;
            found.push((start + letters.len(), start, word));
            from = start + 1;
        }
    }
    found.sort_unstable();
    found
}

impl Words {
    /// The keywords of rules, with these changes in them.
    pub(super) fn new(rules: &Rules, changes: &[SecretRule]) -> Self {
        let each = || rules.iter().map(|rule| (rule.words.clone(), rule.is_strong()));
        let table = (!changes.is_empty()).then(|| Table::new(each()));
        let (all, fast, searched) = (OnceLock::new(), OnceLock::new(), AtomicUsize::new(0));
        Self { table, all, fast, searched }
    }

    /// What a word stands for.
    pub(super) fn owners(&self, word: usize) -> &[Owner] {
        match &self.table {
            Some(table) => &table.owners[word],
            None => OWNERS[word],
        }
    }

    /// Whether one of them has several lines itself; of those that are built in none has.
    pub(super) fn have_lines(&self) -> bool {
        let mut own = self.table.iter().flat_map(|table| &table.words);
        own.any(|word| word.contains(&b'\n'))
    }

    /// A search for all words at once: quickly made, or, where there is much to search, made to
    /// be quick. Nothing: one by one will do.
    fn search(&self, bytes: usize) -> Option<&AhoCorasick> {
        let before = self.searched.fetch_add(bytes, Relaxed);
        if before + bytes <= FEW {
            return None;
        }
        let automaton = |kind| match &self.table {
            Some(table) => automaton(&table.words, kind),
            None => automaton(WORDS, kind),
        };
        let all = || automaton(AhoCorasickKind::ContiguousNFA);
        let fast = || automaton(AhoCorasickKind::DFA);
        let fast = if before < MANY { None } else { self.fast.get_or_init(fast).as_ref() };
        fast.or_else(|| self.all.get_or_init(all).as_ref())
    }

    /// Tells each word that stands in the bytes, with its start, in the order of their ends, as
    /// long as more is wanted.
    pub(super) fn each(&self, bytes: &[u8], mut wants: impl FnMut(usize, usize) -> bool) {
        match self.search(bytes.len()) {
            Some(words) => {
                let _ = words
                    .find_overlapping_iter(bytes)
                    .all(|word| wants(word.pattern().as_usize(), word.start()));
            }
            None => {
                let found = match &self.table {
                    Some(table) => one_by_one(&table.words, bytes),
                    None => one_by_one(WORDS, bytes),
                };
                let _ = found.into_iter().all(|(_, start, word)| wants(word, start));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_that_is_built_in_is_that_of_the_rules() {
        let rules = Rules::new(&[]).unwrap();
        let made = rules.iter().map(|rule| (rule.words.clone(), rule.is_strong()));
        let made = Table::new(made);
        assert_eq!(made.words, WORDS);
        assert_eq!(made.owners, OWNERS);
        assert!(WORDS.iter().all(|word| !word.contains(&b'\n')), "see `have_lines`");
    }

    #[test]
    fn one_by_one_finds_what_all_at_once_finds() {
        let mut random = fastrand::Rng::with_seed(8);
        let mut some = |most: usize| -> Vec<u8> {
            let length = random.usize(1..most);
            (0..length).map(|_| random.choice(*b"abAB-").unwrap()).collect()
        };
        for _ in 0..500 {
            let words: Vec<Vec<u8>> = (0..6).map(|_| some(5).to_ascii_lowercase()).collect();
            let bytes = some(60);
            let all = automaton(&words, AhoCorasickKind::ContiguousNFA).unwrap();
            let mut all: Vec<_> = all
                .find_overlapping_iter(&bytes)
                .map(|word| (word.end(), word.start(), word.pattern().as_usize()))
                .collect();
            all.sort_unstable();
            assert_eq!(one_by_one(&words, &bytes), all, "{words:?} in {bytes:?}");
        }
    }
}
