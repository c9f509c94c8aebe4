//! Feeds the judge with what commits bring: every path that differs from all parents, every
//! new object once.

use std::collections::{HashMap, HashSet};

use anyhow::{Result, bail};
use gix::ObjectId;
use gix::objs::Kind;

use super::world::{hex, oid};
use crate::base::{CommitId, RefName};
use crate::git::{Entry, NewCommit, Objects, TreeWalk, What, new_commits};
use crate::guard::judge::{Judge, Needs, Text};
use crate::guard::ways::{self, Standing};
use crate::guard::{Place, Severity};

/// Files that are larger are judged by name and size only.
const READ_LIMIT: u64 = 128 << 20;
/// A longer chain of tags is refused elsewhere.
const TAGS: usize = 100;
/// For so many commits the way out says how many others stand on top of them.
const WAYS: usize = 50;

/// Something that a push wants to have over there.
#[derive(Debug, Clone)]
pub(super) struct Tip {
    pub id: ObjectId,
    pub reference: Option<RefName>,
    /// The branch here that it is pushed from, unless it is checked out.
    pub elsewhere: Option<String>,
    /// Whether it is a branch at all: a tag cannot be amended.
    pub branch: bool,
}

/// A judge at work on objects.
pub(super) struct Contents<'a, 'p> {
    pub objects: &'a Objects,
    pub judge: &'a mut Judge<'p>,
    /// What it means when something is not here.
    pub missing: Severity,
    /// Whether the person stands below the top of the work tree.
    pub below: bool,
}

impl Contents<'_, '_> {
    /// Judges everything that the tips bring and the hidden objects do not have.
    pub(super) fn tips(&mut self, tips: &[Tip], hidden: &[ObjectId]) -> Result<()> {
        let known: HashSet<&ObjectId> = hidden.iter().collect();
        let mut commits = Vec::new();
        for tip in tips.iter().filter(|tip| !known.contains(&tip.id)) {
            let place = Place { reference: tip.reference.clone(), ..Place::default() };
            self.tags(&tip.id, &place)?;
            match self.objects.peel(&tip.id)? {
                Some((Kind::Commit, id)) => commits.push(Tip { id, ..tip.clone() }),
                Some((Kind::Tree, id)) => self.tree(&id, &[], &place)?,
                Some((_, id)) => self.naked_blob(&id, &place)?,
                None => self.absent(&tip.id, place),
            }
        }
        let ids: Vec<ObjectId> = commits.iter().map(|tip| tip.id).collect();
        let walk = new_commits(self.objects, &ids, hidden)?;
        for id in &walk.missing {
            self.absent(id, Place { commit: Some(hex(id)), ..Place::default() });
        }
        for commit in &walk.commits {
            self.commit(commit)?;
        }
        self.judge.verdict.judged.commits += walk.commits.len();
        self.ways(&commits, &walk.commits);
        Ok(())
    }

    /// Judges what the tags on the way to an object say.
    fn tags(&mut self, id: &ObjectId, place: &Place) -> Result<()> {
        let mut id = *id;
        for _ in 0..TAGS {
            let Some((Kind::Tag, _)) = self.objects.header(&id)? else { break };
            let Some((_, data)) = self.objects.data(&id)? else { return Ok(()) };
            self.judge.text(Text::Tag, &data, place);
            let tag = gix::objs::TagRefIter::from_bytes(&data, self.objects.hash());
            let Ok(target) = tag.target_id() else { return Ok(()) };
            id = target;
        }
        Ok(())
    }

    fn commit(&mut self, commit: &NewCommit) -> Result<()> {
        let mut parents = Vec::new();
        for parent in &commit.node.parents {
            // A parent that is not here (shallow, partial) hides nothing.
            parents.extend(self.objects.commit(parent)?.map(|node| node.tree));
        }
        let place = Place { commit: Some(hex(&commit.id)), ..Place::default() };
        if self.judge.policy.config.guard.secrets
            && let Some((_, data)) = self.objects.data(&commit.id)?
        {
            self.judge.text(Text::Commit, &data, &place);
        }
        self.tree(&commit.node.tree, &parents, &place)
    }

    /// Judges what a tree has and none of the others.
    pub(super) fn tree(
        &mut self,
        tree: &ObjectId,
        others: &[ObjectId],
        place: &Place,
    ) -> Result<()> {
        let (objects, judge, severity) = (self.objects, &mut *self.judge, self.missing);
        let mut visit = |entry: Entry<'_>| one(objects, judge, severity, entry, place);
        let mut walk = TreeWalk::new(objects, &mut visit);
        walk.run(tree, others)?;
        let missing = std::mem::take(&mut walk.missing);
        for id in &missing {
            self.absent(id, place.clone());
        }
        Ok(())
    }

    /// Judges what stands at a path.
    pub(super) fn entry(&mut self, entry: Entry<'_>, place: &Place) -> Result<()> {
        one(self.objects, self.judge, self.missing, entry, place)
    }

