//! `gsync completions SHELL` and `gsync man DIR`: made from the command line itself.

use std::path::Path;

use anyhow::{Context as _, Result};
use clap::CommandFactory;
use serde_json::json;

use super::args::{Cli, CompletionsArgs, ManArgs};
use crate::base::Exit;
use crate::ui::Ui;

pub fn completions(args: &CompletionsArgs, ui: &Ui) -> Exit {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "gsync", &mut text);
    let text = String::from_utf8_lossy(&text);
    match ui.is_for_programs() {
        true => ui.object(&json!({ "shell": args.shell.to_string(), "script": text })),
        false => ui.result(&text),
    }
    Exit::Done
}

pub fn man(args: &ManArgs, ui: &Ui) -> Result<Exit> {
    write_pages(&args.dir).with_context(|| format!("write man pages to {}", args.dir.display()))?;
    if ui.is_for_programs() {
        ui.object(&json!({ "dir": args.dir.display().to_string() }));
    }
    ui.say(&format!("man pages are in {0}: `man {0}/gsync.1`", args.dir.display()));
    Ok(Exit::Done)
}

fn write_pages(dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir)?;
    Ok(clap_mangen::generate_to(Cli::command(), dir)?)
}
