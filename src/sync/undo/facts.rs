//! What there is to know before a run is taken back: what it moved, and what happened since.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use crate::base::{Carry, CommitId, File, Operation, Place, Problem, RefName, RepoPath, plain};
use crate::git::{self, Asked, Git};
use crate::host::read;
use crate::plan::{Before, Step};
use crate::sync::pull::facts::{Start, lines, start};

pub use crate::sync::pull::facts::Line;

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

/// A ref that a run sent to a hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnHub {
    pub remote: String,
    pub name: RefName,
    /// What the run put there; nothing: it was deleted.
    pub put: Option<CommitId>,
    /// Where it stood before, if the journal knows.
    pub was: Option<Option<CommitId>>,
    /// Where it stands now, if that was asked.
    pub now: Option<CommitId>,
    /// Whether what stood there before is in this repository.
    pub here: bool,
    /// The commits that the hub would lose.
    pub cut: Vec<Line>,
    /// What came there since.
    pub since: Vec<Line>,
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
    /// Files that the run wrote and that somebody wrote to since. Of what is gsync's own it is only
    /// said.
    pub rewritten: Vec<PathBuf>,
    pub rewritten_own: Vec<PathBuf>,
    /// What was sent.
    pub sent: Vec<OnHub>,
    /// The branch is back where the run found it: only the hub is left.
    pub is_back: bool,
}

