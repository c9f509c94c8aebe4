//! What there is to know before a pull: the branch, its upstream, and how it would go.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::base::{
    Branch, Commit, CommitId, Operation, Place, Problem, RefName, RepoPath, plain, shell_quote,
};
use crate::config::Hub;
use crate::git::{self, Git};

pub use crate::git::{Among, Beyond, Fetched, Rehearsal, Standing, Submodule, Way};

/// A commit as a line: for reports.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Line {
    pub id: CommitId,
    pub summary: String,
    pub author: String,
}

/// The branch that this one follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upstream {
    None,
    /// It is configured, and the hub has it no more.
    Gone {
        name: String,
    },
    /// It is configured, and the hub has no branch at all yet: a clone of an empty hub.
    New {
        name: String,
    },
    At {
        name: String,
        commit: CommitId,
    },
}

/// Where a move would start: what stands, and the snapshot of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    pub standing: Standing,
    pub snapshot: CommitId,
    /// The name it is to be kept under.
    pub name: RefName,
}

/// All facts of a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// git is in the middle of this.
    pub operation: Option<Operation>,
    pub unmerged: Vec<RepoPath>,
    /// Nothing: HEAD is detached.
    pub branch: Option<Branch>,
    /// Nothing: the branch is not born yet.
    pub head: Option<CommitId>,
    pub upstream: Upstream,
    /// The remote of the upstream; nothing if it is in this repository.
    pub remote: Option<String>,
    /// Nothing: there was no hub to ask.
    pub fetched: Option<Fetched>,
    /// Commits conflict, and something is staged, or announced to the index.
    pub staged: bool,
    /// Commits conflict, and these have uncommitted work in what such a merge writes.
    pub edited: Vec<RepoPath>,
    pub incoming: Vec<Line>,
    pub outgoing: Vec<Line>,
    /// Whether branch and upstream have a commit in common.
    pub related: bool,
    pub shallow: bool,
    /// Local commits that the upstream had once and has no more.
    pub lost: Vec<Line>,
    pub start: Option<Start>,
    pub rehearsal: Option<Rehearsal>,
    pub in_the_way: Vec<RepoPath>,
    /// Directories without a file in which files would come.
    pub hollow: Vec<RepoPath>,
    /// Submodules whose pointers would change.
    pub submodules: Vec<Submodule>,
}

/// Which branch follows what, and what matters for a fetch: one question for all of it.
const SETTINGS: &str = r"^(branch\..*\.remote|remote\..*\.(url|fetch)|core\.sshcommand)$";

