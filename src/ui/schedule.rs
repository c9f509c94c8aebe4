//! What `gsync schedule` shows: the files and lines that are there.

use serde_json::{Value, json};

use crate::base::{Bytes, plain};
use crate::sync::schedule::{ScheduleFacts, cron};

/// What there is of ours, in full.
pub fn schedule(facts: &ScheduleFacts) -> String {
    let mut text = String::new();
    for (path, file) in &facts.units {
        text += &titled(&path.display().to_string(), &file.bytes);
    }
    if let Some(lines) = ours(facts) {
        text += &titled("crontab", &Bytes(lines.into_bytes()));
    }
    if text.is_empty() { "nothing is scheduled for this repository\n".to_owned() } else { text }
}

/// The same for programs.
pub fn schedule_object(facts: &ScheduleFacts) -> Value {
    let units: Vec<String> =
        facts.units.iter().map(|(path, _)| path.display().to_string()).collect();
    let enabled = facts.links.len();
    json!({
        "scheduler": facts.scheduler,
        "name": facts.name(),
        "units": units,
        "enabled": enabled,
        "crontab": ours(facts),
        "installed": !units.is_empty() || ours(facts).is_some(),
    })
}

/// Text under its name, indented, with nothing in it that moves a cursor.
pub fn titled(title: &str, bytes: &Bytes) -> String {
    let mut text = format!("{}\n", plain(title));
    for line in String::from_utf8_lossy(&bytes.0).lines() {
        text += &format!("    {}\n", plain(line));
    }
    text
}

/// Our lines of the crontab.
fn ours(facts: &ScheduleFacts) -> Option<String> {
    let table = facts.crontab.as_ref()?;
    cron::without(table, &facts.name()).ok().flatten()?;
    let text = String::from_utf8_lossy(&table.0).into_owned();
    let name = facts.name();
    let from = text.lines().skip_while(|line| !line.starts_with(&format!("# begin {name}")));
    let mut lines = Vec::new();
    for line in from {
        lines.push(line);
        if line.starts_with(&format!("# end {name}")) {
            break;
        }
    }
    Some(lines.join("\n") + "\n")
}
