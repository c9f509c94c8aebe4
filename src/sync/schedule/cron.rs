//! Our lines in a crontab, between two marks. Every other byte of it is the user's.

use sha2::{Digest, Sha256};

use super::{JOBS, ScheduleFacts};
use crate::base::{Bytes, Problem, shell_quote};

/// What stands after the name where the table before us did not end in a newline.
const JOINED: &str = " (joined)";

/// The crontab with our lines in it, in place of older ones of ours.
pub fn with(facts: &ScheduleFacts) -> Result<Bytes, Problem> {
    let name = facts.name();
    let now = facts.crontab.clone().unwrap_or_default();
    let mut table = without(&now, &name)?.unwrap_or(now);
    let joined = table.0.last().is_some_and(|last| *last != b'\n');
    if joined {
        table.0.push(b'\n');
    }
    table.0.extend_from_slice(lines(facts, &name, joined).as_bytes());
    Ok(table)
}

/// The crontab without our lines; nothing: there are none.
pub fn without(table: &Bytes, name: &str) -> Result<Option<Bytes>, Problem> {
    let lines: Vec<&[u8]> = table.0.split_inclusive(|byte| *byte == b'\n').collect();
    let is = |line: &[u8], mark: &str| line.trim_ascii_end() == mark.as_bytes();
    let begin = format!("# begin {name}");
    let begin_joined = format!("{begin}{JOINED}");
    let joined = lines.iter().position(|line| is(line, &begin_joined));
    let Some(first) = joined.or_else(|| lines.iter().position(|line| is(line, &begin))) else {
        return Ok(None);
    };
    let end = format!("# end {name}");
    let Some(length) = lines[first..].iter().position(|line| is(line, &end)) else {
        return Err(Problem::refuse(
            "crontab",
            format!("the crontab has no line `{end}` any more"),
        )
        .because("so it is not known which lines are gsync's")
        .hint("take them out by hand: `crontab -e`"));
    };
    let mut rest = lines[..first].concat();
    if joined.is_some() && rest.last() == Some(&b'\n') {
        rest.pop();
    }
    rest.extend(lines[first + length + 1..].concat());
    Ok(Some(Bytes(rest)))
}

fn lines(facts: &ScheduleFacts, name: &str, joined: bool) -> String {
    // Clones must not all ask the hub at the same minute.
    let hash = Sha256::digest(name);
    let (minute, hour) = (hash[0] % 60, 6 + hash[1] % 4);
    let joined = if joined { JOINED } else { "" };
    let mut text = format!("# begin {name}{joined}\n");
    for job in JOBS {
        let day = if job.every == "weekly" { "1" } else { "*" };
        let path = facts.path.as_ref().map(|path| format!("PATH={} ", shell_quote(path)));
        let command = format!(
            "{}{} -C {} {}",
            path.unwrap_or_default(),
            shell_quote(&facts.program),
            shell_quote(&facts.dir),
            job.words
        );
        // To cron an unescaped percent sign is a newline.
        let command = command.replace('%', "\\%");
        text += &format!("{minute} {hour} * * {day} {command}\n");
    }
    text + &format!("# end {name}\n")
}

#[cfg(test)]
mod tests {
    use super::super::Scheduler;
    use super::super::tests::facts;
    use super::*;

    #[test]
    fn the_rest_of_the_crontab_stays_byte_for_byte() {
        for table in ["", "0 1 * * * true\n", "# x\n\n0 1 * * * true", "\n\n", "# begin other\n"] {
            let facts =
                ScheduleFacts { crontab: Some(Bytes::from(table)), ..facts(Scheduler::Cron) };
            let mut with = with(&facts).unwrap();
            assert_eq!(without(&with, &facts.name()).unwrap(), Some(Bytes::from(table)));
            // What the user writes below ours stays too.
            with.0.extend_from_slice(b"later\n");
            let rest = without(&with, &facts.name()).unwrap().unwrap();
            assert!(rest.0.ends_with(b"later\n") && rest.0.starts_with(table.as_bytes()));
        }
    }

    #[test]
    fn a_line_is_one_command_whatever_the_directory_is_called() {
        let facts = ScheduleFacts { dir: "/a 100%/it's".into(), ..facts(Scheduler::Cron) };
        let text = String::from_utf8(with(&facts).unwrap().0).unwrap();
        let line = text.lines().nth(1).unwrap();
        let tail = "* * * PATH=/usr/bin:/bin /usr/bin/gsync -C '/a 100\\%/it'\\''s' status --fetch";
        assert!(line.ends_with(tail), "{line}");
        assert_eq!(text.lines().count(), 4);
    }

    #[test]
    fn lines_whose_end_is_lost_are_left_to_the_user() {
        let facts = facts(Scheduler::Cron);
        let text = String::from_utf8(with(&facts).unwrap().0).unwrap().replace("# end", "# fin");
        assert_eq!(without(&Bytes::from(&*text), &facts.name()).unwrap_err().code, "crontab");
    }
}
