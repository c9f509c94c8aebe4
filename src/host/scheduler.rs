//! Questions to cron and to the user's systemd. `crontab` and `systemctl` are found on PATH.

use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::process::{Ended, command, run};
use super::{env, read};
use crate::base::{Bytes, plain};

/// How long either may take to answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// The user's crontab; nothing: there is none.
pub fn crontab() -> Result<Option<Bytes>> {
    match ask("crontab", &["-l"], b"")? {
        Ended::Exited(out) if out.status.success() => Ok(Some(Bytes(out.stdout))),
        Ended::Exited(out) => {
            let said = String::from_utf8_lossy(&out.stderr);
            if said.to_lowercase().contains("no crontab") {
                return Ok(None);
            }
            bail!("crontab -l: {}", first_line(&said))
        }
        Ended::TimedOut => bail!("crontab does not answer"),
    }
}

/// Whether this machine has a crontab at all.
pub fn has_crontab() -> bool {
    let path = env::raw("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| read::exists(&dir.join("crontab")))
}

/// Whether a systemd of this user is there and answers.
pub fn has_systemd() -> bool {
    let Some(dir) = env::raw("XDG_RUNTIME_DIR") else { return false };
    let there = read::exists(&std::path::Path::new(&dir).join("systemd"));
    there
        && matches!(
            ask("systemctl", &["--user", "show-environment"], b""),
            Ok(Ended::Exited(out)) if out.status.success()
        )
}

/// Those of these timers that run.
pub fn active<'a>(names: impl Iterator<Item = &'a String>) -> Result<Vec<String>> {
    let names: Vec<&String> = names.collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut args = vec!["--user", "is-active", "--"];
    args.extend(names.iter().map(|name| name.as_str()));
    // It fails if only one of them does not run: what counts is what it prints.
    let Ended::Exited(out) = ask("systemctl", &args, b"")? else {
        bail!("systemctl does not answer")
    };
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    let both = names.into_iter().zip(said.lines());
    Ok(both.filter(|(_, state)| *state == "active").map(|(name, _)| name.clone()).collect())
}

/// Runs one of them; a failure is an error with its first words.
pub(super) fn must(program: &str, args: &[&str], input: &[u8]) -> Result<()> {
    match ask(program, args, input)? {
        Ended::Exited(out) if out.status.success() => Ok(()),
        Ended::Exited(out) => {
            let said = String::from_utf8_lossy(&out.stderr);
            bail!("{program} {}: {}", args.join(" "), first_line(&said))
        }
        Ended::TimedOut => bail!("{program} does not answer"),
    }
}

fn ask(program: &str, args: &[&str], input: &[u8]) -> Result<Ended> {
    let mut command = command(program);
    command.args(args).env("LC_MESSAGES", "C");
    run(&mut command, input, DEADLINE).with_context(|| format!("run {program}"))
}

fn first_line(said: &str) -> String {
    plain(said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it did not say why"))
}
