//! A release directory: all of a commit's tree, what `git archive` would leave out too, and the
//! links to what releases share. It appears whole or not at all.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::base::CommitId;
use crate::git::{self, Git};
use crate::host;

pub(super) fn unpack(
    git: &Git,
    commit: &CommitId,
    dir: &Path,
    shared: &Path,
    links: &[String],
) -> Result<()> {
    if host::read::exists(dir) {
        bail!("{} is there already", dir.display());
    }
    let releases = dir.parent().context("a path with a directory")?;
    let name = dir.file_name().context("a path with a name")?.to_string_lossy().into_owned();
    let beside = releases.join(format!(".new-{name}"));
    host::write::remove_tree(&beside)?;
    host::write::make_dir(&beside)?;
    let made = git::write::unpack(git, commit, &beside)
        .and_then(|()| links.iter().try_for_each(|link| share(&beside, shared, link)))
        .and_then(|()| host::write::rename(&beside, dir));
    if made.is_err() {
        let _ = host::write::remove_tree(&beside);
    }
    made
}

/// Links one shared path into a release. What the commit has there gives way to what is shared.
fn share(release: &Path, shared: &Path, link: &str) -> Result<()> {
    let is_dir = link.ends_with('/');
    let inner = Path::new(link.trim_end_matches('/'));
    let source = shared.join(inner);
    let at = release.join(inner);
    let above = inner.parent().unwrap_or_else(|| Path::new(""));
    real_dirs(release, above)?;
    if is_dir {
        real_dirs(shared, inner)?;
    } else {
        real_dirs(shared, above)?;
        if !host::read::exists(&source) && host::read::exists(&at) {
            return Ok(());
        }
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
pub(super) fn set_aside(dir: &Path) -> Result<()> {
    if !host::read::exists(dir) {
        return Ok(());
    }
    let name = dir.file_name().context("a path with a name")?.to_string_lossy().into_owned();
    let to: PathBuf = dir.with_file_name(format!("failed-{name}"));
    host::write::remove_tree(&to)?;
    host::write::rename(dir, &to)
}
