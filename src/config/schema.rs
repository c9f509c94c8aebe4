//! The sections of `.gsync.toml`, each with its defaults.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::guard::Guard;
use super::pattern;
use crate::base::{RepoPath, Span};

/// The whole file. Unknown keys are errors; sections that are not there have their defaults.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub hub: Hub,
    pub work: Work,
    pub guard: Guard,
    pub roles: BTreeMap<String, Role>,
    pub handoff: Handoff,
    pub peers: Peers,
    pub undo: Undo,
    pub log: Log,
    pub bump: Bump,
    pub service: Vec<Service>,
    pub app: Vec<AppLink>,
}

/// The central repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hub {
    pub remote: String,
    pub branch: String,
    /// How long to wait for it.
    #[serde(deserialize_with = "span")]
    pub timeout: Span,
}

/// How strict a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    Block,
    Warn,
    Off,
}

/// What happens after a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PushAfter {
    Remind,
    Auto,
    Off,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Work {
    pub pull_before_commit: Mode,
    pub pull_before_push: Mode,
    pub push_after: PushAfter,
    /// Warn when a branch is that many commits behind the hub's main branch; 0 never.
    pub base_drift: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Role {
    pub description: String,
    pub production: Option<Production>,
}

/// What must not be pulled under the feet of running processes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Production {
    pub processes: Vec<String>,
    pub critical: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Handoff {
    pub dir: String,
    pub file: String,
    pub when: Vec<String>,
    pub to: Option<String>,
    pub require: bool,
}

impl Handoff {
    /// Whether a file is in the directory of the handoffs: it is one, and no work to hand over.
    pub fn has(&self, path: &RepoPath) -> bool {
        let below = path.as_bytes().strip_prefix(self.dir.trim_matches('/').as_bytes());
        below.is_some_and(|rest| rest.starts_with(b"/"))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Publish {
    Push,
    Commit,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Share {
    Paths,
    Content,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Peers {
    pub publish: Publish,
    pub share: Share,
    #[serde(deserialize_with = "span")]
    pub ttl: Span,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Undo {
    #[serde(deserialize_with = "span")]
    pub keep: Span,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    pub dir: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bump {
    pub files: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnPull {
    #[default]
    Report,
    Up,
}

/// A service of this repository, and how it is brought up to date after a pull.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    pub name: String,
    #[serde(default)]
    pub paths: Vec<String>,
    #[serde(default)]
    pub after: Vec<String>,
    #[serde(default)]
    pub on_pull: OnPull,
    #[serde(default)]
    pub steps: Vec<ServiceStep>,
    #[serde(default)]
    pub fix: Vec<Fix>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceStep {
    pub name: String,
    pub run: Option<String>,
    pub tilt: Option<String>,
    pub pm2: Option<String>,
    pub systemd: Option<String>,
    pub http: Option<String>,
    pub dir: Option<String>,
    pub error: Vec<String>,
    pub success: Vec<String>,
    pub ok_exit: Vec<i32>,
    pub fallback_ok: bool,
    pub timeout: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fix {
    pub when: String,
    pub run: String,
    pub dir: Option<String>,
}

/// An app of this repository, and the remote that deploys it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppLink {
    pub name: String,
    pub remote: String,
}

/// A number of bytes: `10 MB` is 10,000,000, `10 MiB` is 10,485,760.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

impl Size {
    fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is not a size, such as `500 KB`, `10 MB`, `1 GiB`");
        let text = text.trim();
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let number: u64 = text[..split].parse().map_err(|_| bad())?;
        let unit = match text[split..].trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kb" => 1000,
            "m" | "mb" => 1_000_000,
            "g" | "gb" => 1_000_000_000,
            "kib" => 1 << 10,
            "mib" => 1 << 20,
            "gib" => 1 << 30,
            _ => return Err(bad()),
        };
        number.checked_mul(unit).map(Self).ok_or_else(bad)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

pub(super) fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
    let text = String::deserialize(deserializer)?;
    Span::parse(&text).map_err(serde::de::Error::custom)
}

impl Default for Hub {
    fn default() -> Self {
        Self { remote: "origin".into(), branch: "main".into(), timeout: Span::seconds(5) }
    }
}

impl Default for Work {
    fn default() -> Self {
        Self {
            pull_before_commit: Mode::Warn,
            pull_before_push: Mode::Block,
            push_after: PushAfter::Remind,
            base_drift: 20,
        }
    }
}

impl Default for Handoff {
    fn default() -> Self {
        Self {
            dir: "handoffs".into(),
            file: "HANDOFF_TO_{TO}_{DATE}_{NUMBER}.md".into(),
            when: Vec::new(),
            to: None,
            require: false,
        }
    }
}

impl Default for Peers {
    fn default() -> Self {
        Self { publish: Publish::Push, share: Share::Paths, ttl: Span::seconds(7 * 86400) }
    }
}

impl Default for Undo {
    fn default() -> Self {
        Self { keep: Span::seconds(30 * 86400) }
    }
}

/// What types cannot say. An error is the text to look for in the file, and what is wrong.
pub(super) fn check(config: &Config) -> Result<(), (String, String)> {
    let guard = &config.guard;
    if !guard.rule.is_empty() || !guard.allow.is_empty() {
        super::guard::check(guard)?;
    }
    let allowed = guard.allow.iter().filter_map(|allow| allow.path.as_ref());
    let patterns = guard
        .protected
        .iter()
        .chain(allowed)
        .chain(&config.handoff.when)
        .chain(config.service.iter().flat_map(|service| &service.paths))
        .chain(
            config
                .roles
                .values()
                .filter_map(|role| role.production.as_ref())
                .flat_map(|production| &production.critical),
        );
    for text in patterns {
        pattern::check(text).map_err(|why| (text.clone(), why))?;
    }
    for (key, name) in [("remote", &config.hub.remote), ("branch", &config.hub.branch)] {
        if !is_ref_part(name) {
            return Err((key.to_owned(), format!("`{name}` cannot be the name of a {key}")));
        }
    }
    for role in config.roles.keys() {
        if !is_role(role) {
            let why = format!("`{role}` cannot be a role: use letters, digits, `-` and `_`");
            return Err((role.clone(), why));
        }
    }
    Ok(())
}

/// Whether git takes it as the name of a remote or a branch, and no option hides in it.
pub(super) fn is_ref_part(name: &str) -> bool {
    let bad = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    !name.is_empty()
        && !name.contains(bad)
        && !name.contains("..")
        && !name.contains("@{")
        && !name.starts_with(['-', '/', '.'])
        && !name.ends_with(['/', '.'])
        && !name.ends_with(".lock")
}

/// Roles become parts of ref names and of file names.
pub fn is_role(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphanumeric())
        && name.len() <= 40
        && chars.all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
}
