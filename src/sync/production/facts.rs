//! The role of this clone, and its processes in the process table.

use anyhow::Result;

use super::{Process, ProductionFacts, find};
use crate::config::Config;
use crate::git::Git;
use crate::host::processes;

/// Looks, if the role of this clone is in production; nothing: it is not.
pub fn observe(git: &Git, config: &Config) -> Result<Option<ProductionFacts>> {
    let Some(role) = git.config("gsync.role")? else { return Ok(None) };
    let Some(rules) = config.roles.get(&role).and_then(|role| role.production.clone()) else {
        return Ok(None);
    };
    let table: Vec<Process> = match rules.processes.is_empty() {
        true => Vec::new(),
        false => processes::table()?.into_iter().map(process).collect(),
    };
    let running = find(&rules.processes, &table, std::process::id());
    let fold = git.ask(&["config", "--type=bool", "--get", "core.ignorecase"])?;
    let fold = fold.as_deref() == Some("true");
    Ok(Some(ProductionFacts { role, rules, running, fold }))
}

fn process(line: processes::Line) -> Process {
    let processes::Line { pid, parent, program, command, started } = line;
    Process { pid, parent, program, command, started }
}
