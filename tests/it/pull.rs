//! `gsync pull` with work that is not committed: what git and its stash lose, gsync keeps.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use crate::lab::{Lab, Person, picture};

/// Everything a person has: refs, index, status, stash, and each file with mode and time.
pub fn all_of(person: &Person<'_>) -> String {
    let mut all = person.state();
    all += &person.git(&["for-each-ref", "refs/heads", "refs/tags", "refs/stash"]);
    all += &person.git(&["ls-files", "--stage", "-t", "-v"]);
    for (name, time) in times(&person.dir) {
        writeln!(all, "{name} {time}").unwrap();
    }
    for line in picture(&person.dir).lines().filter(|line| !line.starts_with(".git/")) {
        writeln!(all, "{line}").unwrap();
    }
    all
}

/// The time of every file outside of `.git`.
pub fn times(dir: &Path) -> BTreeMap<String, i128> {
    let files = walkdir::WalkDir::new(dir).into_iter().filter_entry(|e| e.file_name() != ".git");
    files
        .map(Result::unwrap)
        .filter(|entry| !entry.file_type().is_dir())
        .map(|entry| {
            let meta = entry.path().symlink_metadata().unwrap();
            let name = entry.path().strip_prefix(dir).unwrap().display().to_string();
            (name, i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec()))
        })
        .collect()
}

/// Two people with the same files; Bob will push, Ada will pull.
pub fn two(lab: &Lab) -> (Person<'_>, Person<'_>) {
    let ada = lab.person("ada");
    ada.write("a", "1\n2\n3\n4\n5\n6\n7\n8\n9\n");
    ada.write("b", "b\n");
    ada.write("c", "c\n");
    ada.write("dir/d", "d\n");
    ada.write("run", "#!/bin/sh\n");
    fs::set_permissions(ada.path("run"), fs::Permissions::from_mode(0o755)).unwrap();
    ada.write(".gitignore", "*.ign\nbuild/\n");
    ada.git(&["add", "."]);
    ada.git(&["commit", "-q", "-m", "files"]);
    ada.push();
    let bob = lab.person("bob");
    bob.git(&["pull", "-q"]);
    (ada, bob)
}

/// Bob commits and pushes one file.
fn incoming(bob: &Person<'_>, path: &str, text: &str) -> String {
    let id = bob.commit(path, text, &format!("bob: {path}"));
    bob.push();
    id
}

#[test]
fn a_fast_forward_under_all_kinds_of_uncommitted_work_keeps_each_as_it_was() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    let tip = incoming(&bob, "dir/d", "new\n");
    ada.write("a", "1 staged\n2\n3\n4\n5\n6\n7\n8\n9\n");
    ada.git(&["add", "a"]);
    ada.write("a", "1 staged\n2\n3\n4\n5\n6\n7\n8\n9 not\n");
    ada.write("untracked", "u\n");
    ada.write("announced", "n\n");
    ada.git(&["add", "-N", "announced"]);
    ada.write("x.ign", "ignored\n");
    ada.git(&["mv", "b", "b2"]);
    ada.git(&["rm", "-q", "--cached", "c"]);
    fs::set_permissions(ada.path("run"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(ada.path("untracked"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::create_dir(ada.path("empty")).unwrap();
    let status = ada.git(&["status", "--porcelain=v2", "--ignored"]);
    let diffs = [ada.git(&["diff"]), ada.git(&["diff", "--cached"])];
    let (pictured, timed) = (picture(&ada.dir), times(&ada.dir));

    ada.gsync(&["pull"]).exits(0).says("1 commit from origin/main");

    assert_eq!(ada.git(&["rev-parse", "HEAD"]), tip);
    assert_eq!(ada.git(&["status", "--porcelain=v2", "--ignored"]), status);
    assert_eq!([ada.git(&["diff"]), ada.git(&["diff", "--cached"])], diffs);
    let files = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with(".git/"));
        lines.filter(|line| !line.starts_with("dir/d")).map(str::to_owned).collect()
    };
    assert_eq!(files(&picture(&ada.dir)), files(&pictured));
    let mut now = times(&ada.dir);
    assert_ne!(now.remove("dir/d"), timed.get("dir/d").copied());
    assert!(now.iter().all(|(name, time)| timed.get(name) == Some(time)), "{now:?}\n{timed:?}");
    assert_eq!(ada.read("dir/d"), "new\n");
    assert_eq!(ada.git(&["stash", "list"]), "");
    assert!(ada.git(&["reflog", "-1"]).contains("gsync pull: fast-forward to origin/main"));
    ada.git(&["fsck", "--strict"]);
}

#[test]
fn local_commits_come_on_top_with_author_date_message_and_encoding_like_a_rebase() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    incoming(&bob, "b", "bob\n");
    ada.commit("c", "mine\n", "mine\n\nwith a body\n");
    ada.git(&["commit", "-q", "--allow-empty", "-m", "empty on purpose"]);
    let umlaut = ["-c", "i18n.commitEncoding=ISO-8859-1", "commit", "-q", "--allow-empty"];
    ada.git(&[&umlaut[..], &["-m", "gr\u{fc}n", "--date=2020-02-02T02:02:02+0200"]].concat());
    // The same change as Bob's: the upstream has it already.
    ada.commit("b", "bob\n", "the same");
    let twin = lab.at("ada", lab.path("twin"));
    crate::lab::copy(&ada.dir, &twin.dir);
    twin.git(&["pull", "-q", "--rebase"]);

    ada.gsync(&["pull"]).exits(0).says("is left out");

    let log = ["log", "--format=%T %an %ae %ad %cn %B", "-5"];
    assert_eq!(ada.git(&log), twin.git(&log));
    assert_eq!(picture(&ada.path("dir")), picture(&twin.path("dir")));
    assert_eq!(ada.git(&["status", "--porcelain"]), "");
}

