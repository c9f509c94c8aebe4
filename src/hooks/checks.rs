//! The doctor's judgement: facts and probes in, one line for each check out.

use serde::Serialize;

use super::desired::is_intact;
use super::facts::{Facts, HookFile, Hub, Probes};
use super::record::Mode;
use crate::base::shell_quote;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Ok,
    Warning,
    Error,
    /// It could not be found out.
    Unknown,
}

/// One line of the doctor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    pub check: String,
    pub state: State,
    pub message: String,
    /// What to do about it; empty if nothing.
    pub hint: String,
}

const INSTALL: &str = "run `gsync install`";

/// Whether anything needs a hand.
pub fn is_well(checks: &[Check]) -> bool {
    checks.iter().all(|check| matches!(check.state, State::Ok))
}

/// Judges everything.
pub fn judge(facts: &Facts, probes: &Probes) -> Vec<Check> {
    let mut list = List(Vec::new());
    installed(facts, &mut list);
    if facts.record.is_some() {
        for file in &probes.hooks {
            hook(facts, file, &mut list);
        }
        chained(facts, probes, &mut list);
        settings(facts, probes, &mut list);
    }
    hub(facts, probes, &mut list);
    clone(facts, probes, &mut list);
    list.0
}

struct List(Vec<Check>);

impl List {
    fn add(
        &mut self,
        check: &str,
        state: State,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let (message, hint) = (message.into(), hint.into());
        self.0.push(Check { check: check.to_owned(), state, message, hint });
    }

    fn ok(&mut self, check: &str, message: impl Into<String>) {
        self.add(check, State::Ok, message, "");
    }
}

fn installed(facts: &Facts, list: &mut List) {
    let Some(record) = &facts.record else {
        return list.add("install", State::Error, "gsync is not installed here", INSTALL);
    };
    if record.version != facts.version {
        let text = format!("the hooks are of gsync {}, this is {}", record.version, facts.version);
        list.add("install", State::Error, text, INSTALL);
    } else if record.mode != facts.right_mode() {
        let text = match (record.mode, facts.right_mode()) {
            (_, Mode::Config) | (Mode::Config, _) => format!(
                "git was {} when gsync was installed and is {}: the hooks belong elsewhere now",
                record.git, facts.git_version
            ),
            _ => "core.hooksPath was changed since gsync was installed".to_owned(),
        };
        list.add("install", State::Error, text, INSTALL);
    } else if is_intact(facts, record) {
        list.ok("install", format!("gsync {} with git {}", facts.version, facts.git_version));
    } else {
        list.add("install", State::Error, "what was installed has been changed since", INSTALL);
    }
}

fn hook(facts: &Facts, file: &HookFile, list: &mut List) {
    let name = &file.hook;
    let expected = format!("gsync {} {name}", facts.version);
    let path = shell_quote(&file.path.to_string_lossy());
    match &file.answer {
        Some(answer) if *answer == expected => list.ok(name, "fires"),
        Some(answer) => {
            // Its first words are enough, and none may move the cursor.
            let said: String = crate::base::plain(answer).chars().take(60).collect();
            list.add(name, State::Error, format!("{path} answered: {said}"), INSTALL);
        }
        None if !file.exists => {
            list.add(name, State::Error, format!("does not fire: there is no {path}"), INSTALL);
        }
        None if !file.runs => {
            list.add(name, State::Error, format!("does not fire: {path} has no run bit"), INSTALL);
        }
        None if file.crlf => {
            let text = format!("does not fire: {path} has lines that end in CR LF");
            list.add(name, State::Error, text, INSTALL);
        }
        None => match legacy(facts, name) {
            Some(legacy) => {
                let text = format!("another tool's hook stands in front; ours is {legacy}");
                list.add(name, State::Warning, text, INSTALL);
            }
            None => {
                let text = format!("does not fire: {path} is not gsync's, or does not start");
                list.add(name, State::Error, text, INSTALL);
            }
        },
    }
}

/// Our shim under the name that pre-commit and prek give to a hook that they found, and run.
fn legacy(facts: &Facts, hook: &str) -> Option<String> {
    let name = format!("{hook}.legacy");
    matches!(facts.hooks.entries.get(&name), Some(super::Entry::Ours { .. })).then_some(name)
}

fn chained(facts: &Facts, probes: &Probes, list: &mut List) {
    let Some(chain) = &facts.chain else { return };
    let recorded = facts.record.as_ref().is_some_and(|record| record.aside.is_some());
    if recorded && !probes.chain_exists {
        let text = format!("the hooks from before are gone: {}", shell_quote(chain));
        list.add("chained", State::Error, text, INSTALL);
    }
    for (name, runs) in &probes.chained {
        match runs {
            true => list.ok("chained", format!("{name} from before runs first")),
            false => {
                let file = shell_quote(&format!("{chain}/{name}"));
                let text = format!("{name} from before has no run bit or leads nowhere");
                list.add(
                    "chained",
                    State::Warning,
                    text,
                    format!("run `chmod +x {file}` if it should run"),
                );
            }
        }
    }
}

