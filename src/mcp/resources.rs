//! The resources: the status, each open handoff, each run.

use std::path::{Path, PathBuf};

use rmcp::model::{ReadResourceResult, Resource, ResourceContents, ResourceTemplate};
use serde_json::Value;

use super::work::Work;
use crate::base::Exit;
use crate::cli;

const STATUS: &str = "gsync://status";
const HANDOFF: &str = "gsync://handoff/";
const RUN: &str = "gsync://run/";
const JSON: &str = "application/json";

/// How many runs are listed; older ones can still be read.
const RUNS: usize = 20;

pub(super) async fn all(work: &Work, dir: &Path) -> Vec<Resource> {
    let mut found = vec![
        Resource::new(STATUS, "status")
            .with_description("where this clone stands")
            .with_mime_type(JSON),
    ];
    for handoff in &open(work, dir).await {
        let Some(id) = handoff["id"].as_str().filter(|id| is_id(id)) else { continue };
        let from = crate::base::plain(handoff["from"].as_str().unwrap_or_default());
        found.push(
            Resource::new(format!("{HANDOFF}{id}"), id)
                .with_description(format!("an open handoff from {from}")),
        );
    }
    for run in runs(work, dir, RUNS).await {
        let Some(id) = run["id"].as_str() else { continue };
        let what = crate::base::plain(run["what"].as_str().unwrap_or_default());
        found.push(
            Resource::new(format!("{RUN}{id}"), id).with_description(what).with_mime_type(JSON),
        );
    }
    found
}

pub(super) fn templates() -> Vec<ResourceTemplate> {
    vec![
        ResourceTemplate::new(format!("{HANDOFF}{{id}}"), "handoff")
            .with_description("a handoff by its id, such as H-0007"),
        ResourceTemplate::new(format!("{RUN}{{id}}"), "run")
            .with_description("a run by its id, such as r7")
            .with_mime_type(JSON),
    ]
}

pub(super) async fn read(work: &Work, dir: &Path, uri: &str) -> Option<ReadResourceResult> {
    let text = if uri == STATUS {
        let called = work.look(dir.to_owned(), words(&["status", "--no-fetch"])).await;
        pretty(&called.object)
    } else if let Some(id) = uri.strip_prefix(HANDOFF).filter(|id| is_id(id)) {
        return handoff(work, dir, id, uri).await;
    } else {
        let id = uri.strip_prefix(RUN).filter(|id| is_id(id))?;
        let runs = runs(work, dir, usize::MAX).await;
        pretty(runs.iter().find(|run| run["id"] == id)?)
    };
    Some(ReadResourceResult::new(vec![ResourceContents::text(text, uri).with_mime_type(JSON)]))
}

/// One handoff, as the command line shows it, or what the status knows of it.
async fn handoff(work: &Work, dir: &Path, id: &str, uri: &str) -> Option<ReadResourceResult> {
    let mut object = None;
    if cli::knows(&["handoff", "show"]) {
        let called = work.look(dir.to_owned(), words(&["handoff", "show", id])).await;
        object = (called.exit == Exit::Done).then_some(called.object);
    }
    if object.is_none() {
        object = open(work, dir).await.into_iter().find(|one| one["id"] == id);
    }
    let text = pretty(&object?);
    Some(ReadResourceResult::new(vec![ResourceContents::text(text, uri).with_mime_type(JSON)]))
}

/// The handoffs that the status knows of.
async fn open(work: &Work, dir: &Path) -> Vec<Value> {
    list(work, dir, words(&["status", "--no-fetch"]), "handoffs").await
}

async fn runs(work: &Work, dir: &Path, most: usize) -> Vec<Value> {
    list(work, dir, words(&["log", "-n", &most.to_string()]), "runs").await
}

async fn list(work: &Work, dir: &Path, words: Vec<String>, name: &str) -> Vec<Value> {
    let dir: PathBuf = dir.to_owned();
    let mut called = work.look(dir, words).await;
    match called.object[name].take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

fn pretty(object: &Value) -> String {
    serde_json::to_string_pretty(object).unwrap_or_default()
}

fn words(line: &[&str]) -> Vec<String> {
    line.iter().map(ToString::to_string).collect()
}

/// Ids have no more than letters, digits and dashes: what else is in an address is no id.
fn is_id(id: &str) -> bool {
    !id.is_empty()
        && !id.starts_with('-')
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