    fn naked_blob(&mut self, id: &ObjectId, place: &Place) -> Result<()> {
        self.judge.verdict.judged.files += 1;
        blob(self.objects, self.judge, self.missing, id, place)
    }

    fn absent(&mut self, id: &ObjectId, place: Place) {
        let what = format!("the object {id} is not here and cannot be judged");
        self.judge.unknown(place, self.missing, what);
    }

    /// Gives each finding its way out.
    fn ways(&mut self, tips: &[Tip], commits: &[NewCommit]) {
        let findings = &mut self.judge.verdict.findings;
        if findings.is_empty() {
            return;
        }
        let parents: HashMap<&ObjectId, &NewCommit> =
            commits.iter().map(|commit| (&commit.id, commit)).collect();
        // What each tip reaches of what is new.
        let reach = tips.iter().take(WAYS).map(|tip| {
            let mut found = HashSet::new();
            let mut next: Vec<&ObjectId> = vec![&tip.id];
            while let Some(id) = next.pop() {
                if let Some(commit) = parents.get(id)
                    && found.insert(&commit.id)
                {
                    next.extend(&commit.node.parents);
                }
            }
            found
        });
        let reach: Vec<HashSet<&ObjectId>> = reach.collect();
        let mut known: HashMap<CommitId, (Standing, Option<RefName>)> = HashMap::new();
        for finding in findings.iter_mut().filter(|finding| finding.hints.is_empty()) {
            let Some(commit) = &finding.place.commit else {
                finding.hints = ways::out(finding, &Standing::Loose, self.below);
                continue;
            };
            if !known.contains_key(commit) && known.len() < WAYS {
                let id = oid(commit);
                let at = commits.iter().find(|new| Some(new.id) == id);
                let standing = at.map(|at| standing(at, commits, tips, &reach));
                known.insert(commit.clone(), standing.unwrap_or((Standing::Loose, None)));
            }
            if let Some((standing, reference)) = known.get(commit) {
                if finding.place.reference.is_none() {
                    finding.place.reference.clone_from(reference);
                }
                finding.hints = ways::out(finding, standing, self.below);
            }
        }
    }
}

fn standing(
    at: &NewCommit,
    commits: &[NewCommit],
    tips: &[Tip],
    reach: &[HashSet<&ObjectId>],
) -> (Standing, Option<RefName>) {
    let from = tips.iter().zip(reach).filter(|(_, reach)| reach.contains(&at.id));
    // A branch can be mended; a tag on it follows.
    let Some((tip, reach)) = from.max_by_key(|(tip, _)| tip.branch) else {
        return (Standing::Loose, None);
    };
    let reference = tip.reference.clone();
    if !tip.branch {
        return (Standing::Loose, reference);
    }
    let mut on_top: HashSet<&ObjectId> = HashSet::from([&at.id]);
    // Parents come before their children as far as dates are right, so one pass is enough.
    for commit in commits {
        let descends = commit.node.parents.iter().any(|parent| on_top.contains(parent));
        if descends && reach.contains(&commit.id) {
            on_top.insert(&commit.id);
        }
    }
    let above = on_top.len() - 1;
    let parent = at.node.parents.first().map(hex);
    (Standing::Committed { elsewhere: tip.elsewhere.clone(), above, parent }, reference)
}

fn one(
    objects: &Objects,
    judge: &mut Judge<'_>,
    severity: Severity,
    entry: Entry<'_>,
    place: &Place,
) -> Result<()> {
    let path = crate::base::RepoPath::new(entry.path);
    let place = Place { path: Some(path), ..place.clone() };
    judge.verdict.judged.files += 1;
    judge.path(&place);
    match entry.what {
        // A submodule is judged by its own repository.
        What::Commit => Ok(()),
        // A link leads to a text that is as good a hiding place as any.
        What::File | What::Link => blob(objects, judge, severity, &entry.id, &place),
    }
}

fn blob(
    objects: &Objects,
    judge: &mut Judge<'_>,
    severity: Severity,
    id: &ObjectId,
    place: &Place,
) -> Result<()> {
    let needs = judge.needs(id);
    if needs != Needs::Nothing {
        let Some((kind, size)) = objects.header(id)? else {
            judge.unknown(place.clone(), severity, "is not here and cannot be judged".to_owned());
            return Ok(());
        };
        if kind != Kind::Blob {
            bail!("{id} should be the content of a file and is a {kind}");
        }
        let small = needs == Needs::Content && size <= READ_LIMIT;
        let data = if small { objects.data(id)?.map(|(_, data)| data) } else { None };
        if needs == Needs::Content && !small && size <= judge.policy.config.guard.max_file_size.0 {
            let what = "is too large to be looked into".to_owned();
            judge.unknown(place.clone(), Severity::Warning, what);
        }
        judge.learn(*id, size, data.as_deref());
    }
    judge.blob(id, place);
    Ok(())
}
