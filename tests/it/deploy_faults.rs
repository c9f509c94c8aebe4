//! Whatever goes wrong in a deploy, STANDBY runs its former release again and LIVE notices
//! nothing; and the pusher sees which step it was, what it said, and where the log is.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::deploy::Shop;
use crate::lab::{Lab, picture};

/// 1.0.0 is LIVE on green, 1.1.0 is STANDBY on blue.
pub fn two_versions<'lab>(lab: &'lab Lab, steps: &str) -> Shop<'lab> {
    let shop = Shop::with(lab, steps);
    shop.push("1.0.0").exits(0).says("runs 1.0.0");
    shop.gsync(&["release"]).exits(0);
    shop.push("1.1.0").exits(0).says("runs 1.1.0");
    shop
}

/// LIVE's directories, and who answers there.
fn live(shop: &Shop<'_>) -> String {
    format!(
        "{}{:?}{:?}",
        picture(&shop.home.join("green")),
        shop.pid("green"),
        shop.get("green", "/")
    )
}

#[track_caller]
fn is_as_before(shop: &Shop<'_>, live_before: &str) {
    assert_eq!(live(shop), live_before, "LIVE was touched");
    assert_eq!(shop.live(), "green");
    assert_eq!(shop.get("blue", "/version").as_deref(), Some("1.1.0"));
    let envs = shop.envs();
    assert_eq!(envs["drift"], serde_json::Value::Null, "{envs}");
    assert_eq!(envs["envs"]["blue"]["version"], "1.1.0");
    assert_eq!(envs["envs"]["blue"]["health"], "ok");
}

const STEPS: &str = "[[step]]\nname = \"build\"\nrun = \"sh build.sh\"\ntimeout = \"2s\"\n";

#[test]
fn a_step_that_fails_hangs_or_floods_its_log_leaves_standby_on_its_former_release() {
    let lab = Lab::new();
    let shop = Shop::with(&lab, STEPS);
    shop.ada.write("build.sh", "true\n");
    shop.push("1.0.0").exits(0).says("runs 1.0.0");
    shop.gsync(&["release"]).exits(0);
    shop.push("1.1.0").exits(0).says("runs 1.1.0");
    let before = live(&shop);
    let kinds = [
        ("echo 'error: the moon is missing'; exit 1", "error: the moon is missing"),
        ("sleep 100", "timed out after 2 s"),
        ("yes 'a line that is said again and again' | head -c 2000000; exit 4", "exit"),
    ];
    for (script, says) in kinds {
        shop.ada.write("build.sh", format!("{script}\n"));
        let start = Instant::now();
        let seen = shop.push("1.2.0").exits(0).says("step 1 of 1 (shop: build)").says("log: ");
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
        assert!(seen.stderr.len() < 20_000, "the pusher is not flooded");
        seen.says(says).says("everything is as it was").says("gsync -C");
        is_as_before(&shop, &before);
    }
    // Two are kept to be looked at.
    let failed = fs::read_dir(shop.home.join("blue/releases")).unwrap();
    let failed = failed
        .filter(|it| it.as_ref().unwrap().file_name().to_str().unwrap().starts_with("failed-"));
    assert!(failed.count() <= 3);
    shop.ada.write("build.sh", "true\n");
    shop.push("1.3.0").exits(0).says("blue is STANDBY and runs 1.3.0");
}

#[test]
fn a_release_that_is_ill_lies_crashes_or_falls_later_leaves_standby_on_its_former_release() {
    let lab = Lab::new();
    let shop = two_versions(&lab, "");
    let text = fs::read_to_string(shop.home.join("app.toml")).unwrap();
    let text =
        text.replace("timeout = \"5s\"", "timeout = \"600ms\"").replace("\"100ms\"", "\"400ms\"");
    fs::write(shop.home.join("app.toml"), text).unwrap();
    let before = live(&shop);
    for (kind, says) in [
        ("ill", "answers 500 and not 200"),
        ("liar", "says `0.0.0` and not 1.2.0"),
        ("crash", "Error: cannot find the moon"),
        ("late", "its process has ended"),
    ] {
        shop.ada.write("kind", kind);
        shop.push("1.2.0").exits(0).says(says).says("everything is as it was");
        is_as_before(&shop, &before);
    }
    fs::remove_file(shop.ada.path("kind")).unwrap();
    shop.push("1.3.0").exits(0).says("blue is STANDBY and runs 1.3.0");
}

