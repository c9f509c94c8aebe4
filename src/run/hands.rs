//! The hands of the engine: each step, done by the adapter that knows how.

use std::path::Path;

use anyhow::Result;

use super::lock::lend;
use super::stop;
use crate::git::{self, Git};
use crate::host;
use crate::plan::{Before, Step};

/// Whoever can look at the world and change it.
pub trait Hands {
    /// What is there now, where the step would change something.
    fn look(&self, step: &Step) -> Result<Before>;

    /// Does one step. A step that fails leaves nothing half done.
    fn perform(&mut self, step: &Step, out: &mut dyn FnMut(&str)) -> Result<()>;
}

/// The real hands: one for the repository, one for the machine.
pub struct World<'a> {
    pub git: &'a Git,
}

impl Hands for World<'_> {
    fn look(&self, step: &Step) -> Result<Before> {
        Ok(match step {
            Step::SetRef { name, .. } => Before::Ref { commit: self.git.resolve_ref(name)? },
            Step::Write { path, .. } | Step::Link { at: path, .. } => what_is_at(path)?,
            Step::Config { file, .. } | Step::Unconfig { file, .. } => {
                Before::File { file: host::read::file(file)? }
            }
            Step::Move { from, to } => {
                Before::Ends { from: host::read::exists(from), to: host::read::exists(to) }
            }
            Step::MakeDir { dir } | Step::RemoveDir { dir } => {
                Before::Dir { exists: host::read::exists(dir) }
            }
            // The snapshot is there already: looking is what the plan was made from.
            Step::Carry(carry) | Step::Mend(carry) => {
                Before::Snapshot { commit: carry.snapshot.clone() }
            }
            Step::Commit { snapshot, .. }
            | Step::Uncommit { snapshot, .. }
            | Step::Merge { snapshot, .. }
            | Step::Unmerge { snapshot, .. } => Before::Snapshot { commit: snapshot.clone() },
            Step::Serve(serve) => super::serve::look(self.git, serve)?,
            Step::Push { remote, refs } => {
                Before::Hub { refs: git::where_it_goes(self.git, remote, refs)? }
            }
            Step::Follow { dir, .. } => Before::Ref { commit: git::submodule_at(dir)? },
            Step::Keep { .. } | Step::Publish(_) | Step::Run(_) => Before::Nothing,
            Step::Crontab { .. } => Before::Crontab { table: host::scheduler::crontab()? },
            Step::Timers { start, stop } => {
                Before::Timers { active: host::scheduler::active(start.iter().chain(stop))? }
            }
        })
    }

    fn perform(&mut self, step: &Step, out: &mut dyn FnMut(&str)) -> Result<()> {
        let git = self.git;
        match step {
            Step::Write { path, file: Some(file) } => host::write::file(path, file),
            Step::Write { path, file: None } | Step::Link { at: path, to: None } => {
                host::write::remove(path)
            }
            Step::Move { from, to } => host::write::rename(from, to),
            Step::Link { at, to: Some(to) } => host::write::link(at, to),
            Step::MakeDir { dir } => host::write::make_dir(dir),
            Step::RemoveDir { dir } => host::write::remove_dir(dir),
            Step::Config { file, edits } => git::write::config(git, file, edits),
            Step::Unconfig { file, edits, was } => {
                git::write::unconfig(git, file, edits, was.as_ref())
            }
            Step::SetRef { name, to, expect } => {
                git::write::set_ref(git, name, to.as_ref(), expect.as_ref())
            }
            Step::Run(task) => super::task::perform(git, task, out),
            Step::Serve(serve) => super::serve::perform(git, serve, out),
            Step::Keep { name, snapshot } => git::write::keep(git, name, snapshot),
            Step::Carry(carry) => lend(|| git::write::carry(git, carry, &mut stop::pause)),
            Step::Follow { dir, from, to } => git::write::follow(dir, from, to, out),
            Step::Mend(carry) => {
                // What puts back is not interrupted.
                let mut point = |name: &str| {
                    stop::point(name);
                    Ok(())
                };
                lend(|| git::write::mend(git, carry, &mut point, out))
            }
            Step::Commit { message, all, tree, .. } => {
                git::write::commit(git, message, *all, tree.as_ref(), out)
            }
            Step::Merge { branch, on, name, with, .. } => {
                git::write::merge(git, branch, on, name, with, out)
            }
            Step::Unmerge { branch, to, snapshot } => {
                git::write::unmerge(git, branch, to, snapshot)
            }
            Step::Uncommit { branch, to, snapshot } => {
                git::write::uncommit(git, branch, to.as_ref(), snapshot)
            }
            Step::Crontab { table } => host::write::crontab(table.as_ref()),
            Step::Timers { start, stop } => host::write::timers(start, stop),
            Step::Push { remote, refs } => git::write::push(git, remote, refs, out),
            Step::Publish(it) => {
                let target = git::write::Target {
                    remote: it.remote.as_deref(),
                    branch: &it.branch,
                    on: &it.on,
                    claim: it.claim.as_ref(),
                };
                git::write::publish(git, &target, &it.files, &it.message, out)
            }
        }
    }
}

fn what_is_at(path: &Path) -> Result<Before> {
    Ok(match host::read::link(path)? {
        Some(to) => Before::Link { to: Some(to) },
        None => Before::File { file: host::read::file(path)? },
    })
}
