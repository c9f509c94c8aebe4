//! The house keeps its floors: who may speak of whom, and what a planner must not say.

use std::fs;
use std::path::{Path, PathBuf};

/// Each room with the rooms it may name. A room may always name itself.
const ROOMS: &[(&str, &[&str])] = &[
    // vocabulary
    ("base", &[]),
    ("plan", &["base"]),
    ("config", &["base"]),
    // adapters
    ("host", &["base"]),
    ("git", &["base", "host"]),
    // planners
    ("sync", &["base", "plan", "config", "git", "host"]),
    ("guard", &["base", "plan", "config", "git", "host"]),
    ("pipeline", &["base", "plan", "config", "git", "host"]),
    ("peers", &["base", "plan", "config", "git", "host"]),
    ("handoff", &["base", "plan", "config", "git", "host"]),
    // a deploy's steps are steps of the pipeline
    ("deploy", &["base", "plan", "config", "git", "host", "pipeline"]),
    ("agents", &["base", "plan", "config", "git", "host"]),
    // `hooks` dispatches: what git calls is answered by the other planners.
    (
        "hooks",
        &["base", "plan", "config", "git", "host", "guard", "sync", "pipeline", "peers", "handoff"],
    ),
    // engine; it reads the logs of the steps that it runs with the judge of `pipeline`
    ("run", &["base", "plan", "git", "host", "pipeline"]),
    // interfaces
    (
        "ui",
        &[
            "base", "plan", "config", "host", "guard", "sync", "hooks", "pipeline", "peers",
            "handoff", "deploy", "agents",
        ],
    ),
    (
        "cli",
        &[
            "base", "plan", "config", "git", "host", "sync", "guard", "hooks", "pipeline", "peers",
            "handoff", "deploy", "agents", "run", "ui", "mcp",
        ],
    ),
    // the same calls as the command line, so it shares its context
    (
        "mcp",
        &[
            "base", "plan", "config", "git", "host", "sync", "guard", "hooks", "pipeline", "peers",
            "handoff", "deploy", "agents", "run", "ui", "cli",
        ],
    ),
];

/// The writing halves of the adapters, which only `run` may call.
const WRITERS: &[&str] = &["git::write", "host::write", "haproxy::write", "machine::write"];

/// Files that observe: they may look at the world. Every other file of a planner is blind.
const OBSERVERS: &[&str] = &["facts.rs"];
const PLANNERS: &[&str] =
    &["sync", "guard", "hooks", "pipeline", "peers", "handoff", "deploy", "agents"];
const IMPURE: &[&str] = &[
    "std::fs",
    "std::process::Command",
    "std::env",
    "std::net",
    "Command::new",
    "::now()",
    "crate::git",
    "crate::host",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Each source file as its name below `src`, its room, and its text without the tests.
fn files() -> Vec<(String, String, String)> {
    let mut paths = Vec::new();
    sources(&root().join("src"), &mut paths);
    let mut files = Vec::new();
    for path in paths {
        let name = path.strip_prefix(root().join("src")).unwrap().to_str().unwrap().to_owned();
        let room = name.split_once('/').map_or("", |(room, _)| room).to_owned();
        files.push((name, room, fs::read_to_string(path).unwrap()));
    }
    files.sort();
    files
}

fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap()
}

#[test]
fn no_room_speaks_of_a_room_above_it() {
    let mut wrong = Vec::new();
    for (name, room, text) in files().iter().filter(|(_, room, _)| !room.is_empty()) {
        let (_, below) = ROOMS
            .iter()
            .find(|(known, _)| known == room)
            .unwrap_or_else(|| panic!("{room} has no place in the house: add it to ROOMS"));
        for (at, line) in without_tests(text).lines().enumerate() {
            for other in named_rooms(line) {
                if other != *room && !below.contains(&other.as_str()) {
                    wrong.push(format!("{name}:{}: {room} speaks of {other}", at + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn only_the_engine_writes() {
    let mut wrong = Vec::new();
    for (name, room, text) in files() {
        for (at, line) in without_tests(&text).lines().enumerate() {
            let code = !line.trim_start().starts_with("//");
            let own = room == "git" || room == "host";
            if code && room != "run" && !own && WRITERS.iter().any(|writer| line.contains(writer)) {
                wrong.push(format!("{name}:{}: only run may write", at + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn whoever_plans_or_judges_is_blind() {
    let mut wrong = Vec::new();
    for (name, room, text) in files() {
        let file = name.rsplit('/').next().unwrap();
        let observes = OBSERVERS.contains(&file) || name.contains("/facts/");
        let words = ["base", "plan", "config"].contains(&room.as_str());
        if !words && (!PLANNERS.contains(&room.as_str()) || observes) {
            continue;
        }
        for (at, line) in without_tests(&text).lines().enumerate() {
            let code = !line.trim_start().starts_with("//");
            for word in IMPURE.iter().filter(|word| code && line.contains(**word)) {
                wrong.push(format!("{name}:{}: a blind file says `{word}`", at + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn no_file_is_a_maze_and_every_file_says_what_it_is_for() {
    for (name, _, text) in files() {
        let lines = text.lines().count();
        assert!(lines <= 400, "src/{name} is too long to read at one sitting: {lines} lines");
        // A file of one type is described by the type.
        let says = text.starts_with("//!") || text.contains("/// ");
        assert!(says, "src/{name} does not say what it is for");
    }
}

#[test]
fn nothing_is_left_to_be_done_and_no_test_sleeps_unseen() {
    for (name, _, text) in files() {
        for word in ["todo!(", "unimplemented!(", concat!("FIX", "ME"), "#[ignore"] {
            assert!(!text.contains(word), "src/{name} says {word}");
        }
    }
}

/// The rooms named in `crate::room::..` or `use crate::{room, room::X}`.
fn named_rooms(line: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    let word = |text: &str| -> String {
        text.trim().chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect()
    };
    for rest in line.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            None => rooms.push(word(rest)),
            Some(list) => rooms.extend(list.trim_end_matches("};").split(',').map(word)),
        }
    }
    rooms
}
