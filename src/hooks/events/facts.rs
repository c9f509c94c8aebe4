//! Looking at the repository from inside of a hook: in process where gix can, because a hook
//! must not be felt; with the git executable where it cannot.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context, Result};
use gix::bstr::ByteSlice;
use gix::traverse::commit::simple::CommitTimeOrder;

use super::arrival::{Arrival, Event, Here, Memory, Question};
use super::unpushed;
use crate::base::{Branch, Commit, CommitId, RefName, RepoPath, Time, plain};
use crate::config::PushAfter;
use crate::git::{self, Git};
use crate::host::{clock, env, read};

/// More commits than this are not counted one by one.
const MANY: usize = 10_000;

/// A repository, opened once for all questions of a hook.
pub struct Look<'git> {
    git: &'git Git,
    library: Option<gix::Repository>,
}

impl<'git> Look<'git> {
    pub fn at(git: &'git Git) -> Self {
        Self { git, library: git.library() }
    }

    /// The branch HEAD is on, if it is on one.
    pub fn branch(&self) -> Result<Option<RefName>> {
        match &self.library {
            Some(repo) => {
                Ok(repo.head_name()?.map(|name| RefName::new(name.as_bstr().to_string())))
            }
            None => Ok(self.git.ask(&["symbolic-ref", "--quiet", "HEAD"])?.map(RefName::new)),
        }
    }

    /// Where a ref, or `HEAD`, stands.
    pub fn tip(&self, name: &RefName) -> Result<Option<CommitId>> {
        let Some(repo) = &self.library else { return self.git.resolve_ref(name) };
        if name.as_str() == "HEAD" {
            return Ok(repo.head()?.id().map(|id| CommitId::new(id.to_string())));
        }
        let Some(mut reference) = repo.try_find_reference(name.as_str())? else { return Ok(None) };
        Ok(Some(CommitId::new(reference.peel_to_id()?.to_string())))
    }

    /// A setting, the last value if there are several.
    pub fn config(&self, key: &str) -> Result<Option<String>> {
        match &self.library {
            Some(repo) => Ok(repo.config_snapshot().string(key).map(|text| text.to_string())),
            None => self.git.config(key),
        }
    }

    /// The remote-tracking ref that a branch follows, whether or not it is there.
    pub fn upstream(&self, branch: &RefName) -> Result<Option<RefName>> {
        let Some(repo) = &self.library else {
            let args = ["for-each-ref", "--format=%(upstream)", branch.as_str()];
            let answer = self.git.ask(&args)?.filter(|answer| !answer.is_empty());
            return Ok(answer.map(RefName::new));
        };
        let name: gix::refs::FullName = branch.as_str().try_into()?;
        let found =
            repo.branch_remote_tracking_ref_name(name.as_ref(), gix::remote::Direction::Fetch);
        Ok(found.and_then(Result::ok).map(|name| RefName::new(name.as_bstr().to_string())))
    }

    /// Whether there is a remote by that name.
    pub fn has_remote(&self, name: &str) -> Result<bool> {
        Ok(self.config(&format!("remote.{name}.url"))?.is_some())
    }

    /// What a hub has, as far as it was fetched.
    pub fn hub_tips(&self, hub: &str) -> Result<Vec<CommitId>> {
        let prefix = format!("refs/remotes/{hub}/");
        let refs = match &self.library {
            Some(repo) => git::refs_in(repo, &prefix)?,
            None => self.git.refs(&prefix)?,
        };
        Ok(refs.into_iter().map(|(_, id)| id).collect())
    }

    /// The branches of this clone that stand at a commit.
    pub fn branches_at(&self, id: &CommitId) -> Result<Vec<RefName>> {
        let refs = match &self.library {
            Some(repo) => git::refs_in(repo, "refs/heads/")?,
            None => self.git.refs("refs/heads/")?,
        };
        Ok(refs.into_iter().filter(|(_, at)| at == id).map(|(name, _)| name).collect())
    }

    /// What the tips have and the hidden ones have not, the newest first.
    pub fn commits(&self, tips: &[CommitId], hidden: &[CommitId]) -> Result<Vec<Commit>> {
        let Some(repo) = &self.library else {
            let tips: Vec<&CommitId> = tips.iter().collect();
            return self.git.commits(&tips, &hidden.iter().collect::<Vec<_>>(), MANY);
        };
        let mut commits = Vec::new();
        for id in walk(repo, tips, hidden)? {
            let commit = repo.find_commit(id)?;
            let author = commit.author()?.name.to_str_lossy().into_owned();
            let summary = commit.message()?.summary().to_str_lossy().into_owned();
            commits.push(Commit {
                id: CommitId::new(id.to_string()),
                summary: plain(&summary),
                author: plain(&author),
                time: Time(commit.time()?.seconds),
            });
        }
        Ok(commits)
    }

    /// How many commits the tip has and the hidden ones have not, and when the oldest was made.
    fn missing(&self, tip: &CommitId, hidden: &[CommitId]) -> Result<(usize, Option<Time>)> {
        let commits = self.commits(std::slice::from_ref(tip), hidden)?;
        Ok((commits.len(), commits.iter().map(|commit| commit.time).min()))
    }

