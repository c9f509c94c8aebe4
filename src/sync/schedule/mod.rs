//! `gsync schedule`: the status daily and the review weekly, by the user's systemd timers, or
//! by the crontab where no systemd of the user runs. Everything of ours carries the name of
//! its repository, so that it goes again without touching anything else.

pub mod cron;
pub mod facts;
pub mod units;

use std::path::PathBuf;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::base::{Bytes, File, Problem};
use crate::plan::{Plan, Step};

/// What is scheduled, and how often.
pub const JOBS: [Job; 2] = [
    Job { name: "status", words: "status --fetch", every: "daily" },
    Job { name: "tidy", words: "tidy", every: "weekly" },
];

/// One thing that runs by itself.
#[derive(Debug, Clone, Copy)]
pub struct Job {
    pub name: &'static str,
    pub words: &'static str,
    /// As systemd's calendar calls it.
    pub every: &'static str,
}

/// Who starts things at a given time here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheduler {
    Systemd,
    Cron,
    None,
}

/// What is known of the schedulers of this machine and what they have of ours.
#[derive(Debug, Clone)]
pub struct ScheduleFacts {
    pub scheduler: Scheduler,
    /// Ourselves, by the whole path.
    pub program: String,
    /// The repository.
    pub dir: String,
    /// Where programs are found: timers start with almost nothing.
    pub path: Option<String>,
    /// Where the user's units are, and those directories on the way to it that are missing.
    pub unit_dir: PathBuf,
    pub missing: Vec<PathBuf>,
    /// Our unit files that are there.
    pub units: Vec<(PathBuf, File)>,
    /// Our links that are there: they make timers start with the session.
    pub links: Vec<(PathBuf, PathBuf)>,
    pub crontab: Option<Bytes>,
}

impl ScheduleFacts {
    /// What everything of this repository is called.
    pub fn name(&self) -> String {
        let last = self.dir.rsplit('/').next().unwrap_or_default();
        let safe = last.chars().filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c));
        let safe: String = safe.take(30).collect();
        let hash = Sha256::digest(&self.dir);
        let hash = crate::base::hex(&hash[..4]);
        if safe.is_empty() { format!("gsync-{hash}") } else { format!("gsync-{safe}-{hash}") }
    }

    fn timers(&self) -> Vec<String> {
        JOBS.iter().map(|job| format!("{}-{}.timer", self.name(), job.name)).collect()
    }
}

/// Puts our jobs into the scheduler that runs here, and takes those out of the other one.
pub fn install(facts: &ScheduleFacts) -> Result<Plan, Problem> {
    for text in [&facts.dir, &facts.program].into_iter().chain(&facts.path) {
        if text.contains(char::is_control) {
            return Err(Problem::refuse(
                "odd-path",
                "a path with a control character cannot be put into a schedule",
            ));
        }
    }
    let plan = Plan::new(format!("schedule gsync for {}", facts.dir));
    match facts.scheduler {
        Scheduler::Systemd => {
            let mut plan = plan.then_all(without_cron(facts)?);
            let there = plan.steps.len();
            plan.steps.extend(units::install(facts));
            if plan.steps.len() > there {
                plan = plan.then(Step::Timers { start: facts.timers(), stop: Vec::new() });
            }
            Ok(plan.note("timers run while you are logged in; always: `loginctl enable-linger`"))
        }
        Scheduler::Cron => {
            let table = cron::with(facts)?;
            let mut plan = plan.then_all(units::remove(facts));
            if facts.crontab.as_ref() != Some(&table) {
                plan = plan.then(Step::Crontab { table: Some(table) });
            }
            Ok(plan.note("cron mails what the jobs say, where mail is set up"))
        }
        Scheduler::None => Err(Problem::refuse(
            "no-scheduler",
            "neither a systemd of this user nor cron is here to run anything by itself",
        )
        .hint("install cron, or run `gsync tidy` by hand once a week")),
    }
}

