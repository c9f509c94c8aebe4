//! What there is to know before a run is taken back: what it moved, and what happened since.

use anyhow::Result;

use crate::base::{Carry, CommitId, Operation, Place, RefName, RepoPath};
use crate::git::Git;
use crate::plan::{Before, Step};
use crate::sync::pull::facts::{Line, Start, lines, start};

/// Where the branch, the index and the files of a run would go back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    pub branch: RefName,
    /// What the run left; nothing where git made the commit.
    pub since: Place,
    pub start: Start,
    /// Where to, or what conflicts with work that was done since.
    pub back: Result<Place, Vec<RepoPath>>,
    /// The snapshot whose index comes back byte for byte: nothing was done since.
    pub exact: Option<CommitId>,
    pub in_the_way: Vec<RepoPath>,
    /// Directories without a file: those that get some, and those that were there.
    pub hollow: Vec<RepoPath>,
    pub hollow_after: Vec<RepoPath>,
}

/// All facts of an undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub operation: Option<Operation>,
    pub unmerged: Vec<RepoPath>,
    /// The branch that HEAD names now.
    pub branch: Option<RefName>,
    /// The branch of the run, where it stands, if that is not where the run left it.
    pub moved: Option<(RefName, Vec<Line>)>,
    pub way: Option<Way>,
    /// The run started a merge that is still under way: what stands now.
    pub merging: Option<Start>,
}

/// Looks at what a run did (its steps, with what was there before) and at what is now.
pub fn observe(git: &Git, begun: &[(Step, Before)]) -> Result<Facts> {
    let mut facts = Facts {
        operation: git.operation().map(|(operation, _)| operation),
        unmerged: git.unmerged()?,
        branch: git.head_branch()?,
        moved: None,
        way: None,
        merging: None,
    };
    let started = begun.iter().any(|(step, _)| match step {
        Step::Merge { branch, .. } => facts.branch.as_ref() == Some(branch),
        _ => false,
    });
    if started && facts.operation == Some(Operation::Merge) {
        facts.merging = Some(start(git)?);
        return Ok(facts);
    }
    let Some((branch, back, snapshot)) = first_move(git, begun)? else { return Ok(facts) };
    if facts.operation.is_some()
        || !facts.unmerged.is_empty()
        || facts.branch.as_ref() != Some(&branch)
    {
        return Ok(facts);
    }
    let now = git.resolve_ref(&branch)?;
    let Some(since) = last_move(git, begun, now.as_ref())? else {
        let range = now.iter().map(CommitId::as_str).chain(["-20"]);
        facts.moved = Some((branch, lines(git, &range.collect::<Vec<_>>())?));
        return Ok(facts);
    };
    if now != since.commit {
        let range = [now.as_ref(), since.commit.as_ref()];
        let [now, since] = range.map(|id| id.map_or("HEAD", CommitId::as_str));
        let since = format!("^{since}");
        facts.moved = Some((branch, lines(git, &[now, &since])?));
        return Ok(facts);
    }
    let start = start(git)?;
    let here = &start.standing.place;
    let exact = (*here == since).then_some(snapshot);
    let back = match &exact {
        Some(_) => Ok(back),
        None => git.carry_back(&since, here, &back)?,
    };
    let (mut in_the_way, mut hollow) = (Vec::new(), Vec::new());
    if let Ok(back) = &back {
        in_the_way = git.obstacles(&here.work, &back.work)?;
        hollow = git.hollow(&here.work, &back.work)?;
    }
    let hollow_after = begun.iter().find_map(|(step, _)| match step {
        Step::Carry(carry) => Some(carry.hollow.clone()),
        _ => None,
    });
    let hollow_after = hollow_after.unwrap_or_default();
    facts.way = Some(Way { branch, since, start, back, exact, in_the_way, hollow, hollow_after });
    Ok(facts)
}

/// Where the first step that moves something started.
fn first_move(git: &Git, begun: &[(Step, Before)]) -> Result<Option<(RefName, Place, CommitId)>> {
    for (step, _) in begun {
        match step {
            Step::Carry(carry) => {
                let Carry { branch, from, snapshot, .. } = &**carry;
                return Ok(Some((branch.clone(), from.clone(), snapshot.clone())));
            }
            Step::Commit { branch, snapshot, .. } | Step::Merge { branch, snapshot, .. } => {
                let place = git.snapshot_notes(snapshot)?.place;
                return Ok(Some((branch.clone(), place, snapshot.clone())));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// Where the last one ended. Nothing: git made a commit, and it is not the last one any more.
fn last_move(git: &Git, begun: &[(Step, Before)], now: Option<&CommitId>) -> Result<Option<Place>> {
    for (step, _) in begun.iter().rev() {
        match step {
            Step::Carry(carry) => return Ok(Some(carry.to.clone())),
            Step::Merge { on, snapshot, .. } => {
                let Some(now) = now else { return Ok(None) };
                let parent = git.resolve_commit(&format!("{now}^"))?;
                let was = git.snapshot_notes(snapshot)?.place;
                return Ok(match git.carry_over(&was, now)? {
                    Ok(place) if parent.as_ref() == Some(on) => Some(place),
                    _ => None,
                });
            }
            Step::Commit { on, snapshot, .. } => {
                let Some(now) = now else { return Ok(None) };
                let parent = git.resolve_commit(&format!("{now}^"))?;
                if parent != *on || parent.as_ref() == Some(now) {
                    return Ok(None);
                }
                let work = git.snapshot_notes(snapshot)?.place.work;
                let index = git.tree_of(now)?;
                return Ok(Some(Place { commit: Some(now.clone()), index, work }));
            }
            _ => {}
        }
    }
    Ok(None)
}
