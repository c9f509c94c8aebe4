//! What a server says of itself: to a clone that asks a broken one, to one that does not know of
//! its app, to the doctor; and who it thinks somebody is.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::deploy_asks::{Shop, home};
use crate::deploy_faults::two_versions;
use crate::deploy_haproxy::Stage;
use crate::lab::Lab;
use crate::ssh::Sshd;

#[test]
fn what_is_wrong_with_the_server_is_heard_in_the_clone_as_it_is_heard_there() {
    let lab = Lab::new();
    let shop = Shop::new(&lab);
    shop.push("1.0.0");
    let file = shop.home.join("app.toml");
    let good = fs::read_to_string(&file).unwrap();
    for bad in ["x = [\n".to_owned(), format!("mod = \"post-receive\"\n{good}")] {
        fs::write(&file, &bad).unwrap();
        for args in [&["envs"][..], &["release"], &["envs", "--json"], &["sync", "--json-lines"]] {
            let there = shop.server().gsync(args).exits(2);
            let here = shop.ada.gsync(args).exits(2);
            assert_eq!((here.stdout, here.stderr), (there.stdout, there.stderr));
        }
    }
    fs::write(&file, good).unwrap();
    shop.ada.gsync(&["envs"]).exits(0);
    // So are other refusals of an app.
    shop.ada.write(".gsync.toml", "[[app]]\nname = \"cafe\"\nremote = \"deploy\"\n");
    let error = shop.ada.gsync(&["release", "--json"]).exits(1).json();
    assert_eq!(error["error"]["code"], "other-app");
    assert!(error["error"]["hints"][0].as_str().unwrap().contains(".gsync.toml"), "{error}");
}

#[test]
fn a_clone_whose_remote_leads_to_an_app_hears_what_to_write_and_that_is_enough() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    let dir = home(&ada, "shop", "");
    ada.git(&["remote", "add", "deploy", dir.join("repo.git").to_str().unwrap()]);
    let seen = ada.gsync(&["envs"]).exits(1).says("the remote deploy leads to one");
    let text = seen.all();
    let hint =
        text.lines().filter(|line| line.contains("leads")).find_map(|line| line.split('`').nth(1));
    let hint = hint.unwrap();
    ada.sh(hint).exits(0);
    ada.gsync(&["envs"]).exits(0).says("LIVE");
    let again = ["app", "create", "shop", "--dir", dir.to_str().unwrap()];
    ada.gsync(&again).exits(0).says("[[app]]").says("remote = \"deploy\"");
}

#[test]
fn the_doctor_looks_at_an_app_home_from_wherever_in_it_somebody_stands() {
    let lab = Lab::new();
    let shop = Shop::new(&lab);
    for dir in [".", "repo.git", "blue", "logs"] {
        let there = lab.at("root", shop.home.join(dir));
        there.gsync(&["doctor"]).exits(0).says("app.toml: it is the home of shop");
    }
    let file = shop.home.join("app.toml");
    let good = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("mode = \"proc-receive\"\n{good}")).unwrap();
    shop.server().gsync(&["doctor"]).exits(0).says_not("proc-receive");
    shop.server().git(&["-C", "repo.git", "config", "--unset", "receive.procReceiveRefs"]);
    let told = shop
        .server()
        .gsync(&["doctor"])
        .exits(1)
        .says("error    app.toml: it says proc-receive, and git");
    told.says("gsync app create shop --dir");
    fs::write(&file, "x = [\n").unwrap();
    shop.server().gsync(&["doctor"]).exits(1).says("error    app.toml: ");
}

#[test]
fn the_doctor_names_what_the_configuration_of_the_proxy_lacks() {
    let lab = Lab::new();
    let Some(mut stage) = Stage::new(&lab) else { return };
    stage.shop.gsync(&["doctor"]).says("haproxy: ").says_not("hard-stop-after` is missing");
    stage.stop();
    let file = lab.path("haproxy.cfg");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("hard-stop-after"), "{text}");
    fs::write(&file, text.replace("hard-stop-after", "#")).unwrap();
    stage.start();
    stage.until("it is back", |it| it.shop.gsync(&["envs", "--exit-code"]).code == 0);
    let seen = stage.shop.gsync(&["doctor"]).exits(1);
    seen.says("warning  haproxy: ").says("hard-stop-after` is missing");
}

