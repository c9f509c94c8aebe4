//! What goes wrong around a HAProxy: dead, restarted, changed by hand, asked by two at once, not
//! content with STANDBY, or still serving somebody there. And the ways back through it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use gsync::host::haproxy;

use crate::deploy_haproxy::Stage;
use crate::lab::Lab;
use crate::managers::tool;

/// A request to LIVE on a connection that stays; the first line of the answer.
fn ask(stage: &Stage<'_>, more: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", stage.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let ask = format!("GET /x HTTP/1.1\r\nHost: shop.test\r\n{more}\r\n");
    stream.write_all(ask.as_bytes()).unwrap();
    let mut first = String::new();
    BufReader::new(stream.try_clone().unwrap()).read_line(&mut first).unwrap();
    (stream, first)
}

#[test]
fn a_dead_haproxy_stops_changes_a_new_one_leads_on_and_a_hand_in_the_map_is_drift() {
    let lab = Lab::new();
    let Some(mut stage) = Stage::new(&lab) else { return };
    stage.stop();
    let map = stage.map();
    for args in [&["envs"][..], &["release"], &["sync"], &["deploy"], &["rollback"]] {
        stage.shop.gsync(args).exits(7).says("haproxy does not answer");
    }
    stage.shop.push("1.2.0").exits(0).says("haproxy does not answer");
    assert_eq!(stage.map(), map);
    assert_eq!(stage.shop.get("blue", "/version").as_deref(), Some("1.1.0"));
    stage.start();
    stage.until("it is back", |it| it.shop.gsync(&["envs", "--exit-code"]).code == 0);
    stage.agrees("green", 0);

    // By hand, on disk alone: what the users get stays.
    stage.scribble("shop_blue");
    stage.shop.gsync(&["envs", "--exit-code"]).exits(1).says("the map on disk says shop_blue");
    for args in [&["deploy"][..], &["release"], &["rollback"], &["sync"]] {
        stage.shop.gsync(args).exits(1).says("gsync envs --reconcile");
    }
    stage.shop.gsync(&["envs", "--reconcile"]).exits(0);
    stage.agrees("green", 1);
    // By hand, and loaded: the record follows.
    stage.scribble("shop_blue");
    stage.reload();
    stage.until("it is loaded", |it| {
        it.shop.gsync(&["envs"]).all().contains("the record says green")
    });
    stage.shop.gsync(&["release"]).exits(1);
    stage.shop.gsync(&["envs", "--reconcile"]).exits(0);
    stage.agrees("blue", 2);
}

#[test]
fn a_map_that_is_lost_and_traffic_that_is_led_elsewhere_are_brought_in_order_by_reconcile() {
    let lab = Lab::new();
    let Some(stage) = Stage::new(&lab) else { return };
    let (map, way) = (stage.map(), "lead all traffic to green: `gsync envs --reconcile`");
    fs::remove_file(lab.path("live.map")).unwrap();
    stage.shop.gsync(&["envs"]).exits(0).says("there is no map").says(way);
    stage.shop.gsync(&["release"]).exits(1).says("gsync envs --reconcile");
    stage.shop.gsync(&["envs", "--reconcile"]).exits(0);
    // The line of the neighbour is there again too.
    let lines = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(lines(&stage.map()), lines(&map));
    fs::write(lab.path("live.map"), &map).unwrap();
    stage.agrees("green", 0);

    stage.scribble("ldc_blue");
    stage.reload();
    let led = "the traffic is led to `ldc_blue`, which is no environment";
    stage.until("it is loaded", |it| it.shop.gsync(&["envs"]).all().contains(led));
    let seen = stage.shop.gsync(&["envs"]).exits(0).says(way);
    seen.says_not("STANDBY").says_not("LIVE");
    stage.shop.gsync(&["release"]).exits(1);
    // Who is served there is not led to one that is ill.
    let pid = i32::try_from(stage.shop.pid("green").unwrap()).unwrap();
    let group = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
    stage.until("it ends", |it| it.shop.get("green", "/version").is_none());
    let seen = stage.shop.gsync(&["envs", "--reconcile"]).exits(1);
    seen.says("green was LIVE and is not well").says("gsync app start");
    assert!(stage.map().contains("shop ldc_blue\n"), "{}", stage.map());
    stage.shop.gsync(&["app", "start"]).exits(0);
    stage.shop.gsync(&["envs", "--reconcile"]).exits(0);
    stage.agrees("green", 1);
}

