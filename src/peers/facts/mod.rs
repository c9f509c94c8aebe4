//! Looking: what the hub has, and what there is to tell about this work tree. What is learned
//! of the others is kept below `gsync/` in the git directory; losing it costs one question.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::base::{Change, CommitId, PeerId, Presence, RepoPath};
use crate::config::{Config, Publish, Share};
use crate::git::{Entry as Entered, Git, Listing, Objects, Staged, TreeWalk};
use crate::host::{clock, env, read, user};
use crate::peers::entry::{self, Entry};
use crate::peers::memory::{Content, Known, Memory, Refused, Told};
use crate::peers::name;
use crate::peers::publish::name_of;
use crate::peers::view::Mine;

mod meetings;

pub use meetings::meet;

/// Entries of the others, as they were met.
const MEMORY: &str = "peers.json";
/// A hub that takes none.
const REFUSED: &str = "peers-refused.json";
/// What pre-commit said last.
const SAID: &str = "peers-said.json";
/// More entries than that are not read: nobody has so many clones.
const MOST: usize = 5000;

/// The hub of this clone, where entries are exchanged with it.
#[derive(Debug, Clone)]
pub struct Hub {
    pub remote: String,
    pub address: String,
    pub deadline: Duration,
    pub publish: Publish,
    pub share: Share,
    pub ttl: i64,
}

/// What came of asking the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Memory(Memory),
    Silent(String),
}

/// The hub with which entries are exchanged. Nothing: there is none, or that is turned off, by
/// the repository or by `gsync.peers` of the person.
pub fn hub(git: &Git, config: &Config) -> Option<Hub> {
    if config.peers.publish == Publish::Off || git.work_dir.is_none() {
        return None;
    }
    let repo = git.library();
    let setting = |key: &str| setting(git, repo.as_ref(), key);
    if setting("gsync.peers").as_deref() == Some("off") {
        return None;
    }
    let remote = config.hub.remote.clone();
    let address = setting(&format!("remote.{remote}.url"))?;
    Some(Hub {
        remote,
        address,
        deadline: config.hub.timeout.0,
        publish: config.peers.publish,
        share: config.peers.share,
        ttl: i64::try_from(config.peers.ttl.0.as_secs()).unwrap_or(i64::MAX),
    })
}

/// What is remembered of the others.
pub fn remembered(git: &Git, remote: &str) -> Option<Memory> {
    git.recall::<Memory>(MEMORY).filter(|memory| memory.remote == remote)
}

/// Asks the hub for the entries, and reads those that are new.
pub fn ask(git: &Git, hub: &Hub) -> Result<Answer> {
    let begun = Instant::now();
    let listing = git.states(&hub.remote, &[name::ENTRIES, name::CONTENTS], hub.deadline)?;
    let refs = match listing {
        Listing::Refs(refs) => refs,
        Listing::Unreachable(why) => return Ok(Answer::Silent(why)),
    };
    let mut before = remembered(git, &hub.remote);
    let mut known: HashMap<PeerId, Known> = before
        .iter_mut()
        .flat_map(|memory| std::mem::take(&mut memory.peers))
        .map(|known| (known.id.clone(), known))
        .collect();
    let now = clock::now();
    let mut memory = Memory { remote: hub.remote.clone(), at: now, ..Memory::default() };
    let mut new = Vec::new();
    for (name, commit) in refs.into_iter().take(MOST) {
        if let Some(id) = name::of_ref(&name, name::CONTENTS) {
            memory.contents.push(Content { id, commit, here: false });
        } else if let Some(id) = name::of_ref(&name, name::ENTRIES) {
            match known.remove(&id).filter(|known| known.commit == commit) {
                Some(known) => memory.peers.push(known),
                None => new.push((id, commit)),
            }
        } else {
            memory.odd += 1;
        }
    }
    let ids: Vec<CommitId> = new.iter().map(|(_, commit)| commit.clone()).collect();
    let left = hub.deadline.saturating_sub(begun.elapsed());
    let Some(files) = git.state_files(&hub.remote, &ids, entry::FILE, entry::LARGEST, left)? else {
        return Ok(Answer::Silent("it lists entries and does not hand them out".to_owned()));
    };
    for ((id, commit), (_, bytes)) in new.into_iter().zip(files) {
        let entry = bytes.and_then(|bytes| Entry::read(&id, &bytes));
        memory.peers.push(Known { id, commit, met: now, entry });
    }
    memory.peers.sort_by(|a, b| a.id.cmp(&b.id));
    let left = hub.deadline.saturating_sub(begun.elapsed());
    meetings::fetch(git, hub, before.as_ref(), &mut memory, left)?;
    keep(git, before.as_ref(), &memory);
    Ok(Answer::Memory(memory))
}

