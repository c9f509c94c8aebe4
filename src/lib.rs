//! gsync keeps clones, servers and people in step.
//!
//! Every command either **asks**, **judges** or **acts**:
//!
//! ```text
//! ask     observe -> Facts                      status, doctor, log
//! judge   observe -> Facts -> Verdict           every pre-* hook, guard
//! act     observe -> Facts -> Plan -> Outcome   install, uninstall
//! ```
//!
//! The house has five floors. A floor knows only the floors below it
//! (`tests/it/house.rs` checks this):
//!
//! | floor | rooms |
//! |---|---|
//! | interfaces | [`cli`], [`mcp`], [`ui`] |
//! | engine | [`run`] |
//! | planners | [`sync`], [`hooks`], [`guard`], [`pipeline`], [`peers`], [`handoff`], [`deploy`], [`agents`] |
//! | adapters | [`git`], [`host`] |
//! | vocabulary | [`base`], [`plan`], [`config`] |

pub mod agents;
pub mod base;
pub mod cli;
pub mod config;
pub mod deploy;
pub mod git;
pub mod guard;
pub mod handoff;
pub mod hooks;
pub mod host;
pub mod mcp;
pub mod peers;
pub mod pipeline;
pub mod plan;
pub mod run;
pub mod sync;
pub mod ui;
