//! What the judge is fed with: the policy from a trusted place, and what is new, by objects.

mod contents;
mod early;
mod files;
mod look;
mod many;
mod policy;
mod push;
mod range;
mod staged;
mod unheard;
mod world;

pub use files::{all, these};
pub use policy::BASELINE;
pub use push::{push, receive};
pub use range::{beyond, exceptions, history, range};
pub use staged::{message, staged};
