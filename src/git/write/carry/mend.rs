//! Taking back as much of a move as was done, with whatever somebody did in between kept by name.

use std::fs;

use anyhow::{Context, Result};

use super::{Files, Index, IndexLock, Point, mark, move_branch, room, whole};
use crate::base::{Carry, CommitId, Left, RefName, RepoPath, plain, shell_quote};
use crate::git::Git;
use crate::host::progress;

/// How many paths a command to paste names.
const NAMED: usize = 5;

/// Takes back as much of a move as was done.
pub fn mend(git: &Git, carry: &Carry, point: Point<'_>, out: &mut dyn FnMut(&str)) -> Result<()> {
    room::give(git);
    let begun = fs::read_to_string(mark(git)?).unwrap_or_default();
    let is_whole = begun == whole(carry);
    if begun != carry.snapshot.as_str() && !is_whole {
        // It never began; a lock that it had taken already is given back.
        IndexLock::drop_ours(git);
        return Ok(());
    }
    progress::doing("putting the files back");
    let (was, went) = (&carry.from, &carry.to);
    let name = plain(carry.branch.short());
    let now = git.resolve_ref(&carry.branch)?;
    let elsewhere = now != was.commit && now != went.commit;
    if git.head_branch()?.as_ref() != Some(&carry.branch) || (is_whole && elsewhere) {
        // Somebody went on: from the whole move, or on another branch.
        let left = leave(git, &name, is_whole)?;
        IndexLock::drop_ours(git);
        fs::remove_file(mark(git)?).context("forget the move")?;
        return Err(left.into());
    }
    let lock = IndexLock::take(git, &carry.snapshot)?;
    let scratch = git.scratch_dir()?;
    let changes = git.compare_trees(&was.work, &went.work)?;
    let files = Files::new(git, &scratch, &changes);
    room::drop_halves(git, &changes)?;
    let seen = files.look()?;
    // A file that is neither the old one nor the new one may be half of the new one, or
    // somebody's work of a moment ago: it is kept before the old one comes back. So is an index
    // that is neither, and a commit that somebody made meanwhile.
    let strange: Vec<&RepoPath> = changes
        .iter()
        .filter(|change| {
            let now = seen.at(&change.path);
            now.is_some() && now != change.from.as_ref() && now != change.to.as_ref()
        })
        .map(|change| &change.path)
        .collect();
    let index = Index::copied(git, &scratch)?;
    let staged = !index.tree().is_ok_and(|tree| tree == was.index || tree == went.index);
    // A commit of the index as it was, by a git that had begun before us, is simply theirs.
    let plain_commit = elsewhere && is_commit_of(git, carry, now.as_ref())?;
    if !strange.is_empty() || staged || (elsewhere && !plain_commit) {
        let found = git.keep_standing(&git.standing()?)?;
        let kept = git.next_snapshot()?;
        crate::git::write::set_ref(git, &kept, Some(&found), None)?;
        out(&format!("what was found half way is kept as {kept}"));
        tell(&kept, &strange, staged, out);
    }
    files.write(&seen, |change| change.from.clone())?;
    files.hollow(&carry.hollow)?;
    files.beyond(&git.snapshot_notes(&carry.snapshot)?.beyond)?;
    point("files back")?;
    match &now {
        Some(theirs) if plain_commit => {
            out(&format!("{} was committed on {name} meanwhile, and stays", theirs.short()));
        }
        now if *now != was.commit => {
            let why = "gsync: put back";
            move_branch(git, &carry.branch, was.commit.as_ref(), now.as_ref(), why)?;
            if let (Some(theirs), true) = (now, elsewhere) {
                out(&format!("{} was committed on half of a move", theirs.short()));
                out(&format!("take it over: `git cherry-pick {theirs}`"));
            }
        }
        _ => {}
    }
    point("branch back")?;
    index.put_bytes(&carry.snapshot)?;
    index.put_in_place()?;
    fs::remove_file(mark(git)?).context("forget the move")?;
    drop(lock);
    Ok(())
}

/// Whether this is the commit that a plain `git commit` would have made before the move: git
/// gives the index free before it moves the branch.
fn is_commit_of(git: &Git, carry: &Carry, now: Option<&CommitId>) -> Result<bool> {
    let Some(now) = now else { return Ok(false) };
    let parent = git.resolve_commit(&format!("{now}^"))?;
    Ok(parent == carry.from.commit && git.tree_of(now)? == carry.from.index)
}

/// Keeps what stands, and says that it is left alone.
fn leave(git: &Git, name: &str, is_whole: bool) -> Result<Left> {
    if is_whole {
        return Ok(Left::new(format!("{name} was moved, and somebody went on from there")));
    }
    let found = git.keep_standing(&git.standing()?)?;
    let kept = git.next_snapshot()?;
    crate::git::write::set_ref(git, &kept, Some(&found), None)?;
    Ok(Left::new(format!("another branch than {name} is checked out by now: nothing is moved"))
        .hint(format!("what stands here is kept as {kept}"))
        .hint("look for files of the cut off move: `git status`"))
}

fn tell(kept: &RefName, strange: &[&RepoPath], staged: bool, out: &mut dyn FnMut(&str)) {
    if !strange.is_empty() {
        let names = strange
            .iter()
            .take(NAMED)
            .map(|path| shell_quote(&String::from_utf8_lossy(path.as_bytes())));
        let names: Vec<String> = names.collect();
        let more = strange.len().saturating_sub(NAMED);
        out(&format!("get files back: `git restore --source={kept} -- {}`", names.join(" ")));
        if more > 0 {
            out(&format!("and {more} more: `git diff --stat {kept}`"));
        }
    }
    if staged {
        out(&format!("see what was staged: `git diff {kept}^1 {kept}^2:staged`"));
    }
}
