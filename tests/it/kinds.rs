//! Moves in repositories of every kind: filters, sparse checkouts, worktrees, shallow and empty
//! ones, other hashes and ref stores, odd names and permissions.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::lab::{Lab, Person};
use crate::pull::{all_of, two};

fn mode(person: &Person<'_>, path: &str) -> u32 {
    fs::metadata(person.path(path)).unwrap().permissions().mode() & 0o7777
}

#[test]
fn line_ends_are_written_by_git_and_uncommitted_ones_come_back_byte_for_byte() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    bob.write(".gitattributes", "*.txt text eol=crlf\n*.uni text\n");
    bob.write("t.txt", "one\r\ntwo\r\n");
    bob.git(&["add", "."]);
    bob.git(&["commit", "-q", "-m", "text"]);
    bob.push();
    ada.gsync(&["pull"]).exits(0);
    assert_eq!(ada.read("t.txt"), "one\r\ntwo\r\n");
    assert_eq!(ada.git(&["status", "--short"]), "");
    bob.commit("t.txt", "zero\r\none\r\ntwo\r\n", "more text");
    bob.push();
    ada.write("t.txt", "one\r\ntwo\r\nthree\r\n");
    ada.write("mixed.uni", "a\r\nb\n");
    ada.write("secret", "s\n");
    fs::set_permissions(ada.path("secret"), fs::Permissions::from_mode(0o600)).unwrap();
    ada.gsync(&["pull"]).exits(0);
    assert_eq!(ada.read("t.txt"), "zero\r\none\r\ntwo\r\nthree\r\n");
    ada.gsync(&["discard"]).exits(0);
    assert!(!ada.path("mixed.uni").exists() && !ada.path("secret").exists());
    ada.gsync(&["undo"]).exits(0);
    assert_eq!(ada.read("t.txt"), "zero\r\none\r\ntwo\r\nthree\r\n");
    assert_eq!(ada.read("mixed.uni"), "a\r\nb\n");
    assert_eq!(mode(&ada, "secret"), 0o600);
}

#[test]
fn permissions_that_git_does_not_keep_survive_a_change_of_the_file() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    fs::set_permissions(ada.path("b"), fs::Permissions::from_mode(0o640)).unwrap();
    bob.commit("b", "new\n", "bob");
    bob.push();
    ada.gsync(&["pull"]).exits(0);
    assert_eq!((ada.read("b").as_str(), mode(&ada, "b")), ("new\n", 0o640));
}

#[test]
fn a_sparse_checkout_stays_sparse() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    ada.git(&["sparse-checkout", "set", "--no-cone", "/*", "!/dir/"]);
    assert!(!ada.path("dir").exists());
    bob.write("dir/d", "changed\n");
    bob.write("dir/new", "new\n");
    bob.write("top", "top\n");
    bob.git(&["rm", "-q", "c"]);
    bob.git(&["add", "."]);
    bob.git(&["commit", "-q", "-m", "bob"]);
    bob.push();
    ada.write("b", "dirty\n");
    let before = all_of(&ada);
    ada.gsync(&["pull"]).exits(0);
    assert_eq!(ada.git(&["status", "--short"]), " M b");
    assert!(!ada.path("dir").exists() && ada.path("top").exists() && !ada.path("c").exists());
    assert_eq!(ada.git(&["show", ":dir/d"]), "changed");
    ada.gsync(&["undo"]).exits(0);
    assert_eq!(ada.git(&["status", "--short"]), " M b");
    assert_eq!(all_of(&ada).lines().next(), before.lines().next());
    assert!(!ada.path("dir").exists() && ada.path("c").exists());
}

#[test]
fn a_linked_worktree_moves_alone_and_has_snapshots_of_its_own() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    ada.git(&["worktree", "add", "-q", "--track", "-b", "side", "../side", "origin/main"]);
    let side = lab.at("ada", lab.path("side"));
    bob.commit("b", "bob\n", "bob");
    bob.push();
    ada.write("c", "in the first\n");
    side.write("c", "in the second\n");
    let first = all_of(&ada);
    side.gsync(&["pull"]).exits(0);
    assert_eq!(side.git(&["status", "--short"]), " M c");
    assert_eq!(side.read("b"), "bob\n");
    let refs = side.git(&["for-each-ref", "--format=%(refname)", "refs/gsync"]);
    assert_eq!(refs, "refs/gsync/undo/worktrees/side/1");
    let files = |all: &str| all.lines().filter(|l| !l.contains("refs/heads/side")).count();
    assert_eq!(files(&all_of(&ada)), files(&first));
    ada.gsync(&["undo"]).exits(1).says("no run to undo");
    ada.gsync(&["undo", "r1"]).exits(1).says("was in");
    side.gsync(&["undo"]).exits(0);
    assert_eq!(side.read("b"), "b\n");
    assert_eq!(side.read("c"), "in the second\n");
}

