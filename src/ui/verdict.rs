//! Verdicts of the guard: in git's voice for people, as JSON and SARIF for programs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Style, Ui, talk};
use crate::base::{Exit, RepoPath, count};
use crate::guard::rules::RULES;
use crate::guard::{Finding, Scene, Severity, Verdict};

/// Findings that are printed; the rest is counted.
const SHOWN: usize = 20;
/// Ways out that are printed for a group of findings.
const HINTS: usize = 3;

impl Ui {
    /// Tells a verdict on stderr, between git's own lines, and says how to exit.
    pub fn verdict(&self, verdict: &Verdict) -> Exit {
        let text = lines(verdict, self.talk_style(), self.quiet);
        if !text.is_empty() {
            talk(text.trim_end());
        }
        self.detail(&judged(verdict));
        exit(verdict)
    }

    /// A verdict that was asked for by hand: on stdout.
    pub fn verdict_result(&self, verdict: &Verdict) -> Exit {
        if self.is_for_programs() {
            self.object(&object(verdict));
            return exit(verdict);
        }
        let mut text = lines(verdict, self.style(), self.quiet);
        if !self.quiet {
            let end = if verdict.passes() { "nothing refused" } else { "refused" };
            text += &format!("{}: {end}\n", judged(verdict));
        }
        self.result(&text);
        exit(verdict)
    }
}

fn exit(verdict: &Verdict) -> Exit {
    if verdict.passes() { Exit::Done } else { Exit::Refused }
}

/// `2 commits, 5 files judged`
fn judged(verdict: &Verdict) -> String {
    let judged = verdict.judged;
    let files = count(judged.files, "file");
    match verdict.scene {
        Scene::Commit | Scene::Tree => format!("{files} judged"),
        _ => format!("{}, {files} judged", count(judged.commits, "commit")),
    }
}

fn lines(verdict: &Verdict, style: Style, quiet: bool) -> String {
    let mut text = String::new();
    for note in &verdict.notes {
        text += &format!("{} {note}\n", style.warning("warning:"));
    }
    let (mut left, mut more) = (SHOWN, verdict.more);
    for group in groups(verdict) {
        if left == 0 {
            more += group.len();
            continue;
        }
        let word = match group[0].severity {
            Severity::Error => style.error("error:"),
            Severity::Warning => style.warning("warning:"),
        };
        text += &format!("{word} {}\n", heading(verdict.scene, &group));
        for finding in group.iter().take(left) {
            if finding.place.path.is_some() {
                text += &format!("{} {}\n", style.dim("because:"), sentence(finding));
            }
            for line in &finding.because {
                text += &format!("{} {line}\n", style.dim("because:"));
            }
        }
        let hidden = group.len().saturating_sub(left);
        if hidden > 0 {
            text += &format!("{} and {hidden} more\n", style.dim("because:"));
        }
        left = left.saturating_sub(group.len());
        if !quiet {
            for hint in hints(&group) {
                text += &format!("{} {hint}\n", style.hint("hint:"));
            }
        }
    }
    if more > 0 {
        text += &format!("{} and {more} more\n", style.error("error:"));
    }
    text
}

/// Findings about files by rule; each other finding stands alone. Errors come first.
fn groups(verdict: &Verdict) -> Vec<Vec<&Finding>> {
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    // Not all may be shown: what cannot be taken back comes first.
    let last = |group: &Vec<&Finding>| {
        (group[0].severity == Severity::Warning, group[0].rule != crate::guard::rules::SECRET)
    };
    for severity in [Severity::Error, Severity::Warning] {
        for finding in verdict.findings.iter().filter(|found| found.severity == severity) {
            let like = |group: &&mut Vec<&Finding>| {
                group[0].rule == finding.rule
                    && group[0].severity == severity
                    && group[0].place.path.is_some()
                    && finding.place.path.is_some()
            };
            match groups.iter_mut().find(like) {
                Some(group) => group.push(finding),
                None => groups.push(vec![finding]),
            }
        }
    }
    groups.sort_by_key(last);
    groups
}

