//! What a person meets at the edges: places where nothing can be pulled, words that must not
//! deceive, and a log that is watched.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::lab::{Lab, Person};
use crate::pull::{all_of, two};

#[test]
fn where_nothing_can_be_pulled_or_pushed_that_is_a_refusal_by_name() {
    let lab = Lab::new();
    let hub = lab.hub();
    let before = hub.git(&["for-each-ref"]);
    for args in
        [&["pull"][..], &["start"], &["finish"], &["finish", "--all", "-m", "x"], &["discard"]]
    {
        hub.gsync(args).exits(1).says("bare repository").says("git clone");
    }
    assert_eq!(hub.git(&["for-each-ref"]), before);

    lab.person("x").git(&["init", "-q", "../alone"]);
    let alone = lab.at("eve", lab.path("alone"));
    for args in [["pull"], ["start"], ["finish"]] {
        alone.gsync(&args).exits(1).says("has no hub").says("git remote add origin");
    }
    alone.git(&["remote", "add", "origin", "../hub.git"]);
    alone.gsync(&["pull"]).exits(1).says("main has no commit yet").says("git commit");
    alone.commit("f", "f\n", "first");
    alone.gsync(&["pull"]).exits(0).says("follows no branch");
}

#[test]
fn a_forced_push_waits_for_the_end_of_a_merge() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    bob.commit("b", "bob\n", "bob's");
    bob.push();
    ada.git(&["switch", "-q", "-c", "topic"]);
    ada.commit("b", "ada\n", "ada's");
    ada.git(&["fetch", "-q"]);
    assert_ne!(ada.try_git(&["merge", "origin/main"]).code, 0);
    let before = all_of(&ada);
    ada.gsync(&["push", "--force"])
        .exits(1)
        .says("a merge is in progress")
        .says("git merge --abort");
    assert_eq!(all_of(&ada), before);
    assert_eq!(lab.hub().git(&["for-each-ref", "refs/heads/topic"]), "");
}

#[test]
fn without_git_or_without_a_place_to_write_that_is_what_is_said() {
    let lab = Lab::new();
    let (ada, _bob) = two(&lab);
    for args in [&["pull"][..], &["status"], &["log"], &["push", "--force"], &["doctor"]] {
        let mut command = ada.command(env!("CARGO_BIN_EXE_gsync"));
        let out = command.args(args).env("PATH", "/nowhere").output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(7), "{args:?}\n{said}");
        assert!(said.contains("git is not installed, or not on PATH"), "{args:?}\n{said}");
    }
    // Root may write anywhere, so a file stands where the folder should be.
    let _ = std::fs::remove_dir_all(ada.path(".git/gsync"));
    ada.write(".git/gsync", "");
    let before = all_of(&ada);
    ada.gsync(&["pull"]).exits(1).says("gsync cannot write in").says("hint: look at it: `ls -ld");
    assert_eq!(all_of(&ada), before);
}

#[test]
fn a_conflict_of_a_file_with_a_directory_is_named_as_people_know_it() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    bob.git(&["rm", "-q", "b"]);
    bob.commit("b/inside", "x\n", "a directory");
    bob.push();
    ada.commit("b", "ada\n", "a file");
    let seen = ada.gsync(&["--json", "pull"]).exits(1).json();
    assert_eq!(seen["error"]["because"][0], "b", "{seen}");
    assert!(!seen.to_string().contains('~'), "{seen}");
}

#[test]
fn a_title_cannot_turn_the_text_around() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    bob.commit("c", "c2\n", "harmless \u{202e}lived\u{2066}");
    bob.push();
    let review = ada.gsync(&["start", "--review"]).exits(0);
    let start = ada.gsync(&["start"]).exits(0).says("harmless ");
    let status = ada.gsync(&["status"]).exits(0);
    for said in [review.all(), start.all(), status.all()] {
        assert!(!said.contains(['\u{202e}', '\u{2066}']), "{said}");
    }
}

fn follow(
    ada: &Person<'_>,
    args: &[&str],
) -> (std::process::Child, BufReader<std::process::ChildStdout>) {
    let mut command = ada.command(env!("CARGO_BIN_EXE_gsync"));
    let mut child =
        command.args(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    (child, out)
}

fn next(out: &mut impl BufRead) -> String {
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    line
}

#[test]
fn a_log_that_is_followed_shows_what_comes_and_ends_with_its_reader_or_ctrl_c() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    bob.commit("b", "bob\n", "bob's");
    bob.push();
    ada.gsync(&["pull"]).exits(0);
    let (mut child, mut out) = follow(&ada, &["log", "-f"]);
    assert!(next(&mut out).starts_with("r1 pull main: done"));
    ada.gsync(&["undo"]).exits(0);
    let mut line = next(&mut out);
    if line.contains("at work") {
        line = next(&mut out);
    }
    assert!(line.starts_with("r2 undo r1: done"), "{line}");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));

    let (mut child, mut out) = follow(&ada, &["--json-lines", "log", "-f", "-n", "1"]);
    let line: serde_json::Value = serde_json::from_str(&next(&mut out)).unwrap();
    assert_eq!((&line["event"], &line["run"]["id"]), (&"ended".into(), &"r2".into()));
    drop(out);
    assert_eq!(child.wait().unwrap().code(), Some(0), "its reader went away");
    ada.gsync(&["--json", "log", "-f"]).exits(2);
}
