//! Many commits: first what they bring is gathered, then each new content is looked at once, in
//! the order in which the packs have them, and then all is judged in the order of the commits.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use gix::ObjectId;
use gix::hashtable::HashMap;

use super::contents::Contents;
use super::early::Early;
use super::look::{Brought, Found, HELD, Learned, Looker};
use crate::base::{Problem, count};
use crate::git::{Entry, Families, Made, NewCommit, What};
use crate::guard::judge::{Former, Needs, look};
use crate::guard::secrets::{Copied, Seen};

/// So many commits are gathered at a time.
pub(super) const BATCH: usize = 8192;
/// Of them a thread takes so many at once, and of single contents.
pub(super) const COMMITS: usize = 64;
const SINGLES: usize = 128;

/// How long judging may take.
#[derive(Clone, Copy)]
pub(super) struct Watch {
    pub began: Instant,
    pub limit: Duration,
    /// Of so many commits so many were judged.
    pub done: usize,
    pub all: usize,
}

impl Watch {
    /// What is not judged in time does not pass.
    pub(super) fn check(&self) -> Result<()> {
        if self.began.elapsed() <= self.limit {
            return Ok(());
        }
        let message =
            format!("{} of {} judged in {:?}", self.done, count(self.all, "commit"), self.limit);
        Err(Problem::refuse("time-limit", message)
            .because("what was not judged does not pass, so nothing does")
            .hint("push the older commits first: `git push REMOTE COMMIT:BRANCH`")
            .hint("give it more time in .gsync.toml: `[guard] time_limit = \"1h\"`")
            .into())
    }
}

impl Contents<'_, '_> {
    /// Looks at many commits, of which some were gathered before.
    pub(super) fn many(
        &mut self,
        commits: &[NewCommit],
        mut early: Early,
        watch: Watch,
    ) -> Result<()> {
        self.objects.expect_many();
        for (at, batch) in commits.chunks(BATCH).enumerate() {
            let watch = Watch { done: at * BATCH, ..watch };
            let rest = batch.iter().filter(|commit| !early.contains_key(&commit.id));
            let rest: Vec<NewCommit> = rest.cloned().collect();
            let chunks: Vec<&[NewCommit]> = rest.chunks(COMMITS).collect();
            let gathered = self.in_threads(chunks.len(), watch, |looker, at| {
                looker.commits(chunks[at], &mut |_| watch.check())
            })?;
            let mut gathered = gathered.into_iter().flatten();
            let each = batch.iter().map(|commit| {
                let brought = early.remove(&commit.id).or_else(|| gathered.next());
                brought.context("a commit was not looked at")
            });
            let mut gathered = each.collect::<Result<Vec<Brought>>>()?;
            self.look_at_new(&mut gathered, watch)?;
            self.take_all(gathered);
        }
        Ok(())
    }

