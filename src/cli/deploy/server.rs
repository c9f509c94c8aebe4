//! What the commands of an app start with: its home, who asks, and the one door to the engine,
//! under the app's lock from the look at LIVE to the last word.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::args::WhichApp;
use crate::base::{Exit, Problem, plain, shell_quote};
use crate::cli::Context;
use crate::config;
use crate::config::app::is_name;
use crate::deploy::state::State;
use crate::deploy::{Facts, facts, meanwhile, prune};
use crate::git::Git;
use crate::host::machine::pool;
use crate::plan::{Plan, Report};
use crate::run::{self, How, Journal, Lock, Ran, Who, World};
use crate::ui::{Collect, Human, JsonLines, Stream, Ui};

/// How long a command waits for another one before it says busy, where what it does is the same
/// whatever the other one did.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// The same for what is decided by what is there now. Who only asks whether somebody is at work
/// has the lock for less than that.
const AT_ONCE: Duration = Duration::from_millis(100);

/// An app's surroundings.
pub(super) struct Server {
    pub home: PathBuf,
    pub who: String,
    pub context: Context,
    /// What steps say is handed on as it comes: somebody follows.
    pub streams: bool,
}

/// Finds the app that is meant.
pub(super) fn open(dir: &Path, which: &WhichApp, ui: Ui) -> Result<Server> {
    match facts::find(dir, which.app.as_deref())? {
        Some(home) => {
            let who = facts::who_at(&home);
            Ok(Server::at(home, who, ui))
        }
        None => Err(Problem::refuse("no-app", format!("{} is in no app home", dir.display()))
            .hint("name the app: `--app NAME`; `gsync app list` lists them")
            .hint(clone_or_new(dir))
            .into()),
    }
}

/// What is missing where somebody stands: in a clone, most likely the word that it has an app.
fn clone_or_new(dir: &Path) -> String {
    let git = crate::git::find(dir).ok();
    let Some((git, root)) = git.as_ref().and_then(|git| Some((git, git.work_dir.as_ref()?))) else {
        return "make one: `gsync app create NAME --dir DIR`".to_owned();
    };
    leads(git, root, dir).unwrap_or_else(|| {
        "say in .gsync.toml which remote leads to it: [[app]] with `name = \"NAME\"` and \
         `remote = \"REMOTE\"`"
            .to_owned()
    })
}

