//! `gsync undo --hub`: what a run pushed is taken back on the hub too, if nobody was there since;
//! and a command of several runs is taken back as one.

use crate::lab::{Lab, Person};
use crate::pull::{all_of, two};

fn on_hub(lab: &Lab, branch: &str) -> String {
    lab.hub().try_git(&["rev-parse", "--verify", "--quiet", branch]).stdout.trim().to_owned()
}

/// Without the times of files.
fn state(who: &Person<'_>) -> String {
    let all = all_of(who);
    let lines = all.lines().filter(|line| !line.rsplit(' ').next().unwrap().starts_with("17"));
    // Where the hub stands is not ours.
    lines.filter(|line| !line.contains("branch.ab")).collect::<Vec<_>>().join("\n")
}

/// Ada finishes: one command that commits, pulls what Bob pushed, and pushes.
fn finished(lab: &Lab) -> (Person<'_>, Person<'_>, String, String) {
    let (ada, bob) = two(lab);
    bob.commit("dir/d", "bob\n", "bob's");
    bob.push();
    ada.commit("c", "committed\n", "mine before");
    ada.write("b", "mine\n");
    ada.git(&["add", "b"]);
    ada.write("a", "not staged\n");
    ada.write("new", "untracked\n");
    let (before, hub) = (state(&ada), on_hub(lab, "main"));
    ada.gsync(&["finish", "-m", "mine"]).exits(0).says("origin has");
    (ada, bob, before, hub)
}

#[test]
fn a_finish_of_several_runs_is_taken_back_whole_and_the_hub_keeps_it_unless_told() {
    let lab = Lab::new();
    let (ada, _bob, before, _) = finished(&lab);
    let (after, pushed) = (state(&ada), on_hub(&lab, "main"));
    ada.gsync(&["log"]).exits(0).says("r2 finish main: done").says("one command with r1");
    let runs = ada.gsync(&["--json", "log"]).exits(0).json();
    assert_eq!(runs["runs"][0]["part_of"], "r1");
    assert_eq!(runs["runs"][1]["part_of"], "r1");

    ada.gsync(&["undo", "--dry-run"]).exits(0).says("undo r1 and r2").says("gsync undo --hub r2");
    assert_eq!(state(&ada), after);
    ada.gsync(&["undo"])
        .exits(0)
        .says("takes back r1 (commit on main)")
        .says("the hub keeps it: origin has")
        .says("gsync undo --hub r2");
    assert_eq!(state(&ada), before);
    assert_eq!(on_hub(&lab, "main"), pushed);
    ada.gsync(&["undo"]).exits(0).says("takes back r3");
    assert_eq!(state(&ada), after);
}

#[test]
fn with_hub_the_push_is_taken_back_too_and_that_can_be_undone() {
    let lab = Lab::new();
    let (ada, _bob, before, hub) = finished(&lab);
    let (after, pushed) = (state(&ada), on_hub(&lab, "main"));
    let shown = ada.gsync(&["--json", "undo", "--hub", "--dry-run"]).exits(0).json();
    let steps = shown["plan"]["steps"].to_string();
    assert!(steps.contains(&format!("--force-with-lease=refs/heads/main:{}", &pushed[..7])));
    assert_eq!((on_hub(&lab, "main"), state(&ada)), (pushed.clone(), after.clone()));

    ada.gsync(&["undo", "--hub"])
        .exits(0)
        .says("takes from the hub: ")
        .says("mine before (ada)")
        .says("whoever fetched a protected branch main since keeps those 2 commits");
    assert_eq!((on_hub(&lab, "main"), state(&ada)), (hub.clone(), before.clone()));
    ada.git(&["diff", "--quiet", &hub, "origin/main"]);
    ada.gsync(&["undo", "--hub"]).exits(0);
    assert_eq!((on_hub(&lab, "main"), state(&ada)), (pushed, after));
    ada.gsync(&["undo", "--hub"]).exits(0);
    assert_eq!((on_hub(&lab, "main"), state(&ada)), (hub, before));
}

#[test]
fn the_hub_can_be_led_back_after_the_clone_was() {
    let lab = Lab::new();
    let (ada, _bob, before, hub) = finished(&lab);
    ada.gsync(&["undo"]).exits(0);
    ada.gsync(&["undo", "--hub"]).exits(1).says("r3 sent nothing to a hub");
    ada.gsync(&["undo", "--hub", "r2"]).exits(0).says("is back already where r1 and r2 found it");
    assert_eq!((on_hub(&lab, "main"), state(&ada)), (hub, before));
    ada.gsync(&["undo", "--hub", "r1"]).exits(0).says("nothing to do").says("there already");
}

