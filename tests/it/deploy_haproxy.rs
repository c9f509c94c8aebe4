//! An app behind the real HAProxy, from the push to the traffic: releases under load lose
//! nothing, and who is killed half way leaves LIVE answering.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gsync::host::haproxy::{self, Site as Wanted};
use gsync::host::http::Url;
use serde_json::Value;

use crate::deploy::Shop;
use crate::lab::{Lab, Seen, picture};
use crate::load::{Change, Load, Site, judge, port};
use crate::managers::tool;

/// Answers with the name of its side, keeps connections longer than the proxy does, takes
/// upgrades, and can be ill for the proxy alone.
pub const SERVER: &str = r"
const http = require('http'), fs = require('fs');
const kind = fs.existsSync('kind') ? fs.readFileSync('kind', 'utf8').trim() : '';
const version = fs.readFileSync('VERSION', 'utf8').trim();
const server = http.createServer((req, res) => {
  if (req.url === '/healthz') {
    res.statusCode = kind === 'picky' && req.headers.host === 'shop.test' ? 500 : 200;
    return res.end('h');
  }
  if (req.url === '/version') return res.end(version);
  req.resume();
  req.on('end', () => res.end(process.env.GSYNC_APP + '_' + process.env.GSYNC_ENV));
});
server.keepAliveTimeout = 60000;
server.on('upgrade', (req, socket) => {
  socket.on('error', () => {});
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n');
});
server.listen(+process.env.PORT, '127.0.0.1');
";

/// HAProxy, an app behind it, and a neighbour.
pub struct Stage<'lab> {
    pub shop: Shop<'lab>,
    pub port: u16,
    pub lab: &'lab Lab,
    program: PathBuf,
    proxy: Child,
    _neighbour: Vec<Site>,
    /// The neighbour, where it is an app of gsync's too; its 1.0.0 is LIVE on green.
    pub ldc: Option<Shop<'lab>>,
}

impl<'lab> Stage<'lab> {
    /// Nothing if the programs are not here. 1.0.0 is LIVE on green, 1.1.0 is STANDBY on blue.
    pub fn new(lab: &'lab Lab) -> Option<Self> {
        Self::beside(lab, false)
    }

    /// The same beside a small server, or beside another app.
    pub fn beside(lab: &'lab Lab, an_app: bool) -> Option<Self> {
        let (program, _node) = (tool("HAPROXY")?, tool("NODE")?);
        let mut shop = Shop::new(lab);
        shop.ports = [port(), port()];
        let theirs = [port(), port()];
        let ldc = an_app.then(|| {
            let mut ldc = Shop::named(lab, "ldc", lab.person("eve"), "");
            ldc.ports = theirs;
            ldc
        });
        let start = |(port, name)| Site::start(port, name);
        let names = theirs.into_iter().zip(["ldc_blue", "ldc_green"]);
        let neighbour: Vec<Site> = if an_app { Vec::new() } else { names.map(start).collect() };
        fs::write(lab.path("live.map"), "shop shop_blue\nldc ldc_blue\n").unwrap();
        let front = port();
        let url = |port: u16| Url::parse(&format!("http://127.0.0.1:{port}/")).unwrap();
        let map = lab.path("live.map");
        let lines = |app, host, backends| {
            haproxy::lines(&Wanted {
                app,
                host,
                map: &map,
                health: "/healthz",
                status: 200,
                backends,
            })
            .unwrap()
        };
        let ours = vec![("shop_blue", url(shop.ports[0])), ("shop_green", url(shop.ports[1]))];
        let theirs = vec![("ldc_blue", url(theirs[0])), ("ldc_green", url(theirs[1]))];
        let bind = format!("127.0.0.1:{front}");
        let text = lines("shop", "shop.test", ours).whole(&bind, &lab.path("admin.sock")).unwrap();
        let text = lines("ldc", "ldc.test", theirs).insert(&text, None).unwrap();
        let text = text.replace("inter 1s fastinter 250ms", "inter 100ms fastinter 50ms");
        fs::write(lab.path("haproxy.cfg"), text).unwrap();
        let proxy = spawn(lab, &program);
        shop.ada.write("server.js", SERVER);
        let stage = Self { shop, port: front, lab, program, proxy, _neighbour: neighbour, ldc };
        stage.settings("100ms");
        if let Some(ldc) = &stage.ldc {
            ldc.settings("", &stage.traffic("ldc.test"));
            ldc.ada.write("server.js", SERVER);
            ldc.push("1.0.0").exits(0).says("green is STANDBY and runs 1.0.0");
            ldc.gsync(&["release"]).exits(0).says("green is LIVE with 1.0.0");
        }
        stage.until("haproxy answers", |it| it.shop.gsync(&["envs"]).code == 0);
        stage.shop.push("1.0.0").exits(0).says("green is STANDBY and runs 1.0.0");
        stage.shop.gsync(&["release"]).exits(0).says("green is LIVE with 1.0.0");
        stage.shop.push("1.1.0").exits(0).says("blue is STANDBY and runs 1.1.0");
        Some(stage)
    }

