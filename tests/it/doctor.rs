//! The doctor: nothing that keeps a hook from firing escapes it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::lab::{Lab, Person};

/// The state of one check and what it says.
#[track_caller]
fn check(person: &Person<'_>, name: &str) -> (String, String) {
    let json = person.gsync(&["doctor", "--json"]).json();
    let checks = json["checks"].as_array().unwrap_or_else(|| panic!("{json}"));
    // The worst of those with that name.
    let of =
        |state: &str| checks.iter().find(|check| check["check"] == name && check["state"] == state);
    let found = of("error").or(of("warning")).or(of("unknown")).or(of("ok"));
    let found = found.unwrap_or_else(|| panic!("no check {name} in {json}"));
    let text = format!("{} | {}", found["message"], found["hint"]);
    (found["state"].as_str().unwrap().to_owned(), text)
}

#[track_caller]
fn finds(person: &Person<'_>, name: &str, state: &str, words: &str) {
    let (found, text) = check(person, name);
    assert!(found == state && text.contains(words), "{name}: {found}: {text}");
    let _ = person.gsync(&["doctor"]).exits(i32::from(state != "ok"));
}

#[test]
fn a_fresh_install_is_well_and_no_install_is_not() {
    let lab = Lab::new();
    let qc = lab.person("qc");
    finds(&qc, "install", "error", "gsync install");
    assert!(!qc.path(".git/gsync").exists(), "a doctor leaves nothing behind");
    qc.gsync(&["install", "--role", "qc"]).exits(0);
    let json = qc.gsync(&["doctor", "--json"]).exits(0).json();
    assert_eq!(json["gsync"], 1);
    assert_eq!(json["ok"], true);
    for hook in ["pre-commit", "post-commit", "pre-push", "post-merge", "post-rewrite"] {
        finds(&qc, hook, "ok", "fires");
    }
}

#[test]
fn a_hook_that_would_not_fire_is_found_and_install_mends_it() {
    let lab = Lab::new();
    let qc = lab.member("qc");
    let hook = qc.path(".git/hooks/pre-push");
    let good = fs::read_to_string(&hook).unwrap();
    let mode = |mode| fs::set_permissions(&hook, fs::Permissions::from_mode(mode)).unwrap();

    fs::remove_file(&hook).unwrap();
    finds(&qc, "pre-push", "error", "there is no");
    qc.gsync(&["install"]).exits(0);
    finds(&qc, "pre-push", "ok", "fires");

    mode(0o644);
    finds(&qc, "pre-push", "error", "has no run bit");
    qc.gsync(&["install"]).exits(0);
    finds(&qc, "pre-push", "ok", "fires");

    mode(0o757);
    finds(&qc, "permissions", "error", "chmod o-w");
    mode(0o755);

    qc.script(".git/hooks/pre-push", &good.replace('\n', "\r\n"));
    finds(&qc, "pre-push", "error", "CR LF");
    qc.script(".git/hooks/pre-push", "#!/no/such/interpreter\n# gsync\n");
    finds(&qc, "pre-push", "error", "not gsync's, or does not start");
    qc.script(".git/hooks/pre-push", &good.replace(env!("CARGO_PKG_VERSION"), "0.0.1"));
    finds(&qc, "install", "error", "has been changed since");
    // An older shim of ours is renewed; it is not taken for somebody else's.
    qc.gsync(&["install"]).exits(0);
    assert_eq!(fs::read_to_string(&hook).unwrap(), good);
}

#[test]
fn a_binary_that_is_gone_refuses_what_can_be_refused_and_says_what_to_do() {
    let lab = Lab::new();
    let qc = lab.member("qc");
    for name in ["pre-commit", "post-commit"] {
        let path = format!(".git/hooks/{name}");
        let text = qc.read(&path).replace(env!("CARGO_BIN_EXE_gsync"), "/no/such/gsync");
        qc.script(&path, &text);
    }
    let seen = qc.try_git(&["commit", "--allow-empty", "-m", "x"]);
    let seen = seen.exits(1).says("error: gsync is gone");
    let _ = seen.says("install.sh again, or remove this hook: rm");
    let _ =
        qc.try_git(&["commit", "-n", "--allow-empty", "-m", "x"]).exits(0).says("gsync is gone");
}

