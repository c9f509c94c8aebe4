//! The answers of HAProxy's sockets, read: processes, maps, statistics.

use anyhow::{Context, Result, bail};

use super::{Backend, Entry, Server};
use crate::base::plain;

/// The processes that a master has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Processes {
    pub master: u32,
    /// Reloads that failed since the last one that worked: a broken configuration.
    pub failed: u32,
    pub workers: Vec<u32>,
    pub old: Vec<u32>,
}

/// So much of what a socket says is repeated: it may be somebody else's, who talks without end.
const QUOTED: usize = 120;

/// The beginning of what was said, on one line.
pub(super) fn said(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    let mut short: String = line.chars().take(QUOTED).collect();
    if short.len() < line.len() {
        short += "..";
    }
    plain(&short)
}

/// `show proc` of the master's socket.
pub(super) fn processes(answer: &str) -> Result<Processes> {
    let mut found = Processes::default();
    let mut old = false;
    for line in answer.lines() {
        if let Some(title) = line.strip_prefix('#') {
            old = title.trim() == "old workers";
            continue;
        }
        let mut words = line.split_whitespace();
        let (Some(pid), Some(kind)) = (words.next().and_then(|w| w.parse().ok()), words.next())
        else {
            continue;
        };
        match kind {
            "master" => {
                found.master = pid;
                let after = line.split_once("[failed:").map(|(_, after)| after);
                let number = after.and_then(|after| after.split(']').next()?.trim().parse().ok());
                found.failed = number.unwrap_or(0);
            }
            "worker" if old => found.old.push(pid),
            "worker" => found.workers.push(pid),
            _ => {}
        }
    }
    if found.master == 0 {
        bail!("this is not the socket of a master: {}", said(answer));
    }
    Ok(found)
}

/// `show map <file>`: what it holds for a key. Of several entries the first counts in haproxy;
/// several that differ are not an answer.
pub(super) fn entry(answer: &str, key: &str) -> Entry {
    if answer.starts_with("Unknown map identifier") {
        return Entry::Unknown("haproxy does not use this map".to_owned());
    }
    let mut values = Vec::new();
    for line in answer.lines().filter(|line| !line.trim().is_empty()) {
        let mut words = line.split_whitespace();
        let (Some(id), Some(name)) = (words.next(), words.next()) else {
            return Entry::Unknown(format!("haproxy says: {}", said(line)));
        };
        if !id.starts_with("0x") {
            return Entry::Unknown(format!("haproxy says: {}", said(line)));
        }
        if name == key {
            values.push(words.collect::<Vec<_>>().join(" "));
        }
    }
    one_of(values)
}

/// The same as the lines of a map file; a line that is none is left out.
pub(super) fn lines(answer: &str) -> Vec<u8> {
    let mut text = String::new();
    for line in answer.lines() {
        let mut words = line.split_whitespace();
        if let (Some(id), Some(key), Some(value)) = (words.next(), words.next(), words.next())
            && id.starts_with("0x")
        {
            text += &format!("{key} {value}\n");
        }
    }
    text.into_bytes()
}

/// The one value, if there is only one.
pub(super) fn one_of(mut values: Vec<String>) -> Entry {
    values.dedup();
    match values.len() {
        0 => Entry::Missing,
        1 => Entry::Is(values.swap_remove(0)),
        _ => Entry::Unknown(format!("it is there more than once: {}", said(&values.join(", ")))),
    }
}

/// `show stat`: these backends with their servers. One that is not there is left out.
pub(super) fn backends(answer: &str, wanted: &[&str]) -> Result<Vec<Backend>> {
    let mut lines = answer.lines();
    let head = lines.find(|line| line.starts_with("# ")).context("haproxy shows no statistics")?;
    let columns: Vec<&str> = head[2..].split(',').collect();
    let at = |name: &str| columns.iter().position(|column| *column == name);
    let column = |name: &str| at(name).with_context(|| format!("haproxy does not show {name}"));
    let (proxy, service) = (column("pxname")?, column("svname")?);
    let (sessions, status) = (column("scur")?, column("status")?);
    let (check, address) = (column("check_status")?, at("addr"));
    let mut found: Vec<Backend> = Vec::new();
    for line in lines {
        // Names and what we read hold no comma; a quoted text may, and comes behind them.
        let fields: Vec<&str> = line.split(',').collect();
        let field = |at: usize| fields.get(at).copied().unwrap_or_default();
        let Some(name) = wanted.iter().find(|name| **name == field(proxy)) else { continue };
        if field(service) == "FRONTEND" {
            continue;
        }
        if !found.iter().any(|backend| backend.name == *name) {
            let name = (*name).to_owned();
            found.push(Backend { name, servers: Vec::new(), sessions: 0 });
        }
        let Some(backend) = found.iter_mut().find(|backend| backend.name == *name) else {
            continue;
        };
        let sessions = field(sessions).parse().unwrap_or(0);
        if field(service) == "BACKEND" {
            backend.sessions = sessions;
        } else {
            backend.servers.push(Server {
                name: field(service).to_owned(),
                status: said(field(status)),
                // A star says that the next check is under way; what is shown is the last one.
                check: said(field(check).trim_start_matches("* ")),
                address: from_behind(line, &columns, address),
                sessions,
            });
        }
    }
    Ok(found)
}