#[test]
fn who_shares_an_account_is_told_apart_by_the_key_where_sshd_says_which_it_was() {
    let lab = Lab::new();
    let shop = Shop::with(&lab, "[access]\nrelease = [\"eva of the shop\"]\n");
    shop.push("1.0.0");
    let (people, path) = (lab.path("people"), std::env::var("PATH").unwrap());
    fs::create_dir_all(people.join(".ssh")).unwrap();
    let more =
        format!("ExposeAuthInfo yes\nSetEnv \"HOME={}\" \"PATH={path}\"\n", people.display());
    let Some(sshd) = Sshd::start_as(&lab, "sshd", &more) else { return };
    let key = fs::read_to_string(lab.path("sshd/user.pub")).unwrap();
    let key = key.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let repo = shop.home.join("repo.git");
    let url = format!("ssh://127.0.0.1:{}{}", sshd.port, repo.display());
    shop.ada.git(&["remote", "set-url", "deploy", &url]);
    shop.ada.git(&["config", "core.sshCommand", sshd.program.to_str().unwrap()]);
    let known = |line: &str| fs::write(people.join(".ssh/authorized_keys"), line).unwrap();
    known(&format!("no-pty {key} bob\n"));
    shop.ada.gsync(&["release"]).exits(1).says("error: bob may not release here");
    known(&format!("{key} eva of the shop\n"));
    shop.ada.gsync(&["release"]).exits(0).says("green is LIVE");
    let state = shop.server().git(&["-C", "repo.git", "show", "refs/gsync/state:state.json"]);
    assert!(state.contains("\"eva of the shop\""), "{state}");
}

#[test]
fn a_hook_without_which_every_push_fails_is_missed_by_the_doctor_put_back_and_taken_out_whole() {
    let lab = Lab::new();
    let shop = Shop::new(&lab);
    shop.push("1.0.0");
    let hook = shop.home.join("repo.git/hooks/proc-receive");
    let create = ["app", "create", "shop", "--dir", shop.home.to_str().unwrap()];
    let broken = |says: &str, version: &str| {
        let told = shop.server().gsync(&["doctor"]).exits(1).says(says);
        told.says("gsync app create shop --dir");
        shop.version(version);
        let seen = shop.ada.try_git(&["push", "deploy", "main"]);
        assert_ne!(seen.code, 0, "{}", seen.all());
        shop.ada.gsync(&create).exits(0);
        shop.ada.try_git(&["push", "deploy", "main"]).exits(0).says("is STANDBY and runs");
    };
    fs::remove_file(&hook).unwrap();
    broken("proc-receive: every push to main fails", "1.1.0");
    shop.server().gsync(&["doctor"]).exits(0);
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o644)).unwrap();
    broken("proc-receive is not as this gsync writes it", "1.1.1");
    // Where git is told to look for hooks elsewhere.
    let own = lab.path("own");
    fs::create_dir(&own).unwrap();
    let config = |args: &[&str]| {
        let all = [&["-C", "repo.git", "config"][..], args].concat();
        shop.server().try_git(&all).stdout
    };
    config(&["core.hooksPath", own.to_str().unwrap()]);
    broken("own/proc-receive: every push to main fails", "1.1.2");
    // Installing anew keeps it.
    let repo = lab.at("root", shop.home.join("repo.git"));
    fs::remove_file(repo.path("gsync/hooks/pre-receive")).unwrap();
    repo.gsync(&["install"]).exits(0);
    shop.version("1.2.0");
    shop.ada.try_git(&["push", "deploy", "main"]).exits(0).says("runs 1.2.0");
    repo.gsync(&["uninstall"]).exits(0);
    assert_eq!(config(&["--get-all", "receive.procReceiveRefs"]), "");
    assert_eq!(config(&["core.hooksPath"]).trim(), own.to_str().unwrap());
    assert_eq!(fs::read_dir(&own).unwrap().count(), 0);
    shop.version("1.3.0");
    shop.ada.try_git(&["push", "deploy", "main"]).exits(0).says_not("STANDBY");
}

