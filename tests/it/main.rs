//! End-to-end tests, one binary: the world is a [`lab::Lab`], the program is the
//! real one, the judge is what a person would see.

#![allow(unreachable_pub, reason = "one binary: everything is visible to its tests")]

mod house;
mod lab;
mod logs;
mod services;
mod tilt;
mod up;
