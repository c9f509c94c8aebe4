//! The diary of the runs: one file each, JSON lines, written ahead of the deed.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::hidden;
use crate::base::{Problem, RunId, Time, plain, shell_quote};
use crate::host::clock;
use crate::plan::{Before, Outcome, Plan, Step};

/// The diary of one repository or app. The lock must be held while it is written.
pub struct Journal {
    dir: Option<PathBuf>,
    who: Who,
    /// The first run of the command that this run is a part of.
    part_of: Option<RunId>,
    current: Option<(RunId, File)>,
    /// Up to where the current file has its place on the disk for sure.
    reserved: u64,
}

/// So much of the disk is kept for the end of a run: how it ended is written down on a full one too.
const RESERVE: u64 = 512;
/// So much is taken at once.
const PORTION: u64 = 4096;

/// Who runs, for `gsync log`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// `role@host`, or the user where no role is set.
    pub peer: String,
    /// The command as it was typed.
    pub command: String,
    /// The work tree that it ran in: worktrees share a journal.
    #[serde(default)]
    pub dir: PathBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "kebab-case")]
enum Entry {
    Begin {
        run: RunId,
        at: Time,
        pid: u32,
        who: Who,
        plan: Plan,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        part_of: Option<RunId>,
    },
    WillDo {
        step: Step,
        before: Before,
    },
    End {
        at: Time,
        outcome: Outcome,
    },
}

/// One run as its journal tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    pub id: RunId,
    pub at: Time,
    pub who: Who,
    pub plan: Plan,
    /// The first run of the same command, if this is not the first.
    pub part_of: Option<RunId>,
    /// The steps that were begun, with what was there before.
    #[serde(skip)]
    pub begun: Vec<(Step, Before)>,
    /// Nothing: it was cut off, or is still running.
    pub outcome: Option<Outcome>,
}

impl Record {
    /// The first run of the command that it belongs to: a `finish` commits, pulls and pushes
    /// in several.
    pub fn command(&self) -> &RunId {
        self.part_of.as_ref().unwrap_or(&self.id)
    }
}

/// What a killed run has left behind.
pub type Unfinished = Record;

impl Journal {
    /// The journal in gsync's folder of a git directory or an app home.
    pub fn at(gsync_dir: &Path, who: Who) -> Self {
        Self { dir: Some(gsync_dir.join("runs")), who, part_of: None, current: None, reserved: 0 }
    }

    /// The runs to come are parts of the command that began with this one.
    #[must_use]
    pub fn part_of(mut self, first: Option<RunId>) -> Self {
        self.part_of = first;
        self
    }

    /// For tests: remembers nothing.
    pub fn nowhere() -> Self {
        Self { dir: None, who: Who::default(), part_of: None, current: None, reserved: 0 }
    }

    /// All runs, the oldest first. A file that cannot be read is an error: what is unknown
    /// must not look like nothing.
    pub fn records(&self) -> Result<Vec<Record>> {
        let numbers = self.numbers()?;
        let records = numbers.into_iter().map(|n| self.record(n));
        Ok(records.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// The runs after one, the oldest first; all if none is named.
    pub fn after(&self, id: Option<&RunId>) -> Result<Vec<Record>> {
        let number = |id: &RunId| id.as_str().strip_prefix('r').and_then(|n| n.parse().ok());
        let last: u32 = id.and_then(number).unwrap_or(0);
        let later = self.numbers()?.into_iter().filter(|number| *number > last);
        Ok(later
            .map(|n| self.record(n))
            .collect::<Result<Vec<_>>>()?
            .into_iter()
            .flatten()
            .collect())
    }

    /// The last run, if it did not come to an end, or to one in which something could not be put
    /// back. Runs follow one another under a lock, so only the last one can be unfinished.
    pub fn unfinished(&self) -> Result<Option<Unfinished>> {
        for number in self.numbers()?.into_iter().rev() {
            if let Some(record) = self.record(number)? {
                let open = matches!(record.outcome, None | Some(Outcome::Stuck));
                return Ok(open.then_some(record));
            }
        }
        Ok(None)
    }

    /// One run by its id.
    pub fn find(&self, id: &RunId) -> Result<Option<Record>> {
        match id.as_str().strip_prefix('r').and_then(|n| n.parse().ok()) {
            Some(number) => self.record(number),
            None => Ok(None),
        }
    }

    /// The id of the run that was begun here last.
    pub fn current(&self) -> Option<&RunId> {
        self.current.as_ref().map(|(id, _)| id)
    }

    pub(super) fn begin(&mut self, plan: &Plan) -> Result<()> {
        let Some(dir) = self.dir.clone() else { return Ok(()) };
        self.begin_in(&dir, plan).map_err(|why| {
            let shown = plain(&dir.to_string_lossy());
            Problem::refuse("journal", "nothing can be written down, so nothing was begun")
                .because(format!("{why:#}"))
                .hint(format!("see how much room is left: `df -h {}`", shell_quote(&shown)))
                .into()
        })
    }

    fn begin_in(&mut self, dir: &Path, plan: &Plan) -> Result<()> {
        fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()))?;
        let number = self.numbers()?.last().map_or(1, |last| last + 1);
        let path = self.path(number).expect("a journal somewhere");
        let file = OpenOptions::new()
            .create_new(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("write the journal {}", path.display()))?;
        let id = RunId::new(format!("r{number}"));
        let who = self.who.clone();
        self.current = Some((id.clone(), file));
        self.reserved = 0;
        let plan = plan.clone();
        self.write(&Entry::Begin {
            run: id,
            at: clock::now(),
            pid: std::process::id(),
            who,
            plan,
            part_of: self.part_of.clone(),
        })?;
        // The name of the file must survive a crash as well as its contents.
        File::open(dir).and_then(|dir| dir.sync_all()).context("write the journal")
    }

