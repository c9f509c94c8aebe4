//! The drivers: how a step is started, and how it is known to have ended well.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::task::{Ear, ended};
use crate::host::{self, tilt};
use crate::pipeline::verdict::Ended;
use crate::plan::{Drive, Task};

/// How often a service is looked at, at most.
const PAUSE: Duration = Duration::from_millis(200);

/// How long a service must stay up to count as up. Tests cannot wait that long.
fn settle() -> Duration {
    let told = host::env::text("GSYNC_SETTLE_MS").filter(|_| cfg!(debug_assertions));
    told.and_then(|ms| ms.parse().ok()).map_or(Duration::from_secs(2), Duration::from_millis)
}

fn pause() {
    std::thread::sleep(PAUSE.min(settle() / 4));
}

pub(super) fn drive(task: &Task, ear: &mut Ear<'_>) -> Ended {
    let limit = Duration::from_millis(task.timeout_ms);
    let driven = match &task.drive {
        Drive::Run(line) => shell(line, task, limit, ear),
        Drive::Tilt(resource) => through_tilt(resource, limit, ear),
        Drive::Pm2(name) => watch(limit, ear, Some(&["pm2", "restart", name]), &|| pm2(name)),
        Drive::Systemd(unit) => {
            watch(limit, ear, Some(&["systemctl", "restart", unit]), &|| systemd(unit))
        }
        Drive::Http(url) => watch(limit, ear, None, &|| http(url)),
    };
    driven.unwrap_or_else(|why| Ended::NotStarted(format!("{why:#}")))
}

fn shell(line: &str, task: &Task, limit: Duration, ear: &mut Ear<'_>) -> Result<Ended> {
    if !task.dir.is_dir() {
        anyhow::bail!("there is no directory {}", task.dir.display());
    }
    let mut command = host::steps::shell(line, &task.dir);
    let mark = ear.mark.clone();
    let stop = &super::stopped;
    let ran = host::steps::run_as(Some(&mark), &mut command, limit, stop, &mut |it| ear.take(it))?;
    Ok(ended(&ran, limit, ear))
}

/// Triggers, and believes only the structure: a new build without an error, and a runtime that
/// stays up. The log is read from where it was before the trigger.
fn through_tilt(resource: &str, limit: Duration, ear: &mut Ear<'_>) -> Result<Ended> {
    let start = Instant::now();
    if let Ok(file) = tilt::get("(Tiltfile)")
        && file.is_broken()
    {
        let why = file.error().unwrap_or("it cannot be read").to_owned();
        return Ok(Ended::Failed(format!("the Tiltfile is broken: {why}")));
    }
    let before = tilt::get(resource)?;
    let known = tilt::log(resource)?;
    let mut heard = known.clone();
    tilt::trigger(resource)?;
    let mut up: Option<(Option<i64>, Instant)> = None;
    loop {
        let look = tilt::get(resource)?.since(&before);
        let now = tilt::log(resource)?;
        ear.take(tilt::new_part(&heard, &now));
        heard = now;
        match look {
            tilt::Look::Failed(why) => return Ok(Ended::Failed(why)),
            tilt::Look::WaitsFor(others) => {
                for other in &others {
                    let it = tilt::get(other)?;
                    if it.is_broken() || it.is_disabled() {
                        let why = format!("it waits for {other}, which failed");
                        return Ok(Ended::Failed(why));
                    }
                }
                up = None;
            }
            tilt::Look::Building => up = None,
            tilt::Look::Up(pid) => match up {
                Some((same, since)) if same == pid => {
                    if since.elapsed() >= settle() && ear.has_succeeded() {
                        return Ok(Ended::Exit(0));
                    }
                }
                _ => up = Some((pid, Instant::now())),
            },
        }
        if let Some(ended) = over(start, limit) {
            // It runs, and never said what it must say: the judge knows how to call that.
            return Ok(if up.is_some() { Ended::Exit(0) } else { ended });
        }
        pause();
    }
}

fn over(start: Instant, limit: Duration) -> Option<Ended> {
    if super::stopped() {
        return Some(Ended::Failed("interrupted".to_owned()));
    }
    (start.elapsed() >= limit).then_some(Ended::TimedOut(limit))
}

/// What a service is like at a moment.
enum Seen {
    /// Up, with a mark that changes with every restart.
    Up(String),
    /// Not yet.
    NotYet(String),
    Failed(String),
}

/// Restarts a service and watches it until it has stayed up for a while.
fn watch(
    limit: Duration,
    ear: &mut Ear<'_>,
    restart: Option<&[&str]>,
    look: &dyn Fn() -> Result<Seen>,
) -> Result<Ended> {
    let start = Instant::now();
    if let Some([program, args @ ..]) = restart {
        let mut command = host::process::command(program);
        command.args(args);
        let stop = &super::stopped;
        let ran = host::steps::run_as(None, &mut command, limit, stop, &mut |it| ear.take(it))?;
        let ended = ended(&ran, limit, ear);
        if ended != Ended::Exit(0) {
            return Ok(ended);
        }
    }
    let mut up: Option<(String, Instant)> = None;
    let mut last = String::new();
    loop {
        match look()? {
            Seen::Failed(why) => return Ok(Ended::Failed(why)),
            Seen::NotYet(why) => {
                if why != last {
                    ear.take(format!("{why}\n").as_bytes());
                    last = why;
                }
                up = None;
            }
            Seen::Up(mark) => match &up {
                Some((same, since)) if *same == mark => {
                    if since.elapsed() >= settle() {
                        return Ok(Ended::Exit(0));
                    }
                }
                _ => up = Some((mark, Instant::now())),
            },
        }
        if let Some(ended) = over(start, limit) {
            return Ok(ended);
        }
        pause();
    }
}

fn pm2(name: &str) -> Result<Seen> {
    let list = host::services::pm2(name)?;
    Ok(match list.iter().find(|it| it.status != "online") {
        None if list.is_empty() => Seen::Failed(format!("pm2 knows no process {name}")),
        None => {
            let marks = list.iter().map(|it| format!("{}:{}", it.pid, it.restarts));
            Seen::Up(marks.collect::<Vec<_>>().join(" "))
        }
        Some(it) if it.status == "errored" => Seen::Failed(format!("{name} is errored in pm2")),
        Some(it) => Seen::NotYet(format!("{name} is {}", it.status)),
    })
}

fn systemd(unit: &str) -> Result<Seen> {
    let it = host::services::systemd(unit)?;
    Ok(match it.active.as_str() {
        "active" => Seen::Up(format!("{}:{}", it.pid, it.restarts)),
        "failed" | "inactive" => Seen::Failed(format!("{unit} is {}: {}", it.active, it.result)),
        other => Seen::NotYet(format!("{unit} is {other}")),
    })
}

fn http(url: &str) -> Result<Seen> {
    Ok(match host::services::http(url)? {
        Ok(status @ 200..=299) => Seen::Up(status.to_string()),
        Ok(status) => Seen::NotYet(format!("{url} answers {status}")),
        Err(why) => Seen::NotYet(format!("{url} does not answer: {why}")),
    })
}
