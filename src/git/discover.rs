//! Finding the repository. One question to git, so that its own rules hold: safe.directory,
//! GIT_DIR, ceilings, submodules, worktrees, bare repositories.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{Git, ask, plain_git};
use crate::base::{Problem, plain};

/// The repository that a directory belongs to.
pub fn discover(dir: &Path) -> Result<Git> {
    let args = [
        "rev-parse",
        "--path-format=absolute",
        "--absolute-git-dir",
        "--git-common-dir",
        "--is-bare-repository",
        "--is-inside-work-tree",
        "--show-toplevel",
    ];
    let mut command = plain_git();
    command.current_dir(dir).args(args);
    let out = match command.output() {
        Ok(out) => out,
        Err(err) if err.kind() == std::io::ErrorKind::NotFound && dir.is_dir() => {
            return Err(Problem::blind("no-git", "git is not installed, or not on PATH")
                .hint("install git, then try again")
                .into());
        }
        Err(err) => return Err(err).with_context(|| format!("run git in {}", dir.display())),
    };
    let mut lines = out
        .stdout
        .split(|byte| *byte == b'\n')
        .map(|line| PathBuf::from(std::ffi::OsStr::from_bytes(line)));
    let (git_dir, common_dir) = (lines.next(), lines.next());
    let bare = lines.next().is_some_and(|line| line == Path::new("true"));
    let inside = lines.next().is_some_and(|line| line == Path::new("true"));
    if let (Some(git_dir), Some(common_dir)) = (git_dir, common_dir)
        && !git_dir.as_os_str().is_empty()
        && !common_dir.as_os_str().is_empty()
        && (out.status.success() || bare || !inside)
    {
        let work_dir = out.status.success().then(|| lines.next()).flatten();
        let work_dir = work_dir.filter(|dir| !dir.as_os_str().is_empty());
        // Inside `.git` there is a repository but no work tree to speak of: take the one
        // beside it, as a person would mean it.
        let work_dir = work_dir.or_else(|| beside(&git_dir).filter(|_| !bare));
        if !git_dir.is_dir() {
            return one_by_one(dir, bare);
        }
        return Ok(Git::at(git_dir, common_dir, work_dir));
    }
    Err(why_not(dir, &ask::refusal(&args, &out).stderr).into())
}

/// A path with a newline in it cannot be told from two: asked alone, it is the whole answer.
fn one_by_one(dir: &Path, bare: bool) -> Result<Git> {
    let ask = |question: &str| -> Result<PathBuf> {
        let args = ["rev-parse", "--path-format=absolute", question];
        let mut out = plain_git().current_dir(dir).args(args).output().context("run git")?;
        out.stdout.pop();
        Ok(PathBuf::from(std::ffi::OsStr::from_bytes(&out.stdout)))
    };
    let git_dir = ask("--absolute-git-dir")?;
    let top = ask("--show-toplevel")?;
    let is_bare = bare || top.as_os_str().is_empty();
    let work_dir = (!is_bare).then_some(top).or_else(|| beside(&git_dir));
    let common_dir = ask("--git-common-dir")?;
    Ok(Git::at(git_dir, common_dir, work_dir))
}

fn beside(git_dir: &Path) -> Option<PathBuf> {
    (git_dir.file_name()? == ".git").then(|| git_dir.parent().map(Path::to_owned)).flatten()
}

fn why_not(dir: &Path, said: &str) -> Problem {
    if said.contains("dubious ownership") {
        let hint = said.lines().find(|line| line.contains("safe.directory"));
        let problem = Problem::blind("foreign-owner", "this repository belongs to another user")
            .because("git does not trust it, and so neither does gsync");
        return match hint {
            Some(hint) => problem.hint(format!("run `{}` if you do", hint.trim())),
            None => problem,
        };
    }
    if said.contains("not a git repository") {
        return Problem::blind(
            "not-a-repository",
            format!("{} is not in a git repository", dir.display()),
        )
        .hint("go into a repository, or name one: `gsync -C DIR ..`")
        .hint("make one: `git init`");
    }
    let complaint = said
        .lines()
        .find_map(|line| line.strip_prefix("fatal: ").or(line.strip_prefix("error: ")))
        .unwrap_or("git did not say why");
    Problem::blind("not-readable", "git cannot read this repository").because(plain(complaint))
}
