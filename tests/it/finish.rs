//! `gsync finish` and `gsync start`: push after work, pull before it.

use crate::lab::Lab;
use crate::pull::{all_of, two};

fn hub_tip(lab: &Lab, branch: &str) -> String {
    lab.hub().git(&["rev-parse", branch])
}

#[test]
fn uncommitted_work_is_listed_and_nothing_is_pushed() {
    let lab = Lab::new();
    let (ada, _bob) = two(&lab);
    ada.commit("b", "mine\n", "mine");
    ada.write("c", "dirty\n");
    ada.write("new", "new\n");
    let (before, hub) = (all_of(&ada), hub_tip(&lab, "main"));
    ada.gsync(&["finish"]).exits(1).says("because: c").says("because: new").says("--all -m");
    ada.gsync(&["finish", "-m", "x"]).exits(1).says("nothing is staged");
    let seen = ada.gsync(&["--json", "finish"]).exits(1).json();
    assert_eq!(seen["error"]["code"], "uncommitted");
    assert_eq!(all_of(&ada), before);
    assert_eq!(hub_tip(&lab, "main"), hub);
}

#[test]
fn a_finish_commits_what_is_staged_pulls_pushes_and_asks_the_hub() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    bob.commit("dir/d", "bob\n", "bob");
    bob.push();
    ada.git(&["switch", "-q", "-c", "other"]);
    ada.git(&["commit", "-q", "--allow-empty", "-m", "on another branch"]);
    ada.git(&["switch", "-q", "main"]);
    ada.write("b", "staged\n");
    ada.git(&["add", "b"]);
    ada.write("c", "left\n");
    ada.gsync(&["finish", "-m", "my work"]).exits(0).says("origin has").says("other has 1 commit");
    assert_eq!(hub_tip(&lab, "main"), ada.git(&["rev-parse", "HEAD"]));
    assert_eq!(ada.git(&["log", "-2", "--format=%s"]), "my work\nbob");
    assert_eq!(ada.git(&["status", "--short"]), " M c");
    assert_eq!(ada.git(&["rev-parse", "origin/main"]), ada.git(&["rev-parse", "HEAD"]));

    ada.gsync(&["finish"]).exits(1).says("because: c");
    ada.write("n", "n\n");
    let seen = ada.gsync(&["--json", "finish", "--all", "-m", "the rest"]).exits(0).json();
    assert_eq!(seen["pushed"]["commit"], hub_tip(&lab, "main"));
    assert_eq!(ada.git(&["status", "--short"]), "");
    ada.gsync(&["finish"]).exits(0).says("nothing to do");
}

#[test]
fn a_commit_that_a_hook_refuses_leaves_index_and_files_as_they_were() {
    let lab = Lab::new();
    let (ada, _bob) = two(&lab);
    ada.script(".git/hooks/pre-commit", "#!/bin/sh\necho no way >&2\nexit 1\n");
    ada.write("b", "staged\n");
    ada.git(&["add", "b"]);
    ada.write("b", "more\n");
    ada.write("new", "new\n");
    ada.git(&["add", "-N", "new"]);
    let (before, hub) = (all_of(&ada), hub_tip(&lab, "main"));
    let index = std::fs::read(ada.path(".git/index")).unwrap();
    ada.gsync(&["finish", "--all", "-m", "x"]).exits(3).says("no way");
    assert_eq!(all_of(&ada), before);
    assert_eq!(std::fs::read(ada.path(".git/index")).unwrap(), index);
    assert_eq!(hub_tip(&lab, "main"), hub);
}

#[test]
fn a_hub_that_moves_in_between_is_pulled_from_again() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    bob.commit("c", "bob\n", "bob");
    ada.commit("b", "mine\n", "mine");
    ada.write("left.ign", "x\n");
    let bob_pushes = format!(
        "#!/bin/sh\n[ -e .git/once ] && exit 0\ntouch .git/once\nunset GIT_DIR GIT_WORK_TREE\n\
         cd {} && git push -q origin main\n",
        bob.dir.display()
    );
    ada.script(".git/hooks/pre-push", &bob_pushes);
    ada.gsync(&["finish"]).exits(0).says("trying again (2 of 3)");
    assert_eq!(ada.git(&["log", "-2", "--format=%s"]), "mine\nbob");
    assert_eq!(hub_tip(&lab, "main"), ada.git(&["rev-parse", "HEAD"]));
}

#[test]
fn a_push_that_the_hub_refuses_puts_the_pull_back() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    bob.commit("c", "bob\n", "bob");
    bob.push();
    ada.commit("b", "mine\n", "mine");
    ada.git(&["fetch", "-q"]);
    let before = ada.state();
    lab.hub().script("hooks/pre-receive", "#!/bin/sh\nexit 1\n");
    ada.gsync(&["finish"]).exits(3).says("everything is as it was");
    assert_eq!(ada.state(), before);
}

#[test]
fn a_branch_without_upstream_gets_one_and_undo_leaves_the_hub_alone() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    ada.git(&["switch", "-q", "-c", "topic"]);
    ada.gsync(&["start"]).exits(0).says("nothing to do").says("follows no branch");
    ada.commit("t", "t\n", "topic");
    ada.gsync(&["finish"]).exits(0);
    assert_eq!(hub_tip(&lab, "topic"), ada.git(&["rev-parse", "HEAD"]));
    assert_eq!(ada.git(&["rev-parse", "--abbrev-ref", "@{upstream}"]), "origin/topic");
    ada.git(&["switch", "-q", "main"]);
    bob.commit("c", "bob\n", "bob");
    bob.push();
    let mine = ada.commit("b", "mine\n", "mine");
    ada.gsync(&["finish"]).exits(0);
    let hub = hub_tip(&lab, "main");
    ada.gsync(&["undo"]).exits(0).says("the hub keeps it: origin has").says("gsync undo --hub r2");
    assert_eq!(ada.git(&["rev-parse", "HEAD"]), mine);
    assert_eq!(hub_tip(&lab, "main"), hub);
}