/// A column behind the quoted texts: fields are split where no quote is open.
fn from_behind(line: &str, columns: &[&str], at: Option<usize>) -> String {
    let Some(at) = at.filter(|at| *at < columns.len()) else { return String::new() };
    let mut quoted = false;
    let fields = line.split(|c: char| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    fields.into_iter().nth(at).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_old_workers_and_failed_reloads_are_told_apart() {
        let answer = "#<PID>          <type>          <reloads>       <uptime>        <version>      \n24520           master          3 [failed: 2]   0d00h00m04s     2.6.12\n# workers\n25026           worker          2               0d00h00m02s     2.6.12\n# old workers\n24999           worker          3               0d00h00m02s     2.6.12\n# programs\n\n";
        let wanted = Processes { master: 24520, failed: 2, workers: vec![25026], old: vec![24999] };
        assert_eq!(processes(answer).unwrap(), wanted);
        assert!(processes("Unknown command: 'show proc'\n").is_err());
        let endless = processes(&"x".repeat(1 << 20)).unwrap_err().to_string();
        assert!(endless.len() < 200 && endless.ends_with("xx.."), "{endless}");
    }

    #[test]
    fn a_map_says_one_thing_or_nothing_to_rely_on() {
        let map = "0x55c0 shop shop_blue\n0x55c1 ldc ldc_green\n\n";
        assert_eq!(entry(map, "shop"), Entry::Is("shop_blue".into()));
        assert_eq!(entry(map, "sho"), Entry::Missing);
        assert_eq!(entry("\n", "shop"), Entry::Missing);
        let twice = format!("{map}0x55c2 shop shop_green\n");
        assert!(matches!(entry(&twice, "shop"), Entry::Unknown(_)));
        assert_eq!(lines(map), b"shop shop_blue\nldc ldc_green\n");
        assert_eq!(lines("Permission denied\n"), b"");
        let denied = "Permission denied\n";
        assert!(matches!(entry(denied, "shop"), Entry::Unknown(_)));
        let unknown = "Unknown map identifier. Please use #<id> or <file>.\n";
        assert!(matches!(entry(unknown, "shop"), Entry::Unknown(_)));
    }

    #[test]
    fn up_without_a_check_that_passed_is_not_healthy() {
        let stat = |status: &str, check: &str| {
            let text = format!(
                "# pxname,svname,scur,status,check_status,last_chk,addr,\nwww,FRONTEND,9,OPEN,,,,\nshop_blue,s,2,{status},{check},\"a, b\",127.0.0.1:1,\nshop_blue,BACKEND,3,UP,,,,\nother,s,1,UP,L7OK,,,\n"
            );
            backends(&text, &["shop_blue", "shop_green"]).unwrap()
        };
        let up = stat("UP", "L7OK");
        assert_eq!((up.len(), up[0].sessions, up[0].servers[0].sessions), (1, 3, 2));
        assert_eq!(up[0].servers[0].address, "127.0.0.1:1");
        assert!(up[0].is_healthy() && stat("UP", "* L7OK")[0].is_healthy());
        for (status, check) in [
            ("UP", "INI"),
            ("UP", "L4OK"),
            ("UP 1/3", "L7OK"),
            ("DOWN", "L7STS"),
            ("DOWN 1/2", "L7OK"),
            ("no check", ""),
            ("MAINT", "L7OK"),
            ("DRAIN", "L7OK"),
        ] {
            assert!(!stat(status, check)[0].is_healthy(), "{status} {check}");
        }
    }
}
