//! The machine: files, links, processes, the environment, the clock.
//!
//! Everybody above may ask [`read`], [`env`] and [`clock`]; only `run` may name [`write`].

mod beside;
pub mod clean;
pub mod clock;
pub mod deploy_log;
pub mod env;
pub mod haproxy;
pub mod http;
pub mod knowledge;
pub mod leftovers;
pub mod log;
pub mod machine;
pub mod paced;
pub mod pm2;
pub mod process;
pub mod processes;
pub mod progress;
pub mod proof;
pub mod read;
pub mod scheduler;
pub mod services;
pub mod signal;
mod sockets;
pub mod stdin;
pub mod steps;
pub mod terminal;
pub mod tilt;
pub mod units;
pub mod user;
pub mod write;
