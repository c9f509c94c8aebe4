//! End-to-end tests, one binary: the world is a [`lab::Lab`], the program is the
//! real one, the judge is what a person would see.

#![allow(clippy::disallowed_methods, reason = "tests make the world that the program meets")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test that is skipped says so")]

mod agent_real;
mod agents;
mod bump;
mod cases;
mod crash;
mod crowd;
mod demo_story;
mod deploy;
mod deploy_asks;
mod deploy_crash;
mod deploy_faults;
mod deploy_haproxy;
mod deploy_homes;
mod deploy_pm2;
mod deploy_proxy;
mod deploy_pushes;
mod deploy_ssh;
mod doctor;
mod edges;
mod events;
mod filters;
mod finish;
mod first_day;
mod force;
mod guard;
mod handoff;
mod haproxy;
mod hook;
mod house;
mod increments;
mod install;
mod install_any;
mod interrupt;
mod kept;
mod kinds;
mod lab;
mod leaks;
mod load;
mod logs;
mod managers;
mod mcp;
mod mcp_clients;
mod mcp_more;
mod on_pull;
mod peers;
mod pm2;
mod production;
mod pull;
mod random;
mod random_two;
mod real;
mod schedule;
mod secrets;
mod services;
mod ssh;
mod status;
mod tidy;
mod tilt;
mod undo;
mod undo_hub;
mod units;
mod up;
