//! What every command starts with: the repository, the configuration, the way to speak, and
//! the one door to the engine.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use crate::base::{Exit, Problem, RunId, plain};
use crate::config::Config;
use crate::git::{self, Git};
use crate::host;
use crate::plan::{Event, Outcome, Plan, Report};
use crate::run::{self, How, Journal, Lock, Ran, Record, Who, World};
use crate::ui::{Answers, Collect, Human, JsonLines, Progress, Stays, Ui};

/// How long an acting command waits for another one before it says busy.
const PATIENCE: Duration = Duration::from_secs(5);

/// A command's surroundings.
pub struct Context {
    pub git: Git,
    pub ui: Ui,
    /// Asked for once: each question to git costs milliseconds.
    who: OnceLock<Who>,
    /// The first run of this command: those that follow are parts of it.
    first: OnceLock<RunId>,
    /// What an earlier run of this command did, and a later one does not put back.
    stays: OnceLock<String>,
}

/// What became of a run that was cut off.
pub struct PutBack {
    pub run: Record,
    pub outcome: Outcome,
    /// What was kept, and where.
    pub notes: Vec<String>,
}

impl Context {
    /// A repository that is known, such as an app's.
    pub fn at(git: Git, ui: Ui) -> Self {
        let (who, first, stays) = Default::default();
        Self { git, ui, who, first, stays }
    }

    /// Somebody else is at work here than whoever started this process.
    #[must_use]
    pub fn named(mut self, who: Who) -> Self {
        self.who = OnceLock::from(who);
        self
    }

    /// Finds the repository of a directory.
    pub fn open(dir: &Path, ui: Ui) -> Result<Self> {
        Self::open_with(git::discover, dir, ui)
    }

    /// The same for commands that only look and are waited for.
    pub fn open_quickly(dir: &Path, ui: Ui) -> Result<Self> {
        Self::open_with(git::find, dir, ui)
    }

    fn open_with(find: fn(&Path) -> Result<Git>, dir: &Path, ui: Ui) -> Result<Self> {
        if !dir.is_dir() {
            return Err(Problem::blind(
                "no-directory",
                format!("there is no directory {}", dir.display()),
            )
            .into());
        }
        let context = Self::at(find(dir)?, ui);
        super::settings::color(&context.git, &ui)?;
        super::messages::show(&context.git, &ui);
        if let Err(err) = super::hook::catch_up(&ui, &context.git) {
            ui.detail(&format!("what came in cannot be told: {err:#}"));
        }
        Ok(context)
    }

    /// The configuration of the work tree, or the defaults where there is none.
    pub fn config(&self) -> Result<Config> {
        super::settings::of(&self.git)
    }

    /// For what leads out of settings that make no sense, or only looks: those that were valid
    /// before, and it is said.
    pub fn valid_config(&self) -> Config {
        super::settings::say_valid(&self.ui, &self.git).config
    }

    /// Who runs this, for the journal.
    pub fn who(&self) -> Who {
        self.who.get_or_init(|| self.look_who()).clone()
    }

    fn look_who(&self) -> Who {
        let role = match self.git.library() {
            Some(library) => {
                library.config_snapshot().string("gsync.role").map(|role| role.to_string())
            }
            None => self.git.config("gsync.role").ok().flatten(),
        };
        let name = role.unwrap_or_else(host::user::name);
        let command = crate::ui::words().unwrap_or_else(|| {
            let words: Vec<String> = std::env::args_os()
                .skip(1)
                .map(|word| word.to_string_lossy().into_owned())
                .collect();
            format!("gsync {}", words.join(" "))
        });
        Who {
            peer: format!("{name}@{}", host::env::host_name()),
            command: crate::base::covered(&command).into_owned(),
            dir: self.git.dir().to_owned(),
        }
    }

    pub fn journal(&self) -> Journal {
        Journal::at(&self.git.gsync_dir(), self.who())
    }

    /// Takes the lock of this repository.
    pub fn lock(&self) -> Result<Lock> {
        Lock::take(&self.git.gsync_dir(), &self.who().command, PATIENCE)
    }

