//! `gsync bump`: a version that is committed, tagged and on the hub, or nothing at all.

use crate::lab::{Lab, Person};
use crate::pull::{all_of, two};

/// A clone whose commit carries a version, and the other one.
fn versioned(lab: &Lab) -> (Person<'_>, Person<'_>) {
    let (ada, bob) = two(lab);
    ada.commit("package.json", "{\n  \"name\": \"shop\",\n  \"version\": \"2.4.0\"\n}\n", "shop");
    ada.push();
    bob.gsync(&["pull"]).exits(0);
    (ada, bob)
}

#[test]
fn a_bump_is_a_commit_and_a_tag_on_the_hub_and_only_the_version_changes() {
    let lab = Lab::new();
    let (ada, bob) = versioned(&lab);
    ada.gsync(&["bump"]).exits(0).says("bump 2.4.0 to 2.4.1").says("package.json: 2.4.0 to 2.4.1");
    let text = ada.read("package.json");
    assert_eq!(text, "{\n  \"name\": \"shop\",\n  \"version\": \"2.4.1\"\n}\n");
    assert_eq!(ada.git(&["status", "--short"]), "");
    let hub = lab.hub();
    assert_eq!(hub.git(&["rev-parse", "main"]), ada.git(&["rev-parse", "HEAD"]));
    assert_eq!(hub.git(&["rev-parse", "v2.4.1^{commit}"]), ada.git(&["rev-parse", "HEAD"]));
    assert_eq!(hub.git(&["cat-file", "-t", "v2.4.1"]), "tag");
    assert_eq!(ada.git(&["log", "-1", "--format=%s|%an"]), "chore: bump to 2.4.1|ada");
    bob.gsync(&["pull"]).exits(0);
    bob.gsync(&["bump", "minor"]).exits(0).says("2.5.0");
    bob.git(&["fsck", "--strict"]);
}

#[test]
fn a_branch_that_is_not_clean_and_in_sync_is_not_bumped_and_nothing_changes() {
    let lab = Lab::new();
    let (ada, bob) = versioned(&lab);
    ada.write("b", "dirty\n");
    let before = all_of(&ada);
    ada.gsync(&["bump"]).exits(1).says("uncommitted").says("because: b");
    assert_eq!(all_of(&ada), before);
    ada.git(&["checkout", "-q", "b"]);
    ada.commit("b", "mine\n", "mine");
    ada.gsync(&["bump"]).exits(1).says("1 commit that the hub has not").says("gsync finish");
    ada.gsync(&["finish"]).exits(0);
    bob.gsync(&["bump"]).exits(1).says("the hub has 1 commit").says("gsync start");
    assert_eq!(lab.hub().git(&["tag"]), "");
}

#[test]
fn a_word_that_is_no_version_and_an_app_that_is_not_there_are_usage_errors() {
    let lab = Lab::new();
    let (ada, _bob) = versioned(&lab);
    ada.gsync(&["bump", "huge"]).exits(2).says("neither patch, minor or major nor a version");
    ada.gsync(&["bump", "--app", "nobody"]).exits(2).says("no app `nobody`");
    ada.gsync(&["bump", "2.4.0"]).exits(1).says("2.4.0 is not newer than 2.4.0");
    ada.git(&["tag", "v2.4.1"]);
    ada.gsync(&["bump"]).exits(1).says("the tag v2.4.1 is taken");
    assert_eq!(ada.git(&["log", "-1", "--format=%s"]), "shop");
}

#[test]
fn what_the_hub_refuses_is_put_back_with_its_commit_and_its_tag() {
    let lab = Lab::new();
    let (ada, _bob) = versioned(&lab);
    let refuses = "#!/bin/sh\necho 'not on a Friday' >&2\nexit 1\n";
    lab.hub().script("hooks/pre-receive", refuses);
    let seen = |person: &Person<'_>| {
        let git = |args: &[&str]| person.git(args);
        let refs = git(&["for-each-ref", "refs/heads", "refs/tags", "refs/remotes"]);
        (
            refs,
            git(&["ls-files", "-s"]),
            git(&["status", "--porcelain"]),
            person.read("package.json"),
        )
    };
    let before = seen(&ada);
    ada.gsync(&["bump"]).exits(3).says("not on a Friday");
    // The file was written twice, so it is younger; all else is as it was.
    assert_eq!(seen(&ada), before);
    assert_eq!(ada.git(&["tag"]), "");
    assert_eq!(lab.hub().git(&["tag"]), "");
}

#[test]
fn a_plan_that_was_shown_is_made_by_its_id() {
    let lab = Lab::new();
    let (ada, _bob) = versioned(&lab);
    let shown = ada.gsync(&["--json", "bump", "--dry-run"]).exits(0).json();
    let id = shown["plan"]["id"].as_str().unwrap().to_owned();
    assert_eq!(ada.git(&["tag"]), "");
    ada.gsync(&["bump", "minor", "--only", &id]).exits(1).says("no longer what would be done");
    ada.gsync(&["bump", "--only", &id]).exits(0);
    assert_eq!(ada.git(&["tag"]), "v2.4.1");
}

#[test]
fn where_no_file_carries_a_version_the_tag_alone_says_it() {
    let lab = Lab::new();
    let (ada, _bob) = two(&lab);
    let head = ada.git(&["rev-parse", "HEAD"]);
    ada.gsync(&["bump", "minor"]).exits(0);
    ada.gsync(&["bump"]).exits(0).says("bump 0.1.0 to 0.1.1");
    assert_eq!(ada.git(&["rev-parse", "HEAD"]), head);
    assert_eq!(lab.hub().git(&["tag"]), "v0.1.0\nv0.1.1");
}
