//! A run that is killed at any point: the next command finds what was there before, or what
//! was wanted, and never something in between.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::lab::{Lab, Person, copy, picture};
use crate::pull::two;

/// HEAD, refs, index and files, without times: what a crash leaves may be written again.
pub fn state(person: &Person<'_>) -> String {
    let files = picture(&person.dir);
    let files: Vec<&str> = files.lines().filter(|line| !line.starts_with(".git/")).collect();
    let flags = person.git(&["ls-files", "--stage", "-t", "-v"]);
    format!("{}\n{flags}\n{}", person.state(), files.join("\n"))
}

/// Ada has work of every kind, and the hub has changes that touch some of it.
pub fn busy_world(lab: &Lab) {
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

/// Ada, whose pull was killed at that point.
fn killed_at<'lab>(lab: &'lab Lab, args: &[&str], at: usize) -> (String, Person<'lab>) {
    let ada = lab.at("ada", lab.path("ada"));
    let before = state(&ada);
    let mut command = ada.command(env!("CARGO_BIN_EXE_gsync"));
    assert!(!seen_by(command.args(args), at).wait().unwrap().success());
    (before, ada)
}

/// After the files were written, before the branch moved; and when the whole move was done.
const HALF: usize = 5;
const WHOLE: usize = 10;

#[test]
fn a_rescue_says_first_what_it_would_do_and_where_it_kept_what_it_found() {
    let lab = Lab::new();
    busy_world(&lab);
    let (before, ada) = killed_at(&lab, &["pull"], HALF);
    ada.write("dir/d", "typed in the half state\n");
    let half = picture(&ada.path("dir"));
    let shown = ada.gsync(&["--json", "rescue", "--dry-run"]).exits(0).json();
    assert!(shown["plan"]["steps"][0].as_str().unwrap().starts_with("move main back to"));
    let id = shown["plan"]["id"].as_str().unwrap().to_owned();
    assert_eq!(picture(&ada.path("dir")), half);
    ada.gsync(&["rescue", "--only", "00000000"]).exits(1).says(&id);
    assert_eq!(picture(&ada.path("dir")), half);
    let seen = ada.gsync(&["rescue", "--only", &id]).exits(0).says("what was found half way is");
    assert_eq!(state(&ada), before);
    let back = seen.stderr.lines().find(|line| line.contains("git restore")).unwrap();
    ada.sh(back.split('`').nth(1).unwrap()).exits(0);
    assert_eq!(ada.read("dir/d"), "typed in the half state\n");
    ada.gsync(&["rescue", "--dry-run"]).exits(0).says("the last run came to its end");
}

#[test]
fn a_commit_on_half_of_a_move_is_kept_by_name_and_can_be_taken_over() {
    let lab = Lab::new();
    busy_world(&lab);
    let (before, ada) = killed_at(&lab, &["pull"], HALF);
    // git says that a lock is in the way, and how to remove it; people do that.
    ada.try_git(&["commit", "-qam", "x"]).exits(128);
    fs::remove_file(ada.path(".git/index.lock")).unwrap();
    ada.write("fresh", "fresh\n");
    ada.git(&["add", "fresh"]);
    ada.git(&["commit", "-q", "-m", "in the half state", "--", "fresh"]);
    let theirs = ada.git(&["rev-parse", "HEAD"]);
    let seen = ada.gsync(&["rescue"]).exits(0).says("was committed on half of a move");
    let kept = seen.stderr.split("is kept as ").nth(1).unwrap().lines().next().unwrap();
    assert_eq!(ada.git(&["rev-parse", &format!("{kept}^1")]), theirs);
    // What the commit is about is still in the work tree, as work that is not committed.
    assert_eq!(ada.read("fresh"), "fresh\n");
    fs::remove_file(ada.path("fresh")).unwrap();
    assert_eq!(state(&ada), before);
    assert!(seen.stderr.contains(&format!("git cherry-pick {theirs}")));
    ada.gsync(&["pull"]).exits(0);
}

#[test]
fn work_on_top_of_a_whole_move_is_left_alone_and_nothing_is_stuck() {
    let lab = Lab::new();
    busy_world(&lab);
    let (_, ada) = killed_at(&lab, &["pull"], WHOLE);
    ada.commit("later", "later\n", "on top");
    let after = state(&ada);
    ada.gsync(&["rescue"]).exits(0).says("somebody went on from there").says("stays");
    assert_eq!(state(&ada), after);
    ada.gsync(&["pull"]).exits(0).says("nothing to do");

    // The same after the commit of a finish.
    ada.write("b", "more\n");
    ada.git(&["add", "b"]);
    let (_, ada) = killed_at(&lab, &["finish", "-m", "mine"], 4);
    ada.commit("last", "last\n", "on top of that");
    let after = state(&ada);
    ada.gsync(&["rescue"]).exits(0).says("moved on since: the commit stays");
    assert_eq!(state(&ada), after);
    ada.gsync(&["rescue"]).exits(0).says("nothing to rescue");
}

