//! `gsync hook NAME`: the hook that was there before, the input, the ways around it.

use std::io::Write;
use std::process::Stdio;

use crate::lab::{Lab, Person, Seen};

const HOOKS: [&str; 6] =
    ["pre-commit", "post-commit", "pre-push", "post-merge", "post-rewrite", "post-checkout"];

/// Makes git call gsync, as the shims do.
pub fn shims(person: &Person) {
    for hook in HOOKS {
        shim(person, hook);
    }
}

fn shim(person: &Person, hook: &str) {
    let dir = person.git(&["rev-parse", "--path-format=absolute", "--git-path", "hooks"]);
    let text = format!("#!/bin/sh\nexec '{}' hook {hook} \"$@\"\n", env!("CARGO_BIN_EXE_gsync"));
    person.script(&format!("{dir}/{hook}"), &text);
}

/// Says where the hooks are that were there before, and puts one there.
fn chain(person: &Person, hook: &str, text: &str) {
    person.write(".git/gsync/chain", ".git/old hooks\n");
    person.script(&format!(".git/old hooks/{hook}"), text);
}

/// Calls a hook by hand, with this input.
fn call(person: &Person, args: &[&str], stdin: &[u8]) -> Seen {
    let mut command = person.command(env!("CARGO_BIN_EXE_gsync"));
    command.arg("hook").args(args);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // gsync may refuse before it has read everything; that is what is tested.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    let out = child.wait_with_output().unwrap();
    Seen {
        code: out.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&out.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&out.stderr).into_owned(),
    }
}

const PUSH: [&str; 3] = ["pre-push", "origin", "../hub.git"];

#[test]
fn the_hook_that_was_there_gets_the_same_arguments_input_and_environment() {
    let lab = Lab::new();
    let ada = lab.person("ada").with_env("MARK", "seen");
    chain(&ada, "pre-push", "#!/bin/sh\necho \"$0|$1|$2|$#|$MARK\" > args\ncat > input\n");
    let head = ada.git(&["rev-parse", "HEAD"]);
    let zero = "0".repeat(40);
    let lines: String =
        (0..10_000).map(|n| format!("HEAD {head} refs/heads/b{n} {zero}\n")).collect();
    call(&ada, &PUSH, lines.as_bytes());
    assert_eq!(ada.read("args"), ".git/old hooks/pre-push|origin|../hub.git|2|seen\n");
    assert_eq!(ada.read("input"), lines);
}

#[test]
fn what_the_hook_that_was_there_refuses_is_refused_with_its_code_and_its_name() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    shims(&ada);
    chain(&ada, "pre-commit", "#!/bin/sh\necho no from me >&2\nexit 37\n");
    call(&ada, &["pre-commit"], b"").exits(37).says("no from me").says("old hooks/pre-commit");
    ada.write("a", "a");
    ada.git(&["add", "a"]);
    ada.try_git(&["commit", "-m", "a"]).exits(1).says("no from me");
    chain(&ada, "pre-commit", "#!/bin/sh\nkill -9 $$\n");
    call(&ada, &["pre-commit"], b"").exits(137);
    chain(&ada, "post-checkout", "#!/bin/sh\nexit 3\n");
    let head = ada.git(&["rev-parse", "HEAD"]);
    call(&ada, &["post-checkout", &head, &head, "1"], b"").exits(3);
    ada.try_git(&["checkout", "-q", "-b", "other"]).exits(1);
}

#[test]
fn a_hook_that_git_would_pass_over_is_passed_over_and_one_that_cannot_start_refuses() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let lab = Lab::new();
    let ada = lab.person("ada");
    let old = ada.path(".git/old hooks/pre-commit");
    call(&ada, &["pre-commit"], b"").exits(0);
    chain(&ada, "pre-commit", "#!/bin/sh\nexit 9\n");
    call(&ada, &["pre-commit"], b"").exits(9);
    std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o644)).unwrap();
    call(&ada, &["pre-commit"], b"").exits(0);
    chain(&ada, "pre-commit", "#!/no/such/interpreter\n");
    call(&ada, &["pre-commit"], b"").exits(1).says("old hooks/pre-commit");
    // A post hook that cannot start is told, and lets pass.
    chain(&ada, "post-commit", "#!/no/such/interpreter\n");
    call(&ada, &["post-commit"], b"").exits(0).says("warning:");
    // A script without `#!` is the shell's, as it is for git.
    chain(&ada, "pre-commit", "exit 11\n");
    call(&ada, &["pre-commit"], b"").exits(11);
    std::fs::remove_file(&old).unwrap();
    ada.script("tools/real", "#!/bin/sh\nexit 12\n");
    symlink(ada.path("tools/real"), &old).unwrap();
    call(&ada, &["pre-commit"], b"").exits(12);
    std::fs::remove_file(&old).unwrap();
    symlink("/no/such/file", &old).unwrap();
    call(&ada, &["pre-commit"], b"").exits(0);
    std::fs::remove_file(&old).unwrap();
    std::fs::copy("/usr/bin/false", &old).unwrap();
    call(&ada, &["pre-commit"], b"").exits(1).says("was here before gsync");
    std::fs::remove_file(&old).unwrap();
    std::fs::create_dir(&old).unwrap();
    call(&ada, &["pre-commit"], b"").exits(0);
}