fn heading(scene: Scene, group: &[&Finding]) -> String {
    let first = group[0];
    if first.place.path.is_none() {
        let about = is_about_contents(first.rule) && first.message.starts_with("has ");
        let place = first.place.reference.as_ref().filter(|_| about);
        return match place {
            Some(name) => format!("{} {}", crate::base::plain(name.as_str()), first.message),
            None => first.message.clone(),
        };
    }
    let subject = match scene {
        Scene::Commit => "this commit would add",
        Scene::Push | Scene::Receive => "this push would publish",
        Scene::Range if group.len() == 1 => "a commit adds",
        Scene::Range => "the commits add",
        Scene::Tree => "the work tree has",
    };
    let (one, many) = match first.rule {
        "protected-file" => ("a protected file", "protected files"),
        "file-size" => ("a file that is too large", "files that are too large"),
        "conflict-markers" => {
            ("a conflict that is not resolved", "conflicts that are not resolved")
        }
        "secret" => ("a secret", "secrets"),
        "dot-git" => ("a path that is not safe", "paths that are not safe"),
        "unknown" => ("a file that cannot be judged", "files that cannot be judged"),
        _ => ("what a rule forbids", "things that a rule forbids"),
    };
    match group.len() {
        1 => format!("{subject} {one}"),
        n => format!("{subject} {n} {many}"),
    }
}

fn is_about_contents(rule: &str) -> bool {
    RULES.iter().any(|known| known.id == rule)
}

/// `.env in a1b2c3d matches ..`
fn sentence(finding: &Finding) -> String {
    let path = finding.place.path.as_ref().map(RepoPath::quoted).unwrap_or_default();
    match &finding.place.commit {
        Some(commit) => format!("{path} in {} {}", commit.short(), finding.message),
        None => format!("{path} {}", finding.message),
    }
}

/// Of several findings one hint of each kind, so that no way out is missing; then those of the
/// other findings, each once.
fn hints(group: &[&Finding]) -> Vec<String> {
    if let Some(all) = joined(group) {
        return vec![all];
    }
    let kinds = (0..HINTS).filter_map(|at| group.iter().find_map(|found| found.hints.get(at)));
    let all = (0..HINTS).flat_map(|at| group.iter().filter_map(move |found| found.hints.get(at)));
    let mut hints: Vec<String> = Vec::new();
    for hint in kinds.chain(all) {
        if !hints.contains(hint) {
            hints.push(hint.clone());
        }
        if hints.len() == HINTS {
            break;
        }
    }
    hints
}

/// One command for all findings, if their first hints are the same command on other paths.
fn joined(group: &[&Finding]) -> Option<String> {
    let first = group.get(1).and(group[0].hints.first())?;
    let front = ["git restore --staged ", "git rm --cached "]
        .into_iter()
        .find(|front| first.starts_with(front))?;
    let words: Option<Vec<&str>> = group
        .iter()
        .take(SHOWN)
        .map(|finding| finding.hints.first()?.strip_prefix(front))
        .filter(|word| word.is_none_or(|word| !word.starts_with("-- ")))
        .collect();
    let words = words.filter(|words| !words.iter().any(|word| word.contains(" && ")))?;
    if words.is_empty() {
        return None;
    }
    Some(format!("{front}{}", words.join(" ")))
}

fn object(verdict: &Verdict) -> Value {
    let findings: Vec<Value> = verdict
        .findings
        .iter()
        .map(|finding| {
            let mut value = serde_json::to_value(finding).unwrap_or_default();
            if finding.place.path.is_some() {
                value["message"] = json!(sentence(finding));
            }
            value
        })
        .collect();
    let mut object = json!({
        "ok": verdict.passes(),
        "judged": verdict.judged,
        "findings": findings,
        "more": verdict.more,
        "notes": verdict.notes,
    });
    if !verdict.passes() {
        let errors = verdict.findings.iter().filter(|found| found.severity == Severity::Error);
        let total = errors.clone().count() + verdict.more;
        let hints: Vec<&String> = errors.filter_map(|found| found.hints.first()).take(3).collect();
        object["error"] = json!({
            "exit": Exit::Refused.code(),
            "code": "guard",
            "message": format!("the guard refuses: {}", count(total, "finding")),
            "hints": hints,
        });
    }
    object
}

