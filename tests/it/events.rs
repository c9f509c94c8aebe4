//! What gsync says after the fact, with the hooks firing for real.

use std::time::{Duration, Instant};

use crate::hook::shims;
use crate::lab::{Lab, Person, Seen, name_commits};

/// Ada has the hooks; Ben has pushed `n` commits since.
fn ada_and_ben(lab: &Lab, n: usize) -> (Person<'_>, Person<'_>) {
    let (ada, ben) = (lab.person("ada"), lab.person("Ben"));
    shims(&ada);
    ada.git(&["checkout", "-q", "-B", "main", "origin/main"]);
    ben_pushes(&ben, n);
    (ada, ben)
}

fn ben_pushes(ben: &Person, n: usize) {
    for at in 1..=n {
        ben.commit(&format!("src/b{at}"), "ben", &format!("change {at} by Ben"));
    }
    ben.push();
}

/// How often a pull was reported.
fn reports(seen: &Seen) -> usize {
    seen.all().matches("pulled ").count()
}

/// Nothing more is reported by whatever comes next.
#[track_caller]
fn silent_from_now_on(ada: &Person) {
    let commit = ada.try_git(&["commit", "-q", "--allow-empty", "-m", "on"]).exits(0);
    let amend = ada.try_git(&["commit", "-q", "--amend", "--allow-empty", "-m", "on 2"]).exits(0);
    let push = ada.try_git(&["push", "-q", "--dry-run"]);
    let rescue = ada.gsync(&["rescue"]);
    let switch = ada.try_git(&["checkout", "-q", "-B", "elsewhere"]).exits(0);
    let back = ada.try_git(&["checkout", "-q", "main"]).exits(0);
    for seen in [commit, amend, push, rescue, switch, back] {
        assert_eq!(reports(&seen), 0, "{}", seen.all());
    }
}

#[test]
fn a_pull_that_goes_forward_says_who_what_and_where() {
    let lab = Lab::new();
    let (ada, _) = ada_and_ben(&lab, 2);
    let seen = ada.try_git(&["pull", "-q"]).exits(0);
    let said = name_commits(&seen.stderr);
    let first = said.lines().next().unwrap();
    assert!(first.starts_with("pulled 2 commits from Ben, newest "), "{said}");
    assert!(said.contains("  C1 change 2 by Ben (Ben, "), "{said}");
    assert!(said.contains("  C2 change 1 by Ben (Ben, "), "{said}");
    assert!(said.contains("  2 files changed in src\n"), "{said}");
    assert_eq!(seen.stdout, "");
    silent_from_now_on(&ada);
}

#[test]
fn a_pull_with_nothing_new_a_switch_and_files_checked_out_are_silent() {
    let lab = Lab::new();
    let (ada, _) = ada_and_ben(&lab, 0);
    for args in [
        &["pull", "-q"][..],
        &["switch", "-q", "-c", "topic"],
        &["switch", "-q", "main"],
        &["checkout", "-q", "--detach"],
        &["switch", "-q", "main"],
        &["checkout", "-q", "--", "README"],
        &["fetch", "-q"],
    ] {
        ada.try_git(args).exits(0).says_not("pulled");
    }
}

#[test]
fn a_clone_a_new_branch_and_a_look_at_the_hub_s_commits_are_silent() {
    let lab = Lab::new();
    let (ada, _) = ada_and_ben(&lab, 1);
    ada.git(&["config", "--global", "core.hooksPath", ada.path(".git/hooks").to_str().unwrap()]);
    let elsewhere = lab.at("cy", lab.path("home"));
    elsewhere.try_git(&["clone", "-q", "../hub.git", "clone2"]).exits(0).says_not("pulled");
    ada.git(&["fetch", "-q"]);
    ada.try_git(&["checkout", "-q", "origin/main"]).exits(0).says_not("pulled");
    ada.try_git(&["checkout", "-q", "-b", "new", "origin/main"]).exits(0).says_not("pulled");
    ada.try_git(&["worktree", "add", "-q", "../tree"]).exits(0).says_not("pulled");
}

