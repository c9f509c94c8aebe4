//! What there is to know at the end of work: what is not committed, what is not pushed.

use anyhow::Result;

use crate::base::{Branch, CommitId, RefName, RepoPath};
use crate::config::Hub;
use crate::git::{self, Git};
use crate::sync::pull;
use crate::sync::pull::facts::{Facts as Pull, Rehearsal, Upstream};

/// Another branch with commits that no remote has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpushed {
    pub branch: Branch,
    pub tip: CommitId,
    pub commits: usize,
    /// Where it can go as it is: remote and branch there. Nothing: it has to be pulled first.
    pub to: Option<(String, RefName)>,
    /// It follows that one already.
    pub follows: bool,
}

/// All facts of a finish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub pull: Pull,
    /// Whatever is not committed.
    pub dirty: Vec<RepoPath>,
    pub staged: bool,
    /// Submodules that stand on another commit than the index says, and on which.
    pub submodules: Vec<(RepoPath, Option<CommitId>)>,
    /// The tree of HEAD.
    pub tree: Option<CommitId>,
    /// The remote to push to, and the branch there.
    pub target: Option<(String, RefName)>,
    /// The configuration file of the repository, where a new upstream is written.
    pub config_file: std::path::PathBuf,
    /// Submodules whose pointer would go back to an older commit.
    pub backwards: Vec<RepoPath>,
    /// Submodules whose checkout is older than the pointer: committing all would set it back.
    pub stale: Vec<RepoPath>,
    pub others: Vec<Unpushed>,
}

/// Looks, and asks the hub first.
pub fn observe(git: &Git, hub: &Hub) -> Result<Facts> {
    let pull = pull::facts::observe(git, hub)?;
    let mut facts = Facts {
        pull,
        dirty: Vec::new(),
        staged: false,
        submodules: Vec::new(),
        tree: None,
        target: None,
        config_file: git.common_dir.join("config"),
        backwards: Vec::new(),
        stale: Vec::new(),
        others: Vec::new(),
    };
    let Some(branch) = facts.pull.branch.clone() else { return Ok(facts) };
    if facts.pull.operation.is_some() || !facts.pull.unmerged.is_empty() {
        return Ok(facts);
    }
    let dirt = git.dirt(None)?;
    for path in dirt.submodules {
        let sub = git::discover(&git.dir().join(path.to_path())).ok();
        let at = sub.filter(|sub| sub.git_dir != git.git_dir).map(|sub| sub.resolve_commit("HEAD"));
        facts.submodules.push((path, at.transpose()?.flatten()));
    }
    facts.dirty = dirt.all;
    facts.tree = facts.pull.head.as_ref().map(|head| git.tree_of(head)).transpose()?;
    if !facts.dirty.is_empty() {
        facts.stale = git.stale_submodules()?;
    }
    facts.staged =
        git.ask(&["diff", "--cached", "--quiet", "--ignore-submodules=dirty"])?.is_none();
    facts.target = match (&facts.pull.upstream, &facts.pull.remote) {
        (Upstream::None, _) => git
            .config(&format!("remote.{}.url", hub.remote))?
            .map(|_| (hub.remote.clone(), branch.full())),
        (_, Some(remote)) => git
            .config(&format!("branch.{branch}.merge"))?
            .map(|merge| (remote.clone(), RefName::new(merge))),
        (_, None) => None,
    };
    facts.backwards = backwards(git, &facts.pull)?;
    // What the branch has is there when it is pushed, if it goes as it is.
    let pull = &facts.pull;
    let as_it_is = facts.target.is_some() && pull.incoming.is_empty();
    let sent = pull.head.as_ref().filter(|_| as_it_is);
    facts.others = others(git, &branch, &hub.remote, sent)?;
    Ok(facts)
}

/// The submodules in which what would be pushed is older than what the upstream has.
fn backwards(git: &Git, pull: &Pull) -> Result<Vec<RepoPath>> {
    let Upstream::At { commit: upstream, .. } = &pull.upstream else { return Ok(Vec::new()) };
    let mine = match &pull.rehearsal {
        Some(Rehearsal::Clean { to, .. }) => to.commit.clone(),
        Some(Rehearsal::Conflict { .. }) => None,
        None => pull.head.clone(),
    };
    let Some(mine) = mine else { return Ok(Vec::new()) };
    let changes = git.compare_trees(&git.tree_of(upstream)?, &git.tree_of(&mine)?)?;
    let mut found = Vec::new();
    for change in changes {
        let (Some(from), Some(to)) = (&change.from, &change.to) else { continue };
        if !from.is_submodule() || !to.is_submodule() {
            continue;
        }
        // A submodule that is not checked out here cannot be asked; it was not moved here either.
        let dir = git.dir().join(change.path.to_path());
        let Ok(sub) = git::discover(&dir) else { continue };
        let args = ["merge-base", "--is-ancestor", to.id.as_str(), from.id.as_str()];
        if sub.git_dir != git.git_dir && sub.ask(&args)?.is_some() {
            found.push(change.path);
        }
    }
    Ok(found)
}

fn others(git: &Git, here: &Branch, hub: &str, sent: Option<&CommitId>) -> Result<Vec<Unpushed>> {
    let format = "%(refname)%00%(objectname)%00%(upstream:remotename)%00%(upstream:remoteref)\
                  %00%(upstream:track,nobracket)";
    let format = format!("--format={format}");
    let text = git.must(&["for-each-ref", &format, "refs/heads"])?;
    let has_hub = git.config(&format!("remote.{hub}.url"))?.is_some();
    let mut found = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split('\0').collect();
        let [name, tip, remote, there, track] = words[..] else { continue };
        let (Some(branch), Some(tip)) = (RefName::new(name).branch(), CommitId::parse(tip)) else {
            continue;
        };
        if branch == *here {
            continue;
        }
        let mut args = vec!["rev-list", "--count", tip.as_str(), "--not", "--remotes"];
        args.extend(sent.map(CommitId::as_str));
        let count = git.must(&args)?;
        let commits = count.parse().unwrap_or(0);
        if commits > 0 {
            let ahead_only = track.starts_with("ahead") && !track.contains("behind");
            let follows = !remote.is_empty();
            let to = match follows {
                true => {
                    (ahead_only && remote != ".").then(|| (remote.to_owned(), RefName::new(there)))
                }
                // One of that name that the hub has may be somebody else's.
                false => {
                    let there = RefName::new(format!("refs/remotes/{hub}/{branch}"));
                    (has_hub && git.resolve_ref(&there)?.is_none())
                        .then(|| (hub.to_owned(), branch.full()))
                }
            };
            found.push(Unpushed { branch, tip, commits, to, follows });
        }
    }
    Ok(found)
}
