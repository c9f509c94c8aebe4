//! The prompts: the same texts as the slash commands that `gsync install --agents` writes.

use std::path::Path;

use rmcp::model::{GetPromptResult, Prompt, PromptArgument, PromptMessage, Role};

use crate::agents::commands::{self, COMMANDS};
use crate::host::read;

/// The prompts for a client. Gemini CLI renames a prompt and a command file that have one name,
/// both of them, so that neither is found: where its files are, it is not told of those prompts.
pub(super) fn all(client: &str, dir: &Path) -> Vec<Prompt> {
    let has_file = |name: &str| {
        client.starts_with("gemini-cli")
            && read::exists(&dir.join(format!(".gemini/commands/{name}.toml")))
    };
    let about = || {
        let about = "what else the user said; may be left out";
        vec![PromptArgument::new("about").with_description(about).with_required(false)]
    };
    COMMANDS
        .iter()
        .filter(|one| !has_file(one.name))
        .map(|one| Prompt::new(one.name, Some(one.description()), Some(about())))
        .collect()
}

pub(super) fn get(name: &str, about: Option<&str>) -> Option<GetPromptResult> {
    let command = commands::find(name)?;
    let text = command.text(about);
    let message = PromptMessage::new_text(Role::User, text);
    Some(GetPromptResult::new(vec![message]).with_description(command.description()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_but_gemini_cli_misses_a_prompt_and_only_those_that_it_has_as_files() {
        let dir = tempfile::tempdir().unwrap();
        let names = |client: &str| -> Vec<String> {
            all(client, dir.path()).into_iter().map(|prompt| prompt.name).collect()
        };
        let every = names("gemini-cli-mcp-client");
        assert_eq!(every.len(), COMMANDS.len());
        std::fs::create_dir_all(dir.path().join(".gemini/commands")).unwrap();
        std::fs::write(dir.path().join(".gemini/commands/start.toml"), "").unwrap();
        assert_eq!(names("claude-code"), every);
        let rest: Vec<String> = every.into_iter().filter(|name| name != "start").collect();
        assert_eq!(names("gemini-cli-mcp-client"), rest);
    }
}
