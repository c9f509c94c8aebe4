//! The handoffs that the hub has, as far as is known here: files in commits, never those of the
//! work tree, which may be behind.

use std::collections::BTreeMap;

use anyhow::Result;
use regex::Regex;

use crate::base::{Branch, CommitId, Problem, RefName, RepoPath, Time};
use crate::config::Config;
use crate::git::{self, Git};
use crate::handoff::document::{Document, Handoff};
use crate::handoff::life::State;
use crate::handoff::words::number_of;
use crate::host::clock;

/// So many branches of the hub are looked at, its main branch and the one at hand first.
const BRANCHES: usize = 200;

/// A handoff, and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The branch of the hub, and where that stands.
    pub branch: Branch,
    pub tip: CommitId,
    pub path: RepoPath,
    pub document: Document,
    pub handoff: Handoff,
    /// Its state as it is shown.
    pub shown: State,
}

/// All of them, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shelf {
    pub found: Vec<Found>,
    /// Files that should be handoffs and cannot be read.
    pub broken: Vec<(RepoPath, Problem)>,
    /// The role of this clone.
    pub role: Option<String>,
    pub now: Time,
}

impl Shelf {
    /// Those that wait for the role of this clone.
    pub fn mine(&self) -> impl Iterator<Item = &Found> {
        self.role.iter().flat_map(|role| self.waiting_for(role))
    }

    pub fn number(&self, number: u32) -> Option<&Found> {
        self.found.iter().find(|found| number_of(&found.handoff.id) == Some(number))
    }

    /// The highest number that is taken.
    pub fn highest(&self) -> u32 {
        self.found.iter().filter_map(|found| number_of(&found.handoff.id)).max().unwrap_or(0)
    }

    /// Those that somebody with this role still has to do something about.
    pub fn waiting_for(&self, role: &str) -> impl Iterator<Item = &Found> {
        self.found
            .iter()
            .filter(move |found| found.shown.is_open() && found.handoff.to.as_deref() == Some(role))
    }
}

/// Looks at what is known of the hub, without asking it.
pub fn shelf(git: &Git, config: &Config) -> Result<Shelf> {
    shelf_of(git, config, git.config("gsync.role")?)
}

/// The same where the role of this clone is known already.
pub fn shelf_of(git: &Git, config: &Config, role: Option<String>) -> Result<Shelf> {
    let mut shelf = Shelf { role, now: clock::now(), ..Shelf::default() };
    let prefix = format!("refs/remotes/{}/", config.hub.remote);
    let mut tips: Vec<(Branch, CommitId)> = git
        .refs(&prefix)?
        .into_iter()
        .filter_map(|(name, tip)| Some((Branch::new(name.as_str().strip_prefix(&prefix)?), tip)))
        .filter(|(branch, _)| branch.as_str() != "HEAD")
        .collect();
    let here = match tips.len() > BRANCHES {
        true => git.head_branch()?.and_then(|name: RefName| name.branch()),
        false => None,
    };
    let first =
        |branch: &Branch| branch.as_str() != config.hub.branch && Some(branch) != here.as_ref();
    tips.sort_by_key(|(branch, _)| first(branch));
    tips.truncate(BRANCHES);
    let ids: Vec<CommitId> = tips.iter().map(|(_, tip)| tip.clone()).collect();
    let dir = config.handoff.dir.trim_matches('/');
    let is_ours = file_pattern(&config.handoff.file);
    let mut best: BTreeMap<u32, Found> = BTreeMap::new();
    let mut broken: BTreeMap<RepoPath, Problem> = BTreeMap::new();
    let mut read: BTreeMap<(RepoPath, Vec<u8>), bool> = BTreeMap::new();
    for ((branch, tip), files) in tips.into_iter().zip(git.folders(&ids, dir)?) {
        for file in files.iter() {
            let name = String::from_utf8_lossy(file.path.file_name()).into_owned();
            let bytes = file.bytes.as_deref().unwrap_or_default();
            if !name.ends_with(".md") || !(bytes.starts_with(b"---") || is_ours.is_match(&name)) {
                continue;
            }
            match understand(file) {
                Ok((document, handoff)) => {
                    let Some(number) = number_of(&handoff.id) else { continue };
                    let shown = handoff.status.shown(handoff.date, shelf.now);
                    let (branch, tip, path) = (branch.clone(), tip.clone(), file.path.clone());
                    let found = Found { branch, tip, path, document, handoff, shown };
                    let better = best.get(&number).is_none_or(|had| rank(&found) > rank(had));
                    if better {
                        best.insert(number, found);
                    }
                }
                Err(problem) => {
                    if read.insert((file.path.clone(), bytes.to_vec()), true).is_none() {
                        broken.entry(file.path.clone()).or_insert(problem);
                    }
                }
            }
        }
    }
    shelf.found = best.into_values().rev().collect();
    shelf.broken = broken.into_iter().collect();
    Ok(shelf)
}

