//! What is said after the fact: what a pull brought, and what is not pushed yet.

use anyhow::Result;

use crate::base::{CommitId, Problem, plain};
use crate::cli::{arrived, background, handoff, settings};
use crate::config::{Config, PushAfter};
use crate::git::Git;
use crate::hooks::events::arrival::{self, Arrival, Event, Memory};
use crate::hooks::events::facts::{self, Look};
use crate::hooks::events::unpushed::{self, Then};
use crate::host::{clock, env, knowledge, read};
use crate::ui::Ui;

/// After a commit: a reminder, or a push in the background. A merge that a person concluded
/// ends here too. Gives the settings that it read.
pub(super) fn commit(ui: &Ui, git: &Git) -> Result<Config> {
    let look = Look::at(git);
    let config = settings::say_valid(ui, git).config;
    tell(ui, &look, git, &config, &Event::Look, true)?;
    handoff::draft::committed(ui, git, &config);
    let after = push_after(&look, &config)?;
    let hub = &config.hub;
    match unpushed::then(&facts::after_commit(&look, after, &hub.remote, &hub.branch)?) {
        Then::Nothing => {}
        Then::Say(line) => ui.say(&line),
        Then::Push(hub, branch) => background::start(git, &hub, &branch)?,
    }
    Ok(config)
}

/// After a merge, which may be a pull.
pub(super) fn merge(ui: &Ui, git: &Git, squash: bool) -> Result<()> {
    let look = Look::at(git);
    let config = settings::say_valid(ui, git).config;
    if squash {
        let arrival = facts::squashed(&look, &config.hub.remote)?;
        report(ui, git, &config, &[arrival], arrived::is_quiet(git, false));
    }
    handoff::draft::moved(ui, git);
    tell(ui, &look, git, &config, &Event::Look, true)
}

/// After a rebase or an amend.
pub(super) fn rewrite(ui: &Ui, git: &Git, how: &str) -> Result<()> {
    let event = match how {
        "rebase" => {
            handoff::draft::rebased(ui, git);
            Event::RebaseEnd
        }
        _ => {
            handoff::draft::moved(ui, git);
            Event::Look
        }
    };
    tell(ui, &Look::at(git), git, &settings::say_valid(ui, git).config, &event, true)
}

/// After HEAD was moved: by a switch, or by a rebase that begins.
pub(super) fn checkout(
    ui: &Ui,
    git: &Git,
    old: Option<CommitId>,
    new: Option<CommitId>,
) -> Result<()> {
    let look = Look::at(git);
    let event = facts::checkout(&look, old, new)?;
    tell(ui, &look, git, &settings::say_valid(ui, git).config, &event, true)
}

/// Some pulls fire no hook of ours (`reset --hard @{u}`, a rebase that dropped everything):
/// the next hook or command finds that the branch has moved.
pub fn catch_up(ui: &Ui, git: &Git) -> Result<()> {
    if git.work_dir.is_none() || ui.quiet || ui.is_for_programs() {
        return Ok(());
    }
    // Where nothing was ever remembered there is nothing to compare with.
    match read::file(&path(git))? {
        Some(file) if !facts::is_known(git, &facts::memory(&file.bytes.0)) => {
            tell(ui, &Look::at(git), git, &settings::valid(git).config, &Event::Look, false)
        }
        _ => Ok(()),
    }
}

/// Remembers where the branch is now without a word, after a command that told it by itself.
/// What cannot be remembered is told once more, which is no harm.
pub fn settle(git: &Git) {
    let ui = Ui { quiet: true, ..Ui::default() };
    if git.work_dir.is_some()
        && let Ok(Some(_)) = read::file(&path(git))
    {
        let config = settings::valid(git).config;
        let _ = tell(&ui, &Look::at(git), git, &config, &Event::Look, false);
    }
}

/// The same, before a judge: whatever goes wrong here is not its business.
pub(super) fn look_back(ui: &Ui, git: &Git) {
    if let Err(err) = catch_up(ui, git) {
        ui.detail(&format!("what came in cannot be told: {err:#}"));
    }
}

/// Says what arrived since the last look, once. `pulled`: this may be the hook of the pull, so
/// services may be brought up.
fn tell(
    ui: &Ui,
    look: &Look<'_>,
    git: &Git,
    config: &Config,
    event: &Event,
    pulled: bool,
) -> Result<()> {
    // A command of ours says by itself what it brought.
    let inside = pulled && env::raw(env::INSIDE).is_some();
    if inside || env::raw(crate::cli::messages::BACKGROUND).is_some() {
        return Ok(());
    }
    let hub = &config.hub;
    let arrived = knowledge::change(&path(git), |bytes| {
        let mut memory: Memory = facts::memory(bytes);
        let here = facts::here(look, &memory, event)?;
        let asked = arrival::questions(&memory, &here, event);
        let mut arrived = Vec::new();
        for question in &asked {
            let arrival = facts::gained(look, &memory, question, &hub.remote, &hub.branch)?;
            if !arrival.commits.is_empty() {
                arrived.push(arrival);
            }
        }
        arrival::remember(&mut memory, &here, event, &asked, !arrived.is_empty());
        let text = serde_json::to_string(&memory)?;
        Ok((arrived, crate::base::hidden(text, |_| {}).into_bytes()))
    })?;
    // A rebase that begins has not put its commits in place.
    let begins = matches!(event, Event::RebaseStart { .. });
    let may_up = pulled && !begins && arrived::is_quiet(git, *event == Event::RebaseEnd);
    report(ui, git, config, &arrived, may_up);
    Ok(())
}

/// Says what arrived and which services it concerns, and brings them up if they want it.
fn report(ui: &Ui, git: &Git, config: &Config, arrivals: &[Arrival], may_up: bool) {
    let now = clock::now();
    let mut wanted = false;
    for arrival in arrivals {
        arrival.lines(now).iter().for_each(|line| ui.say(line));
        let (names, up) = arrived::concerned(ui, config, &arrival.files);
        if !names.is_empty() {
            arrived::say(ui, &names, up && may_up);
            wanted |= up && may_up;
        }
        handoff::arrived(ui, git, config, &arrival.files);
    }
    if wanted {
        arrived::bring_up(ui, git);
    }
}

fn path(git: &Git) -> std::path::PathBuf {
    git.gsync_dir().join("pulled.json")
}

/// `gsync.pushAfter` of the person, else what the repository says.
fn push_after(look: &Look<'_>, config: &Config) -> Result<PushAfter> {
    Ok(match look.config("gsync.pushAfter")?.as_deref() {
        None => config.work.push_after,
        Some("remind") => PushAfter::Remind,
        Some("auto") => PushAfter::Auto,
        Some("off") => PushAfter::Off,
        Some(other) => {
            let why = format!("gsync.pushAfter is `{}`: use remind, auto or off", plain(other));
            return Err(Problem::usage("config", why).into());
        }
    })
}