    fn parents(&self, id: &CommitId) -> Result<Vec<CommitId>> {
        match &self.library {
            Some(repo) => {
                let commit = repo.find_commit(object(id)?)?;
                Ok(commit.parent_ids().map(|id| CommitId::new(id.to_string())).collect())
            }
            None => {
                let line = self.git.must(&["rev-parse", &format!("{id}^@")])?;
                Ok(line.lines().filter_map(CommitId::parse).collect())
            }
        }
    }

    /// Whether a commit is here. One that was cleaned away since cannot be compared with.
    fn has(&self, id: &CommitId) -> bool {
        match &self.library {
            Some(repo) => object(id).is_ok_and(|id| repo.has_object(id)),
            None => self.git.ask(&["cat-file", "-e", id.as_str()]).is_ok_and(|said| said.is_some()),
        }
    }
}

fn object(id: &CommitId) -> Result<gix::ObjectId> {
    gix::ObjectId::from_hex(id.as_str().as_bytes()).with_context(|| format!("read the id {id}"))
}

/// Commits of the tips that the hidden ones do not contain.
fn walk(
    repo: &gix::Repository,
    tips: &[CommitId],
    hidden: &[CommitId],
) -> Result<Vec<gix::ObjectId>> {
    // A ref may point at a tag, or at something that a partial clone has not got.
    let commit = |id: &CommitId| -> Option<gix::ObjectId> {
        let object = repo.find_object(object(id).ok()?).ok()?;
        Some(object.peel_to_kind(gix::object::Kind::Commit).ok()?.id)
    };
    let tips: Vec<gix::ObjectId> = tips.iter().filter_map(commit).collect();
    let hidden: HashSet<gix::ObjectId> = hidden.iter().filter_map(commit).collect();
    if tips.iter().all(|tip| hidden.contains(tip)) {
        return Ok(Vec::new());
    }
    let order = gix::revision::walk::Sorting::ByCommitTime(CommitTimeOrder::NewestFirst);
    let found = repo.rev_walk(tips).sorting(order).with_hidden(hidden).all()?;
    // A commit that is missing (shallow, partial) ends the list.
    Ok(found.take(MANY).map_while(Result::ok).map(|info| info.id).collect())
}

/// Whether a rebase, an am, or a sequence of picks is not through in this work tree.
pub fn is_busy(git: &Git) -> bool {
    is_rebasing(git) || read::exists(&git.git_dir.join("sequencer"))
}

fn is_rebasing(git: &Git) -> bool {
    ["rebase-merge", "rebase-apply"].iter().any(|name| read::exists(&git.git_dir.join(name)))
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
        false => changed(look.git, &question.old, &question.new)?,
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

fn changed(git: &Git, old: &CommitId, new: &CommitId) -> Result<Vec<RepoPath>> {
    let args = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", old.as_str(), new.as_str()];
    let out = git.must_bytes(&args)?;
    Ok(out.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(RepoPath::new).collect())
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

/// What there is to know after a commit.
pub fn after_commit(look: &Look<'_>, after: PushAfter, hub: &str) -> Result<unpushed::Facts> {
    let branch = look.branch()?;
    let mut facts = unpushed::Facts {
        branch: branch.as_ref().and_then(RefName::branch),
        busy: is_busy(look.git),
        hub: look.has_remote(hub)?.then(|| hub.to_owned()),
        has_upstream: false,
        makes_upstream: false,
        after,
        unpushed: 0,
        oldest: None,
        now: clock::now(),
    };
    let Some(branch) = branch else { return Ok(facts) };
    if facts.busy || facts.hub.is_none() || after == PushAfter::Off {
        return Ok(facts);
    }
    facts.has_upstream = look.upstream(&branch)?.is_some();
    if !facts.has_upstream {
        let setting = look.config("push.autoSetupRemote")?;
        facts.makes_upstream = setting.is_some_and(|text| is_true(&text));
    }
    if let Some(head) = look.tip(&RefName::new("HEAD"))? {
        (facts.unpushed, facts.oldest) = look.missing(&head, &look.hub_tips(hub)?)?;
    }
    Ok(facts)
}

/// git's own words for yes.
pub fn is_true(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "1")
}

/// Whether a branch has a place on the hub that a push may go to without being told.
pub fn has_upstream(git: &Git, branch: &Branch) -> Result<bool> {
    Ok(Look::at(git).upstream(&branch.full())?.is_some())
}

/// The memory of a repository, from its file.
pub fn memory(bytes: &[u8]) -> Memory {
    // What cannot be read any more is as good as never remembered: nothing is lost but a report.
    serde_json::from_slice(bytes).unwrap_or_default()
}

/// The directory of the hooks that were there before gsync, from gsync's own record.
pub fn chained(git: &Git) -> Result<Option<std::path::PathBuf>> {
    use std::os::unix::ffi::OsStrExt;
    let Some(file) = read::file(&git.gsync_dir().join("chain"))? else { return Ok(None) };
    let line = file.bytes.0.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Ok((!line.is_empty()).then(|| Path::new(std::ffi::OsStr::from_bytes(line)).to_owned()))
}