#[test]
fn of_two_releases_at_once_one_releases_and_the_other_undoes_nothing() {
    let lab = Lab::new();
    let Some(stage) = Stage::new(&lab) else { return };
    let both: Vec<_> = (0..2)
        .map(|_| {
            let mut command = stage.shop.server().command(env!("CARGO_BIN_EXE_gsync"));
            command.arg("release").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let ended: Vec<_> = both.into_iter().map(|it| it.wait_with_output().unwrap()).collect();
    let codes: Vec<_> = ended.iter().filter_map(|it| it.status.code()).collect();
    assert!(codes.contains(&0) && codes.iter().any(|code| [1, 6].contains(code)), "{ended:?}");
    stage.agrees("blue", 0);
}

#[test]
fn a_side_that_the_proxy_finds_ill_gets_no_traffic() {
    let lab = Lab::new();
    let Some(stage) = Stage::new(&lab) else { return };
    stage.shop.ada.write("kind", "picky");
    stage.shop.push("1.2.0").exits(0).says("blue is STANDBY and runs 1.2.0");
    let server = stage.shop.server().with_env("GSYNC_GATE_MS", "500");
    server.gsync(&["release"]).exits(3).says("haproxy does not find shop_blue well");
    stage.agrees("green", 0);
}

#[test]
fn who_is_still_served_by_standby_is_waited_for_and_only_cut_when_told_so() {
    let lab = Lab::new();
    let Some(stage) = Stage::new(&lab) else { return };
    // Kept alive and idle: its next request goes to LIVE, so nobody waits for it.
    let (_idle, first) = ask(&stage, "");
    assert!(first.contains(" 200 "), "{first}");
    stage.shop.gsync(&["release"]).exits(0);
    stage.shop.push("1.2.0").exits(0).says("green is STANDBY and runs 1.2.0").says_not("served by");
    // A tunnel stays where it is.
    stage.shop.gsync(&["release"]).exits(0).says("green is LIVE");
    let (_tunnel, first) = ask(&stage, "Upgrade: x\r\nConnection: Upgrade\r\n");
    assert!(first.contains(" 101 "), "{first}");
    stage.shop.gsync(&["release"]).exits(0).says("this is the way back");
    let seen = stage.shop.push("1.3.0").exits(0);
    seen.says("1 connections are still served by green").says("gsync sync --cut");
    stage.agrees("blue", 0);
    assert_eq!(stage.shop.get("green", "/version").as_deref(), Some("1.2.0"));
    stage.shop.gsync(&["sync", "--cut"]).exits(0).says("green is STANDBY and runs 1.1.0");
    stage.shop.gsync(&["deploy"]).exits(0).says("green is STANDBY and runs 1.3.0");
    stage.agrees("blue", 1);
}

#[test]
fn traffic_comes_back_by_itself_by_name_and_to_a_kept_release() {
    let lab = Lab::new();
    let Some(stage) = Stage::new(&lab) else { return };
    let old = stage.shop.envs()["envs"]["green"]["commit"].as_str().unwrap().to_owned();
    stage.shop.gsync(&["release"]).exits(0).says("blue is LIVE with 1.1.0");
    stage.shop.gsync(&["rollback"]).exits(0).says("green is LIVE with 1.0.0");
    stage.shop.gsync(&["release"]).exits(0).says("blue is LIVE with 1.1.0");
    stage.shop.push("1.2.0").exits(0);
    stage.shop.gsync(&["release"]).exits(0).says("green is LIVE with 1.2.0");
    stage.shop.gsync(&["rollback", "--to", &old]).exits(0).says("blue is LIVE with 1.0.0");
    stage.agrees("blue", 0);
    // LIVE dies while it is watched.
    stage.settings("10s");
    let mut release = stage.shop.server().command(env!("CARGO_BIN_EXE_gsync"));
    let release = release.arg("release").stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while !stage.map().contains("shop_green") {
        assert!(start.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = i32::try_from(stage.shop.pid("green").unwrap()).unwrap();
    let group = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
    let out = release.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(3), "{said}");
    assert!(said.contains("the traffic is led to blue again"), "{said}");
    assert!(stage.map().contains("shop shop_blue\n"));
    assert_eq!(stage.shop.envs()["drift"], serde_json::Value::Null);
}

#[test]
fn the_lines_of_an_app_are_shown_or_written_and_what_haproxy_would_not_take_is_not() {
    let lab = Lab::new();
    let Some(_program) = tool("HAPROXY") else { return };
    let ada = lab.person("ada");
    let home = lab.path("shop");
    let create = ["app", "create", "shop", "--dir", home.to_str().unwrap()];
    let config = lab.path("haproxy.cfg");
    let write = [&create[..], &["--haproxy", config.to_str().unwrap()]].concat();
    let plain = "defaults\n    mode http\n    timeout connect 2s\n    timeout client 9s\n    \
                 timeout server 9s\nfrontend www\n    bind 127.0.0.1:1\n";
    fs::write(&config, plain).unwrap();
    ada.gsync(&write).exits(1).says("app.toml does not say that haproxy leads");
    assert!(!home.exists(), "refused before anything is made");
    ada.gsync(&create).exits(0).says_not("haproxy");
    let map = lab.path("maps/live.map");
    let text = format!(
        "name = \"shop\"\n[traffic]\nhaproxy = {{ master = \"{}\", map = \"{}\", \
         host = \"shop.test\" }}\n[env.blue]\nport = 3001\n[env.green]\nport = 3002\n",
        lab.path("master.sock").display(),
        map.display()
    );
    fs::write(home.join("app.toml"), text).unwrap();
    ada.gsync(&create).exits(0).says("backend shop_green").says("use_backend %[var(");
    assert_eq!(fs::read_to_string(&config).unwrap(), plain);
    for (bad, says) in [
        (format!("{plain}nonsense here\n"), "haproxy would not start"),
        (format!("{plain}backend x\n    server s 127.0.0.1:3001\n"), "is the server of x already"),
        (format!("{plain}frontend other\n    bind 127.0.0.1:2\n"), "--frontend NAME"),
    ] {
        fs::write(&config, &bad).unwrap();
        let seen = ada.gsync(&write).says(says);
        assert!([1, 2].contains(&seen.code), "{}", seen.all());
        assert_eq!(fs::read_to_string(&config).unwrap(), bad);
        assert!(!map.exists());
    }
    fs::write(&config, plain).unwrap();
    ada.gsync(&[&write[..], &["--dry-run"]].concat()).exits(0).says("haproxy.cfg");
    assert!(!map.exists());
    ada.gsync(&write).exits(0).says("systemctl reload haproxy");
    let new = fs::read_to_string(&config).unwrap();
    assert!(new.contains("backend shop_blue") && new.contains("str(shop),map_str("), "{new}");
    assert_eq!(fs::read_to_string(&map).unwrap(), "shop shop_blue\n");
    ada.gsync(&write).exits(0).says("nothing was changed");
    assert_eq!(fs::read_to_string(&config).unwrap(), new);
    assert_eq!(haproxy::check(&new).unwrap(), Ok(()));
}

#[test]
fn a_configuration_that_was_half_written_by_one_who_was_killed_is_put_back_or_made_whole() {
    let lab = Lab::new();
    let Some(_program) = tool("HAPROXY") else { return };
    let ada = lab.person("ada");
    let (home, config, map) =
        (lab.path("shop"), lab.path("haproxy.cfg"), lab.path("maps/live.map"));
    let create = ["app", "create", "shop", "--dir", home.to_str().unwrap()];
    let write = [&create[..], &["--haproxy", config.to_str().unwrap()]].concat();
    let plain = "defaults\n    mode http\n    timeout connect 2s\n    timeout client 9s\n    \
                 timeout server 9s\nfrontend www\n    bind 127.0.0.1:1\n";
    ada.gsync(&create).exits(0);
    let text = format!(
        "name = \"shop\"\n[traffic]\nhaproxy = {{ master = \"{}\", map = \"{}\", \
         host = \"shop.test\" }}\n[env.blue]\nport = 3001\n[env.green]\nport = 3002\n",
        lab.path("master.sock").display(),
        map.display()
    );
    fs::write(home.join("app.toml"), text).unwrap();
    let files = || (fs::read_to_string(&config).ok(), fs::read_to_string(&map).ok());
    let (mut points, mut halves) = (0, 0);
    for at in 1..30 {
        let _ = fs::remove_dir_all(lab.path("maps"));
        fs::write(&config, plain).unwrap();
        let before = files();
        let mut killed = ada.command(env!("CARGO_BIN_EXE_gsync"));
        killed.args(&write).env("GSYNC_STOP_AT", at.to_string());
        if killed.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success() {
            break;
        }
        points += 1;
        halves += usize::from(map.exists() && files().0 == before.0);
        if at % 2 == 0 {
            lab.at("root", home.clone()).gsync(&["rescue"]).exits(0);
            let whole = files().0.is_some_and(|text| text.contains("backend shop_blue"));
            assert!(whole || files() == before, "killed at {at}: {:?}", files());
        }
        ada.gsync(&write).exits(0);
        let (text, map) = files();
        assert_eq!(map.as_deref(), Some("shop shop_blue\n"), "killed at {at}");
        assert_eq!(text.unwrap().matches("backend shop_blue\n").count(), 1, "killed at {at}");
    }
    assert!(points >= 4 && halves >= 1, "{points} points, {halves} between the two files");
    assert_eq!(haproxy::check(&files().0.unwrap()).unwrap(), Ok(()));
}
