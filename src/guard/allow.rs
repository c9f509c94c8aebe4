//! Exceptions as plans: one value written into `.gsync.toml`, all that is known into a baseline.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::secrets::Sum;
use crate::base::{File, Problem, plain};
use crate::config::{self, Allow};
use crate::plan::{Plan, Step};

/// What is there now.
#[derive(Debug, Clone)]
pub struct AllowFacts {
    /// Where the settings are, or will be.
    pub path: PathBuf,
    pub file: Option<File>,
}

/// The plan that lets one value pass.
pub fn allow(facts: &AllowFacts, entry: &Allow) -> Result<Plan, Problem> {
    let old = facts.file.as_ref().map(|file| file.bytes.0.as_slice()).unwrap_or_default();
    let before = config::parse(config::FILE, old)?;
    let print = entry.fingerprint.as_deref().unwrap_or_default();
    let plan = Plan::new(format!("let the secret {print} pass"));
    if before.guard.allow.contains(entry) {
        return Ok(plan.note("it passes already"));
    }
    let by_hand = || {
        Problem::refuse("allow", format!("{} cannot be edited without harm", config::FILE))
            .hint(format!("write it there by hand: `{}`", inline(entry)))
    };
    let text = std::str::from_utf8(old).map_err(|_| by_hand())?;
    let text = with(text, entry).ok_or_else(by_hand)?;
    // Whatever was there stays, and exactly this is new.
    let mut wanted = before;
    wanted.guard.allow.push(entry.clone());
    if config::parse(config::FILE, text.as_bytes())? != wanted {
        return Err(by_hand());
    }
    let mut file = facts.file.clone().unwrap_or_else(|| File::text(""));
    file.bytes.0 = text.into_bytes();
    let write = Step::Write { path: facts.path.clone(), file: Some(file) };
    Ok(plan.then(write).note(format!(
        "commit and push {} before what it lets pass: the hub judges by the rules that it has",
        config::FILE
    )))
}

/// The text with one entry more. Nothing else in it changes.
fn with(text: &str, entry: &Allow) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Top {
        guard: Option<Guard>,
    }
    #[derive(serde::Deserialize)]
    struct Guard {
        allow: Option<toml::Spanned<Vec<toml::Table>>>,
    }
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let top: Top = toml::from_str(text).ok()?;
    if let Some(allow) = top.guard.and_then(|guard| guard.allow) {
        let span = allow.span();
        let list = text.get(span.clone())?;
        if list.starts_with('[') && !list.starts_with("[[") {
            let inner = list.strip_suffix(']')?;
            let body = inner.trim_end();
            let remark = body.lines().last().is_some_and(|line| line.contains('#'));
            let comma = if body == "[" || body.ends_with(',') { "" } else { "," };
            let new = if list.contains('\n') {
                // A comma after a remark would be part of it.
                let ends = body.lines().last().and_then(|line| line.split('#').next());
                let ended = ends.is_some_and(|line| line.trim_end().ends_with(','));
                let comma = if remark && ended { "" } else { comma };
                if remark && !ended {
                    return None;
                }
                format!("{body}{comma}{end}  {},{}]", inline(entry), &inner[body.len()..])
            } else {
                let space = if body == "[" { "" } else { " " };
                format!("{body}{comma}{space}{}{}]", inline(entry), &inner[body.len()..])
            };
            return Some(format!("{}{new}{}", &text[..span.start], &text[span.end..]));
        }
    }
    let mut text = text.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text += end;
    }
    if !text.is_empty() {
        text += end;
    }
    text += &format!("[[guard.allow]]{end}");
    for (key, value) in fields(entry) {
        text += &format!("{key} = {value}{end}");
    }
    Some(text)
}

fn inline(entry: &Allow) -> String {
    let fields: Vec<String> =
        fields(entry).into_iter().map(|(key, value)| format!("{key} = {value}")).collect();
    format!("{{ {} }}", fields.join(", "))
}

