//! What a tool answers: the object of the command line, cut to a size that a model can read,
//! without nulls, with the next step.

use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::{Map, Value, json};

use super::next;
use crate::base::{Exit, Problem, covered_facts};

/// Lists are cut to so many entries, texts to so many characters.
const ITEMS: usize = 100;
const CHARS: usize = 20_000;

/// The answer to a call. `chars` is how much of a diff is wanted.
pub(super) fn answer(
    tool: &str,
    exit: Exit,
    object: Value,
    chars: Option<usize>,
) -> CallToolResult {
    let mut object = match object {
        Value::Object(map) => map,
        other => Map::from_iter([("gsync".to_owned(), json!(1)), ("said".to_owned(), other)]),
    };
    pick(tool, &mut object);
    let mut shortened = Vec::new();
    for (name, value) in &mut object {
        trim(value, name, chars.unwrap_or(CHARS), &mut shortened);
    }
    object.retain(|_, value| !value.is_null());
    if !shortened.is_empty() {
        object.insert("shortened".to_owned(), json!(shortened));
    }
    let judged = if is_verdict(tool, &object) { Exit::Done } else { exit };
    object.insert("next".to_owned(), next::after(tool, judged, &object).object());
    // A verdict that refuses is what the judge was asked for, no failure of the tool.
    let failed = judged != Exit::Done;
    let mut result = CallToolResult::success(vec![]);
    let object = covered_facts(Value::Object(object));
    // For clients that know of no structure.
    result.content = vec![ContentBlock::text(object.to_string())];
    result.structured_content = Some(object);
    result.is_error = Some(failed);
    result
}

fn is_verdict(tool: &str, object: &Map<String, Value>) -> bool {
    tool == "guard" && object.contains_key("ok")
}

/// An answer that says why there is none.
pub(super) fn refusal(tool: &str, problem: &Problem) -> CallToolResult {
    let error = json!({
        "exit": problem.exit.code(), "code": problem.code, "message": problem.message,
        "because": problem.because,
        "hints": problem.hints.iter().take(3).collect::<Vec<_>>(),
    });
    answer(tool, problem.exit, json!({ "gsync": 1, "error": error }), None)
}

/// One handoff stands under a name of its own: its fields are not those of an answer.
fn pick(tool: &str, object: &mut Map<String, Value>) {
    if tool != "handoffs" || ["handoffs", "error", "said"].iter().any(|it| object.contains_key(*it))
    {
        return;
    }
    let mut one = std::mem::take(object);
    if let Some(version) = one.remove("gsync") {
        object.insert("gsync".to_owned(), version);
    }
    object.insert("handoff".to_owned(), Value::Object(one));
}

/// Drops nulls, and cuts what is too long.
fn trim(value: &mut Value, name: &str, chars: usize, shortened: &mut Vec<String>) {
    let mut cut = false;
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            for (name, value) in map {
                trim(value, name, chars, shortened);
            }
        }
        Value::Array(items) => {
            cut = items.len() > ITEMS;
            items.truncate(ITEMS);
            for item in items {
                trim(item, name, chars, shortened);
            }
        }
        Value::String(text) => {
            let most = if name == "diff" { chars } else { CHARS };
            if let Some((at, _)) = text.char_indices().nth(most) {
                text.truncate(at);
                cut = true;
            }
        }
        _ => {}
    }
    if cut && !shortened.iter().any(|known| known == name) {
        shortened.push(name.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_no_nulls_and_says_what_was_cut() {
        let long: Vec<usize> = (0..500).collect();
        let object = json!({ "gsync": 1, "a": null, "b": { "c": null, "diff": "äöü" }, "e": long });
        let result = answer("review", Exit::Done, object, Some(2));
        let object = result.structured_content.unwrap();
        assert_eq!(object["b"], json!({ "diff": "äö" }));
        assert_eq!(object["e"].as_array().unwrap().len(), ITEMS);
        assert_eq!(object["shortened"], json!(["diff", "e"]));
        assert!(object.get("a").is_none());
    }

    #[test]
    fn a_refusal_is_an_answer_with_a_code_and_hints() {
        let problem = Problem::refuse("behind", "the hub is ahead").hint("run `gsync start`");
        let result = refusal("plan", &problem);
        assert_eq!(result.is_error, Some(true));
        let object = result.structured_content.unwrap();
        assert_eq!(object["error"]["exit"], 1);
        assert_eq!(object["error"]["hints"], json!(["run `gsync start`"]));
        assert!(object["next"]["why"].is_string());
    }
}
