//! Our systemd units: a service and a timer for each job, and the link that starts the timer
//! with the session.

use std::path::PathBuf;

use super::{JOBS, Job, ScheduleFacts};
use crate::base::File;
use crate::plan::Step;

/// What every file of ours begins with.
const MARK: &str =
    "# Written by `gsync schedule install`; `gsync schedule remove` takes it away.\n";

/// Where our unit files are, and what shall be in them.
pub fn wanted(facts: &ScheduleFacts) -> Vec<(PathBuf, File)> {
    let mut files = Vec::new();
    for job in JOBS {
        let name = format!("{}-{}", facts.name(), job.name);
        files.push((facts.unit_dir.join(format!("{name}.service")), service(facts, job)));
        files.push((facts.unit_dir.join(format!("{name}.timer")), timer(facts, job)));
    }
    files
}

/// Where our links are, and where they shall point.
pub fn links(facts: &ScheduleFacts) -> Vec<(PathBuf, PathBuf)> {
    let wants = facts.unit_dir.join("timers.target.wants");
    let link = |name: String| (wants.join(&name), facts.unit_dir.join(name));
    facts.timers().into_iter().map(link).collect()
}

/// Writes what is not there yet, or not as it should be.
pub(super) fn install(facts: &ScheduleFacts) -> Vec<Step> {
    let files = wanted(facts).into_iter().filter(|(path, file)| {
        let there = facts.units.iter().find(|(at, _)| at == path);
        there.is_none_or(|(_, there)| there.bytes != file.bytes)
    });
    let links = links(facts).into_iter().filter(|link| !facts.links.contains(link));
    let mut steps: Vec<Step> = files
        .map(|(path, file)| Step::Write { path, file: Some(file) })
        .chain(links.map(|(at, to)| Step::Link { at, to: Some(to) }))
        .collect();
    if !steps.is_empty() {
        let dirs = facts.missing.iter().map(|dir| Step::MakeDir { dir: dir.clone() });
        steps.splice(0..0, dirs);
    }
    steps
}

/// Removes what is there.
pub(super) fn remove(facts: &ScheduleFacts) -> Vec<Step> {
    let links = facts.links.iter().map(|(at, _)| Step::Link { at: at.clone(), to: None });
    let files = facts.units.iter().map(|(path, _)| Step::Write { path: path.clone(), file: None });
    links.chain(files).collect()
}

fn service(facts: &ScheduleFacts, job: Job) -> File {
    let (dir, words) = (percent(&facts.dir), job.words);
    let path = facts.path.as_ref().map_or_else(String::new, |path| {
        format!("Environment={}\n", quoted(&format!("PATH={path}"), false))
    });
    let (program, quoted_dir) = (quoted(&facts.program, false), quoted(&facts.dir, true));
    File::text(format!(
        "{MARK}[Unit]\nDescription=gsync {words} in {dir}\n\n[Service]\nType=oneshot\nNice=10\n\
         {path}ExecStart={program} -C {quoted_dir} {words}\n"
    ))
}

fn timer(facts: &ScheduleFacts, job: Job) -> File {
    let (dir, words, every) = (percent(&facts.dir), job.words, job.every);
    File::text(format!(
        "{MARK}[Unit]\nDescription=gsync {words} in {dir}, {every}\n\n[Timer]\n\
         OnCalendar={every}\nRandomizedDelaySec=1h\nPersistent=true\n\n\
         [Install]\nWantedBy=timers.target\n"
    ))
}

/// To systemd a percent sign begins a specifier.
fn percent(text: &str) -> String {
    text.replace('%', "%%")
}

/// One word, as systemd reads it. Arguments have their dollars doubled too: there they begin
/// variables.
fn quoted(text: &str, argument: bool) -> String {
    let text = percent(text).replace('\\', "\\\\").replace('"', "\\\"");
    let text = if argument { text.replace('$', "$$") } else { text };
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::super::Scheduler;
    use super::super::tests::facts;
    use super::*;

    #[test]
    fn odd_directories_stay_one_argument() {
        let facts = ScheduleFacts { dir: "/a \"b\" 5% $c\\d".into(), ..facts(Scheduler::Systemd) };
        let files = wanted(&facts);
        let text = String::from_utf8(files[0].1.bytes.0.clone()).unwrap();
        let line = text.lines().find(|line| line.starts_with("ExecStart=")).unwrap();
        let wanted = "ExecStart=\"/usr/bin/gsync\" -C \"/a \\\"b\\\" 5%% $$c\\\\d\" status --fetch";
        assert_eq!(line, wanted);
    }

    #[test]
    fn only_what_differs_is_written() {
        let mut facts = facts(Scheduler::Systemd);
        facts.units = wanted(&facts);
        facts.links = links(&facts);
        assert_eq!(install(&facts), []);
        facts.units[1].1 = File::text("old");
        facts.missing = vec!["/x".into()];
        let steps = install(&facts);
        let wanted =
            Step::Write { path: facts.units[1].0.clone(), file: Some(wanted(&facts)[1].1.clone()) };
        assert_eq!(steps, [Step::MakeDir { dir: "/x".into() }, wanted]);
    }
}
