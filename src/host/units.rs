//! systemd: the unit of an app, one instance for each environment (`shop@blue.service`), the
//! lines that restart and stop it, and what `systemctl show` says. The lines are run as jobs on
//! the machine of the environment; nothing is run here.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::base::{File, plain, shell_quote};

/// Whose manager is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    System,
    /// The user's own: `systemctl --user`.
    User,
}

/// One unit of a manager, by its full name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    manager: Manager,
    name: String,
}

/// What is asked of a unit.
pub const KEYS: &str = "--property=LoadState,Type,ActiveState,Result,MainPID,NRestarts";

/// What a manager says about a unit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// `active`, `activating`, `failed`, `inactive` ..
    pub active: String,
    /// `success`, `exit-code`, `signal` ..
    pub result: String,
    /// 0 if it does not run.
    pub pid: u32,
    pub restarts: u64,
    /// `loaded`, `not-found`, `bad-setting` ..
    pub load: String,
    /// `oneshot` for what ends when its work is done.
    pub kind: String,
}

impl Unit {
    /// Takes only a name that is one word for systemd and for a shell, and no option.
    pub fn new(manager: Manager, name: &str) -> Result<Self> {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_.@:-".contains(&byte);
        ensure!(
            name.ends_with(".service")
                && name.starts_with(|c: char| c.is_ascii_alphanumeric())
                && name.len() <= 200
                && name.bytes().all(letter),
            "{}: not the name of a service, such as shop@blue.service",
            plain(name)
        );
        Ok(Self { manager, name: name.to_owned() })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Restarts it. A unit that gave up after too many crashes is given a new chance.
    pub fn restart(&self) -> String {
        let (ctl, name) = (self.systemctl(), &self.name);
        format!("{ctl} reset-failed -- {name} 2>/dev/null || true; {ctl} restart -- {name}")
    }

    pub fn stop(&self) -> String {
        format!("{} stop -- {}", self.systemctl(), self.name)
    }

    /// Prints what [`state`] reads.
    pub fn show(&self) -> String {
        format!("{} show {KEYS} -- {}", self.systemctl(), self.name)
    }

    /// Its last lines, for a report of why it did not start.
    pub fn journal(&self, lines: u32) -> String {
        let user = if self.manager == Manager::User { " --user" } else { "" };
        format!("journalctl{user} --no-pager -o cat -n {lines} -u {}", self.name)
    }

    fn systemctl(&self) -> &'static str {
        match self.manager {
            Manager::System => "systemctl --no-pager --no-ask-password",
            Manager::User => "systemctl --user --no-pager --no-ask-password",
        }
    }
}

/// Reads what `systemctl show` printed.
pub fn state(printed: &[u8]) -> Result<State> {
    let text = String::from_utf8_lossy(printed);
    let mut state = State::default();
    for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
        let value = plain(value);
        match key {
            "LoadState" => state.load = value,
            "Type" => state.kind = value,
            "ActiveState" => state.active = value,
            "Result" => state.result = value,
            "MainPID" => state.pid = value.parse().unwrap_or(0),
            "NRestarts" => state.restarts = value.parse().unwrap_or(0),
            _ => {}
        }
    }
    ensure!(!state.active.is_empty(), "systemd does not say how the unit is");
    Ok(state)
}

/// The template unit `<app>@.service`: `%i` is the environment, and the app runs from `current`.
/// `home` is the app home, `start` the program with its words, run by a shell.
pub fn template(app: &str, home: &Path, start: &str, user: Option<&str>) -> Result<File> {
    let home = home.to_str().context("the path of the app is not UTF-8")?;
    ensure!(home.starts_with('/'), "{}: not an absolute path", plain(home));
    let is_name = |text: &str| {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        !text.is_empty() && !text.starts_with('-') && text.bytes().all(letter)
    };
    ensure!(is_name(app), "{}: not a name", plain(app));
    ensure!(user.is_none_or(is_name), "{}: not a user", plain(user.unwrap_or_default()));
    ensure!(
        !start.trim().is_empty() && !start.chars().any(char::is_control),
        "the command does not fit into a line"
    );
    // A path here is not quoted; a space or a `%` would end or change it.
    let word = |byte: u8| byte.is_ascii_graphic() && !b"%\"'\\$".contains(&byte);
    ensure!(home.bytes().all(word), "{}: not a path for a unit", plain(home));
    // For the shell one word, for systemd one too: `%`, `$`, quotes and backslashes are doubled.
    let line =
        start.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    let run_as = user.map_or(String::new(), |user| format!("User={user}\n"));
    Ok(File::text(
        include_str!("../../templates/app@.service")
            .replace("User={user}\n", &run_as)
            .replace("{app}", app)
            .replace("{home}", home)
            .replace("{start}", &line),
    ))
}

/// A word of a unit's name as a shell takes it, for hints.
pub fn hint(unit: &Unit) -> String {
    format!("{} status {}", unit.systemctl(), shell_quote(&unit.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_be_an_option_or_a_command_is_refused() {
        assert!(Unit::new(Manager::User, "shop@blue.service").is_ok());
        for bad in [
            "",
            "shop",
            "--help.service",
            "a b.service",
            "a;id.service",
            "$(id).service",
            "../x.service",
        ] {
            assert!(Unit::new(Manager::System, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_systemctl_shows_is_read_and_nothing_is_not_a_state() {
        let text =
            b"LoadState=loaded\nActiveState=active\nResult=success\nMainPID=42\nNRestarts=3\n";
        let state = state(text).unwrap();
        assert_eq!((state.active.as_str(), state.pid, state.restarts), ("active", 42, 3));
        assert!(super::state(b"").is_err());
        assert!(super::state(b"Failed to connect to bus\n").is_err());
    }

    #[test]
    fn nothing_breaks_out_of_its_line_of_the_unit() {
        let home = Path::new("/srv/shop");
        let unit = template("shop", home, "node \"a b\" --x 100% $PORT", Some("deploy")).unwrap();
        let text = String::from_utf8(unit.bytes.0).unwrap();
        assert!(text.contains(r#"-c "exec node \"a b\" --x 100%% $$PORT""#), "{text}");
        assert!(text.contains("WorkingDirectory=/srv/shop/%i/current\n"), "{text}");
        assert!(text.contains("\nUser=deploy\n"), "{text}");
        assert!(!template("shop", home, "node", None).unwrap().bytes.0.starts_with(b"User"));
        assert!(template("shop", home, "a\nExecStartPre=id", None).is_err());
        assert!(template("shop", Path::new("/srv/a b"), "x", None).is_err());
        assert!(template("shop", Path::new("srv"), "x", None).is_err());
        assert!(template("shop", home, "x", Some("a\nb")).is_err());
        assert!(template("../x", home, "x", None).is_err());
    }
}
