//! Secrets in the journal. A branch, a file or a command line may have one in it, and a run cannot be
//! put back without their names: so what steps need is written in a way that nobody reads by
//! accident, finds by a search or pastes somewhere, and what only people need is covered.

use std::borrow::Cow;

use anyhow::Result;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::base::{covered, each_text, has_secret};

/// What such a text begins with; then follow its bytes in hex.
const MARK: &str = "hidden:";

/// An entry as it is written. Most have no secret, and stay as they are.
pub(super) fn write(entry: String) -> Result<String> {
    if !has_secret(&entry) && !entry.contains(MARK) {
        return Ok(entry);
    }
    let mut value: Value = serde_json::from_str(&entry)?;
    for place in ["/plan/title", "/plan/notes", "/who/command"] {
        if let Some(value) = value.pointer_mut(place) {
            each_text(value, &mut |text| {
                if let Cow::Owned(covered) = covered(text) {
                    *text = covered;
                }
            });
        }
    }
    each_text(&mut value, &mut |text| {
        if text.starts_with(MARK) || matches!(covered(text), Cow::Owned(_)) {
            let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
            *text = format!("{MARK}{hex}");
        }
    });
    Ok(value.to_string())
}

/// An entry as it was meant. Nothing: it makes no sense.
pub(super) fn read<T: DeserializeOwned>(line: &str) -> Option<T> {
    if !line.contains(MARK) {
        return serde_json::from_str(line).ok();
    }
    let mut value: Value = serde_json::from_str(line).ok()?;
    each_text(&mut value, &mut |text| {
        if let Some(shown) = text.strip_prefix(MARK).and_then(shown) {
            *text = shown;
        }
    });
    serde_json::from_value(value).ok()
}

fn shown(hex: &str) -> Option<String> {
    let digits = hex.as_bytes().chunks(2);
    let bytes = digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    String::from_utf8(bytes.collect::<Option<Vec<u8>>>()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_not_there_to_be_read_and_comes_back() {
        crate::base::cover_with(crate::guard::secrets::cover);
        let secret = ["gh", "p_n005ZU2VDTQCV4h2JSOrtUQH1U8quC1wHrbs"].concat();
        let entry = serde_json::json!({
            "plan": { "title": format!("start {secret}"), "steps": [{ "name": format!("x/{secret}") }] },
            "a": "hidden:00", format!("b/{secret}"): 1, "c": "plain",
        });
        let text = write(entry.to_string()).unwrap();
        assert!(!text.contains(&secret) && text.contains("start ghp_"), "{text}");
        let back: Value = read(&text).unwrap();
        assert_eq!(back["plan"]["steps"], entry["plan"]["steps"]);
        assert_eq!((&back["a"], &back["c"]), (&entry["a"], &entry["c"]));
        assert_eq!(back[format!("b/{secret}")], 1);
        assert_eq!(write("{\"a\":1}".into()).unwrap(), "{\"a\":1}");
    }
}
