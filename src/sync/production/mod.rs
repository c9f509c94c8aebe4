//! A clone in production: what must not be pulled under the feet of running processes, and
//! which of them still run the old code afterwards.

pub mod facts;

use serde::Serialize;

use crate::base::{Problem, RepoPath, count};
use crate::config::{Patterns, Production};

/// Paths and processes that are named one by one.
const NAMED: usize = 5;

/// What is known of a clone whose role is in production.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductionFacts {
    pub role: String,
    pub rules: Production,
    /// Its processes that run now.
    pub running: Vec<Running>,
    /// Upper and lower case are the same in paths here.
    pub fold: bool,
}

/// A process of the role.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Running {
    pub pid: u32,
    /// Which of `processes` it is.
    pub name: String,
    pub command: String,
    /// When it started, in the system's own words; with the pid it tells one process from the
    /// next of that number.
    #[serde(skip)]
    pub started: String,
}

/// A line of the process table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    pub parent: u32,
    /// The name of its program.
    pub program: String,
    pub command: String,
    pub started: String,
}

/// The incoming paths that the role calls critical.
pub fn touched<'a>(facts: &ProductionFacts, incoming: &'a [RepoPath]) -> Vec<&'a RepoPath> {
    let critical = Patterns::new(&facts.rules.critical, facts.fold);
    incoming.iter().filter(|path| critical.matching(path.as_bytes()).is_some()).collect()
}

/// Refuses to pull these paths while processes that depend on them run.
pub fn refuse(
    facts: &ProductionFacts,
    incoming: &[RepoPath],
    allow_critical: bool,
) -> Result<(), Problem> {
    let touched = touched(facts, incoming);
    if allow_critical || touched.is_empty() || facts.running.is_empty() {
        return Ok(());
    }
    let (processes, run) = match facts.running.len() {
        1 => ("1 process".to_owned(), "is"),
        n => (format!("{n} processes"), "are"),
    };
    let files = count(touched.len(), "critical file");
    let mut problem = Problem::refuse(
        "critical",
        format!("{files} would change while {processes} of {} {run} running", facts.role),
    );
    for running in facts.running.iter().take(NAMED) {
        problem = problem.because(format!("{} runs as process {}", running.name, running.pid));
    }
    for path in touched.iter().take(NAMED) {
        problem = problem.because(format!("incoming: {}", path.quoted()));
    }
    if touched.len() > NAMED {
        problem = problem.because(format!("and {} more", touched.len() - NAMED));
    }
    Err(problem
        .hint("look at what comes in: `gsync start --review`")
        .hint("stop the processes first, or pull anyway: `gsync start --allow-critical`"))
}

/// The processes that ran before the pull and still do: they have the old code.
pub fn still_old<'a>(before: &'a [Running], now: &[Running]) -> Vec<&'a Running> {
    let same = |a: &Running, b: &Running| a.pid == b.pid && a.started == b.started;
    before.iter().filter(|old| now.iter().any(|new| same(old, new))).collect()
}

/// The processes of a table that a role names: by program, or as a whole word of the command
/// line. Neither we ourselves nor the shells and gits that started us: their command lines
/// name what *we* were told.
pub fn find(names: &[String], table: &[Process], own: u32) -> Vec<Running> {
    let callers = callers(table, own);
    let mut found = Vec::new();
    for process in table.iter().filter(|process| !callers.contains(&process.pid)) {
        let is = |name: &&String| {
            // The kernel keeps 15 letters of a program's name.
            let short = name.len() > 15 && process.program.len() == 15;
            process.program == **name
                || (short && name.starts_with(&process.program))
                || has_word(&process.command, name)
        };
        if let Some(name) = names.iter().filter(|name| !name.is_empty()).find(is) {
            found.push(Running {
                pid: process.pid,
                name: name.clone(),
                command: process.command.clone(),
                started: process.started.clone(),
            });
        }
    }
    found
}

/// Ourselves, and those above us up to the first that is no mere caller.
fn callers(table: &[Process], own: u32) -> Vec<u32> {
    const MERE: [&str; 10] =
        ["sh", "bash", "dash", "zsh", "fish", "ksh", "git", "gsync", "sudo", "timeout"];
    let mut callers = vec![own];
    let mut pid = own;
    while let Some(process) = table.iter().find(|process| process.pid == pid) {
        let above = table.iter().find(|above| above.pid == process.parent);
        match above {
            Some(above)
                if MERE.contains(&above.program.trim_start_matches('-'))
                    && !callers.contains(&above.pid) =>
            {
                callers.push(above.pid);
                pid = above.pid;
            }
            _ => break,
        }
    }
    callers
}

