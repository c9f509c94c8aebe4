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

pub use affected::{Concerned, Reason, concerned};
pub use facts::{Base, Facts, observe};
