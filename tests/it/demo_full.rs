//! `gsync demo --full`: with the real HAProxy, Node and PM2, and nothing of them stays.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::lab::{Lab, Person};
use crate::managers::tool;

/// Somebody with the servers on the PATH, whose demo is the last chapter alone.
fn nobody<'lab>(lab: &'lab Lab, pm2: &Path) -> Person<'lab> {
    let path = format!("{}:{}", pm2.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let nobody = lab.at("nobody", lab.path("home"));
    nobody.with_env("PATH", &path).with_env("GSYNC_DEMO_ONLY_FULL", "1")
}

/// The processes that name this directory or work in it.
fn running(dir: &Path) -> Vec<String> {
    let wanted = dir.to_str().unwrap();
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let lines = pids.filter_map(|pid| {
        let line = fs::read(pid.path().join("cmdline")).ok()?;
        let cwd = fs::read_link(pid.path().join("cwd")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        // PM2 names its home in its title; the app runs in its release.
        (line.contains(wanted) || cwd.starts_with(dir)).then_some(line)
    });
    lines.collect()
}

#[test]
fn the_demo_with_real_servers_loses_no_request_and_leaves_nothing_running() {
    let (Some(pm2), Some(_), Some(_)) = (tool("PM2"), tool("NODE"), tool("HAPROXY")) else {
        return;
    };
    let lab = Lab::new();
    let nobody = nobody(&lab, &pm2);
    let told = nobody.gsync(&["demo", "--full", "--json"]).exits(0).json();
    assert_eq!(told["missing"], serde_json::json!([]));
    let steps = told["chapters"][0]["steps"].as_array().unwrap();
    let said: Vec<&str> = steps.iter().filter_map(|step| step["output"].as_str()).collect();
    assert_eq!(said.iter().filter(|said| said.contains(" 0 failed")).count(), 2, "{said:?}");
    assert_eq!(running(&lab.path("home")), [] as [&str; 0]);
    assert_eq!(nobody.read_dir("."), [] as [&str; 0], "TMPDIR is this directory");
}

#[test]
fn a_demo_that_is_stopped_stops_its_servers() {
    let (Some(pm2), Some(_), Some(_)) = (tool("PM2"), tool("NODE"), tool("HAPROXY")) else {
        return;
    };
    let lab = Lab::new();
    let nobody = nobody(&lab, &pm2);
    let mut demo = nobody.command(env!("CARGO_BIN_EXE_gsync"));
    demo.args(["demo", "--full"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut demo = demo.spawn().unwrap();
    let home = lab.path("home");
    let until = Instant::now() + Duration::from_mins(1);
    // In the middle of the first deploy, which has a worker of its own.
    while !running(&home).iter().any(|line| line.contains("PM2")) {
        assert!(
            demo.try_wait().unwrap().is_none() && Instant::now() < until,
            "{:?}",
            running(&home)
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = rustix::process::Pid::from_raw(i32::try_from(demo.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(demo.wait().unwrap().code(), Some(130));
    assert_eq!(running(&home), [] as [&str; 0]);
    assert_eq!(nobody.read_dir("."), [] as [&str; 0]);
}

#[test]
fn what_is_missing_is_named_with_the_way_to_install_it_and_the_rest_goes_on() {
    let lab = Lab::new();
    let bin = lab.path("bin");
    fs::create_dir(&bin).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    for name in ["git", "sh"] {
        let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|it| it.is_file());
        std::os::unix::fs::symlink(found.unwrap(), bin.join(name)).unwrap();
    }
    let nobody = lab.at("nobody", lab.path("home")).with_env("GSYNC_DEMO_ONLY_FULL", "1");
    let nobody = nobody.with_env("PATH", bin.to_str().unwrap());
    let seen = nobody.gsync(&["demo", "--full"]).exits(0).says("node is not here");
    seen.says("apt-get install nodejs").says("npm install --global pm2").says_not("Real servers");
    let told = nobody.gsync(&["demo", "--full", "--json"]).exits(0).json();
    assert!(told["missing"].as_array().unwrap().contains(&"node".into()), "{told}");
}
