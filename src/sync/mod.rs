//! Keeping a branch in step with the hub, and a clone in order.

pub mod force;
pub mod production;
pub mod schedule;
pub mod tidy;