    fn traffic(&self, host: &str) -> String {
        let (master, map) = (self.lab.path("master.sock"), self.lab.path("live.map"));
        format!(
            "drain = \"1s\"\n[traffic]\nhaproxy = {{ master = \"{}\", map = \"{}\", \
             probe = \"http://127.0.0.1:{}/\", host = \"{host}\" }}\n",
            master.display(),
            map.display(),
            self.port
        )
    }

    pub fn settings(&self, watch: &str) {
        let traffic = self.traffic("shop.test");
        self.shop.settings("", &traffic);
        let path = self.shop.home.join("app.toml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text.replace("watch = \"100ms\"", &format!("watch = \"{watch}\"")))
            .unwrap();
    }

    #[track_caller]
    pub fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !is_so(self) {
            let envs = self.shop.gsync(&["envs"]).all();
            assert!(start.elapsed() < Duration::from_secs(20), "not in time: {what}\n{envs}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn map(&self) -> String {
        fs::read_to_string(self.lab.path("live.map")).unwrap()
    }

    /// Writes our line of the map by hand.
    pub fn scribble(&self, side: &str) {
        fs::write(self.lab.path("live.map"), format!("shop {side}\nldc ldc_blue\n")).unwrap();
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.proxy.id()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        let _ = rustix::process::kill_process(pid, signal);
    }

    pub fn reload(&self) {
        self.signal(rustix::process::Signal::USR2);
    }

    pub fn stop(&mut self) {
        self.signal(rustix::process::Signal::TERM);
        let until = Instant::now() + Duration::from_secs(5);
        while self.proxy.try_wait().unwrap().is_none() {
            if Instant::now() > until {
                let _ = self.proxy.kill();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn start(&mut self) {
        self.proxy = spawn(self.lab, &self.program);
    }

    /// Record, proxy, files and processes say one thing, and this is LIVE.
    #[track_caller]
    pub fn agrees(&self, live: &str, at: usize) -> Value {
        let envs = self.shop.envs();
        assert_eq!(envs["drift"], Value::Null, "at {at}: {envs}");
        assert_eq!((&envs["live"], &envs["sources"]["proxy"]), (&live.into(), &live.into()));
        assert_eq!(envs["sources"]["probe"], live, "at {at}: {envs}");
        let ldc = if self.ldc.is_some() { "green" } else { "blue" };
        assert_eq!(self.map(), format!("shop shop_{live}\nldc ldc_{ldc}\n"), "at {at}");
        for env in ["blue", "green"] {
            let release = envs["envs"][env]["release"].as_str().unwrap();
            let current = fs::read_link(self.shop.home.join(env).join("current")).unwrap();
            assert!(current.ends_with(release), "at {at}: {envs}");
            let said = self.shop.get(env, "/version").unwrap_or_default();
            assert_eq!(envs["envs"][env]["version"], said.as_str(), "at {at}: {envs}");
        }
        envs
    }

    /// Runs a command that is killed at a point of its journal; false: it came to its end.
    fn killed(&self, args: &[&str], at: usize) -> bool {
        let mut command = self.shop.server().command(env!("CARGO_BIN_EXE_gsync"));
        command.args(args).env("GSYNC_STOP_AT", at.to_string());
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        !status.success()
    }
}

fn spawn(lab: &Lab, program: &PathBuf) -> Child {
    let log = fs::File::create(lab.path("haproxy.log")).unwrap();
    let socket = format!("{},mode,600,level,admin", lab.path("master.sock").display());
    let mut command = Command::new(program);
    command.args(["-W", "-S", &socket, "-f"]).arg(lab.path("haproxy.cfg")).stdin(Stdio::null());
    command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        self.stop();
    }
}

#[test]
fn twelve_releases_with_reloads_lose_no_request_of_the_app_and_none_of_its_neighbour() {
    let lab = Lab::new();
    let Some(stage) = Stage::beside(&lab, true) else { return };
    let ldc = stage.ldc.as_ref().unwrap();
    let before = (ldc.pid("green"), picture(&ldc.home.join("green")));
    let load = Load::start(stage.port, &["shop.test", "ldc.test"]);
    load.wait_for(200);
    let mut changes = Vec::new();
    for n in 0..12 {
        let side = if n % 2 == 0 { "blue" } else { "green" };
        if n % 3 == 1 {
            stage.reload();
        }
        std::thread::sleep(Duration::from_millis(fastrand::u64(0..150)));
        // In the middle of it the neighbour deploys to its STANDBY.
        let push = (n == 5).then(|| {
            ldc.commit("1.1.0");
            let mut push = ldc.ada.command("git");
            push.args(["push", "deploy", "main"]).stdout(Stdio::null()).stderr(Stdio::piped());
            push.spawn().unwrap()
        });
        let began = Instant::now();
        stage.shop.gsync(&["release"]).exits(0).says(&format!("{side} is LIVE with"));
        let returned = Instant::now();
        let side = format!("shop_{side}");
        changes.push(Change { host: "shop.test", side, began, returned });
        if let Some(push) = push {
            let out = push.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&out.stderr).into_owned();
            assert!(said.contains("blue is STANDBY and runs 1.1.0"), "{said}");
        }
        if n % 3 == 2 {
            stage.reload();
        }
        load.wait_for(load.count() + 300);
    }
    load.wait_for(10_000);
    let shots = load.stop();
    let first = [("shop.test", "shop_green"), ("ldc.test", "ldc_green")];
    let verdict = judge(&shots, &first, &changes);
    println!("{} requests", verdict.requests);
    let failed = verdict.failed.len();
    assert_eq!(failed, 0, "{:?}", verdict.failed.first());
    assert_eq!(verdict.late, 0, "of both");
    assert!(verdict.requests >= 10_000, "{}", verdict.requests);
    let theirs = shots.iter().filter(|shot| shot.host == "ldc.test").count();
    assert!(theirs > 3000, "its share: {theirs} of {}", verdict.requests);
    stage.agrees("green", 0);
    ldc.gsync(&["envs", "--exit-code"]).exits(0);
    assert_eq!((ldc.pid("green"), picture(&ldc.home.join("green"))), before, "its LIVE");
}

#[test]
fn a_worker_of_a_push_that_is_killed_under_load_leaves_live_answering() {
    let lab = Lab::new();
    let Some(stage) = Stage::new(&lab) else { return };
    let load = Load::gentle(stage.port, &["shop.test"]);
    for at in [2, 3, 4, 5, 7] {
        stage.shop.commit(&format!("1.{}.0", 1 + at));
        let mut push = stage.shop.ada.command("git");
        push.args(["push", "deploy", "main"]).env("GSYNC_STOP_AT", at.to_string());
        let seen = Seen::of(&push.output().unwrap()).exits(0);
        seen.says("try the deploy again");
        let seen = stage.shop.gsync(&["deploy"]).exits(0).says("was cut off");
        seen.says(&format!("runs 1.{}.0", 1 + at));
        stage.agrees("green", at);
    }
    load.wait_for(300);
    let shots = load.stop();
    let wrong = shots.iter().filter(|shot| shot.answer.as_deref() != Ok("shop_green")).count();
    assert_eq!(wrong, 0, "of {}", shots.len());
}

#[test]
fn a_release_that_is_killed_anywhere_and_half_told_is_put_back_while_live_answers() {
    let lab = Lab::new();
    let Some(stage) = Stage::new(&lab) else { return };
    let load = Load::start(stage.port, &["shop.test"]);
    let mut mended = 0;
    for at in 1..30 {
        if !stage.killed(&["release"], at) {
            break;
        }
        // As if it had been cut off between the disk and the workers.
        let other = if stage.map().contains("shop_green") { "shop_blue" } else { "shop_green" };
        stage.scribble(other);
        stage.shop.gsync(&["envs", "--exit-code"]).exits(1).says("haproxy does not say one thing");
        stage.shop.gsync(&["rescue"]).exits(0);
        if stage.shop.gsync(&["envs", "--exit-code"]).code == 0 {
            mended += 1;
        } else {
            // The switch had not begun: this was a hand, and what users get is taken for right.
            stage.shop.gsync(&["envs", "--reconcile"]).exits(0).says("lead all traffic to green");
        }
        stage.agrees("green", at);
    }
    assert!(mended >= 2, "{mended}");
    stage.agrees("blue", 0);
    let failed: Vec<_> = load.stop().into_iter().filter_map(|shot| shot.answer.err()).collect();
    assert!(failed.is_empty(), "{}: {:?}", failed.len(), failed[0]);
}

#[test]
fn a_deploy_and_a_sync_that_are_killed_anywhere_are_put_back_while_live_answers() {
    let lab = Lab::new();
    let Some(stage) = Stage::new(&lab) else { return };
    stage.shop.commit("1.2.0");
    stage.shop.ada.git(&["push", "--quiet", "deploy", "main:side"]);
    let load = Load::start(stage.port, &["shop.test"]);
    for (args, version) in [(&["deploy", "side"][..], "1.2.0"), (&["sync"][..], "1.0.0")] {
        let mut points = 0;
        for at in 1..40 {
            if !stage.killed(args, at) {
                break;
            }
            points += 1;
            // The next command that acts recovers by itself.
            stage.shop.gsync(&["envs", "--reconcile"]).exits(0);
            stage.agrees("green", at);
        }
        assert!(points >= 6, "{points} points of {args:?}");
        assert_eq!(stage.agrees("green", 0)["envs"]["blue"]["version"], version);
    }
    let shots = load.stop();
    let wrong: Vec<_> =
        shots.iter().filter(|shot| shot.answer != Ok("shop_green".to_owned())).collect();
    assert!(shots.len() > 500, "{}", shots.len());
    assert!(wrong.is_empty(), "{} of {}: {:?}", wrong.len(), shots.len(), wrong[0]);
}
