//! Installing and uninstalling: everybody's hooks fire, and nothing is left behind.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use crate::lab::{Lab, Person, picture};

/// The git directory without gsync's own folder, with the times of files in its hooks folder.
pub fn seen(git_dir: &Path) -> String {
    let mut text: String = picture(git_dir)
        .lines()
        // git renews its index as it likes, and gsync's records are its own.
        .filter(|line| !line.starts_with("gsync/") && !line.starts_with("index "))
        .map(|line| format!("{line}\n"))
        .collect();
    for entry in walkdir::WalkDir::new(git_dir.join("hooks")).sort_by_file_name() {
        let Ok(entry) = entry else { continue };
        let meta = entry.path().symlink_metadata().unwrap();
        if !meta.is_dir() {
            text += &format!("{} {}.{}\n", entry.path().display(), meta.mtime(), meta.mtime_nsec());
        }
    }
    text
}

/// A directory in which `git` says that it is 2.54 and does what the real one does.
pub fn new_git(lab: &Lab) -> std::path::PathBuf {
    let dir = lab.path("newgit");
    fs::create_dir_all(&dir).unwrap();
    let real = std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .map(|dir| dir.join("git"))
        .find(|git| git.is_file())
        .unwrap();
    let script = format!(
        "#!/bin/sh\nfor word; do case $word in\n-c|core.*|--no-pager) ;;\nversion|--version) echo 'git version 2.54.0'; exit 0 ;;\n*) break ;;\nesac; done\nexec {} \"$@\"\n",
        real.display()
    );
    let git = dir.join("git");
    fs::write(&git, script).unwrap();
    fs::set_permissions(&git, fs::Permissions::from_mode(0o755)).unwrap();
    git
}

fn hook(person: &Person<'_>, path: &str) {
    let trace = person.path("../trace");
    person.script(path, &format!("#!/bin/sh\necho \"{path} $*\" >>'{}'\n", trace.display()));
}