/// The kinds of secrets that were found, each once.
fn kinds(verdict: &Verdict) -> BTreeMap<&str, &str> {
    let hits = verdict.findings.iter().filter_map(|finding| finding.secret.as_ref());
    hits.map(|hit| (&*hit.kind, &*hit.about)).collect()
}

/// SARIF 2.1.0, for code scanning and editors.
pub fn sarif(verdict: &Verdict) -> Value {
    let rules: Vec<Value> = RULES
        .iter()
        .map(|rule| (rule.id, rule.about))
        .chain(kinds(verdict))
        .map(|(id, about)| json!({ "id": id, "shortDescription": { "text": about } }))
        .collect();
    let results: Vec<Value> = verdict
        .findings
        .iter()
        .map(|finding| {
            let level = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            let text = match finding.place.path {
                Some(_) => sentence(finding),
                None => finding.message.clone(),
            };
            let mut result = json!({
                "ruleId": finding.secret.as_ref().map_or(finding.rule, |hit| &hit.kind),
                "level": level,
                "message": { "text": text },
                "properties": {
                    "commit": finding.place.commit,
                    "reference": finding.place.reference,
                    "hints": finding.hints,
                },
            });
            if let Some(path) = &finding.place.path {
                let location = json!({ "uri": uri(path), "uriBaseId": "%SRCROOT%" });
                let mut place = json!({ "artifactLocation": location });
                if let Some(hit) = &finding.secret {
                    place["region"] = json!({ "startLine": hit.line, "startColumn": hit.column });
                }
                result["locations"] = json!([{ "physicalLocation": place }]);
            }
            if let Some(hit) = &finding.secret {
                result["partialFingerprints"] = json!({ "gsync/v1": hit.fingerprint });
                result["properties"]["confidence"] = json!(hit.confidence);
            }
            result
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "gsync",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "results": results,
        }],
    })
}

/// The path as a relative URI: every byte that is not plain becomes `%XX`.
fn uri(path: &RepoPath) -> String {
    let mut uri = String::new();
    for byte in path.as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                uri.push(char::from(*byte));
            }
            _ => uri += &format!("%{byte:02X}"),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Place;

    fn finding(rule: &'static str, path: &str) -> Finding {
        let place = Place { path: Some(path.into()), ..Place::default() };
        let message = "matches `.env` in .gsync.toml".into();
        let hints = vec![format!("git restore --staged {path}")];
        Finding { hints, ..Finding::new(rule, Severity::Error, place, message) }
    }

    #[test]
    fn one_finding_is_told_in_three_lines() {
        let mut verdict = Verdict::new(Scene::Commit);
        verdict.add(finding("protected-file", ".env"));
        assert_eq!(
            lines(&verdict, Style::new(false), false),
            "error: this commit would add a protected file\n\
             because: .env matches `.env` in .gsync.toml\n\
             hint: git restore --staged .env\n"
        );
    }

    #[test]
    fn many_findings_are_grouped_and_counted() {
        let mut verdict = Verdict::new(Scene::Push);
        (0..25).for_each(|n| verdict.add(finding("protected-file", &format!("{n}/.env"))));
        verdict.add(finding("file-size", "big"));
        verdict.more = 3;
        let text = lines(&verdict, Style::new(false), false);
        assert!(text.starts_with("error: this push would publish 25 protected files\n"), "{text}");
        assert!(text.contains("because: and 5 more\n"), "{text}");
        assert!(text.contains("hint: git restore --staged 0/.env 1/.env 2/.env"), "{text}");
        assert_eq!(text.matches("hint:").count(), 1, "{text}");
        assert!(text.ends_with("error: and 4 more\n"), "{text}");
    }

    #[test]
    fn a_uri_has_no_odd_bytes() {
        assert_eq!(uri(&RepoPath::new(&b"a b/\xff%\n"[..])), "a%20b/%FF%25%0A");
    }
}
