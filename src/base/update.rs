//! What git tells its hooks about refs, and what is known of commits.

use serde::{Deserialize, Serialize};

use super::{CommitId, RefName, Time};

/// One line of what pre-push or pre-receive reads: a ref over there shall move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefUpdate {
    /// The ref on the receiving side.
    pub name: RefName,
    /// Where it stands there; nothing if it is new.
    pub old: Option<CommitId>,
    /// Where it shall stand; nothing if it is deleted.
    pub new: Option<CommitId>,
    /// What the pusher called it: a local ref, `HEAD`, a raw id, `(delete)`; empty on a server.
    pub source: String,
}

/// A commit as people read it in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    pub id: CommitId,
    pub summary: String,
    pub author: String,
    /// When it was committed.
    pub time: Time,
}
