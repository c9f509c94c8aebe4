//! The hands of the engine: each step, done by the adapter that knows how.

use std::path::Path;

use anyhow::Result;

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
            Step::Push { .. } | Step::Run(_) => Before::Nothing,
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
            Step::Push { remote, refs } => git::write::push(git, remote, refs, out),
        }
    }
}

fn what_is_at(path: &Path) -> Result<Before> {
    Ok(match host::read::link(path)? {
        Some(to) => Before::Link { to: Some(to) },
        None => Before::File { file: host::read::file(path)? },
    })
}
