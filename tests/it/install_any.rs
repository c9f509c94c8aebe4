//! Whatever was there before: install, then uninstall, and nothing differs; killed at any step
//! and rescued, nothing differs either.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::install::{new_git, seen};
use crate::lab::{Lab, Person};

/// A world that somebody else has furnished.
struct Prior {
    dir: PathBuf,
    git_dir: PathBuf,
    bare: bool,
    new_git: bool,
    told: String,
}

fn furnish(lab: &Lab, rng: &mut fastrand::Rng) -> Prior {
    let qc = lab.person("a 'b' $c");
    let mut told = String::new();
    let (dir, git_dir, bare) = match rng.u8(..5) {
        0 => (lab.path("hub.git"), lab.path("hub.git"), true),
        1 => {
            qc.git(&["worktree", "add", "--quiet", "-b", "side", "../side"]);
            (lab.path("side"), qc.path(".git"), false)
        }
        2 => {
            qc.git(&["submodule", "--quiet", "add", "../hub.git", "part"]);
            (qc.path("part"), qc.path(".git/modules/part"), false)
        }
        _ => (qc.dir.clone(), qc.path(".git"), false),
    };
    told += &format!("{} ", dir.file_name().unwrap().to_string_lossy());
    let here = lab.at("qc", dir.clone());
    let hooks = git_dir.join("hooks");
    if rng.u8(..4) > 0 {
        fs::create_dir_all(&hooks).unwrap();
        for name in [
            "pre-commit",
            "post-commit",
            "pre-push",
            "post-merge",
            "commit-msg",
            "pre-receive",
            "post-receive",
            "pre-push.sample",
            "helper",
            "lib",
        ] {
            if rng.bool() {
                told += &format!("{name}:{} ", foreign(&hooks.join(name), rng));
            }
        }
    }
    let config = git_dir.join("config");
    let mut text = fs::read_to_string(&config).unwrap();
    for part in [
        "# a comment\n",
        "[gsync]\n\tcolor = never ; mine\n",
        "[gsync]\n",
        "[hook \"other\"]\n\tcommand = true\n\tevent = pre-push\n",
        "[core]\n\t# hooksPath = x\n",
        "[alias]\n\tx = status",
    ] {
        if rng.u8(..3) == 0 {
            text += part;
            if !part.ends_with('\n') {
                break;
            }
        }
    }
    fs::write(&config, text).unwrap();
    let path = match rng.u8(..6) {
        0 => Some(".githooks".to_owned()),
        1 => Some(lab.path("else where").to_string_lossy().into_owned()),
        2 => Some(hooks.to_string_lossy().into_owned()),
        _ => None,
    };
    if let Some(path) = path {
        told += &format!("hooksPath={path} ");
        here.git(&["config", "core.hooksPath", &path]);
    }
    let new_git = rng.u8(..4) == 0;
    told += if new_git { "git 2.54" } else { "" };
    Prior { dir, git_dir, bare, new_git, told }
}

fn foreign(path: &Path, rng: &mut fastrand::Rng) -> &'static str {
    // git's own template may have put a sample there.
    let _ = fs::remove_file(path);
    let mode = *rng.choice(&[0o755, 0o700, 0o644, 0o777, 0o555]).unwrap();
    let (bytes, kind): (&[u8], _) = match rng.u8(..5) {
        0 => {
            symlink("../../no where/hook", path).unwrap();
            return "dangling link";
        }
        1 => {
            symlink("pre-push.sample", path).unwrap();
            return "link";
        }
        2 => (b"\x7fELF\x00\xff\xfe", "binary"),
        3 => (b"#!/bin/sh\r\nexit 0\r\n", "crlf"),
        _ => (b"#!/bin/sh\n# gsync is mentioned\nexit 0\n", "script"),
    };
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    kind
}

fn actor<'lab>(lab: &'lab Lab, prior: &Prior) -> Person<'lab> {
    let person = lab.at("qc", prior.dir.clone());
    if prior.new_git {
        person.with_env("GSYNC_GIT", new_git(lab).to_str().unwrap())
    } else {
        person
    }
}

