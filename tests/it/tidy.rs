//! `gsync tidy`: what is merged goes, what is not stays, and what went comes back.

use crate::lab::{Lab, Person};

/// A branch with one commit, on the hub too.
fn branch(person: &Person<'_>, name: &str) -> String {
    person.git(&["switch", "-q", "-c", name, "main"]);
    let id = person.commit(name, "1\n", name);
    person.push();
    person.git(&["switch", "-q", "main"]);
    id
}

fn merge(person: &Person<'_>, how: &[&str]) {
    person.git(&[&["-c", "core.hooksPath=/dev/null", "merge", "-q"], how].concat());
}

/// `done` is merged, `squashed` and `picked` are so in substance, `open` is not.
fn world(lab: &Lab) -> Person<'_> {
    let ada = lab.person("ada");
    for name in ["done", "squashed", "picked", "open"] {
        branch(&ada, name);
    }
    merge(&ada, &["--no-ff", "-m", "merge", "done"]);
    merge(&ada, &["--squash", "squashed"]);
    ada.git(&["-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "squash"]);
    ada.git(&["cherry-pick", "picked"]);
    ada.commit("picked", "moved on\n", "main moves on");
    ada.push();
    ada
}

fn merged(seen: &serde_json::Value, list: &str) -> Vec<String> {
    let word = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let all = seen[list].as_array().unwrap().iter();
    all.map(|branch| format!("{} {}", word(&branch["name"]), word(&branch["merged"]))).collect()
}

fn heads(person: &Person<'_>) -> String {
    person.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads"])
}

#[test]
fn the_report_tells_merged_from_probably_merged_from_open_and_changes_nothing() {
    let lab = Lab::new();
    let ada = world(&lab);
    ada.git(&["update-ref", "refs/heads/fresh", "main"]);
    let before = ada.state();
    let seen = ada.gsync(&["--json", "tidy"]).exits(0).json();
    let wanted =
        ["done yes", "fresh even", "main no", "open no", "picked probably", "squashed probably"];
    assert_eq!(merged(&seen, "branches"), wanted.map(|line| format!("refs/heads/{line}")));
    let wanted = ["done yes", "open no", "picked probably", "squashed probably"];
    assert_eq!(merged(&seen, "hub_branches"), wanted.map(|line| format!("refs/heads/{line}")));
    let seen = ada.gsync(&["tidy"]).exits(0).says("probably merged into origin/main");
    let _ = seen.says("gsync tidy --apply").says("fresh (").says("perhaps only just begun");
    assert_eq!(ada.state(), before);
    assert!(!ada.path(".git/gsync/runs").exists(), "a question leaves no run");
}

#[test]
fn only_what_is_merged_by_ancestry_goes_here_and_on_the_hub() {
    let lab = Lab::new();
    let ada = world(&lab);
    let tip = ada.git(&["rev-parse", "done"]);
    let seen = ada.gsync(&["tidy", "--apply"]).exits(0);
    let _ = seen.says(&format!("the way back of done: `git push origin {tip}:refs/heads/done`"));
    assert_eq!(heads(&ada), "main\nopen\npicked\nsquashed");
    assert_eq!(heads(&lab.hub()), "main\nopen\npicked\nsquashed");
    let _ = ada.gsync(&["tidy", "--apply"]).exits(0).says("nothing to do");
}

#[test]
fn what_a_work_tree_stands_on_rebases_or_protects_stays() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    for name in ["current", "elsewhere", "rebased", "guarded", "free"] {
        branch(&ada, name);
        merge(&ada, &["--no-ff", "-m", "merge", name]);
    }
    ada.write(".gsync.toml", "[guard]\nprotected_branches = [\"main\", \"guarded\"]\n");
    ada.commit("last", "1\n", "last");
    ada.push();
    ada.git(&["worktree", "add", "-q", "../second", "elsewhere"]);
    ada.git(&["worktree", "add", "-q", "../third", "rebased"]);
    let third = lab.at("ada", lab.path("third"));
    third.git(&["-c", "sequence.editor=sed -i 1i\\break", "rebase", "-q", "-i", "HEAD~1"]);
    assert_eq!(third.try_git(&["symbolic-ref", "-q", "HEAD"]).code, 1, "the rebase is under way");
    ada.git(&["switch", "-q", "current"]);
    let _ = ada.gsync(&["tidy", "--apply"]).exits(0);
    assert_eq!(heads(&ada), "current\nelsewhere\nguarded\nmain\nrebased");
    assert_eq!(heads(&lab.hub()), "current\nelsewhere\nguarded\nmain\nrebased");
}

