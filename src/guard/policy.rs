//! What the rules of this repository are, and where they were read.

use crate::config::{Config, Patterns};

/// A configuration, ready to judge with.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Where it was read, as people would name it: `.gsync.toml`, `main:.gsync.toml`.
    pub origin: String,
    pub config: Config,
    /// What was wrong with the configuration that should have been used, if another is used.
    pub instead_of: Option<String>,
    pub protected: Patterns,
    allow: Vec<(Option<Patterns>, String)>,
}

impl Policy {
    /// `fold`: upper and lower case are the same in paths.
    pub fn new(origin: impl Into<String>, config: Config, fold: bool) -> Self {
        let protected = Patterns::new(&config.guard.protected, fold);
        let allow = config.guard.allow.iter().map(|allow| {
            let path = allow.path.as_ref();
            (path.map(|path| Patterns::new(std::slice::from_ref(path), fold)), allow.rule.clone())
        });
        let allow = allow.collect();
        Self { origin: origin.into(), config, instead_of: None, protected, allow }
    }

    /// The rules where nobody made any.
    pub fn default_rules(fold: bool) -> Self {
        Self::new("the built-in rules", Config::default(), fold)
    }

    /// Whether a rule has an exception for this path, or everywhere.
    pub fn allows(&self, rule: &str, path: Option<&[u8]>) -> bool {
        self.allow.iter().any(|(pattern, name)| {
            (name == "*" || name == rule)
                && match (pattern, path) {
                    (None, _) => true,
                    (Some(pattern), Some(path)) => pattern.matching(path).is_some(),
                    (Some(_), None) => false,
                }
        })
    }

    /// Whether a branch by that short name may neither be deleted nor rewritten.
    pub fn protects_branch(&self, branch: &str) -> bool {
        self.config.guard.protected_branches.iter().any(|name| name == branch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Allow;

    #[test]
    fn an_exception_holds_for_its_rule_and_its_paths_only() {
        let mut config = Config::default();
        let allow = |path: Option<&str>, rule: &str| Allow {
            path: path.map(String::from),
            rule: rule.into(),
            reason: None,
        };
        config.guard.allow =
            vec![allow(Some("tests/**"), "file-size"), allow(None, "conflict-markers")];
        let policy = Policy::new("x", config, false);
        assert!(policy.allows("file-size", Some(b"tests/a/b")));
        assert!(!policy.allows("file-size", Some(b"src/a")));
        assert!(!policy.allows("protected-file", Some(b"tests/a")));
        assert!(policy.allows("conflict-markers", Some(b"any")));
        assert!(!policy.allows("file-size", None));
    }
}
