//! `gsync deploy`, `release`, `rollback`, `sync` and `cancel`, on the server.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::args::{DeployArgs, ReleaseArgs, RollbackArgs, SyncArgs};
use super::server::{Acted, Server};
use super::worker::Wanted;
use crate::base::{CommitId, Exit, Problem, plain};
use crate::deploy::{Facts, STATE, Target, facts, meanwhile, release, rollback, standby, sync};
use crate::plan::Outcome;
use crate::plan::serve::Keeper;
use crate::run::serve::Watched;
use crate::run::{self, How, Lock};

pub fn deploy(server: &Server, args: &DeployArgs) -> Result<Exit> {
    let how = args.act.how();
    let app = facts::settings(&server.home)?;
    may(server, "deploy", app.access.deploy.as_deref())?;
    let named = args.rev.as_ref().map(|rev| facts::target(server.git(), rev)).transpose()?;
    let acted = server.act(&how, |seen| {
        // The tip is the one of now: a push that came while this waited is not taken back.
        let target = match named {
            Some(target) => target,
            None => facts::target(server.git(), &format!("refs/heads/{}", app.branch))?,
        };
        let wish = standby::Wish {
            what: "deploy",
            target,
            again: true,
            reuse: false,
            cut: false,
            branch: None,
        };
        Ok(standby::plan(seen, &wish)?)
    })?;
    after_deploy(server, &acted);
    Ok(server.end(&how, &acted, Value::Null))
}

/// What a deploy ends with: what STANDBY is now, and old releases gone.
pub(super) fn after_deploy(server: &Server, acted: &Acted) {
    if acted.ran.run.is_some() {
        server.prune();
    }
    if !acted.did() {
        return;
    }
    let Ok(now) = server.observe(false) else { return };
    let Ok((_, standby)) = now.sides() else { return };
    if let Some(build) = now.build(standby) {
        super::handoffs::mark(server, &now.app.branch, standby, &build.commit);
        if server.ui().is_for_programs() {
            return;
        }
        let url = now.app.env.get(standby).and_then(|env| env.url.as_deref());
        let url = url.map_or_else(String::new, |url| format!(" at {}", plain(url)));
        let (version, id) = (plain(&build.version), build.commit.short());
        server.ui().say(&format!("{standby} is STANDBY and runs {version} ({id}){url}"));
    }
}

pub fn release(server: &Server, args: &ReleaseArgs) -> Result<Exit> {
    let app = facts::settings(&server.home)?;
    may(server, "release", app.access.release.as_deref())?;
    let how = args.act.how();
    let acted = server.act_as_seen(&how, meanwhile::still, |seen| {
        let to = named(server, seen, args.to.as_deref())?.map(|target| target.commit);
        Ok(release::plan(seen, &release::Wish { to })?)
    })?;
    switched(server, &how, &acted)
}

pub fn rollback(server: &Server, args: &RollbackArgs) -> Result<Exit> {
    let app = facts::settings(&server.home)?;
    let may_whom = app.access.rollback.as_deref().or(app.access.release.as_deref());
    may(server, "rollback", may_whom)?;
    let how = args.act.how();
    let acted = server.act_as_seen(&how, meanwhile::still, |seen| {
        let to = named(server, seen, args.to.as_deref())?;
        Ok(rollback::plan(seen, to.as_ref())?)
    })?;
    switched(server, &how, &acted)
}

/// What `--to` means: a revision, or a version that `gsync envs` shows.
fn named(server: &Server, seen: &Facts, to: Option<&str>) -> Result<Option<Target>> {
    to.map(|to| facts::named(server.git(), seen, to)).transpose()
}

/// After a switch: LIVE is watched for a while, still under the lock, and left again if it turns
/// unhealthy.
fn switched(server: &Server, how: &How, acted: &Acted) -> Result<Exit> {
    // A plan that does nothing, or is only shown, was told with its notes.
    if !server.ui().is_for_programs() && acted.ran.run.is_some() {
        acted.plan.notes.iter().for_each(|note| server.ui().say(&format!("  {note}")));
    }
    if !acted.did() {
        return Ok(server.end(how, acted, Value::Null));
    }
    let now = server.observe(false)?;
    let (live, _) = now.sides()?;
    let live = live.to_owned();
    let Some(build) = now.build(&live) else { return Ok(server.end(how, acted, Value::Null)) };
    let version = plain(&build.version);
    server.ui().say(&format!("{live} is LIVE with {version} ({})", build.commit.short()));
    let watch = now.app.release.watch.0;
    let proof = now.proof(&live, build);
    // Where there is neither a process nor an address there is nothing to watch.
    let still = proof.health.url.is_none() && proof.keeper == Keeper::None;
    if watch.is_zero() || still {
        return Ok(server.end(how, acted, json!({ "live": live })));
    }
    server.ui().say(&format!("watching it for {} s", watch.as_secs_f32()));
    let (why, problem) = match run::serve::watch(now.host(&live), &proof, watch) {
        Watched::Well => return Ok(server.end(how, acted, json!({ "live": live }))),
        Watched::Ill(why) => {
            let said = format!("{live} turned unhealthy as LIVE");
            (why.clone(), Problem::new(Exit::PutBack, "unhealthy", said).because(why))
        }
        Watched::Stopped => {
            let said = format!("stopped while {live} was watched as LIVE");
            ("interrupted".to_owned(), Problem::new(Exit::Interrupted, "interrupted", said))
        }
    };
    let exit = lead_back(server, &now, &why)?;
    if exit != Exit::Done {
        return Ok(exit);
    }
    let former = now.app.other(&live).unwrap_or_default().to_owned();
    Err(problem
        .because(format!("the traffic is led to {former} again"))
        .hint("look at both: `gsync envs`")
        .into())
}