/// Takes everything of ours for this repository out again.
pub fn remove(facts: &ScheduleFacts) -> Result<Plan, Problem> {
    let mut plan = Plan::new(format!("take gsync for {} off the schedule", facts.dir));
    let files = units::remove(facts);
    if !files.is_empty() {
        if facts.scheduler == Scheduler::Systemd {
            plan = plan.then(Step::Timers { start: Vec::new(), stop: facts.timers() });
        }
        plan = plan.then_all(files);
        if facts.scheduler == Scheduler::Systemd {
            // Only to let go of units whose files are gone.
            plan = plan.then(Step::Timers { start: Vec::new(), stop: Vec::new() });
        }
    }
    Ok(plan.then_all(without_cron(facts)?))
}

fn without_cron(facts: &ScheduleFacts) -> Result<Option<Step>, Problem> {
    let Some(now) = &facts.crontab else { return Ok(None) };
    let Some(rest) = cron::without(now, &facts.name())? else { return Ok(None) };
    Ok(Some(Step::Crontab { table: (!rest.0.is_empty()).then_some(rest) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn facts(scheduler: Scheduler) -> ScheduleFacts {
        ScheduleFacts {
            scheduler,
            program: "/usr/bin/gsync".into(),
            dir: "/work/my shop".into(),
            path: Some("/usr/bin:/bin".into()),
            unit_dir: "/home/u/.config/systemd/user".into(),
            missing: Vec::new(),
            units: Vec::new(),
            links: Vec::new(),
            crontab: None,
        }
    }

    /// The world after a plan.
    fn after(mut facts: ScheduleFacts, plan: &Plan) -> ScheduleFacts {
        for step in &plan.steps {
            match step.clone() {
                Step::Write { path, file: Some(file) } => facts.units.push((path, file)),
                Step::Write { path, file: None } => facts.units.retain(|(at, _)| *at != path),
                Step::Link { at, to: Some(to) } => facts.links.push((at, to)),
                Step::Link { at, to: None } => facts.links.retain(|(known, _)| *known != at),
                Step::Crontab { table } => facts.crontab = table,
                _ => {}
            }
        }
        facts
    }

    #[test]
    fn installing_twice_is_installing_once_and_removing_leaves_nothing() {
        for scheduler in [Scheduler::Systemd, Scheduler::Cron] {
            let first = install(&facts(scheduler)).unwrap();
            assert!(!first.steps.is_empty());
            let there = after(facts(scheduler), &first);
            assert_eq!(install(&there).unwrap().steps, []);
            let gone = after(there.clone(), &remove(&there).unwrap());
            assert!(gone.units.is_empty() && gone.links.is_empty() && gone.crontab.is_none());
            assert_eq!(remove(&gone).unwrap().steps, []);
        }
    }

    #[test]
    fn where_systemd_took_over_from_cron_nothing_runs_twice() {
        let there = after(facts(Scheduler::Cron), &install(&facts(Scheduler::Cron)).unwrap());
        let there = ScheduleFacts { scheduler: Scheduler::Systemd, ..there };
        let there = after(there.clone(), &install(&there).unwrap());
        assert!(there.crontab.is_none() && there.units.len() == 4);
        let there = ScheduleFacts { scheduler: Scheduler::Cron, ..there };
        let there = after(there.clone(), &install(&there).unwrap());
        assert!(there.crontab.is_some() && there.units.is_empty());
    }

    #[test]
    fn names_tell_repositories_apart_and_are_safe_everywhere() {
        let name = facts(Scheduler::Cron).name();
        assert!(name.starts_with("gsync-myshop-") && name.len() == 21, "{name}");
        let other = ScheduleFacts { dir: "/other/my shop".into(), ..facts(Scheduler::Cron) };
        assert_ne!(other.name(), name);
    }

    #[test]
    fn without_any_scheduler_nothing_is_promised() {
        let refused = install(&facts(Scheduler::None)).unwrap_err();
        assert_eq!(refused.code, "no-scheduler");
    }
}
