//! What there is to know before everything here is given up for what the hub has.

use anyhow::Result;

use crate::base::{Branch, CommitId, Operation, Place, RepoPath};
use crate::config::Hub;
use crate::git::{self, Fetched, Git};
use crate::sync::pull::facts::{Line, Start, Upstream, lines, must_have_files, start, upstream};

/// All facts of a discard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub operation: Option<Operation>,
    pub unmerged: Vec<RepoPath>,
    pub branch: Option<Branch>,
    pub upstream: Upstream,
    /// Why the hub could not be asked: then the last known state counts.
    pub offline: Option<String>,
    /// Commits that only this branch has.
    pub commits: Vec<Line>,
    pub start: Option<Start>,
    pub to: Option<Place>,
    pub in_the_way: Vec<RepoPath>,
    /// Directories without a file in which files would come.
    pub hollow: Vec<RepoPath>,
}

/// Looks, and asks the hub first.
pub fn observe(git: &Git, hub: &Hub) -> Result<Facts> {
    must_have_files(git)?;
    let mut facts = Facts {
        operation: git.operation().map(|(operation, _)| operation),
        unmerged: git.unmerged()?,
        branch: git.head_branch()?.and_then(|name| name.branch()),
        upstream: Upstream::None,
        offline: None,
        commits: Vec::new(),
        start: None,
        to: None,
        in_the_way: Vec::new(),
        hollow: Vec::new(),
    };
    let Some(branch) = facts.branch.clone() else { return Ok(facts) };
    if facts.operation.is_some() || !facts.unmerged.is_empty() {
        return Ok(facts);
    }
    let remote = git.config(&format!("branch.{branch}.remote"))?;
    if let Some(remote) = remote.as_deref().filter(|remote| *remote != ".") {
        facts.offline = match git::fetch(git, remote, hub.timeout.0)? {
            Fetched::Done(_) => None,
            Fetched::Failed { why } => Some(why),
            Fetched::TimedOut => Some("it did not answer in time".to_owned()),
        };
    }
    facts.upstream = upstream(git, &branch, remote.as_deref())?;
    let Upstream::At { commit, .. } = facts.upstream.clone() else { return Ok(facts) };
    let start = start(git)?;
    if let Some(head) = &start.standing.place.commit {
        facts.commits = lines(git, &[head.as_str(), "--not", CommitId::as_str(&commit)])?;
    }
    let tree = git.tree_of(&commit)?;
    facts.in_the_way = git.obstacles(&start.standing.place.work, &tree)?;
    facts.hollow = git.hollow(&start.standing.place.work, &tree)?;
    facts.to = Some(Place { commit: Some(commit), index: tree.clone(), work: tree });
    facts.start = Some(start);
    Ok(facts)
}
