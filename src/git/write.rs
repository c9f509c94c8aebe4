//! Deeds in the repository. Only `run` may name this file (`tests/it/house.rs`).

mod carry;
mod merge;
mod publish;
pub mod request;
mod server;
pub mod state;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use super::Git;
use super::ask::{finish, refusal};
use crate::base::{CommitId, Edit, File, Left, PushRef, RefName, plain};
use crate::host;

pub use carry::{Point, carry, mend};
pub use merge::{merge, unmerge};
pub use publish::{Target, publish};
pub use server::{entry, init_bare, unpack};

/// Moves a ref, if it is where it is expected to be.
pub fn set_ref(
    git: &Git,
    name: &RefName,
    to: Option<&CommitId>,
    expect: Option<&CommitId>,
) -> Result<()> {
    // As many zeros as an id of this repository has letters.
    let letters = to.or(expect).map_or(40, |id| id.as_str().len());
    let none = "0".repeat(letters);
    let expect = expect.map_or(none.as_str(), CommitId::as_str);
    let args = match to {
        Some(to) => vec!["update-ref", "--create-reflog", name.as_str(), to.as_str(), expect],
        None => vec!["update-ref", "-d", name.as_str(), expect],
    };
    finish(&mut git.command(), &args).map(drop)
}

/// What tells our own pre-push hook that a rewrite was decided here, with its lease: for each
/// leased ref `<ref>:<old id>`, with a space between. The hook lets exactly these pass its rules
/// about rewriting, and still judges what is in the commits.
pub const LEASE: &str = "GSYNC_LEASE";

