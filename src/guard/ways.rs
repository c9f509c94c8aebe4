//! Ways out: what a person can do about a finding, as commands that can be pasted.

use super::Finding;
use crate::base::{CommitId, RepoPath, count, shell_quote};

/// Where the finding stands in the work of the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// In the index; `born`: there is a commit to restore from.
    Staged { born: bool },
    /// In a commit that is on its way.
    Committed {
        /// The branch it is on its way from, unless it is checked out.
        elsewhere: Option<String>,
        /// New commits on top of it.
        above: usize,
        /// Its first parent, if it has one.
        parent: Option<CommitId>,
    },
    /// Behind a ref that is no branch, or in no commit at all.
    Loose,
    /// In the work tree.
    Tree,
}

/// What can be done, the best first. `below`: the person stands below the top of the work tree.
pub fn out(finding: &Finding, standing: &Standing, below: bool) -> Vec<String> {
    if finding.rule == "unknown" {
        return Vec::new();
    }
    if let Some(hit) = &finding.secret {
        return of_a_secret(finding, hit.fingerprint.as_str(), standing, below);
    }
    let leave = finding.place.reference.as_ref().map(|name| format!("push without {name}"));
    let Some(path) = &finding.place.path else { return leave.into_iter().collect() };
    let arg = argument(path, below);
    let resolve = finding.rule == "conflict-markers";
    let mut hints = Vec::new();
    match standing {
        Standing::Staged { .. } if resolve => {
            hints.push(format!("resolve the conflict, then `git add {arg}`"));
        }
        Standing::Staged { born: true } => hints.push(format!("git restore --staged {arg}")),
        Standing::Staged { born: false } => hints.push(format!("git rm --cached {arg}")),
        Standing::Loose => hints.extend(leave),
        Standing::Tree if resolve => hints.push("resolve the conflict".to_owned()),
        Standing::Tree => hints.push(format!("git rm --cached {arg}")),
        Standing::Committed { elsewhere, above: 0, .. } => {
            let first = switch(elsewhere.as_deref());
            hints.push(if resolve {
                format!("resolve the conflict, then `{first}git add {arg} && git commit --amend`")
            } else {
                format!("{first}git rm --cached {arg} && git commit --amend --no-edit")
            });
        }
        Standing::Committed { elsewhere, above, parent } => {
            hints.push(rewrite(finding, elsewhere.as_deref(), *above, parent.as_ref()));
        }
    }
    let pattern = pattern(path);
    if let (Some(pattern), Standing::Staged { .. }, "protected-file", false) =
        (&pattern, standing, finding.rule, below)
    {
        let line = shell_quote(pattern);
        hints.push(format!("ignore it from now on: `echo {line} >> .gitignore`"));
    }
    if finding.rule != "dot-git"
        && let Some(pattern) = pattern.and_then(|pattern| toml(&pattern))
    {
        let rule = finding.rule;
        let entry = format!("{{ path = {pattern}, rule = \"{rule}\" }}");
        hints.push(format!("allow it in .gsync.toml under [guard]: allow = [{entry}]"));
    }
    hints
}

/// Nobody rewrites years of history for it: what can be done about a finding among all that
/// ever was.
pub fn of_the_past(finding: &mut Finding) {
    let hints = &mut finding.hints;
    hints.retain(|hint| !hint.starts_with("rewrite ") && !hint.contains("git commit --amend"));
    if finding.secret.is_some() {
        let all = "let all secrets pass that are there already: `gsync guard baseline`";
        hints.insert(hints.len().min(1), all.to_owned());
    }
}

/// What has to be typed first where the commit is on another branch.
fn switch(elsewhere: Option<&str>) -> String {
    elsewhere.map(|branch| format!("git switch {} && ", shell_quote(branch))).unwrap_or_default()
}

/// The way to change a commit that others stand on.
fn rewrite(
    finding: &Finding,
    elsewhere: Option<&str>,
    above: usize,
    parent: Option<&CommitId>,
) -> String {
    let from = parent.map_or("--root", CommitId::short);
    let branch = elsewhere.map(|name| format!(" {}", shell_quote(name))).unwrap_or_default();
    let commit = finding.place.commit.as_ref().map_or("the commit", CommitId::short);
    let above = count(above, "commit");
    format!("rewrite {commit} and {above} on top of it: `git rebase -i {from}{branch}`")
}

/// A secret is taken out of what it stands in; where it may have been seen, only its owner can
/// make it useless.
fn of_a_secret(finding: &Finding, print: &str, standing: &Standing, below: bool) -> Vec<String> {
    let mut hints = Vec::new();
    let named = finding.message.starts_with("has a name");
    let path = finding.place.path.as_ref().filter(|_| !named).map(|path| argument(path, below));
    let mend = match (&path, named) {
        (Some(path), _) => format!("take it out, then `git add {path}"),
        (None, true) => "rename the file, then `git add -A".to_owned(),
        (None, false) => String::new(),
    };
    let by_name = finding.message.starts_with("the author's name")
        || finding.message.starts_with("the committer's name");
    match standing {
        Standing::Committed { elsewhere, above: 0, .. } if by_name => {
            let first = switch(elsewhere.as_deref());
            hints.push(format!(
                "set another `user.name`, then `{first}git commit --amend --reset-author --no-edit`"
            ));
        }
        Standing::Staged { .. } => hints.push(format!("{mend}`")),
        Standing::Tree => hints.push("take it out".to_owned()),
        Standing::Loose if finding.place.commit.is_none() => {
            hints.push("make that ref anew, without it".to_owned());
        }
        Standing::Loose => hints.push("make that commit anew, without it".to_owned()),
        Standing::Committed { elsewhere, above: 0, .. } => {
            let first = switch(elsewhere.as_deref());
            hints.push(match mend.is_empty() {
                true => format!("say it without: `{first}git commit --amend`"),
                false => format!("{mend} && {first}git commit --amend --no-edit`"),
            });
        }
        Standing::Committed { elsewhere, above, parent } => {
            hints.push(rewrite(finding, elsewhere.as_deref(), *above, parent.as_ref()));
        }
    }
    hints.push("make it useless where it was issued, if anybody may have seen it".to_owned());
    hints.push(format!(
        "let this value pass: `gsync guard allow {print} --reason WHY --expires YYYY-MM-DD`"
    ));
    hints
}

