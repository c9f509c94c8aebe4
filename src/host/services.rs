//! Questions to those who keep services running: PM2 and systemd.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::process::{self, Ended};

const PATIENCE: Duration = Duration::from_secs(15);

/// A process as PM2 has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pm2 {
    pub pid: i64,
    pub status: String,
    pub restarts: i64,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    name: String,
    #[serde(default)]
    pid: i64,
    pm2_env: Env,
}

#[derive(Deserialize)]
struct Env {
    #[serde(default)]
    status: String,
    #[serde(default)]
    restart_time: i64,
}

/// The processes of a name.
pub fn pm2(name: &str) -> Result<Vec<Pm2>> {
    let out = ask("pm2", &["jlist", "--silent"])?;
    // PM2 may say something about itself in front of the list.
    let start = memchr::memmem::find(&out, b"[{").unwrap_or(0);
    let list: Vec<Listed> = match out[start..].trim_ascii() {
        b"" | b"[]" => Vec::new(),
        json => serde_json::from_slice(json).context("read what pm2 lists")?,
    };
    let ours = list.into_iter().filter(|it| it.name == name);
    Ok(ours
        .map(|it| Pm2 { pid: it.pid, status: it.pm2_env.status, restarts: it.pm2_env.restart_time })
        .collect())
}

/// A unit as systemd has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unit {
    /// `not-found` where there is no such unit.
    pub load: String,
    /// `oneshot` for what ends when its work is done.
    pub kind: String,
    pub active: String,
    pub result: String,
    pub pid: String,
    pub restarts: String,
}

/// A unit by its name.
pub fn systemd(unit: &str) -> Result<Unit> {
    let keys = "--property=LoadState,Type,ActiveState,Result,MainPID,NRestarts";
    let out = ask("systemctl", &["show", keys, "--", unit])?;
    let text = String::from_utf8_lossy(&out);
    let mut found = Unit::default();
    for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
        let field = match key {
            "LoadState" => &mut found.load,
            "Type" => &mut found.kind,
            "ActiveState" => &mut found.active,
            "Result" => &mut found.result,
            "MainPID" => &mut found.pid,
            "NRestarts" => &mut found.restarts,
            _ => continue,
        };
        value.clone_into(field);
    }
    Ok(found)
}

fn ask(program: &str, args: &[&str]) -> Result<Vec<u8>> {
    match process::run(process::command(program).args(args), b"", PATIENCE)? {
        Ended::Exited(out) if out.status.success() => Ok(out.stdout),
        Ended::Exited(out) => {
            let text = String::from_utf8_lossy(&out.stderr).into_owned();
            bail!("{program} says: {}", text.lines().next().unwrap_or("nothing"))
        }
        Ended::TimedOut => bail!("{program} does not answer"),
    }
}
