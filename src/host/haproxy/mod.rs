//! HAProxy, asked and switched at run time: which backend has an app's traffic is one line of a
//! map, in memory of every worker and on disk. [`Proxy::look`] tells what all of them say;
//! [`write`] changes it, and only `run` may name that.

mod lines;
mod map;
mod parse;
mod socket;
mod warnings;
pub mod write;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;

use super::http::Url;
use super::machine::Machine;
use crate::base::plain;
pub use lines::{Lines, Site, check, lines};
pub use warnings::{ConfigFacts, config_facts, warnings};

/// How long a socket that refuses is asked again: a reload takes about 0.2 s.
const PATIENCE: Duration = Duration::from_secs(3);

/// The way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    /// The master's socket (`haproxy -W -S`): every worker can be reached, old ones too.
    Master(PathBuf),
    /// A `stats socket`: after a reload it reaches only the new worker.
    Admin(PathBuf),
}

/// Whom to ask through HAProxy itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    pub url: Url,
    /// The name of the site, for the `Host` header.
    pub host: Option<String>,
}

/// One HAProxy, and the map that leads apps to backends.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// Where it runs: its sockets and its map are there.
    pub machine: Machine,
    pub door: Door,
    /// As its configuration writes it.
    pub map: PathBuf,
    pub probe: Option<Probe>,
}

/// What something says about the backend of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    Is(String),
    Missing,
    /// It could not be read; why.
    Unknown(String),
}

/// A server of a backend, as one worker sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Server {
    pub name: String,
    /// `UP`, `DOWN`, `UP 1/3` (on its way down), `MAINT`, `no check` ..
    pub status: String,
    /// The last check: `L7OK`, `L4CON`, `INI` (none yet) ..
    pub check: String,
    pub address: String,
    pub sessions: u64,
}

/// A backend, as one worker sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Backend {
    pub name: String,
    pub servers: Vec<Server>,
    /// Requests and tunnels that are open now, those that wait included.
    pub sessions: u64,
}

impl Backend {
    /// All its servers are up by a check of HTTP that passed. Right after a reload a dead
    /// server reads `UP` too, with the check `INI`: that does not count.
    pub fn is_healthy(&self) -> bool {
        let fine = |server: &Server| server.status == "UP" && server.check == "L7OK";
        !self.servers.is_empty() && self.servers.iter().all(fine)
    }
}

/// One process that serves connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Worker {
    /// 0 where the door is not the master's.
    pub pid: u32,
    /// It was replaced by a reload and serves the connections that it still has.
    pub old: bool,
    pub live: Entry,
    /// Those of the wanted backends that it knows.
    pub backends: Vec<Backend>,
}

/// All that HAProxy, its map on disk and a request through it say about one app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProxyFacts {
    pub workers: Vec<Worker>,
    /// Reloads that failed: the configuration on disk is broken.
    pub failed_reloads: u32,
    pub file: Entry,
    /// What the header of an answer says, where a probe is configured.
    pub probe: Option<Entry>,
}

impl ProxyFacts {
    /// The backend that has the traffic, if all agree; else what each says, a line each.
    pub fn live(&self) -> std::result::Result<&str, Vec<String>> {
        let mut said: Vec<(String, &Entry)> = self
            .workers
            .iter()
            .map(|worker| {
                let old = if worker.old { "old " } else { "" };
                (format!("the {old}worker {}", worker.pid), &worker.live)
            })
            .collect();
        said.push(("the map on disk".to_owned(), &self.file));
        said.extend(self.probe.as_ref().map(|probe| ("a request".to_owned(), probe)));
        if let Some((_, Entry::Is(first))) = said.first()
            && said.iter().all(|(_, entry)| matches!(entry, Entry::Is(it) if it == first))
        {
            return Ok(first);
        }
        let line = |(who, entry): (String, &Entry)| match entry {
            Entry::Is(backend) => format!("{who} says {}", plain(backend)),
            Entry::Missing => format!("{who} says nothing"),
            Entry::Unknown(why) => format!("{who} cannot be asked: {why}"),
        };
        Err(said.into_iter().map(line).collect())
    }

    /// Whether every current worker finds the backend up. Old workers check no more.
    pub fn is_healthy(&self, backend: &str) -> bool {
        let mut current = self.workers.iter().filter(|worker| !worker.old).peekable();
        current.peek().is_some()
            && current.all(|worker| {
                worker.backends.iter().any(|it| it.name == backend && it.is_healthy())
            })
    }

    /// Why it is not healthy, in HAProxy's words.
    pub fn health(&self, backend: &str) -> Vec<String> {
        let mut lines = Vec::new();
        for worker in self.workers.iter().filter(|worker| !worker.old) {
            match worker.backends.iter().find(|it| it.name == backend) {
                None => lines.push(format!("worker {} has no backend {backend}", worker.pid)),
                Some(it) => lines.extend(it.servers.iter().map(|server| {
                    let (status, check) = (plain(&server.status), plain(&server.check));
                    format!("{backend}/{} is {status} {check}", plain(&server.name))
                })),
            }
        }
        lines
    }

    /// Open requests and tunnels of a backend on all workers, old ones too.
    pub fn sessions(&self, backend: &str) -> u64 {
        let backends = self.workers.iter().flat_map(|worker| &worker.backends);
        backends.filter(|it| it.name == backend).map(|it| it.sessions).sum()
    }
}

/// Whether a name of an app or a backend may be told to HAProxy: `^[a-z][a-z0-9_-]{0,30}$`.
pub fn is_name(name: &str) -> bool {
    let rest =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    name.len() <= 31 && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.bytes().all(rest)
}

