//! Deeds on HAProxy: the switch of an app's traffic, and cutting what an environment still
//! serves. Only `run` may name this file (`tests/it/house.rs`).

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::{Entry, Proxy, map, must_be_name, parse, socket};

/// How long a switch may take, reloads in between included.
const LIMIT: Duration = Duration::from_secs(15);

/// What a switch came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switched {
    /// What the map on disk said before.
    pub before: Entry,
    /// The workers that were told, old ones too.
    pub workers: Vec<u32>,
}

/// Leads an app's traffic to a backend. Disk first, so that a worker that starts meanwhile reads
/// the new line; then every worker, until two listings in a row agree. A kept-alive connection
/// goes to the new backend with its next request.
pub fn switch(proxy: &Proxy, app: &str, backend: &str) -> Result<Switched> {
    must_be_name(app)?;
    must_be_name(backend)?;
    let until = Instant::now() + LIMIT;
    // Before anything is changed: haproxy takes the name of a backend that is not there.
    for (pid, _) in proxy.processes()?.all().into_iter().filter(|(_, old)| !old) {
        let Some(stat) = proxy.tell(pid, "show stat")? else { continue };
        let known = parse::backends(&stat, &[backend])?;
        ensure!(!known.is_empty(), "haproxy has no backend {backend}");
        if let Some(Entry::Unknown(why)) = proxy.entry(pid, app)? {
            // Two entries are mended by the switch; a map that is not used is not.
            ensure!(why.starts_with("it is there more than once"), "{why}");
        }
    }
    if proxy.machine.read(&proxy.map)?.is_none() {
        map::make(&proxy.machine, &proxy.map, &remembered(proxy)?)?;
    }
    let before = map::change(&proxy.machine, &proxy.map, app, backend, LIMIT)?;
    let mut agreed: Option<Vec<u32>> = None;
    loop {
        let (workers, changed) = round(proxy, app, backend)?;
        if !changed && agreed.as_ref() == Some(&workers) {
            return Ok(Switched { before, workers });
        }
        agreed = (!changed).then_some(workers);
        if Instant::now() >= until {
            bail!("the workers of haproxy do not come to agree on {backend}");
        }
        if changed {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// All lines of the map as the current worker has them: a map that is lost on disk is written anew
/// with those of the other apps.
fn remembered(proxy: &Proxy) -> Result<Vec<u8>> {
    let command = format!("show map {}", proxy.map_path()?);
    for pid in proxy.processes()?.workers {
        if let Some(answer) = proxy.tell(pid, &command)? {
            return Ok(parse::lines(&answer));
        }
    }
    bail!("haproxy has no worker")
}

/// Tells every worker that does not know yet. Which there are, and whether one had to be told.
fn round(proxy: &Proxy, app: &str, backend: &str) -> Result<(Vec<u32>, bool)> {
    let path = proxy.map_path()?;
    let list = proxy.processes()?;
    let mut changed = list.workers.is_empty();
    let mut workers = Vec::new();
    for (pid, _) in list.all() {
        match proxy.entry(pid, app)? {
            None => changed = true,
            Some(Entry::Is(it)) if it == backend => workers.push(pid),
            Some(Entry::Missing) => {
                changed = true;
                accept(proxy.tell(pid, &format!("add map {path} {app} {backend}"))?)?;
            }
            Some(_) => {
                changed = true;
                // All entries of a key are set, so doubled ones agree afterwards.
                let answer = proxy.tell(pid, &format!("set map {path} {app} {backend}"))?;
                if answer.as_deref().is_some_and(|it| it.trim() == "entry not found.") {
                    continue;
                }
                accept(answer)?;
            }
        }
    }
    Ok((workers, changed))
}

/// Ends all requests and tunnels that a backend still serves, on every worker.
pub fn cut(proxy: &Proxy, backend: &str) -> Result<()> {
    must_be_name(backend)?;
    for (pid, _) in proxy.processes()?.all() {
        let Some(stat) = proxy.tell(pid, "show stat")? else { continue };
        for server in parse::backends(&stat, &[backend])?.iter().flat_map(|it| &it.servers) {
            let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
            ensure!(server.name.bytes().all(safe), "{backend}: a server with a strange name");
            let command = format!("shutdown sessions server {backend}/{}", server.name);
            accept(proxy.tell(pid, &command)?)?;
        }
    }
    Ok(())
}

/// No answer is from a worker that ended: it serves nobody any more.
fn accept(answer: Option<String>) -> Result<()> {
    answer.map_or(Ok(()), |answer| socket::refusal(&answer))
}