#[test]
fn without_the_hub_only_local_branches_go_and_it_is_said() {
    let lab = Lab::new();
    let ada = world(&lab);
    ada.git(&["remote", "set-url", "origin", "../nowhere.git"]);
    let _ = ada.gsync(&["tidy"]).exits(0).says("origin as of");
    let _ = ada.gsync(&["tidy", "--apply"]).exits(0).says("left alone: it cannot be asked");
    assert_eq!(heads(&ada), "main\nopen\npicked\nsquashed");
    assert!(heads(&lab.hub()).contains("done"));
}

#[test]
fn a_branch_that_somebody_pushed_to_meanwhile_stays_on_the_hub() {
    let lab = Lab::new();
    let ada = world(&lab);
    let bob = lab.person("bob");
    bob.git(&["fetch", "-q"]);
    bob.git(&["switch", "-q", "done"]);
    bob.commit("more", "1\n", "more on done");
    bob.push();
    let _ = ada.gsync(&["tidy", "--apply"]).exits(0);
    assert!(heads(&lab.hub()).contains("done"));
    assert!(!heads(&ada).contains("done"));
}

#[test]
fn old_ways_back_go_by_name_and_young_ones_and_old_tips_kept_today_stay() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    // Commits of the lab are years old.
    let old = ada.git(&["rev-parse", "HEAD"]);
    ada.git(&["update-ref", "refs/gsync/undo/main/1", &old]);
    ada.git(&["switch", "-q", "-c", "topic"]);
    ada.commit("a", "1\n", "cut off");
    ada.push();
    ada.git(&["reset", "-q", "--hard", "HEAD~1"]);
    ada.commit("a", "2\n", "instead");
    let _ = ada.gsync(&["push", "--force"]).exits(0);
    let seen = ada.gsync(&["--json", "tidy"]).exits(0).json();
    assert_eq!(seen["snapshots"], 2);
    assert_eq!(seen["expired"].as_array().unwrap().len(), 1);
    let _ = ada.gsync(&["tidy", "--apply"]).exits(0).says("refs/gsync/undo/main/1 was");
    let left = ada.git(&["for-each-ref", "--format=%(refname)", "refs/gsync"]);
    assert_eq!(left, "refs/gsync/undo/pushed/1");
}

#[test]
fn undo_brings_back_what_tidy_deleted_here() {
    let lab = Lab::new();
    let ada = world(&lab);
    lab.hub().git(&["branch", "-q", "-D", "done"]);
    ada.git(&["fetch", "-q", "--prune"]);
    ada.git(&["update-ref", "refs/gsync/undo/main/1", "done"]);
    let refs = ada.git(&["for-each-ref"]);
    let _ = ada.gsync(&["tidy", "--apply"]).exits(0);
    assert!(!heads(&ada).contains("done"));
    let _ = ada.gsync(&["undo"]).exits(0);
    assert_eq!(ada.git(&["for-each-ref"]), refs);
}

#[test]
fn unpushed_work_stashes_and_branches_gone_on_the_hub_are_named() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    branch(&ada, "vanished");
    ada.git(&["branch", "-q", "--set-upstream-to=origin/vanished", "vanished"]);
    lab.hub().git(&["branch", "-q", "-D", "vanished"]);
    // Nothing is pruned: what the hub no longer has is remembered.
    let _ = ada.gsync(&["status", "--fetch"]).exits(0);
    ada.write("README", "changed\n");
    ada.git(&["stash", "-q"]);
    let seen = ada.gsync(&["tidy"]).exits(0).says("gone on origin").says("vanished: 1 commit");
    let _ = seen.says("stash@{0}").says_not("--apply").says_not("merged on origin");
    assert!(heads(&ada).contains("vanished"));
}