#[test]
fn what_else_needs_a_hand_is_named_with_what_to_do() {
    let lab = Lab::new();
    let qc = lab.member("qc");
    let skips = lab.at("qc", qc.dir.clone()).with_env("GSYNC_SKIP", "1");
    finds(&skips, "GSYNC_SKIP", "warning", "unset GSYNC_SKIP");

    qc.git(&["config", "core.hooksPath", "elsewhere"]);
    finds(&qc, "core.hooksPath", "error", "leads past gsync's hooks");
    qc.git(&["config", "core.hooksPath", ""]);
    finds(&qc, "core.hooksPath", "error", "--unset-all core.hooksPath");
    qc.git(&["config", "--unset-all", "core.hooksPath"]);

    qc.write(".gsync.toml", "[roles.builder]\n");
    finds(&qc, "role", "warning", "not a role");
    qc.git(&["config", "--unset", "gsync.role"]);
    finds(&qc, "role", "warning", "gsync install --role");
    qc.write(".gsync.toml", "");

    let killed = lab.at("qc", qc.dir.clone()).with_env("GSYNC_STOP_AT", "1");
    let _ = killed.gsync(&["uninstall"]);
    finds(&qc, "runs", "error", "gsync rescue");
    qc.gsync(&["rescue"]).exits(0);
    finds(&qc, "hub", "ok", "answers");

    qc.git(&["remote", "set-url", "origin", "../gone.git"]);
    finds(&qc, "hub", "unknown", "git ls-remote origin");
    qc.git(&["remote", "remove", "origin"]);
    finds(&qc, "hub", "unknown", "git remote add");
}

#[test]
fn a_commit_of_the_hub_from_the_future_is_a_clock_that_is_wrong() {
    let lab = Lab::new();
    let qc = lab.member("qc");
    let late = lab.at("qc", qc.dir.clone()).with_env("GIT_COMMITTER_DATE", "2099-01-01T00:00:00Z");
    late.commit("a", "a", "from the future");
    late.push();
    finds(&qc, "clock", "warning", "in the future");
}

#[test]
fn a_large_index_without_the_fast_settings_is_named_with_the_commands() {
    let lab = Lab::new();
    let qc = lab.member("qc");
    let blob = qc.git(&["hash-object", "-w", "README"]);
    let mut lines = String::new();
    for n in 0..20_001 {
        lines += &format!("100644 {blob}\tf{n}\n");
    }
    qc.write("../index-info", lines);
    let _ = qc.sh("git update-index --index-info <../index-info").exits(0);
    finds(&qc, "speed", "warning", "git config feature.manyFiles true");
}

#[test]
fn a_clone_that_was_moved_is_noticed_and_mended() {
    let lab = Lab::new();
    let qc = lab.person("qc");
    qc.script(".git/hooks/pre-push", "#!/bin/sh\nexit 0\n");
    qc.git(&["config", "core.hooksPath", ".git/hooks"]);
    qc.gsync(&["install"]).exits(0);
    fs::rename(lab.path("qc"), lab.path("moved")).unwrap();
    let moved = lab.at("qc", lab.path("moved"));
    let (state, _) = check(&moved, "pre-push");
    assert_eq!(state, "error");
    moved.gsync(&["install"]).exits(0);
    finds(&moved, "pre-push", "ok", "fires");
    assert_eq!(moved.read(".git/gsync/chain"), ".git/hooks\n");
    moved.gsync(&["uninstall"]).exits(0);
    assert_eq!(moved.git(&["config", "core.hooksPath"]), ".git/hooks");
}

#[test]
fn a_wrong_setting_and_changed_agents_files_are_found_and_a_bare_hub_can_be_well() {
    let lab = Lab::new();
    let qc = lab.member("qc");
    qc.git(&["config", "gsync.pushAfter", "sometimes"]);
    finds(&qc, "gsync.pushAfter", "error", "use remind, auto or off");
    qc.git(&["config", "--unset", "gsync.pushAfter"]);
    qc.gsync(&["install", "--agents=claude"]).exits(0);
    // Whether agents would find gsync depends on the machine; the files do not.
    let _ = qc.gsync(&["doctor"]).says("the files for claude are in place");
    let first = qc.git(&["ls-files", "--others", "--exclude-standard"]);
    let file = first.lines().find(|file| *file != ".gsync.toml").unwrap();
    fs::remove_file(qc.path(file)).unwrap();
    let doctor = qc.gsync(&["doctor"]).exits(1).says("not as gsync writes them");
    let _ = doctor.says("gsync install --agents=claude");
    let hub = lab.hub();
    hub.gsync(&["install"]).exits(0);
    hub.gsync(&["doctor"]).exits(0).says("others push here");
}
