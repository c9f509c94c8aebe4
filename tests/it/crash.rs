//! A run that is killed at any point: the next command finds what was there before, or what
//! was wanted, and never something in between.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::lab::{Lab, Person, copy, picture};
use crate::pull::two;

/// HEAD, refs, index and files, without times: what a crash leaves may be written again.
fn state(person: &Person<'_>) -> String {
    let files = picture(&person.dir);
    let files: Vec<&str> = files.lines().filter(|line| !line.starts_with(".git/")).collect();
    let flags = person.git(&["ls-files", "--stage", "-t", "-v"]);
    format!("{}\n{flags}\n{}", person.state(), files.join("\n"))
}

/// Ada has work of every kind, and the hub has changes that touch some of it.
fn busy_world(lab: &Lab) {
    let (ada, bob) = two(lab);
    bob.write("dir/d", "bob\n");
    bob.write("a", "1 bob\n2\n3\n4\n5\n6\n7\n8\n9\n");
    bob.write("new/file", "new\n");
    bob.git(&["rm", "-q", "c"]);
    fs::set_permissions(bob.path("b"), fs::Permissions::from_mode(0o755)).unwrap();
    bob.git(&["add", "."]);
    bob.git(&["commit", "-q", "-m", "bob"]);
    bob.push();
    ada.commit("mine", "mine\n", "mine");
    ada.write("a", "1\n2\n3\n4\n5\n6\n7\n8 staged\n9\n");
    ada.git(&["add", "a"]);
    ada.write("a", "1\n2\n3\n4\n5\n6\n7\n8 staged\n9 more\n");
    ada.write("untracked", "u\n");
    ada.write("announced", "n\n");
    ada.git(&["add", "-N", "announced"]);
}

#[test]
fn a_pull_that_is_killed_anywhere_is_put_back_or_done() {
    let lab = Lab::new();
    busy_world(&lab);
    let world = |name: &str| {
        for part in ["ada", "hub.git"] {
            copy(&lab.path(part), &lab.path(name).join(part));
        }
        lab.at("ada", lab.path(name).join("ada"))
    };
    let whole = world("whole");
    let before = state(&whole);
    whole.gsync(&["pull"]).exits(0);
    let after = state(&whole);
    assert_ne!(before, after);
    let mut killed = 0;
    for at in 1..40 {
        let ada = world(&format!("at{at}"));
        let mut pull = ada.command(env!("CARGO_BIN_EXE_gsync"));
        if seen_by(pull.arg("pull"), at).wait().unwrap().success() {
            break;
        }
        killed += 1;
        // The rescue is killed as well, a little further each time.
        let mut rescue = ada.command(env!("CARGO_BIN_EXE_gsync"));
        let _ = seen_by(rescue.arg("rescue"), 1 + at % 4).wait().unwrap();
        ada.gsync(&["rescue"]).exits(0);
        assert_eq!(state(&ada), before, "killed at {at}");
        assert!(!ada.path(".git/index.lock").exists());
        ada.git(&["fsck", "--strict"]);
        ada.gsync(&["pull"]).exits(0);
        assert_eq!(state(&ada), after, "again after {at}");
    }
    assert!(killed >= 8, "only {killed} points");
}

fn seen_by(command: &mut std::process::Command, at: usize) -> std::process::Child {
    command.env("GSYNC_STOP_AT", at.to_string());
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    command.spawn().unwrap()
}

#[test]
fn half_a_file_that_a_crash_left_is_replaced_and_work_of_a_moment_ago_is_kept() {
    let lab = Lab::new();
    busy_world(&lab);
    let ada = lab.at("ada", lab.path("ada"));
    let before = state(&ada);
    let mut pull = ada.command(env!("CARGO_BIN_EXE_gsync"));
    // After the files were written, before the branch moved.
    let _ = seen_by(pull.arg("pull"), 5).wait().unwrap();
    assert_ne!(state(&ada), before);
    ada.write("dir/d", "bo");
    ada.write("elsewhere", "typed after the crash\n");
    ada.gsync(&["rescue"]).exits(0).says("was put back");
    assert_eq!(ada.read("elsewhere"), "typed after the crash\n");
    fs::remove_file(ada.path("elsewhere")).unwrap();
    assert_eq!(state(&ada), before);
    let kept = ada.git(&["for-each-ref", "--format=%(refname)", "refs/gsync/undo"]);
    let found = kept.lines().last().unwrap();
    assert_eq!(ada.git(&["show", &format!("{found}:dir/d")]), "bo");
}

#[test]
fn a_lock_of_another_git_is_respected_and_named() {
    let lab = Lab::new();
    busy_world(&lab);
    let ada = lab.at("ada", lab.path("ada"));
    let before = state(&ada);
    ada.write(".git/index.lock", "");
    ada.gsync(&["pull"])
        .exits(3)
        .says("another git holds the index")
        .says("everything is as it was");
    assert!(ada.path(".git/index.lock").exists());
    assert_eq!(state(&ada), before);
}

#[test]
fn many_at_once_in_one_clone_wait_or_say_busy_and_nothing_breaks() {
    let lab = Lab::new();
    busy_world(&lab);
    let ada = lab.at("ada", lab.path("ada"));
    let before = ada.git(&["diff", "--cached"]);
    let gsync = env!("CARGO_BIN_EXE_gsync");
    let commands = [(gsync, "pull"), (gsync, "start"), (gsync, "log"), ("git", "status")];
    let running: Vec<_> = (0..24)
        .map(|n| {
            let (program, word) = commands[n % commands.len()];
            let mut command = ada.command(program);
            command.arg(word).stdout(std::process::Stdio::null());
            (word, command.stderr(std::process::Stdio::piped()).spawn().unwrap())
        })
        .collect();
    for (word, child) in running {
        let out = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        let code = out.status.code();
        // 3: a `git status` held the index for a moment, and everything was put back.
        assert!(matches!(code, Some(0 | 3 | 6)), "{word}: {code:?}\n{said}");
    }
    ada.gsync(&["pull"]).exits(0);
    assert_eq!(ada.git(&["rev-list", "--count", "HEAD..origin/main"]), "0");
    assert!(!ada.path(".git/index.lock").exists());
    let after = ada.git(&["diff", "--cached"]);
    let lines =
        |diff: &str| diff.lines().filter(|l| l.starts_with("+8") || l.starts_with("-8")).count();
    assert_eq!(lines(&after), lines(&before));
    ada.git(&["fsck", "--strict"]);
}
