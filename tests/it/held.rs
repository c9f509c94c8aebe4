//! What was shown is what is done, what was written stays, and what is gone is not taken for there.

use crate::lab::{Lab, Person};

fn two(lab: &Lab) -> (Person<'_>, Person<'_>) {
    let ada = lab.person("ada");
    ada.commit("f", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "one");
    ada.push();
    let bob = lab.person("bob");
    bob.git(&["pull", "-q"]);
    (ada, bob)
}

#[test]
fn a_plan_of_a_commit_is_about_the_contents_that_were_shown() {
    let lab = Lab::new();
    let (ada, _) = two(&lab);
    let plan = |args: &[&str]| {
        let args = [&["finish", "--dry-run", "--json"], args].concat();
        ada.gsync(&args).exits(0).json()["plan"]["id"].as_str().unwrap().to_owned()
    };
    ada.write("f", "good\n");
    ada.git(&["add", "f"]);
    let staged = plan(&["-m", "mine"]);
    let all = plan(&["--all", "-m", "mine"]);
    ada.write("f", "evil\n");
    ada.gsync(&["finish", "--all", "-m", "mine", "--only", &all]).exits(1).says("plan");
    ada.git(&["add", "f"]);
    ada.gsync(&["finish", "-m", "mine", "--only", &staged]).exits(1).says("plan");
    ada.write("f", "good\n");
    ada.git(&["add", "f"]);
    ada.write("planted", "x\n");
    ada.gsync(&["finish", "--all", "-m", "mine", "--only", &all]).exits(1).says("plan");
    assert_eq!(ada.git(&["log", "-1", "--format=%s"]), "one");
    // What is not staged is no part of it.
    ada.gsync(&["finish", "-m", "mine", "--only", &staged]).exits(0);
    assert_eq!(ada.git(&["show", "origin/main:f"]), "good");
    assert!(ada.path("planted").exists());
    // A handoff is a commit of its own: it was shown, or it is not made.
    ada.git(&["add", "planted"]);
    let alone = plan(&["-m", "more"]);
    ada.gsync(&["finish", "-m", "more", "--handoff", "builder", "--only", &alone]).exits(1);
    assert_eq!(ada.git(&["log", "-1", "--format=%s", "origin/main"]), "mine");
}

#[test]
fn a_merge_is_not_begun_over_files_that_git_would_not_merge_into() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    bob.commit("f", "bob\n2\n3\n4\n5\n6\n7\n8\n9\n", "bob");
    bob.push();
    ada.commit("f", "ada\n2\n3\n4\n5\n6\n7\n8\n9\n", "ada");
    ada.write("f", "ada\n2\n3\n4\n5\n6\n7\n8\nmore\n");
    let before = ada.state();
    ada.gsync(&["pull", "--resolve"])
        .exits(1)
        .says("uncommitted work")
        .says("f")
        .says("git commit");
    assert_eq!(ada.state(), before);
    ada.git(&["commit", "-qam", "more"]);
    ada.gsync(&["pull", "--resolve"]).exits(0).says("resolve f");
}

#[test]
fn work_that_was_lost_by_giving_a_merge_up_comes_back() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    bob.commit("f", "bob\n", "bob");
    bob.push();
    ada.commit("f", "ada\n", "ada");
    ada.commit("o", "o\n", "o");
    ada.write("o", "o\nprecious\n");
    ada.gsync(&["pull", "--resolve"]).exits(0);
    ada.git(&["reset", "-q", "--hard"]);
    assert_eq!(ada.read("o"), "o\n");
    ada.gsync(&["undo"]).exits(0);
    assert_eq!((ada.read("o").as_str(), ada.read("f").as_str()), ("o\nprecious\n", "ada\n"));
}

#[test]
fn an_undo_does_not_take_a_later_edit_of_the_same_file_away() {
    let lab = Lab::new();
    let (ada, _) = two(&lab);
    ada.gsync(&["install"]).exits(0);
    ada.git(&["add", "-A"]);
    ada.git(&["commit", "-qm", "rules"]);
    let before = ada.read(".gsync.toml");
    ada.gsync(&["guard", "allow", "0123456789abcdef", "--reason", "a test"]).exits(0);
    let ours = ada.read(".gsync.toml");
    ada.write(".gsync.toml", format!("{ours}# of mine\n"));
    let seen = ada.gsync(&["undo"]).exits(1).says(".gsync.toml").says("changed since");
    drop(seen.says("undoing would take that away too"));
    assert_eq!(ada.read(".gsync.toml"), format!("{ours}# of mine\n"));
    ada.write(".gsync.toml", &ours);
    ada.gsync(&["undo"]).exits(0);
    assert_eq!(ada.read(".gsync.toml"), before);
}

