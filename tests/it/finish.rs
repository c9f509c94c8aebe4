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

#[test]
fn a_refused_push_after_a_commit_names_the_commit_that_stays() {
    let lab = Lab::new();
    let (ada, _bob) = two(&lab);
    lab.hub().script("hooks/pre-receive", "#!/bin/sh\necho not today\nexit 1\n");
    ada.write("b", "mine\n");
    ada.gsync(&["finish", "--all", "-m", "one"])
        .exits(4)
        .says(&format!(
            "{} is committed here, and not pushed",
            &ada.git(&["rev-parse", "HEAD"])[..7]
        ))
        .says("not today")
        .says("`gsync undo`")
        .says_not("everything is as it was");
    ada.write("b", "more\n");
    let seen = ada.gsync(&["finish", "--all", "-m", "two", "--json"]).exits(4).json();
    assert_eq!(seen["outcome"], "kept");
    assert_eq!(seen["error"]["exit"], 4);
    assert!(seen["error"]["hints"].to_string().contains("gsync undo"), "{seen}");
    // Nothing was committed by this one: what is put back is all there was.
    ada.gsync(&["finish"]).exits(3).says("everything is as it was");
}

#[test]
fn a_plan_of_a_commit_names_the_push_and_stands_for_it_until_the_hub_moves() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    let plan = |text: &str| {
        ada.write("b", text);
        let seen = ada.gsync(&["finish", "--all", "-m", "mine", "--dry-run", "--json"]);
        seen.exits(0).json()["plan"].clone()
    };
    let first = plan("1\n");
    let tip = hub_tip(&lab, "main");
    let title = first["title"].as_str().unwrap();
    assert_eq!(title, format!("commit on main, then push to origin/main at {}", &tip[..7]));
    let id = first["id"].as_str().unwrap();
    ada.gsync(&["finish", "--all", "-m", "mine", "--only", id]).exits(0).says("origin has");
    assert_eq!(hub_tip(&lab, "main"), ada.git(&["rev-parse", "HEAD"]));

    let second = plan("2\n");
    bob.git(&["pull", "-q"]);
    bob.commit("elsewhere", "e\n", "bob's");
    bob.push();
    let id = second["id"].as_str().unwrap();
    ada.gsync(&["finish", "--all", "-m", "mine", "--only", id]).exits(1).says("plan");
    assert_eq!(ada.git(&["status", "--short"]), " M b", "nothing was committed");
    let title = plan("2\n")["title"].to_string();
    assert!(title.contains("then take in 1 commit from origin/main at"), "{title}");
}

#[test]
fn other_branches_are_pushed_when_told_to_also_those_that_follow_nothing_yet() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    bob.git(&["push", "-q", "origin", "HEAD:taken"]);
    for branch in ["new", "taken"] {
        ada.git(&["switch", "-q", "-c", branch]);
        ada.git(&["commit", "-q", "--allow-empty", "-m", branch]);
    }
    ada.git(&["switch", "-q", "main"]);
    let taken = hub_tip(&lab, "taken");
    ada.gsync(&["finish", "--branches"]).exits(0).says("taken has 2 commits that no remote has");
    assert_eq!(hub_tip(&lab, "new"), ada.git(&["rev-parse", "new"]));
    assert_eq!(ada.git(&["rev-parse", "--abbrev-ref", "new@{upstream}"]), "origin/new");
    assert_eq!(hub_tip(&lab, "taken"), taken, "what somebody else may have begun is not ours");
}

#[test]
fn a_plan_that_is_asked_for_is_a_result_and_so_is_what_came_in() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    bob.commit("dir/d", "bob\n", "bob's work");
    bob.push();
    let stdout = |args: &[&str]| {
        let line = format!("\"$0\" {} 2>/dev/null", args.join(" "));
        let mut command = ada.command("sh");
        let gsync = env!("CARGO_BIN_EXE_gsync");
        let out = command.args(["-c", &line, gsync]).output().unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    let plan = stdout(&["pull", "--dry-run", "-q"]);
    assert!(plan.starts_with("pull main (plan ") && plan.contains("would move main"), "{plan}");
    assert!(stdout(&["start"]).contains("bob's work"));
    assert_eq!(stdout(&["start", "-q"]), "");
    assert!(stdout(&["finish"]).starts_with("finish main: nothing to do\n"));
}

#[test]
fn a_merge_with_markers_is_not_begun_over_what_is_staged() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    bob.commit("b", "bob\n", "bob");
    bob.push();
    ada.commit("b", "ada\n", "ada");
    ada.write("new", "new\n");
    for stage in [&["add", "new"][..], &["add", "-N", "new"]] {
        ada.git(&["reset", "-q"]);
        ada.git(stage);
        let before = all_of(&ada);
        ada.gsync(&["pull", "--resolve"]).exits(1).says("something is staged").says("`git commit`");
        assert_eq!(all_of(&ada), before);
    }
    ada.git(&["reset", "-q"]);
    ada.gsync(&["pull", "--resolve"]).exits(0).says("resolve b");
}

#[test]
fn a_repository_below_a_name_that_is_no_text_is_looked_at_and_told_why_nothing_is_done() {
    use std::os::unix::ffi::OsStrExt as _;
    let lab = Lab::new();
    let _both = two(&lab);
    let odd = lab.path("x").with_file_name(std::ffi::OsStr::from_bytes(b"odd \xff name"));
    std::fs::rename(lab.path("ada"), &odd).unwrap();
    let ada = lab.at("ada", odd);
    ada.write("b", "mine\n");
    let before = all_of(&ada);
    ada.gsync(&["status"]).exits(0).says("1 path not committed");
    ada.gsync(&["finish", "--all", "-m", "mine"]).exits(1).says("is no text").says("rename");
    assert_eq!(all_of(&ada), before);
}

#[test]
fn a_branch_whose_commits_the_push_just_took_along_is_not_named_as_unpushed() {
    let lab = Lab::new();
    let (ada, _bob) = two(&lab);
    ada.git(&["switch", "-q", "-c", "topic"]);
    ada.git(&["commit", "-q", "--allow-empty", "-m", "topic"]);
    ada.git(&["switch", "-q", "main"]);
    ada.git(&["merge", "-q", "--no-ff", "-m", "merge", "topic"]);
    ada.gsync(&["finish"]).exits(0).says("origin has").says_not("topic has");
}
