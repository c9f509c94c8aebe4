//! `gsync demo`: the story of gsync, played in a temporary directory with nothing but git, and
//! with real servers where `--full` asks for them. It is a self test too: every step says how it
//! has to end.

mod agent;
mod first;
mod fourth;
mod full;
mod second;
mod secrets;
mod server;
mod stage;
mod third;

use std::io::{BufRead, IsTerminal};

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde_json::json;

use super::args::DemoArgs;
use crate::base::{Exit, Problem};
use crate::host::env;
use crate::run;
use crate::ui::Ui;
use stage::{Played, Stage};

/// A part of the story, as data.
struct Chapter {
    name: &'static str,
    title: &'static str,
    steps: &'static [Step],
}

/// One moment of it.
enum Step {
    /// A line for the reader.
    Say(&'static str),
    /// A command line for a shell, in somebody's clone.
    Run {
        /// Whose clone; empty: the directory that holds them all.
        who: &'static str,
        line: &'static str,
        exit: i32,
        /// What its output has to contain.
        says: &'static [&'static str],
    },
}

/// A step that works.
const fn run(who: &'static str, line: &'static str) -> Step {
    Step::Run { who, line, exit: 0, says: &[] }
}

/// A step that works and says so.
const fn shows(who: &'static str, line: &'static str, says: &'static [&'static str]) -> Step {
    Step::Run { who, line, exit: 0, says }
}

/// A step that is refused, with a reason.
const fn refused(who: &'static str, line: &'static str, says: &'static [&'static str]) -> Step {
    Step::Run { who, line, exit: 1, says }
}

/// All chapters, in the order of the story. Each goes on where the one before ended.
const CHAPTERS: &[Chapter] = &[
    first::CHAPTER,
    second::CHAPTER,
    third::CHAPTER,
    fourth::CHAPTER,
    agent::CHAPTER,
    server::CHAPTER,
    secrets::CHAPTER,
];

#[derive(Serialize)]
struct Told {
    name: &'static str,
    title: &'static str,
    steps: Vec<Played>,
}

pub fn main(args: &DemoArgs, ui: &Ui) -> Result<Exit> {
    // Ctrl-C must not leave the directory behind.
    run::listen();
    let missing = if args.full { full::missing() } else { Vec::new() };
    for part in &missing {
        ui.warn(&format!("{} is not here: {}", part.name, part.without));
        ui.hint(&format!("install it: `{}`", part.install));
    }
    let stage = Stage::new(args.keep)?;
    let stage = if args.full { stage.with(full::vars(&missing)?) } else { stage };
    let mut chapters = if only_full() { Vec::new() } else { play(CHAPTERS, &stage, args, ui)? };
    if args.full && full::can_play(&missing) {
        // What it starts is stopped when it ends, however that is.
        let _servers = full::Servers(&stage);
        chapters.extend(play(&[full::CHAPTER], &stage, args, ui)?);
    }
    if ui.json {
        let kept = args.keep.then(|| stage.dir().to_owned());
        let missing: Vec<&str> = missing.iter().map(|part| part.name).collect();
        ui.object(&json!({ "chapters": chapters, "ok": true, "kept": kept, "missing": missing }));
    }
    Ok(Exit::Done)
}

/// Tests of the last chapter need not play the others.
fn only_full() -> bool {
    cfg!(debug_assertions) && env::raw("GSYNC_DEMO_ONLY_FULL").is_some()
}

fn interrupted() -> Problem {
    Problem::new(Exit::Interrupted, "interrupted", "the demo was stopped")
}

fn play(chapters: &[Chapter], stage: &Stage, args: &DemoArgs, ui: &Ui) -> Result<Vec<Told>> {
    if args.keep {
        ui.say(&format!("everything is played in {} and stays there", stage.dir().display()));
    }
    let mut told = Vec::new();
    for chapter in chapters {
        print(ui, &format!("{}\n", ui.style().title(chapter.title)));
        let mut steps = Vec::new();
        for step in chapter.steps {
            if run::stopped() {
                return Err(interrupted().into());
            }
            match step {
                Step::Say(line) => {
                    print(ui, &format!("\n{}\n", ui.style().dim(&format!("# {line}"))));
                }
                Step::Run { who, line, exit, says } => {
                    let prompt = ui.style().good(&format!("{who}$"));
                    print(ui, &format!("{prompt} {line}\n"));
                    let played = match stage.run(who, line) {
                        Err(_) if run::stopped() => return Err(interrupted().into()),
                        played => played?,
                    };
                    let shown: String =
                        played.output.lines().map(|line| format!("  {line}\n")).collect();
                    print(ui, &shown);
                    as_told(&played, *exit, says)?;
                    steps.push(played);
                    if args.pause {
                        pause(ui)?;
                    }
                }
            }
        }
        told.push(Told { name: chapter.name, title: chapter.title, steps });
    }
    Ok(told)
}

