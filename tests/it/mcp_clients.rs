//! `gsync mcp` and the clients of others: the official Python client in both eras, and the
//! official inspector, which also has an opinion about schemas.
//!
//! Where they are is in the environment (`test.sh` sets it): one that is missing is a failure
//! under CI, else a line that says so.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::lab::{Lab, Person, Seen};

fn tool(name: &str) -> Option<PathBuf> {
    let variable = format!("GSYNC_TEST_{name}");
    let found = std::env::var_os(&variable).map(PathBuf::from);
    if found.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{variable} is not set");
        eprintln!("skipped: {variable} is not set");
    }
    found
}

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

fn inspect(ada: &Person<'_>, inspector: &Path, era: &str, words: &[&str]) -> Seen {
    let mut command = ada.command("node");
    command.arg(inspector).args(["--cli", env!("CARGO_BIN_EXE_gsync"), "mcp"]);
    command.args(["--protocol-era", era, "--format", "json", "--cwd"]).arg(&ada.dir).args(words);
    Seen::of(&command.output().unwrap())
}

fn inspector_in(era: &str) {
    let Some(inspector) = tool("MCP_INSPECTOR") else { return };
    let lab = Lab::new();
    let ada = prepared(&lab);
    let look = |words: &[&str]| inspect(&ada, &inspector, era, words);
    let list = look(&["--method", "tools/list", "--strict"]);
    assert_eq!(list.code, 0, "{}", list.all());
    let tools: Value = serde_json::from_str(&list.stdout).unwrap();
    assert!(tools.to_string().contains("\"apply\""), "{tools}");
    let status = look(&["--method", "tools/call", "--tool-name", "status"]);
    assert_eq!(status.code, 0, "{}", status.all());
    assert!(status.stdout.contains("\"relation\""), "{}", status.stdout);
    let args = ["--method", "tools/call", "--tool-name", "apply", "--tool-arg", "id=00000000"];
    let refused = look(&args);
    assert!(refused.all().contains("no-such-plan"), "{}", refused.all());
    let prompt = look(&["--method", "prompts/get", "--prompt-name", "start"]);
    assert!(prompt.stdout.contains("gsync start"), "{}", prompt.all());
    let resource = look(&["--method", "resources/read", "--uri", "gsync://status"]);
    assert!(resource.stdout.contains("relation"), "{}", resource.all());
}

#[test]
fn the_official_inspector_of_the_old_era_is_content() {
    inspector_in("legacy");
}

#[test]
fn the_official_inspector_of_the_new_era_is_content() {
    inspector_in("modern");
}
