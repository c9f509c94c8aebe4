//! Keeping one clone in step with the hub: where it stands, and what to do about it.

pub mod facts;
pub mod force;
pub mod production;
pub mod schedule;
pub mod status;
pub mod tidy;
