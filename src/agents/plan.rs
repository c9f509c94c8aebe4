//! What `gsync install --agents` writes and `gsync uninstall` takes away: pure, from the
//! contents of the files that are there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::diff::diff;
use super::facts::{Facts, Found, above};
use super::files::{Agent, Target, targets};
use super::merge::{Why, put_in, take_out};
use crate::base::{Bytes, File};
use crate::plan::Step;

/// What was written in this clone. Who has no record has written nothing, and takes nothing
/// away: the files are tracked, and others may have put our entries there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub agents: Vec<Agent>,
    pub files: BTreeMap<String, Kept>,
    /// Directories that were made, the outermost first.
    #[serde(default)]
    pub dirs: Vec<String>,
}

/// One file of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// What was there before us.
    pub before: Option<File>,
    /// A digest of what we wrote: as long as it stands, the way back is exact.
    pub wrote: String,
}

/// A part of a plan.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Change {
    pub steps: Vec<Step>,
    /// What a person has to know or do.
    pub notes: Vec<String>,
    /// What changes in the files, for `--dry-run`.
    pub diff: Vec<String>,
}

impl Change {
    fn write(&mut self, facts: &Facts, path: &str, before: Option<&File>, after: Option<File>) {
        self.diff.extend(diff(path, before.map(text), after.as_ref().map(text)));
        self.steps.push(Step::Write { path: facts.root.join(path), file: after });
    }
}

fn text(file: &File) -> &str {
    std::str::from_utf8(&file.bytes.0).unwrap_or_default()
}

fn digest(file: &File) -> String {
    crate::base::hex(&Sha256::digest(&file.bytes.0))
}

/// Puts our entries into the files of these agents, and of those that were chosen before.
pub fn install(facts: &Facts, wanted: &[Agent]) -> Change {
    let mut change = Change::default();
    let mut record = facts.record.clone().unwrap_or(Record {
        agents: Vec::new(),
        files: BTreeMap::new(),
        dirs: Vec::new(),
    });
    record.agents.extend_from_slice(wanted);
    record.agents.sort_unstable();
    record.agents.dedup();
    for target in targets(&record.agents) {
        let there = match facts.found.get(&target.path) {
            Some(Found::Text(file)) => Some(file),
            Some(Found::Link) => {
                change
                    .notes
                    .push(format!("{} is behind a symbolic link, and is left alone", target.path));
                continue;
            }
            Some(Found::Odd) => {
                change.notes.push(format!("{} is no text file, and is left alone", target.path));
                continue;
            }
            Some(Found::Nothing) | None => None,
        };
        match put_in(there.map(text), &target) {
            Ok(now) => merge(facts, &mut change, &mut record, &target, there, now),
            Err(Why::Unreadable) => change.notes.push(format!(
                "{} cannot be read as plain JSON or TOML, and is left alone",
                target.path
            )),
            Err(Why::Theirs) => {
                change.notes.push(format!("{} is somebody else's, and is left alone", target.path));
            }
        }
    }
    if facts.record.as_ref() != Some(&record) && !record.agents.is_empty() {
        let text = serde_json::to_string_pretty(&record).unwrap_or_default() + "\n";
        let file = File { mode: 0o600, ..File::text(text) };
        change.steps.push(Step::Write { path: facts.record_file.clone(), file: Some(file) });
    }
    if !change.steps.is_empty() {
        change.notes.push("commit these files, so that everybody's agents do the same".to_owned());
        change.notes.extend(record.agents.iter().map(|agent| agent.trust().to_owned()));
    }
    change
}

fn merge(
    facts: &Facts,
    change: &mut Change,
    record: &mut Record,
    target: &Target,
    there: Option<&File>,
    now: String,
) {
    let mode = there.map_or(0o644, |file| file.mode);
    let after = File { bytes: Bytes(now.into_bytes()), mode };
    if there == Some(&after) {
        return;
    }
    let before = match (record.files.get(&target.path), there) {
        (Some(kept), Some(there)) if kept.wrote == digest(there) => kept.before.clone(),
        // Changed since by somebody: what they have without ours is what was before.
        (Some(_), Some(there)) => take_out(text(there), target)
            .map(|text| File { bytes: Bytes(text.into_bytes()), mode: there.mode }),
        (_, there) => there.cloned(),
    };
    for dir in above(&target.path) {
        if !facts.dirs.contains(&dir) && !change_makes(change, facts, &dir) {
            change.steps.push(Step::MakeDir { dir: facts.root.join(&dir) });
            if !record.dirs.contains(&dir) {
                record.dirs.push(dir);
            }
        }
    }
    let wrote = digest(&after);
    change.write(facts, &target.path, there, Some(after));
    record.files.insert(target.path.clone(), Kept { before, wrote });
}