#[test]
fn a_pull_that_merges_is_reported_once_without_what_was_ours() {
    let lab = Lab::new();
    let (ada, _) = ada_and_ben(&lab, 2);
    ada.try_git(&["commit", "-q", "--allow-empty", "-m", "mine"]).exits(0);
    let seen = ada.try_git(&["pull", "-q", "--no-rebase"]).exits(0);
    seen.clone().says("pulled 2 commits from Ben,").says_not("mine");
    assert_eq!(reports(&seen), 1);
    silent_from_now_on(&ada);
}

#[test]
fn a_pull_that_rebases_is_reported_once_without_what_was_ours() {
    for backend in ["merge", "apply"] {
        let lab = Lab::new();
        let (ada, _) = ada_and_ben(&lab, 2);
        for n in 0..2 {
            ada.write(&format!("a{n}"), "a");
            ada.git(&["add", "."]);
            ada.try_git(&["commit", "-q", "-m", "mine"]).exits(0);
        }
        let setting = format!("rebase.backend={backend}");
        let seen = ada.try_git(&["-c", &setting, "pull", "-q", "--rebase"]).exits(0);
        seen.clone().says("pulled 2 commits from Ben,").says_not("mine").says_not("not pushed");
        assert_eq!(reports(&seen), 1);
        silent_from_now_on(&ada);
    }
}

#[test]
fn a_rebase_that_only_goes_forward_is_reported_once() {
    let lab = Lab::new();
    let (ada, ben) = ada_and_ben(&lab, 1);
    ada.try_git(&["pull", "-q", "--rebase"]).exits(0).says("pulled 1 commit from Ben,");
    ben.commit("src/c", "c", "one more");
    ben.push();
    ada.git(&["fetch", "-q"]);
    let seen = ada.try_git(&["rebase", "-q", "origin/main"]).exits(0);
    assert_eq!(reports(&seen), 1, "{}", seen.all());
    silent_from_now_on(&ada);
}

#[test]
fn a_rebase_that_dropped_everything_is_reported_by_the_next_command() {
    let lab = Lab::new();
    let (ada, ben) = ada_and_ben(&lab, 0);
    ada.write("same", "same");
    ada.git(&["add", "."]);
    ada.try_git(&["commit", "-q", "-m", "mine"]).exits(0);
    ben.commit("same", "same", "theirs");
    ben.push();
    let seen = ada.try_git(&["pull", "-q", "--rebase"]).exits(0);
    let next = ada.gsync(&["rescue"]);
    assert_eq!(reports(&seen) + reports(&next), 1, "{}{}", seen.all(), next.all());
    silent_from_now_on(&ada);
}

#[test]
fn a_rebase_that_was_given_up_has_brought_nothing_and_one_that_went_on_has() {
    let lab = Lab::new();
    let (ada, _) = ada_and_ben(&lab, 1);
    ada.write("src/b1", "ada");
    ada.git(&["add", "."]);
    ada.try_git(&["commit", "-q", "-m", "mine"]).exits(0);
    ada.try_git(&["pull", "-q", "--rebase"]).exits(1).says_not("pulled");
    ada.try_git(&["rebase", "--abort"]).exits(0).says_not("pulled");
    ada.gsync(&["rescue"]).says_not("pulled");
    ada.try_git(&["pull", "-q", "--rebase"]).exits(1).says_not("pulled");
    ada.write("src/b1", "both");
    ada.git(&["add", "."]);
    let seen = ada.try_git(&["rebase", "--continue"]).exits(0);
    seen.clone().says("pulled 1 commit from Ben,");
    assert_eq!(reports(&seen), 1);
    silent_from_now_on(&ada);
}