/// Whether a text has a word, with nothing of a word on either side of it.
fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(part) && !text[at + word.len()..].starts_with(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, parent: u32, program: &str, command: &str) -> Process {
        Process {
            pid,
            parent,
            program: program.into(),
            command: command.into(),
            started: "10".into(),
        }
    }

    fn facts(running: Vec<Running>) -> ProductionFacts {
        let rules = Production {
            processes: vec!["v7_runtime".into()],
            critical: vec!["apps/runtime/**".into(), "!apps/runtime/*.md".into()],
        };
        ProductionFacts { role: "builder".into(), rules, running, fold: false }
    }

    fn running(pid: u32, started: &str) -> Running {
        Running {
            pid,
            name: "v7_runtime".into(),
            command: "python v7_runtime.py".into(),
            started: started.into(),
        }
    }

    fn paths(texts: &[&str]) -> Vec<RepoPath> {
        texts.iter().map(|text| RepoPath::new(text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn a_process_is_found_by_its_program_or_a_whole_word_and_never_by_a_part_of_one() {
        let table = [
            process(1, 0, "systemd", "/sbin/init"),
            process(10, 1, "v7_runtime", "v7_runtime --fast"),
            process(11, 1, "python3", "/usr/bin/python3 apps/v7_runtime.py"),
            process(12, 1, "python3", "/usr/bin/python3 old_v7_runtime.py"),
            process(13, 1, "python3", "/usr/bin/python3 v7_runtime2"),
            process(14, 1, "node", "node my-dashboard"),
            process(15, 1, "node", "node dashboard/index.js"),
        ];
        let names = ["v7_runtime".to_owned(), "dashboard".to_owned()];
        let found = find(&names, &table, 99);
        let pids: Vec<_> = found.iter().map(|running| running.pid).collect();
        assert_eq!(pids, [10, 11, 15]);
        assert_eq!(found[2].name, "dashboard");
    }

    #[test]
    fn a_name_longer_than_the_kernel_keeps_is_found() {
        let table = [process(5, 1, "dashboard_front", "")];
        assert_eq!(find(&["dashboard_frontend".to_owned()], &table, 99).len(), 1);
        assert_eq!(find(&["dashboard_front_x".to_owned()], &table, 99).len(), 1);
        assert_eq!(find(&["dashboard_fro".to_owned()], &table, 99).len(), 0);
    }

    #[test]
    fn who_called_us_is_not_in_production_but_a_process_that_calls_gsync_is() {
        let table = [
            process(1, 0, "init", ""),
            process(2, 1, "bash", "bash -c 'gsync start && restart dashboard'"),
            process(3, 2, "gsync", "gsync start dashboard"),
            process(4, 1, "bash", "bash -c dashboard"),
            process(5, 1, "dashboard", "dashboard"),
            process(6, 5, "sh", "sh -c 'gsync pull # dashboard'"),
            process(7, 6, "gsync", "gsync pull"),
        ];
        let names = ["dashboard".to_owned()];
        let pids = |own| find(&names, &table, own).iter().map(|it| it.pid).collect::<Vec<_>>();
        assert_eq!(pids(3), [4, 5, 6]);
        assert_eq!(pids(7), [2, 3, 4, 5]);
    }

    #[test]
    fn critical_paths_are_refused_only_while_something_runs_and_only_without_leave() {
        let incoming = paths(&["README", "apps/runtime/a.py", "apps/runtime/x/b\n.py"]);
        let busy = facts(vec![running(7, "10")]);
        let problem = refuse(&busy, &incoming, false).unwrap_err();
        assert_eq!((problem.exit, problem.code), (crate::base::Exit::Refused, "critical"));
        assert_eq!(
            problem.message,
            "2 critical files would change while 1 process of builder is running"
        );
        assert_eq!(
            problem.because,
            [
                "v7_runtime runs as process 7",
                "incoming: apps/runtime/a.py",
                "incoming: \"apps/runtime/x/b\\n.py\""
            ]
        );
        assert_eq!(refuse(&busy, &incoming, true), Ok(()));
        assert_eq!(refuse(&facts(Vec::new()), &incoming, false), Ok(()));
        let harmless = paths(&["README", "apps/runtime/notes.md", "x/apps/runtime/a"]);
        assert_eq!(refuse(&busy, &harmless, false), Ok(()));
    }

    #[test]
    fn a_new_process_with_an_old_number_does_not_run_the_old_code() {
        let before = [running(7, "10"), running(8, "11"), running(9, "12")];
        let now = [running(7, "10"), running(8, "99")];
        assert_eq!(still_old(&before, &now), [&before[0]]);
    }
}
