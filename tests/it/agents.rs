//! Coding agents: the files that `gsync install --agents` writes, and what their hooks do with
//! the inputs that each agent sends: recorded from the agent (`data/agents/recorded`; see
//! `agent_real`), or made as its documentation has them (`data/agents/documented`).

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use serde_json::Value;

use crate::lab::{Lab, Person, Seen, picture};
use crate::pull::{all_of, two};

const AGENTS: [&str; 5] = ["claude", "codex", "cursor", "windsurf", "gemini"];

/// Runs a hook with the input that an agent sends.
fn hook(person: &Person<'_>, moment: &str, input: &str) -> Seen {
    let mut child = person
        .command(env!("CARGO_BIN_EXE_gsync"))
        .args(["agent-hook", moment])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A hook that does not read its input is no error.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    Seen::of(&child.wait_with_output().unwrap())
}

/// The input of a hook, with `CWD` in the place of where the agent works.
pub fn fixture(kind: &str, name: &str) -> Option<String> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/data/agents");
    fs::read_to_string(dir.join(kind).join(format!("{name}.json"))).ok()
}

/// What an agent sends at a moment, with this person's directory in it.
fn input(person: &Person<'_>, name: &str) -> Option<String> {
    let text = fixture("recorded", name).or_else(|| fixture("documented", name))?;
    Some(text.replace("CWD", person.dir.to_str().unwrap()))
}

fn calls(person: &Person<'_>, agent: &str, moment: &str) -> Seen {
    let word = match moment {
        "edit" | "shell" => "guard",
        "compact" => "start",
        other => other,
    };
    hook(person, word, &input(person, &format!("{agent}-{moment}")).unwrap())
}

fn json(seen: &Seen) -> Value {
    serde_json::from_str(&seen.stdout).unwrap_or_else(|_| panic!("{}", seen.all()))
}

/// The words that a session begins with, in each dialect.
fn context(agent: &str, seen: &Seen) -> String {
    assert_eq!(seen.code, 0, "{}", seen.all());
    match agent {
        "windsurf" => seen.stdout.clone(),
        "cursor" => json(seen)["additional_context"].as_str().unwrap().to_owned(),
        _ => {
            let said = json(seen);
            assert_eq!(said["hookSpecificOutput"]["hookEventName"], "SessionStart");
            assert_eq!(said.as_object().unwrap().len(), 1, "unknown keys are refused by some");
            said["hookSpecificOutput"]["additionalContext"].as_str().unwrap().to_owned()
        }
    }
}

/// Why the agent should go on, if it should.
fn asked(agent: &str, seen: &Seen) -> Option<String> {
    assert_eq!(seen.code, 0, "{}", seen.all());
    if seen.stdout.trim().is_empty() || seen.stdout.trim() == "{}" {
        return None;
    }
    Some(match agent {
        "windsurf" => seen.stdout.clone(),
        "cursor" => json(seen)["followup_message"].as_str().unwrap().to_owned(),
        _ => {
            assert_eq!(json(seen)["decision"], "block");
            json(seen)["reason"].as_str().unwrap().to_owned()
        }
    })
}

/// Files as a project has them that was set up for agents by others.
fn theirs(person: &Person<'_>) {
    person.write(
        ".claude/settings.json",
        "{\n\t\"permissions\": {\"allow\": [\"Bash(ls:*)\"]},\n\t\"hooks\": {\n\t\t\"Stop\": [\n\t\t\t{ \"hooks\": [{\"type\": \"command\", \"command\": \"theirs\"}] }\n\t\t]\n\t}\n}",
    );
    person.write(".mcp.json", "{\"mcpServers\": {\"other\": {\"command\": \"x\"}}}\n");
    person.write(".gemini/settings.json", "{\r\n  \"theme\": \"x\"\r\n}\r\n");
    person.write(".codex/config.toml", "# mine\nmodel = \"x\"");
    person.write("AGENTS.md", "# Rules\n\nBe kind.\n");
    person.write(".cursor/commands/start.md", "my own start\n");
}

