//! The command line as a function, for the server of agents: words in, one object and an exit
//! code out, through the very same parser, planners and engine as in a terminal.

use std::path::Path;

use clap::{CommandFactory, Parser};
use serde_json::{Value, json};

use super::args::{self, Cli};
use crate::base::{Exit, Problem, shell_quote};
use crate::ui::{Listener, Ui, hear};

/// What came of a call.
#[derive(Debug)]
pub struct Called {
    pub exit: Exit,
    /// What `--json` prints.
    pub object: Value,
}

/// An acting command: one that has `--dry-run` and `--only`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acting {
    /// Such as `finish` or `schedule install`.
    pub name: String,
    /// What else it takes, in short: `[--message MESSAGE] [--all]`.
    pub takes: String,
}

/// Runs a command in a directory. Nothing reaches stdout or stderr.
pub fn call(dir: &Path, words: &[String], listener: Listener) -> Called {
    let quoted: Vec<String> = words.iter().map(|word| shell_quote(word)).collect();
    let name = format!("gsync {}", quoted.join(" "));
    let (exit, heard) = hear(name, listener, || run(dir, words));
    let object = serde_json::from_str(heard.result.trim()).unwrap_or_else(|_| {
        // A command without an object of its own has at least said something.
        json!({ "gsync": 1, "said": heard.result })
    });
    Called { exit, object }
}

fn run(dir: &Path, words: &[String]) -> Exit {
    let line = ["gsync", "--json"].into_iter().map(String::from).chain(words.iter().cloned());
    let mut cli = match Cli::try_parse_from(line.clone()) {
        Ok(cli) => cli,
        Err(err) => {
            let json: Vec<_> = line.skip(1).map(Into::into).collect();
            return args::explain(&err, &json);
        }
    };
    let ui = Ui { json: true, ..Ui::default() };
    if cli.directory.is_some() {
        let problem = Problem::usage("arguments", "`-C` does not belong here")
            .because("the server works in one directory")
            .hint("start another `gsync -C DIR mcp` for another one");
        return ui.error(&problem.into());
    }
    cli.directory = Some(dir.to_owned());
    match super::dispatch(cli, ui) {
        Ok(exit) => exit,
        Err(err) => ui.error(&err),
    }
}

/// Whether there is such a command, at any depth: `["handoff", "list"]`.
pub fn knows(words: &[&str]) -> bool {
    let mut at = Cli::command();
    for word in words {
        let Some(found) = at.find_subcommand(word) else { return false };
        at = found.clone();
    }
    true
}

/// Every acting command, as the parser knows them.
pub fn acting() -> Vec<Acting> {
    let mut found = Vec::new();
    for command in Cli::command().get_subcommands() {
        collect("", command, &mut found);
    }
    found
}

fn collect(above: &str, command: &clap::Command, found: &mut Vec<Acting>) {
    let name = format!("{above}{}", command.get_name());
    let has = |id: &str| command.get_arguments().any(|arg| arg.get_id() == id);
    if has("dry_run") && has("only") {
        let takes: Vec<String> = command
            .get_arguments()
            .filter(|arg| !["dry_run", "only"].contains(&arg.get_id().as_str()))
            .filter(|arg| !arg.is_global_set() && !arg.is_hide_set())
            .map(|arg| {
                let value = arg.get_value_names().and_then(|names| names.first());
                let value = value.filter(|_| arg.get_action().takes_values());
                let word = match (arg.get_long(), value) {
                    (Some(long), Some(value)) => format!("--{long} {value}"),
                    (Some(long), None) => format!("--{long}"),
                    (None, value) => value.map_or("VALUE", |value| value).to_owned(),
                };
                // Some are asked for in gsync's own words, and their help says so.
                let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
                let needed = arg.is_required_set() || help.ends_with("it has to be said");
                if needed { word } else { format!("[{word}]") }
            })
            .collect();
        found.push(Acting { name: name.clone(), takes: takes.join(" ") });
    }
    for below in command.get_subcommands() {
        collect(&format!("{name} "), below, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acting_commands_are_those_that_can_be_planned() {
        let acting = acting();
        let name = |one: &Acting| one.name.clone();
        let names: Vec<String> = acting.iter().map(name).collect();
        for known in [
            "start",
            "finish",
            "undo",
            "schedule install",
            "bump",
            "deploy",
            "release",
            "rollback",
            "sync",
            "handoff draft",
            "handoff send",
            "handoff ack",
            "handoff done",
            "handoff reject",
        ] {
            assert!(names.iter().any(|name| name == known), "{names:?}");
        }
        assert!(!names.iter().any(|name| ["status", "log", "mcp"].contains(&name.as_str())));
        let ack = acting.iter().find(|one| one.name == "handoff ack").unwrap();
        assert_eq!(ack.takes, "ID --message TEXT");
        let finish = acting.iter().find(|one| one.name == "finish").unwrap();
        assert_eq!(finish.takes, "[--message MESSAGE] [--all] [--branches] [--handoff ROLE]");
    }

    #[test]
    fn words_that_make_no_sense_are_answered_like_on_the_command_line() {
        for words in [&["nonsense"][..], &["status", "--nonsense"], &["-C", "/", "status"]] {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            let called = call(Path::new("/"), &words, Box::new(|_| {}));
            assert_eq!(called.exit, Exit::Usage, "{words:?}");
            assert_eq!(called.object["error"]["exit"], 2, "{}", called.object);
        }
    }
}
