//! The hook files, commands and settings of coding agents, and what their hooks mean.
//!
//! [`files`] knows each agent's files, [`plan`] merges our entries into what is there, and
//! [`hook`], [`stop`] and [`guard`] speak the dialects of their hooks. Only [`facts`] looks at
//! the world.

pub mod checks;
pub mod commands;
pub mod diff;
pub mod facts;
pub mod files;
pub mod guard;
pub mod hook;
pub mod json;
pub mod merge;
pub mod plan;
pub mod stop;

pub use files::Agent;
