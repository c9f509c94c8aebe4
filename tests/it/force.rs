//! `gsync push --force`: what was not seen is not cut off, and what is cut off is kept.

use crate::lab::{Lab, Person};

/// Two people on `topic`; the second has rewritten the last commit of the first.
fn rewritten(lab: &Lab) -> (Person<'_>, Person<'_>) {
    let (ada, bob) = (lab.person("ada"), lab.person("bob"));
    ada.git(&["switch", "-q", "-c", "topic"]);
    ada.commit("a", "1\n", "from ada");
    ada.push();
    bob.git(&["fetch", "-q"]);
    bob.git(&["switch", "-q", "-c", "topic", "origin/main"]);
    bob.commit("b", "1\n", "from bob");
    (ada, bob)
}

fn on_hub(lab: &Lab) -> String {
    lab.hub().git(&["rev-parse", "topic"])
}

#[test]
fn what_is_cut_off_is_named_and_kept_and_the_way_back_can_be_pasted() {
    let lab = Lab::new();
    let (ada, bob) = rewritten(&lab);
    let (old, new) = (ada.git(&["rev-parse", "topic"]), bob.git(&["rev-parse", "topic"]));
    let seen = bob.gsync(&["push", "--force"]).exits(0).says("from ada (ada, ").says("by ada (1)");
    assert_eq!(on_hub(&lab), new);
    assert_eq!(bob.git(&["rev-parse", "refs/gsync/undo/pushed/1"]), old);
    let back = seen.stderr.split('`').nth(1).unwrap().to_owned();
    assert_eq!(
        back,
        format!("git push --force-with-lease=topic:{new} origin {old}:refs/heads/topic")
    );
    bob.sh(&back).exits(0);
    assert_eq!(on_hub(&lab), old);
}

#[test]
fn a_hub_that_moved_since_it_was_seen_is_not_passed_over() {
    let lab = Lab::new();
    let (ada, bob) = rewritten(&lab);
    ada.commit("a", "2\n", "unseen");
    ada.push();
    let (hub, before) = (on_hub(&lab), bob.state());
    let seen = bob.gsync(&["--json", "push", "--force"]).exits(1);
    assert_eq!(seen.json()["error"]["code"], "hub-moved");
    assert!(seen.json()["error"]["message"].as_str().unwrap().contains(&hub[..7]));
    assert_eq!(seen.json()["error"]["hints"][0], "look at what is there: `gsync status --fetch`");
    assert_eq!((on_hub(&lab), bob.state()), (hub, before));
    assert_eq!(bob.git(&["for-each-ref", "refs/gsync"]), "");
}

#[test]
fn the_lease_holds_against_a_push_between_looking_and_pushing() {
    let lab = Lab::new();
    let (ada, bob) = rewritten(&lab);
    ada.commit("a", "2\n", "in between");
    let late = ada.git(&["rev-parse", "HEAD"]);
    // Somebody else pushes while our own hook runs: the last moment that there is.
    let script =
        format!("#!/bin/sh\ncd {} && env -u GIT_DIR git push -q origin topic\n", ada.dir.display());
    bob.script(".git/hooks/pre-push", &script);
    bob.gsync(&["push", "--force"]).exits(3).says("everything is as it was");
    assert_eq!(on_hub(&lab), late);
    assert_eq!(bob.git(&["for-each-ref", "refs/gsync"]), "", "what was kept was put back");
}

#[test]
fn the_hook_is_told_exactly_the_lease() {
    let lab = Lab::new();
    let (ada, bob) = rewritten(&lab);
    let old = ada.git(&["rev-parse", "topic"]);
    bob.script(".git/hooks/pre-push", "#!/bin/sh\necho \"lease=$GSYNC_LEASE.\" >../lease\n");
    bob.gsync(&["push", "--force"]).exits(0);
    assert_eq!(bob.read("../lease"), format!("lease=refs/heads/topic:{old}.\n"));
    // A push that rewrites nothing opens no door, whatever it inherits.
    bob.commit("b", "2\n", "forward");
    let bob = bob.with_env("GSYNC_LEASE", "refs/heads/topic:inherited");
    bob.gsync(&["push", "--force"]).exits(0);
    assert_eq!(bob.read("../lease"), "lease=.\n");
    assert_eq!(on_hub(&lab), bob.git(&["rev-parse", "HEAD"]));
}

