//! What git tells its hooks, and what gsync says about it afterwards.
//!
//! [`Call`] is what git said. `arrival` recognises pulls, `unpushed` counts what is not on the
//! hub yet; both are pure and get their facts from `facts`.

pub mod arrival;
mod call;
pub mod facts;
pub mod unpushed;

pub use call::Call;