fn print(ui: &Ui, text: &str) {
    if !ui.is_for_programs() {
        ui.result(text);
    }
}

/// Waits for Enter, where somebody sits who can press it.
fn pause(ui: &Ui) -> Result<()> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() || ui.is_for_programs() {
        return Ok(());
    }
    ui.say(&ui.talk_style().dim("press Enter to go on"));
    stdin.lock().read_line(&mut String::new()).context("wait for Enter")?;
    Ok(())
}

/// Whether a step ended as the story tells it.
fn as_told(played: &Played, exit: i32, says: &[&str]) -> Result<(), Problem> {
    let line = &played.line;
    let why = if played.exit != exit {
        format!("`{line}` ended with {} and not with {exit}", played.exit)
    } else if let Some(missing) = says.iter().find(|word| !played.output.contains(**word)) {
        format!("`{line}` did not say `{missing}`")
    } else {
        return Ok(());
    };
    let problem = Problem::refuse("demo", "the demo did not go as it is told").because(why);
    let problem = played.output.lines().take(20).fold(problem, Problem::because);
    Err(problem.hint("look at it with `gsync demo --keep`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Ui = Ui {
        json: true,
        json_lines: false,
        quiet: false,
        verbose: false,
        color: crate::ui::Color::Never,
    };
    const ARGS: DemoArgs = DemoArgs { keep: false, pause: false, full: false };

    fn chapter(steps: &'static [Step]) -> [Chapter; 1] {
        [Chapter { name: "test", title: "test", steps }]
    }

    #[test]
    fn a_chapter_goes_on_where_the_step_before_ended_and_leaves_nothing_behind() {
        const STEPS: &[Step] = &[
            Step::Say("a repository"),
            run("", "git init --quiet -b main ada"),
            run("ada", "git commit --quiet --allow-empty -m one"),
            shows("ada", "git log --format='%an %s'", &["ada one"]),
            refused("ada", "echo no >&2; exit 1", &["no"]),
        ];
        let stage = Stage::new(false).unwrap();
        let dir = stage.dir().to_owned();
        let told = play(&chapter(STEPS), &stage, &ARGS, &QUIET).unwrap();
        assert_eq!(told[0].steps.len(), 4);
        drop(stage);
        assert!(!dir.exists());
    }

    #[test]
    fn a_step_that_ends_otherwise_than_told_ends_the_demo_with_1() {
        const WORKS: &[Step] = &[refused("", "echo fine", &[])];
        const MUTE: &[Step] = &[shows("", "echo fine", &["better"])];
        for (steps, why) in [(WORKS, "ended with 0 and not with 1"), (MUTE, "did not say `better`")]
        {
            let stage = Stage::new(false).unwrap();
            let err = play(&chapter(steps), &stage, &ARGS, &QUIET).err().unwrap();
            let problem = err.downcast_ref::<Problem>().unwrap();
            assert_eq!(problem.exit, Exit::Refused);
            assert!(problem.because[0].contains(why), "{problem:?}");
            assert_eq!(problem.because[1], "fine");
        }
    }

    #[test]
    fn nothing_of_the_user_s_world_reaches_the_stage() {
        const STEPS: &[Step] = &[
            shows("", "echo \"$HOME\"", &["/gsync-demo-"]),
            refused("", "git config user.name", &[]),
            shows("", "command -v gsync", &["/bin/gsync"]),
            shows("", "env | grep -c ^CARGO || true", &["0"]),
        ];
        let stage = Stage::new(false).unwrap();
        play(&chapter(STEPS), &stage, &ARGS, &QUIET).unwrap();
    }
}
