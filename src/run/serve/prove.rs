//! Proof that a release runs: the process that answers is the one of its directory, it is well,
//! it says the right version, and it stays. What a process manager says proves nothing.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::keeper::{self, Recorded};
use crate::base::plain;
use crate::host::http::{Answer, Url};
use crate::host::machine::Machine;
use crate::host::proof;
use crate::plan::serve::{Activate, Build, Health, Keeper, Proof};
use crate::run::place;

/// How long one question may take.
const QUESTION: Duration = Duration::from_secs(5);
/// So long a process may take to start before it is looked at less often; and how often until
/// then.
const QUICK: Duration = Duration::from_secs(2);
const MOMENT: Duration = Duration::from_millis(8);
/// How much of a log is shown.
const TAIL: u64 = 2000;

/// What is to be proved of what was activated.
pub(super) fn of(it: &Activate, release: &Build, health: &Health) -> Proof {
    Proof {
        home: it.home.clone(),
        release: release.clone(),
        keeper: it.keeper.clone(),
        port: it.port,
        health: health.clone(),
        log: it.log.clone(),
    }
}

/// What one look found.
enum Look {
    /// All is well; with who answers.
    Well(Option<u32>),
    NotYet(String),
    /// It will not get better.
    Never(String),
}

/// Waits until everything holds, then until it has held for the soak.
pub(super) fn prove(
    machine: &Machine,
    proof: &Proof,
    stop: &dyn Fn() -> bool,
    out: &mut dyn FnMut(&str),
) -> Result<()> {
    let health = &proof.health;
    let limit = Duration::from_millis(health.timeout_ms);
    let soak = Duration::from_millis(health.soak_ms);
    let start = Instant::now();
    let mut well: Option<(Instant, Option<u32>)> = None;
    let mut said = String::new();
    let mut pause = Duration::from_millis(2);
    loop {
        if stop() {
            bail!("interrupted");
        }
        let seen = match (look(machine, proof), well) {
            // Somebody who is just going away is seen half: the second look says why.
            (Look::NotYet(_), Some(_)) => {
                std::thread::sleep(Duration::from_millis(20));
                look(machine, proof)
            }
            (seen, _) => seen,
        };
        match (seen, well) {
            (Look::Well(pid), None) => well = Some((Instant::now(), pid)),
            (Look::Well(pid), Some((_, known))) if pid != known => {
                bail!("{}", told(machine, proof, "its process was started again by itself"));
            }
            (Look::Well(_), Some(_)) => {}
            (Look::Never(why), _) => bail!("{}", told(machine, proof, &why)),
            (Look::NotYet(why), Some(_)) => {
                bail!("{}", told(machine, proof, &format!("it was well, and then {why}")));
            }
            (Look::NotYet(why), None) => {
                // Nothing answers at once, and that is no news.
                if start.elapsed() >= QUICK && why != said {
                    out(&format!("waiting: {why}"));
                    said.clone_from(&why);
                }
                if start.elapsed() >= limit {
                    let after = format!("{why} (waited {} s)", limit.as_secs_f32());
                    bail!("{}", told(machine, proof, &after));
                }
            }
        }
        let interval = Duration::from_millis(health.interval_ms);
        if let Some((since, _)) = well {
            let left = soak.saturating_sub(since.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(interval.min(Duration::from_millis(200))));
        } else {
            // A process that starts quickly is not waited for slowly.
            std::thread::sleep(pause.min(interval));
            let most = if start.elapsed() < QUICK { MOMENT } else { interval };
            pause = (pause * 2).min(most);
        }
    }
}

/// How a watch ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    Well,
    Ill(String),
    /// Somebody said stop before the time was over.
    Stopped,
}

/// How soon a watch obeys.
const OBEYS: Duration = Duration::from_millis(50);

/// Whether LIVE stays well for so long; else why not. What failed once is asked again before it
/// is believed. `host`: the machine on which it lives; one that is not there any more is not well.
pub fn watch(host: Option<&str>, proof: &Proof, time: Duration) -> Watched {
    let start = Instant::now();
    let interval = Duration::from_millis(proof.health.interval_ms);
    let mut bad = 0;
    while start.elapsed() < time {
        let seen = match place::open(host) {
            Ok(machine) => look(&machine, proof),
            Err(why) => Look::NotYet(format!("{why:#}")),
        };
        match seen {
            Look::Well(_) => bad = 0,
            Look::Never(why) | Look::NotYet(why) => {
                bad += 1;
                if bad >= 3 {
                    return Watched::Ill(why);
                }
            }
        }
        let pause = if bad > 0 { interval / 4 } else { interval };
        let next = Instant::now() + pause.min(time.saturating_sub(start.elapsed()));
        loop {
            if super::super::stopped() {
                return Watched::Stopped;
            }
            let left = next.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            std::thread::sleep(left.min(OBEYS));
        }
    }
    Watched::Well
}

