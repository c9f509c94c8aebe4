//! The worker, or a command, killed with `kill -9` at every entry of its journal: LIVE answers
//! throughout, the next command recovers, and the record, the link and the files agree.

use std::process::Stdio;

use crate::deploy::Shop;
use crate::deploy_faults::two_versions;
use crate::lab::Lab;

#[track_caller]
fn agrees(shop: &Shop<'_>, at: usize) {
    let envs = shop.envs();
    assert_eq!(envs["drift"], serde_json::Value::Null, "killed at {at}: {envs}");
    for env in ["blue", "green"] {
        let version = envs["envs"][env]["version"].as_str().unwrap_or_default().to_owned();
        assert_eq!(shop.get(env, "/version").as_deref(), Some(version.as_str()), "at {at}: {envs}");
        let current = std::fs::read_link(shop.home.join(env).join("current")).unwrap();
        let release = envs["envs"][env]["release"].as_str().unwrap();
        assert!(current.ends_with(release), "at {at}: {envs}");
    }
    assert_eq!(envs["live"], shop.live().as_str());
}

/// Runs a command that is killed at a point of its journal; false: it came to its end.
fn killed(shop: &Shop<'_>, args: &[&str], at: usize) -> bool {
    let mut command = shop.server().command(env!("CARGO_BIN_EXE_gsync"));
    command.args(args).env("GSYNC_STOP_AT", at.to_string());
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    !status.success()
}

#[test]
fn a_deploy_that_is_killed_anywhere_is_put_back_and_live_answers() {
    let lab = Lab::new();
    let steps = "[[step]]\nname = \"build\"\nrun = \"true\"\n";
    let shop = two_versions(&lab, steps);
    shop.commit("1.2.0");
    shop.ada.git(&["push", "--quiet", "deploy", "main:side"]);
    let mut points = 0;
    for at in 1..40 {
        if !killed(&shop, &["deploy", "side"], at) {
            break;
        }
        points += 1;
        assert_eq!(shop.get("green", "/version").as_deref(), Some("1.0.0"), "LIVE, killed at {at}");
        assert_eq!(shop.live(), "green");
        // The rescue is killed as well, a little further each time.
        let _ = killed(&shop, &["rescue"], 1 + at % 3);
        shop.gsync(&["rescue"]).exits(0);
        agrees(&shop, at);
        assert_eq!(shop.get("green", "/version").as_deref(), Some("1.0.0"));
    }
    assert!(points >= 8, "only {points} points");
    agrees(&shop, 0);
    assert_eq!(shop.envs()["envs"]["blue"]["version"], "1.2.0");
}

#[test]
fn a_worker_that_is_killed_under_a_push_says_so_and_the_next_deploy_recovers() {
    let lab = Lab::new();
    let shop = two_versions(&lab, "");
    for at in [2, 4, 5, 7] {
        shop.commit(&format!("1.{}.0", 1 + at));
        let mut push = shop.ada.command("git");
        push.args(["push", "deploy", "main"]).env("GSYNC_STOP_AT", at.to_string());
        let out = push.output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.success() && said.contains("try the deploy again"), "{at}: {said}");
        assert_eq!(shop.get("green", "/version").as_deref(), Some("1.0.0"));
        shop.gsync(&["deploy"]).exits(0).says("was cut off").says(&format!("runs 1.{}.0", 1 + at));
        agrees(&shop, at);
    }
}

#[test]
fn a_release_that_is_killed_anywhere_leaves_one_live_that_answers() {
    let lab = Lab::new();
    let shop = two_versions(&lab, "");
    for at in 1..20 {
        if !killed(&shop, &["release"], at) {
            break;
        }
        shop.gsync(&["rescue"]).exits(0);
        agrees(&shop, at);
        assert_eq!(shop.live(), "green", "killed at {at}: it was put back");
    }
    assert_eq!(shop.live(), "blue");
    agrees(&shop, 0);
}

#[test]
fn a_sync_that_is_killed_anywhere_is_put_back_and_live_answers() {
    let lab = Lab::new();
    let shop = two_versions(&lab, "");
    shop.gsync(&["release"]).exits(0);
    for at in 1..40 {
        if !killed(&shop, &["sync"], at) {
            break;
        }
        assert_eq!(shop.get("blue", "/version").as_deref(), Some("1.1.0"), "LIVE, killed at {at}");
        // The next command that acts recovers by itself.
        shop.gsync(&["envs", "--reconcile"]).exits(0);
        agrees(&shop, at);
    }
    agrees(&shop, 0);
    assert_eq!(shop.envs()["envs"]["green"]["version"], "1.1.0");
}
