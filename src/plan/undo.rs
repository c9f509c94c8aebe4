use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Step;
use crate::base::{Bytes, CommitId, File, RefName};

/// What was there before a step. Written to the journal *before* the step
/// is performed, so that even a killed run can be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "was", rename_all = "kebab-case")]
pub enum Before {
    /// Nothing worth keeping.
    Nothing,
    Ref {
        commit: Option<CommitId>,
    },
    File {
        file: Option<File>,
    },
    Link {
        to: Option<PathBuf>,
    },
    /// Whether the two ends of a rename were there.
    Ends {
        from: bool,
        to: bool,
    },
    Dir {
        exists: bool,
    },
    /// All of the branch, the index and the work tree, in a commit.
    Snapshot {
        commit: CommitId,
    },
    Crontab {
        table: Option<Bytes>,
    },
    /// What an environment ran: where `current` points, and the release that was started last.
    Env {
        current: Option<PathBuf>,
        running: Option<String>,
    },
    /// The environment that had the traffic.
    Live {
        env: Option<String>,
    },
    /// Where refs of the hub stood, in the order of the push.
    Hub {
        refs: Vec<(RefName, Option<CommitId>)>,
    },
    /// The timers that were running, of those that a step is about.
    Timers {
        active: Vec<String>,
    },
}

/// How a step is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undo {
    /// By this step.
    By(Step),
    /// It left nothing behind.
    Nothing,
    /// It cannot be: others have seen it, or the old state is gone.
    Never,
}

impl Step {
    /// The step that takes this one back, given what was there before.
    pub fn undo(&self, before: &Before) -> Undo {
        match (self, before) {
            (step, _) if step.is_final() => Undo::Never,
            (Self::Run(_), _) => Undo::Nothing,
            (Self::Serve(serve), before) => serve.undo(before),
            (Self::SetRef { name, to, .. }, Before::Ref { commit }) => Undo::By(Self::SetRef {
                name: name.clone(),
                to: commit.clone(),
                expect: to.clone(),
            }),
            (Self::Write { path, .. }, Before::File { file }) => {
                Undo::By(Self::Write { path: path.clone(), file: file.clone() })
            }
            (Self::Write { path: at, .. } | Self::Link { at, .. }, Before::Link { to }) => {
                Undo::By(Self::Link { at: at.clone(), to: to.clone() })
            }
            (Self::Link { at, .. }, Before::File { file }) => {
                Undo::By(Self::Write { path: at.clone(), file: file.clone() })
            }
            (Self::Move { from, to }, Before::Ends { .. }) => {
                Undo::By(Self::Move { from: to.clone(), to: from.clone() })
            }
            (Self::MakeDir { .. }, Before::Dir { exists: true })
            | (Self::RemoveDir { .. }, Before::Dir { exists: false }) => Undo::Nothing,
            (Self::MakeDir { dir }, Before::Dir { exists: false }) => {
                Undo::By(Self::RemoveDir { dir: dir.clone() })
            }
            (Self::RemoveDir { dir }, Before::Dir { exists: true }) => {
                Undo::By(Self::MakeDir { dir: dir.clone() })
            }
            (Self::Config { file, edits }, Before::File { file: was }) => {
                Undo::By(Self::Unconfig {
                    file: file.clone(),
                    edits: edits.clone(),
                    was: was.clone(),
                })
            }
            (Self::Unconfig { file, .. }, Before::File { file: was }) => {
                Undo::By(Self::Write { path: file.clone(), file: was.clone() })
            }
            // A merge that could not be given up was not touched.
            (Self::Keep { .. } | Self::Unmerge { .. }, _) => Undo::Nothing,
            (Self::Merge { branch, on, .. }, Before::Snapshot { commit }) => {
                Undo::By(Self::Unmerge {
                    branch: branch.clone(),
                    to: on.clone(),
                    snapshot: commit.clone(),
                })
            }
            (Self::Follow { dir, from, to }, _) => {
                let (from, to) = (to.clone(), from.clone());
                Undo::By(Self::Follow { dir: dir.clone(), from, to })
            }
            (Self::Carry(carry), Before::Snapshot { .. }) => Undo::By(Self::Mend(carry.clone())),
            (Self::Commit { branch, on, .. }, Before::Snapshot { commit }) => {
                Undo::By(Self::Uncommit {
                    branch: branch.clone(),
                    to: on.clone(),
                    snapshot: commit.clone(),
                })
            }
            (Self::Crontab { .. }, Before::Crontab { table }) => {
                Undo::By(Self::Crontab { table: table.clone() })
            }
            (Self::Timers { start, stop }, Before::Timers { active }) => {
                let all = start.iter().chain(stop).cloned();
                let (start, stop) = all.partition(|name| active.contains(name));
                Undo::By(Self::Timers { start, stop })
            }
            _ => Undo::Never,
        }
    }
}
