//! The process table: read from `/proc` where there is one, else asked from `ps`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::process::{Ended, command, run};

/// One process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub pid: u32,
    pub parent: u32,
    /// The name of its program; Linux keeps 15 letters of it.
    pub program: String,
    pub command: String,
    /// When it started, in the system's own words.
    pub started: String,
}

/// All processes that can be seen, those that are dead and not yet buried left out.
pub fn table() -> Result<Vec<Line>> {
    let proc = Path::new("/proc");
    if proc.join("self/stat").exists() { from_proc(proc) } else { from_ps() }
}

/// The nearest process above this one that runs that program; else the one that started us.
pub fn above(program: &str) -> Option<u32> {
    let parent = rustix::process::getppid()?.as_raw_nonzero().get();
    let parent = u32::try_from(parent).ok()?;
    let mut at = parent;
    // Managers of hooks stand in between; nobody nests them deeper.
    for _ in 0..12 {
        let proc = Path::new("/proc").join(at.to_string());
        let line = fs::read(proc.join("stat")).ok().and_then(|stat| line_of(at, &stat, b""));
        match line {
            Some(line) if line.program == program => return Some(at),
            Some(line) if line.parent > 1 => at = line.parent,
            _ => break,
        }
    }
    Some(parent)
}

/// Whether a process is still there.
pub fn runs(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}

fn from_proc(proc: &Path) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(proc).context("read the process table")? {
        let Ok(entry) = entry else { continue };
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // A process may end while we look: then it is not there.
        let Ok(stat) = fs::read(entry.path().join("stat")) else { continue };
        let Ok(words) = fs::read(entry.path().join("cmdline")) else { continue };
        lines.extend(line_of(pid, &stat, &words));
    }
    Ok(lines)
}

/// Reads `stat` and `cmdline` of a process. A program's name may hold spaces and brackets:
/// what counts is the last bracket.
fn line_of(pid: u32, stat: &[u8], words: &[u8]) -> Option<Line> {
    let stat = String::from_utf8_lossy(stat);
    let (front, back) = stat.rsplit_once(')')?;
    let (_, program) = front.split_once('(')?;
    let fields: Vec<&str> = back.split_whitespace().collect();
    if matches!(*fields.first()?, "Z" | "X") {
        return None;
    }
    let parent = fields.get(1)?.parse().ok()?;
    let started = (*fields.get(19)?).to_owned();
    let words: Vec<u8> = words.iter().map(|byte| if *byte == 0 { b' ' } else { *byte }).collect();
    let command = String::from_utf8_lossy(&words).trim_end().to_owned();
    Some(Line { pid, parent, program: program.to_owned(), command, started })
}

fn from_ps() -> Result<Vec<Line>> {
    let mut ps = command("ps");
    ps.args(["-axo", "pid=,ppid=,stat=,lstart=,command="]).env("LC_ALL", "C");
    match run(&mut ps, b"", Duration::from_secs(5))? {
        Ended::Exited(out) if out.status.success() => {
            Ok(String::from_utf8_lossy(&out.stdout).lines().filter_map(ps_line).collect())
        }
        _ => bail!("ps does not tell which processes run"),
    }
}

/// `  501     1 Ss   Mon Jan  1 10:00:00 2024 /usr/bin/thing --flag`
fn ps_line(line: &str) -> Option<Line> {
    let mut rest = line;
    let mut next = || {
        rest = rest.trim_start();
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        word
    };
    let (pid, parent, state) = (next().parse().ok()?, next().parse().ok()?, next());
    if state.starts_with('Z') {
        return None;
    }
    let started = [next(), next(), next(), next(), next()].join(" ");
    let command = rest.trim().to_owned();
    let first = command.split_whitespace().next().unwrap_or_default();
    let program = first.rsplit('/').next().unwrap_or_default().to_owned();
    Some(Line { pid, parent, program, command, started })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_find_ourselves_and_who_started_us() {
        let table = table().unwrap();
        let own = table.iter().find(|line| line.pid == std::process::id()).unwrap();
        assert!(!own.command.is_empty() && !own.started.is_empty());
        assert!(table.iter().any(|line| line.pid == own.parent) || own.parent == 0);
    }

    #[test]
    fn a_program_may_call_itself_anything_and_the_dead_are_not_running() {
        let rest = "1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 8231 1 1";
        let stat = format!("42 (a) b (c) S {rest}");
        let line = line_of(42, stat.as_bytes(), b"/bin/a\0--b c\0").unwrap();
        assert_eq!(
            (line.program.as_str(), line.command.as_str(), line.started.as_str(), line.parent),
            ("a) b (c", "/bin/a --b c", "8231", 1)
        );
        assert_eq!(line_of(42, format!("42 (a) Z {rest}").as_bytes(), b""), None);
    }

    #[test]
    fn ps_tells_the_same() {
        let line = ps_line("  501     1 Ss   Mon Jan  1 10:00:00 2024 /usr/bin/v7 --fast x");
        let wanted = Line {
            pid: 501,
            parent: 1,
            program: "v7".into(),
            command: "/usr/bin/v7 --fast x".into(),
            started: "Mon Jan 1 10:00:00 2024".into(),
        };
        assert_eq!(line, Some(wanted));
        assert_eq!(ps_line("  501     1 Z    Mon Jan  1 10:00:00 2024 (v7)"), None);
        assert_eq!(ps_line("nonsense"), None);
    }
}
