//! Our parts into a file and out of it again. Everything else in it stays as it is.

use serde_json::Value;

use super::files::{BEGIN, END, MARK, OURS, Part, Target};
use super::json;

/// Why a file is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is no JSON or TOML, or has comments in it.
    Unreadable,
    /// Somebody else's entry or file stands in our place.
    Theirs,
}

/// The text of a file with our parts in it. The same text again if all is there already.
pub fn put_in(text: Option<&str>, target: &Target) -> Result<String, Why> {
    let mut now = match text {
        Some(text) if !text.trim().is_empty() => text.to_owned(),
        _ if target.path.ends_with(".json") => "{}\n".to_owned(),
        other => other.unwrap_or_default().to_owned(),
    };
    for part in &target.parts {
        now = match part {
            Part::Hook { path, value } => hook(&now, path, value)?,
            Part::Member { path, value } => member(&now, path, value)?,
            Part::Needs { path, value } => match at(&now, path)? {
                Some(_) => now,
                None => json::set(&now, path, value).ok_or(Why::Unreadable)?,
            },
            Part::Section(section) => into_section(&now, section, &target.path)?,
            Part::Whole(whole) => match text {
                Some(there) if !there.contains(OURS) && there != whole => return Err(Why::Theirs),
                _ => whole.clone(),
            },
        };
    }
    Ok(now)
}

/// The text of a file without our parts; nothing if nothing but ours was in it.
pub fn take_out(text: &str, target: &Target) -> Option<String> {
    let mut now = text.to_owned();
    for part in &target.parts {
        now = match part {
            Part::Hook { .. } => without_hooks(&now),
            Part::Member { path, value } => match at(&now, path) {
                Ok(Some(there)) if there == *value => json::remove(&now, path).unwrap_or(now),
                _ => now,
            },
            Part::Needs { .. } => now,
            Part::Section(_) => without_section(&now),
            Part::Whole(_) if now.contains(OURS) => return None,
            Part::Whole(_) => now,
        };
    }
    let needed = target.parts.iter().find_map(|part| match part {
        Part::Needs { path: [name], value } => Some(((*name).to_owned(), value.clone())),
        _ => None,
    });
    let bare = match json::value(&now) {
        Some(Value::Object(map)) => map.into_iter().all(|member| Some(member) == needed),
        _ => now.trim().is_empty(),
    };
    (!bare).then_some(now)
}

fn at(text: &str, path: &[&str]) -> Result<Option<Value>, Why> {
    let mut value = json::value(text).ok_or(Why::Unreadable)?;
    if !value.is_object() {
        return Err(Why::Unreadable);
    }
    for name in path {
        match value.get_mut(name) {
            Some(below) => value = below.take(),
            None => return Ok(None),
        }
    }
    Ok(Some(value))
}

/// The commands of a hook entry, in either form.
fn commands(entry: &Value) -> Vec<&str> {
    let flat = entry["command"].as_str();
    let grouped = entry["hooks"].as_array().into_iter().flatten();
    flat.into_iter().chain(grouped.filter_map(|hook| hook["command"].as_str())).collect()
}

/// Whether an entry has no command but ours.
fn is_ours(entry: &Value) -> bool {
    let commands = commands(entry);
    !commands.is_empty() && commands.iter().all(|command| command.contains(MARK))
}

/// Puts a hook in. An entry that somebody has put together with theirs is as good as ours.
fn hook(text: &str, path: &[&str; 2], value: &Value) -> Result<String, Why> {
    let wanted = commands(value);
    let there = at(text, path)?;
    let entries = match &there {
        None => &[][..],
        Some(Value::Array(entries)) => entries,
        Some(_) => return Err(Why::Unreadable),
    };
    let fits = |entry: &&Value| {
        *entry == value || !is_ours(entry) && commands(entry).iter().any(|it| wanted.contains(it))
    };
    let ours = entries.iter().filter(|entry| is_ours(entry)).count();
    if entries.iter().any(|entry| fits(&entry)) && ours <= 1 {
        return Ok(text.to_owned());
    }
    let text = match ours {
        0 => text.to_owned(),
        _ => json::remove_items(text, path, is_ours).ok_or(Why::Unreadable)?,
    };
    json::push(&text, path, value).ok_or(Why::Unreadable)
}

fn without_hooks(text: &str) -> String {
    let Some(value) = json::value(text) else { return text.to_owned() };
    let events: Vec<String> =
        value["hooks"].as_object().into_iter().flat_map(|all| all.keys().cloned()).collect();
    events.iter().fold(text.to_owned(), |text, event| {
        let has = |value: &Value| {
            value["hooks"][event].as_array().is_some_and(|all| all.iter().any(is_ours))
        };
        match json::value(&text) {
            Some(value) if has(&value) => {
                json::remove_items(&text, &["hooks", event], is_ours).unwrap_or(text)
            }
            _ => text,
        }
    })
}

fn member(text: &str, path: &[&str], value: &Value) -> Result<String, Why> {
    match at(text, path)? {
        // Somebody has set it up in another way, and knows why.
        Some(there) if there != *value => Ok(text.to_owned()),
        _ => json::set(text, path, value).ok_or(Why::Unreadable),
    }
}

