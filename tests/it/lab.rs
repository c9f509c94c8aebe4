//! A small world: a home, a bare hub and people with clones, cut off from the machine
//! it runs on and from the time of day.

#![allow(dead_code, reason = "a toolbox: not every test needs every tool")]

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The world. It is gone when it is dropped; `GSYNC_KEEP_LAB=1` keeps it to look at.
pub struct Lab {
    dir: TempDir,
    /// Seconds since 2024-01-01: every command is one second later.
    clock: AtomicU64,
    /// The git that everybody here uses.
    git: PathBuf,
}

/// Somebody with a clone of the hub.
pub struct Person<'lab> {
    pub lab: &'lab Lab,
    pub dir: PathBuf,
    pub name: String,
    /// Further environment, for everything this person runs.
    pub env: Vec<(String, String)>,
}

/// What a person saw of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Seen {
    pub fn of(out: &Output) -> Self {
        Self {
            code: out.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&out.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&out.stderr).into_owned(),
        }
    }

    /// Both streams.
    pub fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Asserts the exit code, showing everything if it is another.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\n--- stdout\n{}--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts that something was said.
    #[track_caller]
    pub fn says(self, what: &str) -> Self {
        assert!(
            self.all().contains(what),
            "`{what}` was not said\n--- stdout\n{}--- stderr\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    #[track_caller]
    pub fn says_not(self, what: &str) -> Self {
        assert!(!self.all().contains(what), "`{what}` was said\n{}", self.all());
        self
    }

    /// The one JSON object on stdout.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|err| panic!("{err}\n{}\n{}", self.stdout, self.stderr))
    }
}

impl Lab {
    /// `hub.git` with one commit on `main`, and nobody who has cloned it yet.
    ///
    /// Git makes this world once; every test gets a copy, which is ten times
    /// as fast.
    pub fn new() -> Self {
        static FIRST: OnceLock<Lab> = OnceLock::new();
        let first = FIRST.get_or_init(Self::from_nothing);
        let lab = Self::empty();
        for part in ["home", "hub.git", "clone"] {
            copy(&first.path(part), &lab.path(part));
        }
        lab.clock.store(first.clock.load(Relaxed), Relaxed);
        lab
    }

    /// The same world, in which everybody uses that git.
    pub fn with_git(git: &Path) -> Self {
        let mut lab = Self::new();
        git.clone_into(&mut lab.git);
        lab
    }

    /// All gits that are to be tested: `GSYNC_TEST_GITS`, else the one on PATH.
    pub fn gits() -> Vec<PathBuf> {
        match std::env::var("GSYNC_TEST_GITS") {
            Ok(list) if !list.is_empty() => list.split(':').map(PathBuf::from).collect(),
            _ => vec![PathBuf::from("git")],
        }
    }

    fn empty() -> Self {
        let mut dir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        dir.disable_cleanup(std::env::var_os("GSYNC_KEEP_LAB").is_some());
        Self { dir, clock: AtomicU64::new(0), git: everyday_git() }
    }

    fn from_nothing() -> Self {
        let lab = Self::empty();
        fs::create_dir(lab.path("home")).unwrap();
        lab.git(&lab.path(""), &["init", "--quiet", "--bare", "--template=", "hub.git"]);
        lab.git(&lab.path(""), &["clone", "--quiet", "--template=", "hub.git", "clone"]);
        let seed = lab.at("seed", lab.path("clone"));
        // A relative address, so that it is right in every copy.
        seed.git(&["remote", "set-url", "origin", "../hub.git"]);
        seed.commit("README", "hello\n", "first");
        seed.git(&["push", "--quiet", "-u", "origin", "main"]);
        lab
    }

