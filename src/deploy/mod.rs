//! The server: what a push brings goes to STANDBY, and traffic moves only when told.

pub mod bump;