/// Leads the traffic back. It is a putting back, which nobody stops half way: whoever said stop
/// meant what went before it.
fn lead_back(server: &Server, now: &Facts, why: &str) -> Result<Exit> {
    let back = release::back(now, why)?;
    let mut stopped = false;
    let exit = loop {
        stopped |= run::stopped();
        run::go_on();
        let (ran, _) = server.run(&How::default(), &back)?;
        if ran.exit() != Exit::Interrupted {
            break ran.exit();
        }
    };
    if stopped {
        run::stop();
    }
    Ok(exit)
}

pub fn sync(server: &Server, args: &SyncArgs) -> Result<Exit> {
    let app = facts::settings(&server.home)?;
    may(server, "sync", app.access.sync.as_deref())?;
    let how = args.act.how();
    let acted =
        server.act_as_seen(&how, meanwhile::still_live, |seen| Ok(sync::plan(seen, args.cut)?))?;
    after_deploy(server, &acted);
    Ok(server.end(&how, &acted, json!({ "cut": args.cut })))
}

/// Stops what runs, and takes what waits out of the queue.
pub fn cancel(server: &Server) -> Result<Exit> {
    let app = facts::settings(&server.home)?;
    may(server, "cancel", app.access.cancel.as_deref())?;
    let waits = Wanted::take(server.git())?;
    let dir = server.git().gsync_dir();
    let runs = Lock::holder_pid(&dir)?;
    let before = server.git().resolve_commit(STATE)?;
    let (mut stopped, mut gone) = (false, false);
    if let Some(pid) = runs {
        stopped = run::stop_other(pid);
        // It puts back first; that may take as long as starting the former release does.
        let start = std::time::Instant::now();
        while stopped && start.elapsed() < Duration::from_mins(2) {
            if Lock::holder_pid(&dir)? != Some(pid) {
                gone = true;
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    let ui = server.ui();
    if ui.is_for_programs() {
        let waiting = waits.as_ref().map(|it| it.commit.clone());
        ui.object(&json!({ "app": app.name, "stopped": stopped, "waiting": waiting }));
        return Ok(Exit::Done);
    }
    if let Some(waits) = &waits {
        ui.say(&format!("{} is not deployed any more", waits.commit.short()));
    }
    match (stopped, gone) {
        (true, true) => ui.say(&ended(server, before.as_ref())?),
        (true, false) => ui.say("what is running was told to stop, and is still putting back"),
        (false, _) if waits.is_none() => {
            ui.say("nothing runs and nothing waits: nothing to cancel");
        }
        (false, _) => {}
    }
    Ok(Exit::Done)
}

/// What became of what was told to stop: that is read from what it wrote down.
fn ended(server: &Server, before: Option<&CommitId>) -> Result<String> {
    let journal = server.context.journal();
    if journal.unfinished()?.is_some() {
        return Ok("what was running was cut off; the next command here puts it back".to_owned());
    }
    // A release that was watched was done, and led back by a deed of its own.
    let led_back = server.git().resolve_commit(STATE)?.as_ref() != before
        && facts::recorded(server.git())?.is_some_and(|state| state.outcome != "done");
    let outcome = match led_back {
        true => Some(Outcome::PutBack),
        false => journal.records()?.pop().and_then(|record| record.outcome),
    };
    Ok(match outcome {
        Some(Outcome::PutBack | Outcome::Interrupted) => {
            "what was running was stopped and put back".to_owned()
        }
        Some(Outcome::Done) | None => {
            "what was running ended before it could be stopped: nothing was put back".to_owned()
        }
        Some(Outcome::Kept | Outcome::Stuck) => {
            "what was running was stopped, and not all of it was put back: `gsync log`".to_owned()
        }
    })
}

/// Whether who asks may, by `[access]`.
pub(super) fn may(server: &Server, what: &str, whom: Option<&[String]>) -> Result<()> {
    allowed(&server.who, what, whom)
}

/// The same for one who has a name and no server yet: a push.
pub(super) fn allowed(who: &str, what: &str, whom: Option<&[String]>) -> Result<()> {
    match whom {
        Some(names) if !names.iter().any(|name| name == "*" || *name == who) => {
            Err(Problem::refuse("access", format!("{} may not {what} here", plain(who)))
                .because(format!("[access] names: {}", plain(&names.join(", "))))
                .hint(format!("ask one of them, or change [access] {what} in app.toml"))
                .into())
        }
        _ => Ok(()),
    }
}
