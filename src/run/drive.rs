//! The drivers: how a step is started, and how it is known to have ended well.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::task::{Ear, ended};
use crate::host::http::Url;
use crate::host::machine::Machine;
use crate::host::{self, tilt};
use crate::pipeline::matchers::own;
use crate::pipeline::verdict::Ended;
use crate::plan::{Drive, Task};

/// How often a service is looked at, at most.
const PAUSE: Duration = Duration::from_millis(200);

/// How long a service must stay up to count as up.
const SETTLE: Duration = Duration::from_secs(2);

/// The same in Tilt, which notices the end of a server only after about five seconds.
const SETTLE_IN_TILT: Duration = Duration::from_secs(6);

/// Tests cannot wait that long.
fn settle(time: Duration) -> Duration {
    let told = host::env::text("GSYNC_SETTLE_MS").filter(|_| cfg!(debug_assertions));
    told.and_then(|ms| ms.parse().ok()).map_or(time, Duration::from_millis)
}

fn pause() {
    std::thread::sleep(PAUSE.min(settle(SETTLE) / 4));
}

pub(super) fn drive(task: &Task, ear: &mut Ear<'_>) -> Ended {
    let limit = Duration::from_millis(task.timeout_ms);
    let driven = match &task.drive {
        Drive::Run(line) => shell(line, task, limit, ear),
        Drive::Tilt(resource) => through_tilt(resource, limit, ear),
        // Without its table, in which all that was just restarted looks like a crash loop: how it
        // is, and stays, is looked at afterwards.
        Drive::Pm2(name) => {
            watch(limit, ear, &["pm2", "restart", name, "--mini-list"], &|| pm2(name))
        }
        Drive::Systemd(unit) => {
            watch(limit, ear, &["systemctl", "restart", unit], &|| systemd(unit))
        }
        Drive::Http(url) => http(task, url, limit, ear),
    };
    driven.unwrap_or_else(|why| Ended::NotStarted(format!("{why:#}")))
}

