//! Taking out what is ours, and only that. What another tool changed in between stays, and
//! is named.

use std::path::Path;

use super::facts::{Entry, Facts};
use super::record::{Layer, Mode, Record};
use crate::plan::{Plan, Step};

/// The plan of `gsync uninstall`. Without steps: it is not installed.
pub fn plan(facts: &Facts) -> Plan {
    let Some(record) = &facts.record else { return Plan::new("gsync is not installed here") };
    let mut after = facts.clone();
    let mut plan = Plan::new("uninstall gsync");
    plan.notes.extend(edited(facts, record));
    strip(&mut after, record, &mut plan);
    settings_and_role(facts, record, &mut plan);
    if let (Some(text), Some(dir)) = (&record.toml, &facts.work_dir) {
        let same = facts.toml.as_ref().is_some_and(|file| file.bytes.0 == text.as_bytes());
        if same && !facts.toml_tracked {
            plan.steps.push(Step::Write { path: dir.join(crate::config::FILE), file: None });
        } else if facts.toml.is_some() {
            plan.notes.push(".gsync.toml is tracked or was changed, and stays".into());
        }
    }
    plan.steps.push(Step::Write { path: facts.record_file(), file: None });
    plan
}

/// Shims that somebody has changed: they are theirs now.
fn edited(facts: &Facts, record: &Record) -> Vec<String> {
    let folder = match record.mode {
        Mode::Folder => &facts.hooks,
        Mode::Override => &facts.own,
        Mode::Config => return Vec::new(),
    };
    let is_foreign = |name: &&String| {
        matches!(folder.entries.get(*name), Some(Entry::Foreign { .. }))
            && where_ours_is(facts, name).is_none()
            && !(record.moved.contains(name) && facts.aside.entries.contains_key(*name))
    };
    let place = |name: &String| folder.dir.join(name).display().to_string();
    let names = record.shims.iter().filter(is_foreign);
    names.map(|name| format!("{} was changed since, and stays", place(name))).collect()
}

/// The last settings made are the first to go; what was made on top of one another in one file
/// goes in one step, so that the bytes from before come back.
fn settings_and_role(facts: &Facts, record: &Record, plan: &mut Plan) {
    let role = record.role.as_ref().filter(|role| {
        let ours = role.edits.first().and_then(|edit| edit.value.as_ref());
        let stands = facts.role.as_ref() == ours;
        if !stands {
            plan.notes.push("gsync.role was changed since, and stays".into());
        }
        stands
    });
    let before = plan.steps.len();
    settings(facts, record, plan);
    let Some(role) = role else { return };
    match plan.steps.get_mut(before) {
        Some(Step::Unconfig { edits, file, .. })
            if role.was.is_none() && *file == facts.config_file =>
        {
            edits.extend(role.edits.clone());
        }
        _ => plan.steps.push(unconfig(facts, role)),
    }
}

/// Takes the settings of the hooks back, unless somebody else has changed them since.
pub(super) fn settings(facts: &Facts, record: &Record, plan: &mut Plan) {
    let Some(layer) = &record.hooks else { return };
    if record.mode == Mode::Override && !facts.hooks_path_is_ours() {
        plan.notes.push("core.hooksPath was changed since, and stays".into());
    } else {
        plan.steps.push(unconfig(facts, layer));
    }
}

fn unconfig(facts: &Facts, layer: &Layer) -> Step {
    let file = if layer.worktree { &facts.worktree_config_file } else { &facts.config_file };
    Step::Unconfig { file: file.clone(), edits: layer.edits.clone(), was: layer.was.clone() }
}

/// Takes shims, chained hooks and the chain file away, and tells `facts` what is there then.
pub(super) fn strip(facts: &mut Facts, record: &Record, plan: &mut Plan) {
    let own_dir = facts.own.dir.clone();
    let steps = &mut plan.steps;
    if record.mode == Mode::Folder {
        strip_folder(facts, record, steps, &mut plan.notes);
    }
    for (name, entry) in std::mem::take(&mut facts.own.entries) {
        if matches!(entry, Entry::Ours { .. }) {
            steps.push(remove(&own_dir, &name));
        } else {
            facts.own.entries.insert(name, entry);
        }
    }
    if facts.own.exists && facts.own.entries.is_empty() {
        steps.push(Step::RemoveDir { dir: own_dir });
        facts.own.exists = false;
    }
    if facts.chain.take().is_some() {
        steps.push(Step::Write { path: facts.chain_file(), file: None });
    }
}

fn strip_folder(
    facts: &mut Facts,
    record: &Record,
    steps: &mut Vec<Step>,
    notes: &mut Vec<String>,
) {
    let dir = facts.hooks.dir.clone();
    let aside = facts.aside.dir.clone();
    for name in &record.shims {
        let moved = record.moved.contains(name) && facts.aside.entries.contains_key(name);
        let place = where_ours_is(facts, name);
        if let Some(place) = &place {
            steps.push(remove(&dir, place));
            facts.hooks.entries.remove(place);
        }
        if !moved {
            continue;
        }
        // Where our shim is, or was before somebody deleted it, the former hook belongs.
        let to = match place {
            Some(place) => Some(place),
            None => (!facts.hooks.entries.contains_key(name)).then(|| name.clone()),
        };
        match to {
            Some(to) => {
                steps.push(Step::Move { from: aside.join(name), to: dir.join(&to) });
                if let Some(entry) = facts.aside.entries.remove(name) {
                    facts.hooks.entries.insert(to, entry);
                }
            }
            None => notes.push(format!(
                "the {name} hook was replaced by another tool and stays; the one from before is {}",
                aside.join(name).display()
            )),
        }
    }
    for name in &record.mirrors {
        if facts.aside.entries.remove(name).is_some() {
            steps.push(remove(&aside, name));
        }
    }
    if facts.aside.exists {
        steps.push(Step::RemoveDir { dir: aside });
    }
    if record.made_folder && facts.hooks.entries.is_empty() && facts.hooks.exists {
        steps.push(Step::RemoveDir { dir });
        facts.hooks.exists = false;
    }
}

/// Our shim in the hooks folder: under its name, or under one of those that other managers
/// give to a hook that they find (pre-commit and prek: `.legacy`, lefthook: `.old`).
fn where_ours_is(facts: &Facts, hook: &str) -> Option<String> {
    [hook.to_owned(), format!("{hook}.legacy"), format!("{hook}.old")].into_iter().find(|name| {
        matches!(facts.hooks.entries.get(name), Some(Entry::Ours { marker, .. }) if marker.hook == hook)
    })
}

fn remove(dir: &Path, name: &str) -> Step {
    Step::Write { path: dir.join(name), file: None }
}
