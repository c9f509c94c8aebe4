//! `on_pull`: after a pull, in whatever form it came, the services that it concerns are said or
//! brought up, once, and git never fails for it.

use std::process::Stdio;

use crate::lab::{Lab, Person};
use crate::services::with_services;

/// Whether there is a Python, which makes terminals for us; says so if there is none.
pub fn has_terminals(lab: &Lab) -> bool {
    let there = lab.person("eve").sh("python3 -c 'import pty'").code == 0;
    if !there {
        eprintln!("skipped: no python3 here, so no terminal");
    }
    there
}

/// One service that notes each time it was brought up.
const UP: &str = r#"
[[service]]
name = "server"
paths = ["server/**"]
on_pull = "up"
steps = [{ name = "build", run = "echo server >> \"$RAN\"; sh \"$RAN.sh\"" }]

[[service]]
name = "ui"
paths = ["ui/**"]
steps = [{ name = "build", run = "echo ui >> \"$RAN\"" }]

[[service]]
name = "nothing"
paths = ["docs/**", "*.toml", "mine"]
"#;

/// Ada, who pushes, and Ben, who has everything, the hooks, and services that are up.
fn two<'lab>(lab: &'lab Lab, config: &str, hooks: bool) -> (Person<'lab>, Person<'lab>) {
    let ada = with_services(lab, config);
    let ran = lab.path("ran");
    std::fs::write(lab.path("ran.sh"), "").unwrap();
    let ben = lab.person("ben").with_env("RAN", ran.to_str().unwrap());
    let _ = ben.git(&["pull", "-q"]);
    if hooks {
        let _ = ben.gsync(&["install"]).exits(0);
    }
    let _ = ben.gsync(&["up"]).exits(0);
    std::fs::write(&ran, "").unwrap();
    (ada, ben)
}

fn ran(lab: &Lab) -> String {
    std::fs::read_to_string(lab.path("ran")).unwrap().replace('\n', " ")
}

fn pushed(ada: &Person<'_>, path: &str, text: &str) {
    ada.commit(path, text, path);
    ada.push();
}

#[test]
fn every_form_of_a_pull_brings_up_once_what_wants_it() {
    let lab = Lab::new();
    let (ada, ben) = two(&lab, UP, true);
    let mut times = 0;
    let mut check = |what: &str, args: &[&[&str]]| {
        times += 1;
        let path = format!("server/{times}");
        pushed(&ada, &path, "x");
        let mut said = String::new();
        for args in args {
            let seen = ben.try_git(args);
            assert_eq!(seen.code, 0, "{what}: {}", seen.all());
            said += &seen.all();
        }
        assert!(said.contains("concerns server: bringing it up to date"), "{what}: {said}");
        assert!(said.contains("up: server"), "{what}: {said}");
        assert_eq!(ran(&lab), "server ".repeat(times), "{what}: {said}");
    };
    check("fast-forward", &[&["pull", "--ff-only"]]);
    check("fetch and merge", &[&["fetch", "-q"], &["merge", "origin/main"]]);
    ben.commit("mine", "1", "mine");
    check("rebase", &[&["pull", "--rebase"]]);
    ben.commit("mine", "2", "mine");
    check("merge", &[&["pull", "--no-rebase", "--no-edit"]]);
    ben.commit("mine", "3", "mine");
    check("the other rebase", &[&["fetch", "-q"], &["rebase", "--apply", "origin/main"]]);
    assert!(!ben.path(".git/rebase-apply").exists() && !ben.path(".git/rebase-merge").exists());
    check("squash", &[&["fetch", "-q"], &["merge", "--squash", "origin/main"]]);
    let before = ran(&lab);
    let _ = ben.try_git(&["commit", "-q", "-m", "squashed"]).exits(0);
    let _ = ben.gsync(&["status"]).exits(0);
    assert_eq!(ran(&lab), before, "the same pull again");
}

#[test]
fn a_merge_that_a_person_concludes_brings_up_then() {
    let lab = Lab::new();
    let (ada, ben) = two(&lab, UP, true);
    pushed(&ada, "server/a", "theirs");
    ben.commit("server/a", "mine", "mine");
    let _ = ben.try_git(&["pull", "--no-rebase"]).exits(1);
    assert_eq!(ran(&lab), "");
    ben.write("server/a", "both");
    let _ = ben.git(&["add", "server/a"]);
    let said = ben.try_git(&["commit", "--no-edit"]).exits(0).all();
    assert_eq!(ran(&lab), "server ", "{said}");
}

#[test]
fn a_rebase_that_stops_is_not_disturbed_and_brings_up_when_it_has_ended() {
    let lab = Lab::new();
    let (ada, ben) = two(&lab, UP, true);
    pushed(&ada, "server/a", "theirs");
    ben.commit("mine", "1", "mine");
    ben.commit("server/a", "mine", "mine too");
    let _ = ben.try_git(&["pull", "--rebase"]).exits(1);
    assert_eq!(ran(&lab), "");
    // A commit in the middle of it is none of its end.
    ben.write("server/a", "both");
    let _ = ben.git(&["add", "server/a"]);
    let said = ben.try_git(&["-c", "core.editor=true", "rebase", "--continue"]).exits(0).all();
    assert_eq!(ran(&lab), "server ", "{said}");
    assert!(!ben.path(".git/rebase-merge").exists());
}