/// The path as one word of a command line that means this file and no other.
pub fn argument(path: &RepoPath, below: bool) -> String {
    let bytes = path.as_bytes();
    let magic = bytes.starts_with(b":") || bytes.iter().any(|byte| b"*?[\\".contains(byte));
    let front = match (magic, below) {
        (false, false) => "",
        (false, true) => ":/",
        (true, false) => ":(literal)",
        (true, true) => ":(top,literal)",
    };
    let dashes = if bytes.starts_with(b"-") && front.is_empty() { "-- " } else { "" };
    match std::str::from_utf8(bytes) {
        Ok(text) if path.quoted() == text || !text.chars().any(hostile) => {
            format!("{dashes}{}", shell_quote(&format!("{front}{text}")))
        }
        _ => {
            let mut word = String::new();
            for byte in bytes {
                match byte {
                    b'\'' | b'\\' => word.push_str(&format!("\\{}", char::from(*byte))),
                    b' '..=b'~' => word.push(char::from(*byte)),
                    _ => word.push_str(&format!("\\{byte:03o}")),
                }
            }
            format!("{dashes}$'{front}{word}'")
        }
    }
}

/// What must not reach a terminal, nor a line of its own.
fn hostile(c: char) -> bool {
    c.is_control()
        || RepoPath::from(c.to_string().as_str()).quoted() != c.to_string() && !c.is_ascii()
}

/// The path as a pattern that matches this file and no other, where that can be written down
/// in one readable line.
fn pattern(path: &RepoPath) -> Option<String> {
    let text = std::str::from_utf8(path.as_bytes()).ok()?;
    if text.chars().any(hostile) || text.ends_with(' ') {
        return None;
    }
    let mut pattern = String::from("/");
    for c in text.chars() {
        if "*?[\\".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    Some(pattern)
}

/// The strings of JSON without control characters are strings of TOML too.
fn toml(text: &str) -> Option<String> {
    serde_json::to_string(text).ok()
}

#[cfg(test)]
mod tests {
    use super::super::{Place, Severity};
    use super::*;

    fn finding(rule: &'static str, path: &[u8]) -> Finding {
        let place = Place {
            path: Some(RepoPath::new(path)),
            commit: Some(CommitId::new("c".repeat(40))),
            reference: None,
        };
        Finding::new(rule, Severity::Error, place, "m".into())
    }

    #[test]
    fn the_way_out_fits_the_place() {
        let found = finding("protected-file", b".env");
        let first = |standing: Standing| out(&found, &standing, false).remove(0);
        assert_eq!(first(Standing::Staged { born: true }), "git restore --staged .env");
        assert_eq!(first(Standing::Staged { born: false }), "git rm --cached .env");
        let committed =
            |elsewhere: Option<&str>, above, parent: Option<char>| Standing::Committed {
                elsewhere: elsewhere.map(String::from),
                above,
                parent: parent.map(|letter| CommitId::new(letter.to_string().repeat(40))),
            };
        assert_eq!(
            first(committed(None, 0, Some('a'))),
            "git rm --cached .env && git commit --amend --no-edit"
        );
        assert_eq!(
            first(committed(Some("topic"), 2, Some('a'))),
            "rewrite ccccccc and 2 commits on top of it: `git rebase -i aaaaaaa topic`"
        );
        assert_eq!(
            first(committed(None, 1, None)),
            "rewrite ccccccc and 1 commit on top of it: `git rebase -i --root`"
        );
    }

    #[test]
    fn a_hostile_path_is_one_word_and_one_line() {
        assert_eq!(argument(&"a b".into(), false), "'a b'");
        assert_eq!(argument(&"it's".into(), false), "'it'\\''s'");
        assert_eq!(argument(&"-rf".into(), false), "-- -rf");
        assert_eq!(argument(&"a*".into(), false), "':(literal)a*'");
        assert_eq!(argument(&"a\nb'\u{1b}[2J".into(), false), "$':(literal)a\\012b\\'\\033[2J'");
        assert_eq!(argument(&RepoPath::new(&b"\xff.pem"[..]), false), "$'\\377.pem'");
        assert_eq!(argument(&"-a".into(), true), ":/-a");
        assert_eq!(argument(&"a*".into(), true), "':(top,literal)a*'");
        for path in [&b"a\n"[..], b"\xff", b"a "] {
            assert_eq!(pattern(&RepoPath::new(path)), None);
        }
        let exact = pattern(&"a\"b*".into()).unwrap();
        assert_eq!(exact, "/a\"b\\*");
        assert_eq!(toml(&exact).unwrap(), "\"/a\\\"b\\\\*\"");
    }
}
