//! Tilt through its command line. Its words are not believed: `tilt wait` says ready while
//! the old server runs, and its log remembers errors that are long mended. What counts is the
//! structure: a build that is new, its error, and a runtime that stays up.

use std::process::Output;
use std::time::Duration;

use anyhow::{Result, bail};
use serde::Deserialize;

use super::process::{self, Ended};
use crate::base::plain;

/// A question to Tilt takes no longer.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Default, Clone, Deserialize)]
struct Object {
    #[serde(default)]
    status: Status,
}

/// What Tilt knows of a resource; what it leaves out is empty.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Status {
    #[serde(rename = "updateStatus")]
    update: Option<String>,
    #[serde(rename = "runtimeStatus")]
    runtime: Option<String>,
    build_history: Vec<Build>,
    current_build: Option<Build>,
    queued: bool,
    waiting: Option<Waiting>,
    #[serde(rename = "disableStatus")]
    disable: Option<Disable>,
    local_resource_info: Option<Local>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Build {
    #[serde(rename = "spanID")]
    span: String,
    error: Option<String>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Waiting {
    reason: String,
    on: Vec<On>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct On {
    name: String,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Disable {
    state: String,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Local {
    pid: Option<i64>,
}

/// What to make of a resource after it was triggered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// The build that we asked for is not done.
    Building,
    /// It waits for others; by name.
    WaitsFor(Vec<String>),
    /// It is up; with what must stay the same for a while.
    Up(Option<i64>),
    /// It was built, and has nothing to run.
    Built,
    Failed(String),
}

impl Status {
    /// What to make of it, given how it was before the trigger.
    pub fn since(&self, before: &Self) -> Look {
        if self.is_disabled() {
            return Look::Failed("the resource is disabled in Tilt".to_owned());
        }
        if let Some(waiting) = &self.waiting
            && waiting.reason == "waiting-for-dep"
        {
            return Look::WaitsFor(waiting.on.iter().map(|on| on.name.clone()).collect());
        }
        let Some(last) = self.build_history.first() else {
            // A resource that only serves has nothing to build.
            return match self.update.as_deref() {
                Some("not_applicable") => self.running(),
                _ => Look::Building,
            };
        };
        // The trigger during a build queues another one: that is ours.
        let running = before.current_build.as_ref().map(|build| build.span.as_str());
        let former = before.build_history.first().map(|build| build.span.as_str());
        let is_new = Some(last.span.as_str()) != former && Some(last.span.as_str()) != running;
        if self.current_build.is_some() || self.queued || !is_new {
            return Look::Building;
        }
        if let Some(error) = &last.error {
            return Look::Failed(error.clone());
        }
        match self.update.as_deref() {
            Some("ok" | "not_applicable") => self.running(),
            Some("error") => Look::Failed("the update failed".to_owned()),
            _ => Look::Building,
        }
    }

    fn running(&self) -> Look {
        match self.runtime.as_deref() {
            Some("not_applicable") => Look::Built,
            Some("ok") => Look::Up(self.local_resource_info.as_ref().and_then(|info| info.pid)),
            Some("error") => Look::Failed("it was built, and it does not run".to_owned()),
            _ => Look::Building,
        }
    }

    /// Whether it failed and does nothing about it: who waits for it waits for ever.
    pub fn is_broken(&self) -> bool {
        self.update.as_deref() == Some("error") && self.current_build.is_none()
    }

    pub fn is_disabled(&self) -> bool {
        self.disable.as_ref().is_some_and(|it| it.state == "Disabled")
    }

    /// The error of the last build.
    pub fn error(&self) -> Option<&str> {
        self.build_history.first().and_then(|build| build.error.as_deref())
    }
}

/// How a resource is. An error: Tilt does not run, or does not know it.
pub fn get(resource: &str) -> Result<Status> {
    let out = tilt(&["get", "uiresource", resource, "-o", "json"])?;
    if !out.status.success() {
        bail!("{}", complaint(&out));
    }
    parse(&out.stdout)
}

fn parse(json: &[u8]) -> Result<Status> {
    match serde_json::from_slice::<Object>(json) {
        Ok(object) => Ok(object.status),
        Err(err) => bail!("tilt said something that cannot be read: {err}"),
    }
}

/// Asks for an update; it only says that it was queued.
pub fn trigger(resource: &str) -> Result<()> {
    let out = tilt(&["trigger", resource])?;
    if !out.status.success() {
        bail!("{}", complaint(&out));
    }
    Ok(())
}

/// All that a resource said since Tilt was started, or as far as Tilt remembers.
pub fn log(resource: &str) -> Result<Vec<u8>> {
    let out = tilt(&["logs", resource])?;
    if !out.status.success() {
        bail!("{}", complaint(&out));
    }
    Ok(out.stdout)
}

/// The part of a log that is new: Tilt forgets the oldest, so the end of what was known is
/// looked for. If that is gone too, all of it is new.
pub fn new_part<'a>(before: &[u8], now: &'a [u8]) -> &'a [u8] {
    if let Some(rest) = now.strip_prefix(before) {
        return rest;
    }
    let known = &before[before.len().saturating_sub(400)..];
    match memchr::memmem::rfind(now, known) {
        Some(at) if !known.is_empty() => &now[at + known.len()..],
        _ => now,
    }
}

fn tilt(args: &[&str]) -> Result<Output> {
    match process::run(process::command("tilt").args(args), b"", PATIENCE)? {
        Ended::Exited(out) => Ok(out),
        Ended::TimedOut => bail!("tilt {} does not answer", args.join(" ")),
    }
}

fn complaint(out: &Output) -> String {
    let text = String::from_utf8_lossy(&out.stderr);
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("tilt did not say why");
    plain(first.trim_start_matches("Error: "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(json: &str) -> Status {
        parse(format!("{{\"status\":{json}}}").as_bytes()).unwrap()
    }

    const UP: &str = r#"{"buildHistory":[{"spanID":"build:4"}],"updateStatus":"ok",
        "runtimeStatus":"ok","localResourceInfo":{"pid":8426}}"#;

    #[test]
    fn the_old_server_does_not_count_as_the_new_one() {
        let before = status(UP);
        assert_eq!(before.since(&before), Look::Building, "the build is the one of before");
        let failed = status(
            r#"{"buildHistory":[{"spanID":"build:5","error":"exit status 101"},{"spanID":"build:4"}],
                "updateStatus":"error","runtimeStatus":"ok"}"#,
        );
        assert_eq!(failed.since(&before), Look::Failed("exit status 101".into()));
        let again = UP.replace("build:4", "build:6");
        assert_eq!(status(&again).since(&before), Look::Up(Some(8426)));
    }

    #[test]
    fn a_trigger_during_a_build_waits_for_the_next_one() {
        let before = status(
            r#"{"buildHistory":[{"spanID":"build:4"}],"currentBuild":{"spanID":"build:5"},
                "updateStatus":"in_progress","runtimeStatus":"ok"}"#,
        );
        let theirs = UP.replace("build:4", "build:5");
        assert_eq!(status(&theirs).since(&before), Look::Building);
        let ours = UP.replace("build:4", "build:6");
        assert_eq!(status(&ours).since(&before), Look::Up(Some(8426)));
        let queued = ours.replace("\"updateStatus\"", "\"queued\":true,\"updateStatus\"");
        assert_eq!(status(&queued).since(&before), Look::Building);
    }

    #[test]
    fn waiting_disabled_and_dead_are_told_apart() {
        let before = status("{}");
        let waits = r#"{"updateStatus":"pending","queued":true,
            "waiting":{"reason":"waiting-for-dep","on":[{"kind":"UIResource","name":"base"}]}}"#;
        assert_eq!(status(waits).since(&before), Look::WaitsFor(vec!["base".into()]));
        let off = r#"{"disableStatus":{"state":"Disabled"}}"#;
        assert!(matches!(status(off).since(&before), Look::Failed(_)));
        let dead = UP.replace("\"runtimeStatus\":\"ok\"", "\"runtimeStatus\":\"error\"");
        assert!(matches!(status(&dead).since(&before), Look::Failed(_)));
        let serves = r#"{"updateStatus":"not_applicable","runtimeStatus":"ok"}"#;
        assert_eq!(status(serves).since(&before), Look::Up(None));
        let builds = UP.replace("\"runtimeStatus\":\"ok\"", "\"runtimeStatus\":\"not_applicable\"");
        assert_eq!(status(&builds).since(&before), Look::Built);
    }

    #[test]
    fn only_what_is_new_in_a_log_counts() {
        assert_eq!(new_part(b"old error\n", b"old error\nfine\n"), b"fine\n");
        assert_eq!(new_part(b"forgotten\nold\n", b"\nold\nfine\n"), b"\nold\nfine\n");
        assert_eq!(new_part(b"", b"all\n"), b"all\n");
    }
}