    /// Carries out what `plan` decides, and tells whoever asked for it. The facts are taken
    /// under the lock, so nothing of ours changes between looking and acting; what a killed
    /// run left is put back first. A dry run takes no lock and leaves no trace.
    pub fn act(&self, how: &How, plan: impl FnOnce() -> Result<Plan>) -> Result<(Plan, Ran)> {
        self.act_then(how, plan, |_, _| Ok(Value::Null))
    }

    /// The same; what is to be noted after a run is noted under the same lock, and what the
    /// command has to say beyond the plan becomes part of the one JSON object.
    pub fn act_then(
        &self,
        how: &How,
        plan: impl FnOnce() -> Result<Plan>,
        after: impl FnOnce(&Plan, Outcome) -> Result<Value>,
    ) -> Result<(Plan, Ran)> {
        let (plan, ran, collect, more) = self.run(how, None, plan, after)?;
        if self.ui.json {
            self.tell(&collect, &ran, more);
        }
        Ok((plan, ran))
    }

    /// The same; what a command does when the lock is free again belongs to the one object.
    pub fn act_and_then<T>(
        &self,
        how: &How,
        plan: impl FnOnce() -> Result<Plan>,
        then: impl FnOnce(&Plan, &Ran) -> Result<(T, Value)>,
    ) -> Result<(Plan, Ran, T)> {
        let (plan, ran, collect, _) = self.run(how, None, plan, |_, _| Ok(Value::Null))?;
        let (then, more) = then(&plan, &ran)?;
        if self.ui.json {
            self.tell(&collect, &ran, more);
        }
        Ok((plan, ran, then))
    }

    /// The same; what the server behind a remote answers to a push is shown as it comes, and
    /// handed over.
    pub fn act_hearing(
        &self,
        how: &How,
        remote: Option<&str>,
        plan: impl FnOnce() -> Result<Plan>,
        then: impl FnOnce(&Plan, &Ran, &[String]) -> Result<Value>,
    ) -> Result<Ran> {
        let mut said = Vec::new();
        let hear = remote.map(|remote| (remote, &mut said));
        let (plan, ran, collect, _) = self.run(how, hear, plan, |_, _| Ok(Value::Null))?;
        let more = then(&plan, &ran, &said)?;
        if self.ui.json {
            self.tell(&collect, &ran, more);
        }
        Ok(ran)
    }

    /// The same surroundings for a part of a command whose one JSON object is told by the whole.
    #[must_use]
    pub fn aside(&self) -> Self {
        let ui = match self.ui.json {
            true => Ui { json: false, quiet: true, ..self.ui },
            false => self.ui,
        };
        let (git, who, first) = (self.git.clone(), self.who.clone(), self.first.clone());
        Self { git, ui, who, first, stays: self.stays.clone() }
    }

    /// From now on, a run of this command that is put back leaves this.
    pub fn stays(&self, what: String) {
        self.stays.get_or_init(|| what);
    }

    /// The same for a command of several runs, which tells of all of them by itself.
    pub fn carry_out(&self, how: &How, plan: impl FnOnce() -> Result<Plan>) -> Result<(Plan, Ran)> {
        self.run(how, None, plan, |_, _| Ok(Value::Null)).map(|(plan, ran, ..)| (plan, ran))
    }

