//! Secrets in the journal: what steps need is hidden, and what only people need is covered.

use serde::de::DeserializeOwned;

use crate::base::{cover_texts, hidden, unhidden};

/// An entry as it is written.
pub(super) fn write(entry: String) -> String {
    hidden(entry, |value| {
        for place in ["/plan/title", "/plan/notes", "/who/command"] {
            value.pointer_mut(place).map(cover_texts);
        }
    })
}

/// An entry as it was meant. Nothing: it makes no sense.
pub(super) fn read<T: DeserializeOwned>(line: &str) -> Option<T> {
    unhidden(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_is_hidden_is_not_there_to_be_read_and_comes_back() {
        crate::base::cover_with(crate::guard::secrets::cover);
        let secret = ["gh", "p_n005ZU2VDTQCV4h2JSOrtUQH1U8quC1wHrbs"].concat();
        let entry = serde_json::json!({
            "plan": { "title": format!("start {secret}"), "steps": [{ "name": format!("x/{secret}") }] },
            "a": "hidden:00", format!("b/{secret}"): 1, "c": "plain",
        });
        let text = write(entry.to_string());
        assert!(!text.contains(&secret) && text.contains("start ghp_"), "{text}");
        let back: Value = read(&text).unwrap();
        assert_eq!(back["plan"]["steps"], entry["plan"]["steps"]);
        assert_eq!((&back["a"], &back["c"]), (&entry["a"], &entry["c"]));
        assert_eq!(back[format!("b/{secret}")], 1);
        assert_eq!(write("{\"a\":1}".into()), "{\"a\":1}");
    }
}
