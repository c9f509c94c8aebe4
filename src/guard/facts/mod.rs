//! What the judge is fed with: the policy from a trusted place, and what is new, by objects.

mod contents;
mod files;
mod policy;
mod push;
mod range;
mod staged;
mod world;

pub use files::all;
pub use push::{push, receive};
pub use range::range;
pub use staged::staged;
