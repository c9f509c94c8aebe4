use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Publish, Serve, Task};
use crate::base::{Bytes, Carry, CommitId, Edit, File, PushRef, RefName, plain, shell_quote};

/// One change to the world. A step says *what happens*, never *why*; the
/// reasons stay with the planner that made it.
///
/// A step prints as the command a person would type to do the same. Paths are
/// absolute, so that a journal means the same from every directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Step {
    // Files.
    /// Writes a whole file, atomically. Without a file, removes it.
    Write { path: PathBuf, file: Option<File> },
    /// Renames a file, which keeps everything about it. Never over another one.
    Move { from: PathBuf, to: PathBuf },
    /// Points a symbolic link, atomically. Without a target, removes it.
    Link { at: PathBuf, to: Option<PathBuf> },
    /// Makes a directory, and those above it.
    MakeDir { dir: PathBuf },
    /// Removes a directory if it is there and empty.
    RemoveDir { dir: PathBuf },

    // Settings.
    /// Sets or unsets keys in a git configuration file.
    Config { file: PathBuf, edits: Vec<Edit> },
    /// Takes such edits back: byte for byte if nothing else changed the file
    /// since, else key by key.
    Unconfig { file: PathBuf, edits: Vec<Edit>, was: Option<File> },

    // Refs.
    /// Moves one ref, if it still is where we saw it.
    SetRef { name: RefName, to: Option<CommitId>, expect: Option<CommitId> },
    /// Keeps a snapshot under a ref of its own. Putting back leaves it: it takes nothing away
    /// from anybody, and it is the way home when something else goes wrong.
    Keep { name: RefName, snapshot: CommitId },
    /// Sends refs. Final: a moment later somebody may have fetched them.
    Push { remote: String, refs: Vec<PushRef> },
    /// Makes a commit in memory and sends it. Final, like every push.
    Publish(Box<Publish>),

    // Services.
    /// Runs a command or drives a service, and judges whether that worked.
    Run(Box<Task>),
    /// A deed on the server of an app.
    Serve(Box<Serve>),
    // The branch, the index and the work tree, together.
    /// Moves all three from one place to another; only files that differ are written.
    Carry(Box<Carry>),
    /// Lets a submodule's checkout follow the pointer of a move, if it stands where the pointer
    /// stood; one that somebody moved is left alone.
    Follow { dir: PathBuf, from: CommitId, to: CommitId },
    /// Takes back as much of such a move as was done, however far it came.
    Mend(Box<Carry>),
    /// Commits what is staged, or everything, with the repository's hooks: exactly this tree, if it
    /// is known.
    Commit {
        branch: RefName,
        on: Option<CommitId>,
        message: String,
        all: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tree: Option<CommitId>,
        snapshot: CommitId,
    },
    /// Starts a merge that is known to conflict, and leaves it for a person to resolve.
    Merge { branch: RefName, on: CommitId, name: RefName, with: CommitId, snapshot: CommitId },
    /// Gives up such a merge: the branch, the index and the files as they were before it.
    Unmerge { branch: RefName, to: CommitId, snapshot: CommitId },
    /// Takes back a commit that nothing was built on, and the index it was made from.
    Uncommit { branch: RefName, to: Option<CommitId>, snapshot: CommitId },
    // What runs by itself.
    /// Gives the user this crontab, or none.
    Crontab { table: Option<Bytes> },
    /// Reads the user's systemd units again, and stops and starts timers.
    Timers { start: Vec<String>, stop: Vec<String> },
}

