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

/// Whether a value is the id of an object on which a push depends: gsync prints such commands, and
/// behind the name of the branch `api_token` an id looks like a secret.
fn is_lease(bytes: &[u8], value: &std::ops::Range<usize>) -> bool {
    let id = &bytes[value.clone()];
    let before = &bytes[..value.start];
    let word = before.iter().rposition(u8::is_ascii_whitespace).map_or(0, |at| at + 1);
    matches!(id.len(), 40 | 64)
        && id.iter().all(u8::is_ascii_hexdigit)
        && before.ends_with(b":")
        && memchr::memmem::find(&before[word..], b"--force-with-lease=").is_some()
}

/// Text with the secrets covered that the built-in rules find; nothing if there are none.
pub fn cover(text: &str) -> Option<String> {
    static SCANNER: OnceLock<Option<Scanner>> = OnceLock::new();
    // No secret is shorter, and the rules need not be read for what is.
    if text.len() < 20 {
        return None;
    }
    let scanner = SCANNER.get_or_init(|| Scanner::new(&[]).ok());
    let covered = scanner.as_ref()?.covered(text.as_bytes(), is_lease)?;
    Some(String::from_utf8_lossy(&covered).into_owned())
}
