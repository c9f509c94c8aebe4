//! The repository.
//!
//! Everybody above may ask; only `run` may name [`write`]. What is asked in process goes
//! through gix, in the few places where it wins; everything else, and every repository that
//! gix does not read, goes to the git executable (`DECISIONS.md` has the figures).

mod ask;
mod at_hook;
mod delta;
mod dirt;
mod discover;
mod families;
mod fetch;
mod folder;
mod forecast;
mod history;
mod hub;
mod in_the_way;
mod known;
mod large;
mod library;
mod locate;
mod make;
mod objects;
mod packs;
mod peek;
mod porcelain;
mod raw;
mod rehearse;
mod shared;
mod sign;
mod snapshot;
mod staged;
mod state;
mod states;
mod store;
mod submodule;
mod tip;
mod trees;
mod walk;
pub mod write;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::host::env;

pub use ask::Refusal;
pub use at_hook::at_hook;
pub use delta::Taken;
pub use dirt::Dirt;
pub use discover::discover;
pub use families::{Families, Made};
pub use fetch::{Fetched, HubAt, Settings, fetch, fetch_knowing};
pub use folder::InFolder;
pub use forecast::{Forecast, Incoming};
pub use history::{Fresh, NewCommit, Walk, each_new_commit, new_commits};
pub use hub::Asked;
pub use known::{Known, Seen};
pub use large::Large;
pub use library::refs_in;
pub use locate::{find, locate};
pub use objects::{Node, Objects, Seed, TOO_LARGE};
pub use porcelain::{Scan, Scanning};
pub use raw::Merged;
pub use rehearse::{Among, Rehearsal, Way};
pub use shared::Bench;
pub use snapshot::{Beyond, Notes, Standing};
pub use staged::Staged;
pub use state::{Head, Upstream};
pub use states::{Entries, Listing};
pub use submodule::{Submodule, submodule_at};
pub use tip::{refs_at, tip_at, where_it_goes};
pub use trees::{Entry, TreeWalk, What};
pub use walk::Side;

/// Set for the hooks of a push that gsync itself makes: the command tells the others by itself.
pub const OWN_PUSH: &str = "GSYNC_OWN_PUSH";

/// A repository, and the way to speak to git about it.
#[derive(Debug, Clone)]
pub struct Git {
    /// The git directory of this work tree.
    pub git_dir: PathBuf,
    /// The git directory that all work trees share; the same if there is only one.
    pub common_dir: PathBuf,
    /// The top of the work tree; none in a bare repository.
    pub work_dir: Option<PathBuf>,
    /// Its objects, once they were opened.
    store: store::Store,
}

impl Git {
    /// A repository that is known to be there.
    pub fn at(git_dir: PathBuf, common_dir: PathBuf, work_dir: Option<PathBuf>) -> Self {
        Self { git_dir, common_dir, work_dir, store: store::Store::default() }
    }

    /// gsync's own folder, shared by all work trees.
    pub fn gsync_dir(&self) -> PathBuf {
        self.common_dir.join("gsync")
    }

    /// Where commands run: the work tree, or the git directory of a bare repository.
    pub fn dir(&self) -> &Path {
        self.work_dir.as_deref().unwrap_or(&self.git_dir)
    }

    /// Whether this is one of several work trees and not the first.
    pub fn is_linked_worktree(&self) -> bool {
        self.git_dir != self.common_dir
    }

    /// A git command that speaks plainly: no translation, no prompt, no pager, no
    /// file-system monitor, nothing on its input. It works on this repository whatever the
    /// environment says, but keeps the index and the quarantine that a hook was given.
    pub fn command(&self) -> Command {
        let mut git = plain_git();
        git.current_dir(self.dir()).env("GIT_DIR", &self.git_dir);
        if let Some(work_dir) = &self.work_dir {
            git.env("GIT_WORK_TREE", work_dir);
        }
        if self.is_linked_worktree() {
            git.env("GIT_COMMON_DIR", &self.common_dir);
        }
        git
    }
}

/// A git command outside of any repository that gsync knows yet.
#[expect(clippy::disallowed_methods, reason = "the door by which git enters")]
pub fn plain_git() -> Command {
    let mut git = Command::new(env::raw("GSYNC_GIT").unwrap_or_else(|| "git".into()));
    git.args(["-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "--no-pager"])
        // LC_MESSAGES and not LC_ALL, which would change the encoding of names too.
        .env("LC_MESSAGES", "C")
        .env_remove("LANGUAGE")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null());
    if let Some(all) = env::raw("LC_ALL") {
        git.env_remove("LC_ALL").env("LC_CTYPE", all);
    }
    git
}
