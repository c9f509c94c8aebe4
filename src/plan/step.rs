use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Task;
use crate::base::{CommitId, Edit, File, PushRef, RefName, shell_quote};

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
    /// Sends refs. Final: a moment later somebody may have fetched them.
    Push { remote: String, refs: Vec<PushRef> },

    // Services.
    /// Runs a command or drives a service, and judges whether that worked.
    Run(Box<Task>),
}

impl Step {
    /// Whether the step cannot be taken back. Putting back stops here.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Push { .. } => true,
            Self::Run(task) => task.stays,
            Self::Write { .. }
            | Self::Move { .. }
            | Self::Link { .. }
            | Self::MakeDir { .. }
            | Self::RemoveDir { .. }
            | Self::Config { .. }
            | Self::Unconfig { .. }
            | Self::SetRef { .. } => false,
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
            Self::Config { edits, .. } => {
                for (at, edit) in edits.iter().enumerate() {
                    let separator = if at == 0 { "" } else { " && " };
                    match &edit.value {
                        Some(value) => {
                            write!(f, "{separator}git config {} {}", edit.key, shell_quote(value))?
                        }
                        None => write!(f, "{separator}git config --unset {}", edit.key)?,
                    }
                }
                Ok(())
            }
            Self::Unconfig { edits, .. } => {
                let keys: Vec<_> = edits.iter().map(|edit| edit.key.as_str()).collect();
                write!(f, "git config: {} as it was", keys.join(", "))
            }
            Self::SetRef { name, to: Some(to), .. } => {
                write!(f, "git update-ref {name} {}", to.short())
            }
            Self::SetRef { name, to: None, .. } => write!(f, "git update-ref -d {name}"),
            Self::Run(task) => task.fmt(f),
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
