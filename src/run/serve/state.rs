//! The chain of states: one commit an entry, each with the whole state in it, so that the last
//! one says how it is and all of them how it came.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::base::{CommitId, RefName};
use crate::git::{self, Git};
use crate::host::clock;

/// The name of the file in the commit.
const FILE: &str = "state.json";

/// Adds an entry. Its times are those of now: a plan knows none, so that it stays the same plan.
pub(super) fn record(
    git: &Git,
    name: &RefName,
    expect: Option<&CommitId>,
    mut state: Value,
) -> Result<()> {
    let time = clock::now();
    let now = time.rfc3339();
    state["at"] = json!(now);
    for env in state["envs"].as_object_mut().into_iter().flat_map(serde_json::Map::values_mut) {
        if env["deployed_at"] == json!("now") {
            env["deployed_at"] = json!(now);
        }
    }
    let what = state["what"].as_str().unwrap_or("state").to_owned();
    let outcome = state["outcome"].as_str().unwrap_or("done").to_owned();
    let who = state["who"].as_str().unwrap_or("someone").to_owned();
    let message = format!("{what}: {outcome}\n\nby {who}\n");
    let text = serde_json::to_string_pretty(&state)? + "\n";
    git::write::entry(git, name, expect, FILE, &text, (time.0, &message))
}

/// Adds an entry that says again what an earlier one said.
pub(super) fn restore(git: &Git, name: &RefName, to: Option<&CommitId>, what: &str) -> Result<()> {
    let now = git.resolve_ref(name)?;
    let (Some(to), Some(at)) = (to, &now) else { return Ok(()) };
    let (old, new) = (read(git, to)?, read(git, at)?);
    if ["live", "envs", "seq"].iter().all(|key| old[*key] == new[*key]) {
        return Ok(());
    }
    let parent = git.resolve_commit(&format!("{at}^"))?;
    if parent.as_ref() != Some(to) {
        bail!("{name} was moved by somebody else since");
    }
    let mut state = old;
    state["what"] = json!(what);
    state["outcome"] = json!("put back");
    state["who"] = new["who"].clone();
    record(git, name, Some(at), state)
}

fn read(git: &Git, commit: &CommitId) -> Result<Value> {
    let bytes = git.must_bytes(&["cat-file", "blob", &format!("{commit}:{FILE}")])?;
    serde_json::from_slice(&bytes).with_context(|| format!("read the state {}", commit.short()))
}
