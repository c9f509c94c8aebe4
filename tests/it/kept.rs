//! What git's stash loses, one row for each, under each way of a pull: HEAD moves, and all that
//! was not committed is as it was, down to modes, times and the list of stashes; undo leads back.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::lab::{Lab, Person, copy, picture};
use crate::pull::{times, two};

/// What comes in, and is no part of the comparison.
const INCOMING: [&str; 2] = ["dir/d", "in/x"];

fn is_incoming(name: &str) -> bool {
    INCOMING.iter().any(|path| name.contains(path)) || name == "in/ 755"
}

/// All that is not committed, and what git does not keep of it.
fn uncommitted(who: &Person<'_>) -> String {
    let mut all = String::new();
    for args in [
        &["status", "--porcelain=v2", "--ignored", "--untracked-files=all"][..],
        &["diff", "--binary"],
        &["diff", "--binary", "--cached"],
        &["ls-files", "--stage", "-t", "-v"],
        &["stash", "list", "--format=%H %gd %s"],
        &["diff", "--cached", "--name-status", "-M"],
    ] {
        all += &who.git(args);
        all += "\n--\n";
    }
    let files = picture(&who.dir);
    let files = files.lines().filter(|line| !line.starts_with(".git/"));
    all += &files.collect::<Vec<_>>().join("\n");
    for (name, time) in times(&who.dir) {
        all += &format!("\n{name} at {time}");
    }
    all.lines().filter(|line| !is_incoming(line)).collect::<Vec<_>>().join("\n")
}

/// The same without times, and with what comes in: for the way back.
fn whole(who: &Person<'_>) -> String {
    let files = picture(&who.dir);
    let files = files.lines().filter(|line| !line.starts_with(".git/"));
    format!("{}\n{}", who.state(), files.collect::<Vec<_>>().join("\n"))
}

fn mode(who: &Person<'_>, path: &str, mode: u32) {
    fs::set_permissions(who.path(path), fs::Permissions::from_mode(mode)).unwrap();
}

type Row = (&'static str, fn(&Person<'_>));

const ROWS: &[Row] = &[
    ("staged and more on top", |ada| {
        ada.write("a", "1 staged\n2\n3\n4\n5\n6\n7\n8\n9\n");
        ada.git(&["add", "a"]);
        ada.write("a", "1 staged\n2\n3\n4\n5\n6\n7\n8\n9 not\n");
    }),
    ("staged, and the file as in HEAD", |ada| {
        ada.write("b", "only staged\n");
        ada.git(&["add", "b"]);
        ada.write("b", "b\n");
    }),
    ("a staged rename with a change on top", |ada| {
        ada.git(&["mv", "b", "moved"]);
        ada.write("moved", "b\nand more\n");
    }),
    ("announced to the index", |ada| {
        ada.write("announced", "n\n");
        ada.git(&["add", "-N", "announced"]);
    }),
    ("taken out of the index, and still there", |ada| {
        ada.git(&["rm", "-q", "--cached", "c"]);
    }),
    ("deleted, staged and not", |ada| {
        ada.git(&["rm", "-q", "b"]);
        fs::remove_file(ada.path("c")).unwrap();
    }),
    ("untracked, for the owner only, and an empty directory", |ada| {
        ada.write("secret", "s\n");
        mode(ada, "secret", 0o600);
        fs::create_dir_all(ada.path("empty/below")).unwrap();
    }),
    ("ignored files", |ada| {
        ada.write("x.ign", "x\n");
        ada.write("build/out/o", "o\n");
        mode(ada, "build/out/o", 0o400);
    }),
    ("modes that git keeps and that it does not", |ada| {
        mode(ada, "run", 0o700);
        mode(ada, "c", 0o600);
        mode(ada, "b", 0o755);
        ada.git(&["add", "b"]);
    }),
    ("a file that became a link, and a link to nowhere", |ada| {
        fs::remove_file(ada.path("b")).unwrap();
        std::os::unix::fs::symlink("c", ada.path("b")).unwrap();
        std::os::unix::fs::symlink("/no/where", ada.path("lost")).unwrap();
        ada.git(&["add", "lost"]);
    }),
    ("a file that became a directory", |ada| {
        fs::remove_file(ada.path("b")).unwrap();
        ada.write("b/below", "b\n");
    }),
    ("a binary file", |ada| ada.write("b", b"\0\xff\r\n\0")),
    ("stashes", |ada| {
        ada.write("b", "stashed\n");
        ada.git(&["stash", "-q"]);
        ada.write("c", "stashed too\n");
        ada.write("more", "untracked\n");
        ada.git(&["stash", "-q", "-u"]);
        ada.write("c", "not stashed\n");
    }),
    ("edits that git was told not to look at", |ada| {
        ada.git(&["update-index", "--skip-worktree", "b"]);
        ada.git(&["update-index", "--assume-unchanged", "c"]);
        ada.write("b", "local\n");
        ada.write("c", "local\n");
    }),
    ("a repository inside of this one", |ada| {
        ada.git(&["init", "-q", "nested"]);
        ada.write("nested/f", "f\n");
    }),
    ("a staged file of no bytes, and one with an odd name", |ada| {
        ada.write("none", "");
        ada.git(&["add", "none"]);
        ada.write(" odd\n\"name\\", "o\n");
    }),
];

