//! The hook files, commands and settings of coding agents, and what their hooks mean.

pub mod commands;