fn work_tree(person: &Person<'_>) -> String {
    let lines: Vec<String> = picture(&person.dir)
        .lines()
        // The rules are the team's: they come and go with the hooks, not with the agents.
        .filter(|line| !line.starts_with(".git/") && !line.starts_with("/ "))
        .filter(|line| !line.starts_with(".gsync.toml "))
        .map(str::to_owned)
        .collect();
    lines.join("\n")
}

#[test]
fn what_is_installed_for_agents_comes_out_again_byte_for_byte() {
    let lab = Lab::new();
    let ada = lab.member("ada");
    theirs(&ada);
    let before = work_tree(&ada);
    let dry = ada.gsync(&["install", "--agents", "--dry-run"]).exits(0);
    let dry = dry.says("+++ .claude/settings.json").says("gsync agent-hook stop");
    assert!(dry.all().contains("--- /dev/null"));
    assert_eq!(work_tree(&ada), before, "a dry run writes nothing");
    let seen = ada.gsync(&["install", "--agents"]).exits(0);
    let seen = seen.says(".cursor/commands/start.md is somebody else's, and is left alone");
    let _ = seen.says("Codex runs hooks of trusted projects only");
    let after = work_tree(&ada);
    assert_eq!(ada.read(".cursor/commands/start.md"), "my own start\n");
    for path in [
        ".claude/commands/finish.md",
        ".codex/hooks.json",
        ".cursor/hooks.json",
        ".cursor/mcp.json",
        ".gemini/commands/release.toml",
        ".windsurf/hooks.json",
        ".windsurf/workflows/sync.md",
    ] {
        assert!(ada.path(path).is_file(), "{path}");
    }
    let settings: Value = serde_json::from_str(&ada.read(".claude/settings.json")).unwrap();
    assert_eq!(settings["hooks"]["Stop"].as_array().unwrap().len(), 2);
    assert!(ada.read(".gemini/settings.json").contains("\"gsync-start\",\r\n"));
    let _ = ada.gsync(&["install", "--agents"]).exits(0);
    let _ = ada.gsync(&["install"]).exits(0);
    assert_eq!(work_tree(&ada), after, "a second time changes nothing");
    let _ = ada.gsync(&["uninstall"]).exits(0);
    assert_eq!(work_tree(&ada), before);
}

#[test]
fn an_undo_takes_it_back_too() {
    let lab = Lab::new();
    let ada = lab.member("ada");
    theirs(&ada);
    let before = work_tree(&ada);
    let run = ada.gsync(&["install", "--agents=claude,gemini", "--json"]).exits(0).json();
    assert!(!ada.path(".windsurf").exists() && ada.path(".claude/commands").exists());
    let _ = ada.gsync(&["undo", run["run"].as_str().unwrap()]).exits(0);
    assert_eq!(work_tree(&ada), before);
}

#[test]
fn files_that_cannot_be_merged_are_left_alone_and_named() {
    let lab = Lab::new();
    let ada = lab.member("ada");
    ada.write(".claude/settings.json", "{ // my settings\n}\n");
    ada.write("real/hooks.json", "{}\n");
    fs::create_dir_all(ada.path(".codex")).unwrap();
    std::os::unix::fs::symlink("../real/hooks.json", ada.path(".codex/hooks.json")).unwrap();
    std::os::unix::fs::symlink("real", ada.path(".windsurf")).unwrap();
    let seen = ada.gsync(&["install", "--agents"]).exits(0);
    let seen = seen.says(".claude/settings.json cannot be read as plain JSON");
    let seen = seen.says(".codex/hooks.json is behind a symbolic link");
    let _ = seen.says(".windsurf/hooks.json is behind a symbolic link");
    assert_eq!(ada.read(".claude/settings.json"), "{ // my settings\n}\n");
    assert_eq!(ada.read("real/hooks.json"), "{}\n");
    assert_eq!(ada.read_dir("real").len(), 1);
}

#[test]
fn an_agent_that_nobody_knows_is_named() {
    let lab = Lab::new();
    let ada = lab.member("ada");
    let _ = ada.gsync(&["install", "--agents=clod"]).exits(2).says("clod");
    let bare = lab.hub();
    let _ = bare.gsync(&["install", "--agents"]).exits(1).says("has no files for agents");
}