#[test]
fn a_start_says_what_came_in_and_a_review_only_shows_it() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    bob.commit("c", "bob \u{1b}[2J\n", "bob's change");
    bob.push();
    ada.git(&["fetch", "-q"]);
    let before = all_of(&ada);
    let review = ada.gsync(&["start", "--review"]).exits(0).says("bob's change").says("+bob ");
    assert!(!review.stdout.contains('\u{1b}'));
    assert_eq!(all_of(&ada), before);
    ada.gsync(&["start"]).exits(0).says("bob's change (bob)");
    assert_eq!(ada.git(&["status", "--short", "--branch"]), "## main...origin/main");
    ada.gsync(&["start"]).exits(0).says("main is what origin/main is");
}

#[test]
fn a_submodule_pointer_does_not_go_back() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    let sub = lab.person("sub");
    sub.commit("s", "1\n", "one");
    let old = sub.git(&["rev-parse", "HEAD"]);
    let new = sub.commit("s", "2\n", "two");
    let third = sub.commit("s", "3\n", "three");
    sub.git(&["reset", "-q", "--hard", &new]);
    ada.git(&["submodule", "--quiet", "add", "../sub", "sub"]);
    ada.git(&["commit", "-q", "-m", "a submodule"]);
    ada.push();
    let inside = lab.at("ada", ada.path("sub"));
    assert_eq!(inside.git(&["rev-parse", "HEAD"]), new);
    inside.git(&["checkout", "-q", &old]);
    ada.git(&["commit", "-q", "-a", "-m", "oops"]);
    ada.gsync(&["finish"]).exits(1).says("because: sub").says("older commit");
    inside.git(&["checkout", "-q", &new]);
    ada.git(&["commit", "-q", "-a", "-m", "again"]);
    // What comes in moves the pointer, and a clean checkout that has the commit follows it.
    bob.git(&["pull", "-q"]);
    bob.git(&["update-index", "--cacheinfo", &format!("160000,{third},sub")]);
    bob.git(&["commit", "-q", "-m", "bob moves it"]);
    ada.gsync(&["finish"]).exits(0);
    bob.git(&["pull", "-q", "--rebase"]);
    bob.push();
    ada.write("c", "dirty\n");
    let before = all_of(&ada);
    ada.gsync(&["pull"]).exits(0).says("checkout --detach");
    assert_eq!(inside.git(&["rev-parse", "HEAD"]), third);
    assert_eq!(ada.git(&["status", "--short"]), " M c");
    ada.gsync(&["undo"]).exits(0);
    assert_eq!(inside.git(&["rev-parse", "HEAD"]), new);
    assert_eq!(ada.git(&["status", "--short"]), " M c");
    assert_eq!(all_of(&ada).lines().next(), before.lines().next());

    // One on a branch of its own stays, is named, and is not committed backwards by accident.
    inside.git(&["switch", "-q", "-c", "mine"]);
    ada.gsync(&["pull"]).exits(0).says("git submodule update -- sub");
    assert_eq!(inside.git(&["rev-parse", "HEAD"]), new);
    assert_eq!(ada.git(&["status", "--short"]), " M c\n M sub");
    let (before, hub) = (all_of(&ada), hub_tip(&lab, "main"));
    ada.gsync(&["finish", "--all", "-m", "oops"])
        .exits(1)
        .says("older commit")
        .says("because: sub");
    assert_eq!((all_of(&ada), hub_tip(&lab, "main")), (before, hub));
}

#[test]
fn finish_judges_also_where_no_hook_is_installed_and_nothing_is_committed_then() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.write(".env", "TOKEN=1\n");
    let before = ada.state();
    ada.gsync(&["finish", "--all", "-m", "work"]).exits(1).says(".env").says("protected");
    ada.git(&["add", "-f", ".env"]);
    let seen = ada.gsync(&["--json", "finish", "-m", "work"]).exits(1);
    assert_eq!(seen.json()["error"]["code"], "guard");
    ada.git(&["rm", "--quiet", "--cached", ".env"]);
    assert_eq!(ada.state(), before);
    // One that was committed past everything does not leave either.
    ada.commit(".env", "TOKEN=1\n", "past the hooks");
    let hub = lab.hub().git(&["rev-parse", "main"]);
    ada.gsync(&["finish"]).exits(1).says(".env");
    assert_eq!(lab.hub().git(&["rev-parse", "main"]), hub);
}

#[test]
fn a_conflict_after_the_commit_says_that_the_commit_stays() {
    let lab = Lab::new();
    let (ada, ben) = (lab.person("ada"), lab.person("ben"));
    ben.commit("README", "ben\n", "ben's");
    ben.push();
    ada.write("README", "ada\n");
    let seen = ada.gsync(&["finish", "--all", "-m", "mine"]).exits(4);
    let _ = seen.says("is committed here, and not pushed").says_not("nothing was changed");
    assert_eq!(ada.git(&["log", "-1", "--format=%s"]), "mine");
}
