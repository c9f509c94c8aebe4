//! `app.toml`, the settings of an app on a server, as types. Its values end up in commands, in
//! paths and on the sockets of others, so what could mean something there is refused here.

mod check;

use std::collections::BTreeMap;

use serde::Deserialize;

use super::schema::span;
use super::{invalid, located, read};
use crate::base::{Problem, Span};

pub use check::is_name;

/// The name of the file, at the top of an app home.
pub const FILE: &str = "app.toml";

/// What `gsync app create --template` writes, by name.
pub const TEMPLATES: [(&str, &str); 4] = [
    ("static", include_str!("../../templates/app/static.toml")),
    ("node-pm2", include_str!("../../templates/app/node-pm2.toml")),
    ("systemd", include_str!("../../templates/app/systemd.toml")),
    ("command", include_str!("../../templates/app/command.toml")),
];

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    pub name: String,
    #[serde(default = "main")]
    pub branch: String,
    /// How many releases an environment keeps.
    #[serde(default = "five")]
    pub keep: usize,
    /// Files, and directories with a `/` at the end, that all releases of an environment share.
    #[serde(default)]
    pub shared: Vec<String>,
    #[serde(default)]
    pub mode: Receive,
    #[serde(default)]
    pub step: Vec<AppStep>,
    #[serde(default)]
    pub process: Process,
    #[serde(default)]
    pub health: Health,
    #[serde(default)]
    pub traffic: Traffic,
    #[serde(default)]
    pub release: Release,
    #[serde(default)]
    pub access: Access,
    pub env: BTreeMap<String, Env>,
}

/// What a push whose deploy fails is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Receive {
    /// The push is accepted, and the failure reported.
    #[default]
    PostReceive,
    /// The push fails, and the branch does not move.
    ProcReceive,
}

/// A step that makes a release out of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppStep {
    pub name: String,
    pub run: String,
    #[serde(default = "ten_minutes", deserialize_with = "span")]
    pub timeout: Span,
    #[serde(default)]
    pub error: Vec<String>,
    #[serde(default)]
    pub success: Vec<String>,
    #[serde(default)]
    pub ok_exit: Vec<i32>,
    #[serde(default)]
    pub fallback_ok: bool,
}

/// Who keeps the process of an environment running; nothing: there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Process {
    pub pm2: Option<String>,
    pub systemd: Option<String>,
    pub command: Option<Command>,
    pub none: bool,
}

/// A process of gsync's own keeping: `start` runs in the release directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    pub start: String,
    pub stop: Option<String>,
    pub status: Option<String>,
}

/// When an environment counts as well.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Health {
    pub path: String,
    pub status: u16,
    /// Where the running version is told; nothing: it is not asked.
    pub version: Option<String>,
    #[serde(deserialize_with = "span")]
    pub timeout: Span,
    #[serde(deserialize_with = "span")]
    pub interval: Span,
    #[serde(deserialize_with = "span")]
    pub soak: Span,
}

/// What leads the users to LIVE; nothing: the link `live`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Traffic {
    pub haproxy: Option<Haproxy>,
    pub link: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Haproxy {
    pub master: String,
    /// `ssh://user@host`, where its sockets and its map are; nothing: this machine.
    pub machine: Option<String>,
    pub map: String,
    #[serde(default = "app_env")]
    pub backend: String,
    pub probe: Option<String>,
    pub host: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Release {
    pub check: Vec<String>,
    #[serde(deserialize_with = "span")]
    pub watch: Span,
    /// How long those whom STANDBY still serves are waited for.
    #[serde(deserialize_with = "span")]
    pub drain: Span,
}

/// Who may ask for what; `*` is everybody.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Access {
    pub deploy: Option<Vec<String>>,
    pub release: Option<Vec<String>>,
    pub rollback: Option<Vec<String>>,
    pub sync: Option<Vec<String>>,
    pub cancel: Option<Vec<String>>,
}

/// One of the two environments.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Env {
    pub url: Option<String>,
    pub port: Option<u16>,
    /// `ssh://user@host`; nothing: this machine.
    pub host: Option<String>,
    /// Where it is kept; nothing: in the app home, by its name.
    pub dir: Option<String>,
}

impl App {
    /// Reads an `app.toml`. `name` is what the error calls the file.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, Problem> {
        let (app, text) = read::<Self>(name, bytes)?;
        check::app(&app).map_err(|(place, why)| invalid(name, located(text, &place), &why))?;
        Ok(app)
    }

    /// The name of the link that leads to LIVE, if that is how traffic is led.
    pub fn link(&self) -> Option<&str> {
        match &self.traffic.haproxy {
            Some(_) => None,
            None => Some(self.traffic.link.as_deref().unwrap_or("live")),
        }
    }

    /// The name of the other environment.
    pub fn other<'a>(&'a self, env: &str) -> Option<&'a str> {
        self.env.keys().find(|name| name.as_str() != env).map(String::as_str)
    }
}