#[test]
fn a_session_starts_with_a_pull_and_is_told_what_came_in() {
    for agent in AGENTS {
        let lab = Lab::new();
        let (ada, bob) = two(&lab);
        bob.commit("b", "bob\n", "bob was \u{1b}[31m here");
        bob.push();
        ada.write("a", "mine\n");
        let words = context(agent, &calls(&ada, agent, "start"));
        assert!(words.contains("bob was") && words.contains("gsync finish"), "{words}");
        assert!(!words.contains('\u{1b}') && words.chars().count() <= 2_000, "{words}");
        assert_eq!((ada.read("b"), ada.read("a")), ("bob\n".into(), "mine\n".into()));
    }
}

#[test]
fn a_session_is_never_stopped_by_what_went_wrong() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    bob.commit("b", "bob\n", "bob was here");
    bob.push();
    ada.commit("b", "ada\n", "ada too");
    let before = all_of(&ada);
    let words = context("claude", &calls(&ada, "claude", "start"));
    assert!(words.contains("did not bring this branch up to date"), "{words}");
    assert!(words.contains("Everything is as it was"), "{words}");
    assert_eq!(all_of(&ada), before);
    fs::rename(lab.path("hub.git"), lab.path("gone.git")).unwrap();
    let words = context("claude", &calls(&ada, "claude", "start"));
    assert!(words.contains("did not bring this branch up to date"), "{words}");
    for nonsense in ["", "null", "[", "{\"cwd\": \"/nowhere\"}"] {
        assert_eq!(hook(&ada, "start", nonsense).code, 0);
        assert_eq!(hook(&ada, "stop", nonsense).code, 0);
    }
    fs::create_dir(lab.path("nowhere")).unwrap();
    let nobody = lab.at("nobody", lab.path("nowhere"));
    for moment in ["start", "stop", "end", "guard"] {
        let seen = hook(&nobody, moment, "{}");
        assert_eq!((seen.code, seen.stdout.as_str()), (0, ""), "{}", seen.all());
    }
}

#[test]
fn nothing_moves_in_the_middle_of_a_session() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    bob.commit("b", "bob\n", "bob was here");
    bob.push();
    context("claude", &calls(&ada, "claude", "compact"));
    assert_eq!(ada.read("b"), "b\n");
}

#[test]
fn an_agent_that_stops_is_asked_once_to_push_what_no_remote_has() {
    for agent in AGENTS {
        let lab = Lab::new();
        let ada = lab.person("ada");
        // As in clones that were made by other tools.
        let _ = ada.try_git(&["remote", "set-head", "origin", "--delete"]);
        ada.git(&["switch", "-q", "-c", "topic"]);
        let stop = || asked(agent, &calls(&ada, agent, "stop"));
        assert_eq!(stop(), None, "nothing to push");
        ada.write("dirty", "x\n");
        assert_eq!(stop(), None, "nobody said commit");
        ada.commit("a", "1\n", "one");
        let why = stop().unwrap();
        assert!(why.contains("1 commit on topic") && why.contains("gsync finish"), "{why}");
        assert_eq!(stop(), None, "once");
        ada.commit("a", "2\n", "two");
        assert!(stop().unwrap().contains("2 commits"));
        ada.commit("a", "3\n", "three");
        assert_eq!(stop(), None, "never twice in a row");
        ada.git(&["push", "-q", "origin", "HEAD"]);
        assert_eq!(stop(), None);
    }
}

#[test]
fn whoever_wants_no_such_questions_gets_none() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.commit("a", "1\n", "one");
    let active = input(&ada, "claude-stop").unwrap().replace("false", "true");
    assert_eq!(hook(&ada, "stop", &active).stdout, "");
    let aborted = input(&ada, "cursor-stop").unwrap().replace("completed", "aborted");
    assert_eq!(hook(&ada, "stop", &aborted).stdout, "{}\n");
    ada.git(&["config", "gsync.agentStop", "off"]);
    assert_eq!(asked("claude", &calls(&ada, "claude", "stop")), None);
    ada.git(&["config", "gsync.agentStop", "commit"]);
    let skips = lab.at("ada", ada.dir.clone()).with_env("GSYNC_SKIP", "1");
    assert_eq!(asked("claude", &calls(&skips, "claude", "stop")), None);
    ada.write("dirty", "x\n");
    let why = asked("claude", &calls(&ada, "claude", "stop")).unwrap();
    assert!(why.contains("1 file with changes that are not committed"), "{why}");
    let lonely = lab.person("lonely");
    lonely.commit("a", "1\n", "one");
    lonely.git(&["remote", "remove", "origin"]);
    assert_eq!(asked("claude", &calls(&lonely, "claude", "stop")), None, "no hub, no push");
}

