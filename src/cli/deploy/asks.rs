//! The commands of an app, typed in a clone: they travel as a request to the app's remote, and
//! the answer comes back as if they had been typed there.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;

use anyhow::Result;

use super::args::Serving;
use crate::base::{Exit, Problem, plain, shell_quote};
use crate::cli::args::ActArgs;
use crate::cli::{Context, handoff};
use crate::config::AppLink;
use crate::deploy::facts::afar;
use crate::deploy::link;
use crate::deploy::request::{self, Ask, Line, Request, Talk};
use crate::git;
use crate::run::{self, Pushed};
use crate::ui::Ui;

/// A clone that asks, and the app of its that is meant.
pub(super) struct Asker {
    pub context: Context,
    pub app: AppLink,
}

/// The app of the clone around here; nothing: there is no clone, or it names no such app.
pub(super) fn find(dir: &Path, ui: Ui, what: &Serving) -> Result<Option<Asker>> {
    if git::find(dir).is_err() {
        return Ok(None);
    }
    let context = Context::open_quickly(dir, ui)?;
    let config = context.config()?;
    let name = what.app().app.as_deref();
    if config.app.is_empty() {
        return Ok(None);
    }
    let app = link::choose(&config.app, name, what.word())?.cloned();
    Ok(app.map(|app| Asker { context, app }))
}

/// Asks the server, and ends as it ended there.
pub(super) fn ask(clone: &Asker, what: &Serving) -> Result<Exit> {
    let Asker { context, app } = clone;
    let (git, ui) = (&context.git, &context.ui);
    let remote = app.remote.as_str();
    if git.config(&format!("remote.{remote}.url"))?.is_none() {
        let why = format!("there is no remote `{}` here", plain(remote));
        return Err(Problem::refuse("no-remote", why)
            .because(format!(".gsync.toml says that it leads to the app {}", plain(&app.name)))
            .hint(format!("add it: `git remote add {} URL`", shell_quote(&plain(remote))))
            .into());
    }
    let request = request_of(clone, what)?;
    let bytes = request.encode()?;
    let id = format!("{:016x}", RandomState::new().build_hasher().finish());
    let name = request::name(&id);
    let mut heard = Heard::default();
    run::listen();
    let pushed = run::ask(git, remote, &name, (request::FILE, &bytes), &mut |line| {
        heard.line(ui, &id, line);
    })?;
    if let Some(exit) = heard.end {
        if exit == Exit::Stuck {
            ui.say(&format!(
                "that is on the server of {}, and so is `gsync rescue`",
                plain(remote)
            ));
        }
        if exit == Exit::Done && !request.dry_run {
            handoffs(clone, &request.ask)?;
        }
        return Ok(exit);
    }
    let shown = plain(remote);
    if run::stopped() {
        return Err(Problem::new(Exit::Interrupted, "interrupted", "interrupted")
            .because(format!("what {shown} has begun, it brings to its end"))
            .hint(format!("look at what came of it: `gsync envs --app {}`", plain(&app.name)))
            .hint(format!("stop it: `gsync cancel --app {}`", plain(&app.name)))
            .into());
    }
    Err(match pushed {
        _ if heard.begun => {
            let why = format!("the answer of {shown} was cut off: it is not known how it ended");
            Problem::blind("cut-off", why)
                .hint(format!("ask for what is so now: `gsync envs --app {}`", plain(&app.name)))
        }
        Pushed::Refused(why) => {
            let problem = Problem::refuse("refused", format!("{shown} does not take requests"));
            heard.talk.iter().fold(problem.because(why), Problem::because)
        }
        Pushed::Unreachable(why) => {
            Problem::blind("unreachable", format!("{shown} cannot be asked")).because(why)
        }
        Pushed::Taken => {
            // Nobody over there knows what it is: it must not stay for ever.
            let gone = run::withdraw(git, remote, &name)? == Pushed::Taken;
            let problem = Problem::blind("no-answer", format!("no gsync answers at {shown}"))
                .because("the push of the request was taken, and nothing came back");
            let problem = match gone {
                true => problem,
                false => problem.because(format!("the request stays there as {name}")),
            };
            let url = git.config(&format!("remote.{remote}.url"))?.unwrap_or_default();
            problem
                .because(format!("{shown} is {}", plain(&url)))
                .hint("install gsync's hooks over there: `gsync app create NAME --dir DIR`")
        }
    }
    .into())
}

/// What was deployed or released just now brings handoffs to their end.
fn handoffs(clone: &Asker, ask: &Ask) -> Result<()> {
    let Asker { context, app } = clone;
    if !matches!(ask, Ask::Deploy { .. } | Ask::Release { .. }) {
        return Ok(());
    }
    let config = context.config()?;
    let apps = std::slice::from_ref(app);
    let seen = afar::look(&context.git, apps, config.hub.timeout.0, true);
    let Some(seen) = seen.first().filter(|seen| seen.silent.is_none()) else { return Ok(()) };
    let side = if matches!(ask, Ask::Release { .. }) { seen.live() } else { seen.standby() };
    if let Some((env, runs)) = side.and_then(|side| Some((side.env, side.runs?))) {
        handoff::deployed(context, &config, &app.name, env, &runs.commit);
    }
    Ok(())
}

/// What was heard so far.
#[derive(Default)]
struct Heard {
    begun: bool,
    end: Option<Exit>,
    /// What was said before the server began: by somebody else's hooks, or by one that refuses.
    talk: Vec<String>,
}

impl Heard {
    fn line(&mut self, ui: &Ui, id: &str, text: &str) {
        match request::line(id, text) {
            Line::Result(text) => ui.result(&format!("{}\n", plain(text))),
            Line::Begun => self.begun = true,
            Line::End(exit) => self.end = Some(exit),
            Line::Talk(text) if self.begun => ui.relay(&plain(text)),
            Line::Talk(text) if !text.is_empty() && self.talk.len() < 20 => {
                self.talk.push(plain(text));
            }
            Line::Talk(_) => {}
        }
    }
}

/// Commits are named by their ids where this clone knows them: a branch may mean another one
/// over there.
fn request_of(clone: &Asker, what: &Serving) -> Result<Request> {
    let git = &clone.context.git;
    let meant = |rev: &Option<String>| -> Result<Option<String>> {
        let Some(rev) = rev else { return Ok(None) };
        let known = git.resolve_commit(rev)?.map(|id| id.as_str().to_owned());
        Ok(Some(known.unwrap_or_else(|| rev.clone())))
    };
    let none = ActArgs::default();
    let (ask, act) = match what {
        Serving::Envs(it) => {
            (Ask::Envs { exit_code: it.exit_code, reconcile: it.reconcile }, &it.act)
        }
        Serving::Deploy(it) => (Ask::Deploy { rev: meant(&it.rev)? }, &it.act),
        Serving::Release(it) => (Ask::Release { to: meant(&it.to)? }, &it.act),
        Serving::Rollback(it) => (Ask::Rollback { to: meant(&it.to)? }, &it.act),
        Serving::Sync(it) => (Ask::Sync { cut: it.cut }, &it.act),
        Serving::Cancel(_) => (Ask::Cancel {}, &none),
    };
    let ui = clone.context.ui;
    let talk = match ui {
        Ui { json: true, .. } => Talk::Json,
        Ui { json_lines: true, .. } => Talk::JsonLines,
        _ => Talk::Human,
    };
    Ok(Request {
        dry_run: act.dry_run,
        only: act.only.clone(),
        talk,
        quiet: ui.quiet,
        verbose: ui.verbose,
        ..Request::new(&clone.app.name, ask)
    })
}