#[test]
fn a_branch_that_is_not_born_gets_the_upstream_and_keeps_what_lies_there() {
    let lab = Lab::new();
    let (_ada, _bob) = two(&lab);
    lab.person("x").git(&["init", "-q", "../fresh"]);
    let fresh = lab.at("eve", lab.path("fresh"));
    fresh.git(&["remote", "add", "origin", "../hub.git"]);
    fresh.git(&["config", "branch.main.remote", "origin"]);
    fresh.git(&["config", "branch.main.merge", "refs/heads/main"]);
    fresh.write("b", "in the way\n");
    fresh.gsync(&["pull"]).exits(1).says("because: b");
    fs::remove_file(fresh.path("b")).unwrap();
    fresh.write("mine", "mine\n");
    fresh.gsync(&["pull"]).exits(0);
    assert_eq!(fresh.git(&["status", "--short"]), "?? mine");
    assert_eq!(fresh.read("b"), "b\n");
    fresh.gsync(&["undo"]).exits(0);
    assert_eq!(fresh.git(&["status", "--short"]), "?? mine");
    assert!(!fresh.path("b").exists());
}

#[test]
fn a_history_that_is_too_short_to_join_is_refused_by_name() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    let address = format!("file://{}", lab.path("hub.git").display());
    ada.git(&["clone", "-q", "--depth=1", &address, "../shallow"]);
    let shallow = lab.at("eve", lab.path("shallow"));
    shallow.commit("mine", "m\n", "mine");
    bob.git(&["commit", "-q", "--amend", "-m", "another root"]);
    bob.git(&["push", "-q", "--force", "origin", "main"]);
    shallow.git(&["fetch", "-q", "--depth=1", "origin"]);
    shallow.git(&["reflog", "expire", "--expire=now", "--all"]);
    let before = all_of(&shallow);
    shallow.gsync(&["pull"]).exits(1);
    assert_eq!(all_of(&shallow), before);
}

#[test]
fn names_of_all_kinds_are_moved() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    let names =
        ["sp ace", "new\nline", "q\"uote", "back\\slash", "gr\u{fc}n", "-dash", ":colon", "*"];
    for name in names {
        bob.write(name, "theirs\n");
        ada.write(&format!("{name}.mine"), "mine\n");
    }
    bob.git(&["add", "--all"]);
    bob.git(&["commit", "-q", "-m", "names"]);
    bob.push();
    ada.gsync(&["pull"]).exits(0);
    assert_eq!(ada.git(&["status", "--short", "-z"]).matches(".mine").count(), names.len());
    assert!(names.iter().all(|name| ada.read(name) == "theirs\n"));
    ada.gsync(&["undo"]).exits(0);
    assert!(names.iter().all(|name| !ada.path(name).exists()));
    assert_eq!(ada.git(&["status", "--short", "-z"]).matches(".mine").count(), names.len());
}

#[test]
fn other_hashes_and_other_ref_stores_work() {
    for option in ["--object-format=sha256", "--ref-format=reftable"] {
        let lab = Lab::new();
        let person = lab.person("x");
        if person.try_git(&["init", "-q", "--bare", option, "../other.git"]).code != 0 {
            continue;
        }
        person.git(&["init", "-q", option, "../one"]);
        let one = lab.at("ada", lab.path("one"));
        one.git(&["remote", "add", "origin", "../other.git"]);
        one.commit("f", "f\n", "first");
        one.git(&["push", "-q", "-u", "origin", "main"]);
        crate::lab::copy(&one.dir, &lab.path("two"));
        let two = lab.at("bob", lab.path("two"));
        two.commit("g", "g\n", "second");
        two.git(&["rm", "-q", "f"]);
        two.git(&["commit", "-q", "-m", "third"]);
        two.git(&["push", "-q"]);
        one.write("h", "dirty\n");
        one.git(&["add", "h"]);
        one.commit("i", "i\n", "mine");
        one.write("j", "dirty\n");
        one.gsync(&["pull"]).exits(0);
        assert_eq!(one.git(&["status", "--short"]), "?? j", "{option}");
        assert!(!one.path("f").exists());
        one.gsync(&["undo"]).exits(0);
        assert!(one.path("f").exists() && !one.path("g").exists());
        one.gsync(&["finish", "--all", "-m", "j"]).exits(0);
    }
}
