//! Two people who work at random (edits, staging, untracked and ignored files, renames, modes,
//! links) and start, finish and undo in random order: nothing that either of them wrote is ever
//! out of reach, and an undo right after leads exactly back. `GSYNC_CASES` raises the number of
//! cases, `GSYNC_SEED` repeats one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::lab::{Lab, Person, copy};
use crate::pull::{all_of, two};
use crate::random::{cases, number, work};

/// Without the times of files, which a way there and back may change.
fn state(who: &Person<'_>) -> String {
    let all = all_of(who);
    let lines = all.lines().filter(|line| !line.rsplit(' ').next().unwrap().starts_with("17"));
    lines.collect::<Vec<_>>().join("\n")
}

/// What somebody has before a command: contents by path, commits, ignored files.
struct Have {
    blobs: BTreeMap<String, String>,
    head: String,
    ignored: Vec<(String, Vec<u8>)>,
}

/// The blob without anything in it.
const EMPTY: &str = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";

fn listed(who: &Person<'_>, args: &[&str]) -> Vec<String> {
    let out = who.try_git(&[&["ls-files", "-z"], args].concat()).stdout;
    out.split_terminator('\0').map(str::to_owned).collect()
}

/// The contents of all files that are not ignored, and of the index.
fn blobs(who: &Person<'_>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let files = listed(who, &["--cached", "--others", "--exclude-standard"]);
    for path in files.iter().collect::<BTreeSet<_>>() {
        let at = who.path(path);
        if at.is_symlink() || !at.is_file() {
            continue;
        }
        let id = who.git(&["hash-object", "--no-filters", "--", path]);
        found.insert(id, path.clone());
    }
    for line in listed(who, &["--stage"]) {
        let (meta, path) = line.split_once('\t').unwrap();
        // What was only announced (`git add -N`) has no contents there.
        if meta.contains(EMPTY) {
            continue;
        }
        found.insert(meta.split(' ').nth(1).unwrap().to_owned(), format!("staged {path}"));
    }
    found
}

fn have(who: &Person<'_>) -> Have {
    let ignored = listed(who, &["--others", "--ignored", "--exclude-standard"]);
    let ignored = ignored.into_iter().filter(|path| who.path(path).is_file());
    Have {
        blobs: blobs(who),
        head: who.git(&["rev-parse", "HEAD"]),
        ignored: ignored.map(|path| (path.clone(), fs::read(who.path(&path)).unwrap())).collect(),
    }
}

/// Whatever was there is still there, or can be reached by a name.
#[track_caller]
fn nothing_is_lost(who: &Person<'_>, before: &Have, what: &str) {
    let reached = who.git(&["rev-list", "--objects", "--no-object-names", "--all", "HEAD"]);
    let reached: BTreeSet<&str> = reached.lines().collect();
    let here = blobs(who);
    for (id, path) in &before.blobs {
        let is_kept = reached.contains(id.as_str()) || here.contains_key(id);
        assert!(is_kept, "{what}: {path} of {} is lost", who.name);
    }
    assert!(reached.contains(before.head.as_str()), "{what}: a commit of {} is lost", who.name);
    for (path, bytes) in &before.ignored {
        // It may be tracked by now, if the other one pushed the same.
        assert_eq!(&fs::read(who.path(path)).unwrap(), bytes, "{what}: ignored {path}");
    }
}

fn runs(who: &Person<'_>) -> usize {
    who.read_dir(".git/gsync/runs").len()
}

#[test]
fn whatever_two_people_do_in_whatever_order_nothing_is_lost_and_undo_leads_back() {
    let lab = Lab::new();
    let _ = two(&lab);
    let (cases, first) = (cases(4, 50), number("GSYNC_SEED", 1));
    let (mut moved, mut refused, mut back) = (0, 0, 0);
    for seed in first..first + cases {
        let mut rng = fastrand::Rng::with_seed(seed);
        let world = lab.path(&format!("pair{seed}"));
        for part in ["ada", "bob", "hub.git"] {
            copy(&lab.path(part), &world.join(part));
        }
        let people = [lab.at("ada", world.join("ada")), lab.at("bob", world.join("bob"))];
        for turn in 0..rng.usize(4..9) {
            let who = &people[rng.usize(..2)];
            work(&mut rng, who);
            let _ = who.try_git(&["status"]);
            let args: &[&str] = match rng.u8(..16) {
                0..=4 => &["start"],
                5..=10 => &["finish", "--all", "-m", "work"],
                11 => &["finish", "-m", "staged"],
                12 => &["finish"],
                13 => &["undo", "--hub"],
                _ => &["undo"],
            };
            let what = format!("seed {seed}, turn {turn}: {} {args:?}", who.name);
            let (before, exactly, had, ran) = (state(who), all_of(who), have(who), runs(who));
            let seen = who.gsync(args);
            nothing_is_lost(who, &had, &what);
            match seen.code {
                0 => moved += 1,
                1 => {
                    refused += 1;
                    assert_eq!(all_of(who), exactly, "{what}\n{}", seen.all());
                }
                // The commit stays, and what comes in meets it.
                4 => assert!(seen.all().contains("is committed here"), "{what}\n{}", seen.all()),
                code => panic!("{what}: {code}\n{}", seen.all()),
            }
            if runs(who) > ran && matches!(seen.code, 0 | 4) && rng.bool() {
                let (after, had) = (state(who), have(who));
                let undone = who.gsync(&["undo"]);
                // What only pushed has nothing to take back here.
                if undone.code == 1 && undone.all().contains("the hub keeps it") {
                    continue;
                }
                assert_eq!(undone.code, 0, "{what}\n{}\n{}", seen.all(), undone.all());
                assert_eq!(state(who), before, "{what}, and back\n{}", seen.all());
                nothing_is_lost(who, &had, &what);
                if rng.bool() {
                    let again = who.gsync(&["undo"]);
                    assert_eq!(again.code, 0, "{what}\n{}", again.all());
                    assert_eq!(state(who), after, "{what}, there, back and there");
                }
                back += 1;
            }
        }
        for who in &people {
            let fsck = who.try_git(&["fsck", "--strict"]);
            assert_eq!(fsck.code, 0, "seed {seed} {}", fsck.all());
        }
        fs::remove_dir_all(&world).unwrap();
    }
    assert!(first > 1 || (moved > 3 && refused > 0 && back > 0), "{moved} {refused} {back}");
}
