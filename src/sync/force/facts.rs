//! What `gsync push --force` has to know.

use std::collections::HashMap;

use anyhow::Result;

use super::{ForceFacts, NAMED, NoBranch, Relation};
use crate::base::{Branch, CommitId, Problem, RefName, plain};
use crate::config::Config;
use crate::git::{Asked, Git};
use crate::host::clock;

/// Where old tips of the hub are kept.
pub const KEPT: &str = "refs/gsync/undo/pushed/";

/// Looks at the branch here, as it was last seen on the hub, and as the hub has it now.
pub fn observe(git: &Git, config: &Config) -> Result<ForceFacts> {
    let remote = config.hub.remote.clone();
    let at = current(git)?;
    let (mut seen, mut hub, mut relation) = (None, None, None);
    if let Ok((branch, head)) = &at {
        seen = git.resolve_ref(&RefName::new(format!("refs/remotes/{remote}/{branch}")))?;
        hub = ask(git, &remote, &branch.full(), config)?;
        if let Some(seen) = seen.as_ref().filter(|seen| hub.as_ref() == Some(*seen)) {
            relation = apart(git, seen, head)?;
        }
    }
    let protected = at.as_ref().is_ok_and(|(branch, _)| {
        config.guard.protected_branches.iter().any(|name| name == branch.as_str())
    });
    let keep = free_name(git)?;
    let operation = git.operation().map(|(operation, _)| operation);
    let now = clock::now();
    Ok(ForceFacts { remote, at, seen, hub, relation, protected, operation, keep, now })
}

fn current(git: &Git) -> Result<Result<(Branch, CommitId), NoBranch>> {
    let Some(name) = git.ask(&["symbolic-ref", "--quiet", "HEAD"])? else {
        return Ok(Err(NoBranch::Detached));
    };
    let Some(branch) = RefName::new(name).branch() else { return Ok(Err(NoBranch::Detached)) };
    Ok(match git.resolve_commit("HEAD")? {
        Some(head) => Ok((branch, head)),
        None => Err(NoBranch::Unborn),
    })
}

fn ask(git: &Git, remote: &str, name: &RefName, config: &Config) -> Result<Option<CommitId>> {
    match git.remote_tips(remote, &[name], config.hub.timeout.0)? {
        Asked::Tips(tips) => Ok(tips.into_iter().next().map(|(_, id)| id)),
        Asked::Unreachable(why) => {
            Err(Problem::blind("unreachable", format!("the hub {} cannot be asked", plain(remote)))
                .because(why)
                .because("without knowing where it stands, nothing is pushed by force")
                .into())
        }
    }
}

/// What each side has that the other lacks. Nothing: the history is not whole here.
fn apart(git: &Git, seen: &CommitId, head: &CommitId) -> Result<Option<Relation>> {
    if git.contains(seen, head)?.is_none() {
        return Ok(None);
    }
    let (_, added) = git.apart(seen, head)?;
    let cut = git.commits(&[seen], &[head], NAMED)?;
    let all = git.must(&["log", "--format=%an", seen.as_str(), &format!("^{head}"), "--"])?;
    let mut by: HashMap<String, usize> = HashMap::new();
    for author in all.lines() {
        *by.entry(plain(author)).or_default() += 1;
    }
    let mut authors: Vec<_> = by.into_iter().collect();
    authors.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Ok(Some(Relation { cut, authors, added }))
}

fn free_name(git: &Git) -> Result<RefName> {
    let refs = git.refs(KEPT)?;
    let numbers = refs.iter().filter_map(|(name, _)| name.as_str().rsplit('/').next());
    let last = numbers.filter_map(|number| number.parse::<u32>().ok()).max().unwrap_or(0);
    Ok(RefName::new(format!("{KEPT}{}", last + 1)))
}
