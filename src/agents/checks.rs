//! Whether the agents' files are still as this clone wrote them: for `gsync doctor`.

use super::facts::Facts;
use super::plan::install;
use crate::plan::Step;

/// One remark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub well: bool,
    pub message: String,
    /// What to do about it; empty if nothing.
    pub hint: String,
}

/// Judges. Nothing where this clone wrote no such files. `there`: agents find `gsync`.
pub fn judge(facts: &Facts, there: bool) -> Vec<Finding> {
    let Some(record) = &facts.record else { return Vec::new() };
    let mut found = Vec::new();
    let again = install(facts, &[]);
    let path = |step: &Step| match step {
        Step::Write { path, .. } if *path != facts.record_file => {
            path.strip_prefix(&facts.root).ok().map(|path| path.to_string_lossy().into_owned())
        }
        _ => None,
    };
    let stale: Vec<String> = again.steps.iter().filter_map(path).collect();
    let names: Vec<String> =
        record.agents.iter().map(|agent| format!("{agent:?}").to_lowercase()).collect();
    let alone = again.notes.iter().filter(|note| note.ends_with("is left alone"));
    if stale.is_empty() {
        let mut message = format!("the files for {} are in place", names.join(", "));
        alone.for_each(|note| message += &format!("; {note}"));
        found.push(Finding { well: true, message, hint: String::new() });
    } else {
        let hint = format!("run `gsync install --agents={}`", names.join(","));
        let message = format!("not as gsync writes them: {}", stale.join(", "));
        found.push(Finding { well: false, message, hint });
    }
    if !there {
        found.push(Finding {
            well: false,
            message: "the hooks of the agents run `gsync`, which is not on PATH".to_owned(),
            hint: "put the directory of gsync on PATH".to_owned(),
        });
    }
    found
}
