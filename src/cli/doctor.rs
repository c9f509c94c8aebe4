//! `gsync doctor`: asks, and changes nothing.

use anyhow::Result;
use serde_json::json;

use super::Context;
use crate::base::Exit;
use crate::hooks::checks::{self, State};
use crate::hooks::facts;

pub fn main(context: &Context) -> Result<Exit> {
    let config = context.config()?;
    let facts = facts::observe(&context.git)?;
    let mut probes = facts::probe(&context.git, &facts, &config)?;
    probes.unfinished = context.journal().unfinished()?.is_some();
    let list = checks::judge(&facts, &probes);
    let well = checks::is_well(&list);
    if context.ui.is_for_programs() {
        context.ui.object(&json!({ "ok": well, "checks": list }));
    } else {
        let style = context.ui.style();
        let mut text = String::new();
        for check in &list {
            let state = match check.state {
                State::Ok => style.good("ok      "),
                State::Warning => style.warning("warning "),
                State::Error => style.error("error   "),
                State::Unknown => style.warning("unknown "),
            };
            text += &format!("{state} {}: {}\n", check.check, check.message);
            if !check.hint.is_empty() {
                text += &format!("         {} {}\n", style.hint("hint:"), check.hint);
            }
        }
        context.ui.result(&text);
    }
    Ok(if well { Exit::Done } else { Exit::Refused })
}
