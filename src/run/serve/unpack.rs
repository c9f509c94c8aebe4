//! A release directory: all of a commit's tree, what `git archive` would leave out too, and the
//! links to what releases share. It appears whole or not at all.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::base::CommitId;
use crate::git::{self, Git};
use crate::host;
use crate::host::machine::{Machine, write};

/// How long a release may be on its way to another machine.
const TRAVEL: Duration = Duration::from_mins(10);

pub(super) fn unpack(
    machine: &Machine,
    git: &Git,
    commit: &CommitId,
    dir: &Path,
    shared: &Path,
    links: &[String],
) -> Result<()> {
    if machine.exists(dir)? {
        bail!("{} is there already", dir.display());
    }
    let releases = dir.parent().context("a path with a directory")?;
    let name = dir.file_name().context("a path with a name")?.to_string_lossy().into_owned();
    let beside = releases.join(format!(".new-{name}"));
    write::remove(machine, &beside)?;
    write::make_dirs(machine, &beside)?;
    let made = match machine {
        Machine::Here => fill(machine, git, commit, &beside, shared, links),
        Machine::There(_) => send(machine, git, commit, &beside, shared, links),
    };
    let made = made.and_then(|()| write::rename(machine, &beside, dir));
    let made = match machine {
        Machine::Here => made.map_err(|why| explained(git, commit, releases, why)),
        Machine::There(_) => made,
    };
    if made.is_err() {
        let _ = write::remove(machine, &beside);
    }
    made
}

/// The tree and the links, in a directory of this machine.
fn fill(
    machine: &Machine,
    git: &Git,
    commit: &CommitId,
    dir: &Path,
    shared: &Path,
    links: &[String],
) -> Result<()> {
    git::write::unpack(git, commit, dir)?;
    links.iter().try_for_each(|link| share(machine, dir, shared, link))
}

/// git says that it cannot write a file, and not that the disk is full.
fn explained(git: &Git, commit: &CommitId, dir: &Path, why: anyhow::Error) -> anyhow::Error {
    let listed = git.must_bytes(&["ls-tree", "-r", "-l", "-z", commit.as_str()]);
    let listed = String::from_utf8_lossy(&listed.unwrap_or_default()).into_owned();
    let size = |line: &str| line.split_whitespace().nth(3)?.parse::<u64>().ok();
    let size: u64 = listed.split('\0').filter_map(size).sum();
    match host::read::free(dir) {
        Some(free) if free < size + (64 << 10) => why.context(format!(
            "No space left on device: the release has {} kB, and {} kB are free",
            size >> 10,
            free >> 10
        )),
        _ => why,
    }
}

/// The same for another machine: made here, with links that lead where they will be, and sent.
fn send(
    machine: &Machine,
    git: &Git,
    commit: &CommitId,
    dir: &Path,
    shared: &Path,
    links: &[String],
) -> Result<()> {
    let scratch = tempfile::tempdir().context("make a temporary directory")?;
    // Its mode is that of the release: what is temporary is closed to others.
    let tree = scratch.path().join("tree");
    host::write::make_dir(&tree)?;
    write::make_dirs(machine, shared)?;
    fill(machine, git, commit, &tree, shared, links)?;
    let mut tar = host::process::command("tar");
    tar.args(["-c", "-f", "-", "-C"]).arg(&tree).arg(".");
    write::unpack(machine, &mut tar, dir, TRAVEL)
}

/// Links one shared path into a release. What the commit has there gives way to what is shared.
/// The release is a directory of this machine, what is shared is where the environment lives.
fn share(machine: &Machine, release: &Path, shared: &Path, link: &str) -> Result<()> {
    let is_dir = link.ends_with('/');
    let inner = Path::new(link.trim_end_matches('/'));
    let source = shared.join(inner);
    let at = release.join(inner);
    let above = inner.parent().unwrap_or_else(|| Path::new(""));
    real_dirs(release, above)?;
    let dirs = if is_dir { inner } else { above };
    match machine {
        Machine::Here => real_dirs(shared, dirs)?,
        Machine::There(_) => write::make_dirs(machine, &shared.join(dirs))?,
    }
    if !is_dir && host::read::exists(&at) && !machine.exists(&source)? {
        return Ok(());
    }
    match at.symlink_metadata() {
        Ok(meta) if meta.is_dir() => host::write::remove_tree(&at)?,
        Ok(_) => host::write::remove(&at)?,
        Err(_) => {}
    }
    host::write::link(&at, &source)
}

/// Makes directories below another one, and goes through no link that a commit may have put there.
fn real_dirs(base: &Path, inner: &Path) -> Result<()> {
    let mut at = base.to_owned();
    for part in inner.components() {
        let Component::Normal(part) = part else { bail!("{} leads out", inner.display()) };
        at.push(part);
        if at.is_symlink() {
            bail!("{} is a link: nothing shared is put behind it", at.display());
        }
        host::write::make_dir(&at)?;
    }
    Ok(())
}

/// What failed is kept to be looked at, under a name that no deploy takes for one that worked.
pub(super) fn set_aside(machine: &Machine, dir: &Path) -> Result<()> {
    if !machine.exists(dir)? {
        return Ok(());
    }
    let name = dir.file_name().context("a path with a name")?.to_string_lossy().into_owned();
    let to: PathBuf = dir.with_file_name(format!("failed-{name}"));
    write::remove(machine, &to)?;
    write::rename(machine, dir, &to)
}
