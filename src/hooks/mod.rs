//! (room hooks)

pub mod events;
