//! The process of an environment: ended, started anew from a release, and known by its number
//! and its start, never by a name.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

use super::manager;
use crate::base::{Bytes, File};
use crate::host::machine::{Machine, write};
use crate::host::{self, process, proof};
use crate::plan::serve::{Activate, Build, Keeper};
use crate::run::place;

/// The file in an environment's directory that says what was started last.
const RECORD: &str = "process.json";
/// The app's own variables.
const FILE: &str = "shared/.env";
/// The word after `gsync hook` with which a process of an app begins.
pub const BECOME: &str = "become-process";
/// How long a process has to end by itself, and a `stop` to come back.
const GRACE: Duration = Duration::from_secs(10);
pub(super) const STOPPING: Duration = Duration::from_mins(1);
/// How long a port may be held by nobody who can be seen.
const DYING: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(1);

/// What was started last in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Recorded {
    /// The name of its release; empty while it is being changed.
    pub release: String,
    pub pid: Option<u32>,
    /// When the process started, in the system's words: a number is used again.
    pub started: String,
}

pub(super) fn recorded(machine: &Machine, home: &Path) -> Result<Option<Recorded>> {
    let Some(bytes) = machine.read(&home.join(RECORD))? else { return Ok(None) };
    // A file that cannot be read knows nothing.
    Ok(serde_json::from_slice(&bytes).ok())
}

fn record(machine: &Machine, home: &Path, recorded: &Recorded) -> Result<()> {
    let (path, bytes) = (home.join(RECORD), Bytes(serde_json::to_vec(recorded)?));
    let file = File { bytes, mode: 0o644 };
    match (write::file(machine, &path, &file), machine) {
        // A former release is started again on a full disk too: in the place that the file has.
        (Err(why), Machine::Here) if is_full(&why) => {
            host::write::over(&path, &file.bytes.0).map_err(|_| why)
        }
        (written, _) => written,
    }
}

fn is_full(why: &anyhow::Error) -> bool {
    let full = |err: &std::io::Error| err.kind() == std::io::ErrorKind::StorageFull;
    why.chain().filter_map(|it| it.downcast_ref()).any(full)
}

/// Whether the recorded process is the one that has its number now, and lives.
pub(super) fn lives(machine: &Machine, recorded: &Recorded) -> bool {
    let Some(pid) = recorded.pid else { return false };
    match machine.process(pid) {
        proof::Seen::Is(Some(process)) => process.started == recorded.started,
        proof::Seen::Is(None) | proof::Seen::CannotTell(_) => false,
    }
}

/// Refuses before anything is touched if somebody else sits on the port.
pub(super) fn port_is_ours(machine: &Machine, it: &Activate) -> Result<()> {
    if it.keeper == Keeper::None || it.back {
        return Ok(());
    }
    match strays(machine, it) {
        Ok(strays) => match strays.first() {
            Some(stray) => bail!("{}", taken(it, stray)),
            None => Ok(()),
        },
        Err(why) => bail!("{why}"),
    }
}

fn taken(it: &Activate, stray: &proof::Process) -> String {
    let cwd = stray.cwd.known().map_or_else(|| "?".into(), |cwd| cwd.display().to_string());
    let port = it.port.unwrap_or_default();
    format!("port {port} is taken by process {} in {cwd}, which is not of this app", stray.pid)
}

/// Who listens on the port and is neither what we started nor of one of our releases.
fn strays(machine: &Machine, it: &Activate) -> Result<Vec<proof::Process>, String> {
    let Some(port) = it.port else { return Ok(Vec::new()) };
    let known = recorded(machine, &it.home).ok().flatten();
    let listening = match machine.on_port_of(port, likely(machine, &it.home, known.as_ref())) {
        proof::Seen::Is(list) => list,
        proof::Seen::CannotTell(why) => return Err(why),
    };
    if listening.is_empty() {
        return Ok(listening);
    }
    let ours = known.filter(|it| lives(machine, it)).and_then(|it| it.pid);
    let releases = releases(machine, &it.home);
    Ok(listening.into_iter().filter(|process| !is_ours(process, ours, &releases)).collect())
}

/// The process that is likely to listen, or to have started who does: what was started last, or
/// the daemon of PM2. Where to look first, and nothing more.
pub(super) fn likely(machine: &Machine, home: &Path, known: Option<&Recorded>) -> Option<u32> {
    let Machine::Here = machine else { return None };
    let daemon = || {
        let bytes = machine.read(&home.join(manager::HOME).join("pm2.pid")).ok()??;
        String::from_utf8(bytes).ok()?.trim().parse().ok()
    };
    known.and_then(|known| known.pid).or_else(daemon)
}

