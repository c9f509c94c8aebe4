//! Keeping one clone in step with the hub: where it stands, and what to do about it: pull before
//! work, push after work, and the way back.

pub mod discard;
pub mod facts;
pub mod finish;
pub mod force;
pub mod production;
pub mod pull;
pub mod schedule;
pub mod status;
pub mod tidy;
pub mod undo;