/// Looks, and asks the hub first. Stops looking where a pull will be refused anyway.
pub fn observe(git: &Git, hub: &Hub) -> Result<Facts> {
    must_have_files(git)?;
    // All at once: in a large repository the first takes as long as a fetch.
    let (unmerged, branch, head, settings) = std::thread::scope(|scope| {
        let unmerged = scope.spawn(|| git.unmerged());
        let settings = scope.spawn(|| git.settings(SETTINGS));
        // Two processes less, where gix reads the repository.
        let (branch, head) = match git.library() {
            Some(library) => git
                .position(Some(&library))
                .map_or_else(|why| (Err(why), Ok(None)), |(at, _)| (Ok(at.branch), Ok(at.id))),
            None => {
                let head = scope.spawn(|| git.resolve_commit("HEAD"));
                let branch = git.head_branch().map(|name| name.and_then(|name| name.branch()));
                (branch, head.join().unwrap_or_else(|_| Err(anyhow::anyhow!("ask git"))))
            }
        };
        (unmerged.join(), branch, head, settings.join())
    });
    let died = |_| anyhow::anyhow!("ask git");
    let mut facts = Facts {
        operation: git.operation().map(|(operation, _)| operation),
        unmerged: unmerged.map_err(died)??,
        branch: branch?,
        head: head?,
        upstream: Upstream::None,
        remote: None,
        fetched: None,
        staged: false,
        edited: Vec::new(),
        incoming: Vec::new(),
        outgoing: Vec::new(),
        related: true,
        shallow: false,
        lost: Vec::new(),
        start: None,
        rehearsal: None,
        in_the_way: Vec::new(),
        hollow: Vec::new(),
        submodules: Vec::new(),
    };
    let Some(branch) = facts.branch.clone() else { return Ok(facts) };
    if facts.operation.is_some() || !facts.unmerged.is_empty() {
        return Ok(facts);
    }
    let settings = settings.map_err(died)??;
    let remote = settings.get(&format!("branch.{branch}.remote")).and_then(|all| all.last());
    let remote = remote.cloned();
    facts.remote = remote.clone().filter(|remote| remote != ".");
    let has_hub = settings.contains_key(&format!("remote.{}.url", hub.remote));
    let ask = facts.remote.clone().or_else(|| has_hub.then(|| hub.remote.clone()));
    if let Some(remote) = ask {
        let fetched = git::fetch_knowing(git, &remote, hub.timeout.0, &settings)?;
        let done = matches!(fetched, Fetched::Done(_));
        facts.fetched = Some(fetched);
        if !done {
            return Ok(facts);
        }
    }
    facts.upstream = upstream(git, &branch, remote.as_deref())?;
    // What was just asked knows better than what is remembered here.
    if let (Some(Fetched::Done(known)), Some(remote)) = (&facts.fetched, &facts.remote)
        && known.remote == *remote
    {
        if let Upstream::At { name, commit } = &facts.upstream
            && known.missing.contains(&(RefName::new(name.as_str()), commit.clone()))
        {
            facts.upstream = Upstream::Gone { name: name.clone() };
        }
        if let Upstream::Gone { name } = &facts.upstream
            && known.empty
        {
            facts.upstream = Upstream::New { name: name.clone() };
        }
    }
    let Upstream::At { name, commit } = facts.upstream.clone() else { return Ok(facts) };
    if facts.head.as_ref() == Some(&commit) {
        return Ok(facts);
    }
    if let Some(head) = facts.head.clone() {
        facts.incoming = only_in(git, &commit, &head)?;
        facts.outgoing = only_in(git, &head, &commit)?;
        if facts.incoming.is_empty() && facts.outgoing.is_empty() {
            return Ok(facts);
        }
        facts.shallow = git.is_shallow();
        if !facts.outgoing.is_empty() {
            facts.related = git.are_related(&head, &commit)?;
            facts.lost = lost(git, &name, &facts.outgoing, &head, &commit)?;
        }
        if facts.incoming.is_empty() || !facts.related || !facts.lost.is_empty() {
            return Ok(facts);
        }
    } else {
        facts.incoming = lines(git, &[commit.as_str()])?;
    }
    let start = start(git)?;
    let rehearsal = git.rehearse(&start.standing.place, &commit, &short(&name))?;
    if let Rehearsal::Clean { to, .. } = &rehearsal {
        facts.in_the_way = git.obstacles(&start.standing.place.work, &to.work)?;
        facts.hollow = git.hollow(&start.standing.place.work, &to.work)?;
        facts.submodules = git.submodules_between(&start.standing.place.work, &to.work)?;
    }
    if let Rehearsal::Conflict { among: Among::Commits, .. } = &rehearsal {
        let standing = &start.standing;
        let head = facts.head.as_ref().map(|head| git.tree_of(head)).transpose()?;
        facts.staged = head.as_ref() != Some(&standing.place.index) || !standing.intent.is_empty();
        facts.edited = match &facts.head {
            Some(head) => edited(git, &standing.place, head, &commit)?,
            None => Vec::new(),
        };
        // What a merge with conflicts would write, git would write over ignored files.
        let tree = git.tree_of(&commit)?;
        facts.in_the_way = git.obstacles(&start.standing.place.work, &tree)?;
    }
    // An untracked file is never merged with one that comes, even if that went well.
    facts.in_the_way.extend(git.untracked_clash(&start.standing, &commit)?);
    facts.in_the_way.sort();
    facts.in_the_way.dedup();
    facts.rehearsal = Some(rehearsal);
    facts.start = Some(start);
    Ok(facts)
}

/// In a bare repository there is nothing that could be moved.
pub fn must_have_files(git: &Git) -> Result<()> {
    if git.work_dir.is_some() {
        return Ok(());
    }
    let place = git.git_dir.display().to_string();
    Err(Problem::refuse("bare", "this is a bare repository: nobody works in it")
        .hint(format!("make a clone and go there: `git clone {}`", shell_quote(&place)))
        .into())
}

/// What stands now, and a snapshot of it that is not kept yet.
pub fn start(git: &Git) -> Result<Start> {
    let standing = git.standing()?;
    let snapshot = git.keep_standing(&standing)?;
    Ok(Start { standing, snapshot, name: git.next_snapshot()? })
}

fn short(name: &str) -> String {
    plain(RefName::new(name).short())
}

