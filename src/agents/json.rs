//! Editing somebody else's JSON: what is not ours keeps its order, its spaces and its line
//! breaks, because only the bytes of our own entries are put in or taken out.

use serde_json::Value;

/// A value of the text with its place.
struct Spot {
    start: usize,
    end: usize,
    kind: Kind,
}

enum Kind {
    /// Each member with its key and where the key begins.
    Object(Vec<(String, usize, Spot)>),
    Array(Vec<Spot>),
    Scalar,
}

/// Puts a value at a place, making the objects on the way; nothing where the text is no JSON or
/// something else than an object stands on the way.
pub fn set(text: &str, path: &[&str], value: &Value) -> Option<String> {
    let root = parse(text)?;
    let (at, rest) = follow(&root, path);
    let Some((name, below)) = rest.split_first() else {
        let there: Value = serde_json::from_str(&text[at.start..at.end]).ok()?;
        if there == *value {
            return Some(text.to_owned());
        }
        let rendered = render(text, value, &indent_of(text, at.start));
        return Some(format!("{}{rendered}{}", &text[..at.start], &text[at.end..]));
    };
    let Kind::Object(members) = &at.kind else { return None };
    let mut value = value.clone();
    for name in below.iter().rev() {
        value = Value::Object([((*name).to_owned(), value)].into_iter().collect());
    }
    let last = members.last().map(|(_, start, spot)| (*start, spot.end));
    Some(insert(text, at, last, Some(name), &value))
}

/// Adds a value to the end of a list, making the list and the objects on the way.
pub fn push(text: &str, path: &[&str], value: &Value) -> Option<String> {
    let root = parse(text)?;
    let (at, rest) = follow(&root, path);
    if !rest.is_empty() {
        return set(text, path, &Value::Array(vec![value.clone()]));
    }
    let Kind::Array(items) = &at.kind else { return None };
    let last = items.last().map(|spot| (spot.start, spot.end));
    Some(insert(text, at, last, None, value))
}

/// Takes the items of a list away that are ours; a list that is empty then goes as well, and
/// so do the objects on the way that held nothing else.
pub fn remove_items(text: &str, path: &[&str], ours: impl Fn(&Value) -> bool) -> Option<String> {
    let mut text = text.to_owned();
    loop {
        let root = parse(&text)?;
        let (at, rest) = follow(&root, path);
        let Kind::Array(items) = &at.kind else { return Some(text) };
        if !rest.is_empty() {
            return Some(text);
        }
        let spans: Vec<(usize, usize)> = items.iter().map(|it| (it.start, it.end)).collect();
        let found = spans.iter().position(|(start, end)| {
            serde_json::from_str(&text[*start..*end]).is_ok_and(|value| ours(&value))
        });
        match found {
            Some(_) if spans.len() == 1 => return remove(&text, path),
            Some(at_item) => text = cut(&text, (at.start, at.end), &spans, at_item),
            None => return Some(text),
        }
    }
}

/// Takes a member away, and the objects on the way that held nothing else.
pub fn remove(text: &str, path: &[&str]) -> Option<String> {
    let root = parse(text)?;
    let (name, above) = path.split_last()?;
    let (at, rest) = follow(&root, above);
    let Kind::Object(members) = &at.kind else { return Some(text.to_owned()) };
    let found = members.iter().position(|(key, ..)| key == name);
    let Some(found) = found.filter(|_| rest.is_empty()) else { return Some(text.to_owned()) };
    if members.len() == 1 && !above.is_empty() {
        return remove(text, above);
    }
    let spans: Vec<(usize, usize)> =
        members.iter().map(|(_, start, spot)| (*start, spot.end)).collect();
    Some(cut(text, (at.start, at.end), &spans, found))
}