/// The line that says it, where a remote of the clone leads to an app home.
fn leads(git: &Git, root: &Path, dir: &Path) -> Option<String> {
    let urls = git.settings("^remote\\..*\\.url$").ok()?;
    let (remote, name) = urls.iter().find_map(|(key, urls)| {
        let remote = key.strip_prefix("remote.")?.strip_suffix(".url")?;
        let url = urls.last()?.trim_end_matches('/').strip_suffix("/repo.git")?;
        let name = url.rsplit(['/', ':']).next()?;
        (is_name(name) && is_name(remote)).then(|| (remote.to_owned(), name.to_owned()))
    })?;
    let file = match root == std::path::absolute(dir).ok()? {
        true => config::FILE.to_owned(),
        false => shell_quote(&plain(&root.join(config::FILE).to_string_lossy())),
    };
    let lines = format!(r#"\n[[app]]\nname = "{name}"\nremote = "{remote}"\n"#);
    Some(format!("the remote {remote} leads to one; say so: `printf '{lines}' >> {file}`"))
}

impl Drop for Server {
    /// Connections to other machines live as long as the command.
    fn drop(&mut self) {
        pool::close();
    }
}

impl Server {
    pub fn at(home: PathBuf, who: String, ui: Ui) -> Self {
        let context = Context::at(facts::repository(&home), ui);
        Self { home, who, context, streams: false }
    }

    /// The same for somebody who asks by a push.
    pub fn asked(home: PathBuf, who: String, command: String, ui: Ui) -> Self {
        let asks = Who { peer: who.clone(), command, dir: home.clone() };
        let context = Context::at(facts::repository(&home), ui).named(asks);
        Self { home, who, context, streams: false }
    }

    pub fn git(&self) -> &Git {
        &self.context.git
    }

    pub fn ui(&self) -> &Ui {
        &self.context.ui
    }

    pub fn observe(&self, ask: bool) -> Result<Facts> {
        facts::observe(self.git(), &self.home, &self.who, ask)
    }

    /// Takes the lock of the app, and puts back what a killed run left.
    pub fn lock(&self, wait: Duration) -> Result<Lock> {
        let lock = Lock::take(&self.git().gsync_dir(), &self.command(), wait);
        lock.map_err(|err| match err.downcast::<Problem>() {
            Ok(busy) if busy.exit == Exit::Busy => {
                busy.hint("or stop it, and have it put back: `gsync cancel`").into()
            }
            Ok(other) => other.into(),
            Err(err) => err,
        })
    }

    fn command(&self) -> String {
        self.context.who().command
    }

    /// Looks, thinks and acts, on what stands on both sides at this very moment: that is what
    /// whoever says `release`, `rollback` or `sync` has seen. If another one is at work here, it
    /// is not waited for, since it may change just that. `still` judges what is left of it once
    /// what a killed run left was put back.
    pub fn act_as_seen(
        &self,
        how: &How,
        still: fn(Option<&State>, Option<&State>) -> Result<(), Problem>,
        think: impl FnOnce(&Facts) -> Result<Plan>,
    ) -> Result<Acted> {
        let before = facts::recorded(self.git())?;
        let lock = if how.dry_run { None } else { Some(self.lock(AT_ONCE)?) };
        meanwhile::still(before.as_ref(), facts::recorded(self.git())?.as_ref())?;
        self.act_under(lock, how, |seen| {
            still(before.as_ref(), seen.state.as_ref())?;
            think(seen)
        })
    }

    /// Looks, thinks and acts. A dry run takes no lock and leaves no trace.
    pub fn act(&self, how: &How, think: impl FnOnce(&Facts) -> Result<Plan>) -> Result<Acted> {
        let lock = if how.dry_run { None } else { Some(self.lock(PATIENCE)?) };
        self.act_under(lock, how, think)
    }

    /// The same under a lock that is held.
    pub fn act_under(
        &self,
        lock: Option<Lock>,
        how: &How,
        think: impl FnOnce(&Facts) -> Result<Plan>,
    ) -> Result<Acted> {
        if lock.is_some() {
            run::listen();
            self.context.put_back_leftovers()?;
        }
        if lock.is_none() {
            self.nothing_is_cut_off()?;
        }
        let facts = self.observe(true)?;
        let plan = think(&facts)?;
        let (ran, collect) = self.run(how, &plan)?;
        Ok(Acted { _lock: lock, plan, ran, collect, facts })
    }

    /// What would be done cannot be said while something is half done.
    fn nothing_is_cut_off(&self) -> Result<()> {
        if Lock::holder(&self.git().gsync_dir())?.is_some() {
            return Ok(());
        }
        match self.journal().unfinished()? {
            None => Ok(()),
            Some(left) => {
                let problem = Problem::refuse("cut-off", format!("run {} was cut off", left.id));
                Err(problem
                    .because(format!("it was: {}", left.plan.title))
                    .hint("put it back first: `gsync rescue`")
                    .into())
            }
        }
    }

    /// Runs one plan under the lock that is held.
    pub fn run(&self, how: &How, plan: &Plan) -> Result<(Ran, Collect)> {
        let mut collect = Collect::default();
        let report: &mut dyn Report = match self.ui() {
            Ui { json: true, .. } => &mut collect,
            Ui { json_lines: true, .. } => &mut JsonLines,
            ui if self.streams => &mut Stream::new(*ui),
            ui => &mut Human::new(*ui),
        };
        let ran = run::act(plan, how, &mut self.hands(), &mut self.journal(), report)?;
        Ok((ran, collect))
    }

    /// Removes what nobody needs any more. What goes wrong here is tried again next time.
    pub fn prune(&self) {
        let tidy = || -> Result<()> {
            let plan = prune::plan(&self.observe(false)?)?;
            if !plan.steps.is_empty() {
                let mut quiet = Collect::default();
                let (hands, journal) = (&mut self.hands(), &mut self.journal());
                run::act(&plan, &How::default(), hands, journal, &mut quiet)?;
            }
            Ok(())
        };
        if let Err(why) = tidy() {
            self.ui().detail(&format!("old releases stay for now: {why:#}"));
        }
    }

    fn hands(&self) -> World<'_> {
        World { git: self.git() }
    }

    fn journal(&self) -> Journal {
        let (peer, command) = (self.who.clone(), self.command());
        Journal::at(&self.git().gsync_dir(), Who { peer, command, dir: self.home.clone() })
    }

    /// The one JSON object of an acting command, and its exit code.
    pub fn end(&self, how: &How, acted: &Acted, more: Value) -> Exit {
        if self.ui().json {
            let mut all = json!({ "app": acted.facts.app.name });
            if let (Value::Object(all), Value::Object(more)) = (&mut all, more) {
                all.extend(more);
            }
            self.context.tell(&acted.collect, &acted.ran, all);
        }
        let _ = how;
        acted.ran.exit()
    }
}

/// What came of it; the app stays locked as long as this is there.
pub(super) struct Acted {
    _lock: Option<Lock>,
    pub plan: Plan,
    pub ran: Ran,
    pub collect: Collect,
    /// How it was before.
    pub facts: Facts,
}

impl Acted {
    /// Whether something was done, and all of it.
    pub fn did(&self) -> bool {
        self.ran.run.is_some() && self.ran.exit() == Exit::Done
    }
}
