//! Turning events, facts and problems into bytes. The only room that prints.
//!
//! Results go to stdout, everything said about them goes to stderr. Nothing here fails:
//! a reader that went away is no reason to stop half way.

mod answers;
mod apps;
pub mod deploy;
pub mod handoff;
mod heard;
pub mod peers;
mod progress;
mod report;
mod schedule;
mod sentence;
pub mod services;
pub mod status;
mod stays;
mod style;
mod tidy;
mod verdict;

use std::io::{IsTerminal, Write, stderr, stdout};
use std::sync::OnceLock;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::base::{Exit, Problem, covered, covered_output};
use crate::host::env;

pub use answers::Answers;
pub use heard::{Heard, Listener, hear, words};
pub use progress::Progress;
pub use report::{Collect, Human, JsonLines, Stream, plan_object};
pub use schedule::{schedule, schedule_object, titled};
pub use stays::Stays;
pub use style::Style;
pub use tidy::tidy;
pub use verdict::sarif;

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

/// What the person likes, where the command line does not say it. It is known when the
/// repository is found, and errors are told by whoever began before that.
static WISH: OnceLock<Color> = OnceLock::new();

/// Takes over what the person likes.
pub fn likes(color: Color) {
    WISH.get_or_init(|| color);
}

/// How this command speaks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ui {
    /// One JSON object on stdout, and nothing else there.
    pub json: bool,
    /// The events of a run on stdout, one object a line.
    pub json_lines: bool,
    pub quiet: bool,
    pub verbose: bool,
    pub color: Color,
}

impl Ui {
    /// Whether programs read what comes out on stdout.
    pub fn is_for_programs(&self) -> bool {
        self.json || self.json_lines
    }

    /// The colours for stdout.
    pub fn style(&self) -> Style {
        self.style_for(stdout().is_terminal())
    }

    /// The colours for stderr.
    pub fn talk_style(&self) -> Style {
        self.style_for(stderr().is_terminal())
    }

    /// Whether stdout is a terminal, on which a screen can be drawn again and again.
    pub fn is_terminal(&self) -> bool {
        stdout().is_terminal()
    }

    /// Waits, and says whether the reader of stdout went away meanwhile.
    pub fn is_left_alone(&self, wait: Duration) -> bool {
        use rustix::event::{PollFd, PollFlags, poll};
        let out = stdout();
        let mut watched = [PollFd::new(&out, PollFlags::empty())];
        let wait = rustix::event::Timespec {
            tv_sec: i64::try_from(wait.as_secs()).unwrap_or(0),
            tv_nsec: wait.subsec_nanos().into(),
        };
        // A signal ends the wait early, which is what it is for.
        let woken = poll(&mut watched, Some(&wait)).unwrap_or(0);
        woken > 0 && watched[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
    }

    /// How many letters fit on a line of stdout.
    pub fn width(&self) -> usize {
        let size =
            rustix::termios::tcgetwinsize(stdout()).ok().map(|size| usize::from(size.ws_col));
        size.filter(|columns| *columns >= 20).unwrap_or(80).min(120)
    }

    fn style_for(&self, terminal: bool) -> Style {
        let color = match (self.color, WISH.get()) {
            (Color::Auto, Some(wish)) => *wish,
            (color, _) => color,
        };
        let on = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                terminal
                    && env::raw("NO_COLOR").is_none()
                    && env::text("TERM").is_none_or(|term| term != "dumb")
            }
        };
        Style::new(on)
    }

    /// A result for people: to stdout, as it is, but for secrets.
    pub fn result(&self, text: &str) {
        let text = &*covered_output(text);
        if heard::result(text) {
            return;
        }
        let mut out = stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// A line of what an acting command brought. Programs read its object instead; silent with
    /// `--quiet`.
    pub fn report(&self, line: &str) {
        if !self.quiet && !self.is_for_programs() {
            self.result(&format!("{line}\n"));
        }
    }

    /// A result for programs: one object with `"gsync": 1` in front.
    pub fn object(&self, value: &impl Serialize) {
        let mut object = Map::new();
        object.insert("gsync".into(), json!(1));
        match serde_json::to_value(value).expect("facts are plain data") {
            Value::Object(fields) => object.extend(fields),
            other => drop(object.insert("result".into(), other)),
        }
        self.result(&format!("{}\n", Value::Object(object)));
    }

    /// The same for an object with much in it, whose fields are written as they are read.
    pub fn long_object(&self, value: &impl Serialize) {
        #[derive(Serialize)]
        struct Object<'a, T> {
            gsync: u32,
            #[serde(flatten)]
            value: &'a T,
        }
        let text = serde_json::to_string(&Object { gsync: 1, value });
        self.result(&format!("{}\n", text.expect("facts are plain data")));
    }

    /// Talk, to stderr. Silent with `--quiet`.
    pub fn say(&self, line: &str) {
        if !self.quiet {
            talk(line);
        }
    }

    /// What somebody else says who was told how much of it is wanted.
    pub fn relay(&self, line: &str) {
        talk(line);
    }

    /// Talk that only `--verbose` wants.
    pub fn detail(&self, line: &str) {
        if self.verbose {
            talk(line);
        }
    }

    /// Something a person should know, even with `--quiet`.
    pub fn warn(&self, line: &str) {
        let style = self.talk_style();
        talk(&format!("{} {line}", style.warning("warning:")));
    }

    /// What can be done about it. Silent with `--quiet`.
    pub fn hint(&self, line: &str) {
        let style = self.talk_style();
        self.say(&format!("{} {line}", style.hint("hint:")));
    }

    /// Says what went wrong, why, and what can be done, and says how to exit.
    pub fn error(&self, err: &anyhow::Error) -> Exit {
        let told = Told::of(err);
        if self.is_for_programs() {
            let error = json!({
                "exit": told.exit.code(),
                "code": told.code,
                "message": told.message,
                "because": told.because,
                "hints": told.hints,
            });
            self.object(&json!({ "error": error }));
        } else {
            talk(told.lines(&self.talk_style()).trim_end());
        }
        told.exit
    }
}