fn fields(entry: &Allow) -> Vec<(&'static str, String)> {
    // The strings of JSON without control characters are strings of TOML too.
    let text = |text: &str| serde_json::to_string(&plain(text)).unwrap_or_default();
    let mut fields = vec![("rule", text(&entry.rule))];
    fields.extend(entry.path.as_ref().map(|path| ("path", text(path))));
    fields.extend(entry.fingerprint.as_ref().map(|print| ("fingerprint", text(print))));
    fields.extend(entry.reason.as_ref().map(|reason| ("reason", text(reason))));
    let day = entry.expires.map(crate::base::Time::rfc3339);
    let day = day.and_then(|day| day.split('T').next().map(text));
    fields.extend(day.map(|day| ("expires", day)));
    fields
}

/// The plan that lets everything pass that was found.
pub fn baseline(facts: &AllowFacts, prints: &BTreeSet<Sum>) -> Plan {
    let prints: BTreeSet<String> = prints.iter().map(Sum::text).collect();
    let mut text = "{\n  \"gsync\": 1,\n  \"fingerprints\": [".to_owned();
    for (at, print) in prints.iter().enumerate() {
        text += &format!("{}\n    \"{print}\"", if at == 0 { "" } else { "," });
    }
    text += if prints.is_empty() { "]\n}\n" } else { "\n  ]\n}\n" };
    let plan = Plan::new(format!("baseline of {}", crate::base::count(prints.len(), "secret")));
    if facts.file.as_ref().is_some_and(|file| file.bytes.0 == text.as_bytes()) {
        return plan.note("the baseline is as it should be");
    }
    if facts.file.is_none() && prints.is_empty() {
        return plan.note("no secret was found that would have to pass");
    }
    let dir = facts.path.parent().map(|dir| Step::MakeDir { dir: dir.to_owned() });
    let write = Step::Write { path: facts.path.clone(), file: Some(File::text(text)) };
    let plan = plan.then_all(dir).then(write);
    let plan = match prints.is_empty() {
        true => plan,
        false => plan
            .note("these values pass from now on: make each of them useless where it was issued"),
    };
    plan.note("commit and push .gsync/baseline.json: the hub judges by the one that it has")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Allow {
        Allow {
            path: None,
            rule: "secret".into(),
            fingerprint: Some("0123456789abcdef".into()),
            reason: Some("made \"up\"".into()),
            expires: config::parse_day("2027-01-31"),
        }
    }

    fn written(text: &str) -> Result<String, Problem> {
        let file = (!text.is_empty()).then(|| File::text(text));
        let plan = allow(&AllowFacts { path: "/x".into(), file }, &entry())?;
        let Some(Step::Write { file: Some(file), .. }) = plan.steps.first() else {
            return Ok(text.to_owned());
        };
        Ok(String::from_utf8(file.bytes.0.clone()).unwrap())
    }

    #[test]
    fn one_entry_is_added_and_nothing_else_changes() {
        let shapes = [
            "",
            "[hub]\nbranch = \"main\" # ours",
            "[guard]\nallow = []\n# end\n",
            "[guard]\nallow = [{ rule = \"*\", path = \"a]b\" }] # why\n[hub]\n",
            "[guard]\nallow = [\n  { rule = \"*\", path = \"a\" },\n]\n",
            "[guard]\nallow = [\n  { rule = \"*\", path = \"a\" }, # a\n]\n",
            "[[guard.allow]]\nrule = \"file-size\"\n\n[hub]\nremote = \"up\"\n",
            config::TEMPLATE,
        ];
        for shape in shapes {
            let text = written(shape).unwrap_or_else(|err| panic!("{err:?}\n{shape}"));
            let config = config::parse("x", text.as_bytes()).unwrap();
            assert_eq!(config.guard.allow.last(), Some(&entry()), "{text}");
            for line in shape.lines().filter(|line| !line.starts_with("allow")) {
                assert!(text.lines().any(|kept| kept == line), "{line}\n{text}");
            }
            assert_eq!(written(&text).unwrap(), text, "twice is once");
            // The ends of lines are those of the file.
            let dos = written(&shape.replace('\n', "\r\n")).unwrap();
            if shape.contains('\n') {
                assert_eq!(dos, text.replace('\n', "\r\n"));
            }
        }
    }

    #[test]
    fn a_file_that_makes_no_sense_is_not_touched() {
        assert_eq!(written("[guard\n").unwrap_err().exit, crate::base::Exit::Usage);
    }
}