#[test]
fn a_stray_on_the_port_is_named_and_nothing_is_touched() {
    let lab = Lab::new();
    let shop = Shop::new(&lab);
    let stray = TcpListener::bind(("127.0.0.1", shop.ports[1])).unwrap();
    shop.push("1.0.0").exits(0).says("is taken by process").says("everything is as it was");
    assert!(!shop.home.join("green/current").exists());
    drop(stray);
    shop.gsync(&["deploy"]).exits(0).says("green is STANDBY and runs 1.0.0");
}

#[test]
fn a_disk_that_is_full_changes_nothing() {
    let lab = Lab::new();
    let shop = two_versions(&lab, "");
    let before = live(&shop);
    shop.commit("1.2.0");
    shop.ada.git(&["push", "--quiet", "deploy", "main:side"]);
    for write in 1..4 {
        let server = shop.server().with_env("GSYNC_DISK_FULL", &write.to_string());
        let seen = server.gsync(&["deploy", "side"]);
        if seen.code == 0 {
            break;
        }
        seen.exits(3);
        is_as_before(&shop, &before);
    }
}

#[test]
fn a_pusher_who_is_killed_or_never_reads_stops_nothing() {
    let lab = Lab::new();
    let steps = "[[step]]\nname = \"build\"\nrun = \"sleep 0.3; echo done\"\n";
    let shop = two_versions(&lab, steps);
    shop.commit("1.2.0");
    let mut push = shop.ada.command("git");
    push.args(["push", "deploy", "main"]).stderr(Stdio::piped()).stdout(Stdio::null());
    let mut push = push.spawn().unwrap();
    let wanted = shop.home.join("repo.git/gsync/wanted.json");
    let start = Instant::now();
    while fs::read(&wanted).map_or(0, |text| text.len()) < 10 {
        assert!(start.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(5));
    }
    push.kill().unwrap();
    push.wait().unwrap();
    while shop.envs()["envs"]["blue"]["version"] != "1.2.0" {
        assert!(start.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(shop.get("blue", "/version").as_deref(), Some("1.2.0"));
}

#[test]
fn live_that_turns_unhealthy_after_a_release_is_left_again() {
    let lab = Lab::new();
    let shop = two_versions(&lab, "");
    let text = fs::read_to_string(shop.home.join("app.toml")).unwrap();
    fs::write(shop.home.join("app.toml"), text.replace("watch = \"100ms\"", "watch = \"10s\""))
        .unwrap();
    let mut release = shop.server().command(env!("CARGO_BIN_EXE_gsync"));
    let release = release.arg("release").stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while shop.live() != "blue" {
        assert!(start.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = i32::try_from(shop.pid("blue").unwrap()).unwrap();
    let group = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
    let out = release.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(3), "{said}");
    assert!(said.contains("the traffic is led to green again"), "{said}");
    assert_eq!(shop.live(), "green");
    let log = shop.server().sh("git -C repo.git log --format=%s refs/gsync/state").stdout;
    assert!(log.lines().next().unwrap().starts_with("release: switched back"), "{log}");
}

#[test]
fn a_release_that_is_stopped_while_live_is_watched_leads_the_traffic_back() {
    let lab = Lab::new();
    let shop = two_versions(&lab, "");
    let text = fs::read_to_string(shop.home.join("app.toml")).unwrap();
    fs::write(shop.home.join("app.toml"), text.replace("watch = \"100ms\"", "watch = \"30s\""))
        .unwrap();
    for cancels in [true, false] {
        let mut release = shop.server().command(env!("CARGO_BIN_EXE_gsync"));
        let mut release = release.arg("release").stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(release.stderr.take().unwrap());
        let mut text = String::new();
        while !text.contains("watching it") {
            assert_ne!(said.read_line(&mut text).unwrap(), 0, "{text}");
        }
        assert_eq!(shop.live(), "blue");
        if cancels {
            shop.gsync(&["cancel"]).exits(0).says("stopped and put back");
        } else {
            let pid = i32::try_from(release.id()).unwrap();
            let pid = rustix::process::Pid::from_raw(pid).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        }
        said.read_to_string(&mut text).unwrap();
        assert_eq!(release.wait().unwrap().code(), Some(130), "{text}");
        assert!(text.contains("the traffic is led to green again"), "{text}");
        assert_eq!(shop.live(), "green");
        let envs = shop.envs();
        assert_eq!((&envs["live"], &envs["drift"]), (&"green".into(), &serde_json::Value::Null));
    }
}
