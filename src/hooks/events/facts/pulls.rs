//! What there is to know to recognise a pull.

use std::collections::HashSet;

use anyhow::Result;
use gix::bstr::ByteSlice;

use super::look::{Look, is_rebasing};
use crate::base::{Commit, CommitId, RefName, RepoPath};
use crate::git::Git;
use crate::hooks::events::arrival::{Arrival, Event, Here, Memory, Question};
use crate::host::{env, read};

/// The memory of a repository, from its file.
pub fn memory(bytes: &[u8]) -> Memory {
    // What cannot be read any more is as good as never remembered: nothing is lost but a report.
    crate::base::unhidden(bytes).unwrap_or_default()
}

/// Whether HEAD stands where it was remembered, by a look at three small files: then there is
/// nothing to ask gix for.
pub fn is_known(git: &Git, memory: &Memory) -> bool {
    let branch = || -> Option<bool> {
        let head = read::text(&git.git_dir.join("HEAD")).ok()??;
        let name = head.strip_prefix("ref: ")?.trim_end();
        let tip = read::text(&git.common_dir.join(name)).ok()??;
        let known = memory.heads.get(&RefName::new(name))?;
        Some(known.as_str() == tip.trim_end() && memory.pending.is_empty())
    };
    branch().unwrap_or(false)
}

/// What a post-checkout was, if it moved HEAD: a switch, or the start of a rebase.
pub fn checkout(look: &Look<'_>, old: Option<CommitId>, new: Option<CommitId>) -> Result<Event> {
    let (Some(old), Some(new)) = (old, new) else { return Ok(Event::Switch) };
    if look.branch()?.is_some() || !(is_rebasing(look.git) || head_was_moved_by_a_rebase(look.git))
    {
        return Ok(Event::Switch);
    }
    let name = look.git.git_dir.join("rebase-merge/head-name");
    let named = read::text(&name)?.map(|name| RefName::new(name.trim_end()));
    let branches = match named.filter(|name| name.branch().is_some()) {
        Some(name) => vec![name],
        // git has not written it yet: it is one of those that stand where HEAD was.
        None => look.branches_at(&old)?,
    };
    let forward = look.commits(std::slice::from_ref(&old), std::slice::from_ref(&new))?.is_empty();
    Ok(Event::RebaseStart { old, new, branches, forward })
}

/// The last line of HEAD's log says what moved it.
fn head_was_moved_by_a_rebase(git: &Git) -> bool {
    let Ok(Some(log)) = read::tail(&git.git_dir.join("logs/HEAD"), 4096) else { return false };
    let line = log.trim_end_with(|c| c == '\n');
    let line = line.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let why = line.rsplit(|byte| *byte == b'\t').next().unwrap_or_default();
    why.contains_str(" (start): checkout ")
}

/// Where this work tree stands.
pub fn here(look: &Look<'_>, memory: &Memory, event: &Event) -> Result<Here> {
    let git = look.git;
    let worktree = git.git_dir.to_string_lossy().into_owned();
    let branch = look.branch()?;
    let head = look.tip(&RefName::new("HEAD"))?;
    let mut pending = Vec::new();
    for name in memory.pending.get(&worktree).into_iter().flatten() {
        pending.extend(look.tip(name)?.map(|tip| (name.clone(), tip)));
    }
    let unseen = branch.as_ref().is_some_and(|branch| !memory.heads.contains_key(branch));
    let before = match (&head, unseen && *event != Event::Switch) {
        (Some(head), true) => before(look, head)?,
        _ => None,
    };
    Ok(Here { worktree, branch, head, rebasing: is_rebasing(git), pending, before })
}

/// What a branch that gsync has not seen before was: ORIG_HEAD if a pull or a merge has just
/// set it, the first parent of a merge that a person concluded.
fn before(look: &Look<'_>, head: &CommitId) -> Result<Option<CommitId>> {
    let action = env::text("GIT_REFLOG_ACTION").unwrap_or_default();
    if ["pull", "merge", "rebase"].iter().any(|word| action.starts_with(word)) {
        return look.tip(&RefName::new("ORIG_HEAD"));
    }
    let parents = look.parents(head)?;
    Ok(parents.first().filter(|_| parents.len() > 1).cloned())
}

