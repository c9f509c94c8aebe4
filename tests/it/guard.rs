//! The guard: what is refused, by whose rules, and what a person is told.

use crate::lab::{Lab, Person};
use crate::leaks::hook;

fn committer(lab: &Lab) -> Person<'_> {
    let here = lab.path("ada").exists();
    let ada = if here { lab.at("ada", lab.path("ada")) } else { lab.person("ada") };
    hook(&ada, ".git", "pre-commit");
    ada
}

#[test]
fn a_protected_file_is_refused_at_the_commit_with_the_way_out() {
    let lab = Lab::new();
    let ada = committer(&lab);
    ada.write(".env", "KEY=1");
    ada.write("ok", "fine");
    ada.git(&["add", "-f", ".env", "ok"]);
    let seen = ada.try_git(&["commit", "-m", "x"]).exits(1);
    assert_eq!(
        seen.stderr,
        "error: this commit would add a protected file\n\
         because: .env matches `.env` in the built-in rules\n\
         hint: git restore --staged .env\n\
         hint: ignore it from now on: `echo /.env >> .gitignore`\n\
         hint: allow it in .gsync.toml under [guard]: allow = \
         [{ path = \"/.env\", rule = \"protected-file\" }]\n"
    );
    ada.git(&["restore", "--staged", ".env"]);
    ada.git(&["commit", "-q", "-m", "x"]);
}

/// A clone and a hub that both judge.
fn both(lab: &Lab) -> Person<'_> {
    let ada = committer(lab);
    hook(&ada, ".git", "pre-push");
    hook(&lab.hub(), ".", "pre-receive");
    ada
}

/// A clone without hooks, and a hub that judges.
fn strict_hub(lab: &Lab) -> Person<'_> {
    hook(&lab.hub(), ".", "pre-receive");
    lab.person("ada")
}

const RULES: &str = ".gsync.toml";

#[test]
fn every_way_to_commit_is_judged_by_what_would_be_committed() {
    let lab = Lab::new();
    let ada = committer(&lab);
    ada.git(&["rm", "-q", "--cached", "README"]);
    ada.git(&["commit", "-q", "-m", "a deletion is fine"]);
    ada.commit("app.log", "x\n", "there before the guard was");
    ada.write("app.log", "y\n");
    ada.try_git(&["commit", "-a", "-m", "x"]).exits(1).says("app.log matches `*.log`");
    ada.try_git(&["commit", "-m", "x", "app.log"]).exits(1).says("app.log matches `*.log`");
    ada.git(&["checkout", "-q", "app.log"]);
    ada.write("fine", "x");
    ada.git(&["add", "fine"]);
    ada.git(&["commit", "-q", "-m", "untouched files are not judged again"]);
    ada.git(&["commit", "-q", "--amend", "-m", "nor by an amend"]);
    ada.write("x.key", "k");
    ada.git(&["add", "-f", "x.key"]);
    ada.try_git(&["commit", "--amend", "-m", "x"]).exits(1).says("x.key matches");
    // A path that is staged in the index but not part of `commit PATH` does not matter.
    ada.write("fine", "y");
    ada.git(&["commit", "-q", "-m", "only this", "fine"]);
}

#[test]
fn the_first_commit_of_all_is_judged() {
    let lab = Lab::new();
    let new = lab.at("new", lab.path("new"));
    std::fs::create_dir(lab.path("new")).unwrap();
    new.git(&["init", "-q"]);
    hook(&new, ".git", "pre-commit");
    new.write(".env", "x");
    new.git(&["add", "-f", ".env"]);
    new.try_git(&["commit", "-m", "x"]).exits(1).says("hint: git rm --cached .env");
    new.git(&["rm", "-q", "--cached", ".env"]);
    new.git(&["commit", "-q", "--allow-empty", "-m", "x"]);
}

#[test]
fn size_and_conflict_markers_are_read_from_the_index_not_from_the_work_tree() {
    let lab = Lab::new();
    let ada = committer(&lab);
    ada.write(RULES, "[guard]\nmax_file_size = \"1 KB\"\n");
    ada.write("big", "x".repeat(1001));
    ada.write("merge", "<<<<<<< a\nx\n=======\ny\n>>>>>>> b\n\0");
    ada.write("heading", "Title\n=======\n");
    ada.git(&["add", "."]);
    ada.write("big", "small");
    ada.write("merge", "fine");
    let seen = ada.try_git(&["commit", "-m", "x"]).exits(1);
    seen.says("because: big is 1.1 KB, more than 1 KB")
        .says("because: merge has conflict markers from line 1 on")
        .says("git restore --staged big")
        .says("resolve the conflict, then `git add merge`")
        .says_not("heading");
    ada.git(&["add", "."]);
    ada.git(&["commit", "-q", "-m", "x"]);
}