#[test]
fn a_branch_whose_name_looks_like_that_of_a_secret_has_a_way_back_that_can_be_pasted() {
    let lab = Lab::new();
    let (ada, _) = two(&lab);
    for name in ["api_token", "feature/token-refresh", "my_key"] {
        ada.git(&["switch", "-q", "-c", name, "origin/main"]);
        ada.commit("x", name, "x");
        ada.git(&["push", "-q", "-u", "origin", name]);
        ada.git(&["commit", "-q", "--amend", "-m", "y"]);
        let (new, was) = (ada.git(&["rev-parse", "HEAD"]), ada.git(&["rev-parse", "@{u}"]));
        let seen = ada.gsync(&["push", "--force"]).exits(0);
        let line =
            format!("git push --force-with-lease={name}:{new} origin {was}:refs/heads/{name}");
        let seen = seen.says(&line);
        drop(seen);
        ada.sh(&line).exits(0);
        assert_eq!(lab.git_in("hub.git", &["rev-parse", name]), was);
    }
}

#[test]
fn a_branch_that_the_hub_has_no_more_is_gone_for_every_command() {
    let lab = Lab::new();
    let (ada, _) = two(&lab);
    let token = ["x/gh", "p_n005ZU2VDTQCV4h2JSOrtUQH1U8quC1wHrbs"].concat();
    for name in ["plain", token.as_str()] {
        ada.git(&["switch", "-q", "-c", name, "origin/main"]);
        ada.git(&["push", "-q", "--no-verify", "-u", "origin", name]);
        lab.git_in("hub.git", &["update-ref", "-d", &format!("refs/heads/{name}")]);
        let status = ada.gsync(&["status", "--fetch", "--json"]).json();
        assert_eq!(status["relation"], "gone", "{status}");
        ada.gsync(&["pull"]).exits(1).says("which the hub has no more");
        ada.gsync(&["finish"]).exits(1).says("which the hub has no more");
        assert_eq!(ada.gsync(&["status", "--json"]).json()["relation"], "gone");
    }
    // A hub without any branch is another thing: what it lost is put there again.
    ada.git(&["switch", "-q", "main"]);
    lab.git_in("hub.git", &["update-ref", "-d", "refs/heads/main"]);
    ada.gsync(&["status", "--fetch"]).says("nothing is at the hub yet");
    ada.gsync(&["finish"]).exits(0);
    assert_eq!(lab.git_in("hub.git", &["rev-parse", "main"]), ada.git(&["rev-parse", "main"]));
}

#[test]
fn a_clone_that_follows_few_branches_does_not_take_the_hub_for_empty() {
    let lab = Lab::new();
    let (ada, _) = two(&lab);
    ada.git(&["remote", "set-branches", "origin", "team/*"]);
    ada.git(&["switch", "-q", "-c", "team/x"]);
    ada.git(&["push", "-q", "-u", "origin", "team/x"]);
    lab.git_in("hub.git", &["update-ref", "-d", "refs/heads/team/x"]);
    ada.git(&["fetch", "-q", "--prune"]);
    ada.git(&["update-ref", "-d", "refs/remotes/origin/main"]);
    ada.commit("x", "x\n", "x");
    ada.gsync(&["status", "--fetch"]).says_not("nothing is at the hub yet");
    ada.gsync(&["pull"]).exits(1).says("which the hub has no more");
    ada.gsync(&["finish"]).exits(1);
    assert_eq!(lab.git_in("hub.git", &["for-each-ref", "--format=%(refname)"]), "refs/heads/main");
}

#[test]
fn histories_that_a_graft_joins_are_pulled_as_git_joins_them() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    bob.commit("theirs", "t\n", "theirs");
    bob.push();
    let old = ada.git(&["rev-parse", "main"]);
    ada.git(&["switch", "-q", "--orphan", "alt"]);
    ada.commit("mine", "m\n", "mine");
    let root = ada.git(&["rev-parse", "HEAD"]);
    ada.git(&["branch", "-q", "-u", "origin/main"]);
    ada.write(".git/info/grafts", format!("{root} {old}\n"));
    let seen = ada.gsync(&["pull", "--dry-run"]).says_not("no commit in common");
    assert_eq!(seen.code, 0, "{}", seen.all());
}
