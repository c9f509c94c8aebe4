//! What is remembered between two times of bringing services up: `up.json` in gsync's folder.
//! Plain data; the engine writes it, [`super::facts`] reads it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::verdict::Found;
use crate::base::{CommitId, RepoPath};

/// The name of the file.
pub const FILE: &str = "up.json";

/// What was brought up, and what was not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    pub gsync: u32,
    /// What the services were last brought up to.
    pub seen: Seen,
    /// Those that were brought up by name since then, and what to.
    pub own: BTreeMap<String, Seen>,
    /// The steps of the last run that are done, in order.
    pub done: Vec<Key>,
    /// Services of the last run that are not done.
    pub left: Vec<String>,
    pub failed: Option<Failed>,
    /// The remedies that were tried in the last run: `service#entry`.
    pub fixes: Vec<String>,
}

/// A state of the sources: a commit, and what was not committed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Seen {
    pub head: Option<CommitId>,
    /// Each path that differed from it, with a mark that changes with its contents.
    pub dirty: BTreeMap<RepoPath, String>,
}

/// A step of a service. What it does belongs to it: a step that was edited is another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pub service: String,
    pub step: String,
    /// A hash of what it does.
    pub task: String,
}

/// How the last run ended, for whoever asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    pub service: String,
    pub step: String,
    /// Which step of the run it was, counted from 1.
    pub number: usize,
    pub of: usize,
    pub reason: String,
    pub first: Option<Found>,
    pub log: Option<String>,
    /// The remedies that were tried.
    pub fixes: Vec<String>,
}
