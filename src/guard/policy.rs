//! What the rules of this repository are, and where they were read.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use super::rules::SECRET;
use super::secrets::{Hit, Print, Scanner};
use crate::base::Time;
use crate::config::{self, Allow, Config, Patterns};

/// A configuration, ready to judge with.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Where it was read, as people would name it: `.gsync.toml`, `main:.gsync.toml`.
    pub origin: String,
    pub config: Config,
    /// What was wrong with the configuration that should have been used, if another is used.
    pub instead_of: Option<String>,
    pub protected: Patterns,
    /// Exceptions that end before this moment hold no more.
    pub now: Time,
    /// Fingerprints of secrets that were there before anybody looked.
    pub baseline: HashSet<String>,
    /// By what the hub judges, if that is not the same.
    pub hub: Option<Arc<Self>>,
    allow: Vec<Exception>,
    narrowed: bool,
    scanner: Arc<OnceLock<Result<Scanner, String>>>,
}

/// An entry of `allow`.
#[derive(Debug, Clone)]
struct Exception {
    path: Option<Patterns>,
    rule: String,
    fingerprint: Option<String>,
    expires: Option<Time>,
    /// It does not hold for secrets: nobody but who would profit has agreed to it.
    but_secrets: bool,
}

/// Of which value something is to be allowed.
#[derive(Clone, Copy, PartialEq)]
enum Value<'a> {
    /// It is about no secret.
    None,
    One(&'a Print),
    Any,
}

/// What the exceptions say about a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    No,
    Yes,
    /// One would have held, until then.
    Expired(Time),
}

impl Policy {
    /// `fold`: upper and lower case are the same in paths.
    pub fn new(origin: impl Into<String>, config: Config, fold: bool) -> Self {
        let protected = Patterns::new(&config.guard.protected, fold);
        let allow = config.guard.allow.iter().map(|allow| Exception {
            path: allow.path.as_ref().map(|path| Patterns::new(std::slice::from_ref(path), fold)),
            rule: allow.rule.clone(),
            fingerprint: allow.fingerprint.as_ref().map(|print| print.to_ascii_lowercase()),
            expires: allow.expires,
            but_secrets: false,
        });
        let allow = allow.collect();
        let (now, baseline, hub, narrowed, scanner) = Default::default();
        let (origin, instead_of) = (origin.into(), None);
        Self { origin, config, instead_of, protected, now, baseline, hub, allow, narrowed, scanner }
    }

    /// Whether it lets secrets pass by something else than their value: then it matters who
    /// says so.
    pub fn is_wide(&self) -> bool {
        let guard = &self.config.guard;
        let wide = |allow: &Allow| allow.fingerprint.is_none() && !is_about_files(&allow.rule);
        !guard.secrets || !guard.rule.is_empty() || guard.allow.iter().any(wide)
    }

    /// Takes back what lets secrets pass wholesale and does not stand in `trusted` too. What
    /// is judged must not bring its own excuse; a single value that is named is another thing.
    pub fn narrow(&mut self, trusted: &Config) {
        let (ours, theirs) = (&mut self.config.guard, &trusted.guard);
        if !ours.secrets && theirs.secrets {
            (ours.secrets, self.narrowed) = (true, true);
        }
        let before = ours.rule.len();
        let known = config::secret_rules(&[]).unwrap_or_default();
        ours.rule.retain(|rule| {
            theirs.rule.contains(rule) || !known.iter().any(|known| known.id == rule.id)
        });
        self.narrowed |= ours.rule.len() < before;
        for (allow, exception) in ours.allow.iter().zip(&mut self.allow) {
            let wide = allow.fingerprint.is_none() && !is_about_files(&allow.rule);
            if wide && !theirs.allow.contains(allow) {
                (exception.but_secrets, self.narrowed) = (true, true);
            }
        }
    }

    /// Whether something was taken back.
    pub fn is_narrowed(&self) -> bool {
        self.narrowed
    }

    /// The rules where nobody made any.
    pub fn default_rules(fold: bool) -> Self {
        Self::new("the built-in rules", Config::default(), fold)
    }

    /// What looks for secrets, if that is wanted; made when it is first needed.
    pub fn scanner(&self) -> Option<&Result<Scanner, String>> {
        let guard = &self.config.guard;
        guard.secrets.then(|| self.scanner.get_or_init(|| Scanner::new(&guard.rule)))
    }

    /// Whether the size alone refuses it, at this place.
    pub fn is_too_large(&self, size: u64, path: Option<&[u8]>) -> bool {
        size > self.config.guard.max_file_size.0 && !self.allows("file-size", path)
    }