/// The value of a whole text, if it is JSON.
pub fn value(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

/// As far along the path as there is something, and what is left of it.
fn follow<'s, 'p>(root: &'s Spot, path: &'p [&'p str]) -> (&'s Spot, &'p [&'p str]) {
    let mut at = root;
    for (depth, name) in path.iter().enumerate() {
        let Kind::Object(members) = &at.kind else { return (at, &path[depth..]) };
        match members.iter().find(|(key, ..)| key == name) {
            Some((_, _, spot)) => at = spot,
            None => return (at, &path[depth..]),
        }
    }
    (at, &[])
}

/// Puts a member or an item behind the last one, in the way in which that one is written.
fn insert(
    text: &str,
    container: &Spot,
    last: Option<(usize, usize)>,
    name: Option<&str>,
    value: &Value,
) -> String {
    let key = name.map(|name| format!("{}: ", Value::from(name))).unwrap_or_default();
    let line = newline(text);
    match last {
        Some((start, end)) if own_line(text, start) => {
            let indent = indent_of(text, start);
            let rendered = render(text, value, &indent);
            format!("{},{line}{indent}{key}{rendered}{}", &text[..end], &text[end..])
        }
        Some((_, end)) => format!("{}, {key}{value}{}", &text[..end], &text[end..]),
        None => {
            let outer = indent_of(text, container.start);
            let indent = format!("{outer}{}", unit(text));
            let rendered = render(text, value, &indent);
            let (open, close) = if name.is_some() { ('{', '}') } else { ('[', ']') };
            format!(
                "{}{open}{line}{indent}{key}{rendered}{line}{outer}{close}{}",
                &text[..container.start],
                &text[container.end..]
            )
        }
    }
}

/// Takes the child at `at` out of a container, with its comma.
fn cut(text: &str, container: (usize, usize), spans: &[(usize, usize)], at: usize) -> String {
    let (from, to) = match (at.checked_sub(1).map(|before| spans[before]), spans.get(at + 1)) {
        (_, Some((next, _))) => (spans[at].0, *next),
        (Some((_, end)), None) => (end, spans[at].1),
        (None, None) => (container.0 + 1, container.1 - 1),
    };
    format!("{}{}", &text[..from], &text[to..])
}

/// A value as text, its further lines indented like the rest of the file.
fn render(text: &str, value: &Value, indent: &str) -> String {
    let unit = unit(text);
    let pretty = serde_json::to_string_pretty(value).unwrap_or_default();
    let mut lines = pretty.lines().map(|line| {
        let bare = line.trim_start_matches(' ');
        let depth = (line.len() - bare.len()) / 2;
        format!("{}{bare}", unit.repeat(depth))
    });
    let first = lines.next().unwrap_or_default();
    let line = newline(text);
    lines.fold(first, |all, next| format!("{all}{line}{indent}{next}"))
}

fn newline(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// What one level is indented by.
fn unit(text: &str) -> String {
    let indented =
        text.lines().find(|line| line.starts_with([' ', '\t']) && !line.trim().is_empty());
    indented.map_or_else(
        || "  ".to_owned(),
        |line| line.chars().take_while(|c| *c == ' ' || *c == '\t').collect(),
    )
}

/// The spaces at the beginning of the line of a place.
fn indent_of(text: &str, at: usize) -> String {
    let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    text[line..at].chars().take_while(|c| *c == ' ' || *c == '\t').collect()
}

/// Whether there are only spaces before it on its line, and it is not the first line.
fn own_line(text: &str, at: usize) -> bool {
    let Some(newline) = text[..at].rfind('\n') else { return false };
    text[newline..at].trim().is_empty()
}

/// The places of everything, if the text is JSON without comments.
fn parse(text: &str) -> Option<Spot> {
    value(text)?;
    let mut scanner = Scanner { text, at: 0 };
    scanner.spaces();
    scanner.spot()
}

/// Walks over a text that is known to be JSON.
struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn spaces(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn spot(&mut self) -> Option<Spot> {
        let start = self.at;
        let kind = match self.peek()? {
            b'{' => self.object()?,
            b'[' => self.array()?,
            b'"' => {
                self.string()?;
                Kind::Scalar
            }
            _ => {
                while self.peek().is_some_and(|byte| !b",]} \t\r\n".contains(&byte)) {
                    self.at += 1;
                }
                Kind::Scalar
            }
        };
        Some(Spot { start, end: self.at, kind })
    }

    fn object(&mut self) -> Option<Kind> {
        let mut members = Vec::new();
        self.at += 1;
        loop {
            self.spaces();
            match self.peek()? {
                b'}' => {
                    self.at += 1;
                    return Some(Kind::Object(members));
                }
                b',' => self.at += 1,
                _ => {
                    let start = self.at;
                    let key = self.string()?;
                    self.spaces();
                    self.at += 1;
                    self.spaces();
                    members.push((key, start, self.spot()?));
                }
            }
        }
    }

    fn array(&mut self) -> Option<Kind> {
        let mut items = Vec::new();
        self.at += 1;
        loop {
            self.spaces();
            match self.peek()? {
                b']' => {
                    self.at += 1;
                    return Some(Kind::Array(items));
                }
                b',' => self.at += 1,
                _ => items.push(self.spot()?),
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek()? {
                b'\\' => self.at += 2,
                b'"' => break,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        serde_json::from_str(&self.text[start..self.at]).ok()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const THEIRS: &str = "{\n    \"model\": \"x\",   \"list\": [1,2],\n    \"hooks\": {\n        \"Stop\": [\n            { \"hooks\": [] }\n        ]\n    }\n}\n";

    #[test]
    fn what_is_put_in_and_taken_out_again_leaves_every_byte_as_it_was() {
        let ours = json!({ "hooks": [{ "command": "gsync" }] });
        let is_ours = |value: &Value| value.to_string().contains("gsync");
        for text in [
            THEIRS,
            "{}\n",
            "{\"a\":1}",
            "{ \"hooks\": {\"Stop\": [ {} ]} }",
            "{\r\n\t\"a\": \"}\\\"{\"\r\n}\r\n",
            "{\n  \"hooks\": {\n    \"Other\": []\n  }\n}",
        ] {
            for event in ["Stop", "Start"] {
                let path = ["hooks", event];
                let with = push(text, &path, &ours).unwrap();
                let all = value(&with).unwrap();
                assert_eq!(all["hooks"][event].as_array().unwrap().last(), Some(&ours));
                assert_eq!(remove_items(&with, &path, is_ours).unwrap(), text, "{with}");
            }
        }
    }

    #[test]
    fn entries_are_written_like_the_rest_of_the_file() {
        let with = push(THEIRS, &["hooks", "Start"], &json!({ "a": 1 })).unwrap();
        let end = "        ],\n        \"Start\": [\n            {\n                \"a\": 1\n            }\n        ]\n    }\n}\n";
        assert!(with.ends_with(end), "{with}");
    }

    #[test]
    fn a_value_is_set_once_and_replaced_in_place() {
        let one = set("{\n  \"a\": 1\n}\n", &["servers", "gsync"], &json!("x")).unwrap();
        assert_eq!(set(&one, &["servers", "gsync"], &json!("x")).unwrap(), one);
        let other = set(&one, &["servers", "gsync"], &json!("y")).unwrap();
        assert_eq!(other, one.replace("\"x\"", "\"y\""));
        assert_eq!(remove(&other, &["servers", "gsync"]).unwrap(), "{\n  \"a\": 1\n}\n");
    }

    #[test]
    fn what_is_no_json_or_no_object_is_left_alone() {
        assert_eq!(set("{ // comment\n}", &["a"], &json!(1)), None);
        assert_eq!(set("", &["a"], &json!(1)), None);
        assert_eq!(set("{\"a\": null}", &["a", "b"], &json!(1)), None);
        assert_eq!(push("{\"hooks\": {\"Stop\": null}}", &["hooks", "Stop"], &json!(1)), None);
    }
}
