//! All keywords at once, wherever they stand.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::grams::Grams;
use super::rules::Rules;
use super::table::{Owner, Table};
use crate::config::SecretRule;

/// The keywords of the rules that are built in, and what each of them stands for.
const WORDS: &[&[u8]] = include!(concat!(env!("OUT_DIR"), "/words.rs"));
const OWNERS: &[&[Owner]] = include!(concat!(env!("OUT_DIR"), "/owners.rs"));

/// Up to so many bytes the words are looked for one by one: a commit of one small file does not
/// wait until a search for all of them at once is made.
const FEW: usize = 32 << 10;

/// Words in small letters, what each of them stands for, and the search for them, made when it
/// pays. They are found in capitals too.
pub(super) struct Words {
    table: Option<Table>,
    all: OnceLock<Grams>,
    searched: AtomicUsize,
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
        let each = || rules.iter().map(|rule| (rule.words.clone(), rule.is_coded()));
        let table = (!changes.is_empty()).then(|| Table::new(each()));
        Self { table, all: OnceLock::new(), searched: AtomicUsize::new(0) }
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

    /// A search for all words at once. Nothing: one by one will do.
    fn search(&self, bytes: usize) -> Option<&Grams> {
        if self.searched.fetch_add(bytes, Relaxed) + bytes <= FEW {
            return None;
        }
        Some(self.all.get_or_init(|| match &self.table {
            Some(table) => Grams::new(&table.words),
            None => Grams::new(WORDS),
        }))
    }

    /// Tells each word that stands in the bytes, with its start, in the order of their ends, as
    /// long as more is wanted.
    pub(super) fn each(&self, bytes: &[u8], mut wants: impl FnMut(usize, usize) -> bool) {
        match (self.search(bytes.len()), &self.table) {
            (Some(all), Some(table)) => all.each(&table.words, bytes, wants),
            (Some(all), None) => all.each(WORDS, bytes, wants),
            (None, table) => {
                let found = match table {
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
        let made = rules.iter().map(|rule| (rule.words.clone(), rule.is_coded()));
        let made = Table::new(made);
        assert_eq!(made.words, WORDS);
        assert_eq!(made.owners, OWNERS);
        assert!(WORDS.iter().all(|word| !word.contains(&b'\n')), "see `have_lines`");
    }

    /// Where which words stand, found in the plainest way.
    fn plainly(words: &[Vec<u8>], bytes: &[u8]) -> Vec<(usize, usize, usize)> {
        let mut found = Vec::new();
        for (word, letters) in words.iter().enumerate() {
            for start in 0..(bytes.len() + 1).saturating_sub(letters.len()) {
                let end = start + letters.len();
                if bytes[start..end].eq_ignore_ascii_case(letters) {
                    found.push((end, start, word));
                }
            }
        }
        found.sort_unstable();
        found
    }

    fn at_once(words: &[Vec<u8>], bytes: &[u8]) -> Vec<(usize, usize, usize)> {
        let mut found = Vec::new();
        Grams::new(words).each(words, bytes, |word, start| {
            found.push((start + words[word].len(), start, word));
            true
        });
        found
    }

    #[test]
    fn all_at_once_and_one_by_one_find_each_word_wherever_it_stands() {
        let mut random = fastrand::Rng::with_seed(8);
        let (mut all, mut long) = (0, 0);
        for round in 0..900 {
            // Few letters, so that words stand in each other; or any bytes at all.
            let letters: &[u8] = [&b"abAB-"[..], b"aA@`\x00\x20_", b""][round % 3];
            let mut some = |most: usize| -> Vec<u8> {
                let length = random.usize(1..most);
                let one = |random: &mut fastrand::Rng| match random.choice(letters) {
                    Some(letter) => *letter,
                    None => random.u8(..),
                };
                (0..length).map(|_| one(&mut random)).collect()
            };
            let number = if round % 9 == 2 { 2000 } else { 6 };
            let most = if round % 2 == 0 { 5 } else { 12 };
            let mut words: Vec<Vec<u8>> =
                (0..number).map(|_| some(most).to_ascii_lowercase()).collect();
            words.sort();
            words.dedup();
            let mut bytes = some(60);
            for _ in 0..round % 4 {
                bytes.extend_from_slice(random.choice(&words).unwrap());
                bytes.extend_from_slice(&random.choice(&words).unwrap().to_ascii_uppercase());
            }
            let found = plainly(&words, &bytes);
            assert_eq!(at_once(&words, &bytes), found, "{words:?} in {bytes:?}");
            if number < 100 {
                assert_eq!(one_by_one(&words, &bytes), found, "{words:?} in {bytes:?}");
            }
            all += found.len();
            long += found.iter().filter(|(end, start, _)| end - start > 4).count();
        }
        assert!(all > 5000 && long > 200, "{all} {long}");
    }

    #[test]
    fn words_are_told_in_their_order_also_where_a_step_of_the_search_ends() {
        let mut random = fastrand::Rng::with_seed(9);
        let mut some = |most: usize| -> Vec<u8> {
            (0..random.usize(1..most)).map(|_| random.choice(*b"abcdefg").unwrap()).collect()
        };
        let mut words: Vec<Vec<u8>> = (0..40).map(|_| some(9)).collect();
        words.sort();
        words.dedup();
        let bytes: Vec<u8> = (0..9000).flat_map(|_| some(9)).collect();
        let found = plainly(&words, &bytes);
        assert!(bytes.len() > 2 * super::super::grams::STEP && found.len() > 9000);
        assert_eq!(at_once(&words, &bytes), found);
        let (mut told, most) = (0, found.len() / 2);
        Grams::new(&words).each(&words, &bytes, |_, _| {
            told += 1;
            told < most
        });
        assert_eq!(told, most, "no more than is wanted");
    }

    #[test]
    fn the_words_that_are_built_in_are_all_found_among_any_bytes() {
        let all = Grams::new(WORDS);
        let mut random = fastrand::Rng::with_seed(10);
        for (word, letters) in WORDS.iter().enumerate() {
            let mut around =
                || -> Vec<u8> { (0..random.usize(..20)).map(|_| random.u8(..)).collect() };
            let (before, after) = (around(), around());
            let letters =
                if word % 2 == 0 { letters.to_vec() } else { letters.to_ascii_uppercase() };
            let bytes = [&before[..], &letters, &after].concat();
            let mut found = false;
            all.each(WORDS, &bytes, |other, start| {
                found |= other == word && start == before.len();
                true
            });
            assert!(found, "{:?}", letters.escape_ascii().to_string());
        }
    }
}
