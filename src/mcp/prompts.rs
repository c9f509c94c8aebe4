//! The prompts: the same texts as the slash commands that `gsync install --agents` writes.

use rmcp::model::{GetPromptResult, Prompt, PromptArgument, PromptMessage, Role};

use crate::agents::commands::{self, COMMANDS};

pub(super) fn all() -> Vec<Prompt> {
    let about = || {
        let about = "what else the user said; may be left out";
        vec![PromptArgument::new("about").with_description(about).with_required(false)]
    };
    COMMANDS
        .iter()
        .map(|one| Prompt::new(one.name, Some(one.description()), Some(about())))
        .collect()
}

pub(super) fn get(name: &str, about: Option<&str>) -> Option<GetPromptResult> {
    let command = commands::find(name)?;
    let text = command.text(about);
    let message = PromptMessage::new_text(Role::User, text);
    Some(GetPromptResult::new(vec![message]).with_description(command.description()))
}
