//! What an entry of the chain of states says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::CommitId;

/// One entry: what was done, and how everything is since.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct State {
    pub gsync: u32,
    pub app: String,
    /// The command: `deploy`, `release`, `sync`.
    pub what: String,
    pub who: String,
    /// When; filled in when it is written.
    pub at: Option<String>,
    pub outcome: String,
    /// What it was about, before and after: an environment, or a version in one.
    pub from: Option<String>,
    pub to: Option<String>,
    pub live: Option<String>,
    /// The number of the last release directory.
    pub seq: u32,
    /// The former LIVE and its release, as long as it is the way back.
    #[serde(default)]
    pub way_back: Option<String>,
    pub envs: BTreeMap<String, EnvState>,
}

/// What an environment runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvState {
    pub version: String,
    pub commit: CommitId,
    pub release: String,
    pub deployed_at: String,
    pub deployed_by: String,
}