fn look(machine: &Machine, proof: &Proof) -> Look {
    let recorded = match keeper::recorded(machine, &proof.home) {
        Ok(recorded) => recorded,
        Err(why) => return Look::NotYet(format!("{why:#}")),
    };
    let pid = match who(machine, proof, recorded.as_ref()) {
        Ok(pid) => pid,
        Err(look) => return look,
    };
    match answers(machine, &proof.health, &proof.release) {
        Ok(()) => Look::Well(pid),
        Err(why) => Look::NotYet(why),
    }
}

/// Who answers there, if it is the process of this release.
fn who(machine: &Machine, proof: &Proof, recorded: Option<&Recorded>) -> Result<Option<u32>, Look> {
    if let (Keeper::Pm2 { .. } | Keeper::Systemd { .. }, Some(port)) = (&proof.keeper, proof.port) {
        return listens(machine, port, proof, recorded, None);
    }
    let Keeper::Command { stop, .. } = &proof.keeper else {
        let blind = |why: anyhow::Error| Look::NotYet(format!("{why:#}"));
        let current = machine.real(&proof.home.join("current")).map_err(blind)?;
        let wanted = machine.real(&proof.release.dir).map_err(blind)?;
        return match current == wanted && current.is_some() {
            true => Ok(None),
            false => Err(Look::Never("`current` leads somewhere else".into())),
        };
    };
    let ours = recorded.filter(|it| it.release == proof.release.name());
    let alive = ours.filter(|it| keeper::lives(machine, it)).and_then(|it| it.pid);
    // A `start` that comes back leaves its process to `stop`.
    if alive.is_none() && stop.is_none() {
        return Err(Look::Never("its process has ended".into()));
    }
    let Some(port) = proof.port else { return Ok(alive) };
    listens(machine, port, proof, recorded, alive)
}

/// Who listens there, if all of them run from the release or descend from its process.
fn listens(
    machine: &Machine,
    port: u16,
    proof: &Proof,
    recorded: Option<&Recorded>,
    alive: Option<u32>,
) -> Result<Option<u32>, Look> {
    let likely = keeper::likely(machine, &proof.home, recorded);
    let listening = match machine.on_port_of(port, likely) {
        proof::Seen::Is(list) => list,
        proof::Seen::CannotTell(why) => return Err(Look::NotYet(why)),
    };
    let Some(first) = listening.first() else {
        return Err(Look::NotYet(format!("nobody listens on port {port}")));
    };
    let dir = machine.real(&proof.release.dir).ok().flatten();
    let dir = dir.unwrap_or_else(|| proof.release.dir.clone());
    for process in &listening {
        let descends =
            alive.is_some_and(|pid| process.pid == pid || process.parents.contains(&pid));
        let runs_there = process.cwd.known().is_some_and(|cwd| cwd.starts_with(&dir));
        if !descends && !runs_there {
            let cwd = process.cwd.known().map(|cwd| cwd.display().to_string());
            let cwd = cwd.unwrap_or_else(|| "another directory".into());
            return Err(Look::Never(format!(
                "who listens on port {port} is process {} in {cwd}, not the new release",
                process.pid
            )));
        }
    }
    Ok(alive.or(Some(first.pid)))
}

/// Whether it is well, and says that it is this version or commit.
fn answers(machine: &Machine, health: &Health, release: &Build) -> Result<(), String> {
    if let Some(url) = &health.url {
        let answer = ask(machine, url)?;
        if answer.status != health.status {
            return Err(format!("{url} answers {} and not {}", answer.status, health.status));
        }
    }
    let Some(url) = &health.version else { return Ok(()) };
    let answer = ask(machine, url)?;
    if answer.status != 200 {
        return Err(format!("{url} answers {}", answer.status));
    }
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    let commit = release.commit.as_str();
    let names = |word: &str| {
        let word = word.strip_prefix('v').unwrap_or(word);
        word == release.version || (word.len() >= 7 && commit.starts_with(word))
    };
    let words = body.split(|c: char| !(c.is_ascii_alphanumeric() || ".+-_".contains(c)));
    if words.map(|word| word.trim_end_matches('.')).any(names) {
        return Ok(());
    }
    let shown: String = plain(body.trim()).chars().take(60).collect();
    Err(format!("{url} says `{shown}` and not {}", release.version))
}

fn ask(machine: &Machine, url: &str) -> Result<Answer, String> {
    let parsed = Url::parse(url).map_err(|why| format!("{why:#}"))?;
    machine.get(&parsed, None, QUESTION).map_err(|why| format!("{url} does not answer: {why:#}"))
}

/// Why it is not proved, with the end of what the process said.
fn told(machine: &Machine, proof: &Proof, why: &str) -> String {
    let mut text = why.to_owned();
    if !matches!(proof.keeper, Keeper::Command { .. } | Keeper::Pm2 { .. }) {
        return text;
    }
    let tail = machine.tail(&proof.log, TAIL).ok().flatten().unwrap_or_default();
    let tail = String::from_utf8_lossy(&tail);
    let lines: Vec<&str> = tail.lines().collect();
    for line in lines.iter().rev().take(8).rev() {
        text += &format!("\n    | {}", plain(line));
    }
    let on = match machine {
        Machine::Here => String::new(),
        Machine::There(_) => format!(" on {}", machine.name()),
    };
    text + &format!("\n    log of the process{on}: {}", proof.log.display())
}
