//! The lines that an app needs in HAProxy's configuration, and their way into a configuration
//! that is there. Nothing that stands there is changed; what is there already is not added again.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::must_be_name;
use crate::base::plain;
use crate::host::http::Url;
use crate::host::process::{self, Ended};

const TEMPLATE: &str = include_str!("../../../templates/haproxy.cfg");

/// Words that begin a section; any other line belongs to the section above it.
const SECTIONS: [&str; 17] = [
    "global",
    "defaults",
    "frontend",
    "backend",
    "listen",
    "userlist",
    "peers",
    "resolvers",
    "mailers",
    "cache",
    "program",
    "http-errors",
    "ring",
    "log-forward",
    "fcgi-app",
    "crt-store",
    "traces",
];

/// An app as HAProxy has to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site<'a> {
    pub app: &'a str,
    /// The name of the site, as browsers say it.
    pub host: &'a str,
    pub map: &'a Path,
    /// The path and status of the health check.
    pub health: &'a str,
    pub status: u16,
    /// Names of the backends, and where their servers are.
    pub backends: Vec<(&'a str, Url)>,
}

/// The lines of an app, by the place where they belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines {
    once: String,
    app: String,
    traffic: String,
    /// By the name of the backend.
    backends: Vec<(String, String)>,
}

/// The lines for an app. Whatever does not fit into a configuration as it is, is refused.
pub fn lines(site: &Site<'_>) -> Result<Lines> {
    must_be_name(site.app)?;
    let map = site.map.to_str().context("the path of the map is not text")?;
    ensure!(site.map.is_absolute(), "{}: the path of a map begins with a slash", plain(map));
    ensure!(!site.backends.is_empty(), "{} has no backends", site.app);
    let host = site.host.to_ascii_lowercase();
    let name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    ensure!(
        !host.is_empty() && !host.starts_with('-') && host.bytes().all(name),
        "{}: not the name of a site",
        plain(site.host)
    );
    let word = |byte: u8| byte.is_ascii_graphic() && !b"#\"'\\{}$,()%".contains(&byte);
    for (what, text) in [("the map", map), ("the health path", site.health)] {
        ensure!(
            text.bytes().all(word),
            "{what} does not fit into a configuration: {}",
            plain(text)
        );
    }
    ensure!(site.health.starts_with('/'), "the health path begins with a slash");
    let status = site.status.to_string();
    let mut backends = Vec::new();
    for (backend, url) in &site.backends {
        must_be_name(backend)?;
        let address = url.authority();
        let words = [
            ("backend", *backend),
            ("health", site.health),
            ("host", &host),
            ("status", &status),
            ("address", &address),
        ];
        backends.push(((*backend).to_owned(), fill(part("backend"), &words)));
    }
    Ok(Lines {
        once: part("once").to_owned(),
        app: fill(part("app"), &[("app", site.app), ("map", map), ("host", &host)]),
        traffic: part("traffic").to_owned(),
        backends,
    })
}

impl Lines {
    /// All of them, for people who put them in by hand.
    pub fn text(&self) -> String {
        let mut text = String::from("# in the frontend, above its other rules\n");
        text += &format!("{}{}{}", self.once, self.app, self.traffic);
        text += "\n# anywhere";
        self.backends.iter().for_each(|(_, lines)| text += lines);
        text
    }

    /// A whole configuration, for a machine that has none.
    pub fn whole(&self, bind: &str, socket: &Path) -> Result<String> {
        let socket = socket.to_str().context("the path of the socket is not text")?;
        let word = |byte: u8| byte.is_ascii_graphic() && !b"#\"'\\{}$".contains(&byte);
        ensure!(bind.bytes().chain(socket.bytes()).all(word), "not an address or a path");
        self.insert(&fill(part("new"), &[("bind", bind), ("socket", socket)]), None)
    }