/// Looks at what a run did (its steps, with what was there before) and at what is now. The hub
/// is asked, with a deadline, only if it is to be led back too.
pub fn observe(git: &Git, begun: &[(Step, Before)], hub: Option<Duration>) -> Result<Facts> {
    let mut facts = Facts {
        operation: git.operation().map(|(operation, _)| operation),
        unmerged: git.unmerged()?,
        branch: git.head_branch()?,
        moved: None,
        way: None,
        merging: None,
        rewritten: Vec::new(),
        rewritten_own: Vec::new(),
        sent: sent(begun),
        is_back: false,
    };
    (facts.rewritten_own, facts.rewritten) =
        rewritten(begun)?.into_iter().partition(|path| path.starts_with(&git.common_dir));
    if let Some(deadline) = hub {
        facts.sent.iter_mut().try_for_each(|one| ask(git, one, deadline))?;
    }
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
    let moves = begun.iter().any(|(step, _)| match step {
        Step::Carry(carry) => carry.from.commit != carry.to.commit,
        step => matches!(step, Step::Commit { .. } | Step::Merge { .. }),
    });
    if hub.is_some() && moves && now == back.commit {
        facts.is_back = true;
        return Ok(facts);
    }
    let since = match left_by_giving_up(git, begun, now.as_ref())? {
        Some(left) => Some(left),
        None => last_move(git, begun, now.as_ref())?,
    };
    let Some(since) = since else {
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

/// What is left where a merge was given up by `git reset --hard`: the commit, and nothing beside it.
fn left_by_giving_up(
    git: &Git,
    begun: &[(Step, Before)],
    now: Option<&CommitId>,
) -> Result<Option<Place>> {
    let Some((Step::Merge { on, .. }, _)) = begun.last() else { return Ok(None) };
    if now != Some(on) {
        return Ok(None);
    }
    let tree = git.tree_of(on)?;
    Ok(Some(Place { commit: Some(on.clone()), index: tree.clone(), work: tree }))
}

/// The files that are neither as a run left them nor as it found them.
fn rewritten(begun: &[(Step, Before)]) -> Result<Vec<PathBuf>> {
    let mut last: BTreeMap<&PathBuf, (&Option<File>, &Before)> = BTreeMap::new();
    for (step, before) in begun {
        let Step::Write { path, file } = step else { continue };
        last.entry(path).and_modify(|(left, _)| *left = file).or_insert((file, before));
    }
    let mut found = Vec::new();
    for (path, (left, before)) in last {
        let Before::File { file: was } = before else { continue };
        let now = read::file(path)?.map(|file| file.bytes);
        // What is not there cannot be lost.
        if now.is_none() {
            continue;
        }
        let is = |file: &Option<File>| file.as_ref().map(|file| &file.bytes) == now.as_ref();
        if !is(left) && !is(was) {
            found.push(path.clone());
        }
    }
    Ok(found)
}

/// Whether a run ended with a merge for a person to resolve who gave it up: the branch is where
/// the run found it, nothing is under way, and index and files are as they were. Who gave it up by
/// `git reset --hard` has lost work that the run kept.
pub fn is_given_up(git: &Git, begun: &[(Step, Before)]) -> Result<bool> {
    let mut deeds =
        begun.iter().map(|(step, _)| step).filter(|step| !matches!(step, Step::Keep { .. }));
    let (Some(Step::Merge { branch, on, snapshot, .. }), None) = (deeds.next(), deeds.next())
    else {
        return Ok(false);
    };
    let merging = git.operation().is_some() && git.head_branch()?.as_ref() == Some(branch);
    if merging || git.resolve_ref(branch)?.as_ref() != Some(on) {
        return Ok(false);
    }
    Ok(git.standing()?.place == git.snapshot_notes(snapshot)?.place)
}

/// What was sent, each ref once: from where it stood first to where it was put last.
fn sent(begun: &[(Step, Before)]) -> Vec<OnHub> {
    let mut sent: Vec<OnHub> = Vec::new();
    for (step, before) in begun {
        let Step::Push { remote, refs } = step else { continue };
        for push in refs {
            let same = |one: &&mut OnHub| one.remote == *remote && one.name == push.to;
            if let Some(one) = sent.iter_mut().find(same) {
                one.put.clone_from(&push.from);
                continue;
            }
            let noted = match before {
                Before::Hub { refs } => refs.iter().find(|(name, _)| *name == push.to),
                _ => None,
            };
            let leased = || push.lease.clone().map(|lease| Some(lease).filter(|id| !id.is_zero()));
            sent.push(OnHub {
                remote: remote.clone(),
                name: push.to.clone(),
                put: push.from.clone(),
                was: noted.map(|(_, was)| was.clone()).or_else(leased),
                now: None,
                here: false,
                cut: Vec::new(),
                since: Vec::new(),
            });
        }
    }
    sent
}

/// Where the hub stands now, and what there would be to lose.
fn ask(git: &Git, one: &mut OnHub, deadline: Duration) -> Result<()> {
    let tips = match git.remote_tips(&one.remote, &[&one.name], deadline)? {
        Asked::Tips(tips) => tips,
        Asked::Unreachable(why) => {
            let message = format!("the hub {} cannot be asked", plain(&one.remote));
            return Err(Problem::blind("unreachable", message)
                .because(why)
                .because("without knowing where it stands, nothing is taken back there")
                .into());
        }
    };
    one.now = tips.into_iter().next().map(|(_, id)| id);
    let known = |id: &Option<CommitId>| -> Result<Option<CommitId>> {
        id.as_ref().map_or(Ok(None), |id| git.resolve_commit(id.as_str()))
    };
    let was = one.was.clone().flatten();
    one.here = known(&was)?.is_some();
    let apart = |tip: &CommitId, hidden: Option<&CommitId>| {
        let hidden = hidden.map(|id| format!("^{id}"));
        let range: Vec<&str> = [tip.as_str()].into_iter().chain(hidden.as_deref()).collect();
        match hidden {
            Some(_) => lines(git, &range),
            // A whole branch goes: what is nowhere else on the hub.
            None => lines(git, &[tip.as_str(), "--not", "--exclude", &tracked(one), "--remotes"]),
        }
    };
    if one.now == one.put {
        if let Some(put) = known(&one.put)? {
            one.cut = apart(&put, was.as_ref().filter(|_| one.here))?;
        }
    } else if one.now != was {
        let _ = git::fetch(git, &one.remote, deadline)?;
        if let (Some(now), Some(put)) = (known(&one.now)?, known(&one.put)?) {
            one.since = apart(&now, Some(&put))?;
        }
    }
    Ok(())
}

/// Where a branch of a remote is remembered.
fn tracked(one: &OnHub) -> String {
    format!("refs/remotes/{}/{}", one.remote, one.name.short())
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
