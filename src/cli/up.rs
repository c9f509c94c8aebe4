//! `gsync up`: brings services up to date, and proves it.

use std::cell::RefCell;

use anyhow::{Context as _, Result};

use super::Context;
use super::args::UpArgs;
use crate::base::Exit;
use crate::host::terminal;
use crate::pipeline::facts::{own_matchers, remembered};
use crate::pipeline::matchers::Matchers;
use crate::pipeline::plan::{Places, key, plan};
use crate::pipeline::state::State;
use crate::pipeline::{Base, Facts, observe};
use crate::plan::{Outcome, Plan, Step};
use crate::run;
use crate::ui::services as show;

pub fn main(context: &Context, args: &UpArgs) -> Result<Exit> {
    let _front = terminal::borrowed();
    let how = args.act.how();
    let seen: RefCell<Option<(Facts, Vec<String>)>> = RefCell::new(None);
    let git = &context.git;
    let think = || {
        let config = context.config()?;
        let facts = observe(git, args.since.as_deref(), true)?;
        let places = Places {
            work_dir: git.work_dir.clone().context("services need a work tree")?,
            gsync_dir: git.gsync_dir(),
        };
        let plan = plan(&config, &facts, &args.services, &places)?;
        // What is wrong with the repository's own matchers is said before the first step.
        if let Some(own) = own_matchers(git)? {
            Matchers::new(Some(&own))?;
        }
        let services = config.service.iter().map(|service| service.name.clone()).collect();
        *seen.borrow_mut() = Some((facts, services));
        Ok(plan)
    };
    // The outcome is remembered while the lock is held, so no other run comes between.
    let after = |plan: &Plan, outcome: Outcome| {
        let Some((facts, services)) = seen.take() else { return Ok(serde_json::Value::Null) };
        let mut state = after(remembered(git)?, &facts, plan, outcome, args);
        // A service that is gone is left to nobody.
        state.left.retain(|name| services.contains(name));
        state.own.retain(|name, _| services.contains(name));
        run::remember(git, &state)?;
        if !context.ui.is_for_programs() && !plan.steps.is_empty() {
            context.ui.say(&show::report(&context.ui.talk_style(), plan, &state));
        }
        Ok(show::report_object(plan, &state))
    };
    let (_, ran) = context.act_then(&how, think, after)?;
    Ok(ran.exit())
}

/// What is to be remembered. The run itself has noted which steps are done and which failed.
fn after(state: State, facts: &Facts, plan: &Plan, outcome: Outcome, args: &UpArgs) -> State {
    let before = &facts.state;
    let mut next = State { gsync: 1, ..state };
    let tasks = || {
        plan.steps.iter().filter_map(|step| match step {
            Step::Run(task) => Some(task),
            _ => None,
        })
    };
    let mut left: Vec<String> = Vec::new();
    for task in tasks() {
        if !next.done.contains(&key(task)) && !left.contains(&task.service) {
            left.push(task.service.clone());
        }
    }
    // What this run was not about is as it was.
    let others = before.left.iter().filter(|name| tasks().all(|task| task.service != **name));
    left.extend(others.cloned());
    if !args.services.is_empty() {
        next.seen.clone_from(&before.seen);
        for name in args.services.iter().filter(|name| !left.contains(name)) {
            next.own.insert(name.clone(), facts.now.clone());
        }
    } else if outcome == Outcome::Done || !matches!(facts.base, Base::Since(_)) {
        next.seen.clone_from(&facts.now);
        next.own.clear();
    }
    next.left = left;
    if outcome == Outcome::Done {
        next.done.retain(|done| next.left.contains(&done.service));
        next.failed = next.failed.filter(|failed| next.left.contains(&failed.service));
    }
    next
}
