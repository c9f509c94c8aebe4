//! `gsync pull`: bring the branch up to date, with everything that is not committed yet.

pub mod facts;
mod plan;

pub use plan::{in_progress, named, plan, resolve, safe};
