//! `gsync pull`: bring the branch up to date, with everything that is not committed yet.

pub mod facts;
mod plan;
mod refusals;

pub use plan::{plan, resolve, safe};
pub use refusals::{in_progress, named};