/// Keeps what was learned. Where nobody ever told anything, nothing is kept either.
fn keep(git: &Git, before: Option<&Memory>, memory: &Memory) {
    let is_empty = memory.peers.is_empty() && memory.odd == 0;
    if !(is_empty && before.is_none()) {
        git.note(MEMORY, memory);
    }
}

/// Keeps what is known after a change that was made here.
pub fn note_memory(git: &Git, memory: &Memory) {
    git.note(MEMORY, memory);
}

/// Takes up what was published just now, without asking again.
pub fn take_up(git: &Git, memory: &Memory, commit: &CommitId, entry: &Entry) {
    let mut memory = memory.clone();
    memory.peers.retain(|known| known.id != entry.id);
    let known = Known {
        id: entry.id.clone(),
        commit: commit.clone(),
        met: entry.time,
        entry: Some(entry.clone()),
    };
    memory.peers.push(known);
    git.note(MEMORY, &memory);
}

/// What this work tree told the others.
pub fn told(git: &Git) -> Told {
    git.recall(&git.own_name("presence")).unwrap_or_default()
}

pub fn note_told(git: &Git, told: &Told) {
    git.note(&git.own_name("presence"), told);
}

/// Whether the hub refused lately.
pub fn refused(git: &Git, hub: &Hub) -> Option<Refused> {
    git.recall::<Refused>(REFUSED)
        .filter(|refused| refused.holds(&hub.remote, &hub.address, clock::now()))
}

pub fn note_refused(git: &Git, hub: &Hub, why: &str) {
    let (remote, address) = (hub.remote.clone(), hub.address.clone());
    git.note(REFUSED, &Refused { remote, address, at: clock::now(), why: why.to_owned() });
}

pub fn note_accepted(git: &Git) {
    git.strike(REFUSED);
}

/// The name that this work tree has by itself.
pub fn own_name(git: &Git) -> PeerId {
    let role = setting(git, git.library().as_ref(), "gsync.role").filter(|role| !role.is_empty());
    let name = role.unwrap_or_else(user::name);
    name::own(&name, &env::host_name(), git.worktree_number())
}

fn setting(git: &Git, repo: Option<&gix::Repository>, key: &str) -> Option<String> {
    match repo {
        Some(repo) => repo.config_snapshot().string(key).map(|text| text.to_string()),
        None => git.config(key).ok().flatten(),
    }
}

/// The name under which the others know it.
pub fn known_as(git: &Git) -> PeerId {
    if let Some(last) = told(git).last {
        return last.entry.id;
    }
    // Nothing was told yet. Another clone of this machine may have the name already: then that
    // one is somebody else, and this one will have a number.
    let own = own_name(git);
    match git.recall::<Memory>(MEMORY) {
        Some(memory) => name_of(&own, &clone_mark(git), None, &memory, |_, _| false).0,
        None => own,
    }
}

/// What there is to tell about this work tree.
pub fn entry(git: &Git, hub: &Hub, state: Presence) -> Result<Entry> {
    let scan = git.scan()?;
    let repo = git.library();
    let repo = repo.as_ref();
    let (head, upstream) = git.position(repo)?;
    let on_hub: Vec<CommitId> = match upstream.as_ref().and_then(|upstream| upstream.id.clone()) {
        Some(id) => vec![id],
        None => git
            .refs(&format!("refs/remotes/{}/", hub.remote))?
            .into_iter()
            .map(|(_, id)| id)
            .collect(),
    };
    let (mut ahead, mut behind, mut outgoing, mut unpushed) = (0, 0, Vec::new(), Vec::new());
    if let Some(head) = &head.id {
        let ours = git.only_in(repo, std::slice::from_ref(head), &on_hub, entry::COMMITS)?;
        (ahead, outgoing) = (ours.count, ours.newest);
        if let Some(theirs) = upstream.as_ref().and_then(|upstream| upstream.id.as_ref()) {
            behind = git
                .only_in(repo, std::slice::from_ref(theirs), std::slice::from_ref(head), 0)?
                .count;
        }
        if ahead > 0 && !on_hub.is_empty() {
            unpushed = git.changed_by(head, &on_hub)?;
        }
    }
    let id = own_name(git);
    let entry = Entry {
        gsync: 1,
        clone: clone_mark(git),
        role: setting(git, repo, "gsync.role").unwrap_or_default(),
        host: env::host_name(),
        branch: head.branch,
        head: head.id,
        upstream: upstream.as_ref().map(crate::git::Upstream::short),
        ahead: u32::try_from(ahead).unwrap_or(u32::MAX),
        behind: u32::try_from(behind).unwrap_or(u32::MAX),
        dirty: changed(&scan.end()?.changes),
        unpushed,
        more: 0,
        outgoing,
        state,
        time: clock::now(),
        id,
    };
    Ok(crate::base::covered_facts(entry.bounded()))
}