#[test]
fn a_conflict_that_a_person_concludes_is_reported_by_that_commit() {
    let lab = Lab::new();
    let (ada, _) = ada_and_ben(&lab, 1);
    ada.write("src/b1", "ada");
    ada.git(&["add", "."]);
    ada.try_git(&["commit", "-q", "-m", "mine"]).exits(0);
    ada.try_git(&["pull", "-q", "--no-rebase"]).exits(1).says_not("pulled");
    ada.write("src/b1", "both");
    ada.git(&["add", "."]);
    let seen = ada.try_git(&["commit", "-q", "--no-edit"]).exits(0);
    seen.clone().says("pulled 1 commit from Ben,");
    assert_eq!(reports(&seen), 1);
    silent_from_now_on(&ada);
}

#[test]
fn a_squashed_merge_of_the_hub_is_told_as_one() {
    let lab = Lab::new();
    let (ada, _) = ada_and_ben(&lab, 2);
    ada.git(&["fetch", "-q"]);
    ada.try_git(&["merge", "-q", "--squash", "origin/main"])
        .exits(0)
        .says("squashed 2 commits from Ben,")
        .says("2 files changed in src");
    ada.try_git(&["commit", "-q", "-m", "all of it"]).exits(0).says_not("pulled");
}

#[test]
fn a_reset_to_the_hub_fires_no_hook_and_is_found_by_the_next_command() {
    let lab = Lab::new();
    let (ada, _) = ada_and_ben(&lab, 2);
    ada.git(&["fetch", "-q"]);
    ada.try_git(&["reset", "-q", "--hard", "@{u}"]).exits(0).says_not("pulled");
    let seen = ada.gsync(&["rescue"]);
    seen.clone().says("pulled 2 commits from Ben,");
    silent_from_now_on(&ada);
}

#[test]
fn a_pull_by_a_switch_or_before_one_is_reported_once() {
    let ways: [&[&[&str]]; 4] = [
        &[&["switch", "-q", "-C", "main", "origin/main"]],
        &[&["checkout", "-q", "-B", "main", "origin/main"]],
        &[
            &["switch", "-q", "-c", "o"],
            &["fetch", "-q", "origin", "main:main"],
            &["switch", "-q", "main"],
        ],
        &[
            &["reset", "-q", "--hard", "@{u}"],
            &["switch", "-q", "-c", "n"],
            &["switch", "-q", "main"],
        ],
    ];
    for way in ways {
        let lab = Lab::new();
        let (ada, _) = ada_and_ben(&lab, 2);
        ada.git(&["fetch", "-q"]);
        let (last, before) = way.split_last().unwrap();
        for args in before {
            ada.try_git(args).exits(0).says_not("pulled");
        }
        ada.try_git(last).exits(0).says("pulled 2 commits from Ben,");
        silent_from_now_on(&ada);
    }
}

#[test]
fn what_came_to_main_is_not_reported_again_when_a_topic_takes_it_from_there() {
    let lab = Lab::new();
    let (ada, _) = ada_and_ben(&lab, 2);
    ada.git(&["branch", "-q", "topic"]);
    ada.try_git(&["pull", "-q"]).exits(0).says("pulled 2 commits");
    ada.git(&["switch", "-q", "topic"]);
    ada.try_git(&["commit", "-q", "--allow-empty", "-m", "mine"]).exits(0);
    ada.try_git(&["merge", "-q", "main"]).exits(0).says_not("pulled");
}

#[test]
fn commits_of_our_own_are_never_pulled() {
    let lab = Lab::new();
    let (ada, _) = ada_and_ben(&lab, 0);
    ada.git(&["switch", "-q", "-c", "topic"]);
    ada.try_git(&["commit", "-q", "--allow-empty", "-m", "mine"]).exits(0);
    ada.git(&["push", "-q", "-u", "origin", "topic"]);
    ada.git(&["switch", "-q", "main"]);
    ada.try_git(&["merge", "-q", "topic"]).exits(0).says_not("pulled");
    ada.try_git(&["push", "-q"]).exits(0).says_not("pulled");
    ada.gsync(&["rescue"]).says_not("pulled");
}

