//! The machine: files, links, processes, the environment, the clock.
//!
//! Everybody above may ask [`read`], [`env`] and [`clock`]; only `run` may name [`write`].

pub mod clock;
pub mod env;
pub mod knowledge;
pub mod log;
pub mod process;
pub mod processes;
pub mod progress;
pub mod read;
pub mod scheduler;
pub mod services;
pub mod signal;
pub mod steps;
pub mod tilt;
pub mod write;
