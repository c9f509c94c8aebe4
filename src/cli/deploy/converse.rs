//! The `proc-receive` hook: git lets us decide whether the app's branch moves. The deploy comes
//! first; only one that worked moves the branch, and the push of one that did not fails.

use std::io::{Read, Write, stdin, stdout};

use anyhow::{Context, Result, bail};

use super::receive::{home_of, log_name, through_worker};
use crate::base::{CommitId, Exit, RefName, RefUpdate, plain};
use crate::config::app::Receive;
use crate::deploy::facts;
use crate::git::Git;
use crate::host::read;
use crate::ui::Ui;

/// The longest packet that git writes.
const MOST: usize = 65520;

/// Speaks with git from the greeting to the report.
pub fn main(ui: &Ui, git: &Git) -> Result<Exit> {
    let mut said = stdin().lock();
    let mut answer = stdout().lock();
    let greeting = section(&mut said)?;
    let first = greeting.first().context("git greets with its version")?;
    if !first.starts_with("version=1") {
        bail!("git speaks another version of proc-receive: {}", plain(first));
    }
    let offered = first.split('\0').nth(1).unwrap_or_default();
    let has_options = offered.split(' ').any(|word| word == "push-options");
    // git sends the options to a hook that takes what is offered, and to no other.
    let takes = if has_options { "version=1\0push-options" } else { "version=1\0" };
    packet(&mut answer, takes)?;
    flush(&mut answer)?;
    let updates = section(&mut said)?;
    if has_options {
        section(&mut said)?;
    }
    for line in updates {
        let update = update(&line).with_context(|| {
            format!("git wants something that is not understood: {}", plain(&line))
        })?;
        if !decides(git, &update)? {
            packet(&mut answer, &format!("ok {}", update.name))?;
            packet(&mut answer, "option fall-through")?;
            continue;
        }
        let tried = match refused(git, &update) {
            Ok(None) => one(ui, git, &update),
            refused => refused,
        };
        let verdict = match tried {
            Ok(None) => format!("ok {}", update.name),
            Ok(Some(why)) => format!("ng {} {why}", update.name),
            Err(err) => {
                ui.error(&err);
                format!("ng {} the deploy could not begin", update.name)
            }
        };
        packet(&mut answer, &verdict)?;
    }
    flush(&mut answer)?;
    Ok(Exit::Done)
}

/// Whether the deploy decides about an update, by the settings of now; else git does what it does
/// without this hook.
fn decides(git: &Git, update: &RefUpdate) -> Result<bool> {
    let Some(home) = home_of(git) else { return Ok(false) };
    let app = facts::settings(&home)?;
    let branch = format!("refs/heads/{}", app.branch);
    Ok(app.mode == Receive::ProcReceive && update.name.as_str() == branch)
}

/// What git itself would refuse, if it moved the branch: nothing is deployed for it.
fn refused(git: &Git, update: &RefUpdate) -> Result<Option<String>> {
    let Some(new) = &update.new else { return Ok(None) };
    let kind = git.ask(&["cat-file", "-t", new.as_str()])?.unwrap_or_default();
    if kind != "commit" {
        let kind = plain(&kind);
        return Ok(Some(format!("a branch is at a commit, and this is a {kind}: push TAG^{{}}")));
    }
    let Some(old) = &update.old else { return Ok(None) };
    let denied = git.ask(&["config", "--type=bool", "--get", "receive.denyNonFastForwards"])?;
    if denied.as_deref() == Some("true") && git.contains(old, new)? != Some(true) {
        return Ok(Some("non-fast-forward".into()));
    }
    Ok(None)
}

/// Deploys one update; nothing: it worked, and the branch is there. Else why not.
fn one(ui: &Ui, git: &Git, update: &RefUpdate) -> Result<Option<String>> {
    let Some(home) = home_of(git) else { return Ok(Some("there is no app here".into())) };
    let Some(new) = &update.new else {
        return Ok(Some("the branch of an app is not deleted by a push".into()));
    };
    let branch = (update.name.clone(), update.old.clone());
    let ended = through_worker(git, &home, new, Some(branch))?;
    // The worker moves the branch as one of the steps: where it stands is the proof.
    if ended.exit == 0 && git.resolve_ref(&update.name)?.as_ref() == Some(new) {
        return Ok(None);
    }
    let log = read::tail(&ended.log, 1 << 14)?.unwrap_or_default();
    let log = String::from_utf8_lossy(&log).into_owned();
    let why = log.lines().find_map(|line| line.trim().strip_prefix("failed: "));
    let why = why.or_else(|| log.lines().find(|line| line.starts_with("not deployed: ")));
    let why = why.or_else(|| log.lines().find_map(|line| line.strip_prefix("error: ")));
    let why: String = why.unwrap_or("see its log").chars().take(200).collect();
    ui.say(&format!("nothing was taken; the log is {}", log_name(&ended.log)));
    Ok(Some(format!("deploy failed: {}", plain(&why))))
}

/// `<old id> <new id> <ref>`
fn update(line: &str) -> Option<RefUpdate> {
    let mut words = line.splitn(3, ' ');
    let (old, new, name) = (words.next()?, words.next()?, words.next()?);
    let id = |text: &str| -> Option<Option<CommitId>> {
        Some(Some(CommitId::parse(text)?).filter(|id| !id.is_zero()))
    };
    let (old, new) = (id(old)?, id(new)?);
    Some(RefUpdate { name: RefName::new(name), old, new, source: String::new() })
}

/// All packets up to a flush, without their newlines.
fn section(from: &mut impl Read) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    loop {
        let mut length = [0; 4];
        from.read_exact(&mut length).context("read what git says")?;
        let length = std::str::from_utf8(&length).ok();
        let length = length.and_then(|text| usize::from_str_radix(text, 16).ok());
        match length {
            Some(0) => return Ok(lines),
            Some(length @ 4..=MOST) => {
                let mut bytes = vec![0; length - 4];
                from.read_exact(&mut bytes).context("read what git says")?;
                let text = String::from_utf8(bytes).context("read what git says")?;
                lines.push(text.trim_end_matches('\n').to_owned());
            }
            _ => bail!("git says something that is no packet"),
        }
    }
}

fn packet(to: &mut impl Write, text: &str) -> Result<()> {
    let line = format!("{:04x}{text}\n", text.len() + 5);
    to.write_all(line.as_bytes()).context("answer git")
}

fn flush(to: &mut impl Write) -> Result<()> {
    to.write_all(b"0000").and_then(|()| to.flush()).context("answer git")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_in_packets_is_heard_the_same_and_nonsense_is_an_error() {
        let mut bytes = Vec::new();
        packet(&mut bytes, "version=1\0push-options atomic").unwrap();
        packet(&mut bytes, "").unwrap();
        flush(&mut bytes).unwrap();
        let heard = section(&mut bytes.as_slice()).unwrap();
        assert_eq!(heard, ["version=1\0push-options atomic", ""]);
        for bad in [&b"zzzz"[..], b"0003", b"00", b"fffff", b"0010short"] {
            assert!(section(&mut &*bad).is_err(), "{bad:?}");
        }
    }
}
