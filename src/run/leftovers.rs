use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use crate::git::Git;
use crate::host::leftovers::{self, Note};

/// How long processes of a step whose gsync was killed have to end.
const GRACE: Duration = Duration::from_secs(5);

/// Processes of a step that outlived the gsync that ran it, and were ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftovers {
    pub step: String,
    pub pids: Vec<u32>,
}

/// Ends what a step left running when its gsync was killed. The lock must be held.
pub fn end_leftovers(git: &Git) -> Result<Option<Leftovers>> {
    let path = note(git);
    let Some(note) = Note::find(&path)? else { return Ok(None) };
    let pids = leftovers::end(&note.mark, GRACE);
    Note::take_away(&path);
    Ok((!pids.is_empty()).then_some(Leftovers { step: note.step, pids }))
}

/// Where the step that runs is noted.
pub(super) fn note(git: &Git) -> PathBuf {
    git.gsync_dir().join("step.json")
}
