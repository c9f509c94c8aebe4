//! Where uncommitted work and what comes in would meet.

use std::collections::{HashMap, HashSet};

use anyhow::Result;

use crate::base::{Change, RepoPath};
use crate::git::{Forecast, Git};

/// Paths that are changed here and change by pulling too, and whatever untracked or ignored
/// file stands where a new one shall be. The same contents on both sides is no meeting.
pub(super) fn met(git: &Git, forecast: &Forecast, changes: &[Change]) -> Result<Vec<RepoPath>> {
    let mut by_path: HashMap<&RepoPath, &Change> = HashMap::new();
    for change in changes {
        by_path.insert(&change.path, change);
        // Where a renamed file was, it is deleted; who changes it over there meets that.
        if let Some(from) = &change.from {
            by_path.insert(from, change);
        }
    }
    let gone: HashSet<&RepoPath> =
        forecast.incoming.iter().filter(|i| i.blob.is_none()).map(|i| &i.path).collect();
    let mut met = Vec::new();
    for incoming in &forecast.incoming {
        if let Some(change) = by_path.get(&incoming.path) {
            let staged = change.staged.as_ref().filter(|id| !id.is_zero());
            let index_same = change.index.is_none() || staged == incoming.blob.as_ref();
            if !(index_same && change.from.is_none() && git.is_already(incoming)?) {
                met.push(incoming.path.clone());
            }
        } else if incoming.added
            && let Some(stands) = git.in_the_way(&incoming.path)
        {
            let below = |path: &RepoPath| {
                path.as_bytes()
                    .strip_prefix(stands.as_bytes())
                    .is_some_and(|rest| rest.first() == Some(&b'/'))
            };
            let makes_room = gone.contains(&stands)
                || (gone.iter().any(|path| below(path)) && !changes.iter().any(|c| below(&c.path)));
            let same = stands == incoming.path && git.is_already(incoming)?;
            if !makes_room && !same {
                met.push(stands);
            }
        }
    }
    met.sort();
    met.dedup();
    Ok(met)
}
