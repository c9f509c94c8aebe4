//! The real HAProxy, with its own configuration, sockets, maps and ports: the switch under load
//! with reloads in between, restart, drift, death, and names that would inject.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gsync::host::haproxy::{self, Door, Entry, Probe, Proxy, ProxyFacts, Site as Wanted};
use gsync::host::http::Url;
use gsync::host::machine::Machine;

use crate::lab::Lab;
use crate::load::{Change, Load, Site, judge, port};
use crate::managers::tool;
use crate::ssh::Sshd;

/// A HAProxy that runs, two apps with two sides each.
pub struct Haproxy<'lab> {
    lab: &'lab Lab,
    program: PathBuf,
    child: Child,
    pub port: u16,
    /// shop_blue, shop_green, ldc_blue, ldc_green
    pub sites: Vec<Option<Site>>,
}

const SIDES: [(&str, &str); 4] =
    [("shop", "shop_blue"), ("shop", "shop_green"), ("ldc", "ldc_blue"), ("ldc", "ldc_green")];

impl<'lab> Haproxy<'lab> {
    /// Nothing if the program is not here.
    pub fn start(lab: &'lab Lab) -> Option<Self> {
        let program = tool("HAPROXY")?;
        let sites: Vec<Site> = SIDES.iter().map(|(_, name)| Site::start(port(), name)).collect();
        fs::write(lab.path("live.map"), "# live\nshop shop_blue\nldc ldc_blue\n").unwrap();
        let front = port();
        let mut text = String::new();
        for app in ["shop", "ldc"] {
            let url = |at: usize| Url::parse(&format!("http://127.0.0.1:{}/", sites[at].port));
            let at = if app == "shop" { 0 } else { 2 };
            let host = format!("{app}.test");
            let lines = haproxy::lines(&Wanted {
                app,
                host: &host,
                map: &lab.path("live.map"),
                health: "/healthz",
                status: 200,
                backends: vec![
                    (SIDES[at].1, url(at).unwrap()),
                    (SIDES[at + 1].1, url(at + 1).unwrap()),
                ],
            })
            .unwrap();
            text = if text.is_empty() {
                lines.whole(&format!("127.0.0.1:{front}"), &lab.path("admin.sock")).unwrap()
            } else {
                lines.insert(&text, None).unwrap()
            };
        }
        // As it would be written, only checked more often.
        let text = text.replace("inter 1s fastinter 250ms", "inter 100ms fastinter 50ms");
        fs::write(lab.path("haproxy.cfg"), text).unwrap();
        let child = spawn(lab, &program);
        let it =
            Self { lab, program, child, port: front, sites: sites.into_iter().map(Some).collect() };
        it.wait("both sides are up", |it| {
            let (shop, ldc) = (it.look("shop"), it.look("ldc"));
            shop.is_healthy("shop_blue")
                && shop.is_healthy("shop_green")
                && ldc.is_healthy("ldc_blue")
        });
        Some(it)
    }

    pub fn proxy(&self) -> Proxy {
        Proxy {
            machine: Machine::Here,
            door: Door::Master(self.lab.path("master.sock")),
            map: self.lab.path("live.map"),
            probe: Some(Probe {
                url: Url::parse(&format!("http://127.0.0.1:{}/", self.port)).unwrap(),
                host: Some("shop.test".to_owned()),
            }),
        }
    }

    fn look(&self, app: &str) -> ProxyFacts {
        let mut proxy = self.proxy();
        if let Some(probe) = &mut proxy.probe {
            probe.host = Some(format!("{app}.test"));
        }
        let backends = [format!("{app}_blue"), format!("{app}_green")];
        proxy.look(app, &[&backends[0], &backends[1]]).unwrap()
    }

    fn live(&self, app: &str) -> String {
        self.look(app).live().map_or_else(|said| panic!("{said:?}"), str::to_owned)
    }