const WAYS: &[Row] = &[
    ("a fast-forward", |_| {}),
    ("a replay", |ada| drop(ada.commit("mine", "mine\n", "mine"))),
    ("a merge", |ada| {
        ada.git(&["switch", "-q", "-c", "topic"]);
        ada.commit("t", "t\n", "topic");
        ada.git(&["switch", "-q", "main"]);
        ada.commit("mine", "mine\n", "mine");
        ada.git(&["merge", "-q", "--no-ff", "-m", "join", "topic"]);
    }),
];

#[test]
fn what_a_stash_loses_is_kept_under_every_way_of_a_pull_and_undo_leads_back() {
    let lab = Lab::new();
    let (_ada, bob) = two(&lab);
    bob.write("in/x", "new\n");
    bob.commit("dir/d", "bob\n", "bob");
    bob.commit_all("bob too");
    bob.push();
    for (w, (way, prepare)) in WAYS.iter().enumerate() {
        for (r, (row, make)) in ROWS.iter().enumerate() {
            // Each row under a replay, which does all that the others do; a third of them each.
            if w != 1 && r % 3 != w {
                continue;
            }
            let world = lab.path(&format!("w{w}r{r}"));
            copy(&lab.path("ada"), &world.join("ada"));
            copy(&lab.path("hub.git"), &world.join("hub.git"));
            let ada = lab.at("ada", world.join("ada"));
            prepare(&ada);
            make(&ada);
            let (kept, before) = (uncommitted(&ada), whole(&ada));
            let seen = ada.gsync(&["pull"]);
            assert_eq!(seen.code, 0, "{row}, {way}\n{}", seen.all());
            assert_eq!(ada.git(&["rev-list", "--count", "HEAD..origin/main"]), "0");
            assert_eq!(ada.read("dir/d"), "bob\n");
            assert_eq!(uncommitted(&ada), kept, "{row}, {way}");
            let undone = ada.gsync(&["undo"]);
            assert_eq!(undone.code, 0, "{row}, {way}\n{}", undone.all());
            assert_eq!(whole(&ada), before, "{row}, {way}, and back");
            fs::remove_dir_all(&world).unwrap();
        }
    }
}

#[test]
fn a_stash_of_another_work_tree_is_neither_used_nor_seen() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    ada.git(&["worktree", "add", "-q", "--track", "-b", "side", "../side", "origin/main"]);
    let side = lab.at("ada", lab.path("side"));
    side.write("c", "of the other one\n");
    side.git(&["stash", "-q"]);
    bob.commit("dir/d", "bob\n", "bob");
    bob.push();
    ada.write("b", "dirty\n");
    let (stash, there) = (ada.git(&["stash", "list", "--format=%H"]), whole(&side));
    ada.gsync(&["pull"]).exits(0);
    assert_eq!((ada.read("b"), ada.read("c")), ("dirty\n".into(), "c\n".into()));
    assert_eq!(ada.git(&["stash", "list", "--format=%H"]), stash);
    let mains = |all: &str| -> Vec<String> {
        all.lines().filter(|line| !line.contains("refs/heads/main")).map(str::to_owned).collect()
    };
    assert_eq!(mains(&whole(&side)), mains(&there));
}

#[test]
fn unpushed_work_is_told_after_the_refs_were_packed() {
    let lab = Lab::new();
    let (ada, _bob) = two(&lab);
    ada.git(&["switch", "-q", "-c", "topic"]);
    ada.commit("t", "t\n", "topic");
    ada.git(&["switch", "-q", "main"]);
    ada.commit("b", "mine\n", "mine");
    ada.git(&["pack-refs", "--all"]);
    let seen = ada.gsync(&["--json", "status"]).exits(0).json();
    assert_eq!((&seen["relation"], &seen["ahead"]), (&"ahead".into(), &1.into()));
    assert_eq!(seen["unpushed_branches"][0]["branch"], "topic");
}

#[test]
fn a_finish_of_files_that_are_as_before_says_so_and_keeps_what_is_staged() {
    let lab = Lab::new();
    let (ada, _bob) = two(&lab);
    for make in [ROWS[1].1, ROWS[4].1] {
        make(&ada);
        let before = whole(&ada);
        ada.gsync(&["finish", "--all", "-m", "x"]).exits(1).says("as in the last commit");
        assert_eq!(whole(&ada), before);
        ada.git(&["reset", "-q"]);
    }
}
