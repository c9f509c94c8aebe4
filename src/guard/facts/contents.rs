//! Feeds the judge with what commits bring: every path that differs from all parents, every
//! new object once.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::time::Instant;

use anyhow::Result;
use gix::ObjectId;
use gix::objs::Kind;

use super::early::Early;
use super::files::judged_so_far;
use super::look::{Brought, Found, Learned, Looker};
use super::many::Watch;
use super::world::{hex, oid};
use crate::base::{CommitId, RefName, RepoPath};
use crate::git::{Entry, NewCommit, Objects, What};
use crate::guard::judge::{Judge, Text};
use crate::guard::secrets::Hit;
use crate::guard::ways::{self, Standing};
use crate::guard::{Place, Severity};

/// Ids are as good as hashes.
type Ids<T> = gix::hashtable::HashMap<ObjectId, T>;
type Reach = gix::hashtable::HashSet<ObjectId>;

/// More commits are looked at by several threads.
const MANY: usize = 64;
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
    /// When judging began.
    pub began: Instant,
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
        let (walk, early) = self.walk(&ids, hidden)?;
        for id in &walk.missing {
            self.absent(id, Place { commit: Some(hex(id)), ..Place::default() });
        }
        self.commits(&walk.commits, early)?;
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

    /// Looks at commits: by one thread, or by several where there are many.
    fn commits(&mut self, commits: &[NewCommit], early: Early) -> Result<()> {
        let limit = self.judge.policy.config.guard.time_limit.0;
        let watch = Watch { began: self.began, limit, done: 0, all: commits.len() };
        if commits.len() > MANY {
            return self.many(commits, early, watch);
        }
        let mut looker = Looker::new(self.objects, self.judge.policy);
        looker.watch = Some(watch);
        let brought = looker.commits(commits, &mut |done| Watch { done, ..watch }.check())?;
        self.take_all(brought);
        Ok(())
    }

    /// Judges what a tree has and none of the others.
    pub(super) fn tree(
        &mut self,
        tree: &ObjectId,
        others: &[ObjectId],
        place: &Place,
    ) -> Result<()> {
        let brought = Looker::new(self.objects, self.judge.policy).tree(tree, others, place)?;
        self.take_all(vec![brought]);
        Ok(())
    }

    /// Judges what stands at a path.
    pub(super) fn entry(&mut self, entry: Entry<'_>, place: &Place) -> Result<()> {
        let found = Looker::new(self.objects, self.judge.policy).entry(entry)?;
        let (place, entries) = (place.clone(), vec![found]);
        self.take_all(vec![Brought { place, entries, ..Brought::default() }]);
        Ok(())
    }

    fn naked_blob(&mut self, id: &ObjectId, place: &Place) -> Result<()> {
        let entry = Entry { path: b"", what: What::File, id: *id, before: &[] };
        let mut found = Looker::new(self.objects, self.judge.policy).entry(entry)?;
        self.learn(&mut found);
        self.judge.verdict.judged.files += 1;
        judged_so_far(self.judge.verdict.judged.files);
        self.content(&found, place);
        Ok(())
    }

    /// Judges what several commits bring. An object may have been met at the later one of two
    /// places: what was learned of it is known before the first is judged.
    pub(super) fn take_all(&mut self, mut all: Vec<Brought>) {
        all.iter_mut().flat_map(|brought| &mut brought.entries).for_each(|new| self.learn(new));
        for brought in all {
            self.take(brought);
        }
    }

    fn learn(&mut self, found: &mut Found) {
        if let Some(Learned::Known { size, faults, .. }) = &mut found.learned {
            self.judge.learned(found.id, *size, std::mem::take(faults));
        }
    }

    /// Judges what was looked at.
    fn take(&mut self, brought: Brought) {
        self.judge.faults(&brought.said, &brought.place);
        for mut found in brought.entries {
            self.judge.verdict.judged.files += 1;
            judged_so_far(self.judge.verdict.judged.files);
            // Of most there is nothing to say, so that nobody needs to know where they are.
            let known = matches!(&found.learned, None | Some(Learned::Known { unread: false, .. }));
            if known && found.named.is_empty() && !self.judge.has_faults(&found.id) {
                continue;
            }
            let path = RepoPath::new(std::mem::take(&mut found.path));
            let place = Place { path: Some(path), ..brought.place.clone() };
            self.judge.faults(&found.named, &place);
            if found.what != What::Commit {
                self.content(&found, &place);
            }
        }
        for id in &brought.missing {
            self.absent(id, brought.place.clone());
        }
    }

    fn content(&mut self, found: &Found, place: &Place) {
        let objects = self.objects;
        match &found.learned {
            Some(Learned::Absent) => {
                let what = "is not here and cannot be judged".to_owned();
                self.judge.unknown(place.clone(), self.missing, what);
                return;
            }
            Some(Learned::Known { unread: true, .. }) => {
                let what = "is too large to be looked into".to_owned();
                self.judge.unknown(place.clone(), Severity::Error, what);
            }
            Some(Learned::Known { .. }) | None => {}
        }
        let mut versions = None;
        self.judge.blob(&found.id, place, |hit| {
            !found.before.is_empty()
                && versions.get_or_insert_with(|| Versions::read(objects, found)).had(hit)
        });
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
        let parents: Ids<&NewCommit> = commits.iter().map(|commit| (commit.id, commit)).collect();
        // What each tip reaches of what is new.
        let reach = tips.iter().take(WAYS).map(|tip| {
            let mut found = Reach::default();
            let mut next: Vec<&ObjectId> = vec![&tip.id];
            while let Some(id) = next.pop() {
                if let Some(commit) = parents.get(id)
                    && found.insert(commit.id)
                {
                    next.extend(&commit.node.parents);
                }
            }
            found
        });
        let reach: Vec<Reach> = reach.collect();
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
    reach: &[Reach],
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
    let mut on_top = Reach::from_iter([at.id]);
    // Parents come before their children as far as dates are right, so one pass is enough.
    for commit in commits {
        let descends = commit.node.parents.iter().any(|parent| on_top.contains(parent));
        if descends && reach.contains(&commit.id) {
            on_top.insert(commit.id);
        }
    }
    let above = on_top.len() - 1;
    let parent = at.node.parents.first().map(hex);
    (Standing::Committed { elsewhere: tip.elsewhere.clone(), above, parent }, reference)
}

