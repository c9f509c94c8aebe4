//! Paths inside a repository: bytes, as git has them, shown so that no name can play tricks.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A path as git stores it: relative to the top, `/` between the parts, any bytes but NUL.
///
/// It prints quoted like git does when it holds a control character, a quote, a
/// backslash or bytes that are not UTF-8, so a newline in a name cannot forge a line.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RepoPath(Vec<u8>);

impl RepoPath {
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The last part.
    pub fn file_name(&self) -> &[u8] {
        self.0.rsplit(|byte| *byte == b'/').next().unwrap_or(&self.0)
    }

    /// The path for the calls of the operating system.
    #[cfg(unix)]
    pub fn to_path(&self) -> std::path::PathBuf {
        use std::os::unix::ffi::OsStrExt;
        std::ffi::OsStr::from_bytes(&self.0).into()
    }

    /// Text that shows every byte and breaks no line. Plain names stay as they are.
    pub fn quoted(&self) -> String {
        let odd = |c: char| c.is_control() || is_bidi(c);
        match std::str::from_utf8(&self.0) {
            Ok(text) if !text.contains(|c| odd(c) || c == '"' || c == '\\') => text.to_owned(),
            _ => self.escaped(),
        }
    }

    fn escaped(&self) -> String {
        let mut out = String::from("\"");
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '"' => out.push_str("\\\""),
                    '\\' => out.push_str("\\\\"),
                    '\n' => out.push_str("\\n"),
                    '\t' => out.push_str("\\t"),
                    '\r' => out.push_str("\\r"),
                    c if c.is_control() || is_bidi(c) => {
                        let mut buffer = [0; 4];
                        for byte in c.encode_utf8(&mut buffer).bytes() {
                            out.push_str(&format!("\\{byte:03o}"));
                        }
                    }
                    c => out.push(c),
                }
            }
            for byte in chunk.invalid() {
                out.push_str(&format!("\\{byte:03o}"));
            }
        }
        out.push('"');
        out
    }

    /// Reads what [`Self::quoted`] wrote, and what git quotes.
    pub fn unquote(text: &str) -> Self {
        let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
            return Self(text.as_bytes().to_vec());
        };
        let mut bytes = Vec::new();
        let mut rest = inner.bytes();
        while let Some(byte) = rest.next() {
            if byte != b'\\' {
                bytes.push(byte);
                continue;
            }
            match rest.next() {
                Some(b'n') => bytes.push(b'\n'),
                Some(b't') => bytes.push(b'\t'),
                Some(b'r') => bytes.push(b'\r'),
                Some(b'a') => bytes.push(7),
                Some(b'b') => bytes.push(8),
                Some(b'v') => bytes.push(11),
                Some(b'f') => bytes.push(12),
                Some(digit @ b'0'..=b'7') => {
                    let mut value = u32::from(digit - b'0');
                    for _ in 0..2 {
                        let Some(digit @ b'0'..=b'7') = rest.next() else { break };
                        value = value * 8 + u32::from(digit - b'0');
                    }
                    bytes.push((value & 0xff) as u8);
                }
                Some(other) => bytes.push(other),
                None => {}
            }
        }
        Self(bytes)
    }
}

/// Characters that turn the direction of the text around them.
pub(super) fn is_bidi(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.quoted())
    }
}

impl fmt::Debug for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.quoted(), f)
    }
}

impl From<&str> for RepoPath {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

// In JSON a path is its text, or the quoted form where the text would be
// ambiguous or is not UTF-8; reading gives the same bytes again.
impl Serialize for RepoPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) if !text.starts_with('"') => serializer.serialize_str(text),
            _ => serializer.serialize_str(&self.escaped()),
        }
    }
}

impl<'de> Deserialize<'de> for RepoPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| match text.starts_with('"') {
            true => Self::unquote(&text),
            false => Self(text.into_bytes()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_cannot_forge_a_line() {
        let path = RepoPath::new("a\nerror: all is well\u{1b}[2J".as_bytes());
        assert_eq!(path.to_string(), "\"a\\nerror: all is well\\033[2J\"");
    }

    #[test]
    fn a_plain_name_is_shown_as_it_is_umlauts_included() {
        assert_eq!(RepoPath::from("src/grün ü.rs").to_string(), "src/grün ü.rs");
    }

    #[test]
    fn every_name_survives_json() {
        for bytes in [&b"a"[..], b"\"x\"", b"a\\n", b"\xff\xfe/\x01", b"new\nline", "ü".as_bytes()]
        {
            let path = RepoPath::new(bytes);
            let json = serde_json::to_string(&path).unwrap();
            assert_eq!(serde_json::from_str::<RepoPath>(&json).unwrap(), path, "{json}");
        }
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        for bytes in [&b"a b"[..], b"a\"b", b"a\\b", b"\xff", b"tab\t", b"\x7f1"] {
            let path = RepoPath::new(bytes);
            assert_eq!(RepoPath::unquote(&path.quoted()), path);
        }
    }
}