/// For a server that has just deployed a commit: the open handoffs on a branch of this very
/// repository whose work is in that commit, with where the branch stands. `dir` is what
/// `[handoff] dir` says. What cannot be read is passed over: a deploy does not fail for it.
pub fn deployed(
    git: &Git,
    dir: &str,
    branch: &RefName,
    commit: &CommitId,
) -> Result<(Option<CommitId>, Vec<Found>)> {
    let (Some(tip), Some(name)) = (git.resolve_ref(branch)?, branch.branch()) else {
        return Ok((None, Vec::new()));
    };
    let mut open = Vec::new();
    for file in git
        .folders(std::slice::from_ref(&tip), dir.trim_matches('/'))?
        .iter()
        .flat_map(|files| files.iter())
    {
        let Ok((document, handoff)) = understand(file) else { continue };
        let shown = handoff.status.shown(handoff.date, clock::now());
        if shown.is_open() && git.contains(&handoff.head, commit)? == Some(true) {
            let (branch, tip, path) = (name.clone(), tip.clone(), file.path.clone());
            open.push(Found { branch, tip, path, document, handoff, shown });
        }
    }
    Ok((Some(tip), open))
}

/// Other branches have old copies: the branch that a handoff is about has the say, and else the
/// copy that is further on.
fn rank(found: &Found) -> (bool, State) {
    (found.branch.as_str() == found.handoff.branch, found.handoff.status)
}

fn understand(file: &git::InFolder) -> Result<(Document, Handoff), Problem> {
    let name = file.path.quoted();
    let Some(bytes) = &file.bytes else {
        return Err(Problem::usage("handoff", format!("{name}: is too large for a handoff")));
    };
    let document = Document::parse(&name, bytes)?;
    let handoff = document.handoff()?;
    if handoff.id == "draft" {
        let why = "is a draft: a draft stays in the git directory until it is sent";
        return Err(Problem::usage("handoff", format!("{name}: {why}"))
            .hint(format!("take it out: `git rm --cached {}`", crate::base::shell_quote(&name))));
    }
    Ok((document, handoff))
}

/// What `[handoff] file` makes names of, so that a file whose front matter is gone is noticed.
fn file_pattern(template: &str) -> Regex {
    let pattern = regex::escape(template)
        .replace(r"\{TO\}", "[A-Za-z0-9_-]+")
        .replace(r"\{DATE\}", "[0-9]{8}")
        .replace(r"\{NUMBER\}", "[0-9]+");
    Regex::new(&format!("^{pattern}$"))
        .unwrap_or_else(|_| Regex::new("^$").expect("nothing has no name"))
}

/// The numbers that are taken on the hub by their refs. A hub that does not tell takes none.
pub fn taken(git: &Git, config: &Config) -> Result<u32> {
    let hub = &config.hub;
    let refs = git::refs_at(git, &hub.remote, "refs/gsync/handoff/*", hub.timeout.0)?;
    let number = |name: &RefName| name.as_str().rsplit('/').next().and_then(number_of);
    Ok(refs.iter().filter_map(|(name, _)| number(name)).max().unwrap_or(0))
}
