//! `gsync undo`, `gsync discard` and `gsync log`: every way there has a way back.

use crate::lab::{Lab, Person};
use crate::pull::{all_of, two};

/// Without times: files that come back are written again.
fn state(person: &Person<'_>) -> String {
    let index = std::fs::read(person.path(".git/index")).unwrap();
    let all = all_of(person);
    let lines = all.lines().filter(|line| !line.rsplit(' ').next().unwrap().starts_with("17"));
    format!("{}\n{index:?}", lines.collect::<Vec<_>>().join("\n"))
}

fn dirty(ada: &Person<'_>) {
    ada.write("a", "1\n2\n3\n4\n5\n6\n7\n8 staged\n9\n");
    ada.git(&["add", "a"]);
    ada.write("a", "1\n2\n3\n4\n5\n6\n7\n8 staged\n9 more\n");
    ada.write("untracked", "u\n");
    ada.write("deep/er/untracked", "u\n");
    ada.write("announced", "n\n");
    ada.git(&["add", "-N", "announced"]);
    ada.git(&["update-index", "--assume-unchanged", "c"]);
    ada.git(&["status"]);
}

fn incoming(bob: &Person<'_>) {
    bob.commit("a", "1 bob\n2\n3\n4\n5\n6\n7\n8\n9\n", "bob a");
    bob.commit("dir/new", "new\n", "bob new");
    bob.push();
}

#[test]
fn a_file_whose_line_ends_were_other_ones_before_is_no_change_after_an_undo() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.commit("f.txt", "one\n", "f");
    ada.commit("g.txt", "gone\n", "g");
    ada.write("staged", "staged\n");
    ada.git(&["add", "staged"]);
    // Clean, with line ends that a checkout would not make.
    ada.commit(".gitattributes", "*.txt text eol=crlf\n", "attributes");
    ada.push();
    let bob = lab.person("bob");
    bob.git(&["pull", "-q"]);
    bob.commit("f.txt", "one\r\ntwo\r\n", "more");
    bob.git(&["rm", "-q", "g.txt"]);
    bob.git(&["commit", "-q", "-m", "less"]);
    bob.push();
    ada.write("new", "new\n");
    ada.git(&["add", "-N", "new"]);
    let (before, index) = (ada.state(), ada.git(&["ls-files", "--stage", "-t", "-v"]));
    ada.gsync(&["pull"]).exits(0);
    ada.gsync(&["undo"]).exits(0);
    assert_eq!(ada.state(), before);
    assert_eq!(ada.git(&["ls-files", "--stage", "-t", "-v"]), index);
    ada.git(&["reset", "-q"]);
    assert_eq!(ada.git(&["diff-index", "--name-only", "HEAD"]), "");
}

#[test]
fn a_pull_whose_merge_was_given_up_is_passed_by() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    ada.commit("mine", "1\n", "mine");
    bob.commit("mine", "2\n", "his");
    bob.push();
    // Nothing else was ever done here.
    ada.gsync(&["pull", "--resolve"]).exits(0);
    let last =
        || ada.gsync(&["log", "--json"]).json()["runs"][0]["id"].as_str().unwrap().to_owned();
    let run = last();
    ada.git(&["merge", "--abort"]);
    let before = all_of(&ada);
    let seen = ada.gsync(&["undo"]).exits(1).says("there is no run to undo");
    seen.says(&format!("passes by {run}")).says("its merge was given up").says_not("moved");
    ada.gsync(&["undo", &run]).exits(1).says("left nothing to undo");
    assert_eq!(all_of(&ada), before);
    // One that was given up twice, and work before it: that is what comes back.
    ada.write("new", "new\n");
    ada.gsync(&["discard"]).exits(0);
    let discarded = last();
    ada.gsync(&["undo"]).exits(0);
    assert_eq!(ada.read("new"), "new\n");
    ada.gsync(&["pull", "--resolve"]).exits(0);
    ada.git(&["reset", "-q", "--merge"]);
    let seen = ada.gsync(&["undo"]).exits(0).says("its merge was given up");
    assert!(!ada.path("new").exists(), "{} {discarded}", seen.all());
}

#[test]
fn undo_of_a_pull_brings_back_all_and_undo_of_that_the_pull() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    incoming(&bob);
    ada.commit("mine", "m\n", "mine");
    dirty(&ada);
    let before = state(&ada);
    ada.gsync(&["pull"]).exits(0);
    let after = state(&ada);
    assert_ne!(before, after);
    ada.gsync(&["undo"]).exits(0);
    assert_eq!(state(&ada), before);
    ada.gsync(&["undo"]).exits(0);
    assert_eq!(state(&ada), after);
    ada.gsync(&["log"]).exits(0).says("r3 undo r2: done").says("r1 pull main: done");
    let log = ada.gsync(&["--json", "log"]).exits(0).json();
    assert_eq!(log["runs"][2]["outcome"], "done");
}

#[test]
fn work_that_was_done_since_the_pull_is_kept_by_an_undo() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    incoming(&bob);
    let tip = ada.git(&["rev-parse", "HEAD"]);
    ada.gsync(&["pull"]).exits(0);
    ada.write("b", "since\n");
    ada.write("later", "since\n");
    ada.git(&["add", "b"]);
    ada.gsync(&["undo"]).exits(0);
    assert_eq!(ada.git(&["rev-parse", "HEAD"]), tip);
    assert_eq!(ada.git(&["status", "--short", "-uall"]), "M  b\n?? later");
    assert_eq!(ada.read("a"), "1\n2\n3\n4\n5\n6\n7\n8\n9\n");
}