#[test]
fn the_end_of_a_session_says_nothing_and_takes_no_time() {
    let lab = Lab::new();
    let ada = lab.member("ada");
    for agent in ["claude", "cursor", "gemini"] {
        let begun = Instant::now();
        let seen = calls(&ada, agent, "end");
        assert!(seen.code == 0 && ["", "{}\n"].contains(&seen.stdout.as_str()));
        assert!(begun.elapsed().as_millis() < 1_000);
    }
}

#[test]
fn when_a_session_ends_the_others_see_an_idle_clone_with_what_it_left_and_the_agent_did_not_wait() {
    let lab = Lab::new();
    let (ada, ben) = (lab.person("ada").sociable(), lab.person("ben").sociable());
    let seen = || ben.gsync(&["peers", "--json"]).exits(0).json()["peers"][0].clone();
    let state = || seen()["state"].clone();
    context("claude", &calls(&ada, "claude", "start"));
    // A process of its own tells the hub: the agent waits for nobody.
    let begun = Instant::now();
    while state() != "working" {
        assert!(begun.elapsed().as_secs() < 20, "nobody was told");
    }
    ada.commit("committed", "1\n", "the agent was here");
    ada.write("left", "x\n");
    let begun = Instant::now();
    assert_eq!(calls(&ada, "claude", "end").all().trim(), "");
    assert!(begun.elapsed().as_millis() < 1_000);
    while state() != "idle" {
        assert!(begun.elapsed().as_secs() < 20, "nobody was told");
    }
    let seen = seen();
    assert_eq!((&seen["ahead"], &seen["branch"]), (&Value::from(1), &Value::from("main")));
    assert_eq!((&seen["dirty"][0], &seen["unpushed"][0]), (&"left".into(), &"committed".into()));
    assert_eq!(seen["outgoing"][0]["summary"], "the agent was here");
}

#[test]
fn a_session_starts_with_the_handoffs_for_its_role_and_those_who_change_the_same_files() {
    let lab = Lab::new();
    let (qc, builder) = (lab.person("qc").sociable(), lab.person("builder").sociable());
    qc.write(".gsync.toml", "[roles.qc]\n[roles.builder]\n[handoff]\nto = \"builder\"\n");
    qc.commit_all("roles");
    qc.push();
    builder.git(&["pull", "-q"]);
    qc.commit("work", "1\n", "feat: work");
    qc.push();
    let _ = qc.gsync(&["handoff", "send", "-m", "work"]).exits(0);
    qc.write("README", "qc\n");
    let _ = qc.gsync(&["start"]).exits(0);
    builder.write("README", "builder\n");
    for agent in AGENTS {
        let words = context(agent, &calls(&builder, agent, "start"));
        assert!(words.contains("`gsync handoff take H-0001`"), "{agent}: {words}");
        assert!(words.contains("qc@lab is changing the same files: README"), "{agent}: {words}");
        assert!(words.chars().count() <= 2_000, "{agent}: {words}");
    }
}