#[test]
fn a_hook_and_refs_of_somebody_else_are_not_taken_over() {
    let lab = Lab::new();
    let shop = Shop::with(&lab, "mode = \"proc-receive\"");
    let hook = shop.home.join("repo.git/hooks/proc-receive");
    let create = ["app", "create", "shop", "--dir", shop.home.to_str().unwrap()];
    let ours = fs::read(&hook).unwrap();
    fs::write(&hook, "#!/bin/sh\nexit 1\n").unwrap();
    let refused = shop.ada.gsync(&create).exits(1).says("proc-receive is another hook");
    refused.says("mv ");
    assert_eq!(fs::read_to_string(&hook).unwrap(), "#!/bin/sh\nexit 1\n");
    shop.server().gsync(&["doctor"]).exits(1).says("proc-receive is another hook");
    fs::write(&hook, ours).unwrap();
    let repo = lab.at("root", shop.home.join("repo.git"));
    let refs = || repo.try_git(&["config", "--get-all", "receive.procReceiveRefs"]).stdout;
    repo.git(&["config", "receive.procReceiveRefs", "refs/for"]);
    repo.gsync(&["doctor"]).exits(1).says("git was not told");
    shop.ada.gsync(&create).exits(0);
    assert_eq!(refs(), "refs/for\nrefs/heads/main\n");
    repo.gsync(&["doctor"]).exits(0);
    shop.push("1.0.0").says("is STANDBY and runs 1.0.0");
    repo.gsync(&["uninstall"]).exits(0);
    assert_eq!((refs().as_str(), hook.exists()), ("refs/for\n", false));
}

#[test]
fn the_doctor_says_that_something_runs_only_where_it_has_seen_that_it_does() {
    let lab = Lab::new();
    let shop = two_versions(&lab, "");
    let doctor = |code: i32| shop.gsync(&["doctor"]).exits(code);
    doctor(0).says("green runs what it shall run").says("blue runs what it shall run");
    // A link that leads elsewhere, and what is not there any more.
    let (live, current) = (shop.home.join("live"), shop.home.join("blue/current"));
    fs::remove_file(&live).unwrap();
    doctor(1).says("error    app shop: what leads the traffic is not there").says("ln -sfn");
    symlink("blue", &live).unwrap();
    doctor(1).says("the traffic is led to blue, and the record says green").says("--reconcile");
    fs::remove_file(&live).unwrap();
    symlink("green", &live).unwrap();
    let release = fs::read_link(&current).unwrap();
    fs::remove_file(&current).unwrap();
    doctor(1).says("error    app shop: blue points to nothing");
    symlink(release, &current).unwrap();
    doctor(0);
    // Somebody else on its port.
    let pid = i32::try_from(shop.pid("blue").unwrap()).unwrap();
    let group = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
    let start = std::time::Instant::now();
    let other = loop {
        if let Ok(other) = std::net::TcpListener::bind(("127.0.0.1", shop.ports[0])) {
            break other;
        }
        assert!(start.elapsed() < std::time::Duration::from_secs(20));
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    let me = format!("blue does not run what it shall run: process {} in ", std::process::id());
    doctor(1).says(&me).says_not("blue runs");
    drop(other);
    doctor(1).says("blue shall run and does not");
}

#[test]
fn the_doctor_says_nothing_of_what_nobody_runs_and_why_it_cannot_look() {
    let lab = Lab::new();
    let shop = Shop::new(&lab);
    shop.push("1.0.0");
    shop.server().gsync(&["doctor"]).exits(0).says_not("runs what it shall run");
    let file = shop.home.join("app.toml");
    let text = fs::read_to_string(&file).unwrap();
    let text = text.replace("none = true", "command = { start = \"true\" }");
    let far = "[env.green]\nhost = \"ssh://127.0.0.1:1\"\nport = 1\n";
    let proxy = "[traffic]\nhaproxy = { master = \"/nowhere.sock\", map = \"/nowhere.map\", host = \"x\" }\n";
    let text = text.replace("[env.blue]\n", &format!("{proxy}[env.blue]\n"));
    fs::write(&file, text.replace("[env.green]\n", far)).unwrap();
    let seen = shop.server().gsync(&["doctor"]).exits(1);
    seen.says("whether green runs: green cannot be looked at: ssh://127.0.0.1:1 cannot be reached");
}

#[test]
fn a_clone_that_never_deploys_is_well_without_the_remote_of_the_server() {
    let lab = Lab::new();
    let shop = Shop::new(&lab);
    shop.push("1.0.0");
    let state = || {
        let told = shop.ada.gsync(&["doctor", "--json"]).json();
        let all = told["checks"].as_array().unwrap().clone();
        all.into_iter().find(|check| check["check"] == "app shop").unwrap()["state"].clone()
    };
    assert_eq!(state(), "ok");
    shop.ada.git(&["remote", "remove", "deploy"]);
    assert_eq!(state(), "ok");
    shop.ada.gsync(&["doctor"]).says("it is not asked: there is no remote `deploy` here");
    shop.ada.git(&["remote", "add", "deploy", "../nowhere.git"]);
    assert_eq!(state(), "error");
}
