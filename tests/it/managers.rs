//! Beside other hook managers: the real ones, installed before gsync and after it.
//!
//! Where they are is in the environment (`test.sh` sets it): one that is missing is a failure
//! under CI, else a line that says so.

use std::path::{Path, PathBuf};

use crate::lab::{Lab, Person, Seen};

/// A foreign program, if it is here.
pub fn tool(name: &str) -> Option<PathBuf> {
    let variable = format!("GSYNC_TEST_{name}");
    let found = std::env::var_os(&variable).map(PathBuf::from);
    if found.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{variable} is not set");
        eprintln!("skipped: {variable} is not set");
    }
    found
}

#[derive(Clone, Copy)]
struct Manager {
    name: &'static str,
    /// Its file of settings.
    file: (&'static str, &'static str),
    install: &'static [&'static str],
}

const LEFTHOOK: Manager = Manager {
    name: "LEFTHOOK",
    file: ("lefthook.yml", "pre-push:\n  commands:\n    t:\n      run: echo manager >>trace.txt\n"),
    install: &["install"],
};
const HUSKY: Manager = Manager {
    name: "HUSKY",
    file: (".husky/pre-push", "echo manager >>trace.txt\n"),
    install: &[],
};
const YAML: &str = "repos:\n- repo: local\n  hooks:\n  - id: t\n    name: t\n    language: system\n    entry: sh -c 'echo manager >>trace.txt'\n    always_run: true\n    pass_filenames: false\n    stages: [pre-push]\n";
const PRE_COMMIT: Manager = Manager {
    name: "PRE_COMMIT",
    file: (".pre-commit-config.yaml", YAML),
    install: &["install", "--hook-type", "pre-push"],
};
const PREK: Manager = Manager { name: "PREK", ..PRE_COMMIT };

impl Manager {
    fn prepare(&self, person: &Person<'_>) {
        person.commit(self.file.0, self.file.1, "settings of a hook manager");
    }

    fn install(&self, person: &Person<'_>, tool: &Path) {
        let out = person.command(tool).args(self.install).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }
}

/// Pushes a new commit by git itself, and tells whether the manager's hook ran.
fn pushes(person: &Person<'_>) -> (Seen, bool) {
    let _ = std::fs::remove_file(person.path("trace.txt"));
    // Something that differs, or a manager has nothing to look at.
    let old = person.try_git(&["rev-list", "--count", "HEAD"]).stdout;
    person.commit("file", &old, "more");
    let seen = person.try_git(&["push", "--quiet", "origin", "HEAD"]);
    (seen, person.path("trace.txt").exists())
}

/// A push that gsync refuses (a protected file) and one that goes through: in both the
/// manager's hook ran, so both fire on the same push.
fn both_fire(person: &Person<'_>, manager: &Manager) {
    let (seen, ran) = pushes(person);
    assert!(seen.code == 0 && ran, "{} did not run\n{}", manager.name, seen.all());
    person.commit("secret.pem", "x\n", "a protected file");
    let _ = std::fs::remove_file(person.path("trace.txt"));
    let seen = person.try_git(&["push", "--quiet", "origin", "HEAD"]);
    let ran = person.path("trace.txt").exists();
    assert!(seen.code != 0 && seen.all().contains("secret.pem"), "gsync: {}", seen.all());
    assert!(ran, "{} did not run\n{}", manager.name, seen.all());
    person.git(&["reset", "--quiet", "--hard", "HEAD^"]);
}

/// Whether git would run gsync for a push.
fn gsync_fires(person: &Person<'_>) -> bool {
    let json = person.gsync(&["doctor", "--json"]).json();
    json["checks"]
        .as_array()
        .unwrap()
        .iter()
        .any(|check| check["check"] == "pre-push" && check["state"] == "ok")
}

fn hooks(person: &Person<'_>) -> String {
    let there = person.path(".git/hooks").exists();
    if there { person.tree(".git/hooks") } else { String::new() }
}

