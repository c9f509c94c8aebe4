//! Real coding agents in the loop, with a model on loopback: what they make of our files. Only
//! where the environment names their programs, since they are large and `test.sh` does not
//! fetch them: `GSYNC_TEST_CLAUDE`, `GSYNC_TEST_CODEX`, `GSYNC_TEST_GEMINI` (from npm:
//! @anthropic-ai/claude-code@2.1.328, @openai/codex@0.169.0, @google/gemini-cli@0.61.0).

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::lab::{Lab, Person, Seen};

/// The model; it ends with the test.
struct Model(Child);

impl Drop for Model {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn program(name: &str) -> Option<std::ffi::OsString> {
    let variable = format!("GSYNC_TEST_{name}");
    let found = std::env::var_os(&variable);
    if found.is_none() {
        eprintln!("skipped: {variable} is not set");
    }
    found
}

/// Ada, with the files of an agent committed and not pushed; Bob has pushed something.
fn ada<'lab>(lab: &'lab Lab, agent: &str) -> Person<'lab> {
    let ada = lab.member("ada");
    let _ = ada.gsync(&["install", &format!("--agents={agent}")]).exits(0);
    ada.git(&["add", "."]);
    ada.git(&["commit", "-q", "-m", "agents"]);
    let bob = lab.person("bob");
    bob.commit("b", "bob\n", "bob was here");
    bob.push();
    ada
}

/// Lets an agent talk to the model; gives what it printed, and all that it asked the model.
fn plays(
    ada: &Person<'_>,
    program: &std::ffi::OsStr,
    with: impl FnOnce(&mut Command, &str),
) -> (Seen, String) {
    let requests = ada.lab.path("requests");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/data/mock_model.py");
    let model = ada.command("python3").arg(script).arg(&requests).stdout(Stdio::piped()).spawn();
    let mut model = Model(model.unwrap());
    let mut port = String::new();
    BufReader::new(model.0.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let dir = Path::new(env!("CARGO_BIN_EXE_gsync")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut command = ada.command(program);
    command.env("PATH", format!("{}:{path}", dir.display())).stdin(Stdio::null());
    with(&mut command, &format!("http://127.0.0.1:{}", port.trim()));
    let seen = Seen::of(&command.output().unwrap());
    (seen.exits(0), fs::read_to_string(requests).unwrap())
}

/// Its session began with a pull, of which the model heard; its stop was answered once.
fn pulled_and_was_asked_once(ada: &Person<'_>, asked: &str) {
    assert_eq!(ada.read("b"), "bob\n");
    for words in ["this came in", "bob was here", "1 commit on main up to"] {
        assert!(asked.contains(words), "{words}\n{asked}");
    }
}

#[test]
fn claude_code_pulls_reads_the_status_and_is_asked_once_to_push() {
    let Some(claude) = program("CLAUDE") else { return };
    let lab = Lab::new();
    let ada = ada(&lab, "claude");
    let (seen, asked) = plays(&ada, &claude, |command, url| {
        command
            .args(["-p", "/start", "--mcp-config", ".mcp.json", "--output-format", "json"])
            .args(["--allowedTools", "mcp__gsync__status"])
            .env("ANTHROPIC_BASE_URL", url)
            .env("ANTHROPIC_API_KEY", "none")
            .env("DISABLE_TELEMETRY", "1")
            .env("DISABLE_AUTOUPDATER", "1")
            .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
            .env("ENABLE_TOOL_SEARCH", "0")
            .env("MCP_CONNECTION_NONBLOCKING", "0");
    });
    let answer: Value = serde_json::from_str(&seen.stdout).unwrap();
    // The status, the answer, and once more because it was asked to push.
    assert_eq!(answer["num_turns"], 3, "{answer}");
    pulled_and_was_asked_once(&ada, &asked);
    assert!(asked.contains("Begin a working session with gsync"), "{asked}");
    let relation = r#"\"relation\":\"ahead\""#;
    let again = relation.replace('\\', "\\\\").replace('"', "\\\"");
    assert!(asked.contains(relation) || asked.contains(&again), "{asked}");
}

#[test]
fn codex_pulls_and_is_asked_once_to_push() {
    let Some(codex) = program("CODEX") else { return };
    let lab = Lab::new();
    let ada = ada(&lab, "codex");
    let trusted = format!("[projects.\"{}\"]\ntrust_level = \"trusted\"\n", ada.dir.display());
    fs::create_dir_all(lab.path("home/.codex")).unwrap();
    fs::write(lab.path("home/.codex/config.toml"), trusted).unwrap();
    let (seen, asked) = plays(&ada, &codex, |command, url| {
        command.args(["exec", "--dangerously-bypass-hook-trust", "-c", "model=x"]);
        command.args(["-c", "model_provider=m", "-c", "model_providers.m.name=m"]);
        command.arg("-c").arg(format!("model_providers.m.base_url=\"{url}/v1\"")).arg("hi");
    });
    assert_eq!(seen.all().matches("Stop Blocked").count(), 1, "{}", seen.all());
    pulled_and_was_asked_once(&ada, &asked);
    let servers = ada.command(&codex).args(["mcp", "list"]).output().unwrap();
    let servers = Seen::of(&servers).exits(0).says("gsync");
    let _ = servers.says("enabled");
}

#[test]
fn gemini_cli_pulls_and_is_asked_once_to_push() {
    let Some(gemini) = program("GEMINI") else { return };
    let lab = Lab::new();
    let ada = ada(&lab, "gemini");
    let home = lab.path("home/.gemini");
    fs::create_dir_all(&home).unwrap();
    let settings = r#"{"security":{"auth":{"selectedType":"gemini-api-key"}},"privacy":{"usageStatisticsEnabled":false}}"#;
    fs::write(home.join("settings.json"), settings).unwrap();
    let trusted = format!("{{\"{}\":\"TRUST_FOLDER\"}}", ada.dir.display());
    fs::write(home.join("trustedFolders.json"), trusted).unwrap();
    let (seen, asked) = plays(&ada, &gemini, |command, url| {
        command.args(["-p", "hi", "-m", "gemini-2.5-flash"]);
        command.env("GEMINI_API_KEY", "none").env("GOOGLE_GEMINI_BASE_URL", url);
    });
    assert_eq!(seen.all().matches("execution blocked").count(), 1, "{}", seen.all());
    pulled_and_was_asked_once(&ada, &asked);
}
