//! Ctrl-C while something takes long, and what a person sees meanwhile.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::lab::{Lab, Person};
use crate::pull::{all_of, two};

/// A program that says that it began, and goes on when it may.
fn gate(person: &Person<'_>, then: &str) {
    person.script(
        ".git/gate",
        &format!(
            "#!/bin/sh\n[ -e .git/go ] || touch .git/started\n\
             while [ ! -e .git/go ]; do sleep 0.01; done\n{then}\n"
        ),
    );
}

fn begin(person: &Person<'_>, args: &[&str]) -> Child {
    let mut command = person.command(env!("CARGO_BIN_EXE_gsync"));
    command.args(args).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Tells gsync alone to stop, as soon as the gate was reached.
fn interrupt(child: &mut Child, reached: &Path) {
    while !reached.exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before the gate");
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
}

fn ends_interrupted(child: Child) {
    let out = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(130), "{said}");
    assert!(said.contains("interrupted"), "{said}");
}

fn world(lab: &Lab) -> (Person<'_>, String) {
    let (ada, bob) = two(lab);
    bob.write(".gitattributes", "*.slow filter=slow\n");
    bob.write("x.slow", "slow\n");
    bob.commit("b", "bob\n", "bob's");
    bob.git(&["add", "."]);
    bob.git(&["commit", "-q", "-m", "slow"]);
    bob.push();
    ada.commit("mine", "mine\n", "mine");
    ada.write("c", "dirty\n");
    ada.write("new", "untracked\n");
    ada.git(&["status"]);
    let before = all_of(&ada);
    (ada, before)
}

#[test]
fn ctrl_c_while_the_hub_is_asked_does_not_wait_for_the_hub() {
    let lab = Lab::new();
    let (ada, before) = world(&lab);
    gate(&ada, "exec git-upload-pack \"$@\"");
    ada.git(&["config", "remote.origin.uploadpack", &ada.path(".git/gate").display().to_string()]);
    // The hub is where that program runs.
    let gate = ada.read(".git/gate").replace(".git/", &format!("{}/", ada.path(".git").display()));
    ada.script(".git/gate", &gate);
    let mut pull = begin(&ada, &["pull"]);
    interrupt(&mut pull, &ada.path(".git/started"));
    ends_interrupted(pull);
    ada.write(".git/go", "");
    assert_eq!(all_of(&ada), before);
    ada.gsync(&["pull"]).exits(0);
}

#[test]
fn ctrl_c_while_the_files_are_looked_at_leaves_all_as_it_was() {
    let lab = Lab::new();
    let (ada, _) = world(&lab);
    ada.write("y.look", "filtered\n");
    ada.write(".git/info/attributes", "*.look filter=look\n");
    let before = all_of(&ada);
    gate(&ada, "cat");
    ada.git(&["config", "filter.look.clean", ".git/gate"]);
    let mut pull = begin(&ada, &["pull"]);
    interrupt(&mut pull, &ada.path(".git/started"));
    ada.write(".git/go", "");
    ends_interrupted(pull);
    assert_eq!(all_of(&ada), before);
    assert_eq!(ada.git(&["for-each-ref", "refs/gsync"]), "");
    ada.gsync(&["pull"]).exits(0);
    assert_eq!(ada.read("y.look"), "filtered\n");
}

#[test]
fn ctrl_c_while_files_are_written_puts_them_back() {
    let lab = Lab::new();
    let (ada, _) = world(&lab);
    gate(&ada, "cat");
    ada.git(&["config", "filter.slow.smudge", ".git/gate"]);
    let without_times = |all: String| -> Vec<String> {
        let lines = all.lines().filter(|l| !l.rsplit(' ').next().unwrap().starts_with("17"));
        lines.map(str::to_owned).collect()
    };
    let before = all_of(&ada);
    let mut pull = begin(&ada, &["pull"]);
    interrupt(&mut pull, &ada.path(".git/started"));
    ada.write(".git/go", "");
    ends_interrupted(pull);
    assert_eq!(without_times(all_of(&ada)), without_times(before));
    ada.gsync(&["log"]).exits(0).says("r1 pull main: interrupted");
    ada.gsync(&["pull"]).exits(0);
    assert_eq!(ada.git(&["status", "--short"]), " M c\n?? new");
}

#[test]
fn a_person_who_waits_sees_what_goes_on_and_a_program_does_not() {
    let lab = Lab::new();
    let (ada, _) = world(&lab);
    if !ada.sh("command -v script").stdout.contains("script") {
        println!("skipped: there is no `script` to make a terminal");
        return;
    }
    // Long enough for a person to wonder.
    ada.script(".git/slow", "#!/bin/sh\nsleep 0.6\ncat\n");
    ada.git(&["config", "filter.slow.smudge", ".git/slow"]);
    let line = format!("script -qec '{} pull' /dev/null </dev/null", env!("CARGO_BIN_EXE_gsync"));
    let ada = ada.with_env("TERM", "xterm");
    ada.sh(&line).exits(0).says("moving the files 0.").says("move main from");
    ada.gsync(&["undo"]).exits(0);
    ada.gsync(&["pull"]).exits(0).says_not("moving the files");
}