fn cases(normal: u64) -> u64 {
    std::env::var("GSYNC_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(normal)
}

fn first_seed() -> u64 {
    std::env::var("GSYNC_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(1)
}

#[test]
fn whatever_was_there_before_an_uninstall_brings_it_back() {
    for seed in first_seed()..first_seed() + cases(40) {
        let lab = Lab::new();
        let mut rng = fastrand::Rng::with_seed(seed);
        let prior = furnish(&lab, &mut rng);
        let what = format!("GSYNC_SEED={seed} GSYNC_CASES=1: {}", prior.told);
        let qc = actor(&lab, &prior);
        let before = seen(&prior.git_dir);
        let args: &[&str] = if rng.bool() { &["install", "--role", "qc"] } else { &["install"] };
        let first = qc.gsync(args);
        assert_eq!(first.code, 0, "{what}\n{}", first.all());
        let installed = seen(&prior.git_dir);
        let again = qc.gsync(args);
        assert!(again.all().contains("already installed"), "{what}\n{}", again.all());
        assert_eq!(seen(&prior.git_dir), installed, "{what}");
        assert_ne!(installed, before, "{what}");
        let out = qc.gsync(&["uninstall"]);
        assert_eq!(out.code, 0, "{what}\n{}", out.all());
        assert_eq!(seen(&prior.git_dir), before, "{what}");
        assert!(!prior.git_dir.join("gsync").exists(), "{what}");
        assert!(prior.bare || !prior.dir.join(".gsync.toml").exists(), "{what}");
    }
}

#[test]
fn a_run_that_is_killed_at_any_step_is_put_back_by_rescue() {
    for seed in first_seed()..first_seed() + cases(1) {
        for at in 1.. {
            let lab = Lab::new();
            let mut rng = fastrand::Rng::with_seed(seed);
            let prior = furnish(&lab, &mut rng);
            let what = format!("seed {seed}, stop at {at}: {}", prior.told);
            let before = seen(&prior.git_dir);
            let stop = at.to_string();
            let killed = actor(&lab, &prior)
                .with_env("GSYNC_STOP_AT", &stop)
                .gsync(&["install", "--role", "qc"]);
            if killed.code == 0 {
                break;
            }
            let rescue = actor(&lab, &prior).gsync(&["rescue"]);
            assert_eq!(rescue.code, 0, "{what}\n{}", rescue.all());
            assert_eq!(seen(&prior.git_dir), before, "{what}");
            assert!(!prior.dir.join(".gsync.toml").exists(), "{what}");
        }
    }
}

#[test]
fn an_uninstall_that_is_killed_is_put_back_too() {
    for seed in first_seed()..first_seed() + cases(1) {
        // Every third place: the others are much the same.
        for at in (1..).step_by(3) {
            let lab = Lab::new();
            let mut rng = fastrand::Rng::with_seed(seed);
            let prior = furnish(&lab, &mut rng);
            let what = format!("seed {seed}, stop at {at}: {}", prior.told);
            let qc = actor(&lab, &prior);
            qc.gsync(&["install", "--role", "qc"]).exits(0);
            // A shim that was written again is as good: its time is nobody's.
            let files = || {
                let all = seen(&prior.git_dir);
                let timed = prior.git_dir.display().to_string();
                let files = all.lines().filter(|line| !line.starts_with(&timed));
                files.map(str::to_owned).collect::<Vec<_>>()
            };
            let installed = files();
            let stops = actor(&lab, &prior).with_env("GSYNC_STOP_AT", &at.to_string());
            if stops.gsync(&["uninstall"]).code == 0 {
                break;
            }
            qc.gsync(&["rescue"]).exits(0);
            assert_eq!(files(), installed, "{what}");
            qc.gsync(&["install", "--role", "qc"]).exits(0).says("already installed");
        }
    }
}

#[test]
fn a_full_disk_leaves_everything_as_it_was() {
    for at in 1..9 {
        let lab = Lab::new();
        let qc = lab.person("qc");
        qc.script(".git/hooks/pre-push", "#!/bin/sh\nexit 0\n");
        let before = seen(&qc.path(".git"));
        let full = lab.at("qc", qc.dir.clone()).with_env("GSYNC_DISK_FULL", &at.to_string());
        full.gsync(&["install", "--role", "qc"]).exits(3).says("No space left");
        assert_eq!(seen(&qc.path(".git")), before, "write {at}");
        assert!(!qc.path(".gsync.toml").exists());
    }
}

#[test]
fn a_repository_whose_path_has_a_newline_and_quotes_is_one_like_any_other() {
    let lab = Lab::new();
    let qc = lab.person("two\nlines 'and' \"more\" $x `y`");
    qc.script(".git/hooks/pre-push", "#!/bin/sh\ntouch \"$PWD/../ran\"\n");
    qc.gsync(&["install"]).exits(0);
    qc.gsync(&["install"]).exits(0).says("already installed");
    qc.write("a.pem", "x");
    qc.git(&["add", "-f", "a.pem"]);
    let _ = qc.try_git(&["commit", "-m", "x"]).exits(1).says("a.pem");
    qc.git(&["reset", "--quiet"]);
    qc.commit("b", "b", "b");
    let _ = qc.try_git(&["push", "origin", "main"]).exits(0);
    assert!(lab.path("ran").exists());
    qc.gsync(&["uninstall"]).exits(0);
    assert!(qc.read(".git/hooks/pre-push").contains("touch"));
    assert_eq!(qc.read(".git/config"), fs::read_to_string(lab.path("clone/.git/config")).unwrap());
    assert!(!qc.path(".git/gsync").exists());
}

#[test]
fn what_stands_in_the_way_is_named_and_nothing_is_changed() {
    let lab = Lab::new();
    let qc = lab.person("qc");
    fs::create_dir_all(qc.path(".git/hooks/pre-push")).unwrap();
    let before = seen(&qc.path(".git"));
    qc.gsync(&["install"]).exits(1).says("a directory is where the pre-push hook belongs");
    assert_eq!(seen(&qc.path(".git")), before);
    fs::remove_dir(qc.path(".git/hooks/pre-push")).unwrap();
    qc.write(".git/config.lock", "");
    qc.gsync(&["install", "--role", "qc"]).exits(3).says("could not lock config file");
    fs::remove_file(qc.path(".git/config.lock")).unwrap();
    qc.write(".gsync.toml", "[hub]\nbrunch = 1\n");
    qc.gsync(&["install"]).exits(2).says(".gsync.toml:2").says("write `branch`");
    qc.write(".gsync.toml", "[roles.builder]\n");
    qc.gsync(&["install", "--role", "bilder"]).exits(1).says("gsync install --role builder");
    assert!(!qc.path(".git/hooks/pre-commit").exists());
}
