//! What the other clones of a hub are doing, unpushed work included: each publishes a small
//! entry about itself to a ref of its own on the hub, and reads those of the others.
//!
//! An entry is knowledge and no work: it replaces the one before it, and losing it loses a line
//! on a screen. So publishing is no plan, enters no journal and cannot be undone; it is tried
//! after the code, and never fails the command that it belongs to.

pub mod entry;
pub mod facts;
pub mod forget;
pub mod memory;
pub mod name;
pub mod publish;
pub mod view;
pub mod warn;
