//! How services and what became of them are shown.

use serde_json::{Value, json};

use super::Style;
use crate::base::{count, plain};
use crate::config::{Config, OnPull};
use crate::pipeline::state::State;
use crate::pipeline::{Base, Concerned, Facts};
use crate::plan::{Plan, Step};

/// For people: a line per service, its reasons below it.
pub fn services(style: &Style, config: &Config, facts: &Facts, concerned: &[Concerned]) -> String {
    let mut text = String::new();
    if config.service.is_empty() {
        return "no services: `.gsync.toml` has no [[service]]\n".to_owned();
    }
    let since = match &facts.base {
        Base::Since(id) => format!("since {}", id.short()),
        Base::LastUp(id) => format!("since they were brought up, at {}", id.short()),
        Base::Pull(id) => format!("since the last pull, which began at {}", id.short()),
        Base::Nothing => "of which nothing is known yet".to_owned(),
    };
    let changed = count(facts.changed.len(), "changed path");
    text += &format!("{changed} {since}\n");
    for one in concerned {
        let after = match one.after.is_empty() {
            true => String::new(),
            false => format!(" after {}", one.after.join(", ")),
        };
        text += &format!("{}{}\n", style.title(&plain(&one.service)), style.dim(&plain(&after)));
        for reason in one.because.iter().take(3) {
            text += &format!("  because {reason}\n");
        }
        if one.reasons > 3 {
            text += &format!("  and {} more\n", one.reasons - 3);
        }
    }
    if concerned.is_empty() {
        text += "no service is concerned\n";
    } else {
        text += &format!("{} run `gsync up` to bring them up to date\n", style.hint("hint:"));
    }
    text
}

/// For programs.
pub fn services_object(config: &Config, facts: &Facts, concerned: &[Concerned]) -> Value {
    let on_pull = |name: &str| {
        let service = config.service.iter().find(|service| service.name == name);
        match service.map(|service| service.on_pull) {
            Some(OnPull::Up) => "up",
            _ => "report",
        }
    };
    let services: Vec<Value> = concerned
        .iter()
        .map(|one| {
            json!({
                "name": one.service, "because": one.because, "reasons": one.reasons,
                "after": one.after, "steps": one.steps, "on_pull": on_pull(&one.service),
            })
        })
        .collect();
    json!({
        "base": { "why": facts.base.word(), "commit": facts.base.commit() },
        "head": facts.now.head,
        "changed": facts.changed.len(),
        "services": services,
        "order": concerned.iter().map(|one| &one.service).collect::<Vec<_>>(),
        "failed": facts.state.failed,
    })
}

/// Services of a plan that are up, and those that are not.
fn sides(plan: &Plan, state: &State) -> (Vec<String>, Vec<String>) {
    let mut up: Vec<String> = Vec::new();
    for step in &plan.steps {
        if let Step::Run(task) = step
            && !state.left.contains(&task.service)
            && !up.contains(&task.service)
        {
            up.push(task.service.clone());
        }
    }
    (up, state.left.clone())
}

/// The last lines of a run.
pub fn report(style: &Style, plan: &Plan, state: &State) -> String {
    let (up, left) = sides(plan, state);
    let mut lines = Vec::new();
    if !up.is_empty() {
        lines.push(format!("{} {}", style.good("up:"), plain(&up.join(", "))));
    }
    if !left.is_empty() {
        lines.push(format!("{} {}", style.error("not up:"), plain(&left.join(", "))));
    }
    if let Some(failed) = &state.failed {
        for fix in &failed.fixes {
            lines.push(format!("tried to mend it: {}", plain(fix)));
        }
        let hint = "run `gsync up` to go on where it failed";
        lines.push(format!("{} {hint}", style.hint("hint:")));
    }
    lines.join("\n")
}

/// The same for programs. What stands in `first` is text of a log: not to be trusted.
pub fn report_object(plan: &Plan, state: &State) -> Value {
    let (up, left) = sides(plan, state);
    json!({ "services": { "up": up, "left": left }, "failed": state.failed })
}
