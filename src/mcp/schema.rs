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

/// The next step: why, and the tool with its arguments or the command line for it. These two
/// stand in every answer, so they are short.
fn next() -> Value {
    let fields = [
        ("why", bare("string")),
        ("tool", bare("string")),
        ("arguments", bare("object")),
        ("command", bare("string")),
    ];
    object(&fields, &["why"])
}

fn error() -> Value {
    let lines = || json!({ "type": "array", "items": bare("string") });
    let fields = [
        ("exit", bare("integer")),
        ("code", bare("string")),
        ("message", bare("string")),
        ("because", lines()),
        ("hints", lines()),
    ];
    object(&fields, &["exit", "code"])
}

fn bare(kind: &str) -> Value {
    json!({ "type": kind })
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