/// The place of our section: from the beginning of its first line to the end of its last.
fn section_of(text: &str) -> Option<(usize, usize)> {
    let begin = text.find(BEGIN)?;
    let start = text[..begin].rfind('\n').map_or(0, |newline| newline + 1);
    let end = begin + text[begin..].find(END)?;
    let end = text[end..].find('\n').map_or(text.len(), |newline| end + newline + 1);
    Some((start, end))
}

fn into_section(text: &str, section: &str, path: &str) -> Result<String, Why> {
    let is_toml = path.ends_with(".toml");
    if is_toml && text.parse::<toml::Table>().is_err() {
        return Err(Why::Unreadable);
    }
    let now = match section_of(text) {
        Some((start, end)) => format!("{}{section}{}", &text[..start], &text[end..]),
        // Half a section: somebody has been at it.
        None if text.contains(BEGIN) => return Err(Why::Theirs),
        None if text.is_empty() => section.to_owned(),
        None => {
            let newline = if text.ends_with('\n') { "" } else { "\n" };
            format!("{text}{newline}\n{section}")
        }
    };
    // The same table twice: it is set up in another way already.
    if is_toml && now.parse::<toml::Table>().is_err() {
        return Err(Why::Theirs);
    }
    Ok(now)
}

fn without_section(text: &str) -> String {
    let Some((start, end)) = section_of(text) else { return text.to_owned() };
    let before = &text[..start];
    let before = before.strip_suffix("\n\n").map_or(before, |_| &before[..before.len() - 1]);
    format!("{before}{}", &text[end..])
}

#[cfg(test)]
mod tests {
    use super::super::files::{Agent, targets};
    use super::*;

    const THEIRS: &str = "{\n  \"permissions\": { \"allow\": [\"Bash(ls)\"] },\n  \"hooks\": {\n    \"Stop\": [\n      { \"hooks\": [ { \"type\": \"command\", \"command\": \"theirs\" } ] }\n    ]\n  },\n  \"mcpServers\": {\"other\": {\"command\": \"x\"}}\n}\n";

    #[test]
    fn every_file_comes_out_as_it_went_in_and_nothing_is_there_twice() {
        for target in targets(&Agent::ALL) {
            let new = put_in(None, &target).unwrap();
            assert_eq!(put_in(Some(&new), &target).unwrap(), new, "{}", target.path);
            assert_eq!(take_out(&new, &target), None, "{}: {new}", target.path);
            let theirs = match &target.path {
                path if path.ends_with(".json") => THEIRS,
                path if path.ends_with("config.toml") => "model = \"x\"\n",
                path if path.ends_with(".md") && !path.contains('/') => "# Ours\n\nText.\n",
                _ => continue,
            };
            let merged = put_in(Some(theirs), &target).unwrap();
            assert_ne!(merged, theirs);
            assert_eq!(put_in(Some(&merged), &target).unwrap(), merged);
            let out = take_out(&merged, &target).unwrap();
            let expected = match target.parts[0] {
                // What every reader of the file needs stays.
                Part::Needs { .. } => json::set(theirs, &["version"], &Value::from(1)).unwrap(),
                _ => theirs.to_owned(),
            };
            assert_eq!(out, expected, "{}", target.path);
        }
    }

    #[test]
    fn entries_of_an_older_version_are_replaced_and_doubles_go() {
        let target = &targets(&[Agent::Claude])[0];
        let old = r#"{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"gsync agent-hook stop"}]},{"hooks":[{"type":"command","command":"gsync agent-hook stop"}]}]}}"#;
        let new: Value = json::value(&put_in(Some(old), target).unwrap()).unwrap();
        assert_eq!(new["hooks"]["Stop"].as_array().unwrap().len(), 1);
        assert_eq!(new["hooks"]["Stop"][0]["hooks"][0]["timeout"], 30);
    }

    #[test]
    fn what_somebody_put_together_with_theirs_is_not_put_in_again() {
        let target = &targets(&[Agent::Claude])[0];
        let new = put_in(None, target).unwrap();
        let mixed = new.replace(
            "\"hooks\": [\n          {",
            "\"hooks\": [\n          { \"type\": \"command\", \"command\": \"theirs\" },\n          {",
        );
        assert_ne!(mixed, new);
        assert_eq!(put_in(Some(&mixed), target).unwrap(), mixed);
        assert_eq!(take_out(&mixed, target).unwrap(), mixed);
    }

    #[test]
    fn what_cannot_be_read_or_is_somebody_else_s_is_left_alone() {
        let all = targets(&Agent::ALL);
        let find = |path: &str| all.iter().find(|target| target.path == path).unwrap();
        let settings = find(".claude/settings.json");
        for text in [
            "{ // comment\n}",
            "[]",
            "{\"hooks\": []}",
            "{\"hooks\": {\"Stop\": null}}",
            "\u{feff}{}",
        ] {
            assert_eq!(put_in(Some(text), settings), Err(Why::Unreadable), "{text}");
        }
        let command = find(".claude/commands/start.md");
        assert_eq!(put_in(Some("my own\n"), command), Err(Why::Theirs));
        let toml = find(".codex/config.toml");
        assert_eq!(put_in(Some("[broken"), toml), Err(Why::Unreadable));
        assert_eq!(put_in(Some("[mcp_servers.gsync]\ncommand=\"x\"\n"), toml), Err(Why::Theirs));
    }
}
