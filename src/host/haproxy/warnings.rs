//! What in HAProxy's own configuration makes switches unsafe: read from the files that its
//! master was started with, and from the modes of its sockets.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{Door, Proxy};
use crate::base::plain;
use crate::host::proof::{self, Seen};

/// HAProxy's configuration as it matters here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfigFacts {
    /// All its files, one behind the other.
    pub text: String,
    /// The sockets that take commands, with their permission bits; none for one that is not a file.
    pub sockets: Vec<(String, Option<u32>)>,
    /// The map that gsync changes.
    pub map: PathBuf,
}

/// Looks at the configuration of a HAProxy that runs.
pub fn config_facts(proxy: &Proxy) -> Result<ConfigFacts> {
    let Some(master) = proxy.master()? else {
        bail!("only a master's socket tells which configuration haproxy has");
    };
    let Seen::Is(Some(process)) = proof::process(master) else {
        bail!("the process {master} of haproxy cannot be looked at");
    };
    let words = fs::read(format!("/proc/{master}/cmdline"))
        .with_context(|| format!("read the command of process {master}"))?;
    let words: Vec<String> =
        words.split(|byte| *byte == 0).map(|it| String::from_utf8_lossy(it).into_owned()).collect();
    let dir = process.cwd.known().cloned().unwrap_or_default();
    let mut text = String::new();
    for file in files(&words).iter().map(|name| dir.join(name)) {
        for file in expand(&file) {
            text +=
                &fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
            text.push('\n');
        }
    }
    let mut names: Vec<String> = sockets(&text);
    let (Door::Master(door) | Door::Admin(door)) = &proxy.door;
    names.insert(0, door.display().to_string());
    names.dedup();
    let mode = |name: &str| {
        let path = name.strip_prefix("unix@").unwrap_or(name);
        Some(fs::metadata(path).ok()?.permissions().mode() & 0o777)
    };
    let sockets = names.into_iter().map(|name| (name.clone(), mode(&name))).collect();
    Ok(ConfigFacts { text, sockets, map: proxy.map.clone() })
}

/// The configuration files of a command line: every word behind `-f`, and all behind `--`.
fn files(words: &[String]) -> Vec<&str> {
    let mut files = Vec::new();
    let mut words = words.iter().map(String::as_str).filter(|word| !word.is_empty());
    words.next();
    while let Some(word) = words.next() {
        match word {
            "-f" => files.extend(words.next()),
            "--" => {
                files.extend(words);
                break;
            }
            // The old pids at the end, which a reload adds.
            "-sf" | "-st" => break,
            _ => {}
        }
    }
    files
}

/// A directory stands for its `.cfg` files in order.
fn expand(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|it| it == "cfg")).collect();
    files.sort();
    files
}

/// The lines that say something, without comments.
fn statements(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines()
        .map(|line| line.split('#').next().unwrap_or_default().split_whitespace().collect())
        .filter(|words: &Vec<&str>| !words.is_empty())
}

fn sockets(text: &str) -> Vec<String> {
    statements(text)
        .filter(|words| words.len() > 2 && words[0] == "stats" && words[1] == "socket")
        .map(|words| words[2].to_owned())
        .collect()
}

/// What should be mended, a line each.
pub fn warnings(facts: &ConfigFacts) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, mode) in &facts.sockets {
        let name = plain(name);
        let is_file = name.starts_with('/') || name.starts_with("unix@");
        match mode {
            Some(mode) if mode & 0o002 != 0 => lines.push(format!(
                "any user of this machine can switch traffic: {name} has mode {mode:o}, not 600"
            )),
            None if !is_file => lines.push(format!(
                "whoever reaches {name} can switch traffic: a socket should be a file of mode 600"
            )),
            _ => {}
        }
    }
    let says = |wanted: &[&str]| statements(&facts.text).any(|words| words.starts_with(wanted));
    if !says(&["option", "idle-close-on-response"]) {
        lines.push(
            "a reload cuts requests on idle connections: `option idle-close-on-response` is missing"
                .to_owned(),
        );
    }
    if !says(&["hard-stop-after"]) {
        lines.push(
            "an old worker with an open tunnel never ends: `hard-stop-after` is missing".to_owned(),
        );
    }
    if !facts.text.contains(&format!("({}", facts.map.display())) {
        lines.push(format!("no rule uses the map {}", facts.map.display()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_configuration_is_quiet_and_each_fault_is_named() {
        let text = "global\n  stats socket /run/a.sock mode 600\n  hard-stop-after 5m\ndefaults\n  option idle-close-on-response\nfrontend x\n  use_backend %[str(shop),map_str(/m/live.map)]\n";
        let good = ConfigFacts {
            text: text.into(),
            sockets: vec![("/run/a.sock".into(), Some(0o600))],
            map: "/m/live.map".into(),
        };
        assert_eq!(warnings(&good), Vec::<String>::new());
        assert_eq!(sockets(text), ["/run/a.sock"]);
        let bad = ConfigFacts {
            text: text.replace("  option", "# option").replace("  hard", "# hard"),
            sockets: vec![("/a".into(), Some(0o666)), ("ipv4@*:9999".into(), None)],
            map: "/other.map".into(),
        };
        assert_eq!(warnings(&bad).len(), 5, "{:?}", warnings(&bad));
    }

    #[test]
    fn the_files_of_a_command_line_are_found() {
        let line = "haproxy -W -S /run/m.sock,mode,600 -f a.cfg -f conf.d -sf 12 13";
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        assert_eq!(files(&words), ["a.cfg", "conf.d"]);
    }
}