    pub(super) fn will_do(&mut self, step: &Step, before: &Before) -> Result<()> {
        self.write(&Entry::WillDo { step: step.clone(), before: before.clone() })
    }

    pub(super) fn end(&mut self, outcome: Outcome) -> Result<()> {
        self.write(&Entry::End { at: clock::now(), outcome })?;
        if let Some((_, file)) = &self.current {
            // What was kept for this and is not needed is given back.
            let _ = file.metadata().and_then(|meta| file.set_len(meta.len()));
        }
        Ok(())
    }

    /// Opens the file of a run again, to write its end.
    pub(super) fn resume(&mut self, id: &RunId) -> Result<()> {
        let number = id.as_str().trim_start_matches('r').parse().context("the id of a run")?;
        let Some(path) = self.path(number) else { return Ok(()) };
        let file = OpenOptions::new().append(true).open(&path)?;
        self.current = Some((id.clone(), file));
        self.reserved = 0;
        Ok(())
    }

    fn write(&mut self, entry: &Entry) -> Result<()> {
        let Some((_, file)) = &mut self.current else { return Ok(()) };
        // The newline in front keeps an entry apart from a torn one before it.
        let line = format!("\n{}\n", hidden::write(serde_json::to_string(entry)?));
        let from = file.metadata().context("write the journal")?.len();
        let to = from + line.len() as u64 + RESERVE;
        // The end takes what was kept for it.
        if to > self.reserved && !matches!(entry, Entry::End { .. }) {
            let keep = FallocateFlags::KEEP_SIZE;
            match fallocate(&*file, keep, from, to - from + PORTION) {
                Ok(()) => self.reserved = to + PORTION,
                Err(Errno::NOSPC | Errno::DQUOT) => {
                    return Err(std::io::Error::from(Errno::NOSPC)).context("write the journal");
                }
                // A file system that keeps no places: all others do.
                Err(_) => {}
            }
        }
        file.write_all(line.as_bytes()).context("write the journal")?;
        file.sync_data().context("write the journal")
    }

    fn path(&self, number: u32) -> Option<PathBuf> {
        self.dir.as_ref().map(|dir| dir.join(format!("{number:06}.jsonl")))
    }

    fn numbers(&self) -> Result<Vec<u32>> {
        let Some(dir) = &self.dir else { return Ok(Vec::new()) };
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(err) => return Err(err).with_context(|| format!("read {}", dir.display())),
        };
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".jsonl"));
            numbers.extend(number.and_then(|number| number.parse::<u32>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// One run as it stands, or nothing if not even its beginning was written.
    fn record(&self, number: u32) -> Result<Option<Record>> {
        let Some(path) = self.path(number) else { return Ok(None) };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(err) => return Err(err).with_context(|| format!("read {}", path.display())),
        };
        let mut found: Option<Record> = None;
        for line in text.lines() {
            // A torn line is an entry that a crash cut short. It is written
            // before the deed, so the deed was not done.
            let Some(entry) = hidden::read(line) else { continue };
            match (entry, &mut found) {
                (Entry::Begin { run: id, at, who, plan, part_of, .. }, found) => {
                    let begun = Vec::new();
                    *found = Some(Record { id, at, who, plan, part_of, begun, outcome: None });
                }
                (Entry::WillDo { step, before }, Some(run)) => run.begun.push((step, before)),
                (Entry::End { outcome, .. }, Some(run)) => run.outcome = Some(outcome),
                (_, None) => {}
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(dir: &str) -> Step {
        Step::MakeDir { dir: dir.into() }
    }

    #[test]
    fn a_run_that_was_cut_off_is_found_with_what_it_had_begun() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::at(dir.path(), Who::default());
        let plan = Plan::new("two").then(step("a")).then(step("b"));
        journal.begin(&plan).unwrap();
        journal.will_do(&step("a"), &Before::Dir { exists: false }).unwrap();
        // The entry after that was torn by the crash.
        let path = dir.path().join("runs/000001.jsonl");
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("\n{\"entry\":\"will-");
        fs::write(&path, text).unwrap();

        let left = Journal::at(dir.path(), Who::default()).unfinished().unwrap().unwrap();
        assert_eq!(left.id, RunId::new("r1"));
        assert_eq!(left.begun, [(step("a"), Before::Dir { exists: false })]);
    }

    #[test]
    fn runs_are_numbered_and_a_finished_one_is_not_unfinished() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::at(dir.path(), Who::default());
        for _ in 0..2 {
            journal.begin(&Plan::new("p")).unwrap();
            journal.end(Outcome::Done).unwrap();
        }
        assert_eq!(journal.current(), Some(&RunId::new("r2")));
        assert_eq!(journal.unfinished().unwrap(), None);
        assert_eq!(journal.records().unwrap().len(), 2);
    }
}
