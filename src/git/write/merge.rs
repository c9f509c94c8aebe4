//! A merge that stops with conflicts for a person, and the way back out of it.

use anyhow::{Context, Result, bail};

use super::carry::{Index, IndexLock};
use crate::base::{CommitId, Left, RefName, plain};
use crate::git::Git;
use crate::git::ask::{finish, refusal};
use crate::host::env::INSIDE;

/// Lets git merge and stop. That it stops is what was wanted; that it refuses to begin is not.
pub fn merge(
    git: &Git,
    branch: &RefName,
    on: &CommitId,
    name: &RefName,
    with: &CommitId,
    out: &mut dyn FnMut(&str),
) -> Result<()> {
    if git.resolve_ref(branch)?.as_ref() != Some(on)
        || git.resolve_commit(name.as_str())?.as_ref() != Some(with)
    {
        bail!("{} or {} moved in the meantime", branch.short(), name.short());
    }
    let args = ["merge", "--no-edit", "--no-ff", "--no-autostash", name.short()];
    let mut command = git.command();
    let said = command.env(INSIDE, "1").args(args).output().context("run git merge")?;
    let words = [&said.stdout[..], &said.stderr[..]].concat();
    String::from_utf8_lossy(&words).lines().for_each(out);
    if said.status.success() || in_progress(git)? {
        return Ok(());
    }
    Err(refusal(&args, &said).into())
}

/// Gives such a merge up, if it is still under way.
pub fn unmerge(git: &Git, branch: &RefName, to: &CommitId, snapshot: &CommitId) -> Result<()> {
    if git.resolve_ref(branch)?.as_ref() != Some(to) {
        let name = plain(branch.short());
        return Err(Left::new(format!("{name} moved on since: the merge stays as it is"))
            .hint("look at what is there: `git log --oneline -5`")
            .into());
    }
    if !in_progress(git)? {
        return Ok(());
    }
    finish(&mut git.command(), &["merge", "--abort"])?;
    let lock = IndexLock::take(git, snapshot)?;
    let index = Index::copied(git, &git.scratch_dir()?)?;
    // The same entries in other bytes: then the former ones, with all their flags.
    if index.tree()? == git.snapshot_notes(snapshot)?.place.index {
        index.put_bytes(snapshot)?;
        index.put_in_place()?;
    }
    drop(lock);
    Ok(())
}

fn in_progress(git: &Git) -> Result<bool> {
    Ok(git.resolve_commit("MERGE_HEAD")?.is_some())
}
