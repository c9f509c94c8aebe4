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

/// How the ends of lines, and letters of base64, are written where they cannot stand as they are.
const ESCAPES: [(&str, &str); 15] = [
    ("\\\\n", "\n"),
    ("\\r", ""),
    ("\\n", "\n"),
    ("\\/", "/"),
    ("%0D", ""),
    ("%0d", ""),
    ("%0A", "\n"),
    ("%0a", "\n"),
    ("%2B", "+"),
    ("%2b", "+"),
    ("%2F", "/"),
    ("%2f", "/"),
    ("%3D", "="),
    ("%3d", "="),
    ("%20", " "),
];

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
        crate::base::hex(&sum[..8])
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

    /// The same for one of several lines, however they are written: ended as on another system,
    /// indented, quoted. As they stand in a file of their own they are taken as they are.
    pub(super) fn fingerprint_of_lines(self, kind: &str) -> Print {
        let odd = |byte: &u8| b"\r\\\"'%".contains(byte);
        let stand_off = |line: &[u8]| line.trim_ascii().len() < line.len();
        let mut lines = self.0.split(|byte| *byte == b'\n');
        let has = |what: &str| memchr::memmem::find(self.0, what.as_bytes()).is_some();
        let several = has("\n") || has("\\n") || has("%0");
        if !several || !self.0.iter().any(odd) && !lines.any(stand_off) {
            return self.fingerprint(kind);
        }
        let text = String::from_utf8_lossy(self.0).replace("\r\n", "\n");
        let bare = |line: &str| {
            let line = line.trim();
            let line = line.strip_suffix("\" +").or(line.strip_suffix("' +")).unwrap_or(line);
            let line = line.trim_end_matches([' ', '"', '\'', ',', '\\']);
            line.trim_start_matches([' ', '"', '\'']).to_owned()
        };
        let lines: Vec<String> = text.lines().map(bare).collect();
        // Where the ends of lines are said, the lines of the file around it are others.
        let said = text.contains("\\n") || text.contains("%0");
        let mut text = lines.join(if said { "" } else { "\n" });
        for (escape, letter) in ESCAPES {
            text = text.replace(escape, letter);
        }
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let from = lines.iter().position(|line| !line.is_empty()).unwrap_or(0);
        let to = lines.iter().rposition(|line| !line.is_empty()).map_or(0, |at| at + 1);
        let lines = lines.get(from..to).unwrap_or_default();
        Secret(lines.join("\n").as_bytes()).fingerprint(kind)
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
    fn a_key_of_several_lines_has_one_fingerprint_however_its_lines_are_written() {
        let lines = ["MIIEowIBAAKC", "/qx0Zk+AQEAx", "", "+nd=="];
        let print = |text: &str| Secret(text.as_bytes()).fingerprint_of_lines("private-key");
        let plain = print(&lines.join("\n"));
        assert_eq!(plain, Secret(lines.join("\n").as_bytes()).fingerprint("private-key"));
        for end in
            ["\r\n", "\n    ", "\n\t", "\\n", "\\r\\n", "\\\\n", "%0A", "%0D%0A", " \n", "\\n\\\n"]
        {
            let same = lines.join(end);
            assert_eq!(print(&same), plain, "{same}");
        }
        assert_eq!(print("MIIEowIBAAKC%0A%2Fqx0Zk%2BAQEAx%0A%0A%2Bnd%3D%3D"), plain);
        let some = ["MIIEowIBAAKC", "/qx0Zk+AQEAx"];
        let plain = print(&some.join("\n"));
        for between in ["\",\n  \"", "\\n\" +\n  \"", "\\n'\n'", "\\n',\n  '"] {
            assert_eq!(print(&some.join(between)), plain, "{between}");
        }
        assert_ne!(print("MIIEowIBAAKC"), plain);
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