/// Sends refs, all or none, each under its lease. The hooks of the repository judge it.
pub fn push(git: &Git, remote: &str, refs: &[PushRef], out: &mut dyn FnMut(&str)) -> Result<()> {
    host::progress::doing(format!("sending to {}", plain(remote)));
    let mut args = vec!["push".to_owned(), "--porcelain".into(), "--atomic".into()];
    for push in refs {
        if let Some(lease) = &push.lease {
            let lease = if lease.is_zero() { "" } else { lease.as_str() };
            args.push(format!("--force-with-lease={}:{lease}", push.to));
        }
    }
    args.push(remote.to_owned());
    args.extend(refs.iter().map(PushRef::refspec));
    let mut command = git.command();
    let leases =
        refs.iter().filter_map(|push| Some(format!("{}:{}", push.to, push.lease.as_ref()?)));
    let leases: Vec<String> = leases.collect();
    // One that was inherited is not ours: it must not open the door for this push.
    command.env_remove(LEASE).env(super::OWN_PUSH, "1");
    if !leases.is_empty() {
        command.env(LEASE, leases.join(" "));
    }
    let mut child = command
        .args(&args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("run git push")?;
    let stdout = child.stdout.take().context("a pipe")?;
    let mut said = Vec::new();
    for line in BufReader::new(child.stderr.take().context("a pipe")?).split(b'\n') {
        let line = line?;
        out(String::from_utf8_lossy(&line).rsplit('\r').next().unwrap_or_default());
        said.extend_from_slice(&line);
        said.push(b'\n');
    }
    let verdicts: Vec<String> = BufReader::new(stdout).lines().map_while(Result::ok).collect();
    let status = child.wait()?;
    if status.success() {
        return Ok(());
    }
    let rejected = verdicts.iter().find_map(|line| line.strip_prefix("!\t"));
    if let Some(rejected) = rejected {
        bail!("the hub refused {}", rejected.replace('\t', " "));
    }
    let output = std::process::Output { status, stdout: Vec::new(), stderr: said };
    Err(refusal(&["push"], &output).into())
}

/// Changes keys of a configuration file. git does it, under git's own lock.
pub fn config(git: &Git, file: &Path, edits: &[Edit]) -> Result<()> {
    edits.iter().try_for_each(|edit| config_one(git, file, edit))
}

fn config_one(git: &Git, file: &Path, edit: &Edit) -> Result<()> {
    let mut command = git.command();
    command.args(["config", "--file"]).arg(file);
    match &edit.value {
        Some(value) => finish(&mut command, &["--replace-all", &edit.key, value]).map(drop),
        None => {
            let args = ["--unset-all", edit.key.as_str()];
            let out = command.args(args).output().context("run git config")?;
            // 5: there was no such key, which is what was wanted.
            if out.status.success() || out.status.code() == Some(5) {
                Ok(())
            } else {
                Err(refusal(&args, &out).into())
            }
        }
    }
}

/// Takes edits back. If the file is exactly what the edits made of the file that was there,
/// it gets those bytes again; else each key gets its old value or goes.
pub fn unconfig(git: &Git, file: &Path, edits: &[Edit], was: Option<&File>) -> Result<()> {
    let now = host::read::file(file)?;
    let dir = tempfile::tempdir().context("make a temporary directory")?;
    let copy = dir.path().join("config");
    if let Some(was) = was {
        host::write::file(&copy, was)?;
    }
    let old = |key: &str| -> Result<Option<String>> {
        if was.is_none() {
            return Ok(None);
        }
        let mut command = git.command();
        command.args(["config", "--file"]).arg(&copy).args(["--get", key]);
        let out = command.output().context("run git config")?;
        Ok(out.status.success().then(|| super::ask::trimmed(&out.stdout)))
    };
    let before: Vec<Edit> = edits
        .iter()
        .map(|edit| Ok(Edit { key: edit.key.clone(), value: old(&edit.key)? }))
        .collect::<Result<_>>()?;
    config(git, &copy, edits)?;
    let made = host::read::file(&copy)?;
    if made.as_ref().map(|file| &file.bytes) == now.as_ref().map(|file| &file.bytes) {
        return match was {
            Some(was) => host::write::file(file, was),
            None => host::write::remove(file),
        };
    }
    config(git, file, &before)
}

/// Moves the checkout of a submodule from one commit to another, if it still is at the first.
pub fn follow(dir: &Path, from: &CommitId, to: &CommitId, out: &mut dyn FnMut(&str)) -> Result<()> {
    let Some(sub) = super::submodule::checked_out(dir) else { return Ok(()) };
    let at = sub.resolve_commit("HEAD")?;
    if at.as_ref() != Some(from) || sub.head_branch()?.is_some() {
        out(&format!("{} stands elsewhere by now, and stays there", dir.display()));
        return Ok(());
    }
    let args = ["checkout", "--quiet", "--detach", "--no-recurse-submodules", to.as_str()];
    finish(&mut sub.command(), &args).map(drop)
}

/// Keeps a snapshot under a name that is still free.
pub fn keep(git: &Git, name: &RefName, snapshot: &CommitId) -> Result<()> {
    set_ref(git, name, Some(snapshot), None)
}

/// Commits what is staged, or everything, as a person would: the repository's hooks judge it.
/// `tree`: what was shown to whoever wants it; nothing else is committed.
pub fn commit(
    git: &Git,
    message: &str,
    all: bool,
    tree: Option<&CommitId>,
    out: &mut dyn FnMut(&str),
) -> Result<()> {
    if all {
        finish(&mut git.command(), &["add", "--all"])?;
    }
    if let Some(tree) = tree {
        let now = CommitId::parse(&git.must(&["write-tree"])?).context("the tree of the index")?;
        if now != *tree {
            let paths = git.compare_trees(tree, &now)?;
            let mut names: Vec<String> = paths.iter().map(|it| it.path.to_string()).collect();
            names.truncate(5);
            bail!("what would be committed is not what the plan was about: {}", names.join(", "));
        }
    }
    let args = ["commit", "--quiet", "-m", message];
    let mut command = git.command();
    let said = command.env(host::env::INSIDE, "1").args(args).output().context("run git commit")?;
    let words = [&said.stdout[..], &said.stderr[..]].concat();
    String::from_utf8_lossy(&words).lines().for_each(&mut *out);
    if said.status.success() { Ok(()) } else { Err(refusal(&args, &said).into()) }
}

/// Takes such a commit back: the branch if it moved, and the index as it was. The files stay.
pub fn uncommit(
    git: &Git,
    branch: &RefName,
    to: Option<&CommitId>,
    snapshot: &CommitId,
) -> Result<()> {
    carry::IndexLock::drop_ours(git);
    let scratch = git.scratch_dir()?;
    let now = git.resolve_ref(branch)?;
    if now.as_ref() == to && carry::Index::copied(git, &scratch)?.is_as_in(snapshot)? {
        return Ok(());
    }
    let lock = carry::IndexLock::take(git, snapshot)?;
    if now.as_ref() != to {
        let parent = match &now {
            Some(now) => git.resolve_commit(&format!("{now}^"))?,
            None => None,
        };
        if parent.as_ref() != to {
            drop(lock);
            let name = plain(branch.short());
            return Err(Left::new(format!("{name} moved on since: the commit stays"))
                .hint("look at what is there: `git log --oneline -5`")
                .into());
        }
        set_ref(git, branch, to, now.as_ref())?;
    }
    let index = carry::Index::copied(git, &scratch)?;
    index.put_bytes(snapshot)?;
    index.put_in_place()?;
    drop(lock);
    Ok(())
}
