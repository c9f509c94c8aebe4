//! `gsync rescue`: repairs what a killed run left.

use anyhow::Result;
use serde_json::json;

use super::Context;
use crate::base::Exit;

pub fn main(context: &Context) -> Result<Exit> {
    let _lock = context.lock()?;
    let left = context.put_back_leftovers()?;
    match left {
        Some((record, outcome)) if context.ui.json => {
            context.ui.object(&json!({ "run": record.id, "outcome": outcome }));
        }
        None if context.ui.json => context.ui.object(&json!({ "run": null })),
        Some(_) => {}
        None => context.ui.say("nothing to rescue: the last run came to its end"),
    }
    Ok(Exit::Done)
}
