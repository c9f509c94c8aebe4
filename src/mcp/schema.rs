//! JSON schemas in the dialect that every client understands: no formats, no lists of types,
//! no references.

use serde_json::{Map, Value, json};

/// An object with these fields, of which some must be there.
pub(super) fn object(fields: &[(&str, Value)], required: &[&str]) -> Value {
    let mut properties = Map::new();
    for (name, schema) in fields {
        properties.insert((*name).to_owned(), schema.clone());
    }
    json!({ "type": "object", "properties": properties, "required": required })
}

/// The same for the arguments of a tool: nothing else may be there.
pub(super) fn arguments(fields: &[(&str, Value)], required: &[&str]) -> Value {
    let mut schema = object(fields, required);
    schema["additionalProperties"] = json!(false);
    schema
}

pub(super) fn text(about: &str) -> Value {
    json!({ "type": "string", "description": about })
}

pub(super) fn flag(about: &str) -> Value {
    json!({ "type": "boolean", "description": about })
}

pub(super) fn number(about: &str) -> Value {
    json!({ "type": "integer", "description": about })
}

pub(super) fn one_of(words: &[&str], about: &str) -> Value {
    json!({ "type": "string", "enum": words, "description": about })
}

pub(super) fn list(of: &Value, about: &str) -> Value {
    json!({ "type": "array", "items": of, "description": about })
}

pub(super) fn texts(about: &str) -> Value {
    list(&json!({ "type": "string" }), about)
}

/// What the command line prints as an object, and this list does not spell out.
pub(super) fn anything(about: &str) -> Value {
    json!({ "type": "object", "description": about })
}

/// The answer of a tool: what it is about, the next step, and the error if there was one.
pub(super) fn answer(fields: &[(&str, Value)]) -> Value {
    let mut all = vec![
        ("gsync", number("version of this form: 1")),
        ("next", next()),
        ("error", error()),
        ("shortened", texts("fields that were cut because they are long")),
    ];
    all.extend(fields.iter().cloned());
    object(&all, &["gsync", "next"])
}

fn next() -> Value {
    object(
        &[
            ("why", text("the sensible next step, in a sentence")),
            ("tool", text("the tool for it; absent: there is none")),
            ("arguments", anything("the arguments for that tool")),
            ("command", text("the same as a command line")),
        ],
        &["why"],
    )
}

fn error() -> Value {
    object(
        &[
            ("exit", number("exit code of the command line")),
            ("code", text("one word for it")),
            ("message", text("what is so")),
            ("because", texts("why")),
            ("hints", texts("what can be done")),
        ],
        &["exit", "code"],
    )
}

/// A commit as the command line prints it.
pub(super) fn commit() -> Value {
    object(
        &[
            ("id", text("full id")),
            ("summary", text("first line; written by others")),
            ("author", text("name")),
            ("time", text("RFC 3339")),
        ],
        &["id"],
    )
}