impl Step {
    /// Whether the step cannot be taken back. Putting back stops here.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Push { .. } | Self::Publish(_) => true,
            Self::Run(task) => task.stays,
            Self::Write { .. }
            | Self::Move { .. }
            | Self::Link { .. }
            | Self::MakeDir { .. }
            | Self::RemoveDir { .. }
            | Self::Config { .. }
            | Self::Unconfig { .. }
            | Self::SetRef { .. }
            | Self::Serve(_)
            | Self::Keep { .. }
            | Self::Carry(_)
            | Self::Mend(_)
            | Self::Follow { .. }
            | Self::Commit { .. }
            | Self::Merge { .. }
            | Self::Unmerge { .. }
            | Self::Uncommit { .. }
            | Self::Crontab { .. }
            | Self::Timers { .. } => false,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = |path: &PathBuf| shell_quote(&path.to_string_lossy());
        match self {
            Self::Write { path: at, file: Some(_) } => write!(f, "write {}", path(at)),
            Self::Write { path: at, file: None } => write!(f, "rm {}", path(at)),
            Self::Move { from, to } => write!(f, "mv -n {} {}", path(from), path(to)),
            Self::Link { at, to: Some(to) } => write!(f, "ln -sfn {} {}", path(to), path(at)),
            Self::Link { at, to: None } => write!(f, "rm {}", path(at)),
            Self::MakeDir { dir } => write!(f, "mkdir -p {}", path(dir)),
            Self::RemoveDir { dir } => write!(f, "rmdir {}", path(dir)),
            // Whole hooks stand in some settings: the journal has them, a line has no room.
            Self::Config { edits, .. } if edits.len() > 2 => {
                let keys: Vec<_> = edits.iter().take(2).map(|edit| edit.key.as_str()).collect();
                write!(f, "git config: {} and {} more", keys.join(", "), edits.len() - 2)
            }
            Self::Config { edits, .. } => {
                for (at, edit) in edits.iter().enumerate() {
                    let separator = if at == 0 { "" } else { " && " };
                    match &edit.value {
                        Some(value) => {
                            write!(f, "{separator}git config {} {}", edit.key, shell_quote(value))?;
                        }
                        None => write!(f, "{separator}git config --unset {}", edit.key)?,
                    }
                }
                Ok(())
            }
            Self::Unconfig { edits, .. } => {
                let keys: Vec<_> = edits.iter().take(2).map(|edit| edit.key.as_str()).collect();
                let more = edits.len().saturating_sub(2);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                write!(f, "git config: {}{more} as before", keys.join(", "))
            }
            Self::SetRef { name, to: Some(to), .. } => {
                write!(f, "git update-ref {name} {}", to.short())
            }
            Self::SetRef { name, to: None, .. } => write!(f, "git update-ref -d {name}"),
            Self::Run(task) => task.fmt(f),
            Self::Serve(serve) => serve.fmt(f),
            Self::Keep { name, snapshot } => {
                write!(f, "git update-ref {name} {}", snapshot.short())
            }
            Self::Carry(carry) => fmt::Display::fmt(carry, f),
            Self::Follow { dir, to, .. } => {
                write!(f, "git -C {} checkout --detach {}", path(dir), to.short())
            }
            Self::Mend(carry) => {
                let to = carry.from.commit.as_ref().map_or("nothing", CommitId::short);
                write!(f, "move {} back to {to}", carry.branch.short())
            }
            Self::Commit { message, all, .. } => {
                let add = if *all { "git add -A && " } else { "" };
                write!(f, "{add}git commit -m {}", shell_quote(&plain(message)))
            }
            Self::Merge { name, .. } => {
                write!(f, "git merge --no-edit {}", shell_quote(&plain(name.short())))
            }
            Self::Unmerge { .. } => write!(f, "git merge --abort"),
            Self::Uncommit { to, .. } => {
                let to = to.as_ref().map_or("nothing", CommitId::short);
                write!(f, "git reset --soft {to}")
            }
            Self::Crontab { table: Some(_) } => write!(f, "crontab -"),
            Self::Crontab { table: None } => write!(f, "crontab -r"),
            Self::Timers { start, stop } => {
                write!(f, "systemctl --user daemon-reload")?;
                for (word, names) in [("stop", stop), ("start", start)] {
                    if !names.is_empty() {
                        write!(f, " && systemctl --user {word} {}", names.join(" "))?;
                    }
                }
                Ok(())
            }
            Self::Publish(publish) => publish.fmt(f),
            Self::Push { remote, refs } => {
                write!(f, "git push {remote}")?;
                for push in refs {
                    if let Some(lease) = &push.lease {
                        let lease = if lease.is_zero() { "" } else { lease.short() };
                        write!(f, " --force-with-lease={}:{lease}", push.to)?;
                    }
                    let from = push.from.as_ref().map_or("", CommitId::short);
                    write!(f, " {from}:{}", push.to.short())?;
                }
                Ok(())
            }
        }
    }
}