#[test]
fn an_undo_that_would_take_more_away_is_refused_and_changes_nothing() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    ada.gsync(&["undo"]).exits(1).says("there is no run to undo");
    incoming(&bob);
    ada.gsync(&["pull"]).exits(0);
    ada.write("a", "1 bob and ada\n2\n3\n4\n5\n6\n7\n8\n9\n");
    let before = all_of(&ada);
    ada.gsync(&["undo"]).exits(1).says("on the same lines").says("because: a");
    assert_eq!(all_of(&ada), before);
    ada.commit("a", "committed\n", "since");
    let before = all_of(&ada);
    ada.gsync(&["undo"]).exits(1).says("moved since r1").says("since");
    ada.gsync(&["undo", "r9"]).exits(2).says("no run r9");
    ada.git(&["switch", "-q", "-c", "other"]);
    ada.gsync(&["undo"]).exits(1).says("git switch main");
    ada.git(&["switch", "-q", "main"]);
    ada.git(&["branch", "-q", "-D", "other"]);
    assert_eq!(all_of(&ada), before);
}

#[test]
fn a_discard_leaves_exactly_the_upstream_and_undo_brings_everything_back() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    incoming(&bob);
    ada.commit("mine", "m\n", "mine");
    ada.commit("b", "mine\n", "mine too");
    dirty(&ada);
    ada.write("x.ign", "ignored\n");
    let before = state(&ada);
    let seen = ada.gsync(&["discard", "--dry-run"]).exits(0);
    for line in ada.git(&["status", "--porcelain", "-uall"]).lines() {
        // Two letters, and the path.
        let path = line.trim_start().split_once(' ').unwrap().1.trim();
        assert!(seen.stdout.contains(path) || seen.stderr.contains(path), "{line}\n{}", seen.all());
    }
    let seen = seen.says(" untracked file");
    seen.says("puts back ").says(" changed file").says_not("x.ign");
    assert_eq!(state(&ada), before);
    ada.gsync(&["discard"]).exits(0).says("2 commits").says("gsync undo");
    assert_eq!(ada.git(&["status", "--porcelain"]), "");
    assert_eq!(ada.git(&["rev-parse", "HEAD"]), bob.git(&["rev-parse", "HEAD"]));
    assert_eq!(ada.read("x.ign"), "ignored\n");
    assert!(!ada.path("deep").exists());
    ada.gsync(&["undo"]).exits(0);
    assert_eq!(state(&ada), before);
}

#[test]
fn a_plan_that_was_shown_is_the_plan_that_is_done_or_nothing() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    incoming(&bob);
    ada.commit("mine", "m\n", "mine");
    let shown = ada.gsync(&["--json", "pull", "--dry-run"]).exits(0).json();
    let id = shown["plan"]["id"].as_str().unwrap().to_owned();
    assert_eq!(ada.git(&["for-each-ref", "refs/gsync"]), "");
    ada.write("b", "changed since\n");
    ada.gsync(&["pull", "--only", &id]).exits(1).says("no longer what would be done");
    ada.write("b", "b\n");
    ada.gsync(&["pull", "--only", &id]).exits(0);
}

#[test]
fn a_conflict_can_be_resolved_by_hand_and_undo_leads_back_before_and_after() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    bob.commit("b", "bob\n", "bob b");
    bob.push();
    ada.commit("b", "ada\n", "ada b");
    ada.write("c", "dirty\n");
    ada.write("new", "n\n");
    ada.git(&["status"]);
    let before = state(&ada);
    ada.gsync(&["pull", "--resolve", "--dry-run"]).exits(0).says("would git merge");
    ada.gsync(&["pull"]).exits(1).says("gsync pull --resolve");
    assert_eq!(state(&ada), before);
    ada.gsync(&["pull", "--resolve"]).exits(0).says("resolve b").says("gsync undo");
    assert!(ada.read("b").contains("<<<<<<<"));
    ada.gsync(&["pull"]).exits(1).says("a merge is in progress");
    ada.write("b", "half resolved\n");
    ada.gsync(&["undo"]).exits(0);
    assert_eq!(state(&ada), before);
    assert_eq!(ada.git(&["show", "refs/gsync/undo/main/2:b"]), "half resolved");

    // git has looked at the file that came back, and noted its new time.
    let before = state(&ada);
    ada.gsync(&["pull", "--resolve"]).exits(0);
    ada.write("b", "both\n");
    ada.git(&["add", "b"]);
    ada.git(&["commit", "-q", "--no-edit"]);
    assert_eq!(ada.git(&["status", "--short"]), " M c\n?? new");
    ada.gsync(&["undo"]).exits(0);
    assert_eq!(state(&ada), before);
    ada.gsync(&["undo"]).exits(0);
    assert_eq!(ada.read("b"), "both\n");
}

#[test]
fn a_bare_undo_does_not_take_gsync_out_of_the_repository() {
    let lab = Lab::new();
    let ada = lab.member("ada");
    ada.gsync(&["undo"]).exits(1).says("gsync uninstall");
    assert!(ada.path(".git/hooks/pre-push").exists());
}
