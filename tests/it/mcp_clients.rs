//! `gsync mcp` and the clients of others: the official Python client in both eras, and the
//! official inspector, which also has an opinion about schemas.
//!
//! Where they are is in the environment (`test.sh` sets it): one that is missing is a failure
//! under CI, else a line that says so.

use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::lab::{Lab, Person, Seen};
use crate::managers::tool;

const SERVICES: &str = r#"
[[service]]
name = "talks"
paths = ["**"]
steps = [{ name = "b", run = "for i in 1 2 3; do echo line $i; sleep 0.15; done" }]

[[service]]
name = "sleeps"
paths = ["none"]
steps = [{ name = "b", run = "touch began; sleep 30" }]
"#;

fn prepared(lab: &Lab) -> Person<'_> {
    let ada = lab.person("ada");
    ada.write(".gsync.toml", SERVICES);
    ada
}

fn python_in(mode: &str) {
    let Some(python) = tool("MCP_PYTHON") else { return };
    let lab = Lab::new();
    let ada = prepared(&lab);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/data/mcp_client.py");
    let out = ada
        .command(python)
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_gsync"))
        .arg(&ada.dir)
        .arg(mode)
        .output()
        .unwrap();
    let seen = Seen::of(&out);
    assert!(seen.code == 0 && seen.stdout.contains("all is well"), "{}", seen.all());
}

#[test]
fn the_official_python_client_of_the_old_era_is_content() {
    python_in("legacy");
}

#[test]
fn the_official_python_client_of_the_new_era_is_content() {
    // It asks what the server speaks, and takes the newest.
    python_in("auto");
}

/// Runs the inspector with each of these lines; a few at a time, since each is a node.
fn inspect(ada: &Person<'_>, inspector: &Path, era: &str, lines: &[Vec<String>]) -> Vec<Seen> {
    let mut seen = Vec::new();
    for some in lines.chunks(4) {
        let start = |line: &Vec<String>| {
            let mut command = ada.command("node");
            command.arg(inspector).args(["--cli", env!("CARGO_BIN_EXE_gsync"), "mcp"]);
            command.args(["--protocol-era", era, "--format", "json", "--cwd"]).arg(&ada.dir);
            command.args(line).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().unwrap()
        };
        let running: Vec<Child> = some.iter().map(start).collect();
        seen.extend(running.into_iter().map(|one| Seen::of(&one.wait_with_output().unwrap())));
    }
    seen
}

/// The words under a name in every item of a list that the inspector printed.
fn named(seen: &Seen, list: &str, name: &str) -> Vec<String> {
    assert_eq!(seen.code, 0, "{}", seen.all());
    let all: Value = serde_json::from_str(&seen.stdout).unwrap();
    let items = all.get(list).unwrap_or(&all["result"][list]).as_array().unwrap();
    items.iter().map(|item| item[name].as_str().unwrap().to_owned()).collect()
}

/// A run and a handoff are there, so that every kind of resource is.
fn inspector_in(era: &str) {
    let Some(inspector) = tool("MCP_INSPECTOR") else { return };
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.git(&["config", "gsync.role", "qc"]);
    ada.write(".gsync.toml", format!("[roles.qc]\n{SERVICES}"));
    ada.commit_all("roles");
    ada.push();
    ada.commit("work", "1\n", "work");
    ada.push();
    let _ = ada.gsync(&["handoff", "send", "--to", "qc", "-m", "work"]).exits(0);
    let line = |words: &[&str]| -> Vec<String> { words.iter().map(ToString::to_string).collect() };
    let method = |name: &str| line(&["--method", name]);
    let lists = [
        line(&["--method", "tools/list", "--strict"]),
        method("prompts/list"),
        method("resources/list"),
        method("resources/templates/list"),
    ];
    let seen = inspect(&ada, &inspector, era, &lists);
    let tools = named(&seen[0], "tools", "name");
    let prompts = named(&seen[1], "prompts", "name");
    let resources = named(&seen[2], "resources", "uri");
    assert_eq!((tools.len(), prompts.len()), (10, 6));
    assert_eq!(named(&seen[3], "resourceTemplates", "uriTemplate").len(), 2);
    for kind in ["gsync://status", "gsync://handoff/H-0001", "gsync://run/"] {
        assert!(resources.iter().any(|uri| uri.starts_with(kind)), "{resources:?}");
    }
    let calls: Vec<Vec<String>> = tools
        .iter()
        .map(|name| {
            let mut call = line(&["--method", "tools/call", "--tool-name", name]);
            match name.as_str() {
                "plan" => call.extend(line(&["--tool-arg", "command=start"])),
                "apply" => call.extend(line(&["--tool-arg", "id=00000000"])),
                _ => {}
            }
            call
        })
        .collect();
    for (name, seen) in tools.iter().zip(inspect(&ada, &inspector, era, &calls)) {
        assert!(seen.stdout.contains("\"why\""), "{name}: {}", seen.all());
        let refuses = ["apply", "envs"].contains(&name.as_str());
        assert_eq!(seen.stdout.contains("\"isError\":true"), refuses, "{name}: {}", seen.all());
    }
    let gets: Vec<Vec<String>> = prompts
        .iter()
        .map(|name| line(&["--method", "prompts/get", "--prompt-name", name]))
        .chain(resources.iter().map(|uri| line(&["--method", "resources/read", "--uri", uri])))
        .collect();
    for (what, seen) in prompts.iter().chain(&resources).zip(inspect(&ada, &inspector, era, &gets))
    {
        assert_eq!(seen.code, 0, "{what}: {}", seen.all());
        let part =
            if what.starts_with("gsync://") { what.clone() } else { format!("gsync {what}") };
        assert!(seen.stdout.contains(&part), "{what}: {}", seen.all());
    }
}

#[test]
fn the_official_inspector_of_the_old_era_is_content() {
    inspector_in("legacy");
}

#[test]
fn the_official_inspector_of_the_new_era_is_content() {
    inspector_in("modern");
}
