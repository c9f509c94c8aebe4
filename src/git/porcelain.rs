//! The work tree as git sees it: `git status --porcelain=v2 -z`, and how to read it.

use std::process::{Output, Stdio};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, anyhow, bail};

use super::Git;
use super::ask::{not_run, refusal};
use crate::base::{Change, CommitId, Kind, RepoPath};

/// What a look at the work tree found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scan {
    pub changes: Vec<Change>,
    pub stashes: usize,
}

/// A look at the work tree that goes on by itself.
pub struct Scanning {
    git: Git,
    out: JoinHandle<std::io::Result<Output>>,
}

const STATUS: [&str; 5] = ["--no-optional-locks", "status", "--porcelain=v2", "-z", "--show-stash"];

impl Git {
    /// Begins to look at the whole work tree. The index is not written and nothing is
    /// fetched for it.
    pub fn scan(&self) -> Result<Scanning> {
        let mut command = offline(self.command());
        command.args(STATUS).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().map_err(|err| not_run(err, &["status"], self.dir()))?;
        // Somebody has to empty the pipe, or git stops.
        Ok(Scanning { git: self.clone(), out: thread::spawn(move || child.wait_with_output()) })
    }
}

impl Scanning {
    /// What was found, when all was looked at.
    pub fn end(self) -> Result<Scan> {
        let out = self.out.join().map_err(|_| anyhow!("the look at the work tree broke off"))?;
        let mut out = out.context("run git status")?;
        if !out.status.success() {
            // Renames compare contents, and a partial clone may not have them: then without.
            let mut command = offline(self.git.command());
            command.args(STATUS).arg("--no-renames");
            out = command.output().context("run git status")?;
        }
        if !out.status.success() {
            return Err(refusal(&["status"], &out).into());
        }
        read(&out.stdout)
    }
}

/// A question that must not reach for the network, also not for missing objects.
pub(super) fn offline(mut command: std::process::Command) -> std::process::Command {
    command.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_NO_LAZY_FETCH", "1");
    // Older gits know only this way not to reach out.
    command.env("GIT_ALLOW_PROTOCOL", "none");
    command
}

/// Reads git's answer. An entry that cannot be understood is an error: a change that is
/// passed over would look like a clean work tree.
fn read(bytes: &[u8]) -> Result<Scan> {
    let mut scan = Scan::default();
    let mut entries = bytes.split(|byte| *byte == 0);
    while let Some(entry) = entries.next() {
        match entry.first() {
            None => {}
            Some(b'#') => {
                if let Some(count) = entry.strip_prefix(b"# stash ") {
                    scan.stashes = String::from_utf8_lossy(count).parse().context("a count")?;
                }
            }
            Some(b'?') => scan.changes.push(Change {
                path: RepoPath::new(&entry[2..]),
                from: None,
                index: None,
                worktree: Some(Kind::Untracked),
                submodule: false,
                staged: None,
            }),
            Some(b'!') => {}
            // Fields before the path, and whether another path follows.
            Some(b'1') => scan.changes.push(changed(entry, 8, None)?),
            Some(b'2') => {
                let from = entries.next().context("where a renamed path was")?;
                scan.changes.push(changed(entry, 9, Some(RepoPath::new(from)))?);
            }
            Some(b'u') => scan.changes.push(changed(entry, 10, None)?),
            Some(_) => bail!("git status said something that gsync does not understand"),
        }
    }
    Ok(scan)
}

fn changed(entry: &[u8], before: usize, from: Option<RepoPath>) -> Result<Change> {
    let fields: Vec<&[u8]> = entry.splitn(before + 1, |byte| *byte == b' ').collect();
    let (Some(letters), Some(sub), Some(path)) = (fields.get(1), fields.get(2), fields.get(before))
    else {
        bail!("git status said something that gsync does not understand");
    };
    let unmerged = fields[0] == b"u";
    let kind = |at: usize| letters.get(at).copied().and_then(kind);
    let staged = fields.get(7).filter(|_| !unmerged);
    Ok(Change {
        path: RepoPath::new(*path),
        from,
        index: if unmerged { None } else { kind(0) },
        worktree: if unmerged { Some(Kind::Conflicted) } else { kind(1) },
        submodule: sub.first() == Some(&b'S'),
        staged: staged.and_then(|id| CommitId::parse(&String::from_utf8_lossy(id))),
    })
}

const fn kind(letter: u8) -> Option<Kind> {
    match letter {
        b'A' => Some(Kind::Added),
        b'M' => Some(Kind::Modified),
        b'D' => Some(Kind::Deleted),
        b'R' => Some(Kind::Renamed),
        b'C' => Some(Kind::Copied),
        b'T' => Some(Kind::Typechange),
        b'U' => Some(Kind::Conflicted),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_entry_is_read_with_any_bytes_in_the_name() {
        let id = "a".repeat(40);
        let text = format!(
            "# branch.oid x\0# stash 3\0\
             1 MD N... 100644 100644 100644 {id} {id} a b\nc\0\
             1 .M S.M. 160000 160000 160000 {id} {id} sub\0\
             2 R. N... 100644 100644 100644 {id} {id} R100 new\0old name\0\
             u UU N... 100644 100644 100644 100644 {id} {id} {id} both\0? dir/\0! ignored\0"
        );
        let scan = read(text.as_bytes()).unwrap();
        assert_eq!(scan.stashes, 3);
        let told: Vec<String> = scan
            .changes
            .iter()
            .map(|change| {
                let word = |kind: Option<Kind>| kind.map_or("-", Kind::word);
                let from = change.from.as_ref().map(|from| format!(" from {from}"));
                let (index, worktree) = (word(change.index), word(change.worktree));
                format!("{} {index} {worktree}{}", change.path, from.unwrap_or_default())
            })
            .collect();
        assert_eq!(
            told,
            [
                "\"a b\\nc\" modified deleted",
                "sub - modified",
                "new renamed - from old name",
                "both - conflicted",
                "dir/ - untracked"
            ]
        );
        assert!(scan.changes[1].submodule);
    }

    #[test]
    fn an_answer_that_is_not_understood_is_an_error_and_not_a_clean_tree() {
        assert!(read(b"x what\0").is_err());
        assert!(read(b"1 M.\0").is_err());
        assert!(read(b"2 R. N... 1 1 1 a b R1 x").is_err());
    }
}
