//! Words everyone speaks: names, paths, times, exit codes, problems. No I/O.

mod bytes;
mod carry;
mod change;
mod cover;
mod duration;
mod edit;
mod exit;
mod hidden;
mod left;
mod names;
mod path;
mod peer;
mod problem;
mod text;
mod time;
mod update;

pub use bytes::{Bytes, File, hex, unhex};
pub use carry::{Carry, Place};
pub use change::{Change, Kind, Operation};
pub use cover::{
    cover_texts, cover_with, covered, covered_facts, covered_output, each_text, has_secret,
};
pub use duration::Span;
pub use edit::{Edit, PushRef};
pub use exit::Exit;
pub use hidden::{hidden, unhidden};
pub use left::Left;
pub use names::{Branch, CommitId, Hook, PeerId, RefName, RunId};
pub use path::RepoPath;
pub use peer::{Meeting, PeerSeen, Presence};
pub use problem::Problem;
pub use text::{count, nearest, plain, plays_tricks, shell_quote};
pub use time::Time;
pub use update::{Commit, RefUpdate};
