//! What was done in the background while nobody was looking, told by the next hook or command.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::base::{Time, covered_output, plain};
use crate::git::Git;
use crate::host::{clock, env, knowledge};
use crate::ui::Ui;

/// Set for everything that a push in the background starts: nobody reads what that prints.
pub(super) const BACKGROUND: &str = "GSYNC_BACKGROUND";

/// One line of `gsync/messages`.
#[derive(Debug, Serialize, Deserialize)]
struct Message {
    time: Time,
    /// It went wrong.
    bad: bool,
    text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    details: Vec<String>,
}

/// Keeps a message for whoever looks next.
pub(super) fn keep(git: &Git, bad: bool, text: &str, details: Vec<String>) -> Result<()> {
    let message = Message { time: clock::now(), bad, text: text.to_owned(), details };
    let line = serde_json::to_string(&message)?;
    knowledge::append(&git.gsync_dir().join("messages"), &covered_output(&line))
}

/// Tells what was kept, to people. Programs and the background leave it for a person.
pub(super) fn show(git: &Git, ui: &Ui) {
    if ui.quiet || ui.is_for_programs() || env::raw(BACKGROUND).is_some() {
        return;
    }
    let shown = knowledge::take(&git.gsync_dir().join("messages"), |bytes| {
        for line in String::from_utf8_lossy(bytes).lines() {
            match serde_json::from_str(line) {
                Ok(message) => tell(ui, &message),
                // Written by another version: better odd than lost.
                Err(_) => ui.say(&plain(line)),
            }
        }
    });
    if let Err(err) = shown {
        ui.detail(&format!("messages cannot be read: {err:#}"));
    }
}

fn tell(ui: &Ui, message: &Message) {
    let line = format!("{} ({})", plain(&message.text), message.time.ago(clock::now()));
    match message.bad {
        true => ui.warn(&line),
        false => ui.say(&line),
    }
    message.details.iter().for_each(|line| ui.say(&format!("  {}", plain(line))));
}
