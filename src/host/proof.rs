//! Who answers: which processes listen on a port, from which directory they run, since when.
//! Read from `/proc`, as the one proof that does not take a process manager's word. What cannot
//! be seen (another user's process, a machine without `/proc`) is said, and is never "fine".

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::sockets;

/// An answer, or that there is none to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen<T> {
    Is(T),
    /// Why not, in words.
    CannotTell(String),
}

impl<T> Seen<T> {
    /// The answer, if there is one.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Is(it) => Some(it),
            Self::CannotTell(_) => None,
        }
    }
}

/// One process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    /// Who started it, then who started that one, up to the first.
    pub parents: Vec<u32>,
    /// When it started, in the system's own words: a pid that is used again has another.
    pub started: String,
    /// The directory that it runs in, links resolved. One that is gone has ` (deleted)` behind it.
    pub cwd: Seen<PathBuf>,
}

/// The processes that listen on a TCP port; nobody is an empty list.
pub fn on_port(port: u16) -> Seen<Vec<Process>> {
    listening(Path::new("/proc"), port, None)
}

/// The same where it is likely who it is: a process or one that it started. Only if they do not
/// hold everything that listens there is everybody looked at, which takes as long as there are
/// processes.
pub fn on_port_of(port: u16, likely: Option<u32>) -> Seen<Vec<Process>> {
    listening(Path::new("/proc"), port, likely)
}

/// A process by its number, or nothing if it is not alive.
pub fn process(pid: u32) -> Seen<Option<Process>> {
    let proc = Path::new("/proc");
    if !proc.join("self/stat").exists() {
        return Seen::CannotTell("this machine has no /proc".to_owned());
    }
    Seen::Is(one(proc, pid))
}

/// All living processes that descend from one, itself left out.
pub fn descendants(pid: u32) -> Seen<Vec<u32>> {
    match super::processes::table() {
        Err(err) => Seen::CannotTell(format!("{err:#}")),
        Ok(table) => {
            let mut family = vec![pid];
            let mut at = 0;
            while let Some(parent) = family.get(at).copied() {
                let children = table.iter().filter(|line| line.parent == parent);
                let new: Vec<u32> =
                    children.map(|line| line.pid).filter(|pid| !family.contains(pid)).collect();
                family.extend(new);
                at += 1;
            }
            Seen::Is(family.split_off(1))
        }
    }
}

fn listening(proc: &Path, port: u16, likely: Option<u32>) -> Seen<Vec<Process>> {
    match sockets::listening(port) {
        Some(sockets) => owners(proc, port, likely, &sockets),
        None => by_tables(proc, port, likely),
    }
}

fn by_tables(proc: &Path, port: u16, likely: Option<u32>) -> Seen<Vec<Process>> {
    let mut sockets = HashSet::new();
    let mut read = 0;
    for name in ["net/tcp", "net/tcp6"] {
        match fs::read_to_string(proc.join(name)) {
            Ok(table) => {
                read += 1;
                sockets.extend(sockets_of(&table, port));
            }
            // A machine without IPv6 has no such table.
            Err(err) if err.kind() == ErrorKind::NotFound => {}
            Err(err) => return Seen::CannotTell(format!("/proc/{name} cannot be read: {err}")),
        }
    }
    if read == 0 {
        return Seen::CannotTell("this machine does not tell who listens".to_owned());
    }
    owners(proc, port, likely, &sockets)
}

fn owners(
    proc: &Path,
    port: u16,
    likely: Option<u32>,
    sockets: &HashSet<u64>,
) -> Seen<Vec<Process>> {
    if sockets.is_empty() {
        return Seen::Is(Vec::new());
    }
    let (mut processes, mut owned) = holders(proc, family(proc, likely), sockets);
    if owned.len() < sockets.len() {
        let Ok(entries) = fs::read_dir(proc) else {
            return Seen::CannotTell("/proc cannot be read".to_owned());
        };
        let names = entries.flatten().map(|entry| entry.file_name());
        let all = names.filter_map(|name| name.to_str()?.parse().ok());
        (processes, owned) = holders(proc, all, sockets);
    }
    judge(port, processes, sockets.difference(&owned).count())
}

/// Who of these holds one of the sockets, and which of them are held.
fn holders(
    proc: &Path,
    pids: impl IntoIterator<Item = u32>,
    sockets: &HashSet<u64>,
) -> (Vec<Process>, HashSet<u64>) {
    let (mut processes, mut owned) = (Vec::new(), HashSet::new());
    for pid in pids {
        let held = held_by(&proc.join(pid.to_string()).join("fd"), sockets);
        if !held.is_empty() {
            owned.extend(held);
            processes.extend(one(proc, pid));
        }
    }
    (processes, owned)
}

/// A process and all that descend from it, as far as the kernel lists them.
fn family(proc: &Path, first: Option<u32>) -> Vec<u32> {
    let mut family: Vec<u32> = first.into_iter().collect();
    let mut at = 0;
    while let Some(pid) = family.get(at) {
        let tasks = fs::read_dir(proc.join(pid.to_string()).join("task"));
        let children = tasks
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
        let children: Vec<u32> = children
            .flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
            .filter_map(|pid| pid.parse().ok())
            .collect();
        family.extend(children);
        at += 1;
    }
    family
}

