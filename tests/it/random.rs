//! Random histories and random work: what a pull does is what git does where git succeeds, what
//! it does not do changes nothing, and undo brings back everything. `GSYNC_CASES` raises the
//! number of cases, `GSYNC_SEED` repeats one.

use std::fs;

use crate::lab::{Lab, Person, copy};
use crate::pull::{all_of, two};

pub fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// As many cases as are wanted; in CI enough of them to find what is rare.
pub fn cases(quick: u64, thorough: u64) -> u64 {
    let ci = std::env::var("CI").as_deref() == Ok("true");
    number("GSYNC_CASES", if ci { thorough } else { quick })
}

const PATHS: [&str; 10] =
    ["a", "b", "c", "dir/d", "dir/e", "run", "new", "dir/sub/f", "x.ign", "sp ace\u{e4}"];

/// One random change of a file.
fn change(rng: &mut fastrand::Rng, who: &Person<'_>) {
    let path = PATHS[rng.usize(..PATHS.len())];
    let at = who.path(path);
    match rng.u8(..10) {
        0 => drop(fs::remove_file(&at)),
        1 if at.is_file() => {
            use std::os::unix::fs::PermissionsExt;
            let mode = if rng.bool() { 0o755 } else { 0o644 };
            fs::set_permissions(&at, fs::Permissions::from_mode(mode)).unwrap();
        }
        2 if at.is_file() => {
            let to = who.path(PATHS[rng.usize(..PATHS.len())]);
            if !to.exists() && to.parent().unwrap().is_dir() {
                fs::rename(&at, &to).unwrap();
            }
        }
        3 => {
            let _ = fs::remove_file(&at);
            if at.parent().unwrap().is_dir() && !at.exists() {
                std::os::unix::fs::symlink("somewhere", &at).unwrap();
            }
        }
        _ => {
            let text = fs::read_to_string(&at).unwrap_or_default();
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.resize(lines.len().max(9), "line".to_owned());
            let n = rng.usize(..lines.len());
            lines[n] = format!("{} {}", who.name, rng.u16(..500));
            if at.is_symlink() {
                fs::remove_file(&at).unwrap();
            }
            if !at.is_dir() {
                who.write(path, lines.join("\n") + "\n");
            }
        }
    }
}

fn commits(rng: &mut fastrand::Rng, who: &Person<'_>, most: usize) {
    for n in 0..rng.usize(..=most) {
        for _ in 0..rng.usize(1..4) {
            change(rng, who);
        }
        who.git(&["add", "--all"]);
        who.git(&["commit", "-q", "--allow-empty", "-m", &format!("{} {n}", who.name)]);
    }
}

pub fn work(rng: &mut fastrand::Rng, who: &Person<'_>) {
    for _ in 0..rng.usize(..5) {
        change(rng, who);
        let path = PATHS[rng.usize(..PATHS.len())];
        match rng.u8(..5) {
            0 => drop(who.try_git(&["add", "--all"])),
            1 => drop(who.try_git(&["add", "--", path])),
            2 => drop(who.try_git(&["add", "-N", "--", path])),
            3 => drop(who.try_git(&["rm", "-q", "--cached", "--", path])),
            _ => {}
        }
    }
}

/// Without the times of files.
fn state(who: &Person<'_>) -> String {
    let index = fs::read(who.path(".git/index")).unwrap();
    let all = all_of(who);
    let lines = all.lines().filter(|line| !line.rsplit(' ').next().unwrap().starts_with("17"));
    format!("{}\n{index:?}", lines.collect::<Vec<_>>().join("\n"))
}

#[test]
fn a_pull_of_random_histories_does_what_git_does_and_undo_brings_everything_back() {
    let lab = Lab::new();
    let _ = two(&lab);
    let (cases, first) = (cases(12, 160), number("GSYNC_SEED", 1));
    let (mut as_git, mut moved, mut refused) = (0, 0, 0);
    for seed in first..first + cases {
        let mut rng = fastrand::Rng::with_seed(seed);
        let world = lab.path(&format!("case{seed}"));
        for part in ["ada", "bob", "hub.git"] {
            copy(&lab.path(part), &world.join(part));
        }
        let (ada, bob) = (lab.at("ada", world.join("ada")), lab.at("bob", world.join("bob")));
        commits(&mut rng, &bob, 3);
        bob.push();
        commits(&mut rng, &ada, 3);
        ada.git(&["fetch", "-q"]);

        // Clean: git's own rebase is the judge.
        let twin = lab.at("ada", world.join("twin"));
        copy(&ada.dir, &twin.dir);
        let rebased = twin.try_git(&["rebase", "-q", "origin/main"]).code == 0;
        let ours = lab.at("ada", world.join("ours"));
        copy(&ada.dir, &ours.dir);
        let seen = ours.gsync(&["pull"]);
        if rebased && ours.git(&["rev-list", "--count", "--merges", "HEAD"]) == "0" {
            let log = ["log", "--format=%T %an %ad %s", "-12"];
            assert_eq!(ours.git(&log), twin.git(&log), "seed {seed}\n{}", seen.all());
            as_git += 1;
        }

        // Dirty: all or nothing, and a way back.
        work(&mut rng, &ada);
        let _ = ada.try_git(&["status"]);
        let (before, exactly) = (state(&ada), all_of(&ada));
        let seen = ada.gsync(&["pull"]);
        let behind = ada.git(&["rev-list", "--count", "HEAD..origin/main"]);
        match seen.code {
            0 => {
                assert_eq!(behind, "0", "seed {seed}");
                moved += 1;
                ada.git(&["diff", "--quiet", "--diff-filter=U"]);
                if seen.all().contains("move main") {
                    ada.gsync(&["undo"]).exits(0);
                    assert_eq!(state(&ada), before, "seed {seed}");
                }
            }
            1 => {
                assert_ne!(behind, "0", "seed {seed}");
                refused += 1;
                assert_eq!(all_of(&ada), exactly, "seed {seed}");
            }
            _ => panic!("seed {seed}\n{}", seen.all()),
        }
        let fsck = ada.try_git(&["fsck", "--strict"]);
        assert_eq!(fsck.code, 0, "seed {seed} {}", fsck.all());
        fs::remove_dir_all(&world).unwrap();
    }
    assert!(first > 1 || (as_git > 2 && moved > 2 && refused > 2), "{as_git} {moved} {refused}");
}