    /// The configuration with these lines in it. `frontend` may be left out where there is one.
    pub fn insert(&self, config: &str, frontend: Option<&str>) -> Result<String> {
        let lines: Vec<&str> = config.split_inclusive('\n').collect();
        let (from, to) = section(&lines, frontend)?;
        let inside = &lines[from + 1..to];
        let first = |line: &&str, word: &str| line.split_whitespace().next() == Some(word);
        let top = inside.iter().rposition(|line| first(line, "bind")).map_or(0, |at| at + 1);
        let choice = inside
            .iter()
            .position(|line| first(line, "use_backend") || first(line, "default_backend"));
        // Behind the last line that says something, not behind the empty ones.
        let last = inside.iter().rposition(|line| !line.trim().is_empty()).map_or(0, |at| at + 1);
        let choice = choice.unwrap_or(last).max(top);
        let is_there = |block: &str| {
            let wanted = block.lines().rfind(|line| !line.trim_start().starts_with('#'));
            wanted.is_none_or(|wanted| inside.iter().any(|line| line.trim() == wanted.trim()))
        };
        let mut new = String::with_capacity(config.len() + 2000);
        let add = |block: &str, new: &mut String| {
            if !is_there(block) {
                if new.chars().last().is_some_and(|last| last != '\n') {
                    new.push('\n');
                }
                new.push_str(block);
            }
        };
        for (at, line) in lines.iter().enumerate() {
            if at == from + 1 + top {
                add(&self.once, &mut new);
                add(&self.app, &mut new);
            }
            if at == from + 1 + choice {
                add(&self.traffic, &mut new);
            }
            new.push_str(line);
        }
        // The frontend ends with the file, and so does the place.
        if from + 1 + top >= lines.len() {
            add(&self.once, &mut new);
            add(&self.app, &mut new);
        }
        if from + 1 + choice >= lines.len() {
            add(&self.traffic, &mut new);
        }
        for (name, block) in &self.backends {
            let known = lines.iter().any(|line| {
                let mut words = line.split_whitespace();
                words.next() == Some("backend") && words.next() == Some(name)
            });
            if !known {
                if !new.ends_with('\n') {
                    new.push('\n');
                }
                new.push_str(block);
            }
        }
        Ok(new)
    }
}

/// The lines of the frontend, its title first.
fn section(lines: &[&str], wanted: Option<&str>) -> Result<(usize, usize)> {
    let title = |line: &&str| SECTIONS.contains(&line.split_whitespace().next().unwrap_or(""));
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let mut words = line.split_whitespace();
        if !matches!(words.next(), Some("frontend" | "listen")) {
            continue;
        }
        let name = words.next().unwrap_or_default();
        if wanted.is_none_or(|wanted| wanted == name) {
            let end = lines[at + 1..].iter().position(title).map_or(lines.len(), |n| at + 1 + n);
            found.push((at, end, name));
        }
    }
    match (found.as_slice(), wanted) {
        ([(from, to, _)], _) => Ok((*from, *to)),
        ([], Some(wanted)) => bail!("the configuration has no frontend {}", plain(wanted)),
        ([], None) => bail!("the configuration has no frontend"),
        (several, _) => {
            let names: Vec<String> = several.iter().map(|(_, _, name)| plain(name)).collect();
            bail!("the configuration has several frontends: {}", names.join(", "))
        }
    }
}

/// Asks haproxy itself whether it would start with this text. The inner error is its complaint.
pub fn check(config: &str) -> Result<std::result::Result<(), String>> {
    let mut file = tempfile::Builder::new()
        .prefix("gsync-")
        .suffix(".cfg")
        .tempfile()
        .context("write a configuration to check")?;
    std::io::Write::write_all(&mut file, config.as_bytes())
        .context("write a configuration to check")?;
    // Where it is on most machines is not on the PATH of those who are not root.
    let places = ["/usr/sbin/haproxy", "/usr/local/sbin/haproxy"];
    let program = places.iter().find(|path| Path::new(path).exists()).unwrap_or(&"haproxy");
    let mut haproxy = process::command(program);
    haproxy.args(["-c", "-f"]).arg(file.path());
    match process::run(&mut haproxy, b"", Duration::from_secs(20))? {
        Ended::TimedOut => bail!("haproxy -c does not end"),
        Ended::Exited(out) if out.status.success() => Ok(Ok(())),
        Ended::Exited(out) => {
            let said = String::from_utf8_lossy(&out.stderr);
            let alert = said.lines().find(|line| line.contains("[ALERT]"));
            let line = alert.or_else(|| said.lines().next()).unwrap_or("it did not say why");
            let line = line.replace(&*file.path().to_string_lossy(), "haproxy.cfg");
            Ok(Err(plain(line.trim())))
        }
    }
}