#[test]
fn an_allow_entry_lets_its_rule_pass_for_its_paths() {
    let lab = Lab::new();
    let ada = committer(&lab);
    ada.write(RULES, "[guard]\nallow = [{ path = \"/.env\", rule = \"protected-file\" }]\n");
    ada.write(".env", "x");
    ada.write("sub/.env", "x");
    ada.git(&["add", "-f", "."]);
    ada.try_git(&["commit", "-m", "x"])
        .exits(1)
        .says("because: sub/.env")
        .says_not("because: .env");
    ada.git(&["rm", "-q", "--cached", "sub/.env"]);
    ada.git(&["commit", "-q", "-m", "x"]);
}

#[test]
fn rules_that_cannot_be_read_refuse_and_name_the_line() {
    let lab = Lab::new();
    let ada = both(&lab);
    ada.write(RULES, "[guard]\nprotect = []\n");
    ada.git(&["add", "."]);
    let said = ".gsync.toml:2: unknown key `protect`";
    ada.try_git(&["commit", "-m", "x"]).exits(1).says(said).says("write `protected`");
    ada.gsync(&["guard"]).exits(2).says(said);
    ada.git(&["-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "x"]);
    ada.try_git(&["push", "origin", "main"]).exits(1).says(said);
}

#[test]
fn on_a_file_system_that_does_not_tell_case_apart_neither_does_the_guard() {
    let lab = Lab::new();
    let ada = committer(&lab);
    ada.write(".ENV", "x");
    ada.git(&["add", "-f", ".ENV"]);
    ada.gsync(&["guard"]).exits(0);
    ada.git(&["config", "core.ignorecase", "true"]);
    ada.gsync(&["guard"]).exits(1).says(".ENV matches `.env`");
}

#[test]
fn a_hostile_name_forges_nothing_and_its_way_out_works() {
    let lab = Lab::new();
    let ada = committer(&lab);
    for name in ["a\nerror: all is well\u{1b}[2J.pem", "it's \"x\".pem", "-rf *.pem", ":x.pem"] {
        ada.write(name, "x");
        ada.git(&["add", "-f", "--", &format!(":(literal){name}")]);
        let seen = ada.try_git(&["commit", "-m", "x"]).exits(1);
        assert!(
            !seen.stderr.contains('\u{1b}') && !seen.stderr.contains("\nerror: all"),
            "{seen:?}"
        );
        let hint = seen.stderr.lines().find_map(|line| line.strip_prefix("hint: ")).unwrap();
        let done = ada.command("bash").args(["-c", hint]).output().unwrap();
        assert!(done.status.success(), "{hint} {done:?}");
        assert_eq!(ada.git(&["diff", "--cached", "--name-only"]), "", "{hint}");
    }
}

#[test]
fn a_merge_is_judged_by_what_no_side_had() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.git(&["checkout", "-q", "-b", "old"]);
    ada.commit("app.log", "x", "before there was a guard");
    ada.push();
    ada.git(&["checkout", "-q", "main"]);
    let ada = both(&lab);
    ada.commit("a", "a", "mine");
    ada.git(&["merge", "-q", "--no-commit", "old"]);
    ada.gsync(&["guard"]).exits(0);
    ada.write("evil.pem", "k");
    ada.git(&["add", "-f", "evil.pem"]);
    ada.try_git(&["commit", "-m", "merge"]).exits(1).says("evil.pem").says_not("app.log");
    ada.git(&["-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "merge"]);
    ada.try_git(&["push", "origin", "main"]).exits(1).says("evil.pem in");
    ada.git(&["config", "core.hooksPath", "/dev/null"]);
    ada.try_git(&["push", "origin", "main"]).exits(1).says("remote: because: evil.pem in");
}

#[test]
fn a_rename_into_a_protected_place_is_refused_though_the_content_is_known() {
    let lab = Lab::new();
    let ada = both(&lab);
    ada.commit("plain/a", "x", "known");
    ada.commit("settings", "y", "known");
    ada.git(&["push", "-q", "origin", "main"]);
    ada.git(&["mv", "settings", ".env"]);
    std::fs::create_dir(ada.path("data")).unwrap();
    ada.git(&["mv", "plain", "data/raw"]);
    let seen = ada.try_git(&["commit", "-m", "x"]).exits(1);
    let _ =
        seen.says("2 protected files").says(".env matches").says("data/raw/a matches `/data/raw/`");
    ada.git(&["-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "x"]);
    ada.try_git(&["push", "origin", "main"]).exits(1).says("2 protected files");
}

#[test]
fn the_push_says_how_to_mend_the_tip_and_how_to_mend_an_older_commit() {
    let lab = Lab::new();
    let ada = both(&lab);
    let leak = ada.commit(".env", "x", "leak");
    ada.try_git(&["push", "origin", "main"])
        .exits(1)
        .says("hint: git rm --cached .env && git commit --amend --no-edit");
    ada.commit("a", "a", "more");
    ada.commit("b", "b", "more");
    let hint = format!("rewrite {} and 2 commits on top of it: `git rebase -i", &leak[..7]);
    ada.try_git(&["push", "origin", "main"]).exits(1).says(&hint);
    ada.git(&["checkout", "-q", "HEAD~3"]);
    let seen = ada.try_git(&["push", "origin", "main"]).exits(1);
    assert!(seen.stderr.contains(" main`"), "the branch that is elsewhere is named: {seen:?}");
}

#[test]
fn a_push_while_behind_says_by_whom_what_and_what_would_conflict() {
    let lab = Lab::new();
    let ada = both(&lab);
    let bob = lab.person("bob");
    bob.commit("README", "bob\n", "bob \u{1b}[31mwrites");
    bob.push();
    ada.commit("README", "ada\n", "ada writes");
    // Not fetched: the hook brings those commits here to name them, and no ref moves.
    let refs = ada.git(&["for-each-ref"]);
    let seen = ada.try_git(&["push", "origin", "main"]).exits(1);
    assert!(!seen.stderr.contains("\u{1b}[31m"), "{seen:?}");
    let seen = seen
        .says("error: main on origin has 1 commit that this push lacks: pull first")
        .says(" bob, ")
        .says("writes")
        .says("because: pulling would conflict in README")
        .says("hint: gsync pull");
    assert!(!seen.stderr.contains("GSYNC_SKIP"), "main is protected: {seen:?}");
    assert_eq!(ada.git(&["for-each-ref"]), refs);
    assert!(!ada.path(".git/FETCH_HEAD").exists());

    // Known here by now, and forced.
    ada.try_git(&["push", "--force", "origin", "main"]).exits(1).says("pull first");
    ada.write(RULES, "[work]\npull_before_push = \"off\"\n");
    ada.try_git(&["push", "--force", "origin", "main"])
        .exits(1)
        .says("the branch main must not be rewritten");
}

#[test]
fn when_the_hub_cannot_be_asked_the_push_is_refused_and_says_that_it_is_not_known() {
    let lab = Lab::new();
    let ada = both(&lab);
    let bob = lab.person("bob");
    bob.commit("b", "b", "bob");
    bob.push();
    ada.commit("a", "a", "ada");
    let tip = ada.git(&["rev-parse", "HEAD"]);
    let there = lab.hub().git(&["rev-parse", "main"]);
    let line = format!("refs/heads/main {tip} refs/heads/main {there}");
    let program = env!("CARGO_BIN_EXE_gsync");
    let seen = ada.sh(&format!("echo {line} | '{program}' hook pre-push origin /nowhere"));
    let _ =
        seen.exits(1).says("has commits that are not here: pull first").says("could not be asked");
}

#[test]
fn a_branch_known_to_be_behind_is_said_at_the_commit_or_refused_or_not_as_configured() {
    let lab = Lab::new();
    let ada = committer(&lab);
    let bob = lab.person("bob");
    bob.commit("b", "b", "bob was first");
    bob.push();
    let commit = |ada: &Person<'_>| ada.try_git(&["commit", "--allow-empty", "-m", "x"]);
    commit(&ada).exits(0).says_not("behind");
    ada.git(&["fetch", "-q"]);
    let said = "main is 1 commit behind origin/main";
    commit(&ada).exits(0).says(&format!("warning: {said}")).says("bob was first");
    ada.write(RULES, "[work]\npull_before_commit = \"block\"\n");
    commit(&ada).exits(1).says(&format!("error: {said}"));
    ada.write(RULES, "[work]\npull_before_commit = \"off\"\n");
    commit(&ada).exits(0).says_not("behind");
    std::fs::remove_file(ada.path(RULES)).unwrap();
    // A merge that brings it up to date is not behind.
    ada.git(&["merge", "-q", "--no-commit", "origin/main"]);
    commit(&ada).exits(0).says_not("behind");
}

#[test]
fn a_branch_that_drifted_from_the_main_branch_is_warned_of_and_passes() {
    let lab = Lab::new();
    let ada = both(&lab);
    ada.write(RULES, "[work]\nbase_drift = 2\n");
    ada.git(&["checkout", "-q", "-b", "topic"]);
    ada.commit("t", "t", "topic");
    let bob = lab.person("bob");
    bob.commit("b", "b", "1");
    bob.commit("b", "bb", "2");
    bob.push();
    ada.git(&["push", "-q", "origin", "topic"]);
    ada.git(&["fetch", "-q"]);
    ada.commit("t", "tt", "topic");
    ada.try_git(&["push", "origin", "topic"])
        .exits(0)
        .says("warning: topic lacks 2 commits of origin/main");
}

#[test]
fn a_protected_branch_is_not_deleted_nor_rewritten_on_either_side() {
    let lab = Lab::new();
    let ada = both(&lab);
    ada.commit("a", "a", "a");
    ada.git(&["push", "-q", "origin", "main"]);
    lab.hub().git(&["config", "receive.denyDeleteCurrent", "ignore"]);
    let delete = ["push", "origin", ":main"];
    ada.try_git(&delete).exits(1).says("error: the branch main must not be deleted");
    ada.git(&["commit", "-q", "--amend", "-m", "rewritten"]);
    ada.git(&["config", "core.hooksPath", "/dev/null"]);
    ada.try_git(&delete).exits(1).says("remote: error: the branch main must not be deleted");
    ada.try_git(&["push", "--force", "origin", "main"])
        .exits(1)
        .says("remote: error: the branch main must not be rewritten");
    ada.git(&["push", "-q", "origin", "main:topic"]);
    ada.git(&["push", "-q", "origin", ":topic"]);
}

#[test]
fn the_hub_judges_by_the_rules_from_before_the_push() {
    let lab = Lab::new();
    let ada = strict_hub(&lab);
    ada.commit(RULES, "[guard]\nprotected = [\"plan\"]\n", "rules");
    ada.git(&["push", "-q", "origin", "main"]);
    // The push itself weakens them.
    ada.write(RULES, "[guard]\nprotected = []\n");
    ada.write("plan", "x");
    ada.git(&["add", "."]);
    ada.git(&["commit", "-q", "-m", "weaker"]);
    ada.try_git(&["push", "origin", "main"]).exits(1).says("plan in").says("in main:.gsync.toml");
    // So does a branch.
    ada.try_git(&["push", "origin", "HEAD:topic"]).exits(1).says("plan in");
    // Weaker rules alone are a change like any other, and hold from the next push on.
    ada.git(&["rm", "-q", "--cached", "plan"]);
    ada.git(&["commit", "-q", "--amend", "-m", "weaker"]);
    ada.git(&["push", "-q", "origin", "main"]);
    ada.git(&["add", "plan"]);
    ada.git(&["commit", "-q", "-m", "plan"]);
    ada.git(&["push", "-q", "origin", "main"]);
}

#[test]
fn broken_rules_on_the_hub_can_be_mended_by_a_push_and_nothing_else_slips_through() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.commit(RULES, "[guard\n", "broken");
    ada.push();
    hook(&lab.hub(), ".", "pre-receive");
    ada.commit(".env", "x", "leak");
    let seen = ada.try_git(&["push", "origin", "main"]).exits(1);
    let _ = seen
        .says("warning: main:.gsync.toml:1:")
        .says("judged by the built-in rules")
        .says(".env in");
    ada.git(&["reset", "-q", "--hard", "HEAD^"]);
    ada.commit(RULES, "", "mended");
    ada.git(&["push", "-q", "origin", "main"]);
}

/// A hub that has nothing yet.
fn empty_hub<'lab>(lab: &'lab Lab, ada: &Person<'lab>) -> Person<'lab> {
    ada.git(&["init", "-q", "--bare", "../empty.git"]);
    let hub = lab.at("hub", lab.path("empty.git"));
    hook(&hub, ".", "pre-receive");
    hub
}

#[test]
fn the_first_push_is_judged_as_a_whole_by_its_own_rules_or_the_built_in_ones() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.commit(".env", "x", "leak");
    ada.commit("plan", "x", "fine so far");
    let hub = empty_hub(&lab, &ada);
    ada.try_git(&["push", "../empty.git", "main"]).exits(1).says("`.env` in the built-in rules");
    ada.commit(RULES, "[guard]\nprotected = [\"plan\"]\n", "rules");
    ada.try_git(&["push", "../empty.git", "main"])
        .exits(1)
        .says("`plan` in main:.gsync.toml")
        .says_not(".env in");
    ada.git(&["checkout", "-q", "--orphan", "broken"]);
    ada.commit(RULES, "[guard\n", "broken");
    ada.try_git(&["push", "../empty.git", "broken"]).exits(1).says("broken:.gsync.toml:1:");
    assert_eq!(hub.git(&["for-each-ref"]), "");
}

#[test]
fn tags_of_tags_of_trees_and_of_contents_are_looked_into() {
    let lab = Lab::new();
    let ada = strict_hub(&lab);
    let clean = ada.git(&["rev-parse", "HEAD"]);
    ada.commit(".env", "x", "leak");
    ada.git(&["tag", "-a", "-m", "1", "one"]);
    ada.git(&["tag", "-a", "-m", "2", "two", "one"]);
    ada.git(&["tag", "light", "main"]);
    ada.git(&["tag", "-a", "-m", "t", "tree", "main^{tree}"]);
    ada.git(&["tag", "lighttree", "main^{tree}"]);
    ada.write("merge", "<<<<<<< a\n=======\n>>>>>>> b\n");
    let blob = ada.git(&["hash-object", "-w", "merge"]);
    ada.git(&["update-ref", "refs/odd/blob", &blob]);
    ada.git(&["reset", "-q", "--hard", &clean]);
    for tag in ["one", "two", "light", "tree", "lighttree"] {
        ada.try_git(&["push", "origin", tag]).exits(1).says(".env");
    }
    ada.try_git(&["push", "origin", "refs/odd/blob"])
        .exits(1)
        .says("refs/odd/blob has conflict markers");
    ada.git(&["tag", "fine"]);
    ada.git(&["push", "-q", "origin", "fine"]);
}

#[test]
fn ten_thousand_refs_are_judged_in_one_go() {
    let lab = Lab::new();
    let ada = strict_hub(&lab);
    let clean = ada.git(&["rev-parse", "HEAD"]);
    let leak = ada.commit(".env", "x", "leak");
    ada.git(&["reset", "-q", "--hard", &clean]);
    let zeros = "0".repeat(40);
    let mut lines: String =
        (0..9_999).map(|n| format!("{zeros} {clean} refs/heads/b{n}\n")).collect();
    lines += &format!("{zeros} {leak} refs/heads/last\n");
    ada.write("lines", lines);
    let program = env!("CARGO_BIN_EXE_gsync");
    let seen = ada.sh(&format!("cd .git && '{program}' hook pre-receive < ../lines"));
    let _ = seen.exits(1).says(".env in").says(&leak[..7]);
}

#[test]
fn the_hub_takes_no_path_into_a_git_directory() {
    let lab = Lab::new();
    let ada = strict_hub(&lab);
    let blob = ada.git(&["hash-object", "-w", "README"]);
    for name in [".git", ".GIT", "git~1"] {
        let line = format!("printf '100644 blob {blob}\\t{name}\\n' | git mktree");
        let tree = ada.sh(&line).exits(0).stdout;
        let commit = ada.git(&["commit-tree", "-m", "x", tree.trim()]);
        let refspec = format!("{commit}:refs/heads/x");
        ada.try_git(&["push", "origin", &refspec]).exits(1).says("a path that is not safe");
    }
}

#[test]
fn in_the_ordinary_case_no_other_process_is_asked() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    let program = env!("CARGO_BIN_EXE_gsync");
    let alone = format!("#!/bin/sh\nGSYNC_GIT=/nowhere exec '{program}' hook");
    ada.script(".git/hooks/pre-commit", &format!("{alone} pre-commit\n"));
    ada.script(".git/hooks/pre-push", &format!("{alone} pre-push \"$@\"\n"));
    ada.script("../hub.git/hooks/pre-receive", &format!("{alone} pre-receive\n"));
    ada.write("a", "a");
    ada.git(&["add", "a"]);
    ada.git(&["commit", "-q", "-m", "a"]);
    ada.write("a", "b");
    ada.git(&["commit", "-q", "-a", "-m", "b"]);
    ada.git(&["push", "-q", "origin", "main"]);
    ada.git(&["push", "-q", "origin", "main:topic"]);
    ada.git(&["push", "-q", "origin", "main"]);
}

#[test]
fn linked_worktrees_and_submodules_are_guarded_like_any_clone() {
    let lab = Lab::new();
    let ada = both(&lab);
    ada.git(&["worktree", "add", "-q", "../linked"]);
    let linked = lab.at("ada", lab.path("linked"));
    linked.write(".env", "x");
    linked.git(&["add", "-f", ".env"]);
    linked.try_git(&["commit", "-m", "x"]).exits(1).says(".env matches");
    linked.git(&["-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "x"]);
    linked.try_git(&["push", "origin", "linked"]).exits(1).says(".env in");

    let hub = lab.hub().dir;
    ada.git(&["submodule", "--quiet", "add", hub.to_str().unwrap(), "sub"]);
    ada.git(&["commit", "-q", "-m", "a submodule is no file to judge"]);
    let sub = lab.at("ada", ada.path("sub"));
    let module = lab.at("ada", ada.path(".git/modules/sub"));
    hook(&module, ".", "pre-commit");
    hook(&module, ".", "pre-push");
    sub.write("x.key", "x");
    sub.git(&["add", "-f", "x.key"]);
    sub.try_git(&["commit", "-m", "x"]).exits(1).says("x.key matches");
    sub.git(&["-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "x"]);
    sub.try_git(&["push", "origin", "HEAD:topic"]).exits(1).says("x.key in");
}

#[test]
fn a_shallow_clone_is_judged_by_what_is_new_and_by_all_it_has_where_nothing_is_known() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.commit("app.log", "x", "before there was a guard");
    ada.commit("a", "a", "a");
    ada.push();
    hook(&lab.hub(), ".", "pre-receive");
    let url = format!("file://{}", lab.hub().dir.display());
    ada.git(&["clone", "-q", "--depth=1", &url, "../shallow"]);
    let bob = lab.at("bob", lab.path("shallow"));
    hook(&bob, ".git", "pre-push");
    bob.commit("b", "b", "b");
    bob.git(&["push", "-q", "origin", "main"]);
    bob.commit(".env", "x", "leak");
    bob.try_git(&["push", "origin", "main"]).exits(1).says(".env in").says_not("app.log");
    bob.git(&["reset", "-q", "--hard", "HEAD^"]);
    // A remote of which nothing is known gets everything, the cut-off commit as a whole.
    bob.git(&["init", "-q", "--bare", "../other.git"]);
    bob.try_git(&["push", "../other.git", "main"]).exits(1).says("app.log in");
}

#[test]
fn in_a_partial_clone_what_is_not_here_is_said_to_be_unknown_and_passes() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.commit("dir/big", &"x".repeat(5000), "big");
    ada.push();
    lab.hub().git(&["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", lab.hub().dir.display());
    ada.git(&["clone", "-q", "--no-checkout", "--filter=blob:none", &url, "../partial"]);
    let bob = lab.at("bob", lab.path("partial")).with_env("GIT_NO_LAZY_FETCH", "1");
    hook(&bob, ".git", "pre-push");
    bob.git(&["read-tree", "HEAD"]);
    let tree = bob.git(&["rev-parse", "HEAD^{tree}"]);
    let big = bob.git(&["ls-tree", "-r", "HEAD", "dir/big"]);
    let content = big.split_whitespace().nth(2).unwrap();
    bob.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{content},moved")]);
    let moved = bob.git(&["write-tree", "--missing-ok"]);
    assert_ne!(tree, moved);
    let commit = bob.git(&["commit-tree", "-p", "HEAD", "-m", "moved", &moved]);
    let refspec = format!("{commit}:refs/heads/topic");
    // To send it git needs it, and gets it.
    let pusher = lab.at("bob", lab.path("partial"));
    pusher
        .try_git(&["push", "origin", &refspec])
        .exits(0)
        .says("warning: this push would publish a file that cannot be judged")
        .says("moved in");
    bob.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{content},.env")]);
    let leak = bob.git(&["write-tree", "--missing-ok"]);
    let commit = bob.git(&["commit-tree", "-p", "HEAD", "-m", "leak", &leak]);
    let refspec = format!("{commit}:refs/heads/leak");
    pusher.try_git(&["push", "origin", &refspec]).exits(1).says(".env in");
}

/// A hub and a clone of another make, both guarded.
fn other_format(lab: &Lab, option: &str) -> bool {
    let ada = lab.person("ada");
    if ada.try_git(&["init", "-q", "--bare", option, "../odd.git"]).code != 0 {
        return false;
    }
    ada.git(&["init", "-q", option, "../odd"]);
    let odd = lab.at("ada", lab.path("odd"));
    odd.git(&["remote", "add", "origin", "../odd.git"]);
    hook(&odd, ".git", "pre-commit");
    hook(&odd, ".git", "pre-push");
    hook(&lab.at("hub", lab.path("odd.git")), ".", "pre-receive");
    odd.write(RULES, "[guard]\nprotected = [\"plan\"]\n");
    odd.git(&["add", "."]);
    odd.git(&["commit", "-q", "-m", "rules"]);
    odd.git(&["push", "-q", "-u", "origin", "main"]);
    odd.write("plan", "x");
    odd.git(&["add", "."]);
    odd.try_git(&["commit", "-m", "x"]).exits(1).says("plan matches");
    odd.git(&["-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "x"]);
    odd.try_git(&["push", "origin", "main"]).exits(1).says("plan in");
    odd.git(&["rm", "-q", RULES]);
    odd.git(&["commit", "-q", "-m", "without rules"]);
    odd.try_git(&["push", "origin", "HEAD:topic"]).exits(1).says("plan in");
    odd.git(&["config", "core.hooksPath", "/dev/null"]);
    odd.try_git(&["push", "origin", "main"]).exits(1).says("remote: because: plan in");
    odd.try_git(&["push", "origin", ":main"]).exits(1).says("remote: error: the branch main");
    true
}

#[test]
fn repositories_with_sha256_are_guarded() {
    assert!(other_format(&Lab::new(), "--object-format=sha256"));
}

#[test]
fn repositories_with_reftable_are_guarded() {
    // Git before 2.45 has no such format.
    let lab = Lab::new();
    let made = other_format(&lab, "--ref-format=reftable");
    let version = lab.person("bob").git(&["version"]);
    let minor = version.split('.').nth(1).and_then(|n| n.parse::<u32>().ok()).unwrap();
    assert_eq!(made, minor >= 45, "{version}");
}

#[test]
fn by_hand_a_range_and_the_whole_work_tree_are_judged_and_told_to_programs() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.commit(".env", "x", "leak");
    ada.commit("a b", "<<<<<<< a\n=======\n>>>>>>> b\n", "conflict");
    ada.write("x.key", "not even added");
    ada.write(".gitignore", "ignored.key\n");
    ada.write("ignored.key", "nobody would take it");

    let seen = ada.gsync(&["guard", "--json", "--range", "origin/main..HEAD"]).exits(1);
    let json = seen.json();
    assert_eq!((&json["gsync"], &json["ok"]), (&1.into(), &false.into()));
    assert_eq!(json["judged"]["commits"], 2);
    assert_eq!(json["findings"][0]["rule"], "protected-file");
    assert_eq!(json["findings"][0]["path"], ".env");
    assert_eq!(json["findings"][0]["commit"], ada.git(&["rev-parse", "HEAD^"]));
    assert_eq!(json["findings"][1]["rule"], "conflict-markers");
    assert_eq!(json["error"]["exit"], 1);

    let seen = ada.gsync(&["guard", "--all", "--format", "sarif"]).exits(1);
    let sarif = seen.json();
    assert_eq!((&sarif["version"], &sarif["gsync"]), (&"2.1.0".into(), &serde_json::Value::Null));
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let uri =
        |at: usize| &results[at]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!([uri(0), uri(1), uri(2)], [".env", "a%20b", "x.key"]);
    assert_eq!(results.len(), 3);

    ada.gsync(&["guard"]).exits(0).says("0 files judged: nothing refused");
    ada.gsync(&["guard", "--json"]).exits(0);
    ada.gsync(&["guard", "--range", "HEAD..HEAD"]).exits(0).says("0 commits");
    for bad in ["nowhere..HEAD", "-x", "HEAD..", ""] {
        let seen = ada.gsync(&["guard", "--format=json", &format!("--range={bad}")]);
        if bad != "HEAD.." {
            assert_eq!(seen.exits(2).json()["error"]["code"], "range", "{bad}");
        }
    }
}

#[test]
fn a_tree_without_end_is_refused_and_not_walked_into_the_ground() {
    let lab = Lab::new();
    let ada = strict_hub(&lab);
    let path = "a/".repeat(1100) + ".env";
    let stream = format!(
        "commit refs/heads/deep\ncommitter A <a@b> 1 +0000\ndata 0\n\
         M 100644 inline {path}\ndata 1\nx\n"
    );
    ada.write("stream", stream);
    ada.sh("git fast-import --quiet < stream").exits(0);
    ada.git(&["config", "core.maxTreeDepth", "4096"]);
    lab.hub().git(&["config", "core.maxTreeDepth", "4096"]);
    ada.try_git(&["push", "origin", "deep"]).exits(1).says("directories deep");
    assert_eq!(lab.hub().git(&["for-each-ref", "refs/heads/deep"]), "");
}

#[test]
fn hints_work_where_the_person_stands() {
    let lab = Lab::new();
    let ada = committer(&lab);
    ada.commit("sub/x", "x", "x");
    ada.write(".env", "x");
    ada.git(&["add", "-f", ".env"]);
    let below = lab.at("ada", ada.path("sub"));
    below.try_git(&["commit", "-m", "x"]).exits(1).says("hint: git restore --staged :/.env");
    below.gsync(&["guard"]).exits(1).says("git restore --staged :/.env");
    below.git(&["restore", "--staged", ":/.env"]);
    below.gsync(&["guard"]).exits(0);
}

#[test]
fn an_object_that_is_not_there_is_no_reason_to_let_a_push_in() {
    let lab = Lab::new();
    let ada = strict_hub(&lab);
    ada.commit("a", "a", "a");
    let new = ada.git(&["rev-parse", "HEAD"]);
    let program = env!("CARGO_BIN_EXE_gsync");
    let zeros = "0".repeat(40);
    let line = format!("echo {zeros} {new} refs/heads/x | '{program}' hook pre-receive");
    // The hub has never got these objects, as if the quarantine could not be read.
    let seen = lab.hub().sh(&line);
    assert_ne!(seen.code, 0, "{seen:?}");
    let _ = seen.says("cannot be judged");
    // The commit is there, what is in it is not.
    let give = |kind: &str, what: &str| {
        let into = format!("git -C ../hub.git hash-object -t {kind} -w --stdin");
        ada.sh(&format!("git cat-file {kind} {what} | {into}")).exits(0);
    };
    give("commit", &new);
    assert_ne!(lab.hub().sh(&line).code, 0);
    // All of it is there, but not the commit before it.
    ada.git(&["commit", "-q", "--allow-empty", "-m", "b"]);
    let next = ada.git(&["rev-parse", "HEAD"]);
    give("commit", &next);
    give("tree", "HEAD^{tree}");
    give("blob", "HEAD:a");
    std::fs::remove_file(lab.hub().path(&format!("objects/{}/{}", &new[..2], &new[2..]))).unwrap();
    let line = line.replace(&new, &next);
    assert_ne!(lab.hub().sh(&line).code, 0);
    give("commit", &new);
    lab.hub().sh(&line).exits(0);
}

#[test]
fn what_some_branch_of_the_hub_has_is_not_judged_again() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.git(&["checkout", "-q", "-b", "old"]);
    ada.commit("app.log", "x", "before there was a guard");
    ada.push();
    let ada = both(&lab);
    ada.commit("a", "a", "on top of it");
    ada.git(&["push", "-q", "origin", "HEAD:topic"]);
    ada.git(&["config", "core.hooksPath", "/dev/null"]);
    ada.git(&["push", "-q", "origin", "HEAD:another"]);
    ada.commit("app.log", "y", "a protected file is not changed either");
    ada.try_git(&["push", "origin", "HEAD:topic"]).exits(1).says("app.log in");
}

#[test]
fn what_stands_behind_a_mode_that_git_does_not_know_is_judged_like_a_file() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.write("marked", "<<<<<<< a\n=======\n>>>>>>> b\n");
    let blob = ada.git(&["hash-object", "-w", "marked"]);
    let raw = (0..20).map(|at| u8::from_str_radix(&blob[2 * at..2 * at + 2], 16).unwrap());
    let tree: Vec<u8> = b"130000 note\0".iter().copied().chain(raw).collect();
    ada.write("tree", tree);
    let tree = ada.git(&["hash-object", "-t", "tree", "--literally", "-w", "tree"]);
    let commit = ada.git(&["commit-tree", "-m", "x", "-p", "HEAD", &tree]);
    let range = format!("HEAD..{commit}");
    ada.gsync(&["guard", "--range", &range]).exits(1).says("note in").says("conflict markers");
}
