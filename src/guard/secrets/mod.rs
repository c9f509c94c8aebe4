//! Secrets in contents: bytes in, hits out. Knows nothing of git, files or time.
//!
//! All keywords of all rules are looked for in one pass; only around a keyword is a regular
//! expression tried, and compiled when it is first needed. What comes out never contains the
//! secret: a [`Hit`] has its first letters and a fingerprint.

mod coded;
mod doubt;
mod found;
mod grams;
mod hit;
mod incremental;
mod named;
mod places;
mod rules;
mod scan;
mod search;
mod stream;
mod table;
mod views;
mod words;

use std::sync::OnceLock;

pub use found::{MOST, Seen};
pub use hit::{Confidence, Hit, Print, Sum};
pub use incremental::Copied;
pub use scan::Scanner;

/// Text with the secrets covered that the built-in rules find; nothing if there are none.
pub fn cover(text: &str) -> Option<String> {
    static SCANNER: OnceLock<Option<Scanner>> = OnceLock::new();
    // No secret is shorter, and the rules need not be read for what is.
    if text.len() < 20 {
        return None;
    }
    let scanner = SCANNER.get_or_init(|| Scanner::new(&[]).ok());
    let covered = scanner.as_ref()?.covered(text.as_bytes())?;
    Some(String::from_utf8_lossy(&covered).into_owned())
}
