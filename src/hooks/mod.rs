//! git's hooks: putting gsync's beside those of others, taking them out again, and proving
//! that they fire.
//!
//! There are three ways ([`record::Mode`]), and the facts choose: configuration hooks where
//! git knows them (2.54), else shims in `.git/hooks`, else, where `core.hooksPath` leads
//! somewhere that is not gsync's to change, shims in a folder of our own that lead on.

pub mod checks;
pub mod desired;
pub mod events;
pub mod facts;
pub mod install;
pub mod record;
pub mod shim;
pub mod uninstall;

pub use facts::{Entry, Facts, Folder, HooksPath, Probes};
pub use install::Wish;
pub use record::{Layer, Mode, Record};