    #[track_caller]
    fn wait(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let until = Instant::now() + Duration::from_secs(20);
        while !done(self) {
            assert!(Instant::now() < until, "not in time: {what}: {:?}", self.look("shop"));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn reload(&self) {
        let pid = i32::try_from(self.child.id()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::USR2).unwrap();
    }

    fn stop(&mut self) {
        let pid = i32::try_from(self.child.id()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let until = Instant::now() + Duration::from_secs(5);
        while self.child.try_wait().unwrap().is_none() {
            if Instant::now() > until {
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

pub fn spawn(lab: &Lab, program: &PathBuf) -> Child {
    let log = fs::File::create(lab.path("haproxy.log")).unwrap();
    let socket = format!("{},mode,600,level,admin", lab.path("master.sock").display());
    Command::new(program)
        .args(["-W", "-S", &socket, "-f"])
        .arg(lab.path("haproxy.cfg"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

impl Drop for Haproxy<'_> {
    fn drop(&mut self) {
        self.stop();
    }
}

#[test]
fn twelve_switches_with_reloads_lose_no_request_and_leave_no_late_answer() {
    let lab = Lab::new();
    let Some(haproxy) = Haproxy::start(&lab) else { return };
    let proxy = haproxy.proxy();
    let load = Load::start(haproxy.port, &["shop.test", "ldc.test"]);
    load.wait_for(200);
    let mut changes = Vec::new();
    for n in 0..12 {
        let side = if n % 2 == 0 { "shop_green" } else { "shop_blue" };
        // A dead server reads `UP` right after a reload: HAProxy's own verdict is waited for.
        haproxy.wait("the other side is up", |it| it.look("shop").is_healthy(side));
        match n % 4 {
            1 => haproxy.reload(),
            2 => {
                // Right into the middle of it.
                haproxy.reload();
                std::thread::sleep(Duration::from_millis(fastrand::u64(0..150)));
            }
            _ => {}
        }
        let began = Instant::now();
        let switched = haproxy::write::switch(&proxy, "shop", side).unwrap();
        let returned = Instant::now();
        assert!(!switched.workers.is_empty());
        changes.push(Change { host: "shop.test", side: side.to_owned(), began, returned });
        load.wait_for(load.count() + 400);
        assert_eq!(haproxy.live("shop"), side);
    }
    load.wait_for(10_000);
    let shots = load.stop();
    let first = [("shop.test", "shop_blue"), ("ldc.test", "ldc_blue")];
    let verdict = judge(&shots, &first, &changes);
    assert!(verdict.failed.is_empty(), "{} failed: {:?}", verdict.failed.len(), verdict.failed);
    assert_eq!(verdict.late, 0);
    assert!(verdict.requests >= 10_000, "{}", verdict.requests);
    assert!(shots.iter().filter(|shot| shot.host == "ldc.test").count() > 1000);
    let map = fs::read_to_string(lab.path("live.map")).unwrap();
    assert_eq!(map, "# live\nshop shop_blue\nldc ldc_blue\n");
}

#[test]
fn two_apps_that_switch_at_once_do_not_lose_each_others_line() {
    let lab = Lab::new();
    let Some(haproxy) = Haproxy::start(&lab) else { return };
    std::thread::scope(|scope| {
        for app in ["shop", "ldc"] {
            let proxy = haproxy.proxy();
            scope.spawn(move || {
                for side in ["green", "blue", "green", "blue", "green"] {
                    haproxy::write::switch(&proxy, app, &format!("{app}_{side}")).unwrap();
                }
            });
        }
    });
    assert_eq!(
        (haproxy.live("shop"), haproxy.live("ldc")),
        ("shop_green".into(), "ldc_green".into())
    );
}

#[test]
fn a_haproxy_on_another_machine_is_asked_and_switched_there() {
    let lab = Lab::new();
    let Some(haproxy) = Haproxy::start(&lab) else { return };
    let Some(sshd) = Sshd::start(&lab) else { return };
    let there = Proxy { machine: sshd.machine(), ..haproxy.proxy() };
    let facts = there.look("shop", &["shop_blue", "shop_green"]).unwrap();
    assert_eq!((facts.live(), facts.is_healthy("shop_green")), (Ok("shop_blue"), true));
    haproxy::write::switch(&there, "shop", "shop_green").unwrap();
    assert_eq!(haproxy.live("shop"), "shop_green");
    haproxy.reload();
    haproxy::write::switch(&there, "shop", "shop_blue").unwrap();
    assert_eq!(haproxy.live("shop"), "shop_blue");
    // Another app, changed on the machine itself at the same time.
    std::thread::scope(|scope| {
        let here = haproxy.proxy();
        scope.spawn(move || {
            for side in ["green", "blue", "green", "blue", "green"] {
                haproxy::write::switch(&here, "ldc", &format!("ldc_{side}")).unwrap();
            }
        });
        for side in ["green", "blue", "green"] {
            haproxy::write::switch(&there, "shop", &format!("shop_{side}")).unwrap();
        }
    });
    let map = fs::read_to_string(lab.path("live.map")).unwrap();
    assert_eq!(map, "# live\nshop shop_green\nldc ldc_green\n");
    let left = fs::read_dir(lab.path("")).unwrap().map(|it| it.unwrap().file_name());
    let left: Vec<_> = left.filter(|it| it.to_string_lossy().starts_with(".gsync-")).collect();
    assert!(left.is_empty(), "{left:?}");
    let nowhere = Proxy { door: Door::Master(lab.path("no.sock")), ..there.clone() };
    assert!(nowhere.look("shop", &[]).is_err());
}

#[test]
fn a_restart_keeps_the_side_and_a_changed_map_is_seen() {
    let lab = Lab::new();
    let Some(mut haproxy) = Haproxy::start(&lab) else { return };
    haproxy::write::switch(&haproxy.proxy(), "shop", "shop_green").unwrap();
    haproxy.stop();
    haproxy.child = spawn(&lab, &haproxy.program);
    haproxy.wait("it is back", |it| it.look("shop").live() == Ok("shop_green"));
    // By hand, on disk only.
    fs::write(lab.path("live.map"), "shop shop_blue\nldc ldc_blue\n").unwrap();
    let said = haproxy.look("shop").live().unwrap_err();
    assert!(said.contains(&"the map on disk says shop_blue".to_owned()), "{said:?}");
    assert!(said.contains(&"a request says shop_green".to_owned()), "{said:?}");
    // And the next switch mends it.
    haproxy::write::switch(&haproxy.proxy(), "shop", "shop_blue").unwrap();
    assert_eq!(haproxy.live("shop"), "shop_blue");
    // An app that the map does not know yet is added.
    fs::write(lab.path("live.map"), "ldc ldc_blue\n").unwrap();
    haproxy.reload();
    haproxy.wait("the line is gone", |it| {
        it.look("shop").workers.iter().any(|worker| !worker.old && worker.live == Entry::Missing)
    });
    haproxy::write::switch(&haproxy.proxy(), "shop", "shop_green").unwrap();
    assert_eq!(haproxy.live("shop"), "shop_green");
}

#[test]
fn a_dead_side_is_not_healthy_and_a_dead_haproxy_is_not_an_answer() {
    let lab = Lab::new();
    let Some(mut haproxy) = Haproxy::start(&lab) else { return };
    haproxy.sites[1] = None;
    haproxy.wait("it is down", |it| it.look("shop").health("shop_green")[0].contains("DOWN"));
    let facts = haproxy.look("shop");
    assert!(facts.is_healthy("shop_blue"));
    assert!(facts.health("shop_green")[0].contains("shop_green/s is DOWN"), "{facts:?}");
    haproxy.reload();
    haproxy.wait("the new worker is there", |it| it.proxy().look("shop", &[]).is_ok());
    assert!(!haproxy.look("shop").is_healthy("shop_green"), "UP before its first check");
    haproxy.stop();
    let err = format!("{:#}", haproxy.proxy().look("shop", &["shop_blue"]).unwrap_err());
    assert!(err.contains("master.sock"), "{err}");
    let before = fs::read_to_string(lab.path("live.map")).unwrap();
    assert!(haproxy::write::switch(&haproxy.proxy(), "shop", "shop_green").is_err());
    assert_eq!(fs::read_to_string(lab.path("live.map")).unwrap(), before);
}

#[test]
fn what_would_inject_or_lead_nowhere_is_refused_before_anything_changes() {
    let lab = Lab::new();
    let Some(haproxy) = Haproxy::start(&lab) else { return };
    let proxy = haproxy.proxy();
    let before = fs::read_to_string(lab.path("live.map")).unwrap();
    for bad in [
        "shop_green; disable server shop_blue/s",
        "shop_green\ndisable server shop_blue/s",
        "",
        "SHOP",
        "nobody",
    ] {
        assert!(haproxy::write::switch(&proxy, "shop", bad).is_err(), "{bad:?}");
        assert!(haproxy::write::cut(&proxy, bad).is_err() || bad == "nobody", "{bad:?}");
    }
    assert!(haproxy::write::switch(&proxy, "shop x", "shop_green").is_err());
    assert!(proxy.look("shop;", &["shop_blue"]).is_err());
    let odd = Proxy { map: "/tmp/x y.map".into(), ..proxy.clone() };
    assert!(odd.look("shop", &[]).is_err());
    let other = lab.path("other.map");
    fs::write(&other, "shop shop_blue\n").unwrap();
    let unused = Proxy { map: other, ..proxy.clone() };
    let err = format!("{:#}", haproxy::write::switch(&unused, "shop", "shop_green").unwrap_err());
    assert!(err.contains("does not use this map"), "{err}");
    assert_eq!(fs::read_to_string(lab.path("live.map")).unwrap(), before);
    assert_eq!(haproxy.live("shop"), "shop_blue");
    assert!(haproxy.look("shop").is_healthy("shop_blue"));
}

#[test]
fn what_a_side_still_serves_is_counted_and_can_be_cut() {
    use std::io::{Read, Write};
    let lab = Lab::new();
    let Some(haproxy) = Haproxy::start(&lab) else { return };
    let proxy = haproxy.proxy();
    let mut client = std::net::TcpStream::connect(("127.0.0.1", haproxy.port)).unwrap();
    client.write_all(b"GET /slow HTTP/1.1\r\nHost: shop.test\r\n\r\n").unwrap();
    haproxy.wait("it is being served", |it| it.look("shop").sessions("shop_blue") == 1);
    haproxy::write::switch(&proxy, "shop", "shop_green").unwrap();
    assert_eq!(haproxy.look("shop").sessions("shop_blue"), 1, "the switch cuts nothing");
    haproxy::write::cut(&proxy, "shop_blue").unwrap();
    let mut said = Vec::new();
    client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let _ = client.read_to_end(&mut said);
    assert!(!String::from_utf8_lossy(&said).contains("200 OK"), "it was cut");
    assert_eq!(haproxy.look("shop").sessions("shop_blue"), 0);
}

#[test]
fn the_doctor_finds_what_is_open_to_all_and_our_own_lines_are_fine() {
    use std::os::unix::fs::PermissionsExt;
    let lab = Lab::new();
    let Some(haproxy) = Haproxy::start(&lab) else { return };
    let facts = haproxy::config_facts(&haproxy.proxy()).unwrap();
    assert_eq!(haproxy::warnings(&facts), Vec::<String>::new());
    let admin = lab.path("admin.sock");
    fs::set_permissions(&admin, fs::Permissions::from_mode(0o666)).unwrap();
    let facts = haproxy::config_facts(&haproxy.proxy()).unwrap();
    let warnings = haproxy::warnings(&facts);
    assert!(warnings.len() == 1 && warnings[0].contains("admin.sock"), "{warnings:?}");
    let good = fs::read_to_string(lab.path("haproxy.cfg")).unwrap();
    assert_eq!(haproxy::check(&good).unwrap(), Ok(()));
    let why = haproxy::check(&format!("{good}\nnonsense here\n")).unwrap().unwrap_err();
    assert!(why.contains("nonsense"), "{why}");
}