    /// A clone of the hub by that name; the name is the author's too.
    pub fn person(&self, name: &str) -> Person<'_> {
        copy(&self.path("clone"), &self.path(name));
        self.at(name, self.path(name))
    }

    /// Somebody who works in a directory that is there already.
    pub fn at(&self, name: &str, dir: PathBuf) -> Person<'_> {
        Person { lab: self, dir, name: name.to_owned(), env: Vec::new() }
    }

    /// A clone with gsync installed in it, its traces in `git status` committed and pushed.
    pub fn member(&self, name: &str) -> Person<'_> {
        let person = self.person(name);
        person.gsync(&["install", "--role", "qc"]).exits(0);
        person
    }

    /// The hub itself, as a place to run commands in.
    pub fn hub(&self) -> Person<'_> {
        self.at("hub", self.path("hub.git"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs git in a directory of this world.
    pub fn git_in(&self, dir: &str, args: &[&str]) -> String {
        self.git(&self.path(dir), args)
    }

    fn git(&self, dir: &Path, args: &[&str]) -> String {
        let out = self.command(&self.git, dir, "Ada").args(args).output().unwrap();
        assert!(out.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).trim_end().to_owned()
    }

    /// A command that inherits nothing but `PATH`.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>, dir: &Path, who: &str) -> Command {
        let tick = self.clock.fetch_add(1, Relaxed);
        let now = format!("{} +0000", 1_704_067_200 + tick);
        let mut path = std::env::var_os("PATH").unwrap();
        if self.git.parent().is_some_and(|dir| dir != Path::new("")) {
            let mut dirs = vec![self.git.parent().unwrap().to_owned()];
            dirs.extend(std::env::split_paths(&path));
            path = std::env::join_paths(dirs).unwrap();
        }
        let mut command = Command::new(program);
        command
            .current_dir(dir)
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("home"))
            .env("TZ", "UTC")
            .env("LC_ALL", "C.UTF-8")
            .env("GSYNC_HOST", "lab")
            .env("GIT_CONFIG_GLOBAL", self.path("home").join(".gitconfig"))
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .env("GIT_CONFIG_COUNT", "4")
            .env("GIT_CONFIG_KEY_0", "init.defaultBranch")
            .env("GIT_CONFIG_VALUE_0", "main")
            .env("GIT_CONFIG_KEY_1", "protocol.file.allow")
            .env("GIT_CONFIG_VALUE_1", "always")
            // Nothing tidies up behind a test's back.
            .env("GIT_CONFIG_KEY_2", "maintenance.auto")
            .env("GIT_CONFIG_VALUE_2", "false")
            // Nobody tells the hub what is done here, in the background of a test that is about
            // something else: see `Person::sociable`.
            .env("GIT_CONFIG_KEY_3", "gsync.peers")
            .env("GIT_CONFIG_VALUE_3", "off")
            .env("GIT_CEILING_DIRECTORIES", self.dir.path())
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_EDITOR", ":")
            .env("GIT_AUTHOR_NAME", who)
            .env("GIT_AUTHOR_EMAIL", format!("{who}@example.com"))
            .env("GIT_COMMITTER_NAME", who)
            .env("GIT_COMMITTER_EMAIL", format!("{who}@example.com"))
            .env("GIT_AUTHOR_DATE", &now)
            .env("GIT_COMMITTER_DATE", &now);
        command
    }
}

/// The git on PATH. Where that is 2.54 or newer it says that it is older: most tests are about
/// hooks in the hooks folder; those about hooks in the configuration name their git.
fn everyday_git() -> PathBuf {
    static GIT: OnceLock<PathBuf> = OnceLock::new();
    GIT.get_or_init(|| {
        let out = Command::new("git").arg("version").output().unwrap();
        let version = String::from_utf8_lossy(&out.stdout).into_owned();
        let mut numbers =
            version.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok());
        let (major, minor): (u32, u32) = (numbers.next().unwrap(), numbers.next().unwrap());
        if (major, minor) < (2, 54) {
            return "git".into();
        }
        let real = std::env::split_paths(&std::env::var_os("PATH").unwrap())
            .map(|dir| dir.join("git"))
            .find(|git| git.is_file())
            .unwrap();
        let dir =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("git-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let script = format!(
            "#!/bin/sh\nfor word; do case $word in -c|core.*|--no-pager) ;; \
             version|--version) echo git version 2.47.0; exit ;; *) break ;; esac; done\n\
             exec '{}' \"$@\"\n",
            real.display()
        );
        fs::write(dir.join("git"), script).unwrap();
        fs::set_permissions(dir.join("git"), fs::Permissions::from_mode(0o755)).unwrap();
        dir.join("git")
    })
    .clone()
}