    /// Looks at each content that is new, once, and tells that where it is first met.
    fn look_at_new(&mut self, gathered: &mut [Brought], watch: Watch) -> Result<()> {
        let mut first: HashMap<ObjectId, (usize, usize)> = HashMap::default();
        first.reserve(gathered.iter().map(|brought| brought.entries.len()).sum());
        for (at, brought) in gathered.iter().enumerate() {
            for (number, found) in brought.entries.iter().enumerate() {
                if found.what != What::Commit && self.judge.needs(&found.id) != Needs::Nothing {
                    first.entry(found.id).or_insert((at, number));
                }
            }
        }
        let guard = &self.judge.policy.config.guard;
        let families = match guard.conflict_markers || guard.secrets {
            true => self.objects.families(first.keys().copied()),
            false => Families::none(first.keys().copied()),
        };
        let most = guard.max_file_size.0.min(HELD);
        let told = self.in_threads(families.count(), watch, |looker, at| {
            let mut told = Vec::new();
            let mut visit = |made: Made<'_, Seen>| visit(looker, &made, &mut told, watch);
            let lost = looker.objects.family(&families, at, most, &mut visit)?;
            Ok((told, lost))
        })?;
        let mut rest = families.rest;
        let mut known = Vec::new();
        for (told, lost) in told {
            known.extend(told);
            rest.extend(lost);
        }
        // The versions of a file after one another, the newest first.
        let mut rest: Vec<(usize, usize)> =
            rest.iter().filter_map(|id| first.get(id)).copied().collect();
        let found = |(at, number): &(usize, usize)| &gathered[*at].entries[*number];
        rest.sort_by(|a, b| found(a).path.cmp(&found(b).path).then(b.cmp(a)));
        let rest: Vec<&Found> = rest.iter().map(found).collect();
        let chunks: Vec<&[&Found]> = rest.chunks(SINGLES).collect();
        let singles = self.in_threads(chunks.len(), watch, |looker, at| {
            let mut told = Vec::new();
            for found in chunks[at] {
                watch.check()?;
                let Found { path, what, id, before, .. } = found;
                let entry = Entry { path, what: *what, id: *id, before };
                told.push((*id, looker.learn(&entry)?));
            }
            Ok(told)
        })?;
        for (id, learned) in known.into_iter().chain(singles.into_iter().flatten()) {
            if let Some((at, number)) = first.get(&id) {
                gathered[*at].entries[*number].learned = Some(learned);
            }
        }
        Ok(())
    }

    /// Does numbered jobs, in several threads, and gives what they give by their number.
    fn in_threads<T: Send>(
        &self,
        jobs: usize,
        watch: Watch,
        job: impl Fn(&mut Looker<'_>, usize) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let threads = threads().min(jobs);
        let policy = self.judge.policy;
        let seeds: Vec<_> = (0..threads).map(|_| self.objects.seed()).collect();
        let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(jobs)));
        std::thread::scope(|scope| {
            for seed in seeds {
                scope.spawn(|| {
                    let objects = seed.open();
                    let mut looker = Looker::gathering(&objects, policy, watch);
                    let mut own = Vec::new();
                    loop {
                        let at = next.fetch_add(1, Relaxed);
                        if at >= jobs {
                            break;
                        }
                        let given = watch.check().and_then(|()| job(&mut looker, at));
                        // After the first that fails nobody needs the others.
                        if given.is_err() {
                            next.store(jobs, Relaxed);
                        }
                        own.push((at, given));
                    }
                    done.lock().map(|mut done| done.append(&mut own)).ok();
                });
            }
        });
        let mut done = done.into_inner().unwrap_or_default();
        done.sort_by_key(|(at, _)| *at);
        let all = done.len() == jobs;
        let given = done.into_iter().map(|(_, given)| given).collect::<Result<Vec<T>>>()?;
        anyhow::ensure!(all, "a thread ended before its work was done");
        Ok(given)
    }
}

/// So many threads work at the same time.
pub(super) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get().min(4))
}

/// Looks at a content of a family.
fn visit(
    looker: &Looker<'_>,
    made: &Made<'_, Seen>,
    told: &mut Vec<(ObjectId, Learned)>,
    watch: Watch,
) -> Result<Seen> {
    watch.check()?;
    let former = made.from.as_ref().map(|(bytes, seen, taken)| {
        let copied = taken.iter().map(|taken| {
            let (new, old, length) = (taken.new, taken.old, taken.length);
            Copied { new, old, length }
        });
        Former { bytes, seen, copied: Some(copied.collect()) }
    });
    // One that is not wanted is looked at if that spares more work than it makes.
    let spares = made.children > 1 || former.as_ref().is_some_and(|former| former.seen.plain);
    if made.id.is_none() && !spares {
        return Ok(Seen::default());
    }
    let size = made.data.len() as u64;
    let all = look(looker.policy, size, Some(made.data), former.as_ref());
    if let Some(id) = made.id {
        told.push((*id, Learned::Known { size, faults: all.faults, unread: false }));
    }
    Ok(all.seen)
}
