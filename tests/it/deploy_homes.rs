//! App homes: made once, found again, several on one server; what does not fit together stops
//! changes; kept releases lead back.

use std::fs;
use std::os::unix::fs::symlink;

use crate::deploy::Shop;
use crate::deploy_faults::two_versions;
use crate::lab::{Lab, picture};

#[test]
fn an_app_home_is_made_once_and_the_second_time_changes_nothing() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    let home = lab.path("shop");
    let dir = home.to_str().unwrap();
    let create = ["app", "create", "shop", "--dir", dir];
    ada.gsync(&[&create[..], &["--dry-run"]].concat()).exits(0).says("would git init --bare");
    assert!(!home.exists(), "a dry run leaves no trace");
    ada.gsync(&create).exits(0).says("git remote add deploy ").says("shop/repo.git");
    for path in ["app.toml", "repo.git/hooks/post-receive", "blue/releases", "green/shared", "logs"]
    {
        assert!(home.join(path).exists(), "{path}");
    }
    let strict = lab.at("x", home.join("repo.git")).git(&["config", "receive.fsckObjects"]);
    assert_eq!(strict, "true");
    let before = picture(&home);
    ada.gsync(&create).exits(0).says("already; nothing was changed");
    let after = picture(&home);
    let lasting = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.contains("gsync/lock")).map(ToOwned::to_owned).collect()
    };
    assert_eq!(lasting(&before), lasting(&after));
    ada.gsync(&["app", "list"]).exits(0).says(dir);
    ada.gsync(&["envs", "--app", "shop"]).exits(0).says("LIVE").says("STANDBY");
    ada.gsync(&["envs", "--app", "shpo"]).exits(1).says("say `--app shop`");
    ada.gsync(&["envs"]).exits(1).says("is in no app home");
}

#[test]
fn what_will_not_do_as_an_app_is_refused_and_nothing_is_made() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    let before = picture(&lab.path(""));
    for name in ["Shop", "-x", "a b", "a;b", "a/b", "", "ä"] {
        ada.gsync(&["app", "create", name, "--dir", "../new"]).exits(2);
    }
    let bad = ["app", "create", "shop", "--dir", "../new", "--template", "comand"];
    ada.gsync(&bad).exits(2).says("say `--template command`");
    ada.gsync(&["app", "create", "shop", "--dir", "../new", "--branch", "a..b"]).exits(2);
    ada.gsync(&["app", "create", "shop", "--dir", "."]).exits(1).says("is not empty");
    assert_eq!(picture(&lab.path("")), before);
    ada.gsync(&["app", "create", "shop", "--dir", "../new"]).exits(0);
    ada.gsync(&["app", "create", "other", "--dir", "../new"]).exits(1).says("home of the app shop");
}

#[test]
fn two_who_disagree_on_what_is_live_stop_every_change_until_somebody_says_how_it_is() {
    let lab = Lab::new();
    let shop = two_versions(&lab, "");
    fs::remove_file(shop.home.join("live")).unwrap();
    symlink("blue", shop.home.join("live")).unwrap();
    let tree = picture(&shop.home.join("blue/releases"));
    shop.gsync(&["envs", "--exit-code"]).exits(1).says("drift:").says("the record says green");
    shop.gsync(&["envs"]).exits(0);
    for args in [&["deploy"][..], &["release"], &["rollback"], &["sync"]] {
        shop.gsync(args).exits(1).says("gsync envs --reconcile");
    }
    shop.push("1.2.0").exits(0).says("the record says green");
    assert_eq!(picture(&shop.home.join("blue/releases")), tree);
    shop.gsync(&["envs", "--reconcile"]).exits(0);
    shop.gsync(&["envs", "--exit-code"]).exits(0);
    assert_eq!(shop.envs()["live"], "blue");
    shop.gsync(&["envs", "--reconcile"]).exits(0).says("nothing to do");
    shop.gsync(&["deploy"]).exits(0).says("green is STANDBY and runs 1.2.0");
}

#[test]
fn a_kept_release_comes_back_by_its_commit_and_the_former_live_at_once() {
    let lab = Lab::new();
    let shop = two_versions(&lab, "");
    let old = shop.envs()["envs"]["green"]["commit"].as_str().unwrap().to_owned();
    shop.gsync(&["release"]).exits(0);
    shop.gsync(&["rollback"]).exits(0).says("green is LIVE with 1.0.0");
    shop.gsync(&["release"]).exits(0);
    shop.push("1.2.0").exits(0).says("green is STANDBY and runs 1.2.0");
    shop.gsync(&["rollback"]).exits(1).says("there is no way back");
    shop.gsync(&["release"]).exits(0).says("green is LIVE with 1.2.0");
    shop.gsync(&["rollback", "--to", &old]).exits(0).says("blue is LIVE with 1.0.0");
    assert_eq!(shop.get("blue", "/version").as_deref(), Some("1.0.0"));
    // What is older than LIVE is released only by name.
    shop.gsync(&["deploy", &old]).exits(0);
    shop.gsync(&["release"]).exits(0).says("STANDBY is what LIVE is");
}

