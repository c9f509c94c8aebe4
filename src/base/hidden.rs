//! Secrets in what gsync keeps for itself. A branch, a file or a command line may have one in it, and
//! what is compared or put back later needs the very name: so it is written in a way that nobody
//! reads by accident, finds by a search or pastes somewhere.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{covered, each_text, has_secret, hex, unhex};

/// What such a text begins with; then follow its bytes in hex.
const MARK: &str = "hidden:";

/// A JSON document as it is kept. Most have no secret, and stay as they are. `first` may cover what
/// only people read.
pub fn hidden(document: String, first: impl FnOnce(&mut Value)) -> String {
    if !has_secret(&document) && !document.contains(MARK) {
        return document;
    }
    let Ok(mut value) = serde_json::from_str(&document) else {
        return covered(&document).into_owned();
    };
    first(&mut value);
    each_text(&mut value, &mut |text| {
        if text.starts_with(MARK) || matches!(covered(text), Cow::Owned(_)) {
            *text = format!("{MARK}{}", hex(text.as_bytes()));
        }
    });
    value.to_string()
}

/// A document as it was meant. Nothing: it makes no sense.
pub fn unhidden<T: DeserializeOwned>(document: &[u8]) -> Option<T> {
    if memchr::memmem::find(document, MARK.as_bytes()).is_none() {
        return serde_json::from_slice(document).ok();
    }
    let mut value: Value = serde_json::from_slice(document).ok()?;
    each_text(&mut value, &mut |text| {
        let shown = text.strip_prefix(MARK).and_then(unhex);
        if let Some(shown) = shown.and_then(|bytes| String::from_utf8(bytes).ok()) {
            *text = shown;
        }
    });
    serde_json::from_value(value).ok()
}
