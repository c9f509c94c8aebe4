//! `gsync handoff test -- COMMAND`: runs a test as it would run by hand, and records how it
//! ended, on which commit.

use anyhow::{Context as _, Result};
use serde_json::json;
use std::os::unix::process::ExitStatusExt;

use super::args::TestArgs;
use crate::base::{Exit, Problem, plain, shell_quote};
use crate::cli::Context;
use crate::handoff::facts::notes;
use crate::handoff::words::Test;
use crate::host::{clock, env, process};

pub fn main(context: &Context, args: &TestArgs) -> Result<Exit> {
    let git = &context.git;
    let ui = &context.ui;
    let Some(head) = git.resolve_commit("HEAD")? else {
        return Err(Problem::refuse("unborn", "there is no commit yet that could be tested").into());
    };
    let dirty = !git.dirt(None)?.all.is_empty();
    let words: Vec<String> =
        args.command.iter().map(|word| word.to_string_lossy().into()).collect();
    // One word is a line for the shell, as people paste it; several are a command.
    let run = match &words[..] {
        [one] => one.clone(),
        _ => words.iter().map(|word| shell_quote(word)).collect::<Vec<_>>().join(" "),
    };
    let mut command = match &args.command[..] {
        [one] => {
            let mut shell = process::command("sh");
            shell.arg("-c").arg(one);
            shell
        }
        [program, rest @ ..] => {
            let mut command = process::command(program);
            command.args(rest);
            command
        }
        [] => return Err(Problem::usage("usage", "which command is to be run?").into()),
    };
    for name in env::GIT_LOCAL {
        command.env_remove(name);
    }
    if ui.is_for_programs() {
        // Its words must not stand in the one JSON object.
        command.stdout(std::io::stderr());
    }
    let status = command.status().with_context(|| format!("run {}", plain(&run)))?;
    let exit = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    let now = git.resolve_commit("HEAD")?;
    let run = crate::base::covered(&run).into_owned();
    let test = Test { run, exit: exit.into(), at: head.clone(), time: clock::now(), dirty };
    if now.as_ref() != Some(&head) {
        return Err(Problem::refuse("moved", "HEAD moved while the test ran: nothing is recorded")
            .hint("run it again")
            .into());
    }
    notes::record(git, &test)?;
    if ui.is_for_programs() {
        ui.object(&json!({ "test": test }));
    } else {
        let how = if exit == 0 { "passed".to_owned() } else { format!("failed with {exit}") };
        ui.say(&format!("{how} on {}: {}", head.short(), plain(&test.run)));
        if dirty {
            ui.warn("there is uncommitted work, so this proves nothing about that commit");
        }
    }
    Ok(if exit == 0 { Exit::Done } else { Exit::Refused })
}