fn is_ours(process: &proof::Process, ours: Option<u32>, releases: &Path) -> bool {
    let descends = ours.is_some_and(|pid| process.pid == pid || process.parents.contains(&pid));
    descends || process.cwd.known().is_some_and(|cwd| cwd.starts_with(releases))
}

fn releases(machine: &Machine, home: &Path) -> PathBuf {
    let dir = home.join("releases");
    machine.real(&dir).ok().flatten().unwrap_or(dir)
}

/// Ends what runs, and starts the release, if there is one.
pub(super) fn restart(machine: &Machine, it: &Activate, out: &mut dyn FnMut(&str)) -> Result<()> {
    let old = recorded(machine, &it.home)?;
    let changing = Recorded {
        release: String::new(),
        ..old.clone().unwrap_or(Recorded {
            release: String::new(),
            pid: None,
            started: String::new(),
        })
    };
    let done = |pid, started| {
        let release = it.release.as_ref().map(Build::name).unwrap_or_default();
        record(machine, &it.home, &Recorded { release, pid, started })
    };
    match &it.keeper {
        Keeper::None => done(None, String::new()),
        Keeper::Command { start, stop, .. } => {
            record(machine, &it.home, &changing)?;
            end(machine, it, old.as_ref(), stop.as_deref(), out)?;
            match &it.release {
                Some(release) => begin(machine, it, start, release),
                None => done(None, String::new()),
            }
        }
        Keeper::Pm2 { .. } | Keeper::Systemd { .. } => {
            record(machine, &it.home, &changing)?;
            manager::restart(machine, it, out)?;
            done(None, String::new())
        }
    }
}

/// Ends the process, whatever of its session is left, and whatever of our releases still listens.
fn end(
    machine: &Machine,
    it: &Activate,
    old: Option<&Recorded>,
    stop: Option<&str>,
    out: &mut dyn FnMut(&str),
) -> Result<()> {
    if let (Some(stop), Some(former)) = (stop, &it.former)
        && machine.exists(&former.dir)?
    {
        let mut command = command(machine, stop, &former.dir, it, Some(former))?;
        let mut said = Vec::new();
        let ran = host::steps::run(&mut command, STOPPING, &|| false, &mut |piece| {
            if said.len() < 1 << 12 {
                said.extend_from_slice(piece);
            }
        })?;
        String::from_utf8_lossy(&said).lines().for_each(&mut *out);
        if ran.end != host::steps::End::Exit(0) {
            // It may not run at all: what counts is that the port is free.
            out(&format!("`{stop}` ended with {:?}", ran.end));
        }
    }
    if let Some(old) = old.filter(|old| lives(machine, old)) {
        end_process(machine, old.pid.unwrap_or_default(), &old.started, true)?;
    }
    let start = Instant::now();
    loop {
        let first = old.and_then(|old| old.pid);
        let listening = match (it.port.map(|port| machine.on_port_of(port, first)), machine) {
            (Some(proof::Seen::Is(list)), _) => list,
            // A connection that broke is no free port.
            (Some(proof::Seen::CannotTell(why)), Machine::There(_)) => bail!("{why}"),
            // A socket without an owner is one of a process that is just dying: of several threads
            // the first one is dead, and the others still hold it.
            (Some(proof::Seen::CannotTell(_)), Machine::Here) if start.elapsed() < DYING => {
                std::thread::sleep(PAUSE);
                continue;
            }
            _ => Vec::new(),
        };
        let Some(first) = listening.first() else { return Ok(()) };
        if is_ours(first, None, &releases(machine, &it.home)) {
            end_process(machine, first.pid, &first.started, false)?;
        } else if start.elapsed() > Duration::from_secs(2) {
            bail!("{}", taken(it, first));
        }
        std::thread::sleep(PAUSE);
    }
}

fn pid_of(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().filter(|pid| *pid > 1).and_then(Pid::from_raw)
}

/// Ends a process, with all of its group if it was started to lead one.
fn end_process(machine: &Machine, pid: u32, started: &str, group: bool) -> Result<()> {
    if let Machine::There(_) = machine {
        return write::end(machine, pid, started, group, GRACE);
    }
    let is_there = || match proof::process(pid) {
        proof::Seen::Is(Some(process)) => process.started == started,
        proof::Seen::Is(None) | proof::Seen::CannotTell(_) => false,
    };
    match group {
        true => end_group(pid, &is_there),
        false => end_one(pid, &is_there),
    }
    Ok(())
}

