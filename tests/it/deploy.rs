//! A push deploys to STANDBY and never touches LIVE; the traffic moves by `release` alone.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::lab::{Lab, Person, Seen};

/// A small server: `/healthz`, `/version`, and ways to be ill that the tree names.
pub const SERVER: &str = r"
const http = require('http'), fs = require('fs');
const kind = fs.existsSync('kind') ? fs.readFileSync('kind', 'utf8').trim() : '';
const version = fs.readFileSync('VERSION', 'utf8').trim();
if (kind === 'crash') { console.error('Error: cannot find the moon'); process.exit(7); }
const server = http.createServer((req, res) => {
  if (req.url === '/healthz') { res.statusCode = kind === 'ill' ? 500 : 200; return res.end('h'); }
  if (req.url === '/version') return res.end(kind === 'liar' ? '0.0.0' : version);
  if (req.url === '/env') return res.end(JSON.stringify(process.env));
  res.end(process.cwd());
});
server.listen(+process.env.PORT, '127.0.0.1');
if (kind === 'late') setTimeout(() => { console.error('late'); process.exit(3); }, 150);
";

/// An app `shop` with its home, and a clone with a remote `deploy`.
pub struct Shop<'lab> {
    name: String,
    pub ada: Person<'lab>,
    pub home: PathBuf,
    pub ports: [u16; 2],
}

impl Drop for Shop<'_> {
    /// The processes of the app are not children of the test.
    fn drop(&mut self) {
        for env in ["blue", "green"] {
            let pid = self.pid(env).and_then(|pid| i32::try_from(pid).ok());
            if let Some(group) = pid.and_then(rustix::process::Pid::from_raw) {
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            }
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl<'lab> Shop<'lab> {
    pub fn new(lab: &'lab Lab) -> Self {
        Self::with(lab, "")
    }

    /// `more` stands in front of the sections of `app.toml`.
    pub fn with(lab: &'lab Lab, more: &str) -> Self {
        Self::named(lab, "shop", lab.person("ada"), more)
    }

    /// One of several apps on one server, and who works on it.
    pub fn named(lab: &'lab Lab, name: &str, ada: Person<'lab>, more: &str) -> Self {
        let home = lab.path(name);
        let dir = home.to_str().unwrap();
        ada.gsync(&["app", "create", name, "--dir", dir, "--template", "command"]).exits(0);
        let ports = [free_port(), free_port()];
        let shop = Self { name: name.to_owned(), ada, home, ports };
        shop.settings(more, "");
        shop.ada.git(&["remote", "add", "deploy", shop.home.join("repo.git").to_str().unwrap()]);
        shop.ada.write("server.js", SERVER);
        shop
    }

    /// Writes `app.toml`.
    pub fn settings(&self, more: &str, sections: &str) {
        let ([blue, green], name) = (self.ports, &self.name);
        let text = format!(
            "name = \"{name}\"\nbranch = \"main\"\nkeep = 3\nshared = [\".env\", \"uploads/\"]\n{more}\n\
             [process]\ncommand = {{ start = \"exec node server.js\" }}\n\
             [health]\npath = \"/healthz\"\nversion = \"/version\"\ntimeout = \"5s\"\n\
             interval = \"20ms\"\nsoak = \"100ms\"\n\
             [release]\nwatch = \"100ms\"\n{sections}\n\
             [env.blue]\nurl = \"http://127.0.0.1:{blue}\"\nport = {blue}\n\
             [env.green]\nurl = \"http://127.0.0.1:{green}\"\nport = {green}\n"
        );
        fs::write(self.home.join("app.toml"), text).unwrap();
    }

    /// A commit of a version, pushed to the app.
    #[track_caller]
    pub fn push(&self, version: &str) -> Seen {
        self.commit(version);
        self.ada.try_git(&["push", "deploy", "main"])
    }

    pub fn commit(&self, version: &str) -> String {
        self.ada.write("VERSION", format!("{version}\n"));
        self.ada.git(&["add", "-A"]);
        self.ada.git(&["commit", "--quiet", "--allow-empty", "-m", version]);
        self.ada.git(&["rev-parse", "HEAD"])
    }

    /// Somebody on the server.
    pub fn server(&self) -> Person<'lab> {
        self.ada.lab.at("root", self.home.clone())
    }

    #[track_caller]
    pub fn gsync(&self, args: &[&str]) -> Seen {
        self.server().gsync(args)
    }

    pub fn envs(&self) -> serde_json::Value {
        self.gsync(&["envs", "--json"]).exits(0).json()
    }

    pub fn get(&self, env: &str, path: &str) -> Option<String> {
        let port = self.ports[usize::from(env == "green")];
        let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let ask = format!("GET {path} HTTP/1.0\r\nHost: x\r\n\r\n");
        stream.write_all(ask.as_bytes()).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        Some(text.split_once("\r\n\r\n")?.1.to_owned())
    }

    pub fn live(&self) -> String {
        fs::read_link(self.home.join("live")).unwrap().to_str().unwrap().to_owned()
    }

    pub fn pid(&self, env: &str) -> Option<u64> {
        let text = fs::read_to_string(self.home.join(env).join("process.json")).ok()?;
        let value: serde_json::Value = serde_json::from_str(&text).ok()?;
        value["pid"].as_u64()
    }
}

#[test]
fn a_push_goes_to_standby_a_release_moves_the_traffic_and_sync_brings_both_level() {
    let lab = Lab::new();
    let shop = Shop::new(&lab);
    let start = Instant::now();
    shop.push("1.0.0").exits(0).says("green is STANDBY and runs 1.0.0");
    println!("push with a deploy: {:?}", start.elapsed());
    assert_eq!(shop.get("green", "/version").as_deref(), Some("1.0.0"));
    assert_eq!(shop.get("blue", "/version"), None);
    assert_eq!(shop.live(), "blue");

    shop.gsync(&["release"]).exits(0).says("green is LIVE with 1.0.0");
    assert_eq!(shop.live(), "green");
    let live = shop.pid("green");

    shop.push("1.1.0").exits(0).says("blue is STANDBY and runs 1.1.0");
    assert_eq!(shop.get("green", "/version").as_deref(), Some("1.0.0"));
    let envs = shop.envs();
    assert_eq!((&envs["live"], &envs["standby"]), (&"green".into(), &"blue".into()));
    assert_eq!(envs["drift"], serde_json::Value::Null);
    assert_eq!(envs["envs"]["blue"]["version"], "1.1.0");
    assert_eq!(envs["envs"]["blue"]["health"], "ok");
    assert_eq!(shop.pid("green"), live, "LIVE runs on untouched");

    shop.gsync(&["release"]).exits(0).says("blue is LIVE with 1.1.0");
    shop.gsync(&["release"]).exits(0).says("this is the way back");
    assert_eq!(shop.live(), "green");
    shop.gsync(&["release"]).exits(0);
    shop.gsync(&["sync"]).exits(0).says("green is STANDBY and runs 1.1.0");
    assert_eq!(shop.get("green", "/version").as_deref(), Some("1.1.0"));
    let pid = shop.pid("green");
    shop.gsync(&["sync"]).exits(0).says("already");
    assert_eq!(shop.pid("green"), pid, "twice is harmless");
    shop.gsync(&["release"]).exits(0).says("STANDBY is what LIVE is");
}
