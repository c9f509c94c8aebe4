//! An app whose HAProxy is on another host too: its socket, its map and the probe are those there,
//! reached through ssh. And `kill -9` at every entry of the journal while three other machines
//! have a part in what is done.

use std::fs;
use std::process::Stdio;
use std::time::Instant;

use crate::deploy_haproxy::SERVER;
use crate::deploy_ssh::Far;
use crate::lab::Lab;
use crate::load::{Change, Load, Shot, judge};

/// Three other machines; 1.0.0 is LIVE on green, 1.1.0 is STANDBY on blue.
fn three(lab: &Lab) -> Option<Far<'_>> {
    Some(Far::with(lab, "", SERVER, true)?.at_two_versions())
}

/// Runs a command that is killed at a point of its journal; false: it came to its end.
fn killed(far: &Far<'_>, args: &[&str], at: usize) -> bool {
    let mut command = far.server().command(env!("CARGO_BIN_EXE_gsync"));
    command.args(args).env("GSYNC_STOP_AT", at.to_string());
    !command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
}

#[test]
fn a_haproxy_on_another_host_leads_the_traffic_and_loses_no_request() {
    let lab = Lab::new();
    let Some(far) = three(&lab) else { return };
    let load = Load::gentle(far.front, &["shop.test"]);
    load.wait_for(100);
    let mut changes = Vec::new();
    for n in 0..3 {
        let side = if n % 2 == 0 { "blue" } else { "green" };
        if n == 1 {
            far.reload();
        }
        let began = Instant::now();
        far.gsync(&["release"]).exits(0).says(&format!("{side} is LIVE with"));
        let (returned, side) = (Instant::now(), format!("shop_{side}"));
        changes.push(Change { host: "shop.test", side, began, returned });
        load.wait_for(load.count() + 60);
    }
    let shots = load.stop();
    let verdict = judge(&shots, &[("shop.test", "shop_green")], &changes);
    assert_eq!((verdict.failed.first(), verdict.late), (None, 0));
    far.gsync(&["sync"]).exits(0).says("green is STANDBY and runs 1.1.0");
    far.agrees("after a sync");
    let map = fs::read_to_string(lab.path("live.map")).unwrap();
    assert_eq!(map, "# live\nshop shop_blue\n");
    // A hand over there is drift, and taken back to what the users get.
    fs::write(lab.path("live.map"), "# live\nshop shop_green\n").unwrap();
    far.gsync(&["envs", "--exit-code"]).exits(1).says("the map on disk says shop_green");
    far.gsync(&["release"]).exits(1).says("gsync envs --reconcile");
    far.gsync(&["envs", "--reconcile"]).exits(0);
    assert_eq!(fs::read_to_string(lab.path("live.map")).unwrap(), map);
}

#[test]
fn a_host_of_haproxy_that_is_gone_is_blind_and_nothing_changes() {
    let lab = Lab::new();
    let Some(mut far) = three(&lab) else { return };
    let map = fs::read_to_string(lab.path("live.map")).unwrap();
    let known = fs::read(lab.path("ssh-balancer/known")).unwrap();
    fs::write(lab.path("ssh-balancer/known"), "").unwrap();
    for args in [&["envs"][..], &["release"], &["sync"], &["deploy"], &["rollback"]] {
        let seen = far.gsync(args).exits(7).says("haproxy does not answer");
        seen.says("Host key verification failed").says("ssh -p");
    }
    far.push("1.2.0").exits(0).says("haproxy does not answer");
    assert_eq!(far.get("blue", "/version").as_deref(), Some("1.1.0"));
    fs::write(lab.path("ssh-balancer/known"), known).unwrap();
    // The host is there, and no HAProxy on it.
    far.stop();
    let socket = lab.path("master.sock").display().to_string();
    far.gsync(&["envs"]).exits(7).says("haproxy does not answer").says(&socket);
    assert_eq!(fs::read_to_string(lab.path("live.map")).unwrap(), map);
    far.start();
    far.gsync(&["deploy"]).exits(0).says("blue is STANDBY and runs 1.2.0");
    far.agrees("after haproxy came back");
    // Its lines are not written into a file of this machine.
    let (home, file) = (lab.path("shop"), lab.path("haproxy.cfg"));
    let (home, file) = (home.to_str().unwrap(), file.to_str().unwrap());
    let create = ["app", "create", "shop", "--dir", home, "--haproxy", file];
    far.ada.gsync(&create).exits(1).says("haproxy is on ssh://");
}

/// Kills a command at every entry of its journal while users ask for LIVE.
fn killed_anywhere(far: &Far<'_>, args: &[&str], live: &str, points: usize) -> Vec<Shot> {
    let load = Load::gentle(far.front, &["shop.test"]);
    let mut killed_at = 0;
    for at in 1..40 {
        if !killed(far, args, at) {
            break;
        }
        killed_at = at;
        match at % 3 {
            // The next command that acts recovers by itself; a rescue may be killed as well.
            0 => drop(far.gsync(&["envs", "--reconcile"]).exits(0)),
            1 => drop(far.gsync(&["rescue"]).exits(0)),
            _ => {
                let _ = killed(far, &["rescue"], 2);
                far.gsync(&["rescue"]).exits(0);
            }
        }
        let envs = far.agrees(&format!("{args:?} killed at {at}"));
        assert_eq!(envs["live"], live, "{args:?} killed at {at}: it was put back");
    }
    assert!(killed_at >= points, "{args:?}: only {killed_at} points");
    let shots = load.stop();
    let failed: Vec<_> = shots.iter().filter_map(|shot| shot.answer.as_ref().err()).collect();
    assert!(failed.is_empty(), "{args:?}: {} of {}: {failed:?}", failed.len(), shots.len());
    assert!(shots.len() > 200, "{args:?}: only {} requests", shots.len());
    shots
}

#[test]
fn a_release_over_three_other_machines_that_is_killed_anywhere_is_put_back_while_live_answers() {
    let lab = Lab::new();
    let Some(far) = three(&lab) else { return };
    killed_anywhere(&far, &["release"], "green", 4);
    assert_eq!(far.agrees("after the release")["live"], "blue");
}

#[test]
fn a_sync_over_three_other_machines_that_is_killed_anywhere_is_put_back_while_live_answers() {
    let lab = Lab::new();
    let Some(far) = three(&lab) else { return };
    let shots = killed_anywhere(&far, &["sync"], "green", 7);
    let strangers = shots.iter().filter(|it| it.answer.as_deref() != Ok("shop_green")).count();
    assert_eq!(strangers, 0, "answers that were not of LIVE");
    assert_eq!(far.agrees("after the sync")["envs"]["blue"]["version"], "1.0.0");
}