/// It leads a group of its own, since it was started so.
fn end_group(pid: u32, is_there: &dyn Fn() -> bool) {
    let Some(group) = pid_of(pid) else { return };
    let _ = rustix::process::kill_process_group(group, Signal::TERM);
    wait_while(is_there, GRACE);
    let _ = rustix::process::kill_process_group(group, Signal::KILL);
    wait_while(is_there, GRACE);
}

fn end_one(pid: u32, is_there: &dyn Fn() -> bool) {
    let Some(pid) = pid_of(pid) else { return };
    let _ = rustix::process::kill_process(pid, Signal::TERM);
    wait_while(is_there, GRACE);
    if is_there() {
        let _ = rustix::process::kill_process(pid, Signal::KILL);
        wait_while(is_there, GRACE);
    }
}

fn wait_while(is_there: &dyn Fn() -> bool, most: Duration) {
    let start = Instant::now();
    while is_there() && start.elapsed() < most {
        std::thread::sleep(PAUSE);
    }
}

/// A line in the environment that all programs of a release have; without one: of none.
pub(super) fn command(
    machine: &Machine,
    line: &str,
    dir: &Path,
    it: &Activate,
    release: Option<&Build>,
) -> Result<std::process::Command> {
    let file = release.map(|_| it.home.join(FILE));
    let mut vars = vars(it, release);
    // Where a manager is to write what the program says.
    vars.push(("GSYNC_LOG".into(), it.log.to_string_lossy().into_owned()));
    place::shell(machine, line, dir, &vars, file.as_deref())
}

fn vars(it: &Activate, release: Option<&Build>) -> Vec<(String, String)> {
    let mut vars = it.vars.clone();
    vars.extend(release.map(Build::vars).into_iter().flatten());
    vars
}

/// Starts a process in a session of its own. It writes down itself who it is before it becomes
/// the app's program, so that nobody is left unknown if we are killed in between.
fn begin(machine: &Machine, it: &Activate, start: &str, release: &Build) -> Result<()> {
    let name = release.name();
    let file = it.home.join(FILE);
    if let Machine::There(_) = machine {
        let job = place::job(start, &release.dir, &vars(it, Some(release)), Some(&file));
        return write::start(machine, &job, &name, &it.home.join(RECORD), &it.log, GRACE);
    }
    if let Some(logs) = it.log.parent() {
        std::fs::create_dir_all(logs).with_context(|| format!("make {}", logs.display()))?;
    }
    let mut options = std::fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let log = options.create(true).append(true).open(&it.log);
    let log = log.with_context(|| format!("write {}", it.log.display()))?;
    let mut command = process::command(host::env::binary().context("find gsync itself")?);
    command.args(["hook", BECOME]).arg(&it.home).args([&name, start]);
    command.current_dir(&release.dir).stdin(Stdio::null());
    host::clean::dress(&mut command, &vars(it, Some(release)), Some(&file))?;
    command.stdout(log.try_clone().context("a log")?).stderr(log);
    let mut child = command.spawn().with_context(|| format!("start `{start}`"))?;
    let pid = child.id();
    let begun = Instant::now();
    loop {
        if recorded(machine, &it.home)?.is_some_and(|it| it.release == name && it.pid == Some(pid))
        {
            break;
        }
        if let Some(status) = child.try_wait()? {
            bail!("`{start}` could not be started: {status}");
        }
        if begun.elapsed() > GRACE {
            bail!("`{start}` could not be started in {} s", GRACE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    // Somebody must take note of its end while we live, or it stays in the table of processes.
    std::thread::spawn(move || child.wait());
    Ok(())
}

/// The process of an app, from the inside: a session of its own, its record, then the program.
/// It comes back only if that cannot be.
pub fn become_process(words: &[std::ffi::OsString]) -> Result<()> {
    let [home, release, line] = words else { bail!("an environment, a release and a line") };
    let _ = rustix::process::setsid();
    let pid = std::process::id();
    let proof::Seen::Is(Some(own)) = proof::process(pid) else {
        bail!("this machine does not tell which processes run")
    };
    let release = release.to_string_lossy().into_owned();
    record(
        &Machine::Here,
        Path::new(home),
        &Recorded { release, pid: Some(pid), started: own.started },
    )?;
    let dir = std::env::current_dir().context("find the release directory")?;
    let mut command = host::steps::shell(&line.to_string_lossy(), &dir);
    Err(command.exec()).with_context(|| format!("run {}", line.to_string_lossy()))
}
