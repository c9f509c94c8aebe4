//! What is told of a secret that was found: enough to find it again, nothing to use it with.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

/// A password can be guessed from a fingerprint by trying: each try costs so many rounds.
const ROUNDS: usize = 4096;
/// The same in every repository and on both ends of a push, so that an exception that was made
/// on one side holds on the other. It keeps tables made for other purposes from being of use.
const SALT: &[u8] = b"gsync guard: fingerprint of a secret, 1";
/// Letters of a secret that are shown, of those that are long enough.
const SHOWN: usize = 4;

/// The bytes of a secret. There is no way to print, write or compare them.
#[derive(Clone, Copy)]
pub(super) struct Secret<'a>(&'a [u8]);

/// How sure it is that something is what its rule says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// A value that is called a secret and looks like one, or a token with a wrong checksum.
    Low,
    /// The form of a kind, next to a word that says so.
    Medium,
    /// A form that nothing else has, or a checksum that is right.
    High,
}

/// What names a value in exceptions. Guessing it is made slow, and so is reckoning it: that is done
/// when somebody asks, which for what stood there before is never.
#[derive(Clone)]
pub struct Print {
    sum: Sum,
    text: OnceLock<String>,
}

/// The first round of a fingerprint: it tells values apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sum([u8; 32]);

impl Sum {
    /// The fingerprint, after all rounds.
    pub fn text(&self) -> String {
        let mut sum = Sha256::digest(self.0);
        for _ in 2..ROUNDS {
            sum = Sha256::digest(sum);
        }
        sum.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Print {
    pub fn as_str(&self) -> &str {
        self.text.get_or_init(|| self.sum.text())
    }

    pub fn sum(&self) -> Sum {
        self.sum
    }
}

impl PartialEq for Print {
    fn eq(&self, other: &Self) -> bool {
        self.sum == other.sum
    }
}

impl Eq for Print {}

impl fmt::Display for Print {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Print {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Print {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A secret that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hit {
    pub kind: Arc<str>,
    pub about: Arc<str>,
    /// Counted from 1.
    pub line: usize,
    /// The byte in the line, counted from 1.
    pub column: usize,
    /// The first letters.
    pub shown: String,
    pub fingerprint: Print,
    pub confidence: Confidence,
    /// Where the whole match stands.
    #[serde(skip)]
    pub at: Range<usize>,
    /// Where the secret itself stands.
    #[serde(skip)]
    pub secret: Range<usize>,
}

impl<'a> Secret<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Four letters at most, and never more than a quarter.
    pub(super) fn shown(self) -> String {
        let letters = self.0.iter().take(SHOWN.min(self.0.len() / 4));
        let letter = |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte) } else { '?' };
        letters.map(letter).chain(['…']).collect()
    }

    /// What names this value in exceptions.
    pub(super) fn fingerprint(self, kind: &str) -> Print {
        let mut hash = Sha256::new();
        for part in [SALT, b"\0", kind.as_bytes(), b"\0", self.0] {
            hash.update(part);
        }
        Print { sum: Sum(hash.finalize().into()), text: OnceLock::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_more_than_a_quarter_and_four_letters_are_shown() {
        assert_eq!(Secret::new(b"abcdefghijklmnopqrst").shown(), "abcd…");
        assert_eq!(Secret::new(b"abcdefgh").shown(), "ab…");
        assert_eq!(Secret::new(b"abc").shown(), "…");
        assert_eq!(Secret::new(b"\x1b[2Jabcdefghijklmnop").shown(), "?[2J…");
    }

    #[test]
    fn a_fingerprint_depends_on_value_and_kind_and_on_nothing_else() {
        let print = |value: &[u8], kind| Secret::new(value).fingerprint(kind);
        assert_eq!(print(b"a", "x"), print(b"a", "x"));
        assert_ne!(print(b"a", "x"), print(b"b", "x"));
        assert_ne!(print(b"a", "x"), print(b"a", "y"));
        assert_eq!(print(b"a", "x").as_str().len(), 16);
        let text = |value: &[u8], kind| print(value, kind).to_string();
        assert_ne!(text(b"a", "x"), text(b"b", "x"));
        // It stands in the exceptions of teams: it may never become another one.
        assert_eq!(text(b"value", "kind"), "bb7dac4d05e4b9f0");
    }
}
