//! What there is to know for handoffs: the work since a base, by git; the handoffs on the hub;
//! and what this clone keeps beside them in gsync's own folder.

pub mod hub;
pub mod notes;
pub mod work;

use anyhow::Result;

use crate::base::{Branch, CommitId, Problem, RefName, Time};
use crate::config::Config;
use crate::git::{self, Fetched, Git};
use crate::host::clock;

pub use hub::{Shelf, shelf, shelf_of};

/// This clone, as far as handoffs matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clone {
    /// `role@host`
    pub peer: String,
    pub role: Option<String>,
    pub head: CommitId,
    pub hub: String,
    /// The branch of the hub that this one follows.
    pub branch: Branch,
    /// Where the hub has it, as far as is known here.
    pub tip: CommitId,
    pub now: Time,
}

impl Clone {
    /// Whether the hub has what is checked out here.
    pub fn is_on_hub(&self, git: &Git) -> Result<bool> {
        Ok(git.contains(&self.head, &self.tip)? == Some(true))
    }
}

/// Asks the hub, which must answer.
pub fn ask(git: &Git, config: &Config) -> Result<()> {
    let hub = &config.hub;
    if git.config(&format!("remote.{}.url", hub.remote))?.is_none() {
        return Err(no_hub(&hub.remote).into());
    }
    let why = match git::fetch(git, &hub.remote, hub.timeout.0)? {
        Fetched::Done(_) => return Ok(()),
        Fetched::Failed { why } => crate::base::plain(&why),
        Fetched::TimedOut => "it did not answer in time".to_owned(),
    };
    let problem = Problem::blind("offline", "the hub cannot be reached; nothing was changed");
    Err(problem.because(why).hint("try again when it answers").into())
}

fn no_hub(remote: &str) -> Problem {
    Problem::refuse("no-hub", "there is no hub, so there is nobody to hand over to")
        .hint(format!("name it: `git remote add {} ADDRESS`", crate::base::shell_quote(remote)))
}

/// Looks at this clone. `peer` is who asks.
pub fn here(git: &Git, config: &Config, peer: &str) -> Result<Clone> {
    let hub = &config.hub.remote;
    let branch = git.head_branch()?.and_then(|name| name.branch());
    let Some(branch) = branch else {
        return Err(Problem::refuse("detached", "HEAD is detached: a handoff is about a branch")
            .hint("run `git switch BRANCH`")
            .into());
    };
    let Some(head) = git.resolve_commit("HEAD")? else {
        return Err(Problem::refuse("unborn", "there is no commit yet to hand over").into());
    };
    let remote = git.config(&format!("branch.{branch}.remote"))?;
    let merge = git.config(&format!("branch.{branch}.merge"))?;
    let there = match (remote, merge) {
        (Some(remote), Some(merge)) if remote == *hub => RefName::new(merge).branch(),
        _ => None,
    };
    let (quoted, remote) =
        (crate::base::shell_quote(branch.as_str()), crate::base::shell_quote(hub));
    let follow = format!("let it follow the hub: `git push -u {remote} {quoted}`");
    let Some(there) = there else {
        let name = crate::base::plain(branch.as_str());
        let what = format!("{name} follows no branch of {}", crate::base::plain(hub));
        return Err(Problem::refuse("no-upstream", what).hint(follow).into());
    };
    let tracking = RefName::new(format!("refs/remotes/{hub}/{there}"));
    let Some(tip) = git.resolve_ref(&tracking)? else {
        let what = format!("{} does not have the branch {there}", crate::base::plain(hub));
        return Err(Problem::refuse("gone", what).hint(follow).into());
    };
    Ok(Clone {
        peer: peer.to_owned(),
        role: git.config("gsync.role")?,
        head,
        hub: hub.clone(),
        branch: there,
        tip,
        now: clock::now(),
    })
}

/// Who answers a handoff: nothing has to be checked out for that but some work tree.
pub fn who(git: &Git, config: &Config, peer: &str, about: &hub::Found) -> Result<Clone> {
    Ok(Clone {
        peer: peer.to_owned(),
        role: git.config("gsync.role")?,
        head: about.handoff.head.clone(),
        hub: config.hub.remote.clone(),
        branch: about.branch.clone(),
        tip: about.tip.clone(),
        now: clock::now(),
    })
}
