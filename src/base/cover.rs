//! Secrets in text that is about to be shown or kept. What a secret looks like is not known here:
//! whoever starts the program gives what covers one, and where nobody did, text stays as it is.
//!
//! Summaries, names of branches and files, and git's own words come from everywhere, and each of
//! them may have a secret in it before any guard has judged it. So it is covered in the few places
//! through which text leaves: the screen, the journal, and what others are told.

use std::borrow::Cow;
use std::sync::OnceLock;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Gives the text with its secrets covered, or nothing if there is none.
pub type Cover = fn(&str) -> Option<String>;

static COVER: OnceLock<Cover> = OnceLock::new();

/// From now on secrets are covered by this.
pub fn cover_with(cover: Cover) {
    let _ = COVER.set(cover);
}

/// The text with its secrets covered.
pub fn covered(text: &str) -> Cow<'_, str> {
    match COVER.get().and_then(|cover| cover(text)) {
        Some(covered) => covered.into(),
        None => text.into(),
    }
}

/// The same for what is printed: a JSON document stays one.
pub fn covered_output(text: &str) -> Cow<'_, str> {
    if !text.starts_with('{') {
        return covered(text);
    }
    if !has_secret(text) {
        return text.into();
    }
    match serde_json::from_str::<Value>(text) {
        Ok(mut value) => {
            cover_texts(&mut value);
            let end = if text.ends_with('\n') { "\n" } else { "" };
            format!("{value}{end}").into()
        }
        Err(_) => covered(text),
    }
}

/// The same for facts that are kept or told as JSON.
pub fn covered_facts<T: Serialize + DeserializeOwned>(facts: T) -> T {
    let Ok(text) = serde_json::to_string(&facts) else { return facts };
    match covered_output(&text) {
        Cow::Owned(covered) => serde_json::from_str(&covered).unwrap_or(facts),
        Cow::Borrowed(_) => facts,
    }
}

/// Whether there is a secret in a JSON document.
pub fn has_secret(document: &str) -> bool {
    let found = |text: &str| matches!(covered(text), Cow::Owned(_));
    // A value in quotes has them escaped there.
    match document.contains("\\\"") {
        true => found(&document.replace("\\\"", "\"")) || found(document),
        false => found(document),
    }
}

/// Covers the secrets in each text of a JSON value.
pub fn cover_texts(value: &mut Value) {
    each_text(value, &mut |text| {
        if let Cow::Owned(covered) = covered(text) {
            *text = covered;
        }
    });
}

/// Changes each text of a JSON value, names of fields included.
pub fn each_text(value: &mut Value, change: &mut dyn FnMut(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, change)),
        Value::Object(fields) => {
            let old = std::mem::take(fields);
            *fields = Map::with_capacity(old.len());
            for (mut name, mut value) in old {
                change(&mut name);
                each_text(&mut value, change);
                fields.insert(name, value);
            }
        }
        _ => {}
    }
}