    fn run(
        &self,
        how: &How,
        hear: Option<(&str, &mut Vec<String>)>,
        plan: impl FnOnce() -> Result<Plan>,
        after: impl FnOnce(&Plan, Outcome) -> Result<Value>,
    ) -> Result<(Plan, Ran, Collect, Value)> {
        let _lock = if how.dry_run { None } else { Some(self.lock()?) };
        if !how.dry_run {
            run::listen();
            self.put_back_leftovers()?;
        }
        let watched = Progress::begin(self.ui);
        let planned = plan();
        if run::stopped() {
            return Err(Problem::new(Exit::Interrupted, "interrupted", "interrupted")
                .because("nothing was changed")
                .into());
        }
        let plan = planned?;
        if !plan.steps.is_empty() && self.git.git_dir.to_str().is_none() {
            // The journal is text, and what it says of a place must lead there again.
            return Err(Problem::refuse("path", "the path of this repository is no text (UTF-8)")
                .because(plain(&self.git.git_dir.to_string_lossy()))
                .hint("rename the directory, then try again")
                .into());
        }
        let mut journal = self.journal().part_of(self.first.get().cloned());
        let mut hands = World { git: &self.git };
        let mut collect = Collect::default();
        let ran = {
            let report: &mut dyn Report = match self.ui {
                Ui { json: true, .. } => &mut collect,
                Ui { json_lines: true, .. } => &mut JsonLines,
                _ => &mut Human::new(self.ui),
            };
            let report = match self.stays.get() {
                Some(what) => &mut Stays::new(report, what),
                None => report,
            };
            match hear {
                None => run::act(&plan, how, &mut hands, &mut journal, report)?,
                Some((remote, said)) => {
                    let report = &mut Answers::new(self.ui, report, remote, said);
                    run::act(&plan, how, &mut hands, &mut journal, report)?
                }
            }
        };
        drop(watched);
        if let Some(run) = &ran.run {
            self.first.get_or_init(|| run.clone());
            // This command says itself what it brought: the next one must not say it again.
            super::hook::settle(&self.git);
            super::handoff::draft::settle(&self.ui, &self.git);
        }
        let more = if how.dry_run { Value::Null } else { after(&plan, ran.outcome)? };
        Ok((plan, ran, collect, more))
    }

    /// Shows a plan, as a dry run does.
    pub fn show(&self, plan: &Plan) {
        let event = Event::Planned { plan, id: plan.id(), dry_run: true };
        match self.ui {
            Ui { json: true, .. } => {
                let mut collect = Collect::default();
                collect.event(&event);
                let ran = Ran { run: None, outcome: Outcome::Done };
                self.tell(&collect, &ran, Value::Null);
            }
            Ui { json_lines: true, .. } => JsonLines.event(&event),
            _ => Human::new(self.ui).event(&event),
        }
    }

    /// Puts back what a killed run left. The lock must be held.
    pub fn put_back_leftovers(&self) -> Result<Option<PutBack>> {
        if let Some(left) = run::end_leftovers(&self.git)? {
            let pids: Vec<String> = left.pids.iter().map(ToString::to_string).collect();
            self.ui.warn(&format!(
                "the step {} outlived a gsync that was killed; ended what it left running: {}",
                plain(&left.step),
                pids.join(", ")
            ));
        }
        let mut journal = self.journal();
        let mut hands = World { git: &self.git };
        let mut collect = Collect::default();
        let found = match self.ui.is_for_programs() {
            true => run::rescue(&mut hands, &mut journal, &mut collect)?,
            false => run::rescue(&mut hands, &mut journal, &mut Human::new(self.ui))?,
        };
        let Some((left, outcome)) = found else { return Ok(None) };
        if outcome == Outcome::Stuck {
            return Err(Problem::new(
                Exit::Stuck,
                "stuck",
                format!("run {} was cut off and cannot be put back", left.id),
            )
            .because(format!("it was: {}", left.who.command))
            .hint("look at what stands in the way above, then run `gsync rescue`")
            .into());
        }
        let now = match outcome {
            Outcome::Kept => "what it did stays, as it is now",
            _ => "it was put back",
        };
        self.ui.say(&format!("run {} ({}) was cut off; {now}", left.id, left.plan.title));
        let notes = collect.notes;
        for note in &notes {
            self.ui.say(&format!("  {note}"));
        }
        Ok(Some(PutBack { run: left, outcome, notes }))
    }

    pub fn tell(&self, collect: &Collect, ran: &Ran, more: Value) {
        let mut object = json!({
            "plan": collect.plan,
            "run": ran.run,
            "outcome": ran.outcome,
            "put_back": collect.put_back,
            "kept": collect.kept,
            "notes": collect.notes,
        });
        if ran.exit() != Exit::Done {
            let exit = ran.exit();
            object["error"] = json!({
                "exit": exit.code(),
                "code": exit.word(),
                "message": collect.failed["why"],
                "step": collect.failed["step"],
                "output": collect.failed["output"],
                "hints": if exit == Exit::Stuck { vec!["run `gsync rescue`"] } else { vec![] },
            });
        }
        if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
            object.extend(more);
        }
        self.ui.object(&object);
    }
}
