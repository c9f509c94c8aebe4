//! Marks the handoffs whose work was deployed just now, where the app's repository is the hub
//! that they were sent to: a commit there that the hub has not would only be in everybody's way.

use anyhow::Result;

use super::server::Server;
use crate::base::{CommitId, RefName, RepoPath};
use crate::config;
use crate::config::app::Receive;
use crate::deploy::facts;
use crate::handoff::deployed::{Deployed, plan};
use crate::handoff::facts::hub;
use crate::handoff::words::number_of;
use crate::host::clock;
use crate::run::How;

/// Marks them; what goes wrong here is said and fails nothing: the deploy is done.
pub(super) fn mark(server: &Server, branch: &str, env: &str, commit: &CommitId) {
    if let Err(err) = tell(server, branch, env, commit) {
        server.ui().warn(&format!("the handoffs that this brings are not marked done: {err:#}"));
    }
}

fn tell(server: &Server, branch: &str, env: &str, commit: &CommitId) -> Result<()> {
    let git = server.git();
    // There git still has to hear that the branch is where the pusher wants it, and nowhere else.
    if facts::settings(&server.home)?.mode == Receive::ProcReceive {
        return Ok(());
    }
    // A handoff that was sent to this very repository has taken its number here.
    let is_here = |id: &str| -> Result<bool> {
        let Some(number) = number_of(id) else { return Ok(false) };
        let claim = RefName::new(format!("refs/gsync/handoff/{number}"));
        Ok(git.resolve_ref(&claim)?.is_some())
    };
    let file = git.file_in(commit, &RepoPath::from(config::FILE))?;
    let config = file.and_then(|bytes| config::parse(config::FILE, &bytes).ok());
    let dir = config.unwrap_or_default().handoff.dir;
    let branch = RefName::new(format!("refs/heads/{branch}"));
    let (tip, mut found) = hub::deployed(git, &dir, &branch, commit)?;
    let mut here = Vec::new();
    for one in found.drain(..) {
        if is_here(&one.handoff.id)? {
            here.push(one);
        }
    }
    let Some(on) = tip.filter(|_| !here.is_empty()) else { return Ok(()) };
    let by = format!("{}@{}", server.observe(false)?.app.name, crate::host::env::host_name());
    let (env, commit, now) = (env.to_owned(), commit.clone(), clock::now());
    let deployed = Deployed { remote: None, branch, on, env, commit, by, now };
    server.run(&How::default(), &plan(&deployed, &here)).map(drop)
}
