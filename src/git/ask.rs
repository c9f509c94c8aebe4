//! Questions to the git executable, and its answers. None of them changes what a person has.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result};

use super::Git;
use crate::base::{CommitId, Problem, RefName, RepoPath, plain};

/// git said no; its first complaint without the word in front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub command: String,
    pub status: Option<i32>,
    pub complaint: String,
    pub stderr: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.command, self.complaint)
    }
}

impl std::error::Error for Refusal {}

impl Git {
    /// Runs a question and gives all it said.
    pub fn output(&self, args: &[&str]) -> Result<Output> {
        let mut command = self.command();
        command.env("GIT_OPTIONAL_LOCKS", "0").args(args);
        command.output().map_err(|err| not_run(err, args, self.dir()))
    }

    /// What git answers, or nothing if it says no.
    pub fn ask(&self, args: &[&str]) -> Result<Option<String>> {
        let out = self.output(args)?;
        Ok(out.status.success().then(|| trimmed(&out.stdout)))
    }

    /// What git answers to a question that has an answer.
    pub fn must(&self, args: &[&str]) -> Result<String> {
        self.must_bytes(args).map(|bytes| trimmed(&bytes))
    }

    /// The bytes that git answers to a question that has an answer.
    pub fn must_bytes(&self, args: &[&str]) -> Result<Vec<u8>> {
        let out = self.output(args)?;
        if out.status.success() { Ok(out.stdout) } else { Err(refusal(args, &out).into()) }
    }

    /// Where a ref stands.
    pub fn resolve_ref(&self, name: &RefName) -> Result<Option<CommitId>> {
        let answer =
            self.ask(&["rev-parse", "--verify", "--quiet", "--end-of-options", name.as_str()])?;
        Ok(answer.as_deref().and_then(CommitId::parse))
    }

    /// The paths in which two commits differ; both sides of a rename.
    pub fn changed_between(&self, old: &CommitId, new: &CommitId) -> Result<Vec<RepoPath>> {
        let args =
            ["diff-tree", "-r", "-z", "--name-only", "--no-renames", old.as_str(), new.as_str()];
        let out = self.must_bytes(&args)?;
        let names = out.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        Ok(names.map(RepoPath::new).collect())
    }

    /// The commit that a revision means, peeled.
    pub fn resolve_commit(&self, rev: &str) -> Result<Option<CommitId>> {
        if (rev == "HEAD" || rev.starts_with("refs/"))
            && let Some(known) = self.stored_commit(rev)
        {
            return Ok(Some(known));
        }
        let peeled = format!("{rev}^{{commit}}");
        let answer =
            self.ask(&["rev-parse", "--verify", "--quiet", "--end-of-options", &peeled])?;
        Ok(answer.as_deref().and_then(CommitId::parse))
    }

    /// All settings whose names match, in one question: names as git writes them (section and
    /// key in small letters), values in order, the one that counts last.
    pub fn settings(&self, pattern: &str) -> Result<BTreeMap<String, Vec<String>>> {
        let out = self.output(&["config", "-z", "--get-regexp", pattern])?;
        let mut found = BTreeMap::<String, Vec<String>>::new();
        if !out.status.success() && out.status.code() != Some(1) {
            return Err(refusal(&["config"], &out).into());
        }
        for record in String::from_utf8_lossy(&out.stdout).split_terminator('\0') {
            // A setting without `=` has no value, which counts as an empty one.
            let (name, value) = record.split_once('\n').unwrap_or((record, ""));
            found.entry(name.to_owned()).or_default().push(value.to_owned());
        }
        Ok(found)
    }

    /// A setting, the last value if there are several.
    pub fn config(&self, key: &str) -> Result<Option<String>> {
        self.ask(&["config", "--get", key])
    }
}

/// Why git could not even be started.
pub(super) fn not_run(err: std::io::Error, args: &[&str], dir: &Path) -> anyhow::Error {
    if err.kind() == std::io::ErrorKind::NotFound && dir.is_dir() {
        return no_git().into();
    }
    anyhow::Error::new(err).context(format!("run git {}", args.join(" ")))
}

/// There is no git.
pub(super) fn no_git() -> Problem {
    Problem::blind("no-git", "git is not installed, or not on PATH")
        .hint("install git, then try again")
        .hint("see where it is looked for: `echo \"$PATH\"`")
}

/// What went wrong, from a failed command's words.
pub(super) fn refusal(args: &[&str], out: &Output) -> Refusal {
    let stderr = String::from_utf8_lossy(&out.stderr).into_owned();
    let complaint = stderr
        .lines()
        .filter_map(|line| line.rsplit('\r').next())
        .find_map(|line| line.strip_prefix("error: ").or(line.strip_prefix("fatal: ")))
        .or_else(|| stderr.lines().find(|line| !line.trim().is_empty()))
        .unwrap_or("git did not say why");
    // Which command it was stands behind the options of git itself.
    let mut words = args.iter();
    let mut word = words.next();
    while let Some(option) = word.filter(|word| word.starts_with('-')) {
        let more = usize::from(["-c", "-C"].contains(option));
        word = words.nth(more);
    }
    Refusal {
        command: format!("git {}", word.copied().unwrap_or_default()),
        status: out.status.code(),
        complaint: plain(complaint),
        stderr,
    }
}

pub(super) fn trimmed(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches(['\n', '\r']).to_owned()
}

/// Runs a command that was put together elsewhere; a refusal becomes an error.
pub(super) fn finish(command: &mut Command, args: &[&str]) -> Result<Vec<u8>> {
    let out = command.args(args).output().with_context(|| format!("run git {}", args.join(" ")))?;
    if out.status.success() { Ok(out.stdout) } else { Err(refusal(args, &out).into()) }
}
