//! End-to-end tests, one binary: the world is a [`lab::Lab`], the program is the
//! real one, the judge is what a person would see.

#![allow(unreachable_pub, reason = "one binary: everything is visible to its tests")]
#![allow(
    clippy::disallowed_methods,
    reason = "the doors are those of the program, not of its judge"
)]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

mod demo_story;
mod doctor;
mod events;
mod first_day;
mod guard;
mod hook;
mod house;
mod install;
mod install_any;
mod lab;
mod leaks;
mod managers;
mod status;
