//! Services after a pull: what a change concerns, how it is brought up, and whether that worked.
//!
//! [`reader`] makes lines of what a tool printed, [`matchers`] knows what tools say when they
//! fail, [`judge`] judges; [`affected`] finds the services of a change and their order, and
//! [`plan`] makes the steps. Only [`facts`] looks at the repository.

pub mod affected;
pub mod facts;
pub mod judge;
mod lines;
pub mod matchers;
mod paths;
pub mod plan;
pub mod reader;
pub mod state;
pub mod verdict;

use crate::config::{Config, OnPull};

pub use affected::{Concerned, Reason, concerned};
pub use facts::{Base, Facts, observe};

/// Whether a pull that concerns these services is to bring them up by itself: `gsync up` then
/// brings up all that are concerned, because an order with gaps proves nothing.
pub fn brings_up(config: &Config, concerned: &[Concerned]) -> bool {
    let is_up =
        |name: &str| config.service.iter().any(|it| it.name == name && it.on_pull == OnPull::Up);
    concerned.iter().any(|one| is_up(&one.service))
}
