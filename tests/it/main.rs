//! End-to-end tests, one binary: the world is a [`lab::Lab`], the program is the
//! real one, the judge is what a person would see.

#![allow(unreachable_pub, reason = "one binary: everything is visible to its tests")]

mod demo_story;
mod events;
mod first_day;
mod force;
mod guard;
mod hook;
mod house;
mod install;
mod install_any;
mod lab;
mod leaks;
mod managers;
mod schedule;
mod status;
mod tidy;