/// An error in the words that a person or a program gets.
struct Told {
    exit: Exit,
    code: String,
    message: String,
    because: Vec<String>,
    hints: Vec<String>,
}

impl Told {
    fn of(err: &anyhow::Error) -> Self {
        let mut chain = err.chain().map(ToString::to_string);
        let message = chain.next().unwrap_or_default();
        let mut because: Vec<String> = chain.collect();
        let problem = err.downcast_ref::<Problem>();
        because.extend(problem.map(|problem| problem.because.clone()).unwrap_or_default());
        let (exit, code, hints) = match problem {
            Some(problem) => (problem.exit, problem.code, problem.hints.clone()),
            None => (Exit::Blind, "failed", Vec::new()),
        };
        let hints = hints.into_iter().take(3).collect();
        Self { exit, code: code.to_owned(), message, because, hints }
    }

    fn lines(&self, style: &Style) -> String {
        let mut text = format!("{} {}\n", style.error("error:"), self.message);
        for line in &self.because {
            text += &format!("{} {line}\n", style.dim("because:"));
        }
        for hint in &self.hints {
            text += &format!("{} {hint}\n", style.hint("hint:"));
        }
        text
    }
}

/// To stderr; nobody there is no error.
fn talk(line: &str) {
    let line = &*covered(line);
    if heard::talk(line) {
        return;
    }
    progress::above(|| {
        let mut err = stderr().lock();
        let _ = writeln!(err, "{line}");
    });
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn a_problem_keeps_its_hints_and_exit_under_any_context() {
        let problem = Problem::refuse("detached", "HEAD is detached").hint("run `git switch main`");
        let err = Err::<(), _>(problem).context("start the session").unwrap_err();
        let told = Told::of(&err);
        assert_eq!(told.exit, Exit::Refused);
        assert_eq!(
            told.lines(&Style::new(false)),
            "error: start the session\nbecause: HEAD is detached\nhint: run `git switch main`\n"
        );
    }

    #[test]
    fn what_is_no_problem_of_the_person_is_a_world_that_cannot_be_read() {
        let err = anyhow::anyhow!("disk on fire").context("read x");
        assert_eq!(Told::of(&err).exit, Exit::Blind);
    }
}
