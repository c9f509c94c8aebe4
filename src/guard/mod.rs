//! The guard: what may be committed, pushed and received.
//!
//! [`facts`] finds the policy in a trusted place and walks over objects, never over the work
//! tree's idea of them; [`judge`] and [`refs`] decide, and know nothing of git. What comes out
//! is a [`Verdict`].

pub mod allow;
pub mod facts;
pub mod judge;
pub mod policy;
pub mod refs;
pub mod rules;
pub mod secrets;
pub mod ways;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use crate::base::{CommitId, RefName, RepoPath};
use secrets::{Hit, Sum};

/// More findings than that are only counted.
pub const MOST: usize = 1000;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing passes.
    Error,
    /// It is said, and passes.
    Warning,
}

/// Where something was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    pub path: Option<RepoPath>,
    pub commit: Option<CommitId>,
    /// The ref that the push would move.
    pub reference: Option<RefName>,
}

/// One thing that a rule has to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub rule: &'static str,
    pub severity: Severity,
    #[serde(flatten)]
    pub place: Place,
    /// One line; of a file it continues the path: `.env` + `matches ..`.
    pub message: String,
    /// Further lines of explanation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    /// What can be done, in the imperative.
    pub hints: Vec<String>,
    /// The secret that was found, without itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<Arc<Hit>>,
    /// An exception that the hub has not yet lets it pass.
    #[serde(skip)]
    pub unheard: bool,
}

impl Finding {
    pub fn new(rule: &'static str, severity: Severity, place: Place, message: String) -> Self {
        let (because, hints) = (Vec::new(), Vec::new());
        let (secret, unheard) = (None, false);
        Self { rule, severity, place, message, because, hints, secret, unheard }
    }

    /// Covers what must not be seen in all that is told.
    fn cover(&mut self, covered: impl Fn(&[u8]) -> Option<Vec<u8>>) {
        if let Some(path) = self.place.path.as_mut()
            && let Some(text) = covered(path.as_bytes())
        {
            *path = RepoPath::new(text);
        }
        if let Some(name) = self.place.reference.as_mut()
            && let Some(text) = covered(name.as_str().as_bytes())
        {
            *name = RefName::new(String::from_utf8_lossy(&text));
        }
        let lines = self.because.iter_mut().chain(&mut self.hints);
        for line in lines.chain(std::iter::once(&mut self.message)) {
            if let Some(text) = covered(line.as_bytes()) {
                *line = String::from_utf8_lossy(&text).into_owned();
            }
        }
    }
}

/// How much was looked at: a judge that saw nothing must be seen to have seen nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Judged {
    pub commits: usize,
    pub files: usize,
    pub bytes: u64,
}

/// What is judged, for the words of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    Commit,
    Push,
    /// A push, seen from the receiving side.
    Receive,
    Range,
    Tree,
}

/// The result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub scene: Scene,
    pub judged: Judged,
    pub findings: Vec<Finding>,
    /// Findings beyond [`MOST`].
    pub more: usize,
    /// Things to know that are no finding, such as whose rules were used.
    pub notes: Vec<String>,
    /// The fingerprints of all secrets, also of those beyond [`MOST`].
    pub prints: BTreeSet<Sum>,
}

impl Verdict {
    pub fn new(scene: Scene) -> Self {
        let judged = Judged::default();
        let (findings, notes, prints) = Default::default();
        Self { scene, judged, findings, more: 0, notes, prints }
    }

    /// Whether it passes: there may be warnings.
    pub fn passes(&self) -> bool {
        self.more == 0 && self.findings.iter().all(|found| found.severity == Severity::Warning)
    }

    pub fn add(&mut self, finding: Finding) {
        if self.findings.len() < MOST {
            self.findings.push(finding);
        } else {
            self.more += 1;
        }
    }

    pub fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            self.add(finding);
        }
    }
}