impl Person<'_> {
    /// The same person with one more variable.
    #[must_use]
    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// The same person, who tells the others what is done here, under a role of their own.
    #[must_use]
    pub fn sociable(self) -> Self {
        let role = self.name.clone();
        self.git(&["config", "gsync.role", &role]);
        self.with_env("GIT_CONFIG_VALUE_3", "on")
    }

    /// Any command in this person's directory and environment.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = self.lab.command(program, &self.dir, &self.name);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs git, which must succeed; gives its output without the last newline.
    #[track_caller]
    pub fn git(&self, args: &[&str]) -> String {
        let seen = self.try_git(args);
        assert_eq!(seen.code, 0, "git {args:?}\n{}", seen.all());
        seen.stdout.trim_end().to_owned()
    }

    /// Runs git and tells how it went.
    #[must_use]
    pub fn try_git(&self, args: &[&str]) -> Seen {
        Seen::of(&self.command(&self.lab.git).args(args).output().unwrap())
    }

    /// Runs gsync and tells how it went.
    #[must_use]
    pub fn gsync(&self, args: &[&str]) -> Seen {
        let seen =
            Seen::of(&self.command(env!("CARGO_BIN_EXE_gsync")).args(args).output().unwrap());
        self.settle();
        seen
    }

    /// Waits until the worker in the background has told the others: it takes the note away
    /// while it has the lock.
    #[track_caller]
    pub fn settle(&self) {
        if !self.env.iter().any(|(name, value)| name == "GIT_CONFIG_VALUE_3" && value == "on") {
            return;
        }
        let busy = |name: &str| {
            name.ends_with(".again")
                || name.starts_with("presence")
                    && name.ends_with(".lock")
                    && fs::File::open(self.git_dir().join("gsync").join(name))
                        .is_ok_and(|file| file.try_lock().is_err())
        };
        let names = || -> Vec<String> {
            let found = fs::read_dir(self.git_dir().join("gsync")).into_iter().flatten().flatten();
            let mut names: Vec<_> =
                found.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            names.sort();
            names
        };
        let end = Instant::now() + Duration::from_secs(30);
        while names().iter().any(|name| busy(name)) {
            assert!(Instant::now() < end, "the worker does not end: {:?}", names());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The git directory that all work trees share.
    fn git_dir(&self) -> PathBuf {
        let git = self.dir.join(".git");
        match fs::read_to_string(&git) {
            // In a linked work tree: `gitdir: ../x/.git/worktrees/name`.
            Ok(text) => {
                let dir = self.dir.join(text.trim_start_matches("gitdir: ").trim());
                dir.parent().and_then(std::path::Path::parent).unwrap().to_owned()
            }
            Err(_) => git,
        }
    }

    /// Runs a shell line and tells how it went.
    #[must_use]
    pub fn sh(&self, line: &str) -> Seen {
        Seen::of(&self.command("sh").args(["-c", line]).output().unwrap())
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.join(path)
    }

    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes an executable script.
    pub fn script(&self, path: &str, text: &str) {
        self.write(path, text);
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.dir.join(path)).unwrap()
    }

    /// The names in a directory; none if there is no such directory.
    pub fn read_dir(&self, path: &str) -> Vec<std::ffi::OsString> {
        let Ok(entries) = fs::read_dir(self.dir.join(path)) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().file_name()).collect()
    }

    /// Commits one file past all hooks.
    #[track_caller]
    pub fn commit(&self, path: &str, text: &str, message: &str) -> String {
        self.write(path, text);
        self.git(&["add", "-f", "--", path]);
        self.past_hooks(&["commit", "--quiet", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Commits everything that is there past all hooks.
    #[track_caller]
    pub fn commit_all(&self, message: &str) {
        self.git(&["add", "-f", "-A"]);
        self.past_hooks(&["commit", "--quiet", "-m", message]);
    }

    /// Pushes past all hooks.
    #[track_caller]
    pub fn push(&self) {
        self.past_hooks(&["push", "--quiet", "origin", "HEAD"]);
    }

    /// Runs git so that no hook has a say: those of a folder do not run, and those of the
    /// configuration, which run anyway (git 2.54), are told to skip.
    #[track_caller]
    fn past_hooks(&self, args: &[&str]) {
        let mut command = self.command(&self.lab.git);
        command.env("GSYNC_SKIP", "1").args(["-c", "core.hooksPath=/dev/null"]).args(args);
        let seen = Seen::of(&command.output().unwrap());
        assert_eq!(seen.code, 0, "git {args:?}\n{}", seen.all());
    }

    /// All that a person could notice: HEAD, refs, index, work tree, stash.
    pub fn state(&self) -> String {
        let mut state = String::new();
        for args in [
            &["symbolic-ref", "-q", "HEAD"][..],
            &["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags"],
            &["status", "--porcelain=v2", "--ignored"],
            &["stash", "list"],
            &["ls-files", "--stage"],
            &["diff"],
            &["diff", "--cached"],
        ] {
            writeln!(state, "{}", self.try_git(args).stdout).unwrap();
        }
        state
    }

    /// Every file below a directory with its kind, mode and contents: for "byte for byte".
    pub fn tree(&self, dir: &str) -> String {
        picture(&self.path(dir))
    }
}

/// Every file below a directory with its kind, mode and contents, sorted.
pub fn picture(dir: &Path) -> String {
    let mut lines = String::new();
    for entry in walkdir::WalkDir::new(dir).sort_by_file_name() {
        let entry = entry.unwrap();
        let name = entry.path().strip_prefix(dir).unwrap().display().to_string();
        let meta = entry.path().symlink_metadata().unwrap();
        let mode = meta.permissions().mode() & 0o7777;
        if meta.is_symlink() {
            let to = fs::read_link(entry.path()).unwrap();
            writeln!(lines, "{name} -> {}", to.display()).unwrap();
        } else if meta.is_dir() {
            writeln!(lines, "{name}/ {mode:o}").unwrap();
        } else {
            let bytes = fs::read(entry.path()).unwrap();
            writeln!(lines, "{name} {mode:o} {:?}", String::from_utf8_lossy(&bytes)).unwrap();
        }
    }
    lines
}

/// Copies a directory with links and modes.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&entry.path(), &to);
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path()).unwrap(), to).unwrap();
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The text with commits named C1, C2 .. as they appear: a test should not break when a
/// hash changes.
pub fn name_commits(text: &str) -> String {
    let mut known: Vec<&str> = Vec::new();
    let mut named = String::new();
    for word in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let id = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_commit = matches!(id.len(), 7 | 40)
            && id.bytes().all(|byte| byte.is_ascii_hexdigit())
            && id.bytes().any(|byte| byte.is_ascii_digit());
        if is_commit {
            let at = known.iter().position(|known| known[..7] == id[..7]).unwrap_or_else(|| {
                known.push(id);
                known.len() - 1
            });
            write!(named, "C{}{}", at + 1, &word[id.len()..]).unwrap();
        } else {
            named += word;
        }
    }
    named
}
