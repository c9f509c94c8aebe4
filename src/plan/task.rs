use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::base::shell_quote;

/// One step that brings a service up to date: who does it, and what counts as done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub service: String,
    pub name: String,
    /// Which step of the whole it is, counted from 1, and of how many.
    pub number: usize,
    pub of: usize,
    /// The first of its run: what an earlier run remembered ends here.
    pub first: bool,
    pub drive: Drive,
    /// Where it runs.
    pub dir: PathBuf,
    /// Lines that make a failure of it.
    pub error: Vec<String>,
    /// What it must say to be done; any of them.
    pub success: Vec<String>,
    pub ok_exit: Vec<i32>,
    pub fallback_ok: bool,
    pub timeout_ms: u64,
    /// What mends it, each at most once in a run.
    pub fix: Vec<Remedy>,
    /// The directory for the log of a failure.
    pub logs: PathBuf,
    /// What it does stays when a later step fails: a service that was restarted runs.
    pub stays: bool,
    /// A clean environment; nothing: ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clean: Option<Clean>,
}

/// An environment in which nothing is of ours but where programs and the home are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clean {
    pub vars: Vec<(String, String)>,
    /// A file of further variables, `NAME=value` a line. Its values stand in no plan.
    pub file: Option<PathBuf>,
    /// The machine on which all this is; nothing: this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

/// Who does it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drive {
    /// A line for the shell.
    Run(String),
    /// A resource of a running Tilt.
    Tilt(String),
    /// A process of PM2, restarted.
    Pm2(String),
    /// A unit of systemd, restarted.
    Systemd(String),
    /// An address that must answer.
    Http(String),
}

/// A command that mends what a line of the log complains about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remedy {
    pub when: String,
    pub run: String,
    pub dir: PathBuf,
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.drive {
            Drive::Run(command) => {
                let line: Vec<&str> = command.split_whitespace().collect();
                f.write_str(&line.join(" "))?;
            }
            Drive::Tilt(name) => write!(f, "tilt trigger {}", shell_quote(name))?,
            Drive::Pm2(name) => write!(f, "pm2 restart {}", shell_quote(name))?,
            Drive::Systemd(name) => write!(f, "systemctl restart {}", shell_quote(name))?,
            Drive::Http(url) => write!(f, "curl -f {}", shell_quote(url))?,
        }
        write!(f, "  # {} of {}, {}: {}", self.number, self.of, self.service, self.name)
    }
}
