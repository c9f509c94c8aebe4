//! Secrets in contents: bytes in, hits out. Knows nothing of git, files or time.
//!
//! All keywords of all rules are looked for in one pass; only around a keyword is a regular
//! expression tried, and compiled when it is first needed. What comes out never contains the
//! secret: a [`Hit`] has its first letters and a fingerprint.

mod doubt;
mod hit;
mod rules;
mod scan;
mod views;

pub use hit::{Confidence, Hit};
pub use scan::Scanner;