#[test]
fn while_git_keeps_work_aside_it_is_only_said() {
    let lab = Lab::new();
    let (ada, ben) = two(&lab, UP, true);
    pushed(&ada, "server/a", "x");
    ben.commit("mine", "1", "mine");
    ben.write("mine", "2");
    let said = ben.try_git(&["pull", "--rebase", "--autostash"]).exits(0).all();
    assert!(said.contains("concerns server: run `gsync up`"), "{said}");
    assert_eq!((ran(&lab).as_str(), ben.read("mine").as_str()), ("", "2"));
}

#[test]
fn a_service_that_does_not_come_up_does_not_fail_the_pull() {
    let lab = Lab::new();
    let (ada, ben) = two(&lab, UP, true);
    std::fs::write(lab.path("ran.sh"), "echo 'error: no'; exit 1").unwrap();
    pushed(&ada, "server/a", "x");
    let said = ben.try_git(&["pull", "--ff-only"]).exits(0).all();
    assert!(said.contains("> error: no") && said.contains("the pull stays"), "{said}");
    // Neither does an output that nobody reads.
    pushed(&ada, "server/a", "y");
    let line = "git pull -q --ff-only 2>&1 <&- | true; git rev-parse @{u} HEAD | uniq | wc -l";
    assert_eq!(ben.sh(line).exits(0).stdout.trim(), "1");
    assert_eq!(ran(&lab), "server server ");
}

#[test]
fn a_step_that_pulls_by_itself_brings_up_nothing_more() {
    let lab = Lab::new();
    let (ada, ben) = two(&lab, UP, true);
    std::fs::write(lab.path("ran.sh"), "git pull -q --ff-only").unwrap();
    pushed(&ada, "server/a", "x");
    let _ = ben.gsync(&["up", "server"]).exits(0);
    assert_eq!(ran(&lab), "server ");
}

#[test]
fn commands_of_gsync_say_and_bring_up_with_hooks_and_without() {
    for hooks in [true, false] {
        let lab = Lab::new();
        let (ada, ben) = two(&lab, UP, hooks);
        pushed(&ada, "ui/a", "x");
        let said = ben.gsync(&["start"]).exits(0).says("  concerns ui: run `gsync up`");
        drop(said);
        assert_eq!(ran(&lab), "");
        pushed(&ada, "server/a", "x");
        let _ = ben.gsync(&["pull"]).exits(0).says("bringing it up to date").says("up: server, ui");
        assert_eq!(ran(&lab), "server ui ", "hooks: {hooks}");
        ben.commit("mine", "1", "mine");
        pushed(&ada, "server/b", "x");
        let json = ben.gsync(&["finish", "--json"]).exits(0).json();
        assert_eq!((&json["concerns"][0], &json["failed"]), (&"server".into(), &().into()));
        assert_eq!(json["pushed"]["branch"], "main");
        assert_eq!(ran(&lab), "server ui server ", "hooks: {hooks}");
        let _ = ben.gsync(&["start"]).exits(0).says_not("concerns");
        let _ = ben.gsync(&["status"]).exits(0).says_not("concerns");
        let _ = ada.git(&["pull", "-q"]);

        std::fs::write(lab.path("ran.sh"), "exit 3").unwrap();
        pushed(&ada, "server/c", "x");
        let json = ben.gsync(&["start", "--json"]).exits(4).json();
        assert_eq!((&json["error"]["exit"], &json["outcome"]), (&4.into(), &"done".into()));
        assert_eq!(json["services"]["left"][0], "server");
        assert_eq!(ben.git(&["rev-parse", "HEAD"]), ada.git(&["rev-parse", "HEAD"]));
        let _ = ben.gsync(&["start", "--dry-run"]).exits(0).says_not("concerns");
    }
}

#[test]
fn a_pull_that_leaves_the_merge_to_git_brings_up_once_and_does_not_wait_for_itself() {
    let lab = Lab::new();
    let (ada, ben) = two(&lab, UP, true);
    pushed(&ada, "server/a", "theirs");
    ben.commit("mine", "mine", "mine");
    let _ = ben.gsync(&["pull", "--resolve"]).exits(0).says("up: server");
    assert_eq!(ran(&lab), "server ");
    let _ = ben.gsync(&["status"]).exits(0).says_not("concerns");
}

#[test]
fn ctrl_c_stops_the_services_and_leaves_the_pull() {
    let lab = Lab::new();
    if !has_terminals(&lab) {
        return;
    }
    let (ada, ben) = two(&lab, UP, true);
    std::fs::write(lab.path("ran.sh"), "touch \"$RAN.started\"; sleep 63.25").unwrap();
    pushed(&ada, "server/a", "x");
    ben.commit("mine", "1", "mine");
    // A terminal of its own, in which the pull is in front and Ctrl-C is typed.
    let script = "import os, pty, sys, time\n\
        pid, fd = pty.fork()\n\
        if pid == 0: os.execvp('git', ['git', 'pull', '--rebase'])\n\
        while not os.path.exists(os.environ['RAN'] + '.started'): time.sleep(0.01)\n\
        os.write(fd, b'\\x03')\n\
        out = b''\n\
        try:\n\
        \x20   while True:\n\
        \x20       some = os.read(fd, 4096)\n\
        \x20       if not some: break\n\
        \x20       out += some\n\
        except OSError: pass\n\
        sys.stdout.buffer.write(out)\n\
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n";
    let mut python = ben.command("python3");
    let out = python.args(["-c", script]).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert_eq!(out.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&out.stderr));
    assert!(said.contains("interrupted"), "{said}");
    assert!(!ben.path(".git/rebase-merge").exists(), "{said}");
    assert_eq!(ben.git(&["status", "--short", "--branch"]), "## main...origin/main [ahead 1]");
    assert_eq!(ben.sh("ps -eo args | grep '[s]leep 63.25' || true").stdout, "");
}
