//! `[guard]`: what may not leave, the kinds of secrets, and the exceptions.

mod check;

use serde::{Deserialize, Deserializer};

use super::schema::{Size, span};
use crate::base::{Span, Time};

pub use check::OTHER_RULES;
pub(super) use check::check;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Guard {
    /// gitignore patterns of files that are never committed.
    pub protected: Vec<String>,
    pub max_file_size: Size,
    pub secrets: bool,
    pub conflict_markers: bool,
    /// Branches that are never deleted nor rewritten.
    pub protected_branches: Vec<String>,
    /// How long judging may take. What was not judged by then is refused.
    #[serde(deserialize_with = "span")]
    pub time_limit: Span,
    pub allow: Vec<Allow>,
    /// Kinds of secrets: new ones, and changes of those that are built in.
    pub rule: Vec<SecretRule>,
}

/// An exception: this rule (`*`: every rule) does not hold for these paths, or for this value.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allow {
    pub path: Option<String>,
    pub rule: String,
    /// The value that is meant, as a finding names it.
    pub fingerprint: Option<String>,
    pub reason: Option<String>,
    /// The last day on which it holds.
    #[serde(default, deserialize_with = "day")]
    pub expires: Option<Time>,
}

/// One kind of secret. What is not said is as in the rule that is built in by that id.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecretRule {
    pub id: String,
    pub about: Option<String>,
    pub keywords: Option<Vec<String>>,
    pub regex: Option<String>,
    pub near: Option<String>,
    pub value: Option<String>,
    pub check: Option<Check>,
    pub entropy: Option<f64>,
    pub loose: Option<bool>,
    pub edges: Option<bool>,
    pub glued: Option<bool>,
    pub coded: Option<bool>,
    pub inside: Option<bool>,
    pub password: Option<bool>,
    pub lines: Option<usize>,
    pub off: Option<bool>,
}

impl Eq for SecretRule {}

/// A checksum inside of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Check {
    Github,
    Npm,
}

/// A compiled pattern may take so many bytes.
const PATTERN_SIZE: usize = 4 << 20;

/// The rules that are built in: `templates/secrets.toml`, of which `build.rs` makes JSON.
const SECRETS: &[&str] = include!(concat!(env!("OUT_DIR"), "/rules.rs"));

/// How many rules are built in.
pub const BUILT_IN_RULES: usize = SECRETS.len();

/// Reads the rule that is built in at this place.
pub fn built_in_rule(at: usize) -> Result<SecretRule, String> {
    serde_json::from_str(SECRETS[at]).map_err(|err| err.to_string())
}

/// Whether a rule with this id is built in; they are not all read for that.
pub fn is_built_in(id: &str) -> bool {
    let id = format!("\"id\":\"{id}\"");
    SECRETS.iter().any(|rule| rule.contains(&id))
}

fn built_in() -> Result<Vec<SecretRule>, String> {
    (0..BUILT_IN_RULES).map(built_in_rule).collect()
}

/// The rules that are built in, with these changes; those that are off are left out. A rule with
/// an id that is known changes what it names; any other is new.
pub fn secret_rules(changes: &[SecretRule]) -> Result<Vec<SecretRule>, String> {
    let mut rules = built_in()?;
    for change in changes {
        match rules.iter_mut().find(|rule| rule.id == change.id) {
            Some(rule) => rule.take(change),
            // A team's own pattern is taken as it stands, wherever the keyword is in it.
            None => {
                let edges = change.edges.or(Some(false));
                rules.push(SecretRule { edges, ..change.clone() });
            }
        }
    }
    rules.retain(|rule| rule.off != Some(true));
    Ok(rules)
}

impl SecretRule {
    fn take(&mut self, change: &Self) {
        fn set<T: Clone>(old: &mut Option<T>, new: Option<&T>) {
            if let Some(new) = new {
                *old = Some(new.clone());
            }
        }
        if change.regex.is_some() {
            (self.near, self.value, self.edges) = (None, None, Some(false));
        }
        if change.near.is_some() && self.regex.is_some() {
            (self.regex, self.keywords) = (None, None);
        }
        set(&mut self.about, change.about.as_ref());
        set(&mut self.keywords, change.keywords.as_ref());
        set(&mut self.regex, change.regex.as_ref());
        set(&mut self.near, change.near.as_ref());
        set(&mut self.value, change.value.as_ref());
        set(&mut self.check, change.check.as_ref());
        set(&mut self.entropy, change.entropy.as_ref());
        set(&mut self.loose, change.loose.as_ref());
        set(&mut self.edges, change.edges.as_ref());
        set(&mut self.glued, change.glued.as_ref());
        set(&mut self.coded, change.coded.as_ref());
        set(&mut self.inside, change.inside.as_ref());
        set(&mut self.password, change.password.as_ref());
        set(&mut self.lines, change.lines.as_ref());
        set(&mut self.off, change.off.as_ref());
    }