#[test]
fn protected_branches_detached_heads_and_unreachable_hubs_are_refused() {
    let lab = Lab::new();
    let (ada, bob) = (lab.person("ada"), lab.person("bob"));
    ada.commit("a", "1\n", "on main");
    ada.push();
    bob.git(&["fetch", "-q"]);
    bob.commit("b", "1\n", "other");
    bob.gsync(&["push", "--force"]).exits(1).says("main is a protected branch").says("on main");
    bob.git(&["switch", "-q", "--detach"]);
    bob.gsync(&["push", "--force"]).exits(1).says("HEAD is not on a branch");
    bob.git(&["switch", "-q", "-c", "topic"]);
    bob.git(&["remote", "set-url", "origin", "../nowhere.git"]);
    bob.gsync(&["push", "--force"]).exits(7).says("cannot be asked");
    bob.gsync(&["push"]).exits(2).says("gsync finish");
}

#[test]
fn a_new_branch_and_a_fast_forward_are_just_pushed_and_an_equal_one_is_nothing_to_do() {
    let lab = Lab::new();
    let bob = lab.person("bob");
    bob.git(&["switch", "-q", "-c", "topic"]);
    bob.commit("b", "1\n", "one");
    bob.gsync(&["push", "--force"]).exits(0);
    assert_eq!(on_hub(&lab), bob.git(&["rev-parse", "HEAD"]));
    bob.gsync(&["push", "--force"]).exits(0).says("nothing to do");
    bob.commit("b", "2\n", "two");
    bob.gsync(&["push", "--force"]).exits(0).says_not("cuts off");
    assert_eq!(on_hub(&lab), bob.git(&["rev-parse", "HEAD"]));
    assert_eq!(bob.git(&["for-each-ref", "refs/gsync"]), "");
}

#[test]
fn a_dry_run_names_the_plan_and_only_that_plan_runs() {
    let lab = Lab::new();
    let (ada, bob) = rewritten(&lab);
    let hub = on_hub(&lab);
    let seen = bob.gsync(&["--json", "push", "--force", "--dry-run"]).exits(0).json();
    let id = seen["plan"]["id"].as_str().unwrap().to_owned();
    assert!(seen["plan"]["notes"][0].as_str().unwrap().contains("from ada"));
    assert_eq!(on_hub(&lab), hub);
    // The approved plan cut off one commit; now it would be two.
    ada.commit("a", "2\n", "more");
    ada.push();
    bob.git(&["fetch", "-q"]);
    bob.gsync(&["push", "--force", "--only", &id]).exits(1).says("no longer what would be done");
    let seen = bob.gsync(&["--json", "push", "--force", "--dry-run"]).exits(0).json();
    let id = seen["plan"]["id"].as_str().unwrap().to_owned();
    bob.gsync(&["push", "--force", "--only", &id]).exits(0);
    assert_eq!(on_hub(&lab), bob.git(&["rev-parse", "HEAD"]));
}

#[test]
fn our_own_pre_push_refuses_a_rewrite_by_hand_and_lets_the_shown_one_pass() {
    let lab = Lab::new();
    let (_ada, bob) = rewritten(&lab);
    bob.gsync(&["install"]).exits(0);
    let new = bob.git(&["rev-parse", "topic"]);
    bob.try_git(&["push", "--force", "origin", "topic"])
        .exits(1)
        .says("from ada")
        .says("gsync push --force");
    assert_ne!(on_hub(&lab), new);
    bob.gsync(&["push", "--force"]).exits(0);
    assert_eq!(on_hub(&lab), new);
}

#[test]
fn a_rewrite_that_was_shown_is_still_judged_by_its_contents() {
    let lab = Lab::new();
    let (_ada, bob) = rewritten(&lab);
    bob.gsync(&["install"]).exits(0);
    bob.commit(".env", "TOKEN=1\n", "oops");
    let before = on_hub(&lab);
    bob.gsync(&["push", "--force"]).exits(3);
    assert_eq!(on_hub(&lab), before);
}