fn settings(facts: &Facts, probes: &Probes, list: &mut List) {
    match &facts.hooks_path {
        Some(at) if at.path.is_empty() => list.add(
            "core.hooksPath",
            State::Error,
            "is set, but empty: git then runs no hook of this repository",
            "run `git config --unset-all core.hooksPath`",
        ),
        Some(at) if !facts.hooks_path_is_ours() && !facts.config_hooks => {
            let text =
                format!("{} ({}) leads past gsync's hooks", shell_quote(&at.value), at.scope);
            list.add("core.hooksPath", State::Error, text, INSTALL);
        }
        _ => {}
    }
    for path in &probes.writable {
        let file = shell_quote(&path.to_string_lossy());
        let text = format!("everybody may write to {file}");
        list.add("permissions", State::Error, text, format!("run `chmod o-w {file}`"));
    }
    let chained = probes.chained.iter().any(|(name, runs)| name == "pre-push" && *runs);
    // Configuration hooks run beside the folder's own.
    let beside = facts.config_hooks && facts.hooks.entries.contains_key("pre-push");
    let missed = !(facts.bare || chained || beside);
    if probes.lfs && missed {
        list.add(
            "git-lfs",
            State::Warning,
            "this repository uses git-lfs, whose pre-push hook is not here",
            "run `git lfs install --local --force`, then `gsync install`",
        );
    }
}

fn hub(facts: &Facts, probes: &Probes, list: &mut List) {
    match &probes.hub {
        Hub::None if facts.bare => list.ok("hub", "others push here: this is one itself"),
        Hub::None => {
            let text = format!("there is no remote {}", shell_quote(&probes.remote));
            list.add(
                "hub",
                State::Unknown,
                text,
                "run `git remote add`, or name the hub in [hub] remote",
            );
        }
        Hub::Unreachable(why) => {
            let hint = format!("run `git ls-remote {}` to see why", shell_quote(&probes.remote));
            list.add(
                "hub",
                State::Unknown,
                format!("{} cannot be reached: {why}", probes.remote),
                hint,
            );
        }
        Hub::Reached { newest } => {
            list.ok("hub", format!("{} answers", probes.remote));
            if let (Some(newest), Some(now)) = (newest, probes.now)
                && newest.0 > now.0 + 300
            {
                let minutes = (newest.0 - now.0) / 60;
                let text = format!("the hub has a commit from {minutes} minutes in the future");
                list.add(
                    "clock",
                    State::Warning,
                    text,
                    "set the clock of this machine, or of the one that made it",
                );
            }
        }
    }
}

fn clone(facts: &Facts, probes: &Probes, list: &mut List) {
    match &facts.role {
        _ if facts.bare => {}
        Some(role) if !facts.roles.is_empty() && !facts.roles.contains(role) => {
            let text = format!("`{}` is not a role of .gsync.toml", crate::base::plain(role));
            list.add("role", State::Warning, text, "run `gsync install --role ROLE`");
        }
        Some(role) => list.ok("role", crate::base::plain(role)),
        // Where no roles are named, nobody misses one.
        None if facts.roles.is_empty() => list.ok("role", "none, and .gsync.toml names none"),
        None => list.add("role", State::Warning, "not set", "run `gsync install --role ROLE`"),
    }
    if let Some(value) = &facts.push_after
        && !matches!(value.as_str(), "remind" | "auto" | "off")
    {
        let text = format!("is `{}`: use remind, auto or off", crate::base::plain(value));
        let hint = "run `git config gsync.pushAfter remind`";
        list.add("gsync.pushAfter", State::Error, text, hint);
    }
    for line in &probes.slow {
        let text = format!("git is slow on {} files", probes.index_entries);
        list.add("speed", State::Warning, text, format!("run `{line}`"));
    }
    if probes.unfinished {
        list.add("runs", State::Error, "a run was cut off", "run `gsync rescue`");
    }
    if probes.skip {
        list.add(
            "GSYNC_SKIP",
            State::Warning,
            "is set: client hooks are skipped",
            "run `unset GSYNC_SKIP`",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_is_never_well() {
        let check =
            |state| Check { check: "x".into(), state, message: String::new(), hint: String::new() };
        assert!(is_well(&[check(State::Ok)]));
        for state in [State::Warning, State::Error, State::Unknown] {
            assert!(!is_well(&[check(State::Ok), check(state)]));
        }
    }

    #[test]
    fn a_hook_that_answers_with_anything_else_does_not_fire() {
        let file = |answer: Option<&str>| HookFile {
            hook: "pre-push".into(),
            path: "/r/.git/hooks/pre-push".into(),
            exists: true,
            runs: true,
            crlf: false,
            answer: answer.map(str::to_owned),
        };
        let facts = Facts { version: "1.0.0".into(), ..Facts::default() };
        let state = |answer| {
            let mut list = List(Vec::new());
            hook(&facts, &file(answer), &mut list);
            list.0[0].state
        };
        assert_eq!(state(Some("gsync 1.0.0 pre-push")), State::Ok);
        assert_eq!(state(Some("gsync 0.9.0 pre-push")), State::Error);
        assert_eq!(state(Some("gsync 1.0.0 pre-commit")), State::Error);
        assert_eq!(state(None), State::Error);
    }
}
