//! How it should be: which hooks, which texts, which settings; and whether it is so.

use super::facts::{Entry, Facts};
use super::record::{Mode, Record};
use super::shim;
use crate::base::{Edit, Hook};

/// Every hook of git that a folder may hold and a shim can pass on.
const OTHERS: [&str; 20] = [
    "applypatch-msg",
    "pre-applypatch",
    "post-applypatch",
    "pre-merge-commit",
    "prepare-commit-msg",
    "commit-msg",
    "pre-rebase",
    "pre-auto-gc",
    "sendemail-validate",
    "push-to-checkout",
    "reference-transaction",
    "post-index-change",
    "update",
    "post-update",
    "proc-receive",
    "pre-receive",
    "post-receive",
    "p4-changelist",
    "p4-pre-submit",
    "fsmonitor-watchman",
];

/// The hooks that gsync answers in this repository.
pub fn wanted(bare: bool) -> &'static [Hook] {
    if bare { &Hook::SERVER } else { &Hook::CLIENT }
}

/// Whether everything is exactly as this gsync would put it in now.
pub fn is_intact(facts: &Facts, record: &Record) -> bool {
    let mode = facts.right_mode();
    let wanted = wanted(facts.bare);
    let version = &facts.version;
    if record.mode != mode || record.version != *version {
        return false;
    }
    let shims_in = |folder: &super::Folder| {
        wanted.iter().all(|hook| {
            matches!(folder.entries.get(hook.name()), Some(Entry::Ours { text, runs: true, .. })
                if *text == shim::shim(*hook, version, &facts.binary))
        })
    };
    match mode {
        Mode::Folder => {
            shims_in(&facts.hooks)
                && record.moved.iter().all(|name| facts.aside.entries.contains_key(name))
                && facts.chain == chain_of_folder(facts, record)
        }
        Mode::Override => {
            facts.hooks_path_leads_here()
                && shims_in(&facts.own)
                && facts.chain == record.chain
                && passed(facts).iter().all(|name| facts.own.entries.contains_key(name))
        }
        Mode::Config => keys(facts).iter().all(|edit| {
            facts
                .hook_keys
                .iter()
                .any(|(key, value)| *key == edit.key && Some(value) == edit.value.as_ref())
        }),
    }
}

fn chain_of_folder(facts: &Facts, record: &Record) -> Option<String> {
    let aside = record.aside.as_ref()?;
    Some(facts.common_dir.join(aside).to_string_lossy().into_owned())
}

/// Hooks that gsync does not answer and that are in the folder we stand in front of.
pub(super) fn passed(facts: &Facts) -> Vec<String> {
    let answered = |name: &str| wanted(facts.bare).iter().any(|hook| hook.name() == name);
    let names = facts.foreign.iter();
    names.filter(|name| OTHERS.contains(&name.as_str()) && !answered(name)).cloned().collect()
}

/// The settings of the configuration hooks.
pub(super) fn keys(facts: &Facts) -> Vec<Edit> {
    let hooks = wanted(facts.bare).iter();
    hooks
        .flat_map(|hook| {
            let section = format!("hook.gsync-{hook}");
            [
                Edit::set(format!("{section}.command"), shim::command(*hook, &facts.binary)),
                Edit::set(format!("{section}.event"), hook.name()),
            ]
        })
        .collect()
}