/// A socket whose owner was not found belongs to somebody whom we may not look at.
pub(super) fn judge(port: u16, mut processes: Vec<Process>, unseen: usize) -> Seen<Vec<Process>> {
    if unseen > 0 || processes.is_empty() {
        let why = format!("port {port} is held by a process that {} may not look at", user());
        return Seen::CannotTell(why);
    }
    processes.sort_by_key(|it| it.pid);
    Seen::Is(processes)
}

fn user() -> &'static str {
    if rustix::process::geteuid().is_root() { "even root" } else { "this user" }
}

/// The numbers of the listening sockets of a port in a table of the kernel.
pub(super) fn sockets_of(table: &str, port: u16) -> Vec<u64> {
    const LISTEN: &str = "0A";
    let of = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, hex) = fields.get(1)?.rsplit_once(':')?;
        let here = u16::from_str_radix(hex, 16).ok()? == port && *fields.get(3)? == LISTEN;
        here.then(|| fields.get(9)?.parse().ok()).flatten()
    };
    table.lines().skip(1).filter_map(of).collect()
}

fn held_by(fds: &Path, sockets: &HashSet<u64>) -> Vec<u64> {
    let Ok(entries) = fs::read_dir(fds) else { return Vec::new() };
    let targets = entries.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    targets
        .filter_map(|to| to.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok())
        .filter(|socket| sockets.contains(socket))
        .collect()
}

fn one(proc: &Path, pid: u32) -> Option<Process> {
    let (mut parent, started) = stat(proc, pid)?;
    let cwd = match fs::read_link(proc.join(pid.to_string()).join("cwd")) {
        Ok(cwd) => Seen::Is(cwd),
        Err(err) if err.kind() == ErrorKind::NotFound => return None,
        Err(err) => Seen::CannotTell(format!("the directory of process {pid}: {err}")),
    };
    let mut parents = Vec::new();
    while parent > 0 && !parents.contains(&parent) {
        parents.push(parent);
        parent = stat(proc, parent).map_or(0, |(parent, _)| parent);
    }
    Some(Process { pid, parents, started, cwd })
}

fn stat(proc: &Path, pid: u32) -> Option<(u32, String)> {
    parse_stat(&fs::read(proc.join(pid.to_string()).join("stat")).ok()?)
}

/// Parent and start out of a process's `stat`, or nothing if it is dead.
pub(super) fn parse_stat(stat: &[u8]) -> Option<(u32, String)> {
    let stat = String::from_utf8_lossy(stat);
    let (_, back) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = back.split_whitespace().collect();
    if matches!(*fields.first()?, "Z" | "X") {
        return None;
    }
    Some((fields.get(1)?.parse().ok()?, (*fields.get(19)?).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

    #[test]
    fn who_listens_is_found_with_its_directory_on_both_kinds_of_address() {
        let own = std::process::id();
        let addresses = [
            SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
        ];
        for address in addresses {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let port = listener.local_addr().unwrap().port();
            let Seen::Is(found) = on_port(port) else { panic!("we may look at ourselves") };
            let me = found.iter().find(|it| it.pid == own).unwrap();
            // Whoever it is thought to be: the parent finds us too, and a stranger changes nothing.
            for likely in [own, me.parents[0], 1] {
                assert_eq!(on_port_of(port, Some(likely)), Seen::Is(found.clone()), "{likely}");
            }
            assert_eq!(me.cwd, Seen::Is(std::env::current_dir().unwrap()));
            assert!(!me.started.is_empty());
            drop(listener);
            assert_eq!(on_port(port), Seen::Is(Vec::new()));
        }
    }

    #[test]
    fn a_child_has_us_among_its_parents_and_is_gone_when_it_is_dead() {
        let mut child = super::super::process::command("sleep").arg("60").spawn().unwrap();
        let pid = child.id();
        let Seen::Is(Some(it)) = process(pid) else { panic!("it lives") };
        assert_eq!(it.parents.first(), Some(&std::process::id()));
        assert!(descendants(std::process::id()).known().unwrap().contains(&pid));
        child.kill().unwrap();
        // Dead and not yet buried is dead.
        let until = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while process(pid) != Seen::Is(None) {
            assert!(std::time::Instant::now() < until, "a corpse counts as alive");
            std::thread::yield_now();
        }
        child.wait().unwrap();
    }

    #[test]
    fn a_socket_without_a_visible_owner_is_not_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   0: 0100007F:0BB9 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0 0 10 0\n   1: 0100007F:0BB9 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0 100 0 0 10 0\n";
        assert_eq!(sockets_of(table, 3001), [4711], "only who listens counts");
        fs::create_dir_all(dir.path().join("net")).unwrap();
        fs::write(dir.path().join("net/tcp"), table).unwrap();
        assert!(matches!(by_tables(dir.path(), 3001, None), Seen::CannotTell(_)));
        assert_eq!(by_tables(dir.path(), 3002, None), Seen::Is(Vec::new()));
        fs::remove_dir_all(dir.path().join("net")).unwrap();
        assert!(matches!(by_tables(dir.path(), 3002, None), Seen::CannotTell(_)));
    }
}
