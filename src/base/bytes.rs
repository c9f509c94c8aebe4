//! The contents of files inside plans and journals: any bytes, readable where they are text.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Any bytes. In JSON text stays text; everything else is hex behind `hex:`.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Bytes(pub Vec<u8>);

/// A whole regular file: what is in it and its permission bits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    pub bytes: Bytes,
    /// Permission bits, such as `0o644`.
    pub mode: u32,
}

impl File {
    pub fn text(text: impl Into<String>) -> Self {
        Self { bytes: Bytes(text.into().into_bytes()), mode: 0o644 }
    }

    pub fn script(text: impl Into<String>) -> Self {
        Self { bytes: Bytes(text.into().into_bytes()), mode: 0o755 }
    }
}

impl From<&str> for Bytes {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) if !text.starts_with("hex:") => serializer.serialize_str(text),
            _ => serializer.serialize_str(&format!("hex:{}", hex(&self.0))),
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let Some(digits) = text.strip_prefix("hex:") else { return Ok(Self(text.into_bytes())) };
        unhex(digits).map(Self).ok_or_else(|| serde::de::Error::custom("not hex"))
    }
}

/// Bytes as hexadecimal digits, two for each.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of such digits. Nothing: they are none.
pub fn unhex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bytes_survive_the_journal() {
        for bytes in [&b"#!/bin/sh\n"[..], b"\xff\x00\x7fELF", b"hex:", b""] {
            let json = serde_json::to_string(&Bytes(bytes.to_vec())).unwrap();
            assert_eq!(serde_json::from_str::<Bytes>(&json).unwrap().0, bytes, "{json}");
        }
    }
}