/// Where the work tree is, in a form that says nothing about where it is.
fn clone_mark(git: &Git) -> String {
    let mut hash = Sha256::new();
    hash.update(env::host_name().as_bytes());
    hash.update(b"\0");
    hash.update(git.git_dir.as_os_str().as_encoded_bytes());
    crate::base::hex(&hash.finalize()[..6])
}

/// Paths with uncommitted work; a rename is two.
pub fn changed(changes: &[Change]) -> Vec<RepoPath> {
    let both =
        |change: &Change| change.from.iter().chain([&change.path]).cloned().collect::<Vec<_>>();
    let mut paths: Vec<RepoPath> = changes.iter().flat_map(both).collect();
    paths.sort();
    paths.dedup();
    paths
}

/// What is changed here, from what the status found.
pub fn mine(
    git: &Git,
    changes: &[Change],
    head: Option<&CommitId>,
    upstream: Option<&CommitId>,
) -> Mine {
    let mut paths = changed(changes);
    if let (Some(head), Some(upstream)) = (head, upstream)
        && head != upstream
    {
        let hidden = std::slice::from_ref(upstream);
        paths.extend(git.changed_by(head, hidden).unwrap_or_default());
    }
    paths.sort();
    paths.dedup();
    Mine { id: Some(known_as(git)), paths }
}

/// The paths of the commit that is being made, or was made just now. In process where that can
/// be: a commit must not be felt.
pub fn committing(git: &Git, made: bool) -> Result<Vec<RepoPath>> {
    if let Some(head) = git.library().and_then(|repo| Some(repo.head_id().ok()?.detach())) {
        let objects = Objects::open(git, head.kind())?;
        let trees = between(git, &objects, &head, made)?;
        return match trees {
            Between::Trees(old, new) => differing(&objects, &old, &new),
            Between::Paths(paths) => Ok(paths),
        };
    }
    let made = made.then_some(["diff-tree", "-r", "--root", "--no-commit-id", "HEAD"].as_slice());
    let args = made.unwrap_or(&["diff", "--cached"]);
    let out =
        git.must_bytes(&[&args[..1], &["--name-only", "--no-renames", "-z"], &args[1..]].concat())?;
    let names = out.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(RepoPath::new).collect())
}

/// What a commit goes from and to.
enum Between {
    Trees(gix::ObjectId, gix::ObjectId),
    Paths(Vec<RepoPath>),
}

fn between(git: &Git, objects: &Objects, head: &gix::ObjectId, made: bool) -> Result<Between> {
    let tree = |id: &gix::ObjectId| -> Result<gix::ObjectId> {
        Ok(objects.commit(id)?.context("a commit that HEAD names")?.tree)
    };
    if !made {
        let old = tree(head)?;
        return Ok(match git.staged(objects, &old)? {
            Staged::Tree(new) => Between::Trees(old, new),
            Staged::Paths(all) => Between::Paths(all.into_iter().map(|(path, ..)| path).collect()),
        });
    }
    let node = objects.commit(head)?.context("a commit that HEAD names")?;
    let old = match node.parents.first() {
        Some(parent) => tree(parent)?,
        None => gix::ObjectId::empty_tree(head.kind()),
    };
    Ok(Between::Trees(old, node.tree))
}

/// Paths that two trees do not have alike.
fn differing(objects: &Objects, old: &gix::ObjectId, new: &gix::ObjectId) -> Result<Vec<RepoPath>> {
    let mut paths = Vec::new();
    // What is new or changed, then what is gone.
    for (tree, than) in [(new, old), (old, new)] {
        let mut visit = |entry: Entered<'_>| {
            paths.push(RepoPath::new(entry.path));
            Ok(())
        };
        TreeWalk::new(objects, &mut visit).run(tree, &[*than])?;
    }
    paths.sort();
    paths.dedup();
    Ok(paths)
}

/// Whether anything is remembered of others: one look at a file, for hooks.
pub fn has_memory(git: &Git) -> bool {
    read::exists(&git.gsync_dir().join(MEMORY))
}

/// Whether nobody else is remembered, at whatever hub.
pub fn is_alone(git: &Git, own: &PeerId) -> bool {
    let memory = git.recall::<Memory>(MEMORY);
    memory.is_none_or(|memory| memory.peers.iter().all(|peer| peer.id == *own))
}

/// Whether a line is to be said about a commit: pre-commit says it first, and post-commit only
/// what pre-commit did not say.
pub fn say(git: &Git, line: Option<&str>, made: bool) -> bool {
    let said: Option<String> = git.recall(SAID);
    match (line, made) {
        (Some(line), false) => {
            git.note(SAID, &line);
            true
        }
        (line, _) => {
            if said.is_some() {
                git.strike(SAID);
            }
            line.is_some() && line != said.as_deref()
        }
    }
}
