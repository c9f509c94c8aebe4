//! Handoffs for people: the list of those that are open, and what a receiver is to do.

use serde::Serialize;
use serde_json::{Value, json};

use super::Style;
use crate::base::plain;
use crate::handoff::facts::Shelf;
use crate::handoff::facts::hub::Found;
use crate::handoff::life::State;
use crate::handoff::render::Todo;

/// A handoff as the contract words it in lists.
pub fn entry(found: &Found) -> Value {
    let handoff = &found.handoff;
    let day = handoff.date.map(day);
    json!({
        "id": handoff.id, "file": found.path, "from": handoff.from, "to": handoff.to,
        "status": found.shown, "date": day, "branch": handoff.branch,
    })
}

fn day(time: crate::base::Time) -> String {
    time.rfc3339().chars().take(10).collect()
}

/// One line for a list.
pub fn line(found: &Found) -> String {
    let handoff = &found.handoff;
    let day = handoff.date.map_or_else(|| "no date".to_owned(), day);
    format!(
        "{} {}  {} to {}, {day}, {}..{} on {}",
        handoff.id,
        found.shown.word(),
        handoff.from,
        handoff.to.as_deref().unwrap_or("nobody"),
        handoff.base.short(),
        handoff.head.short(),
        plain(&handoff.branch),
    )
}

pub fn list(found: &[&Found], shelf: &Shelf, style: Style) -> String {
    if found.is_empty() {
        return "no handoff is open\n".to_owned();
    }
    let mut text = String::new();
    for one in found {
        let mine = shelf.role.is_some() && shelf.role == one.handoff.to;
        let row = line(one);
        text += &match (mine, one.shown) {
            (true, State::Sent) => format!("{}  {}\n", style.title(&row), style.warning("for you")),
            (true, _) => format!("{row}  for you\n"),
            _ => format!("{row}\n"),
        };
    }
    text
}

/// Those that nobody has closed, for the weekly review; nothing if there are none.
pub fn left_open(open: &[Found], style: Style) -> String {
    if open.is_empty() {
        return String::new();
    }
    let rows: String = open.iter().map(|found| format!("  {}\n", line(found))).collect();
    format!("\n{}\n{rows}", style.title("handoffs left open"))
}

/// Something that a handoff says, and whether it is so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    pub what: String,
    pub ok: bool,
}

pub fn take(
    found: &Found,
    checks: &[Check],
    steps: &[Todo],
    back: &[String],
    style: Style,
) -> String {
    let mut text = format!("{}\n\n", style.title(&line(found)));
    for check in checks {
        let sign = if check.ok { style.good("ok ") } else { style.error("NOT") };
        text += &format!("  {sign} {}\n", check.what);
    }
    text += &format!("\n{}\n", style.title("steps"));
    for (at, step) in steps.iter().enumerate() {
        text += &format!("  {}. {}\n", at + 1, step.what);
        if let Some(command) = &step.command {
            text += &format!("     {command}\n");
        }
    }
    text += &format!("\n{}\n", style.title("the way back"));
    for command in back {
        text += &format!("  {command}\n");
    }
    text
}