    /// The regular expression of the rule, if it has one.
    pub fn pattern(&self) -> Option<String> {
        if let Some(regex) = &self.regex {
            return Some(regex.clone());
        }
        let (_, value) = (self.near.as_ref()?, self.value.as_ref()?);
        // The rest of the name after the word, perhaps quoted, perhaps with a type; an assignment
        // in any language, perhaps through a call; the value, alone.
        let assigned = r#"[\w.\-]{0,40}\\?["'`\]]{0,2}(?:(?:\s{0,3}:)?\s{1,2}&?[Ss]tr(?:ing)?\b)?(?:\s{0,24}(?:=>|[:.?!|+]{0,3}={1,3}|:|,|\(|>)|\)?\s{0,4}(?:\|\||\?\?|\?:))\s{0,24}(?:(?:\\{0,3}["'`]){0,3}(?:[Bb]earer |[Tt]oken )?|(?:new )?[A-Za-z][\w.:]{0,30}\(\s{0,2}["'`]|[bruf@L]["'`])"#;
        // Beside a vendor's name also in words: `acme API key: ..`, `acmeToken ..`.
        let told = r#"[ _.\-]?(?:[A-Za-z]{1,16}[ _.\-]){0,2}?[A-Za-z]{0,12}(?i:key|token|secret|private|access|auth|pat|password|credential)[A-Za-z]{0,8}[ _.\-:=>]{1,4}(?:(?i:key|token|secret|access|is|was|for|to)[ _.\-:=>]{1,4}){0,3}["'`]?"#;
        let before = match self.inside {
            Some(true) => assigned.to_owned(),
            _ => format!("{assigned}|{told}"),
        };
        Some(format!(r#"\A(?:{before})({value})(?:[\\"'`\s;,)}}\]<&|]|$)"#))
    }

    /// The words of which one stands in each match.
    pub fn words(&self) -> Vec<String> {
        match (&self.near, &self.keywords) {
            (Some(near), _) if self.regex.is_none() => near.split('|').map(String::from).collect(),
            (_, Some(words)) => words.clone(),
            _ => Vec::new(),
        }
    }

    /// The pattern, ready to search with.
    pub fn compile(pattern: &str) -> Result<regex::bytes::Regex, String> {
        regex::bytes::RegexBuilder::new(pattern)
            .unicode(false)
            .size_limit(PATTERN_SIZE)
            .dfa_size_limit(PATTERN_SIZE)
            .build()
            .map_err(|err| match err {
                regex::Error::CompiledTooBig(_) => "is too large to be searched for".to_owned(),
                err => {
                    let text = err.to_string();
                    let last = text.lines().last().unwrap_or_default().trim();
                    format!("is not valid: {}", last.trim_start_matches("error: "))
                }
            })
    }
}

/// A day, of which the last second counts.
pub fn parse_day(text: &str) -> Option<Time> {
    Time::parse(&format!("{}T23:59:59Z", text.trim()))
}

fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Time>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let bad = || serde::de::Error::custom(format!("`{text}` is not a day, such as `2026-12-31`"));
    parse_day(&text).map(Some).ok_or_else(bad)
}

impl Default for Guard {
    fn default() -> Self {
        let protected = [
            ".env",
            ".env.*",
            "!.env.example",
            "*.pem",
            "*.key",
            "*_secrets.json",
            "*.db",
            "*.db-journal",
            "*.log",
            "/data/raw/",
            "/models/*.pt",
        ];
        Self {
            protected: protected.map(String::from).to_vec(),
            max_file_size: Size(10_000_000),
            secrets: true,
            conflict_markers: true,
            protected_branches: vec!["main".into()],
            time_limit: Span::seconds(300),
            allow: Vec::new(),
            rule: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_that_is_built_in_compiles_and_has_words_to_look_for_first() {
        let rules = built_in().unwrap();
        assert!(rules.len() >= 120, "{}", rules.len());
        for rule in &rules {
            let pattern = rule.pattern().unwrap();
            SecretRule::compile(&pattern).unwrap_or_else(|why| panic!("{} {why}", rule.id));
            assert!(rule.words().iter().all(|word| word.len() >= 2), "{}", rule.id);
            assert!(!rule.words().is_empty(), "{}", rule.id);
            assert!(rule.about.as_ref().is_some_and(|about| !about.is_empty()), "{}", rule.id);
            assert!(is_built_in(&rule.id), "{}", rule.id);
            let again = rules.iter().filter(|other| other.id == rule.id).count();
            assert_eq!(again, 1, "{}", rule.id);
        }
    }
}
