//! What every command starts with: the repository, the configuration, the way to speak, and
//! the one door to the engine.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use crate::base::{Exit, Problem};
use crate::config::{self, Config};
use crate::git::{self, Git};
use crate::host;
use crate::plan::{Outcome, Plan, Report};
use crate::run::{self, How, Journal, Lock, Ran, Record, Who, World};
use crate::ui::{Collect, Human, JsonLines, Ui};

/// How long an acting command waits for another one before it says busy.
const PATIENCE: Duration = Duration::from_secs(5);

/// A command's surroundings.
pub struct Context {
    pub git: Git,
    pub ui: Ui,
    /// Asked for once: each question to git costs milliseconds.
    who: OnceLock<Who>,
}

impl Context {
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
        let context = Self { git: find(dir)?, ui, who: OnceLock::new() };
        super::messages::show(&context.git, &ui);
        if let Err(err) = super::hook::catch_up(&ui, &context.git) {
            ui.detail(&format!("what came in cannot be told: {err:#}"));
        }
        super::handoff::refresh(&context);
        Ok(context)
    }

    /// The configuration of the work tree, or the defaults where there is none.
    pub fn config(&self) -> Result<Config> {
        let Some(work_dir) = &self.git.work_dir else { return Ok(Config::default()) };
        match host::read::file(&work_dir.join(config::FILE))? {
            Some(file) => Ok(config::parse(config::FILE, &file.bytes.0)?),
            None => Ok(Config::default()),
        }
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
        let name = role.or_else(|| host::env::text("USER")).unwrap_or_else(|| "someone".into());
        let words: Vec<String> =
            std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
        Who {
            peer: format!("{name}@{}", host::env::host_name()),
            command: format!("gsync {}", words.join(" ")),
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
        let (plan, ran, collect, more) = self.run(how, plan, after)?;
        if self.ui.json {
            self.tell(&collect, &ran, more);
        }
        Ok((plan, ran))
    }

    /// The same for a command of several runs, which tells of all of them by itself.
    pub fn carry_out(&self, how: &How, plan: impl FnOnce() -> Result<Plan>) -> Result<(Plan, Ran)> {
        self.run(how, plan, |_, _| Ok(Value::Null)).map(|(plan, ran, ..)| (plan, ran))
    }

    fn run(
        &self,
        how: &How,
        plan: impl FnOnce() -> Result<Plan>,
        after: impl FnOnce(&Plan, Outcome) -> Result<Value>,
    ) -> Result<(Plan, Ran, Collect, Value)> {
        let _lock = if how.dry_run { None } else { Some(self.lock()?) };
        if !how.dry_run {
            run::listen();
            self.put_back_leftovers()?;
        }
        let plan = plan()?;
        let mut journal = self.journal();
        let mut hands = World { git: &self.git };
        let mut collect = Collect::default();
        let ran = {
            let report: &mut dyn Report = match self.ui {
                Ui { json: true, .. } => &mut collect,
                Ui { json_lines: true, .. } => &mut JsonLines,
                _ => &mut Human::new(self.ui),
            };
            run::act(&plan, how, &mut hands, &mut journal, report)?
        };
        if ran.run.is_some() {
            // This command says itself what it brought: the next one must not say it again.
            super::hook::settle(&self.git);
        }
        let more = if how.dry_run { Value::Null } else { after(&plan, ran.outcome)? };
        Ok((plan, ran, collect, more))
    }

    /// Puts back what a killed run left. The lock must be held.
    pub fn put_back_leftovers(&self) -> Result<Option<(Record, Outcome)>> {
        let mut journal = self.journal();
        let mut hands = World { git: &self.git };
        let Some((left, outcome)) = (match self.ui.is_for_programs() {
            true => run::rescue(&mut hands, &mut journal, &mut Collect::default())?,
            false => run::rescue(&mut hands, &mut journal, &mut Human::new(self.ui))?,
        }) else {
            return Ok(None);
        };
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
            Outcome::Kept => "what it did stays",
            _ => "it was put back",
        };
        self.ui.say(&format!("run {} ({}) was cut off; {now}", left.id, left.plan.title));
        Ok(Some((left, outcome)))
    }

    fn tell(&self, collect: &Collect, ran: &Ran, more: Value) {
        let mut object = json!({
            "plan": collect.plan,
            "run": ran.run,
            "outcome": ran.outcome,
            "put_back": collect.put_back,
            "kept": collect.kept,
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
