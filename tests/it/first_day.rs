//! The first day with gsync, as a new user has it: install.sh, a protected file, a push while
//! somebody else was first, a status that tells the truth; in a clone, a linked worktree and a
//! submodule.

use std::fs;
use std::path::Path;

use crate::lab::{Lab, Person};

/// A folder as a release has it: install.sh with the binary beside it.
fn release(lab: &Lab) -> std::path::PathBuf {
    let dir = lab.path("release");
    fs::create_dir_all(&dir).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("install.sh");
    fs::copy(source, dir.join("install.sh")).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_gsync"), dir.join("gsync")).unwrap();
    dir
}

/// Ben pushes first; then the person commits a protected file, works, and pushes.
fn a_day(lab: &Lab, person: &Person<'_>, ben: &Person<'_>) {
    ben.commit("ben.txt", "ben\n", "ben was first");
    ben.push();

    person.write(".env", "TOKEN=1\n");
    person.git(&["add", "-f", ".env"]);
    person.try_git(&["commit", "-m", "oops"]).exits(1).says(".env").says("protected");
    person.git(&["rm", "--quiet", "--cached", ".env"]);

    person.write("work.txt", "mine\n");
    person.git(&["add", "work.txt"]);
    person.try_git(&["commit", "-m", "my work"]).exits(0);
    let refused = person.try_git(&["push", "origin", "HEAD:main"]);
    let _ = refused.exits(1).says("ben was first").says("ben");
    let hub = lab.hub().git(&["log", "-1", "--format=%s", "main"]);
    assert_eq!(hub, "ben was first");

    let status = person.gsync(&["status", "--json"]).exits(0).json();
    assert_eq!(status["relation"], "diverged", "{status}");
    assert_eq!(status["ahead"], 1);
    assert_eq!(status["incoming"][0]["summary"], "ben was first");
    let _ = person.gsync(&["status"]).exits(0).says("ben was first").says("my work").says(".env");
}

#[test]
fn a_fresh_clone_is_guarded_from_the_first_command_on() {
    let lab = Lab::new();
    let (anna, ben) = (lab.person("anna"), lab.person("ben"));
    let release = release(&lab);
    let install = format!("{}/install.sh {}", release.display(), anna.dir.display());
    let _ = anna.sh(&install).exits(0).says("installed").says("main");
    // Twice changes nothing.
    let before = anna.tree(".git/hooks");
    let _ = anna.sh(&install).exits(0).says("up to date");
    assert_eq!(anna.tree(".git/hooks"), before);
    a_day(&lab, &anna, &ben);

    let uninstall = format!("{install} --uninstall");
    let _ = anna.sh(&uninstall).exits(0).says("removed");
    assert!(!anna.path(".git/hooks/pre-push").exists());
    assert!(!lab.path("home/.local/bin/gsync").exists());
}

#[test]
fn a_linked_worktree_is_guarded_like_its_first_one() {
    let lab = Lab::new();
    let (anna, ben) = (lab.member("anna"), lab.person("ben"));
    anna.git(&["worktree", "add", "--quiet", "-b", "topic", "../second"]);
    let second = lab.at("anna", lab.path("second"));
    second.git(&["branch", "--quiet", "--set-upstream-to=origin/main"]);
    a_day(&lab, &second, &ben);
}

#[test]
fn a_submodule_is_guarded_when_gsync_is_installed_in_it() {
    let lab = Lab::new();
    let (anna, ben) = (lab.person("anna"), lab.person("ben"));
    let hub = lab.path("hub.git");
    anna.git(&["submodule", "--quiet", "add", hub.to_str().unwrap(), "sub"]);
    let sub = lab.at("anna", anna.path("sub"));
    let _ = sub.gsync(&["install"]).exits(0);
    a_day(&lab, &sub, &ben);
}

#[test]
fn without_the_binary_nothing_is_committed_unjudged_and_the_way_out_is_told() {
    let lab = Lab::new();
    let anna = lab.person("anna");
    let install = format!("{}/install.sh {}", release(&lab).display(), anna.dir.display());
    let _ = anna.sh(&install).exits(0);
    fs::remove_file(lab.path("home/.local/bin/gsync")).unwrap();
    anna.write("a", "a\n");
    anna.git(&["add", "a"]);
    let _ = anna.try_git(&["commit", "-m", "a"]).exits(1).says("gsync is gone").says("hint:");
}