#[test]
fn a_linked_worktree_and_a_submodule_are_told_too() {
    let lab = Lab::new();
    let (ada, ben) = ada_and_ben(&lab, 1);
    ada.git(&["worktree", "add", "-q", "-b", "topic", "../tree"]);
    let tree = lab.at("ada", lab.path("tree"));
    tree.git(&["branch", "-q", "-u", "origin/main"]);
    tree.try_git(&["pull", "-q"]).exits(0).says("pulled 1 commit from Ben,");
    ada.git(&["submodule", "--quiet", "add", "../hub.git", "sub"]);
    let sub = lab.at("ada", ada.path("sub"));
    shims(&sub);
    sub.git(&["checkout", "-q", "main"]);
    ben.commit("src/new", "new", "for the submodule");
    ben.push();
    sub.try_git(&["pull", "-q"]).exits(0).says("pulled 1 commit from Ben,");
}

#[test]
fn a_repository_that_gix_cannot_read_is_told_too() {
    let lab = Lab::new();
    let (_, ben) = ada_and_ben(&lab, 0);
    let cy = lab.at("cy", lab.path("home"));
    let made =
        cy.try_git(&["clone", "-q", "--ref-format=reftable", "--template=", "../hub.git", "../cy"]);
    if made.stderr.contains("unknown option") {
        println!("skipped: this git knows no reftable");
        return;
    }
    let cy = lab.at("cy", lab.path("cy"));
    shims(&cy);
    cy.try_git(&["switch", "-q", "main"]).exits(0);
    ben_pushes(&ben, 2);
    cy.try_git(&["commit", "-q", "--allow-empty", "-m", "mine"])
        .exits(0)
        .says("1 commit not pushed");
    let seen = cy.try_git(&["pull", "-q", "--rebase"]).exits(0);
    seen.clone().says("pulled 2 commits from Ben,");
    assert_eq!(reports(&seen), 1);
}

#[test]
fn a_commit_is_followed_by_what_is_not_pushed_and_how_to_push_it() {
    let lab = Lab::new();
    let (ada, _) = ada_and_ben(&lab, 0);
    let commit = |ada: &Person| ada.try_git(&["commit", "-q", "--allow-empty", "-m", "x"]).exits(0);
    commit(&ada).says("1 commit not pushed").says(": git push\n");
    commit(&ada).says("2 commits not pushed, the oldest ");
    ada.push();
    commit(&ada).says("1 commit not pushed");
    ada.git(&["switch", "-q", "-c", "topic"]);
    commit(&ada).says("2 commits not pushed").says("git push -u origin topic");
    // What another branch of the hub has is pushed, also if that branch went on from there.
    let here = ada.git(&["rev-parse", "HEAD"]);
    ada.commit("later", "x", "later");
    ada.git(&["-c", "core.hooksPath=/dev/null", "push", "-q", "origin", "HEAD:elsewhere"]);
    ada.git(&["reset", "-q", "--hard", &here]);
    commit(&ada).says("1 commit not pushed");
    ada.git(&["config", "gsync.pushAfter", "off"]);
    commit(&ada).says_not("not pushed");
    ada.git(&["config", "gsync.pushAfter", "remind"]);
    ada.git(&["switch", "-q", "--detach"]);
    commit(&ada).says_not("not pushed");
    ada.git(&["switch", "-q", "topic"]);
    ada.git(&["remote", "remove", "origin"]);
    commit(&ada).says_not("not pushed");
}

#[test]
fn in_the_middle_of_a_rebase_or_a_row_of_picks_nobody_is_reminded() {
    let lab = Lab::new();
    let (ada, _) = ada_and_ben(&lab, 0);
    for n in 0..3 {
        ada.commit(&format!("a{n}"), "a", "a");
    }
    ada.try_git(&["rebase", "-q", "--force-rebase", "HEAD~3"]).exits(0).says_not("not pushed");
    ada.git(&["branch", "-q", "three"]);
    ada.git(&["reset", "-q", "--hard", "HEAD~3"]);
    ada.try_git(&["cherry-pick", "main..three"]).exits(0).says_not("not pushed");
}