fn change_makes(change: &Change, facts: &Facts, dir: &str) -> bool {
    let path = facts.root.join(dir);
    change.steps.iter().any(|step| matches!(step, Step::MakeDir { dir } if *dir == path))
}

/// Takes out what this clone has put in: byte for byte where nothing else changed.
pub fn uninstall(facts: &Facts) -> Change {
    let mut change = Change::default();
    let Some(record) = &facts.record else { return change };
    let known = targets(&Agent::ALL);
    for (path, kept) in &record.files {
        let Some(Found::Text(there)) = facts.found.get(path) else { continue };
        let after = if kept.wrote == digest(there) {
            kept.before.clone()
        } else {
            let Some(target) = known.iter().find(|target| target.path == *path) else { continue };
            let rest = take_out(text(there), target);
            let rest = rest.map(|rest| File { bytes: Bytes(rest.into_bytes()), mode: there.mode });
            if rest.as_ref() == Some(there) {
                continue;
            }
            if rest.is_some() {
                change.notes.push(format!("{path} was changed since: only gsync's part is gone"));
            }
            rest
        };
        change.write(facts, path, Some(there), after);
    }
    for dir in record.dirs.iter().rev() {
        change.steps.push(Step::RemoveDir { dir: facts.root.join(dir) });
    }
    change.steps.push(Step::Write { path: facts.record_file.clone(), file: None });
    change
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn facts() -> Facts {
        Facts {
            root: "/w".into(),
            record_file: "/w/.git/gsync/agents.json".into(),
            record: None,
            found: BTreeMap::new(),
            dirs: BTreeSet::new(),
        }
    }

    /// What the steps leave, as the next look would see it.
    fn done(mut facts: Facts, change: &Change) -> Facts {
        for step in &change.steps {
            match step {
                Step::Write { path, file } if *path == facts.record_file => {
                    facts.record =
                        file.as_ref().map(|file| serde_json::from_str(text(file)).unwrap());
                }
                Step::Write { path, file } => {
                    let name = path.strip_prefix("/w").unwrap().to_str().unwrap().to_owned();
                    let found = file.clone().map_or(Found::Nothing, Found::Text);
                    facts.found.insert(name, found);
                }
                Step::MakeDir { dir } => {
                    facts.dirs.insert(dir.strip_prefix("/w").unwrap().to_str().unwrap().into());
                }
                Step::RemoveDir { dir } => {
                    facts.dirs.remove(dir.strip_prefix("/w").unwrap().to_str().unwrap());
                }
                other => panic!("{other}"),
            }
        }
        facts
    }

    fn put(facts: &mut Facts, path: &str, text: &str) {
        facts.found.insert(path.into(), Found::Text(File::text(text)));
    }

    #[test]
    fn a_second_install_has_nothing_to_do_and_an_uninstall_leaves_what_was_before() {
        let mut before = facts();
        put(&mut before, ".mcp.json", "{ \"mcpServers\" : { } }");
        put(&mut before, "AGENTS.md", "# Ours");
        let change = install(&before, &Agent::ALL);
        let after = done(before.clone(), &change);
        assert_eq!(install(&after, &[]), Change::default());
        assert_eq!(install(&after, &[Agent::Claude]), Change::default());
        let back = done(after.clone(), &uninstall(&after));
        assert_eq!(back.dirs, before.dirs);
        let real = |facts: &Facts| {
            let mut found = facts.found.clone();
            found.retain(|_, found| *found != Found::Nothing);
            found
        };
        assert_eq!(real(&back), real(&before));
        assert_eq!(back.record, None);
    }

    #[test]
    fn what_others_wrote_in_between_stays() {
        let mut facts = facts();
        facts = done(facts.clone(), &install(&facts, &[Agent::Claude]));
        let Some(Found::Text(file)) = facts.found.get(".claude/settings.json") else { panic!() };
        let changed = text(file).replacen('{', "{\n  \"model\": \"x\",", 1);
        put(&mut facts, ".claude/settings.json", &changed);
        let back = done(facts.clone(), &uninstall(&facts));
        assert_eq!(
            back.found[".claude/settings.json"],
            Found::Text(File::text("{\n  \"model\": \"x\"\n}\n"))
        );
        assert_eq!(back.found[".claude/commands/start.md"], Found::Nothing);
    }

    #[test]
    fn a_link_is_left_alone_and_named() {
        let mut facts = facts();
        facts.found.insert(".claude/settings.json".into(), Found::Link);
        let change = install(&facts, &[Agent::Claude]);
        assert!(change.notes[0].contains(".claude/settings.json is behind a symbolic link"));
        assert!(!change.steps.iter().any(|step| step.to_string().contains("settings.json")));
    }

    #[test]
    fn who_wrote_nothing_takes_nothing_away() {
        let mut facts = facts();
        facts = done(facts.clone(), &install(&facts, &Agent::ALL));
        facts.record = None;
        assert_eq!(uninstall(&facts), Change::default());
    }
}