fn before_gsync(manager: Manager) {
    let Some(tool) = tool(manager.name) else { return };
    let lab = Lab::new();
    let qc = lab.person("qc");
    manager.prepare(&qc);
    manager.install(&qc, &tool);
    let (seen, ran) = pushes(&qc);
    assert!(seen.code == 0 && ran, "{}", seen.all());
    let before = (hooks(&qc), qc.read(".git/config"));
    qc.gsync(&["install"]).exits(0);
    assert!(gsync_fires(&qc), "{}", qc.gsync(&["doctor"]).all());
    both_fire(&qc, &manager);
    qc.gsync(&["uninstall"]).exits(0);
    assert_eq!((hooks(&qc), qc.read(".git/config")), before);
    let (seen, ran) = pushes(&qc);
    assert!(seen.code == 0 && ran, "{}", seen.all());
}

/// Installed after gsync, a manager may take our place. Then the doctor says so, and
/// `gsync install` makes both fire.
fn after_gsync(manager: Manager) {
    let Some(tool) = tool(manager.name) else { return };
    let lab = Lab::new();
    let qc = lab.person("qc");
    manager.prepare(&qc);
    qc.gsync(&["install"]).exits(0);
    manager.install(&qc, &tool);
    let (seen, ran) = pushes(&qc);
    assert!(seen.code == 0 && ran, "{}", seen.all());
    qc.gsync(&["doctor"]).exits(1).says("gsync install");
    qc.gsync(&["install"]).exits(0);
    assert!(gsync_fires(&qc), "{}", qc.gsync(&["doctor"]).all());
    both_fire(&qc, &manager);
    qc.gsync(&["install"]).exits(0).says("already installed");
    qc.gsync(&["uninstall"]).exits(0);
    let (seen, ran) = pushes(&qc);
    assert!(seen.code == 0 && ran, "the manager lost its hook\n{}", seen.all());
    let left = hooks(&qc);
    assert!(!left.contains("gsync hook") && !qc.path(".git/gsync").exists(), "{left}");
}

#[test]
fn lefthook_that_was_first_runs_on() {
    before_gsync(LEFTHOOK);
}

#[test]
fn lefthook_that_comes_later_is_noticed_and_chained() {
    after_gsync(LEFTHOOK);
}

#[test]
fn husky_that_was_first_runs_on() {
    before_gsync(HUSKY);
}

#[test]
fn husky_that_comes_later_is_noticed_and_chained() {
    after_gsync(HUSKY);
}

#[test]
fn pre_commit_that_was_first_runs_on() {
    before_gsync(PRE_COMMIT);
}

#[test]
fn pre_commit_that_comes_later_is_noticed_and_chained() {
    after_gsync(PRE_COMMIT);
}

#[test]
fn prek_that_was_first_runs_on() {
    before_gsync(PREK);
}

#[test]
fn prek_that_comes_later_is_noticed_and_chained() {
    after_gsync(PREK);
}

#[test]
fn the_hooks_of_git_lfs_are_chained_and_missed() {
    let Some(lfs) = tool("GIT_LFS") else { return };
    let lab = Lab::new();
    let qc = lab.person("qc");
    qc.commit(".gitattributes", "*.bin filter=lfs\n", "lfs");
    qc.gsync(&["install"]).exits(0);
    qc.gsync(&["doctor"]).exits(1).says("git-lfs").says("git lfs install");
    qc.gsync(&["uninstall"]).exits(0);
    let out = qc.command(lfs).args(["install", "--local"]).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let before = qc.tree(".git/hooks");
    qc.gsync(&["install"]).exits(0);
    let chain = qc.read(".git/gsync/chain");
    assert!(Path::new(chain.trim_end()).join("pre-push").is_file());
    qc.gsync(&["doctor"]).exits(0).says("pre-push from before runs first");
    qc.gsync(&["uninstall"]).exits(0);
    assert_eq!(qc.tree(".git/hooks"), before);
}