/// Waits until something is so; the deadline is only there to fail.
fn wait_for<T>(what: &str, mut so: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = so() {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "still not so: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn hub_has(lab: &Lab, branch: &str, id: &str) -> Option<()> {
    (lab.hub().try_git(&["rev-parse", branch]).stdout.trim() == id).then_some(())
}

fn message(person: &Person) -> Option<String> {
    let text = std::fs::read_to_string(person.path(".git/gsync/messages")).ok()?;
    text.ends_with('\n').then_some(text)
}

#[test]
fn a_commit_does_not_wait_for_its_push_and_the_next_command_tells() {
    let lab = Lab::new();
    let (ada, _) = ada_and_ben(&lab, 0);
    ada.git(&["config", "gsync.pushAfter", "auto"]);
    // The hub holds the push until it is let go: a commit that waited would never end.
    let go = lab.path("go");
    let hold = format!("#!/bin/sh\nwhile [ ! -e '{}' ]; do sleep 0.02; done\n", go.display());
    lab.hub().script("hooks/pre-receive", &hold);
    ada.try_git(&["commit", "-q", "--allow-empty", "-m", "a"]).exits(0).says_not("not pushed");
    assert!(message(&ada).is_none());
    std::fs::write(&go, "").unwrap();
    wait_for("a message", || message(&ada));
    hub_has(&lab, "main", &ada.git(&["rev-parse", "HEAD"])).unwrap();
    ada.gsync(&["rescue"]).says("pushed main to origin in the background (");
    ada.gsync(&["rescue"]).says_not("in the background");
}

#[test]
fn a_push_in_the_background_that_fails_is_told_by_the_next_hook_with_the_reason() {
    let lab = Lab::new();
    let (ada, _) = ada_and_ben(&lab, 1);
    ada.git(&["config", "gsync.pushAfter", "auto"]);
    lab.hub().script("hooks/pre-receive", "#!/bin/sh\necho no entry today >&2\nexit 1\n");
    ada.git(&["pull", "-q"]);
    ada.try_git(&["commit", "-q", "--allow-empty", "-m", "a"]).exits(0);
    wait_for("a message", || message(&ada));
    ada.gsync(&["rescue", "--json"]).says_not("no entry");
    ada.git(&["config", "gsync.pushAfter", "off"]);
    ada.try_git(&["commit", "-q", "--allow-empty", "-m", "b"])
        .exits(0)
        .says("warning: main to origin could not be pushed in the background (")
        .says("no entry today");
}

#[test]
fn of_many_quick_commits_in_two_worktrees_the_last_ones_are_pushed() {
    let lab = Lab::new();
    let (ada, _) = ada_and_ben(&lab, 0);
    for setting in ["gsync.pushAfter=auto", "push.autoSetupRemote=true"] {
        let (key, value) = setting.split_once('=').unwrap();
        ada.git(&["config", key, value]);
    }
    ada.git(&["worktree", "add", "-q", "-b", "to/pic", "../tree"]);
    let tree = lab.at("ada", lab.path("tree"));
    for n in 0..5 {
        for person in [&ada, &tree] {
            person.try_git(&["commit", "-q", "--allow-empty", "-m", &n.to_string()]).exits(0);
        }
    }
    for (person, branch) in [(&ada, "main"), (&tree, "to/pic")] {
        let head = person.git(&["rev-parse", "HEAD"]);
        wait_for(branch, || hub_has(&lab, branch, &head));
    }
    // Nobody is left working, and nothing is left to do.
    wait_for("no notes", || ada.read_dir(".git/gsync/push").is_empty().then_some(()));
    wait_for("messages", || message(&ada).filter(|text| text.contains("to/pic")));
}

#[test]
fn a_branch_that_has_no_place_on_the_hub_is_not_pushed_in_the_background() {
    let lab = Lab::new();
    let (ada, _) = ada_and_ben(&lab, 0);
    ada.git(&["config", "gsync.pushAfter", "auto"]);
    ada.git(&["switch", "-q", "-c", "topic"]);
    ada.try_git(&["commit", "-q", "--allow-empty", "-m", "a"])
        .exits(0)
        .says("git push -u origin topic");
    assert!(!ada.path(".git/gsync/push").exists());
}
