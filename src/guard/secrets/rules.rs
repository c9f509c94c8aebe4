//! The rules, ready to search with: those that are built in, changed by those of the policy.

use std::sync::{Arc, OnceLock};

use regex::bytes::Regex;

use crate::config::{self, Check, SecretRule};

/// One kind of secret.
pub(super) struct Rule {
    pub kind: Arc<str>,
    pub about: Arc<str>,
    pub words: Vec<String>,
    pub entropy: f64,
    pub check: Option<Check>,
    pub loose: bool,
    pub password: bool,
    pub edges: bool,
    /// The secret begins with the keyword.
    pub front: bool,
    /// A word has to stand before it: the form alone says little.
    pub named: bool,
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
            front: edges && !rule.inside.unwrap_or(false),
            named,
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

    /// Whether the form alone says what it is: only such are looked for in what is encoded.
    pub(super) fn is_strong(&self) -> bool {
        !self.loose && !self.named && (self.edges || self.lines > 0)
    }
}

/// The rules that are built in, with the changes of a policy.
pub(super) fn all(changes: &[SecretRule]) -> Result<Vec<Rule>, String> {
    let rules = config::secret_rules(changes)?.into_iter().map(|rule| {
        // A pattern of the team's own is taken at its word.
        let own = changes.iter().any(|change| change.id == rule.id && change.regex.is_some());
        Ok(Rule { own, ..Rule::new(rule)? })
    });
    rules.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_by_a_known_id_changes_only_what_it_names() {
        let before = all(&[]).unwrap().len();
        let off = SecretRule { id: "jwt".into(), off: Some(true), ..SecretRule::default() };
        assert_eq!(all(&[off]).unwrap().len(), before - 1);
        let change = SecretRule { id: "jwt".into(), entropy: Some(1.0), ..SecretRule::default() };
        let rules = all(&[change]).unwrap();
        let jwt = rules.iter().find(|rule| &*rule.kind == "jwt").unwrap();
        assert!(jwt.entropy < 2.0 && jwt.words == ["eyJ"]);
        assert!(jwt.regex().is_some());
    }
}
