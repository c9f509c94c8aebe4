//! An index that comes back byte for byte remembers the sizes of files as they were. Where a
//! filter made other bytes of the same content this time (line ends after a change of
//! attributes), git would call such a file changed for ever, without even reading it.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result};

use super::{Index, index_line, null};
use crate::base::{CommitId, RepoPath};
use crate::git::raw::Entry;
use crate::git::snapshot::{Notes, put_index_time};

/// Has git look anew at the entries of files that are what the snapshot says, and are not of
/// the size that the index remembers. All others keep all they have.
pub(super) fn fit(index: &Index<'_>, notes: &Notes) -> Result<()> {
    let copy = index.dir.path().join("looked-at");
    fs::copy(index.path(), &copy).context("copy the index")?;
    put_index_time(&copy, notes)?;
    let git = index.git;
    git.feed(Some(&copy), &["update-index", "-q", "--refresh", "--unmerged"], b"")?;
    let differing =
        git.feed(Some(&copy), &["diff-files", "-z", "--name-only", "--ignore-submodules"], b"")?;
    let mut stale: BTreeSet<RepoPath> = differing
        .split(|byte| *byte == 0)
        .filter(|path| !path.is_empty())
        .map(RepoPath::new)
        .collect();
    for change in git.compare_trees(&notes.place.index, &notes.place.work)? {
        stale.remove(&change.path);
    }
    notes.intent.iter().for_each(|path| {
        stale.remove(path);
    });
    if !stale.is_empty() {
        let mut lines = Vec::new();
        let mut paths = Vec::new();
        for line in git.feed(Some(&copy), &["ls-files", "--stage", "-z"], b"")?.split(|b| *b == 0) {
            if let Some((path, entry)) = understood(line).filter(|(path, _)| stale.contains(path)) {
                lines.extend(index_line(&path, &entry));
                paths.push(path);
            }
        }
        index.feed(&["update-index", "-z", "--index-info"], &lines)?;
        let args = ["--literal-pathspecs", "add", "--refresh", "--ignore-errors"];
        let args = [&args[..], &["--pathspec-from-file=-", "--pathspec-file-nul"]].concat();
        // What cannot be refreshed is read by the next `git status`.
        let _ = index.feed(&args, &null(paths.iter()));
        put_index_time(&index.path(), notes)?;
    }
    fs::remove_file(&copy).context("remove the copy of the index")
}

/// `MODE ID STAGE TAB PATH` of a file that is in no conflict.
fn understood(line: &[u8]) -> Option<(RepoPath, Entry)> {
    let tab = line.iter().position(|byte| *byte == b'\t')?;
    let head = std::str::from_utf8(&line[..tab]).ok()?;
    let mut words = head.split(' ');
    let mode = u32::from_str_radix(words.next()?, 8).ok()?;
    let id = CommitId::parse(words.next()?)?;
    (words.next()? == "0").then(|| (RepoPath::new(&line[tab + 1..]), Entry { mode, id }))
}
