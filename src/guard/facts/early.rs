//! What the newest of many commits bring is gathered while the walk to the others goes on.
//!
//! It spares time and nothing depends on it: what was not gathered here, or could not be, is
//! gathered when the walk is done, and then it is said what is wrong.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};

use anyhow::Result;
use gix::ObjectId;
use gix::hashtable::HashMap;

use super::contents::Contents;
use super::look::{Brought, Looker};
use super::many::{BATCH, COMMITS, Watch, threads};
use crate::git::{Fresh, Seed, Walk, each_new_commit};
use crate::guard::policy::Policy;

/// What commits bring that looked new.
pub(super) type Early = HashMap<ObjectId, Brought>;

impl Contents<'_, '_> {
    /// Walks from the tips to what is hidden.
    pub(super) fn walk(&self, tips: &[ObjectId], hidden: &[ObjectId]) -> Result<(Walk, Early)> {
        let policy = self.judge.policy;
        let limit = policy.config.guard.time_limit.0;
        let watch = Watch { began: self.began, limit, done: 0, all: 0 };
        let (sender, receive) = channel();
        let (receive, early) = (Mutex::new(receive), Mutex::new(Early::default()));
        let walk = std::thread::scope(|scope| {
            let (mut some, mut sent): (Vec<Fresh>, usize) = (Vec::new(), 0);
            // It ends for the threads when nobody can send any more.
            let sender = sender;
            let mut each = |fresh| {
                // One that comes after them may be the first of many.
                if some.len() == COMMITS && sent < BATCH {
                    if sent == 0 {
                        for seed in (0..threads()).map(|_| self.objects.seed()) {
                            scope.spawn(|| gather(seed, policy, watch, &receive, &early));
                        }
                    }
                    sent += some.len();
                    let _ = sender.send(std::mem::take(&mut some));
                }
                if some.len() < COMMITS {
                    some.push(fresh);
                }
            };
            let walk = each_new_commit(self.objects, tips, hidden, &mut each);
            if sent > 0 {
                let _ = sender.send(some);
            }
            walk
        })?;
        Ok((walk, early.into_inner().unwrap_or_default()))
    }
}

fn gather(
    seed: Seed,
    policy: &Policy,
    watch: Watch,
    receive: &Mutex<Receiver<Vec<Fresh>>>,
    early: &Mutex<Early>,
) {
    let objects = seed.open();
    let mut looker = Looker::gathering(&objects, policy, watch);
    let mut own = Vec::new();
    loop {
        let next = receive.lock().ok().and_then(|receive| receive.recv().ok());
        let Some(commits) = next else { break };
        for commit in commits {
            let id = commit.id;
            if watch.check().is_ok()
                && let Ok(brought) = looker.fresh(commit)
            {
                own.push((id, brought));
            }
        }
    }
    early.lock().map(|mut early| early.extend(own)).ok();
}