fn main() -> String {
    "main".into()
}

fn five() -> usize {
    5
}

fn ten_minutes() -> Span {
    Span::seconds(600)
}

fn app_env() -> String {
    "{app}_{env}".into()
}

impl Default for Health {
    fn default() -> Self {
        Self {
            path: "/".into(),
            status: 200,
            version: None,
            timeout: Span::seconds(30),
            interval: Span(std::time::Duration::from_millis(500)),
            soak: Span::seconds(2),
        }
    }
}

impl Default for Release {
    fn default() -> Self {
        Self { check: Vec::new(), watch: Span::seconds(30), drain: Span::seconds(30) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENVS: &str = "[env.blue]\nport = 1\n[env.green]\nport = 2\n";

    fn wrong(text: &str) -> String {
        App::parse("app.toml", text.as_bytes()).unwrap_err().message
    }

    #[test]
    fn every_template_is_an_app() {
        for (name, text) in TEMPLATES {
            let text = text.replace("@NAME@", "shop").replace("@BRANCH@", "main");
            let app = App::parse(name, text.as_bytes()).unwrap();
            assert_eq!((app.name.as_str(), app.env.len()), ("shop", 2), "{name}");
        }
    }

    #[test]
    fn names_and_values_that_would_inject_are_refused_with_their_line() {
        for name in ["shop; disable server x", "Shop", "-shop", "", "a\\nb", &"a".repeat(32)] {
            let found = wrong(&format!("name = \"{name}\"\n{ENVS}"));
            assert!(found.starts_with("app.toml:1: "), "{found}");
        }
        for line in [
            "shared = [\"../../etc\"]",
            "shared = [\"/etc/passwd\"]",
            "traffic = { link = \"a/../b\" }",
            "traffic = { link = \"blue\" }",
            "process = { systemd = \"--user\" }",
            "process = { systemd = \"x; reboot\" }",
            "health = { path = \"/x\\ny\" }",
            "traffic = { haproxy = { master = \"/s\", map = \"/m\", host = \"a\\nb\" } }",
            "traffic = { haproxy = { master = \"/s\", map = \"/m\", host = \"a\", machine = \"lb\" } }",
            "traffic = { haproxy = { master = \"/s\", map = \"/m\", host = \"a\", machine = \"ssh://-l@lb\" } }",
        ] {
            let found = wrong(&format!("name = \"shop\"\n{line}\n{ENVS}"));
            assert!(found.starts_with("app.toml:2: "), "{line}: {found}");
        }
    }

    #[test]
    fn two_environments_that_are_not_two_are_refused() {
        for envs in [
            "[env.blue]\n",
            "[env.a]\n[env.b]\n[env.c]\n",
            "[env.blue]\nport = 1\n[env.green]\nport = 1\n",
            "[env.blue]\nurl = \"http://a\"\n[env.green]\nurl = \"http://a\"\n",
            "[env.blue]\ndir = \"/x\"\n[env.green]\ndir = \"/x\"\n",
        ] {
            wrong(&format!("name = \"shop\"\n{envs}"));
        }
    }

    #[test]
    fn an_environment_elsewhere_has_an_address_that_is_no_option_and_is_led_to_by_a_proxy() {
        let app = |host: &str, traffic: &str| {
            format!(
                "name = \"shop\"\n{traffic}\n[env.blue]\nport = 1\n[env.green]\nport = 1\n\
                 host = \"{host}\"\n"
            )
        };
        let proxy = "traffic = { haproxy = { master = \"/s\", map = \"/m\", host = \"a\" } }";
        for good in ["ssh://green", "ssh://deploy@green.internal:2222", "ssh://[::1]:22"] {
            App::parse("app.toml", app(good, proxy).as_bytes()).unwrap();
            assert!(wrong(&app(good, "")).contains("a link leads only"), "{good}");
        }
        for bad in [
            "far.example",
            "ssh://",
            "ssh://-oProxyCommand=id",
            "ssh://a@-oProxyCommand=id",
            "ssh://-l@host",
            "ssh://host;id",
            "ssh://$(id)@host",
            "ssh://host/path",
            "ssh://host:0",
            "ssh://user:pass@host",
            "ssh://a b",
        ] {
            let found = wrong(&app(bad, proxy));
            assert!(found.starts_with("app.toml:7: "), "{bad}: {found}");
        }
    }

    #[test]
    fn an_unknown_key_is_named_with_the_nearest() {
        let text = format!("name = \"shop\"\nbrunch = \"x\"\n{ENVS}");
        let found = App::parse("app.toml", text.as_bytes()).unwrap_err();
        assert_eq!(found.message, "app.toml:2: unknown key `brunch`");
        assert_eq!(found.hints, ["write `branch` if that is what you mean"]);
    }
}
