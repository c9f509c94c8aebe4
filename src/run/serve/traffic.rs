//! What leads the users to LIVE: asked anew each time, and switched.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::host;
use crate::host::haproxy::{self, Door, Probe, Proxy, ProxyFacts};
use crate::host::http::Url;
use crate::plan::serve::Traffic;
use crate::run::place;

/// How long the proxy's own checks may take to find out that a release is well.
const GATE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(10);
/// How long those who are to agree may take to.
const MOMENT: Duration = Duration::from_secs(1);

/// Tests cannot wait that long.
fn gate_time() -> Duration {
    let told = host::env::text("GSYNC_GATE_MS").filter(|_| cfg!(debug_assertions));
    told.and_then(|ms| ms.parse().ok()).map_or(GATE, Duration::from_millis)
}

/// HAProxy, with the name of the app and the backend of each environment.
struct Asked<'a> {
    proxy: Proxy,
    app: &'a str,
    backends: &'a [(String, String)],
}

impl<'a> Asked<'a> {
    fn of(traffic: &'a Traffic) -> Result<Option<Self>> {
        let Traffic::Haproxy { machine, master, map, key, backends, probe, host } = traffic else {
            return Ok(None);
        };
        let probe = match probe {
            Some(url) => Some(Probe { url: Url::parse(url)?, host: Some(host.clone()) }),
            None => None,
        };
        let proxy = Proxy {
            machine: place::open(machine.as_deref())?,
            door: Door::Master(PathBuf::from(master)),
            map: map.clone(),
            probe,
        };
        Ok(Some(Self { proxy, app: key, backends }))
    }

    /// For questions that LIVE need not be asked for, and asked often.
    fn without_a_request(mut self) -> Self {
        self.proxy.probe = None;
        self
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

/// Who has the traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    /// All agree on this environment, or on a link to something else.
    One(String),
    /// All agree on a backend that is no environment of the app.
    Elsewhere(String),
    /// The link, or the line of the map, is not there.
    Nobody,
    /// A switch was cut off half way, or somebody changed a part by hand; what each says.
    Split(String),
}

fn standing(traffic: &Traffic) -> Result<Standing> {
    if let Traffic::Link { at } = traffic {
        let to = host::read::link(at)?;
        return Ok(to.map_or(Standing::Nobody, |to| Standing::One(to.to_string_lossy().into())));
    }
    let Some(asked) = Asked::of(traffic)? else { return Ok(Standing::Nobody) };
    let mut facts = asked.look()?;
    // A LIVE that does not answer must not stop the way back from it.
    if matches!(facts.probe, Some(haproxy::Entry::Unknown(_) | haproxy::Entry::Missing)) {
        facts.probe = None;
    }
    let nothing = |entry: &haproxy::Entry| *entry == haproxy::Entry::Missing;
    if nothing(&facts.file) && facts.workers.iter().all(|worker| nothing(&worker.live)) {
        return Ok(Standing::Nobody);
    }
    Ok(match facts.live() {
        Ok(live) => match asked.backends.iter().find(|(_, backend)| backend == live) {
            Some((env, _)) => Standing::One(env.clone()),
            None => Standing::Elsewhere(live.to_owned()),
        },
        Err(said) => Standing::Split(said.join(", ")),
    })
}

/// The same, asked again for a moment while they do not agree: a reload may be under way.
fn settled(traffic: &Traffic) -> Result<Standing> {
    let start = Instant::now();
    loop {
        match standing(traffic)? {
            Standing::Split(_) if start.elapsed() < MOMENT => std::thread::sleep(PAUSE),
            found => return Ok(found),
        }
    }
}

/// The environment that has the traffic before a switch. Where that is not one, a switch that
/// is meant to go forward is not begun; one that brings order writes down that it was none. A
/// switch that was cut off is so never taken for one that is as it was.
pub(super) fn live(traffic: &Traffic, forward: bool) -> Result<Option<String>> {
    match settled(traffic)? {
        Standing::One(env) => Ok(Some(env)),
        Standing::Nobody => Ok(None),
        Standing::Split(said) if forward => {
            bail!("haproxy does not say one thing about what is LIVE: {said}")
        }
        Standing::Elsewhere(backend) if forward => bail!("{}", elsewhere(&backend)),
        Standing::Split(_) | Standing::Elsewhere(_) => Ok(None),
    }
}

/// Whether somebody else serves the users: they are not led away from there to one that is ill.
pub(super) fn is_elsewhere(traffic: &Traffic) -> Result<bool> {
    Ok(matches!(settled(traffic)?, Standing::Elsewhere(_)))
}

fn elsewhere(backend: &str) -> String {
    format!("haproxy leads the traffic to {}, which is no environment", crate::base::plain(backend))
}

/// Waits until the proxy itself finds the environment well: ours alone is not enough.
pub(super) fn gate(
    traffic: &Traffic,
    to: &str,
    stop: &dyn Fn() -> bool,
    out: &mut dyn FnMut(&str),
) -> Result<()> {
    let Some(asked) = Asked::of(traffic)?.map(Asked::without_a_request) else { return Ok(()) };
    let backend = asked.backend(to)?;
    let start = Instant::now();
    let mut last = String::new();
    loop {
        let facts = asked.look()?;
        if facts.is_healthy(backend) {
            return Ok(());
        }
        let why = facts.health(backend).join(", ");
        if start.elapsed() > gate_time() || stop() {
            bail!("haproxy does not find {backend} well: {why}");
        }
        if why != last {
            out(&why);
            last = why;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Leads it from one to the other; one who has it already keeps it. What is half done is only
/// completed by a switch that puts back or brings order, not by one that goes `forward`.
pub(super) fn switch(traffic: &Traffic, from: &str, to: &str, forward: bool) -> Result<()> {
    let found = if forward { settled(traffic)? } else { standing(traffic)? };
    match found {
        Standing::One(now) if now == to => return Ok(()),
        Standing::One(now) if now == from => {}
        Standing::Split(_) if !forward => {}
        Standing::Nobody | Standing::Elsewhere(_) if !forward && from == to => {}
        Standing::Elsewhere(backend) => bail!("{}", elsewhere(&backend)),
        Standing::Split(said) => bail!("the traffic is led to several at once: {said}"),
        Standing::One(now) => {
            bail!("the traffic is led to {now} and not to {from}: somebody else moved it")
        }
        Standing::Nobody => bail!("the traffic is led to nobody and not to {from}"),
    }
    if let Traffic::Link { at } = traffic {
        host::write::link(at, std::path::Path::new(to))?;
        return host::write::settle(at.parent().context("a path with a directory")?);
    }
    let Some(asked) = Asked::of(traffic)? else { return Ok(()) };
    haproxy::write::switch(&asked.proxy, asked.app, asked.backend(to)?).map(drop)
}

/// Waits for those whom an environment that is not LIVE any more still serves: requests that are
/// under way, and tunnels. A connection that is kept alive and idle is none of them: its next
/// request goes to LIVE.
pub(super) fn drain(
    traffic: &Traffic,
    env: &str,
    wait: Duration,
    cut: bool,
    stop: &dyn Fn() -> bool,
    out: &mut dyn FnMut(&str),
) -> Result<()> {
    let Some(asked) = Asked::of(traffic)?.map(Asked::without_a_request) else { return Ok(()) };
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