#[test]
fn whoever_installs_in_a_clone_that_is_behind_is_told_how_to_have_the_rules_of_the_team() {
    let lab = Lab::new();
    let (ada, bob) = (lab.person("ada"), lab.person("bob"));
    ada.commit(".gsync.toml", "[roles.qc]\n", "rules");
    ada.push();
    let _ = bob.gsync(&["install"]).exits(0);
    let template = bob.read(".gsync.toml");
    let _ = bob.gsync(&["start"]).exits(1).says("have theirs").says("`rm .gsync.toml`");
    assert_eq!(bob.read(".gsync.toml"), template, "what is there is not ours to take");
    std::fs::remove_file(bob.path(".gsync.toml")).unwrap();
    let _ = bob.gsync(&["start"]).exits(0);
    assert_eq!(bob.read(".gsync.toml"), "[roles.qc]\n");
}

#[test]
fn the_first_push_goes_to_a_hub_that_has_nothing_and_until_then_all_of_it_is_told() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.git(&["init", "-q", "--bare", "../new.git"]);
    ada.git(&["clone", "-q", "../new.git", "../fresh"]);
    let fresh = lab.at("ada", lab.path("fresh"));
    for command in ["start", "pull", "finish"] {
        fresh.gsync(&[command]).exits(0).says("main has no commit yet, and neither has the hub");
    }

    fresh.write("a", "a\n");
    fresh.git(&["add", "a"]);
    fresh.git(&["commit", "-q", "-m", "first"]);
    fresh.git(&["branch", "other"]);
    fresh.gsync(&["start"]).exits(0).says("origin/main is not there yet");
    let told = fresh.gsync(&["status", "--json"]).exits(0).json();
    assert_eq!(told["ahead"], 1);
    assert_eq!(told["outgoing"][0]["summary"], "first");
    assert_eq!(told["unpushed_branches"][0]["branch"], "other");
    fresh.gsync(&["status"]).says("nothing is at the hub yet, 1 commit to push");

    fresh.write("b", "b\n");
    fresh.gsync(&["finish", "--all", "-m", "second"]).exits(0).says("origin has");
    let tip = fresh.git(&["rev-parse", "HEAD"]);
    assert_eq!(
        fresh.git(&["ls-remote", "origin", "refs/heads/main"]).split('\t').next(),
        Some(&*tip)
    );
    fresh.gsync(&["status"]).says("main: in sync with origin/main");
}

#[test]
fn what_a_person_likes_to_see_in_colour_is_in_their_settings_and_the_command_line_wins() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    let colour = "\u{1b}[";
    ada.gsync(&["status"]).says_not(colour);
    ada.git(&["config", "gsync.color", "always"]);
    ada.gsync(&["status"]).says(colour);
    ada.gsync(&["undo", "r99"]).exits(2).says(colour);
    ada.gsync(&["status", "--color", "never"]).says_not(colour);
    ada.git(&["config", "gsync.color", "sometimes"]);
    ada.gsync(&["status"]).exits(0).says("gsync.color is `sometimes`: use auto, always or never");
}

#[test]
fn for_programs_also_a_version_a_help_and_a_script_are_one_object() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    let version = ada.gsync(&["--json", "--version"]).exits(0).json();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert!(ada.gsync(&["pull", "--help", "--json"]).exits(0).json()["help"].is_string());
    let bash = ada.gsync(&["completions", "bash", "--json"]).exits(0).json();
    assert!(bash["script"].as_str().unwrap().contains("complete"), "{bash}");
    assert_eq!(ada.gsync(&["man", "pages", "--json"]).exits(0).json()["dir"], "pages");
}

#[test]
fn a_commit_that_skips_the_hooks_says_so_once() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.gsync(&["install"]).exits(0);
    ada.git(&["add", "."]);
    let ada = ada.with_env("GSYNC_SKIP", "1");
    let said = ada.try_git(&["commit", "-q", "-m", "skipped"]).exits(0).all();
    assert_eq!(said.matches("GSYNC_SKIP").count(), 1, "{said}");
}
