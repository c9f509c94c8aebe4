//! Real coding agents in the loop, with a model on loopback that follows a script: what they make
//! of our files, what they send to our hooks, and whether they take the answers.
//!
//! `test.sh` fetches Gemini CLI and names it in `GSYNC_TEST_GEMINI`: where it is missing is a
//! failure under CI. The others are several hundred megabytes and take part where the environment
//! names them: `GSYNC_TEST_CLAUDE`, `GSYNC_TEST_CODEX` (from npm: @anthropic-ai/claude-code@2.1.328,
//! @openai/codex@0.169.0).

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::agents::fixture;
use crate::lab::{Lab, Person, Seen};
use crate::managers::tool;

/// The model; it ends with the test.
struct Model(Child);

impl Drop for Model {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program that nobody has to have.
fn large(name: &str) -> Option<PathBuf> {
    let variable = format!("GSYNC_TEST_{name}");
    let found = std::env::var_os(&variable).map(PathBuf::from);
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

/// What came of a session.
struct Played {
    seen: Seen,
    /// All that the model was asked.
    asked: String,
    /// The hooks that were called: the word, and what came in on stdin.
    hooks: Vec<(String, Value)>,
}

/// A `gsync` that keeps the input of every hook, in front of the real one.
fn recorder(lab: &Lab) -> PathBuf {
    let dir = lab.path("recorder");
    fs::create_dir(&dir).unwrap();
    let gsync = env!("CARGO_BIN_EXE_gsync");
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = agent-hook ] || exec '{gsync}' \"$@\"\n\
         input='{}'/$(date +%s%N)-$2.json\ncat >\"$input\"\nexec '{gsync}' \"$@\" <\"$input\"\n",
        dir.display()
    );
    fs::write(dir.join("gsync"), script).unwrap();
    fs::set_permissions(dir.join("gsync"), fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

fn recorded(dir: &Path) -> Vec<(String, Value)> {
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|file| file.extension().is_some()).collect();
    files.sort();
    let read = |file: PathBuf| {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let word = name.split_once('-').unwrap().1.to_owned();
        (word, serde_json::from_slice(&fs::read(&file).unwrap()).unwrap())
    };
    files.into_iter().map(read).collect()
}

/// Lets an agent talk to the model, which asks for these tools, one in each turn.
fn plays(
    ada: &Person<'_>,
    program: &OsStr,
    script: &Value,
    with: impl FnOnce(&mut Command, &str),
) -> Played {
    let requests = ada.lab.path("requests");
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/data/mock_model.py");
    let mut python = ada.command("python3");
    python.arg(model).arg(&requests).arg(script.to_string()).stdout(Stdio::piped());
    let mut model = Model(python.spawn().unwrap());
    let mut port = String::new();
    BufReader::new(model.0.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let recorder = recorder(ada.lab);
    let path = std::env::var("PATH").unwrap();
    let mut command = ada.command(program);
    command.env("PATH", format!("{}:{path}", recorder.display())).stdin(Stdio::null());
    with(&mut command, &format!("http://127.0.0.1:{}", port.trim()));
    let seen = Seen::of(&command.output().unwrap()).exits(0);
    let asked = fs::read_to_string(requests).unwrap();
    Played { seen, asked, hooks: recorded(&recorder) }
}

/// Its session began with a pull, of which the model heard; the guard answered for its tools;
/// its stop was answered once; and all of it was sent in the form that the fixtures have.
fn was_served(ada: &Person<'_>, agent: &str, played: &Played) {
    assert_eq!(ada.read("b"), "bob\n");
    assert!(!ada.path("server.pem").exists(), "it was denied");
    for words in [
        "this came in",
        "bob was here",
        "1 commit on main up to",
        "server.pem is protected",
        "`git push --no-verify` gets around the guard",
    ] {
        assert!(played.asked.contains(words), "{words}\n{}\n{}", played.seen.all(), played.asked);
    }
    let words: Vec<&str> = played.hooks.iter().map(|(word, _)| word.as_str()).collect();
    let mut expected = vec!["start", "guard", "guard", "stop", "stop"];
    // It has no such hook.
    if agent != "codex" {
        expected.push("end");
    }
    assert_eq!(words, expected, "{:?}", played.hooks);
    let moments = ["start", "edit", "shell", "stop", "stop", "end"];
    for ((_, input), moment) in played.hooks.iter().zip(moments) {
        let name = format!("{agent}-{moment}");
        let kept: Value = serde_json::from_str(&fixture("recorded", &name).unwrap()).unwrap();
        let ours = format!("what the agent sends now is not what was recorded: {name}\n{input}");
        assert_eq!(keys(input), keys(&kept), "{ours}");
        assert_eq!(keys(&input["tool_input"]), keys(&kept["tool_input"]), "{ours}");
        for same in ["hook_event_name", "tool_name"] {
            assert_eq!(input[same], kept[same], "{ours}");
        }
        assert_eq!(input["cwd"], ada.dir.to_str().unwrap(), "{ours}");
    }
    let again = |at: usize| played.hooks[at].1["stop_hook_active"].clone();
    assert_eq!((again(3), again(4)), (json!(false), json!(true)));
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect()
}

/// Whether the answer of the tool reached the model: JSON in JSON, once or twice.
fn has_the_status(asked: &str) -> bool {
    let once = r#"\"relation\":\"ahead\""#;
    asked.contains(once) || asked.contains(&once.replace('\\', "\\\\").replace('"', "\\\""))
}

fn claude(command: &mut Command, url: &str) {
    command
        .env("ANTHROPIC_BASE_URL", url)
        .env("ANTHROPIC_API_KEY", "none")
        .env("DISABLE_TELEMETRY", "1")
        .env("DISABLE_AUTOUPDATER", "1")
        .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
        .env("ENABLE_TOOL_SEARCH", "0")
        .env("MCP_CONNECTION_NONBLOCKING", "0");
}

#[test]
fn claude_code_pulls_reads_the_status_is_denied_what_it_may_not_and_is_asked_once_to_push() {
    let Some(program) = large("CLAUDE") else { return };
    let lab = Lab::new();
    let ada = ada(&lab, "claude");
    let file = ada.path("server.pem");
    let script = json!([
        ["mcp__gsync__status", {}],
        ["Write", { "file_path": file, "content": "A=1" }],
        ["Bash", { "command": "git push --no-verify", "description": "push" }],
    ]);
    let played = plays(&ada, program.as_os_str(), &script, |command, url| {
        command
            .args(["-p", "/start", "--mcp-config", ".mcp.json", "--output-format", "json"])
            .args(["--allowedTools", "mcp__gsync__status,Write,Bash"]);
        claude(command, url);
    });
    was_served(&ada, "claude", &played);
    let answer: Value = serde_json::from_str(&played.seen.stdout).unwrap();
    // Three tools, the answer, and once more because it was asked to push.
    assert_eq!(answer["num_turns"], 5, "{answer}");
    let asked = &played.asked;
    assert!(asked.contains("Begin a working session with gsync"), "{asked}");
    assert!(has_the_status(asked), "{asked}");
    // Its own judge of its settings, and its own list of servers.
    let own = |args: &[&str]| {
        let mut command = ada.command(&program);
        claude(command.args(args), "http://127.0.0.1:1");
        Seen::of(&command.output().unwrap()).exits(0)
    };
    let _ = own(&["doctor"]).says("No installation issues found").says_not("settings.json");
    let _ = own(&["mcp", "list"]).says("gsync: gsync mcp");
    ada.write(".claude/settings.json", "{\"hooks\": {\"Stop\": 7}}");
    let _ = own(&["doctor"]).says("settings.json");
}

#[test]
fn codex_pulls_is_denied_what_it_may_not_and_is_asked_once_to_push() {
    let Some(codex) = large("CODEX") else { return };
    let lab = Lab::new();
    let ada = ada(&lab, "codex");
    let trusted = format!("[projects.\"{}\"]\ntrust_level = \"trusted\"\n", ada.dir.display());
    fs::create_dir_all(lab.path("home/.codex")).unwrap();
    fs::write(lab.path("home/.codex/config.toml"), trusted).unwrap();
    let script = json!([
        ["apply_patch", "*** Begin Patch\n*** Add File: server.pem\n+A=1\n*** End Patch\n"],
        ["exec_command", { "cmd": "git push --no-verify" }],
    ]);
    let played = plays(&ada, codex.as_os_str(), &script, |command, url| {
        // A model that it knows: others are not offered the tool for patches.
        command.args(["exec", "--dangerously-bypass-hook-trust", "-c", "model=gpt-5.5"]);
        command.args(["-c", "model_provider=m", "-c", "model_providers.m.name=m"]);
        command.arg("-c").arg(format!("model_providers.m.base_url=\"{url}/v1\"")).arg("hi");
    });
    assert_eq!(played.seen.all().matches("Stop Blocked").count(), 1, "{}", played.seen.all());
    was_served(&ada, "codex", &played);
    let servers = ada.command(&codex).args(["mcp", "list", "--json"]).output().unwrap();
    let servers = Seen::of(&servers).exits(0).json();
    assert_eq!((&servers[0]["name"], &servers[0]["enabled"]), (&json!("gsync"), &json!(true)));
    assert_eq!(servers[0]["transport"]["command"], "gsync");
}

/// Runs Gemini CLI in a home in which this folder is trusted.
fn gemini(ada: &Person<'_>, program: &Path, script: &Value, prompt: &str) -> Played {
    let home = ada.lab.path("home/.gemini");
    fs::create_dir_all(&home).unwrap();
    let settings = r#"{"security":{"auth":{"selectedType":"gemini-api-key"}},"privacy":{"usageStatisticsEnabled":false}}"#;
    fs::write(home.join("settings.json"), settings).unwrap();
    let trusted = json!({ ada.dir.to_str().unwrap(): "TRUST_FOLDER" });
    fs::write(home.join("trustedFolders.json"), trusted.to_string()).unwrap();
    let played = plays(ada, program.as_os_str(), script, |command, url| {
        // Otherwise it asks its user before each tool, and nobody is there.
        command.args(["--yolo", "-m", "gemini-2.5-flash", "-p", prompt]);
        command.env("GEMINI_API_KEY", "none").env("GOOGLE_GEMINI_BASE_URL", url);
    });
    // It judges its settings by a schema of its own when it starts.
    assert!(!played.seen.all().contains("Invalid configuration"), "{}", played.seen.all());
    played
}

#[test]
fn gemini_cli_pulls_reads_the_status_is_denied_what_it_may_not_and_is_asked_once_to_push() {
    let (Some(program), Some(_node)) = (tool("GEMINI"), tool("NODE")) else { return };
    let lab = Lab::new();
    let ada = ada(&lab, "gemini");
    let script = json!([
        ["mcp_gsync_status", {}],
        ["write_file", { "file_path": ada.path("server.pem"), "content": "A=1" }],
        ["run_shell_command", { "command": "git push --no-verify", "description": "push" }],
    ]);
    let played = gemini(&ada, &program, &script, "hi");
    assert_eq!(played.seen.all().matches("execution blocked: gsync: 1 commit").count(), 1);
    was_served(&ada, "gemini", &played);
    let asked = &played.asked;
    assert!(has_the_status(asked) && asked.contains("Each answer names the next step"), "{asked}");
}

#[test]
fn gemini_cli_knows_our_commands_by_their_names() {
    let (Some(program), Some(_node)) = (tool("GEMINI"), tool("NODE")) else { return };
    let lab = Lab::new();
    let ada = ada(&lab, "gemini");
    // What a hook puts in front of a prompt hides from it that the prompt is a command.
    ada.git(&["config", "gsync.agentStart", "off"]);
    ada.git(&["config", "gsync.agentStop", "off"]);
    let played = gemini(&ada, &program, &json!([]), "/handoff builder");
    let asked = &played.asked;
    assert!(asked.contains("handoff draft") && asked.contains("builder"), "{asked}");
    assert!(!asked.contains("/handoff builder"), "{asked}");
}
