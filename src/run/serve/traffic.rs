//! What leads the users to LIVE: asked anew each time, and switched.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::host;
use crate::host::haproxy::{self, Door, Probe, Proxy, ProxyFacts};
use crate::host::http::Url;
use crate::host::machine::Machine;
use crate::plan::serve::Traffic;

/// How long the proxy's own checks may take to find out that a release is well.
const GATE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(50);

/// HAProxy, with the name of the app and the backend of each environment.
struct Asked<'a> {
    proxy: Proxy,
    app: &'a str,
    backends: &'a [(String, String)],
}

impl<'a> Asked<'a> {
    fn of(traffic: &'a Traffic) -> Result<Option<Self>> {
        let Traffic::Haproxy { master, map, key, backends, probe, host } = traffic else {
            return Ok(None);
        };
        let probe = match probe {
            Some(url) => Some(Probe { url: Url::parse(url)?, host: Some(host.clone()) }),
            None => None,
        };
        let proxy = Proxy {
            machine: Machine::Here,
            door: Door::Master(PathBuf::from(master)),
            map: map.clone(),
            probe,
        };
        Ok(Some(Self { proxy, app: key, backends }))
    }

    fn look(&self) -> Result<ProxyFacts> {
        let names: Vec<&str> = self.backends.iter().map(|(_, name)| name.as_str()).collect();
        self.proxy.look(self.app, &names)
    }

    fn backend(&self, env: &str) -> Result<&str> {
        let found = self.backends.iter().find(|(name, _)| name == env);
        found.map(|(_, backend)| backend.as_str()).with_context(|| format!("no backend of {env}"))
    }
}

/// The environment that has the traffic.
pub(super) fn live(traffic: &Traffic) -> Result<Option<String>> {
    if let Traffic::Link { at } = traffic {
        let to = host::read::link(at)?;
        return Ok(to.map(|to| to.to_string_lossy().into_owned()));
    }
    let Some(asked) = Asked::of(traffic)? else { return Ok(None) };
    let facts = asked.look()?;
    let live = match facts.live() {
        Ok(live) => live.to_owned(),
        // A switch that was cut off: what is on disk is what a restart would read.
        Err(_) => match &facts.file {
            haproxy::Entry::Is(backend) => format!("{backend} (in part)"),
            _ => return Ok(None),
        },
    };
    let env = asked.backends.iter().find(|(_, backend)| *backend == live);
    Ok(Some(env.map_or(live, |(env, _)| env.clone())))
}

/// Waits until the proxy itself finds the environment well: ours alone is not enough.
pub(super) fn gate(
    traffic: &Traffic,
    to: &str,
    stop: &dyn Fn() -> bool,
    out: &mut dyn FnMut(&str),
) -> Result<()> {
    let Some(asked) = Asked::of(traffic)? else { return Ok(()) };
    let backend = asked.backend(to)?;
    let start = Instant::now();
    loop {
        let facts = asked.look()?;
        if facts.is_healthy(backend) {
            return Ok(());
        }
        let why = facts.health(backend).join(", ");
        if start.elapsed() > GATE || stop() {
            bail!("haproxy does not find {backend} well: {why}");
        }
        out(&why);
        std::thread::sleep(PAUSE);
    }
}

/// Leads it from one to the other; one who has it already keeps it.
pub(super) fn switch(traffic: &Traffic, from: &str, to: &str) -> Result<()> {
    match live(traffic)? {
        Some(now) if now == to => return Ok(()),
        Some(now) if now == from || now.ends_with("(in part)") => {}
        now => {
            let now = now.unwrap_or_else(|| "nobody".into());
            bail!("the traffic is led to {now} and not to {from}: somebody else moved it");
        }
    }
    if let Traffic::Link { at } = traffic {
        host::write::link(at, std::path::Path::new(to))?;
        return host::write::settle(at.parent().context("a path with a directory")?);
    }
    let Some(asked) = Asked::of(traffic)? else { return Ok(()) };
    haproxy::write::switch(&asked.proxy, asked.app, asked.backend(to)?).map(drop)
}

/// Waits for those whom an environment that is not LIVE any more still serves.
pub(super) fn drain(
    traffic: &Traffic,
    env: &str,
    wait: Duration,
    cut: bool,
    stop: &dyn Fn() -> bool,
    out: &mut dyn FnMut(&str),
) -> Result<()> {
    let Some(asked) = Asked::of(traffic)? else { return Ok(()) };
    let backend = asked.backend(env)?;
    let start = Instant::now();
    let mut told = u64::MAX;
    loop {
        let left = asked.look()?.sessions(backend);
        if left == 0 {
            return Ok(());
        }
        if left != told {
            out(&format!("{left} connections are still served by {env}"));
            told = left;
        }
        if start.elapsed() >= wait || stop() {
            if cut && !stop() {
                return haproxy::write::cut(&asked.proxy, backend);
            }
            bail!("{left} connections are still served by {env}; `gsync sync --cut` cuts them");
        }
        std::thread::sleep(PAUSE);
    }
}