#[test]
fn the_doctor_names_files_for_agents_that_were_changed_and_a_gsync_that_is_not_found() {
    let lab = Lab::new();
    let dir = Path::new(env!("CARGO_BIN_EXE_gsync")).parent().unwrap();
    let path = format!("{}:{}", dir.display(), std::env::var("PATH").unwrap());
    let ada = lab.member("ada").with_env("PATH", &path);
    let told = |person: &Person<'_>| -> Vec<Value> {
        let seen = person.gsync(&["doctor", "--json"]).json();
        let checks = seen["checks"].as_array().unwrap().iter();
        checks.filter(|check| check["check"] == "agents").cloned().collect()
    };
    assert!(told(&ada).is_empty(), "nobody asked for such files");
    let _ = ada.gsync(&["install", "--agents=claude,gemini"]).exits(0);
    assert_eq!((told(&ada).len(), &told(&ada)[0]["state"]), (1, &Value::from("ok")));
    fs::remove_file(ada.path(".claude/commands/start.md")).unwrap();
    ada.write(".mcp.json", "{}\n");
    let bad = told(&ada)[0].clone();
    assert_eq!(bad["state"], "warning");
    for path in [".claude/commands/start.md", ".mcp.json"] {
        assert!(bad["message"].as_str().unwrap().contains(path), "{bad}");
    }
    assert_eq!(bad["hint"], "run `gsync install --agents=claude,gemini`");
    let _ = ada.gsync(&["install", "--agents=claude,gemini"]).exits(0);
    let lost = ada.with_env("PATH", "/usr/bin:/bin");
    if !Path::new("/usr/bin/gsync").exists() {
        assert!(told(&lost)[1]["message"].as_str().unwrap().contains("not on PATH"));
    }
}

#[test]
fn tools_that_get_around_the_guard_are_denied_in_each_dialect() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    for agent in AGENTS {
        for (moment, says) in [("shell", "--no-verify"), ("edit", "server.pem is protected")] {
            let seen = calls(&ada, agent, moment);
            let why = match agent {
                "windsurf" => {
                    assert_eq!(seen.code, 2);
                    seen.stderr.clone()
                }
                "gemini" => {
                    assert_eq!(json(&seen)["decision"], "deny");
                    json(&seen)["reason"].as_str().unwrap().to_owned()
                }
                "cursor" => {
                    assert_eq!(json(&seen)["permission"], "deny");
                    json(&seen)["agent_message"].as_str().unwrap().to_owned()
                }
                _ => {
                    let said = json(&seen)["hookSpecificOutput"].take();
                    assert_eq!(said["permissionDecision"], "deny");
                    said["permissionDecisionReason"].as_str().unwrap().to_owned()
                }
            };
            assert!(why.contains(says), "{agent} {moment}: {why}");
        }
    }
    // What git does not take may be written.
    ada.write(".gitignore", "*.pem\n");
    for agent in AGENTS {
        let seen = calls(&ada, agent, "edit");
        assert!(seen.code == 0 && ["", "{}\n"].contains(&seen.stdout.as_str()), "{}", seen.all());
    }
}

#[test]
fn the_line_in_the_files_is_silent_where_there_is_no_gsync() {
    let lab = Lab::new();
    let ada = lab.member("ada");
    let _ = ada.gsync(&["install", "--agents=claude"]).exits(0);
    let settings: Value = serde_json::from_str(&ada.read(".claude/settings.json")).unwrap();
    let line = settings["hooks"]["SessionStart"][0]["hooks"][0]["command"].as_str().unwrap();
    let run = |path: String| {
        let out = ada.command("sh").args(["-c", line]).env("PATH", path).output().unwrap();
        Seen::of(&out)
    };
    let seen = run("/usr/bin:/bin".into());
    assert_eq!((seen.code, seen.all().trim()), (0, ""), "{}", seen.all());
    let dir = Path::new(env!("CARGO_BIN_EXE_gsync")).parent().unwrap();
    let seen = run(format!("{}:/usr/bin:/bin", dir.display()));
    assert!(context("claude", &seen).contains("gsync"), "{}", seen.all());
}

#[test]
fn a_hook_does_not_wait_for_a_caller_who_leaves_its_input_open() {
    let lab = Lab::new();
    let (ada, _) = two(&lab);
    let silent = |moment: &str, said: &str| {
        let mut child = ada
            .command(env!("CARGO_BIN_EXE_gsync"))
            .args(["agent-hook", moment])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Open until the hook has ended.
        let mut open = child.stdin.take().unwrap();
        open.write_all(said.as_bytes()).unwrap();
        let start = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if start.elapsed().as_secs() >= 8 {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("{moment} waits for more than {said:?}");
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    };
    silent("end", "");
    for moment in ["start", "stop", "end", "guard"] {
        silent(moment, &input(&ada, "claude-stop").unwrap());
    }
}