/// How the hook of that name, started as git does, answers the doctor's question.
fn probe(person: &Person<'_>, name: &str) -> String {
    let path = person.git(&["rev-parse", "--path-format=absolute", "--git-path", "hooks"]);
    let out = person.command(Path::new(&path).join(name)).env("GSYNC_PROBE", "1").output().unwrap();
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

fn answer(name: &str) -> String {
    format!("gsync {} {name}", env!("CARGO_PKG_VERSION"))
}

#[test]
fn with_every_git_install_makes_the_hooks_fire_and_uninstall_leaves_no_trace() {
    for git in Lab::gits() {
        let lab = Lab::with_git(&git);
        let qc = lab.person("qc");
        let before = (qc.state(), seen(&qc.path(".git")));
        qc.gsync(&["install", "--role", "qc"]).exits(0).says("before a commit");
        assert_eq!(qc.git(&["config", "gsync.role"]), "qc");
        qc.gsync(&["doctor"]).exits(0);
        qc.gsync(&["install"]).exits(0).says("already installed");
        qc.gsync(&["uninstall"]).exits(0);
        // The configuration and the hooks first: asking for the state may renew the index.
        assert_eq!(seen(&qc.path(".git")), before.1, "{}", git.display());
        assert_eq!(qc.state(), before.0);
        assert!(!qc.path(".git/gsync").exists());
        qc.gsync(&["uninstall"]).exits(0).says("not installed");
        assert!(!qc.path(".git/gsync").exists());
    }
}

#[test]
fn a_hook_that_was_there_is_moved_aside_with_its_helpers_and_comes_back_as_it_was() {
    let lab = Lab::new();
    let qc = lab.person("qc");
    hook(&qc, ".git/hooks/pre-commit");
    hook(&qc, ".git/hooks/commit-msg");
    qc.write(".git/hooks/helper", "x");
    std::os::unix::fs::symlink("../../scripts/push.sh", qc.path(".git/hooks/pre-push")).unwrap();
    let before = seen(&qc.path(".git"));
    qc.gsync(&["install"]).exits(0);
    let chain = qc.read(".git/gsync/chain");
    let aside = Path::new(chain.trim_end());
    assert!(aside.join("pre-commit").is_file());
    assert_eq!(fs::read_to_string(aside.join("helper")).unwrap(), "x");
    assert_eq!(fs::read_link(aside.join("pre-push")).unwrap(), Path::new("../../scripts/push.sh"));
    assert_eq!(probe(&qc, "pre-commit"), answer("pre-commit"));
    assert!(qc.read(".git/hooks/commit-msg").contains("trace"), "not ours to touch");
    qc.gsync(&["uninstall"]).exits(0);
    assert_eq!(seen(&qc.path(".git")), before);
}

#[test]
fn a_hooks_path_inside_the_work_tree_is_chained_and_nothing_in_it_is_touched() {
    let lab = Lab::new();
    let qc = lab.person("qc");
    hook(&qc, ".githooks/pre-commit");
    hook(&qc, ".githooks/commit-msg");
    qc.git(&["config", "core.hooksPath", ".githooks"]);
    let before = (qc.read(".git/config"), qc.tree(".githooks"));
    qc.gsync(&["install", "--role", "qc"]).exits(0);
    assert_eq!(qc.read(".git/gsync/chain"), ".githooks\n");
    assert_eq!(probe(&qc, "pre-commit"), answer("pre-commit"));
    qc.git(&["commit", "--quiet", "--allow-empty", "-m", "x"]);
    let trace = fs::read_to_string(lab.path("trace")).unwrap();
    assert!(trace.contains(".githooks/commit-msg .git/COMMIT_EDITMSG"), "{trace}");
    qc.gsync(&["doctor"]).exits(0);
    qc.gsync(&["install"]).exits(0).says("already installed");
    qc.git(&["reset", "--quiet", "--hard", "origin/main"]);
    qc.gsync(&["uninstall"]).exits(0);
    assert_eq!((qc.read(".git/config"), qc.tree(".githooks")), before);
    assert_eq!(names(&qc.path(".git")).iter().filter(|name| *name == "gsync").count(), 0);
}

#[test]
fn a_hooks_path_of_the_user_is_refused_and_forced_only_when_asked() {
    let lab = Lab::new();
    let qc = lab.person("qc");
    qc.git(&["config", "--global", "core.hooksPath", "~/hooks"]);
    let before = picture(&qc.path(".git"));
    qc.gsync(&["install"]).exits(1).says("core.hooksPath of the user is set").says("--force");
    assert_eq!(picture(&qc.path(".git")), before);
    qc.gsync(&["install", "--force"]).exits(0);
    let chain = qc.read(".git/gsync/chain");
    assert_eq!(chain.trim_end(), lab.path("home/hooks").to_str().unwrap());
    qc.gsync(&["install"]).exits(0).says("already installed");
    qc.gsync(&["uninstall"]).exits(0);
    assert_eq!(picture(&qc.path(".git")), before);
    qc.git(&["config", "core.hooksPath", ""]);
    qc.gsync(&["install"]).exits(1).says("set, but empty").says("--unset-all core.hooksPath");
}

#[test]
fn worktrees_submodules_and_bare_repositories_have_their_hooks() {
    let lab = Lab::new();
    let qc = lab.person("qc");
    qc.git(&["worktree", "add", "--quiet", "-b", "side", "../side"]);
    let side = lab.at("qc", lab.path("side"));
    let before = names(&qc.path(".git"));
    side.gsync(&["install"]).exits(0);
    for place in [&qc, &side] {
        assert_eq!(probe(place, "pre-push"), answer("pre-push"));
        place.gsync(&["doctor"]).says("pre-push");
    }
    side.gsync(&["uninstall"]).exits(0);
    assert_eq!(names(&qc.path(".git")), before);

    qc.git(&["submodule", "--quiet", "add", "../hub.git", "part"]);
    let part = lab.at("qc", qc.path("part"));
    let before = seen(&qc.path(".git/modules/part"));
    part.gsync(&["install"]).exits(0);
    assert_eq!(probe(&part, "pre-commit"), answer("pre-commit"));
    part.gsync(&["uninstall"]).exits(0);
    assert_eq!(seen(&qc.path(".git/modules/part")), before);

    let hub = lab.hub();
    let before = picture(&hub.dir);
    hub.gsync(&["install"]).exits(0).says("when pushed to");
    assert!(!hub.path(".gsync.toml").exists() && !hub.path("hooks/pre-push").exists());
    assert_eq!(probe(&hub, "pre-receive"), answer("pre-receive"));
    assert_eq!(probe(&hub, "post-receive"), answer("post-receive"));
    hub.gsync(&["uninstall"]).exits(0);
    assert_eq!(picture(&hub.dir), before);
}

#[test]
fn an_upgrade_of_git_moves_the_hooks_into_the_configuration_and_back() {
    let lab = Lab::new();
    let qc = lab.person("qc");
    hook(&qc, ".git/hooks/pre-commit");
    let before = seen(&qc.path(".git"));
    qc.gsync(&["install", "--role", "qc"]).exits(0);
    let new = lab.at("qc", qc.dir.clone()).with_env("GSYNC_GIT", new_git(&lab).to_str().unwrap());
    new.gsync(&["doctor"]).exits(1).says("gsync install");
    new.gsync(&["install"]).exits(0).says("hooks in the configuration");
    assert_eq!(names(&qc.path(".git/hooks")), ["pre-commit"]);
    assert!(qc.read(".git/hooks/pre-commit").contains("trace"));
    assert!(qc.git(&["config", "hook.gsync-pre-push.command"]).contains("hook pre-push"));
    assert_eq!(qc.git(&["config", "hook.gsync-pre-push.event"]), "pre-push");
    new.gsync(&["doctor"]).exits(0);
    new.gsync(&["install"]).exits(0).says("already installed");
    qc.gsync(&["install"]).exits(0).says("shims in the hooks folder");
    assert_eq!(qc.try_git(&["config", "--get-regexp", "^hook"]).stdout, "");
    qc.gsync(&["uninstall"]).exits(0);
    assert_eq!(seen(&qc.path(".git")), before);
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn the_template_follows_the_hubs_main_branch() {
    let lab = Lab::new();
    lab.hub().git(&["branch", "-m", "main", "master"]);
    lab.hub().git(&["symbolic-ref", "HEAD", "refs/heads/master"]);
    lab.git_in("", &["clone", "-q", "hub.git", "fresh"]);
    let eve = lab.at("eve", lab.path("fresh"));
    let seen = eve.gsync(&["install", "--role", "reviewer"]).exits(0);
    assert!(seen.all().contains("names no roles yet"), "{}", seen.all());
    let text = eve.read(".gsync.toml");
    assert!(text.contains("branch = \"master\"  ") && text.contains("[\"master\"]"), "{text}");
    assert!(!text.contains("\"main\""), "{text}");
    // What was written is known again, and goes with the rest.
    eve.gsync(&["uninstall"]).exits(0);
    assert!(!eve.path(".gsync.toml").exists());
}

#[test]
fn a_shim_that_somebody_edited_is_theirs_and_named() {
    let lab = Lab::new();
    let qc = lab.member("qc");
    let shim = qc.read(".git/hooks/pre-push") + "# mine\n";
    qc.script(".git/hooks/pre-push", &shim);
    qc.gsync(&["uninstall"]).exits(0).says("hooks/pre-push was changed since, and stays");
    assert_eq!(qc.read(".git/hooks/pre-push"), shim);
}

#[test]
fn a_wrong_command_line_is_told_to_programs_as_an_object_in_both_forms() {
    let lab = Lab::new();
    let qc = lab.person("qc");
    for form in ["--json", "--json-lines"] {
        let seen = qc.gsync(&[form, "pull", "--nonsense"]).exits(2);
        assert_eq!(seen.stdout.lines().count(), 1, "{}", seen.all());
        assert_eq!(seen.json()["error"]["code"], "usage");
    }
}

#[test]
fn rules_that_the_hub_has_already_are_not_written_anew_where_they_were_not_pulled_yet() {
    let lab = Lab::new();
    let (ada, bob) = (lab.person("ada"), lab.person("bob"));
    ada.commit(".gsync.toml", "[guard]\nprotected = [\"*.key\"]\n", "rules");
    ada.push();
    bob.git(&["branch", "-q", "-u", "origin/main"]);
    bob.git(&["fetch", "-q"]);
    bob.gsync(&["install"]).exits(0).says("the hub has a .gsync.toml").says("`gsync start`");
    assert!(!bob.path(".gsync.toml").exists());
    bob.git(&["pull", "-q"]);
    assert!(bob.read(".gsync.toml").contains("*.key"));
}