    /// Whether a rule has an exception for this path, or everywhere.
    pub fn allows(&self, rule: &str, path: Option<&[u8]>) -> bool {
        self.allowed(&[rule], path, Value::None) == Allowed::Yes
    }

    /// The same for a secret: by the rule as a whole, by its kind, by its value.
    pub fn allows_secret(&self, hit: &Hit, path: Option<&[u8]>) -> Allowed {
        if !self.baseline.is_empty() && self.baseline.contains(hit.fingerprint.as_str()) {
            return Allowed::Yes;
        }
        self.allowed(&[SECRET, &hit.kind], path, Value::One(&hit.fingerprint))
    }

    /// Whether its value is let pass, which anybody may say for the future.
    pub fn lets_secret_pass(&self, hit: &Hit, path: Option<&[u8]>) -> bool {
        let value = Value::One(&hit.fingerprint);
        self.baseline.contains(hit.fingerprint.as_str())
            || self.allow.iter().any(|one| {
                one.fingerprint.is_some()
                    && self.by(one, &[SECRET, &hit.kind], path, value) == Allowed::Yes
            })
    }

    /// Whether the hub refuses what is let pass here.
    pub fn is_unheard(&self, rule: &str, hit: Option<&Hit>, path: Option<&[u8]>) -> bool {
        let Some(hub) = &self.hub else { return false };
        let (ours, theirs) = (&self.config.guard, &hub.config.guard);
        match (hit, rule) {
            (Some(hit), _) => {
                let own = |rules: &[config::SecretRule]| rules.iter().any(|it| *it.id == *hit.kind);
                let knows = !own(&ours.rule) || own(&theirs.rule);
                theirs.secrets && knows && hub.allows_secret(hit, path) != Allowed::Yes
            }
            (None, _) if hub.allows(rule, path) => false,
            (None, "protected-file") => path.is_some_and(|it| hub.protected.matching(it).is_some()),
            (None, "file-size") => theirs.max_file_size.0 <= ours.max_file_size.0,
            (None, "conflict-markers") => theirs.conflict_markers,
            (None, _) => true,
        }
    }

    /// The same for secrets that are not known one by one.
    pub fn allows_all_secrets(&self, path: Option<&[u8]>) -> Allowed {
        self.allowed(&[SECRET], path, Value::Any)
    }

    fn allowed(&self, rules: &[&str], path: Option<&[u8]>, value: Value<'_>) -> Allowed {
        let mut allowed = Allowed::No;
        for one in &self.allow {
            match self.by(one, rules, path, value) {
                Allowed::No => {}
                Allowed::Yes => return Allowed::Yes,
                Allowed::Expired(until) => allowed = Allowed::Expired(until),
            }
        }
        allowed
    }

    /// What one exception says.
    fn by(
        &self,
        one: &Exception,
        rules: &[&str],
        path: Option<&[u8]>,
        value: Value<'_>,
    ) -> Allowed {
        let rule = one.rule == "*" || rules.contains(&one.rule.as_str());
        if one.but_secrets && value != Value::None {
            return Allowed::No;
        }
        let place = match (&one.path, path) {
            (None, _) => true,
            (Some(pattern), Some(path)) => pattern.matching(path).is_some(),
            (Some(_), None) => false,
        };
        let same = || match (&one.fingerprint, value) {
            (None, _) => true,
            (Some(known), Value::One(print)) => known == print.as_str(),
            (Some(_), _) => false,
        };
        match one.expires {
            _ if !(rule && place && same()) => Allowed::No,
            Some(until) if until < self.now => Allowed::Expired(until),
            _ => Allowed::Yes,
        }
    }

    /// Whether a branch by that short name may neither be deleted nor rewritten.
    pub fn protects_branch(&self, branch: &str) -> bool {
        self.config.guard.protected_branches.iter().any(|name| name == branch)
    }
}

/// Whether a rule is one about files, and cannot mean secrets.
fn is_about_files(rule: &str) -> bool {
    config::OTHER_RULES.contains(&rule)
}

#[cfg(test)]
mod tests {
    use super::super::rules::RULES;
    use super::*;
    use crate::config::Allow;

    #[test]
    fn every_rule_about_files_may_stand_in_an_exception() {
        for rule in RULES.iter().filter(|rule| rule.id != SECRET) {
            assert!(is_about_files(rule.id), "{}", rule.id);
        }
    }

    #[test]
    fn an_exception_holds_for_its_rule_and_its_paths_only() {
        let mut config = Config::default();
        let allow = |path: Option<&str>, rule: &str| Allow {
            path: path.map(String::from),
            rule: rule.into(),
            fingerprint: None,
            reason: None,
            expires: None,
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
