//! Listeners of a run: a terminal, a program, and one that only remembers.

use std::collections::VecDeque;
use std::io::{Write, stdout};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::progress::elapsed;
use super::{Ui, talk};
use crate::base::{covered_output, plain};
use crate::host::progress;
use crate::plan::{Event, Outcome, Plan, Report, Step};

/// For people: one line a step on stderr, in the voice of git; a plan that was asked for on stdout.
pub struct Human {
    ui: Ui,
    /// What the step at hand said: of interest only if it fails.
    said: Last,
    since: Option<Instant>,
}

/// The last lines of a step: they explain why it failed. A step may say gigabytes.
#[derive(Default)]
struct Last(VecDeque<String>);

impl Last {
    /// A refusal of ours is shorter than that.
    const MOST: usize = 30;

    fn push(&mut self, line: String) {
        if self.0.len() == Self::MOST {
            self.0.pop_front();
        }
        self.0.push_back(line);
    }
}

impl Human {
    pub fn new(ui: Ui) -> Self {
        Self { ui, said: Last::default(), since: None }
    }

    /// A step that may take minutes begins.
    fn begin(&mut self, step: &Step) {
        let Step::Run(task) = step else { return };
        self.since = Some(Instant::now());
        progress::doing(format!("{}: {}", task.service, task.name));
    }

    /// A hook that refused has said why: that must not be swallowed.
    fn explain(&self) {
        if !self.ui.verbose {
            self.said.0.iter().for_each(|line| talk(&format!("    {line}")));
        }
    }
}

impl Report for Human {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Started { .. } => self.said.0.clear(),
            Event::Output { line } => {
                let line = plain(line);
                progress::says(&line);
                self.said.push(line);
            }
            _ => {}
        }
        if matches!(event, Event::Done { .. } | Event::Failed { .. }) {
            progress::done();
        }
        let ui = &self.ui;
        let style = ui.talk_style();
        match event {
            Event::Planned { plan, .. } if plan.steps.is_empty() => {
                ui.report(&format!("{}: nothing to do", plan.title));
                plan.notes.iter().for_each(|note| ui.report(&format!("  {note}")));
            }
            // Whoever asks for a plan wants it, also quietly.
            Event::Planned { plan, id, dry_run: true } => {
                let style = ui.style();
                let mut text = format!("{} (plan {})\n", style.title(&plan.title), style.id(id));
                plan.steps.iter().for_each(|step| text.push_str(&format!("  would {step}\n")));
                plan.notes.iter().for_each(|note| text.push_str(&format!("  {note}\n")));
                ui.result(&text);
            }
            Event::Planned { plan, .. } => ui.say(&style.title(&plan.title)),
            // What takes minutes is named when it begins.
            Event::Started { step: step @ Step::Run(_) } => {
                ui.say(&format!("  {step}"));
                self.begin(step);
            }
            Event::Done { step: Step::Run(_) } => {
                let took = self.since.take().map_or(Duration::ZERO, |since| since.elapsed());
                if took >= Duration::from_secs(1) {
                    ui.say(&format!("    done in {}", elapsed(took)));
                }
            }
            Event::Done { step } => ui.say(&format!("  {step}")),
            Event::Output { line } => ui.detail(&format!("    {line}")),
            Event::Failed { step: Step::Run(_), why } => {
                talk(&format!("    {} {why}", style.error("failed:")));
            }
            Event::Failed { step, why } => {
                talk(&format!("  {step}\n    {} {why}", style.error("failed:")));
                self.explain();
            }
            Event::PutBack { by, .. } => ui.say(&format!("  put back: {by}")),
            Event::NotPutBack { step, why } => talk(&format!("  not put back: {step}: {why}")),
            Event::Kept { step } => talk(&format!("  stays: {step}")),
            Event::Note { line } => talk(&format!("  {line}")),
            Event::Finished { outcome } => {
                let said = match outcome {
                    Outcome::Done => return,
                    Outcome::PutBack => "a step failed; everything is as it was",
                    Outcome::Interrupted => "interrupted; everything is as it was",
                    Outcome::Kept => "a step failed; what is named above stays",
                    Outcome::Stuck => "a step failed and could not be put back",
                };
                talk(&format!("{} {said}", style.error("error:")));
                if *outcome == Outcome::Stuck {
                    talk(&format!("{} run `gsync rescue`", style.hint("hint:")));
                }
            }
            Event::Started { .. } => {}
        }
    }
}

/// For people who follow from afar: what steps say as well, but no more of it than anybody reads.
pub struct Stream {
    human: Human,
    said: usize,
}

impl Stream {
    /// So many lines of one step.
    const MOST: usize = 200;

    pub fn new(ui: Ui) -> Self {
        // Verbose: what was said already is not said again when the step fails.
        Self { human: Human::new(Ui { verbose: true, ..ui }), said: 0 }
    }
}

impl Report for Stream {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Output { line } => {
                self.said += 1;
                match self.said {
                    n if n <= Self::MOST => talk(&format!("    {}", plain(line))),
                    n if n == Self::MOST + 1 => talk("    (more was said than is shown here)"),
                    _ => {}
                }
            }
            Event::Started { .. } => {
                self.said = 0;
                self.human.event(event);
            }
            _ => self.human.event(event),
        }
    }
}

/// For programs: one JSON object a line on stdout, as it happens.
pub struct JsonLines;

impl Report for JsonLines {
    fn event(&mut self, event: &Event<'_>) {
        let line = serde_json::to_string(event).expect("an event is plain data");
        let mut out = stdout().lock();
        let _ = writeln!(out, "{}", covered_output(&line)).and_then(|()| out.flush());
    }
}

/// A plan for programs.
pub fn plan_object(plan: &Plan, dry_run: bool) -> Value {
    let steps: Vec<String> = plan.steps.iter().map(ToString::to_string).collect();
    json!({
        "id": plan.id(), "title": plan.title, "steps": steps,
        "notes": plan.notes, "dry_run": dry_run,
    })
}

/// For `--json`: remembers what the one object at the end needs.
#[derive(Default)]
pub struct Collect {
    pub plan: Value,
    pub failed: Value,
    pub put_back: Vec<String>,
    pub not_put_back: Vec<Value>,
    pub kept: Vec<String>,
    /// What was said about putting back.
    pub notes: Vec<String>,
    said: Last,
}

impl Report for Collect {
    fn event(&mut self, event: &Event<'_>) {
        super::heard::event(event);
        match event {
            Event::Planned { plan, id, dry_run } => {
                debug_assert_eq!(*id, plan.id());
                self.plan = plan_object(plan, *dry_run);
            }
            Event::Failed { step, why } => {
                self.failed =
                    json!({ "step": step.to_string(), "why": why, "output": self.said.0 });
            }
            Event::PutBack { by, .. } => self.put_back.push(by.to_string()),
            Event::NotPutBack { step, why } => {
                self.not_put_back.push(json!({ "step": step.to_string(), "why": why }));
            }
            Event::Kept { step } => self.kept.push(step.to_string()),
            Event::Note { line } => self.notes.push((*line).to_owned()),
            Event::Started { .. } => self.said.0.clear(),
            Event::Output { line } => self.said.push((*line).to_owned()),
            Event::Done { .. } | Event::Finished { .. } => {}
        }
    }
}
