//! What a person asks an agent for, in words: one source for the slash commands of every
//! agent and for the prompts over MCP.

/// A command as `templates/agents/NAME.md` tells it.
#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    pub name: &'static str,
    source: &'static str,
}

/// Where the words of the user go.
const ABOUT: &str = "{about}";

/// All of them.
pub const COMMANDS: &[Command] = &[
    Command { name: "start", source: include_str!("../../templates/agents/start.md") },
    Command { name: "finish", source: include_str!("../../templates/agents/finish.md") },
    Command { name: "handoff", source: include_str!("../../templates/agents/handoff.md") },
    Command { name: "bump", source: include_str!("../../templates/agents/bump.md") },
    Command { name: "release", source: include_str!("../../templates/agents/release.md") },
    Command { name: "sync", source: include_str!("../../templates/agents/sync.md") },
];

/// The command of that name.
pub fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

impl Command {
    /// What it does, in a line: the first one of its file.
    pub fn description(&self) -> &'static str {
        self.source.lines().next().unwrap_or_default().trim_start_matches("# ")
    }

    /// What the agent is told, with the words of the user if there are any.
    pub fn text(&self, about: Option<&str>) -> String {
        let (_, body) = self.source.split_once("\n\n").unwrap_or(("", self.source));
        let about = about.map(str::trim).filter(|about| !about.is_empty());
        let mut text = String::new();
        for line in body.lines() {
            if line.contains(ABOUT) {
                let Some(about) = about else { continue };
                text += &line.replace(ABOUT, about);
            } else {
                text += line;
            }
            text.push('\n');
        }
        text.trim_end().to_owned() + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_description_and_a_place_for_the_user_s_words() {
        for command in COMMANDS {
            let about = command.description();
            assert!(!about.is_empty() && about.len() < 120, "{}", command.name);
            assert!(command.text(Some("twice")).contains("twice"), "{}", command.name);
            let bare = command.text(None);
            assert!(!bare.contains('{') && bare.len() < 2_000, "{}", command.name);
            assert!(bare.contains(&format!("gsync {}", command.name)), "{}", command.name);
        }
    }
}
