//! Keeping a branch in step with the hub: pull before work, push after work, and the way back.

pub mod discard;
pub mod finish;
pub mod pull;
pub mod undo;