/// What a branch gained from the hub.
pub fn gained(
    look: &Look<'_>,
    memory: &Memory,
    question: &Question,
    hub: &str,
    main: &str,
) -> Result<Arrival> {
    let mut hidden = vec![question.old.clone()];
    hidden.extend(memory.reported.iter().cloned());
    hidden.retain(|id| look.has(id));
    let nothing = Arrival { commits: Vec::new(), files: Vec::new(), squashed: false };
    if !hidden.contains(&question.old) {
        return Ok(nothing);
    }
    let new = look.commits(std::slice::from_ref(&question.new), &hidden)?;
    // The ordinary commit: one of ours on top of what is known. The hub cannot have it yet.
    if let [only] = &new[..]
        && look.parents(&only.id)?[..] == hidden[..1]
        && env::text("GIT_REFLOG_ACTION").is_none_or(|action| !action.starts_with("pull"))
        && !look.hub_tips(hub)?.contains(&only.id)
    {
        return Ok(nothing);
    }
    let theirs = theirs(look, question, hub, main)?;
    let theirs: HashSet<CommitId> =
        look.commits(&theirs, &hidden)?.into_iter().map(|commit| commit.id).collect();
    let commits: Vec<Commit> =
        new.into_iter().filter(|commit| theirs.contains(&commit.id)).collect();
    let files = match commits.is_empty() {
        true => Vec::new(),
        false => look.git.changed_between(&question.old, &question.new)?,
    };
    Ok(Arrival { commits, files, squashed: false })
}

/// The tips of what is the hub's: the branch's upstream, the hub's main branch, and whatever
/// `git pull` has just brought in by name or address.
fn theirs(look: &Look<'_>, question: &Question, hub: &str, main: &str) -> Result<Vec<CommitId>> {
    let mut tips = Vec::new();
    let upstream = look.upstream(&question.branch)?;
    let upstream = upstream.filter(|name| name.as_str().starts_with("refs/remotes/"));
    let main = RefName::new(format!("refs/remotes/{hub}/{main}"));
    for name in upstream.iter().chain([&main]) {
        tips.extend(look.tip(name)?);
    }
    if env::text("GIT_REFLOG_ACTION").is_some_and(|action| action.starts_with("pull")) {
        let parents = look.parents(&question.new)?;
        match parents.split_first() {
            Some((first, rest)) if *first == question.old && !rest.is_empty() => {
                tips.extend(rest.iter().cloned());
            }
            // A fast-forward; what a rebase replayed is not the hub's.
            _ if !is_rebasing(look.git) => tips.push(question.new.clone()),
            _ => {}
        }
    }
    Ok(tips)
}

/// What `merge --squash` has put into the index: git lists the commits in its message.
pub fn squashed(look: &Look<'_>, hub: &str) -> Result<Arrival> {
    let text = read::file(&look.git.git_dir.join("SQUASH_MSG"))?;
    let text = text.map(|file| file.bytes.0).unwrap_or_default();
    let listed: HashSet<CommitId> = text
        .lines()
        .filter_map(|line| line.strip_prefix(b"commit "))
        .filter_map(|id| CommitId::parse(&id.to_str_lossy()))
        .collect();
    let head = look.tip(&RefName::new("HEAD"))?;
    let hidden: Vec<CommitId> = head.into_iter().collect();
    let mut commits = look.commits(&look.hub_tips(hub)?, &hidden)?;
    commits.retain(|commit| listed.contains(&commit.id));
    let files = match commits.is_empty() {
        true => Vec::new(),
        false => {
            let out = look.git.must_bytes(&["diff", "--cached", "--name-only", "-z"])?;
            out.split(|byte| *byte == 0)
                .filter(|name| !name.is_empty())
                .map(RepoPath::new)
                .collect()
        }
    };
    Ok(Arrival { commits, files, squashed: true })
}