fn must_be_name(name: &str) -> Result<()> {
    ensure!(
        is_name(name),
        "{}: not a name for haproxy (small letters, digits, `-` and `_`, at most 31)",
        plain(name)
    );
    Ok(())
}

impl Proxy {
    /// What everybody says about an app, and how its backends are.
    pub fn look(&self, app: &str, backends: &[&str]) -> Result<ProxyFacts> {
        must_be_name(app)?;
        backends.iter().try_for_each(|name| must_be_name(name))?;
        let until = Instant::now() + PATIENCE;
        let (list, workers) = loop {
            let list = self.processes()?;
            let mut workers = Vec::new();
            for (pid, old) in list.all() {
                let Some(live) = self.entry(pid, app)? else { continue };
                let Some(stat) = self.tell(pid, "show stat")? else { continue };
                let backends = parse::backends(&stat, backends)?;
                workers.push(Worker { pid, old, live, backends });
            }
            // In the middle of a reload there may be none for a moment.
            if workers.iter().any(|worker| !worker.old) {
                break (list, workers);
            }
            ensure!(Instant::now() < until, "haproxy has no worker");
            std::thread::sleep(Duration::from_millis(20));
        };
        let file = match map::text(&self.machine, &self.map) {
            Ok(text) => map::entry(&text, app),
            Err(err) => Entry::Unknown(format!("{err:#}")),
        };
        let probe = self.probe.as_ref().map(|probe| self.ask_page(probe));
        Ok(ProxyFacts { workers, failed_reloads: list.failed, file, probe })
    }

    /// The pid of the master, where the door is its socket.
    pub fn master(&self) -> Result<Option<u32>> {
        let list = self.processes()?;
        Ok((list.master > 0).then_some(list.master))
    }

    fn socket(&self) -> Result<socket::Socket> {
        let (Door::Master(path) | Door::Admin(path)) = &self.door;
        let name = match &self.machine {
            Machine::Here => path.display().to_string(),
            Machine::There(_) => format!("{} on {}", path.display(), self.machine.name()),
        };
        Ok(socket::Socket { path: self.machine.socket(path)?, name, patience: PATIENCE })
    }

    /// Asks a page and reads who answered.
    fn ask_page(&self, probe: &Probe) -> Entry {
        match self.machine.get(&probe.url, probe.host.as_deref(), PATIENCE) {
            Err(err) => Entry::Unknown(plain(&format!("{err:#}"))),
            Ok(answer) => match answer.header("x-gsync-live") {
                Some(backend) if is_name(backend) => Entry::Is(backend.to_owned()),
                Some(other) => Entry::Unknown(format!("x-gsync-live says {}", parse::said(other))),
                None => Entry::Unknown("the answer has no header x-gsync-live".to_owned()),
            },
        }
    }

    fn processes(&self) -> Result<parse::Processes> {
        match self.door {
            Door::Master(_) => parse::processes(&self.socket()?.ask("show proc")?),
            Door::Admin(_) => Ok(parse::Processes { workers: vec![0], ..Default::default() }),
        }
    }

    /// A command for one worker, or nothing if it ended in the meantime.
    fn tell(&self, pid: u32, command: &str) -> Result<Option<String>> {
        let answer = match self.door {
            Door::Master(_) => self.socket()?.ask(&format!("@!{pid} {command}"))?,
            Door::Admin(_) => self.socket()?.ask(command)?,
        };
        Ok((!socket::is_gone(&answer)).then_some(answer))
    }

    fn entry(&self, pid: u32, app: &str) -> Result<Option<Entry>> {
        let answer = self.tell(pid, &format!("show map {}", self.map_path()?))?;
        Ok(answer.map(|answer| parse::entry(&answer, app)))
    }

    /// The map's path as one word of a command.
    fn map_path(&self) -> Result<&str> {
        let path = self.map.to_str().context("the path of the map is not text")?;
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+@".contains(&byte);
        if !path.bytes().all(fine) || !path.contains('/') {
            bail!("{}: not a path that can be told to haproxy", plain(path));
        }
        Ok(path)
    }
}

impl parse::Processes {
    fn all(&self) -> Vec<(u32, bool)> {
        let current = self.workers.iter().map(|pid| (*pid, false));
        current.chain(self.old.iter().map(|pid| (*pid, true))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(pid: u32, live: &str) -> Worker {
        Worker { pid, old: false, live: Entry::Is(live.into()), backends: Vec::new() }
    }

    #[test]
    fn live_is_what_all_agree_on() {
        let mut facts = ProxyFacts {
            workers: vec![worker(1, "a_blue"), worker(2, "a_blue")],
            failed_reloads: 0,
            file: Entry::Is("a_blue".into()),
            probe: Some(Entry::Is("a_blue".into())),
        };
        assert_eq!(facts.live(), Ok("a_blue"));
        facts.file = Entry::Is("a_green".into());
        assert!(facts.live().unwrap_err().contains(&"the map on disk says a_green".to_owned()));
        facts.file = Entry::Missing;
        assert!(facts.live().is_err());
        facts.file = Entry::Is("a_blue".into());
        facts.probe = Some(Entry::Unknown("no answer".into()));
        assert!(facts.live().is_err(), "what cannot be asked does not agree");
        facts.workers.clear();
        assert!(facts.live().is_err());
    }

    #[test]
    fn names_that_could_say_more_than_a_name_are_refused() {
        for good in ["shop", "a", "shop_blue-2"] {
            assert!(is_name(good), "{good}");
        }
        let long = "a".repeat(32);
        for bad in ["", "Shop", "1a", "-a", "shop; disable server x", "a\nb", "a b", "ä", &long] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
