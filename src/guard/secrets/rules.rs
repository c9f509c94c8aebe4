//! The rules, ready to search with: those that are built in, changed by those of the policy.

use std::ops::Index;
use std::sync::{Arc, OnceLock};

use regex::bytes::Regex;

use super::hit::{Print, Secret};
use crate::config::{self, Check, SecretRule};

/// One kind of secret.
#[derive(Clone)]
pub(super) struct Rule {
    pub kind: Arc<str>,
    pub about: Arc<str>,
    pub words: Vec<String>,
    pub entropy: f64,
    pub check: Option<Check>,
    pub loose: bool,
    pub password: bool,
    pub edges: bool,
    /// A word may end right where it begins.
    pub glued: bool,
    /// It is looked for in base64 too, though its form says little.
    coded: bool,
    /// The secret begins with the keyword.
    pub front: bool,
    /// Upper and lower case are the same in the form.
    pub folds: bool,
    /// A word has to stand before it: the form alone says little.
    pub named: bool,
    /// The word may stand anywhere in a name.
    pub inside: bool,
    /// The team's own pattern.
    pub own: bool,
    /// So many lines after the keyword's may belong to a match.
    pub lines: usize,
    pattern: String,
    regex: OnceLock<Option<Regex>>,
}

impl Rule {
    fn new(rule: SecretRule) -> Result<Self, String> {
        let id = rule.id.clone();
        let pattern = rule.pattern().ok_or_else(|| format!("the rule `{id}` has no regex"))?;
        let words = rule.words();
        let named = rule.regex.is_none();
        let edges = rule.edges.unwrap_or(!named);
        Ok(Self {
            kind: rule.id.into(),
            about: rule.about.unwrap_or(id).into(),
            words,
            entropy: rule.entropy.unwrap_or(0.0),
            check: rule.check,
            loose: rule.loose.unwrap_or(false),
            password: rule.password.unwrap_or(false),
            edges,
            glued: rule.glued.unwrap_or(false),
            coded: rule.coded.unwrap_or(false),
            front: edges && !rule.inside.unwrap_or(false),
            folds: pattern.contains("(?i"),
            named,
            inside: rule.inside.unwrap_or(false),
            own: false,
            lines: rule.lines.unwrap_or(0),
            pattern,
            regex: OnceLock::new(),
        })
    }

    /// The regular expression; of a rule whose secret begins with the keyword it matches only
    /// at the start of what it is given. It was compiled before if it is not ours.
    pub(super) fn regex(&self) -> Option<&Regex> {
        let compile = || match self.front {
            true => SecretRule::compile(&format!(r"\A(?:{})", self.pattern)).ok(),
            false => SecretRule::compile(&self.pattern).ok(),
        };
        self.regex.get_or_init(compile).as_ref()
    }

    /// What names a value of this kind.
    pub(super) fn fingerprint(&self, secret: Secret<'_>) -> Print {
        match self.lines {
            0 => secret.fingerprint(&self.kind),
            _ => secret.fingerprint_of_lines(&self.kind),
        }
    }

    /// Whether the form alone says what it is.
    pub(super) fn is_strong(&self) -> bool {
        !self.loose && !self.named && (self.edges || self.lines > 0)
    }

    /// Whether it is looked for in what is encoded.
    pub(super) fn is_coded(&self) -> bool {
        self.coded || self.is_strong()
    }
}

/// Rules by their places. Those that are built in are read when they are first needed: most
/// commits have none of their keywords.
pub(super) enum Rules {
    BuiltIn { read: Box<[OnceLock<Box<Rule>>]>, broken: Box<Rule> },
    Changed(Vec<Rule>),
}

impl Rules {
    /// The rules that are built in, with the changes of a policy.
    pub(super) fn new(changes: &[SecretRule]) -> Result<Self, String> {
        if changes.is_empty() {
            let read = (0..config::BUILT_IN_RULES).map(|_| OnceLock::new()).collect();
            return Ok(Self::BuiltIn { read, broken: Box::new(Rule::new(never())?) });
        }
        let rules = config::secret_rules(changes)?.into_iter().map(|rule| {
            // A pattern of the team's own is taken at its word.
            let own = changes.iter().any(|change| change.id == rule.id && change.regex.is_some());
            Ok(Rule { own, ..Rule::new(rule)? })
        });
        rules.collect::<Result<_, String>>().map(Self::Changed)
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::BuiltIn { read, .. } => read.len(),
            Self::Changed(rules) => rules.len(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Rule> {
        (0..self.len()).map(|at| &self[at])
    }
}

impl Index<usize> for Rules {
    type Output = Rule;

    fn index(&self, at: usize) -> &Rule {
        match self {
            // A test reads them all: none is broken in a program that was built.
            Self::BuiltIn { read, broken } => read[at].get_or_init(|| {
                let rule = config::built_in_rule(at).and_then(Rule::new);
                rule.map_or_else(|_| broken.clone(), Box::new)
            }),
            Self::Changed(rules) => &rules[at],
        }
    }
}

/// What stands for a rule that cannot be read: it finds nothing.
fn never() -> SecretRule {
    SecretRule { regex: Some(r"[^\s\S]".into()), ..SecretRule::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_by_a_known_id_changes_only_what_it_names() {
        let before = Rules::new(&[]).unwrap().len();
        let off = SecretRule { id: "jwt".into(), off: Some(true), ..SecretRule::default() };
        assert_eq!(Rules::new(&[off]).unwrap().len(), before - 1);
        let change = SecretRule { id: "jwt".into(), entropy: Some(1.0), ..SecretRule::default() };
        let rules = Rules::new(&[change]).unwrap();
        let jwt = rules.iter().find(|rule| &*rule.kind == "jwt").unwrap();
        assert!(jwt.entropy < 2.0 && jwt.words == ["eyJ"]);
        assert!(jwt.regex().is_some());
    }

    #[test]
    fn every_rule_that_is_built_in_is_read_when_it_is_needed_as_it_is_read_with_all() {
        let rules = Rules::new(&[]).unwrap();
        let all = config::secret_rules(&[]).unwrap();
        assert_eq!(rules.len(), all.len());
        for (rule, read) in rules.iter().zip(all) {
            assert_eq!(&*rule.kind, read.id);
            assert_eq!(rule.words, read.words());
        }
    }
}
