//! Asking the hub where its branches stand, with a deadline. Nothing is fetched and no
//! remote-tracking ref moves: what a person has seen stays what they have seen.

use std::time::Duration;

use anyhow::Result;

use super::Git;
use super::tip::{Heard, ls_remote};
use crate::base::{CommitId, RefName, plain};

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// The branches it has, of those that were asked for.
    Tips(Vec<(RefName, CommitId)>),
    /// It could not be reached, and why.
    Unreachable(String),
}

impl Git {
    /// Where these refs stand on a remote, or all its branches if none is named.
    pub fn remote_tips(
        &self,
        remote: &str,
        refs: &[&RefName],
        deadline: Duration,
    ) -> Result<Asked> {
        let patterns: Vec<&str> = refs.iter().map(|name| name.as_str()).collect();
        Ok(match ls_remote(self, &["--refs", "--heads"], remote, &patterns, deadline)? {
            Heard::TimedOut => {
                let seconds = deadline.as_secs().max(1);
                Asked::Unreachable(format!("{} did not answer in {seconds} s", plain(remote)))
            }
            Heard::Refs(tips) => {
                // A pattern also matches at the end of longer names: only whole names count.
                let asked = |name: &RefName| refs.is_empty() || refs.contains(&name);
                Asked::Tips(tips.into_iter().filter(|(name, _)| asked(name)).collect())
            }
            Heard::Refused(refusal) => Asked::Unreachable(refusal.complaint),
        })
    }
}