fn shell(line: &str, task: &Task, limit: Duration, ear: &mut Ear<'_>) -> Result<Ended> {
    let machine = super::place::open(task.clean.as_ref().and_then(|it| it.host.as_deref()))?;
    if let Machine::Here = machine
        && !task.dir.is_dir()
    {
        anyhow::bail!("there is no directory {}", task.dir.display());
    }
    let mut command = match &task.clean {
        Some(it) => super::place::shell(&machine, line, &task.dir, &it.vars, it.file.as_deref())?,
        None => host::steps::shell(line, &task.dir),
    };
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
            tilt::Look::Built if ear.has_succeeded() => return Ok(Ended::Exit(0)),
            // What it must say may still be on its way.
            tilt::Look::Built => {
                let (_, since) = *up.get_or_insert((None, Instant::now()));
                if since.elapsed() >= settle(SETTLE) {
                    return Ok(Ended::Exit(0));
                }
            }
            tilt::Look::Up(pid) => match up {
                Some((same, since)) if same == pid => {
                    if since.elapsed() >= settle(SETTLE_IN_TILT) && ear.has_succeeded() {
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
    /// It did its work; there is nothing to stay up.
    Done,
    /// Not yet.
    NotYet(String),
    Failed(String),
}

/// Restarts a service and watches it until it has stayed up for a while.
fn watch(
    limit: Duration,
    ear: &mut Ear<'_>,
    restart: &[&str],
    look: &dyn Fn() -> Result<Seen>,
) -> Result<Ended> {
    let start = Instant::now();
    // What ran before the restart does not count, whatever the restart says of itself.
    let former = match look()? {
        Seen::Up(mark) => Some(mark),
        _ => None,
    };
    if let [program, args @ ..] = restart {
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
        let seen = match look()? {
            Seen::Up(mark) if Some(&mark) == former.as_ref() => {
                Seen::NotYet("it is still the one of before the restart".to_owned())
            }
            seen => seen,
        };
        match seen {
            Seen::Failed(why) => return Ok(Ended::Failed(why)),
            Seen::Done => return Ok(Ended::Exit(0)),
            Seen::NotYet(why) => {
                if why != last {
                    ear.take(format!("{why}\n").as_bytes());
                    last = why;
                }
                up = None;
            }
            Seen::Up(mark) => match &up {
                Some((same, since)) if *same == mark => {
                    if since.elapsed() >= settle(SETTLE) {
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

/// Processes and restarts must stay what they are; `online` alone is said of a crash loop too.
fn pm2(name: &str) -> Result<Seen> {
    let list = host::services::pm2(name)?;
    let gone =
        |pid: u32| pid == 0 || matches!(host::proof::process(pid), host::proof::Seen::Is(None));
    Ok(match list.iter().find(|it| it.status != "online" || gone(it.pid)) {
        None if list.is_empty() => Seen::Failed(format!("pm2 knows no process {name}")),
        None => {
            let marks = list.iter().map(|it| format!("{}:{}", it.pid, it.restarts));
            Seen::Up(marks.collect::<Vec<_>>().join(" "))
        }
        Some(it) if it.status == "errored" => Seen::Failed(format!("{name} is errored in pm2")),
        Some(it) if it.status == "online" => {
            Seen::NotYet(format!("{name} is online in pm2, and its process {} is gone", it.pid))
        }
        Some(it) => Seen::NotYet(format!("{name} is {}", it.status)),
    })
}

fn systemd(unit: &str) -> Result<Seen> {
    let it = host::services::systemd(unit)?;
    if it.load == "not-found" {
        return Ok(Seen::Failed(format!("there is no unit {unit}")));
    }
    let mark = format!("{}:{}", it.pid, it.restarts);
    // What ends when its work is done has no process to be told apart by.
    let once = it.kind == "oneshot" && it.result == "success";
    Ok(match it.active.as_str() {
        "active" | "inactive" if once => Seen::Done,
        "active" => Seen::Up(mark),
        "failed" | "inactive" => Seen::Failed(format!("{unit} is {}: {}", it.active, it.result)),
        other => Seen::NotYet(format!("{unit} is {other}")),
    })
}

/// Asks an address until it answers as it should, and goes on doing so for a while: with a good
/// status, and what the step names as `success` in its body.
fn http(task: &Task, url: &str, limit: Duration, ear: &mut Ear<'_>) -> Result<Ended> {
    let url = Url::parse(url)?;
    let success = own(&task.success).map_err(anyhow::Error::msg)?;
    let start = Instant::now();
    let mut up: Option<Instant> = None;
    let mut last = String::new();
    loop {
        let left = limit.saturating_sub(start.elapsed()).min(Duration::from_secs(3));
        let why = match host::http::get(&url, None, left) {
            Ok(answer) if !is_good(task, answer.status) => format!("it answers {}", answer.status),
            Ok(answer) if success.as_ref().is_none_or(|it| it.is_match(&answer.body)) => {
                let since = *up.get_or_insert_with(Instant::now);
                if since.elapsed() >= settle(SETTLE) {
                    // The judge looks for the same words.
                    ear.take(&[&answer.body[..], b"\n"].concat());
                    let exit = if task.ok_exit.is_empty() { 0 } else { i32::from(answer.status) };
                    return Ok(Ended::Exit(exit));
                }
                String::new()
            }
            Ok(_) => "it answers without the words of `success`".to_owned(),
            Err(why) => format!("{why:#}"),
        };
        if !why.is_empty() {
            up = None;
            if why != last {
                ear.take(format!("{why}\n").as_bytes());
                last = why;
            }
        }
        if let Some(ended) = over(start, limit) {
            return Ok(ended);
        }
        pause();
    }
}

/// Any 2xx, or what the step names as good.
fn is_good(task: &Task, status: u16) -> bool {
    match task.ok_exit.is_empty() {
        true => (200..300).contains(&status),
        false => task.ok_exit.contains(&i32::from(status)),
    }
}