#[test]
fn another_branch_by_now_is_not_written_over() {
    let lab = Lab::new();
    busy_world(&lab);
    let (_, ada) = killed_at(&lab, &["pull"], HALF);
    fs::remove_file(ada.path(".git/index.lock")).unwrap();
    ada.git(&["symbolic-ref", "HEAD", "refs/heads/elsewhere"]);
    let after = state(&ada);
    ada.gsync(&["rescue"]).exits(0).says("another branch than main").says("is kept as refs/gsync");
    assert_eq!(state(&ada), after);
}

#[test]
fn a_git_commit_that_lands_during_a_pull_stays_and_the_pull_is_put_back() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    bob.write(".gitattributes", "*.slow filter=slow\n");
    bob.write("x.slow", "slow\n");
    bob.git(&["add", "."]);
    bob.git(&["commit", "-q", "-m", "slow"]);
    bob.push();
    ada.write("b", "staged\n");
    ada.git(&["add", "b"]);
    ada.write("c", "dirty\n");
    // What `git commit` does last, while git writes the files of the pull: it has given the
    // index free before.
    let tree = ada.git(&["write-tree"]);
    ada.script(
        ".git/race",
        &format!(
            "#!/bin/sh\n[ -e .git/raced ] || {{\ntouch .git/raced\n\
             new=$(git commit-tree -p HEAD -m raced {tree})\n\
             git update-ref refs/heads/main \"$new\"\n}}\ncat\n"
        ),
    );
    ada.git(&["config", "filter.slow.smudge", ".git/race"]);
    let files = picture(&ada.path("dir"));
    ada.gsync(&["pull"]).exits(3).says("was committed on main meanwhile, and stays");
    assert_eq!(ada.git(&["log", "-1", "--format=%s"]), "raced");
    assert_eq!(ada.git(&["status", "--short"]), " M c");
    assert_eq!(picture(&ada.path("dir")), files);
    assert!(!ada.path("x.slow").exists());
    ada.gsync(&["pull"]).exits(0);
    assert_eq!(ada.git(&["status", "--short"]), " M c");
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

#[test]
fn a_git_that_outlives_a_killed_gsync_is_waited_for_before_anything_is_put_back() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    bob.write(".gitattributes", "*.slow filter=slow\n");
    bob.write("x.slow", "slow\n");
    bob.write("b", "bob\n");
    bob.git(&["add", "."]);
    bob.git(&["commit", "-q", "-m", "slow"]);
    bob.push();
    ada.write("c", "dirty\n");
    ada.write("new", "untracked\n");
    ada.script(
        ".git/slow",
        "#!/bin/sh\ntouch .git/started\nwhile [ ! -e .git/go ]; do sleep 0.01; done\n\
         cat\ntouch .git/ended\n",
    );
    ada.git(&["config", "filter.slow.smudge", ".git/slow"]);
    ada.git(&["status"]);
    let before = state(&ada);
    let gsync = || {
        let mut command = ada.command(env!("CARGO_BIN_EXE_gsync"));
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        command
    };
    let mut pull = gsync().arg("pull").spawn().unwrap();
    while !ada.path(".git/started").exists() {
        assert!(pull.try_wait().unwrap().is_none(), "the filter did not run");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    pull.kill().unwrap();
    pull.wait().unwrap();
    let mut rescue = gsync().arg("rescue").spawn().unwrap();
    // Long enough for one that does not wait to have done its harm.
    for _ in 0..3 {
        ada.gsync(&["log"]).exits(0);
    }
    let waits = rescue.try_wait().unwrap().is_none();
    ada.write(".git/go", "");
    assert!(rescue.wait().unwrap().success());
    assert!(waits, "it does not wait for the git that writes");
    assert!(ada.path(".git/ended").exists());
    assert_eq!(state(&ada), before);
    ada.gsync(&["pull"]).exits(0);
    assert_eq!((ada.read("x.slow"), ada.read("c")), ("slow\n".into(), "dirty\n".into()));
    ada.git(&["fsck", "--strict"]);
}