/// A part of the template.
fn part(name: &str) -> &'static str {
    let title = format!("#: {name}\n");
    let after = TEMPLATE.split_once(&title).map_or("", |(_, after)| after);
    after.split("#: ").next().unwrap_or_default()
}

fn fill(part: &str, words: &[(&str, &str)]) -> String {
    let mut text = part.to_owned();
    for (name, value) in words {
        text = text.replace(&format!("{{{name}}}"), value);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop() -> Lines {
        let url = |port: u16| Url { host: "127.0.0.1".into(), port, path: "/".into() };
        lines(&Site {
            app: "shop",
            host: "Shop.Example",
            map: Path::new("/etc/haproxy/maps/live.map"),
            health: "/healthz",
            status: 200,
            backends: vec![("shop_blue", url(3001)), ("shop_green", url(3002))],
        })
        .unwrap()
    }

    #[test]
    fn the_lines_go_where_they_belong_and_only_once() {
        let old = "frontend www\n    bind :80\n    acl a path /x\n    use_backend x if a\n    default_backend y\n\nbackend y";
        let new = shop().insert(old, None).unwrap();
        let at = |what: &str| new.find(what).unwrap_or_else(|| panic!("{what}\n{new}"));
        assert!(at("bind :80") < at("set-var") && at("set-var") < at("acl a"));
        assert!(at("use_backend %[") < at("use_backend x"), "{new}");
        assert!(at("backend y\n") < at("backend shop_blue"), "{new}");
        assert!(new.contains("{ req.hdr(host),field(1,:),lower -m str shop.example }"), "{new}");
        assert!(!new.contains("{map}") && !new.contains("{address}"), "{new}");
        assert_eq!(shop().insert(&new, None).unwrap(), new, "twice is once");
        for line in old.lines() {
            assert!(new.lines().any(|it| it == line), "{line} was changed");
        }
        let bare = shop().insert("frontend www\n    bind :80", None).unwrap();
        assert!(bare.contains("\n    use_backend %["), "{bare}");
    }

    #[test]
    fn one_of_several_frontends_must_be_named() {
        let config = "frontend a\n  bind :1\nlisten b\n  bind :2\n";
        assert!(shop().insert(config, None).is_err());
        assert!(shop().insert(config, Some("c")).is_err());
        assert!(shop().insert("global\n", None).is_err());
        let new = shop().insert(config, Some("a")).unwrap();
        assert!(new.find("use_backend").unwrap() < new.find("listen b").unwrap(), "{new}");
    }

    #[test]
    fn what_could_say_more_than_a_value_is_refused() {
        let good = || Site {
            app: "shop",
            host: "shop.example",
            map: Path::new("/m"),
            health: "/healthz",
            status: 200,
            backends: vec![("shop_blue", Url::parse("http://127.0.0.1:1/").unwrap())],
        };
        assert!(lines(&good()).is_ok());
        assert!(lines(&Site { app: "shop\n", ..good() }).is_err());
        assert!(lines(&Site { host: "a }\n  x", ..good() }).is_err());
        assert!(lines(&Site { host: "", ..good() }).is_err());
        assert!(lines(&Site { health: "/x hdr X y", ..good() }).is_err());
        assert!(lines(&Site { health: "x", ..good() }).is_err());
        assert!(lines(&Site { map: Path::new("live.map"), ..good() }).is_err());
        assert!(lines(&Site { map: Path::new("/a) if x"), ..good() }).is_err());
        assert!(lines(&Site { backends: Vec::new(), ..good() }).is_err());
    }
}
