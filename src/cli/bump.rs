//! `gsync bump`: a new version, committed, tagged, on the hub, and then on STANDBY.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::Context;
use super::args::ActArgs;
use crate::base::{Exit, Problem, RefName, count, plain, shell_quote};
use crate::config::{AppLink, Config};
use crate::deploy::afar::Afar;
use crate::deploy::bump::{self, Ground, Part};
use crate::deploy::facts::afar;
use crate::deploy::link;
use crate::plan::Outcome;
use crate::sync::finish;
use crate::sync::pull::facts::{Upstream, start};
use crate::sync::pull::{named, safe};

/// What may be said behind `gsync bump`.
#[derive(Debug, Args)]
pub struct BumpArgs {
    /// Which part of the version grows, or the version itself
    #[arg(value_name = "patch|minor|major|VERSION", default_value = "patch")]
    pub part: String,
    /// The app whose STANDBY gets it, where the repository has several
    #[arg(long, value_name = "NAME")]
    pub app: Option<String>,
    /// Bump although STANDBY is not what LIVE is, or that is not known
    #[arg(long)]
    pub anyway: bool,
    #[command(flatten)]
    pub act: ActArgs,
}

pub fn main(context: &Context, args: &BumpArgs) -> Result<Exit> {
    let config = context.config()?;
    let Some(part) = Part::parse(&args.part) else {
        let why = format!("`{}` is neither patch, minor or major nor a version", plain(&args.part));
        return Err(Problem::usage("usage", why)
            .hint("say `gsync bump minor`, or `gsync bump 2.5.0`")
            .into());
    };
    let app = link::choose(&config.app, args.app.as_deref(), "bump")?;
    let made_it = std::cell::RefCell::new(None);
    // What is to become a version is what stands here now, and not what another command brings
    // while this one waits for its turn.
    let seen = context.git.resolve_commit("HEAD")?;
    let remote = app.map(|app| app.remote.as_str());
    let ran = context.act_hearing(
        &args.act.how(),
        remote,
        || {
            if context.git.resolve_commit("HEAD")? != seen {
                return Err(Problem::refuse("moved", "the branch moved while this waited")
                    .because("nothing was changed")
                    .hint("look what came, then say it again: `gsync status`")
                    .into());
            }
            let ground = ground(context, &config, app)?;
            let head = ground.place.commit.clone();
            let Some(head) = head else {
                return Err(Problem::refuse("unborn", "there is no commit yet").into());
            };
            if let (Some(app), false) = (app, args.anyway) {
                look(context, &config, app).level()?;
            }
            let made =
                bump::facts::make(&context.git, &ground.place, &head, &part, &config.bump.files)?;
            let tip = made.to.commit.clone().unwrap_or(head);
            made_it.replace(Some((made.new.to_string(), tip)));
            Ok(bump::plan(&ground, &made)?)
        },
        |plan, ran, said| {
            let done = ran.run.is_some() && ran.outcome == Outcome::Done;
            let mut told = json!({ "done": done, "app": app.map(|app| &app.name) });
            if !done {
                return Ok(told);
            }
            plan.notes.iter().for_each(|note| context.ui.say(&format!("  {note}")));
            if let (Some(app), Some((new, tip))) = (app, made_it.borrow().as_ref()) {
                let seen = look(context, &config, app);
                let env = seen.runs(tip, new, said)?;
                super::handoff::deployed(context, &config, &app.name, env, tip);
                told["standby"] = json!({ "env": env, "version": new, "commit": tip });
                context.ui.say(&format!("{} has {new} on STANDBY ({env})", plain(&app.name)));
                let name = shell_quote(&plain(&app.name));
                let next = format!("test {new} on STANDBY, then run `gsync release --app {name}`");
                context.ui.hint(&next);
            }
            Ok(told)
        },
    )?;
    Ok(ran.exit())
}

/// What the app's server says now.
fn look(context: &Context, config: &Config, app: &AppLink) -> Afar {
    let apps = std::slice::from_ref(app);
    let seen = afar::look(&context.git, apps, config.hub.timeout.0, true);
    seen.into_iter().next().unwrap_or_default()
}

/// Looks whether the branch is clean and what the hub has: only that may become a version.
fn ground(context: &Context, config: &Config, app: Option<&AppLink>) -> Result<Ground> {
    let git = &context.git;
    let facts = finish::facts::observe(git, &config.hub)?;
    let branch = safe(&facts.pull)?.full();
    if !facts.dirty.is_empty() {
        let problem = Problem::refuse("uncommitted", "there is uncommitted work");
        return Err(named(problem, &facts.dirty)
            .hint("commit and push it: `gsync finish --all -m MESSAGE`")
            .into());
    }
    let (Upstream::At { .. }, Some((remote, there))) = (&facts.pull.upstream, &facts.target) else {
        return Err(Problem::refuse("no-hub", "this branch is not on the hub")
            .hint("push it first: `gsync finish`")
            .into());
    };
    let (behind, ahead) = (facts.pull.incoming.len(), facts.pull.outgoing.len());
    if behind + ahead > 0 {
        let name = branch.short();
        let (why, hint) = match (behind, ahead) {
            (0, n) => (
                format!("{name} has {} that the hub has not", count(n, "commit")),
                "push first: `gsync finish`",
            ),
            (n, _) => (
                format!("the hub has {} that {name} has not", count(n, "commit")),
                "pull first: `gsync start`",
            ),
        };
        return Err(Problem::refuse("not-in-sync", why).hint(hint).into());
    }
    let start = start(git)?;
    Ok(Ground {
        branch,
        place: start.standing.place,
        snapshot: start.snapshot,
        keep: start.name,
        hub: (remote.clone(), RefName::new(there.as_str())),
        app: app.map(|app| app.remote.clone()),
    })
}
