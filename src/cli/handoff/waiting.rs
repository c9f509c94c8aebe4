//! The handoffs that wait for somebody, for the commands that say so in passing. They never
//! fail a command: a handoff that cannot be read is for `gsync handoff list` to explain.

use serde_json::Value;

use crate::base::plain;
use crate::cli::Context;
use crate::config::Config;
use crate::handoff::facts::hub::Found;
use crate::handoff::facts::{shelf, shelf_of};
use crate::ui::{self, Ui};

/// Those that wait for this role, as the contract words them.
pub fn waiting(context: &Context, config: &Config, role: &str) -> Vec<Value> {
    if role.is_empty() {
        return Vec::new();
    }
    match shelf_of(&context.git, config, Some(role.to_owned())) {
        Ok(shelf) => shelf.mine().map(ui::handoff::entry).collect(),
        Err(err) => {
            context.ui.detail(&format!("the handoffs cannot be read: {err:#}"));
            Vec::new()
        }
    }
}

/// The same where the role was not looked up yet.
pub fn waiting_here(context: &Context, config: &Config) -> Vec<Value> {
    let role = context.git.config("gsync.role").ok().flatten().unwrap_or_default();
    waiting(context, config, &role)
}

/// A line for each.
pub fn say_waiting(ui: &Ui, waiting: &[Value]) {
    for one in waiting {
        let word = |key: &str| plain(one[key].as_str().unwrap_or("?"));
        let (id, from, status) = (word("id"), word("from"), word("status"));
        ui.say(&format!("  handoff {id} from {from} ({status}): run `gsync handoff take {id}`"));
    }
}

/// All that nobody has closed.
pub fn left_open(context: &Context, config: &Config) -> Vec<Found> {
    let found = shelf(&context.git, config).map(|shelf| shelf.found).unwrap_or_default();
    found.into_iter().filter(|found| found.shown.is_open()).collect()
}
