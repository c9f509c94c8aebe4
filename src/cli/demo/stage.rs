//! Where the demo is played: a temporary directory, cut off from the user's settings, with
//! this very program in front of everything else.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::base::{Problem, plain};
use crate::cli::{handoff, presence};
use crate::git::Git;
use crate::host::process::Ended;
use crate::host::{env, process};

/// No step takes longer than this.
const PATIENCE: Duration = Duration::from_mins(1);

/// The directory; it is gone when this is dropped, unless it shall be kept.
pub(super) struct Stage {
    dir: tempfile::TempDir,
    /// What the lines may name, such as ports that are free.
    vars: Vec<(&'static str, String)>,
}

/// Where servers are on many machines, though not on everybody's PATH.
const SERVERS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// What came of one command.
#[derive(Debug, Serialize)]
pub(super) struct Played {
    pub(super) who: String,
    #[serde(rename = "command")]
    pub(super) line: String,
    pub(super) exit: i32,
    /// Both streams, as a terminal would show them.
    pub(super) output: String,
}

impl Stage {
    pub(super) fn new(keep: bool) -> Result<Self> {
        let describe = "make a directory for the demo";
        let mut dir = tempfile::Builder::new().prefix("gsync-demo-").tempdir().context(describe)?;
        dir.disable_cleanup(keep);
        for name in ["bin", "home"] {
            std::fs::create_dir(dir.path().join(name)).context(describe)?;
        }
        let program = std::env::current_exe().context("find gsync itself")?;
        std::os::unix::fs::symlink(program, dir.path().join("bin/gsync")).context(describe)?;
        Ok(Self { dir, vars: Vec::new() })
    }

    /// The same with variables that the lines name.
    pub(super) fn with(mut self, vars: Vec<(&'static str, String)>) -> Self {
        self.vars = vars;
        self
    }

    /// Whether a program is where the lines look for one.
    pub(super) fn has(name: &str) -> bool {
        let at = |dir: &str| env::is_command(&format!("{dir}/{name}"));
        env::is_command(name) || SERVERS.iter().any(|dir| at(dir))
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Runs a line as somebody, in that one's clone.
    pub(super) fn run(&self, who: &str, line: &str) -> Result<Played> {
        let home = self.dir().join("home");
        let mut path = vec![self.dir().join("bin")];
        path.extend(std::env::split_paths(&env::raw("PATH").unwrap_or_default()));
        path.extend(SERVERS.iter().map(PathBuf::from));
        let path = std::env::join_paths(path).context("put gsync on the path")?;
        let dir: PathBuf = self.dir().join(who);
        let name = if who.is_empty() { "demo" } else { who };
        let mail = format!("{name}@example.com");
        let host = match who {
            "builder" => "server",
            _ => "laptop",
        };
        let mut shell = process::command("sh");
        shell
            .arg("-c")
            // One stream, so that the lines come in the order in which they were written.
            .arg(format!("exec 2>&1\n{line}"))
            .current_dir(&dir)
            .env_clear()
            .envs(self.vars.iter().map(|(name, value)| (*name, value)))
            .env("PATH", path)
            .env("HOME", &home)
            .env("LC_ALL", "C.UTF-8")
            .env("GSYNC_HOST", host)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", home.join(".gitconfig"))
            .env("GIT_CEILING_DIRECTORIES", self.dir())
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_EDITOR", ":")
            .env("GIT_AUTHOR_NAME", name)
            .env("GIT_AUTHOR_EMAIL", &mail)
            .env("GIT_COMMITTER_NAME", name)
            .env("GIT_COMMITTER_EMAIL", &mail);
        let ended = process::run(&mut shell, b"", PATIENCE)?;
        // What is told in the background is known before the next step, and at the end nothing
        // writes into a directory that is being taken away.
        let git_dir = dir.join(".git");
        if git_dir.is_dir() {
            let git = Git::at(git_dir.clone(), git_dir, Some(dir));
            presence::settle(&git, PATIENCE)?;
            handoff::draft::wait(&git, PATIENCE)?;
        }
        match ended {
            Ended::Exited(out) => {
                let output = String::from_utf8_lossy(&out.stdout).into_owned();
                let output = output.lines().map(|line| plain(line) + "\n").collect();
                let exit = out.status.code().unwrap_or(-1);
                Ok(Played { who: who.to_owned(), line: line.to_owned(), exit, output })
            }
            Ended::TimedOut => {
                let problem = Problem::refuse("demo", "the demo did not go as it is told");
                Err(problem.because(format!("`{line}` did not end within a minute")).into())
            }
        }
    }
}