#[test]
fn a_hub_that_moved_since_is_left_alone_and_it_is_said_by_whom() {
    let lab = Lab::new();
    let (ada, bob, _, _) = finished(&lab);
    bob.git(&["pull", "-q"]);
    let late = bob.commit("dir/e", "e\n", "bob builds on it");
    bob.push();
    let before = all_of(&ada);
    let seen = ada.gsync(&["--json", "undo", "--hub"]).exits(1).json();
    assert_eq!(seen["error"]["code"], "hub-moved");
    assert!(seen["error"]["because"].to_string().contains("bob builds on it (bob)"), "{seen}");
    assert_eq!(on_hub(&lab, "main"), late);
    let without = |all: &str| {
        let lines = all.lines().filter(|line| !line.contains("branch.ab"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(without(&all_of(&ada)), without(&before));
}

#[test]
fn somebody_who_pushes_at_the_last_moment_wins_and_the_clone_is_put_back() {
    let lab = Lab::new();
    let (ada, bob, _, _) = finished(&lab);
    bob.git(&["pull", "-q"]);
    let late = bob.commit("dir/e", "e\n", "in between");
    let script =
        format!("#!/bin/sh\ncd {} && env -u GIT_DIR git push -q origin main\n", bob.dir.display());
    ada.script(".git/hooks/pre-push", &script);
    let before = state(&ada);
    ada.gsync(&["undo", "--hub"]).exits(3).says("everything is as it was");
    assert_eq!((on_hub(&lab, "main"), state(&ada)), (late, before));
}

#[test]
fn our_own_hook_lets_the_way_back_pass_and_a_hub_with_rules_refuses_it() {
    let lab = Lab::new();
    let ada = lab.member("ada");
    ada.git(&["add", "-A"]);
    ada.commit("f", "f\n", "first work");
    let hub = on_hub(&lab, "main");
    ada.gsync(&["finish"]).exits(0);
    ada.gsync(&["undo", "--hub"]).exits(0);
    assert_eq!(on_hub(&lab, "main"), hub);

    ada.gsync(&["finish"]).exits(0);
    let pushed = on_hub(&lab, "main");
    lab.hub().gsync(&["install"]).exits(0);
    let before = state(&ada);
    ada.gsync(&["undo", "--hub"]).exits(3).says("must not be rewritten");
    assert_eq!((on_hub(&lab, "main"), state(&ada)), (pushed, before));
}

#[test]
fn a_new_branch_goes_from_the_hub_again_and_a_forced_push_leads_back() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    ada.git(&["switch", "-q", "-c", "topic"]);
    ada.commit("t", "t\n", "on topic");
    ada.gsync(&["finish"]).exits(0);
    let first = on_hub(&lab, "topic");
    bob.git(&["fetch", "-q"]);
    bob.git(&["switch", "-q", "-c", "topic", "origin/main"]);
    bob.commit("u", "u\n", "over it");
    bob.gsync(&["push", "--force"]).exits(0);
    bob.gsync(&["undo"]).exits(1).says("gsync undo --hub r1").says("the hub keeps it");
    bob.gsync(&["undo", "--hub"]).exits(0);
    assert_eq!(on_hub(&lab, "topic"), first);

    let config = ada.read(".git/config");
    ada.gsync(&["undo", "--hub"]).exits(0).says(" :topic");
    assert_eq!(on_hub(&lab, "topic"), "");
    assert_ne!(ada.read(".git/config"), config, "it follows nothing again");
    ada.gsync(&["undo", "--hub"]).exits(0);
    assert_eq!((on_hub(&lab, "topic"), ada.read(".git/config")), (first, config));
}

#[test]
fn a_hub_that_does_not_answer_is_not_led_anywhere() {
    let lab = Lab::new();
    let (ada, _bob, _, _) = finished(&lab);
    ada.git(&["remote", "set-url", "origin", "../nowhere.git"]);
    let before = all_of(&ada);
    ada.gsync(&["undo", "--hub"]).exits(7).says("cannot be asked");
    assert_eq!(all_of(&ada), before);
}

#[test]
fn a_run_that_left_nothing_is_passed_by_and_named() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    ada.commit(
        ".gsync.toml",
        "[[service]]\nname = \"s\"\npaths = [\"**\"]\nsteps = [{ name = \"x\", run = \"true\" }]\n",
        "a service",
    );
    ada.push();
    bob.gsync(&["up", "s"]).exits(2);
    bob.git(&["pull", "-q"]);
    ada.commit("b", "ada\n", "ada's");
    ada.push();
    let before = state(&bob);
    bob.gsync(&["pull"]).exits(0);
    bob.gsync(&["up", "s"]).exits(0);
    bob.gsync(&["undo", "--dry-run"]).exits(0).says("passes by r2").says("undo r1");
    bob.gsync(&["undo"]).exits(0).says("passes by r2").says("takes back r1 (pull main)");
    assert_eq!(state(&bob), before);
}
