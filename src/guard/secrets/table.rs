//! The keywords of all rules in one table, in small letters and each once, with what each one
//! stands for. `build.rs` makes the table of the rules that are built in with this very file, so
//! that a hook does not have to.

use std::collections::HashMap;

/// The digits of base64.
pub const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What a word stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The keyword of a rule, by its place among the rules.
    Rule(usize),
    /// Part of a keyword in base64; so many letters of its group of four stand before it.
    Base64(usize),
}

/// The words, and of each one what it stands for.
#[derive(Debug, Default)]
pub struct Table {
    pub words: Vec<Vec<u8>>,
    pub owners: Vec<Vec<Owner>>,
}

impl Table {
    /// The table of these rules: of each its keywords, and whether they are looked for in base64
    /// too.
    pub fn new(rules: impl IntoIterator<Item = (Vec<String>, bool)>) -> Self {
        let mut table = Self::default();
        let mut known: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut add = |word: Vec<u8>, owner: Owner| {
            let word = word.to_ascii_lowercase();
            let at = *known.entry(word.clone()).or_insert_with(|| {
                table.words.push(word);
                table.owners.push(Vec::new());
                table.words.len() - 1
            });
            if !table.owners[at].contains(&owner) {
                table.owners[at].push(owner);
            }
        };
        for (at, (words, strong)) in rules.into_iter().enumerate() {
            for word in words {
                add(word.clone().into_bytes(), Owner::Rule(at));
                if strong && word.len() >= 4 {
                    let encoded = encodings(word.as_bytes()).into_iter();
                    encoded.for_each(|(letters, phase)| add(letters, Owner::Base64(phase)));
                }
            }
        }
        table
    }
}

/// The letters that a word has in base64 wherever it begins, with how many letters of its group
/// of four stand before them; in both alphabets.
pub fn encodings(word: &[u8]) -> Vec<(Vec<u8>, usize)> {
    let mut all = Vec::new();
    for shift in 0..3 {
        let bits = |at: usize| -> Option<bool> {
            let at = at.checked_sub(8 * shift)?;
            word.get(at / 8).map(|byte| byte >> (7 - at % 8) & 1 == 1)
        };
        let first = (8 * shift).div_ceil(6);
        let last = 8 * (shift + word.len()) / 6;
        let letters: Option<Vec<u8>> = (first..last)
            .map(|letter| {
                let value = (0..6).try_fold(0, |value, bit| {
                    Some(value << 1 | usize::from(bits(letter * 6 + bit)?))
                });
                value.map(|value| DIGITS[value])
            })
            .collect();
        let Some(letters) = letters.filter(|letters| letters.len() >= 4) else { continue };
        if letters.iter().any(|letter| b"+/".contains(letter)) {
            let url = letters.iter().map(|letter| match letter {
                b'+' => b'-',
                b'/' => b'_',
                other => *other,
            });
            all.push((url.collect(), first % 4));
        }
        all.push((letters, first % 4));
    }
    all
}