#[test]
fn a_check_that_fails_or_a_name_that_may_not_release_stops_before_the_switch() {
    let lab = Lab::new();
    let shop = two_versions(&lab, "");
    shop.settings("", "check = [\"test {url} = nowhere\"]\n");
    shop.gsync(&["release"]).exits(3).says("check 1");
    assert_eq!(shop.live(), "green");
    shop.settings("", "[access]\nrelease = [\"eva\"]\n");
    let ada = shop.server().with_env("GSYNC_USER", "ada");
    ada.gsync(&["release"]).exits(1).says("ada may not release here");
    let eva = shop.server().with_env("GSYNC_USER", "eva");
    eva.gsync(&["release"]).exits(0).says("blue is LIVE");
    let entry = shop.server().sh("git -C repo.git show refs/gsync/state:state.json").stdout;
    let entry: serde_json::Value = serde_json::from_str(&entry).unwrap();
    assert_eq!((&entry["what"], &entry["who"]), (&"release".into(), &"eva".into()));
}

#[test]
fn who_may_not_deploy_moves_neither_the_branch_nor_standby() {
    let lab = Lab::new();
    let shop = two_versions(&lab, "");
    shop.settings("", "[access]\ndeploy = [\"eva\"]\n");
    let tip = shop.commit("1.2.0");
    let push = |who: &str, to: &str| {
        let person = lab.at("ada", shop.ada.dir.clone()).with_env("GSYNC_USER", who);
        person.try_git(&["push", "deploy", to])
    };
    let seen = push("ada", "main");
    assert!(seen.code != 0, "{}", seen.all());
    seen.says("ada may not deploy here").says("[access] names: eva");
    let branch = shop.server().git(&["-C", "repo.git", "rev-parse", "main"]);
    assert_ne!(branch, tip);
    push("ada", "main:side").exits(0);
    let ada = shop.server().with_env("GSYNC_USER", "ada");
    ada.gsync(&["deploy", "side"]).exits(1).says("ada may not deploy here");
    push("eva", "main").exits(0).says("blue is STANDBY and runs 1.2.0");
}

#[test]
fn a_plan_that_was_shown_is_the_one_that_runs_or_none() {
    let lab = Lab::new();
    let shop = two_versions(&lab, "");
    let shown = shop.gsync(&["release", "--dry-run", "--json"]).exits(0).json();
    assert_eq!(shop.live(), "green");
    let id = shown["plan"]["id"].as_str().unwrap().to_owned();
    shop.gsync(&["release", "--only", "00000000"]).exits(1).says("is no longer");
    shop.gsync(&["release", "--only", &id, "--json"]).exits(0);
    assert_eq!(shop.live(), "blue");
}

#[test]
fn two_apps_on_one_server_are_pushed_to_at_once_and_do_not_meet() {
    let lab = Lab::new();
    let shop = Shop::new(&lab);
    let home = lab.path("cafe");
    let dir = home.to_str().unwrap();
    shop.ada.gsync(&["app", "create", "cafe", "--dir", dir, "--template", "static"]).exits(0);
    let repo = home.join("repo.git");
    shop.commit("1.0.0");
    let mut both: Vec<_> = ["deploy", repo.to_str().unwrap()]
        .into_iter()
        .map(|to| shop.ada.command("git").args(["push", "--quiet", to, "main"]).spawn().unwrap())
        .collect();
    assert!(both.iter_mut().all(|push| push.wait().unwrap().success()));
    assert_eq!(shop.get("green", "/version").as_deref(), Some("1.0.0"));
    let cafe = lab.at("root", home.clone());
    let envs = cafe.gsync(&["envs", "--json"]).exits(0).json();
    assert_eq!(envs["envs"]["green"]["version"], "1.0.0");
    cafe.gsync(&["release"]).exits(0).says("green is LIVE");
    assert_eq!(fs::read_to_string(home.join("live/current/VERSION")).unwrap(), "1.0.0\n");
    assert_eq!(shop.live(), "blue", "the neighbour is untouched");
}

#[test]
fn what_died_with_the_machine_is_started_again_and_what_runs_is_left_alone() {
    let lab = Lab::new();
    let shop = two_versions(&lab, "");
    let anywhere = lab.at("cron", lab.path("home"));
    anywhere.gsync(&["app", "start"]).exits(0).says("nothing to do");
    let (live, standby) = (shop.pid("green").unwrap(), shop.pid("blue").unwrap());
    let kill = |pid: u64| {
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        rustix::process::kill_process_group(pid, rustix::process::Signal::KILL).unwrap();
    };
    kill(live);
    let gone = || shop.get("green", "/version").is_none();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while !gone() {
        assert!(std::time::Instant::now() < until, "it answers though it was killed");
    }
    anywhere.gsync(&["app", "start", "--dry-run"]).exits(0).says("would run 1-");
    assert!(gone(), "it was only shown");
    anywhere.gsync(&["app", "start"]).exits(0).says("start green of shop").says_not("blue");
    assert_eq!(shop.get("green", "/version").as_deref(), Some("1.0.0"));
    assert_eq!(shop.pid("blue"), Some(standby), "what runs is left alone");
    // After a restart of the machine: both.
    kill(shop.pid("green").unwrap());
    kill(standby);
    let told = shop.gsync(&["app", "start", "--json"]).exits(0).json();
    let envs: Vec<&str> =
        told["started"].as_array().unwrap().iter().filter_map(|it| it["env"].as_str()).collect();
    assert_eq!(envs, ["green", "blue"], "LIVE first: {told}");
    assert_eq!(shop.get("green", "/version").as_deref(), Some("1.0.0"));
    assert_eq!(shop.get("blue", "/version").as_deref(), Some("1.1.0"));
    shop.gsync(&["envs", "--exit-code"]).exits(0);
    shop.gsync(&["app", "start"]).exits(0).says("nothing to do");
}