#[test]
fn a_hook_that_looks_beside_itself_finds_what_is_there() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    chain(&ada, "pre-commit", "#!/bin/sh\n. \"$(dirname \"$0\")/helper\"\n");
    ada.write(".git/old hooks/helper", "exit 21\n");
    call(&ada, &["pre-commit"], b"").exits(21);
}

#[test]
fn a_hook_that_does_not_read_its_input_is_no_error() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    chain(&ada, "pre-receive", "#!/bin/sh\nexit 23\n");
    let head = ada.git(&["rev-parse", "HEAD"]);
    let line = format!("{} {head} refs/heads/x\n", "0".repeat(40));
    call(&ada, &["pre-receive"], line.repeat(10_000).as_bytes()).exits(23);
}

#[test]
fn gsync_chained_to_itself_ends() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    shims(&ada);
    ada.write(".git/gsync/chain", ".git/hooks\n");
    ada.write("a", "a");
    ada.git(&["add", "a"]);
    ada.try_git(&["commit", "-m", "a"]).exits(0);
}

#[test]
fn input_that_git_does_not_write_is_refused_before_and_only_told_after_the_fact() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    let head = ada.git(&["rev-parse", "HEAD"]);
    let zero = "0".repeat(40);
    for bad in [
        "hello\n".to_owned(),
        "\n".to_owned(),
        format!("HEAD {head} refs/heads/x {}\n", &zero[1..]),
        format!("HEAD {head} refs/heads/x {zero}\nHEAD {head} refs/hea"),
    ] {
        call(&ada, &PUSH, bad.as_bytes()).exits(1).says("git does not write");
        call(&ada, &["pre-receive"], bad.as_bytes()).exits(1).says("git does not write");
        call(&ada, &["post-rewrite", "rebase"], bad.as_bytes()).exits(0).says("warning:");
    }
    let mut odd = format!("HEAD {head} refs/heads/").into_bytes();
    odd.extend(b"\xff ");
    odd.extend(zero.as_bytes());
    call(&ada, &PUSH, &odd).exits(1).says("not UTF-8").says("\\377");
    call(&ada, &["pre-push"], b"").exits(2).says("too few arguments");
    call(&ada, &["post-checkout"], b"").exits(0).says("warning:");
    call(&ada, &["pre-psuh"], b"").exits(2).says("gsync hook pre-push");
    call(&ada, &PUSH, b"").exits(0);
}

#[test]
fn outside_of_a_repository_a_judge_refuses_and_a_reporter_lets_pass() {
    let lab = Lab::new();
    let nobody = lab.at("nobody", lab.path("home"));
    call(&nobody, &["pre-commit"], b"").exits(1).says("not in a git repository");
    call(&nobody, &["post-commit"], b"").exits(0).says("warning:");
}

#[test]
fn a_configuration_that_makes_no_sense_does_not_stop_what_is_done_already() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    shims(&ada);
    ada.write(".gsync.toml", "[hub]\nbrunch = 1\n");
    call(&ada, &["post-commit"], b"").exits(0).says(".gsync.toml:2").says("warning:");
    ada.git(&["config", "gsync.pushAfter", "sometimes"]);
    ada.write(".gsync.toml", "");
    call(&ada, &["post-commit"], b"").exits(0).says("use remind, auto or off");
}

#[test]
fn skipping_is_visible_runs_what_was_there_and_does_not_count_on_the_server() {
    let lab = Lab::new();
    let ada = lab.person("ada").with_env("GSYNC_SKIP", "1");
    call(&ada, &PUSH, b"nonsense\n").exits(0).says("skipped by GSYNC_SKIP");
    call(&ada, &["pre-receive"], b"nonsense\n").exits(1).says_not("skipped");
    chain(&ada, "pre-commit", "#!/bin/sh\nexit 5\n");
    call(&ada, &["pre-commit"], b"").exits(5);
}

#[test]
fn a_probe_is_answered_and_runs_nothing_but_lets_nothing_through_on_the_server() {
    let lab = Lab::new();
    let ada = lab.person("ada").with_env("GSYNC_PROBE", "1");
    chain(&ada, "pre-commit", "#!/bin/sh\nexit 5\n");
    let seen = call(&ada, &["pre-commit"], b"").exits(0);
    assert_eq!(seen.stdout, format!("gsync {} pre-commit\n", env!("CARGO_PKG_VERSION")));
    call(&ada, &["pre-receive"], b"").exits(0).says("pre-receive");
    call(&ada, &["pre-receive"], b"nonsense\n").exits(1).says("git does not write");
}