#[test]
fn where_there_are_local_merges_a_merge_is_made() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    ada.git(&["switch", "-q", "-c", "topic"]);
    ada.commit("t", "t\n", "topic");
    ada.git(&["switch", "-q", "main"]);
    ada.commit("c", "c2\n", "main");
    ada.git(&["merge", "-q", "--no-ff", "-m", "join", "topic"]);
    incoming(&bob, "b", "bob\n");
    ada.gsync(&["pull"]).exits(0).says("merged with");
    assert_eq!(
        ada.git(&["log", "-1", "--format=%s"]),
        "Merge remote-tracking branch 'origin/main'"
    );
    assert_eq!(ada.git(&["rev-list", "--count", "--merges", "HEAD"]), "2");
    assert_eq!(ada.git(&["status", "--porcelain"]), "");
}

/// What stands against a pull, and the words that name it.
type Row = (&'static str, fn(&Person<'_>, &Person<'_>), i32, &'static str);

#[test]
fn whatever_stands_against_a_pull_is_named_and_nothing_at_all_changes() {
    let rows: &[Row] = &[
        (
            "an ignored file on an incoming path",
            |ada, bob| {
                incoming(bob, "x.ign", "theirs\n");
                ada.write("x.ign", "mine\n");
            },
            1,
            "because: x.ign",
        ),
        (
            "an ignored file on an incoming path, with commits here",
            |ada, bob| {
                incoming(bob, "x.ign", "theirs\n");
                ada.commit("c", "mine\n", "mine");
                ada.write("x.ign", "mine\n");
            },
            1,
            "because: x.ign",
        ),
        (
            "an ignored file on an incoming path, with a merge here",
            |ada, bob| {
                incoming(bob, "x.ign", "theirs\n");
                ada.git(&["switch", "-q", "-c", "topic"]);
                ada.commit("t", "t\n", "topic");
                ada.git(&["switch", "-q", "main"]);
                ada.git(&["merge", "-q", "--no-ff", "-m", "join", "topic"]);
                ada.write("x.ign", "mine\n");
            },
            1,
            "because: x.ign",
        ),
        (
            "mails that are applied",
            |ada, bob| {
                incoming(bob, "c", "theirs\n");
                bob.commit("b", "bob\n", "as a mail");
                let mail = bob.git(&["format-patch", "-1", "--stdout"]);
                ada.write(".git/mail", mail.replace("-b\n", "-other\n"));
                assert_ne!(ada.try_git(&["am", ".git/mail"]).code, 0);
            },
            1,
            "am is in progress",
        ),
        (
            "a row of cherry-picks, between two of them",
            |ada, bob| {
                incoming(bob, "c", "theirs\n");
                ada.git(&["switch", "-q", "-c", "topic"]);
                ada.commit("b", "one\n", "one");
                ada.commit("run", "two\n", "two");
                ada.git(&["switch", "-q", "main"]);
                ada.commit("b", "mine\n", "mine");
                assert_ne!(ada.try_git(&["cherry-pick", "topic~1", "topic"]).code, 0);
                ada.write("b", "both\n");
                ada.git(&["add", "b"]);
                ada.git(&["commit", "-q", "-m", "both"]);
            },
            1,
            "a cherry-pick is in progress",
        ),
        (
            "an ignored directory where a file comes",
            |ada, bob| {
                incoming(bob, "build", "a file\n");
                ada.write("build/out", "mine\n");
            },
            1,
            "because: build/out",
        ),
        (
            "an ignored file where a directory comes",
            |ada, bob| {
                incoming(bob, "y.ign/z", "theirs\n");
                ada.write("y.ign", "mine\n");
            },
            1,
            "because: y.ign",
        ),
        (
            "an ignored link where a directory comes",
            |ada, bob| {
                incoming(bob, "l.ign/z", "theirs\n");
                std::os::unix::fs::symlink("dir", ada.path("l.ign")).unwrap();
            },
            1,
            "because: l.ign",
        ),
        (
            "an untracked file on an incoming path",
            |ada, bob| {
                incoming(bob, "new", "theirs\n");
                ada.write("new", "mine\n");
            },
            1,
            "because: new",
        ),
        (
            "an untracked empty file on an incoming path",
            |ada, bob| {
                incoming(bob, "new", "theirs\n");
                ada.write("new", "");
            },
            1,
            "because: new",
        ),
        (
            "an announced file on an incoming path",
            |ada, bob| {
                incoming(bob, "new", "theirs\n");
                ada.write("new", "mine\n");
                ada.git(&["add", "-N", "new"]);
            },
            1,
            "because: new",
        ),
        (
            "uncommitted work on the same lines",
            |ada, bob| {
                incoming(bob, "b", "theirs\n");
                ada.write("b", "mine\n");
            },
            1,
            "because: b",
        ),
        (
            "staged work on the same lines, the file as in HEAD",
            |ada, bob| {
                incoming(bob, "b", "theirs\n");
                ada.write("b", "mine\n");
                ada.git(&["add", "b"]);
                ada.write("b", "b\n");
            },
            1,
            "because: b",
        ),
        (
            "an untracked directory where a file comes",
            |ada, bob| {
                incoming(bob, "new", "theirs\n");
                ada.write("new/x", "mine\n");
            },
            1,
            "because: new",
        ),
        (
            "commits on the same lines",
            |ada, bob| {
                incoming(bob, "b", "theirs\n");
                ada.commit("b", "mine\n", "mine");
                ada.write("c", "dirty\n");
            },
            1,
            "because: b",
        ),
        (
            "a file deleted here and changed there",
            |ada, bob| {
                incoming(bob, "b", "theirs\n");
                fs::remove_file(ada.path("b")).unwrap();
            },
            1,
            "because: b",
        ),
        (
            "a dirty binary file",
            |ada, bob| {
                incoming(bob, "b", "theirs\0\n");
                ada.write("b", b"\0mine\xff");
            },
            1,
            "because: b",
        ),
        (
            "a merge with conflicts",
            |ada, bob| {
                incoming(bob, "b", "theirs\n");
                ada.commit("b", "mine\n", "mine");
                ada.git(&["fetch", "-q"]);
                assert_ne!(ada.try_git(&["merge", "origin/main"]).code, 0);
            },
            1,
            "a merge is in progress",
        ),
        (
            "a merge that is resolved and not committed",
            |ada, bob| {
                incoming(bob, "b", "theirs\n");
                ada.commit("b", "mine\n", "mine");
                ada.git(&["fetch", "-q"]);
                assert_ne!(ada.try_git(&["merge", "origin/main"]).code, 0);
                ada.write("b", "both\n");
                ada.git(&["add", "b"]);
            },
            1,
            "a merge is in progress",
        ),
        (
            "a squash with conflicts",
            |ada, bob| {
                incoming(bob, "b", "theirs\n");
                ada.commit("b", "mine\n", "mine");
                ada.git(&["fetch", "-q"]);
                assert_ne!(ada.try_git(&["merge", "--squash", "origin/main"]).code, 0);
            },
            1,
            "conflicts that are not resolved",
        ),
        (
            "a rebase",
            |ada, bob| {
                incoming(bob, "b", "theirs\n");
                ada.commit("b", "mine\n", "mine");
                assert_ne!(ada.try_git(&["pull", "--rebase"]).code, 0);
            },
            1,
            "a rebase is in progress",
        ),
        (
            "a cherry-pick",
            |ada, bob| {
                incoming(bob, "b", "theirs\n");
                ada.commit("b", "mine\n", "mine");
                ada.git(&["fetch", "-q"]);
                assert_ne!(ada.try_git(&["cherry-pick", "origin/main"]).code, 0);
            },
            1,
            "a cherry-pick is in progress",
        ),
        (
            "a revert",
            |ada, bob| {
                incoming(bob, "c", "theirs\n");
                ada.commit("b", "one\n", "one");
                ada.commit("b", "two\n", "two");
                assert_ne!(ada.try_git(&["revert", "--no-edit", "HEAD~1"]).code, 0);
            },
            1,
            "a revert is in progress",
        ),
        (
            "a bisect",
            |ada, bob| {
                incoming(bob, "c", "theirs\n");
                ada.git(&["bisect", "start"]);
            },
            1,
            "a bisect is in progress",
        ),
        (
            "a detached HEAD",
            |ada, bob| {
                incoming(bob, "c", "theirs\n");
                ada.git(&["switch", "-q", "--detach"]);
            },
            1,
            "HEAD is detached",
        ),
        (
            "an upstream that is gone",
            |ada, _| {
                ada.git(&["switch", "-q", "-c", "topic"]);
                ada.git(&["push", "-q", "-u", "origin", "topic"]);
                ada.git(&["push", "-q", "origin", ":topic"]);
            },
            1,
            "follows origin/topic",
        ),
        (
            "an upstream that was rewound",
            |ada, bob| {
                let mine = ada.commit("c", "pushed\n", "pushed");
                ada.push();
                bob.git(&["fetch", "-q"]);
                bob.commit("b", "other\n", "other");
                bob.git(&["push", "-q", "--force", "origin", "main"]);
                assert!(!mine.is_empty());
            },
            1,
            "was rewritten",
        ),
        (
            "histories with nothing in common",
            |ada, bob| {
                bob.git(&["switch", "-q", "--orphan", "other"]);
                bob.commit("o", "o\n", "other");
                bob.git(&["push", "-q", "--force", "origin", "other:main"]);
                ada.git(&["update-ref", "-d", "refs/remotes/origin/main"]);
                ada.git(&["reflog", "expire", "--expire=now", "--all"]);
            },
            1,
            "no commit in common",
        ),
        (
            "a hub that is not there",
            |ada, _| {
                ada.git(&["remote", "set-url", "origin", "../nowhere.git"]);
            },
            7,
            "cannot be reached",
        ),
    ];
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    for (at, (name, make, code, says)) in rows.iter().enumerate() {
        let world = lab.path(&format!("row{at}"));
        for part in ["ada", "bob", "hub.git"] {
            crate::lab::copy(&lab.path(part), &world.join(part));
        }
        let (ada, bob) = (lab.at("ada", world.join("ada")), lab.at("bob", world.join("bob")));
        make(&ada, &bob);
        let before = all_of(&ada);
        let seen = ada.gsync(&["pull"]);
        assert_eq!(seen.code, *code, "{name}\n{}", seen.all());
        assert!(seen.all().contains(says), "{name}: no `{says}` in\n{}", seen.all());
        assert_eq!(all_of(&ada), before, "{name}");
        assert_eq!(ada.git(&["for-each-ref", "refs/gsync"]), "", "{name}");
    }
    assert_eq!(all_of(&ada), all_of(&ada));
    drop(bob);
}

#[test]
fn edits_that_git_was_told_not_to_look_at_are_not_overwritten() {
    for flag in ["--skip-worktree", "--assume-unchanged"] {
        let lab = Lab::new();
        let (ada, ben) = (lab.person("ada"), lab.person("ben"));
        ada.git(&["update-index", flag, "README"]);
        ada.write("README", "my local settings\n");
        ben.commit("README", "theirs\n", "theirs");
        ben.push();
        ada.gsync(&["pull"]).exits(1).says("README");
        ada.gsync(&["discard"]).exits(1).says("README");
        assert_eq!(ada.read("README"), "my local settings\n");
    }
}