/// What a branch follows, and where that is as far as this clone knows.
pub fn upstream(git: &Git, branch: &Branch, remote: Option<&str>) -> Result<Upstream> {
    let Some(remote) = remote else { return Ok(Upstream::None) };
    if let Some(library) = git.library()
        && let (at, Some(followed)) = git.position(Some(&library))?
        && at.branch.as_ref() == Some(branch)
        && let (Some(tracking), Some(commit)) = (followed.tracking, followed.id)
    {
        return Ok(Upstream::At { name: tracking.as_str().to_owned(), commit });
    }
    let spec = format!("{branch}@{{upstream}}");
    let name = git.ask(&["rev-parse", "--symbolic-full-name", "--end-of-options", &spec])?;
    let name = name.map(|name| name.trim_start_matches("--end-of-options").trim().to_owned());
    if let Some(name) = name.filter(|name| name.starts_with("refs/"))
        && let Some(commit) = git.resolve_commit(&name)?
    {
        return Ok(Upstream::At { name, commit });
    }
    let merge = git.config(&format!("branch.{branch}.merge"))?;
    let Some(merge) = merge else { return Ok(Upstream::None) };
    let name = format!("refs/remotes/{remote}/{}", merge.trim_start_matches("refs/heads/"));
    Ok(match git.resolve_commit(&name)? {
        Some(commit) => Upstream::At { name, commit },
        None => Upstream::Gone { name },
    })
}

/// The tracked files with uncommitted work that the other side changed as well: git does not merge
/// into those.
fn edited(git: &Git, here: &Place, head: &CommitId, there: &CommitId) -> Result<Vec<RepoPath>> {
    let mine = git.compare_trees(&here.index, &here.work)?;
    if mine.is_empty() {
        return Ok(Vec::new());
    }
    let base = git.ask(&["merge-base", head.as_str(), there.as_str()])?;
    let Some(base) = base.as_deref().and_then(CommitId::parse) else { return Ok(Vec::new()) };
    let theirs = git.compare_trees(&git.tree_of(&base)?, &git.tree_of(there)?)?;
    let theirs: BTreeSet<RepoPath> = theirs.into_iter().map(|change| change.path).collect();
    let tracked = mine.into_iter().filter(|change| change.from.is_some());
    Ok(tracked.map(|change| change.path).filter(|path| theirs.contains(path)).collect())
}

/// No limit; the largest number that git takes for one.
const ALL: usize = i32::MAX as usize;

/// What the first commit contains and the second one does not, the newest first.
fn only_in(git: &Git, tip: &CommitId, hidden: &CommitId) -> Result<Vec<Line>> {
    let (tips, hidden) = (std::slice::from_ref(tip), std::slice::from_ref(hidden));
    let side = git.only_in(git.library().as_ref(), tips, hidden, ALL)?;
    let line =
        |commit: Commit| Line { id: commit.id, summary: commit.summary, author: commit.author };
    Ok(side.newest.into_iter().map(line).collect())
}

/// Commits as lines, the newest first.
pub fn lines(git: &Git, range: &[&str]) -> Result<Vec<Line>> {
    let args = [&["log", "--no-show-signature", "-z", "--format=%H%x00%an%x00%s"], range].concat();
    let out = git.must_bytes(&[&args[..], &["--"]].concat())?;
    let text = String::from_utf8_lossy(&out);
    let mut words = text.split('\0');
    let mut lines = Vec::new();
    while let (Some(id), Some(author), Some(summary)) = (words.next(), words.next(), words.next()) {
        let Some(id) = CommitId::parse(id.trim()) else { continue };
        lines.push(Line { id, summary: plain(summary), author: plain(author) });
    }
    Ok(lines)
}

/// Local commits that the upstream once had, by its reflog, and has no more: somebody rewrote it.
fn lost(
    git: &Git,
    upstream: &str,
    local: &[Line],
    head: &CommitId,
    now: &CommitId,
) -> Result<Vec<Line>> {
    let (tips, _) = git.former(&RefName::new(upstream))?;
    let mut known: Vec<&str> =
        tips.iter().filter(|tip| *tip != now).map(CommitId::as_str).collect();
    known.sort_unstable();
    known.dedup();
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let args = [&["rev-list", head.as_str(), "--not", now.as_str()], &known[..]].concat();
    let never_there = git.must(&args)?;
    let once: Vec<Line> =
        local.iter().filter(|line| !never_there.contains(line.id.as_str())).cloned().collect();
    if once.is_empty() {
        return Ok(once);
    }
    // What this clone itself took back (`gsync undo --hub`), nobody else rewrote.
    let ours = git.taken_back(&RefName::new(upstream))?;
    Ok(once.into_iter().filter(|line| !ours.contains(&line.id)).collect())
}