/// After so many questions the lines of the former versions are put in order.
const MANY_QUESTIONS: usize = 32;

/// A content, and what stood at its place in the parents.
#[derive(Default)]
struct Versions {
    now: Vec<u8>,
    before: Vec<Vec<u8>>,
    /// The lines of all that was before, when many are asked for.
    lines: HashSet<Vec<u8>>,
    asked: usize,
    /// The lines that were asked for last, and the answer: many hits may stand on one line.
    last: Option<(Range<usize>, bool)>,
}

impl Versions {
    /// What cannot be read excuses nothing.
    fn read(objects: &Objects, entry: &Found) -> Self {
        let read = |id: &ObjectId| objects.data(id).ok().flatten().map(|(_, data)| data);
        let now = read(&entry.id).unwrap_or_default();
        let before = entry.before.iter().filter_map(read).collect();
        Self { now, before, ..Self::default() }
    }

    /// Whether the whole lines of a hit stand in a parent's version of the same file: then they
    /// were judged with that one.
    fn had(&mut self, hit: &Hit) -> bool {
        let now = &self.now;
        if hit.at.end > now.len() {
            return false;
        }
        if let Some((lines, answer)) = &self.last
            && lines.start <= hit.at.start
            && hit.at.end <= lines.end
        {
            return *answer;
        }
        let start = memchr::memrchr(b'\n', &now[..hit.at.start]).map_or(0, |at| at + 1);
        let end = memchr::memchr(b'\n', &now[hit.at.end..]).map_or(now.len(), |at| hit.at.end + at);
        self.asked += 1;
        if self.asked == MANY_QUESTIONS {
            let lines = self.before.iter().flat_map(|old| old.split(|byte| *byte == b'\n'));
            self.lines = lines.map(<[u8]>::to_vec).collect();
        }
        let lines = &now[start..end];
        let one = memchr::memchr(b'\n', lines).is_none();
        let answer = match one && !self.lines.is_empty() {
            true => self.lines.contains(lines),
            false => self.before.iter().any(|old| has_lines(old, lines)),
        };
        self.last = Some((start..end, answer));
        answer
    }
}

/// Whether these whole lines stand there after one another.
fn has_lines(old: &[u8], lines: &[u8]) -> bool {
    memchr::memmem::find_iter(old, lines).any(|at| {
        let ends = old.get(at + lines.len()).is_none_or(|byte| *byte == b'\n');
        ends && (at == 0 || old[at - 1] == b'\n')
    })
}
