//! What a clone keeps for handoffs in gsync's own folder: the tests that were recorded. That is
//! knowledge: losing it costs a test that has to be run again, so it is written outside of
//! plans, as the hooks write theirs.

use std::path::PathBuf;

use anyhow::Result;

use crate::git::Git;
use crate::handoff::words::Test;
use crate::host::{knowledge, read};

/// Older tests than that are forgotten.
const KEPT: usize = 20;

/// The folder of a work tree.
pub fn dir(git: &Git) -> PathBuf {
    git.git_dir.join("gsync").join("handoff")
}

/// The draft.
pub fn draft_path(git: &Git) -> PathBuf {
    dir(git).join("draft.md")
}

/// The draft as it stands, if there is one.
pub fn draft(git: &Git) -> Result<Option<Vec<u8>>> {
    Ok(read::file(&draft_path(git))?.map(|file| file.bytes.0))
}

/// The template of the repository, as it is in the work tree.
pub fn template(git: &Git) -> Result<Option<Vec<u8>>> {
    let Some(dir) = &git.work_dir else { return Ok(None) };
    Ok(read::file(&dir.join(crate::handoff::render::OWN_TEMPLATE))?.map(|file| file.bytes.0))
}

/// The recorded tests, the last of each command, in the order in which they ran.
pub fn tests(git: &Git) -> Result<Vec<Test>> {
    let file = read::file(&dir(git).join("tests.json"))?;
    Ok(file.map(|file| understand(&file.bytes.0)).unwrap_or_default())
}

/// Records a test; an earlier one of the same command is replaced.
pub fn record(git: &Git, test: &Test) -> Result<()> {
    knowledge::change(&dir(git).join("tests.json"), |old| {
        let mut tests = understand(old);
        tests.retain(|known| known.run != test.run);
        tests.push(test.clone());
        let too_many = tests.len().saturating_sub(KEPT);
        tests.drain(..too_many);
        Ok(((), serde_json::to_vec_pretty(&tests)?))
    })
}

/// What cannot be read is forgotten.
fn understand(bytes: &[u8]) -> Vec<Test> {
    serde_json::from_slice(bytes).unwrap_or_default()
}
