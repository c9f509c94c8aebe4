//! A secret in a commit's summary, or in the name of a branch, a tag, a file or an author, which no
//! guard has judged yet: whatever gsync is asked, it does not repeat it, and writes it nowhere.

use std::fmt::Write as _;

use serde_json::json;

use crate::lab::{Lab, Person, picture};
use crate::mcp::Client;
use crate::secrets::token;

/// Every command that people type, as far as it means something in a clone.
const LINES: &[&str] = &[
    "status --no-fetch",
    "status --json",
    "status --short",
    "status -v",
    "start --review",
    "start --dry-run --json",
    "start --json-lines",
    "start",
    "services --since HEAD~1",
    "up --dry-run",
    "handoff draft --to builder -m x",
    "handoff draft --to builder -m x --json",
    "handoff send --to builder -m x",
    "handoff list",
    "handoff show draft",
    "finish --dry-run",
    "finish --json",
    "finish --json-lines",
    "finish --branches",
    "finish --handoff builder",
    "pull",
    "pull --json",
    "push",
    "push --force --dry-run",
    "guard --all",
    "guard --all --json",
    "guard --history --format sarif",
    "guard --range origin/main..HEAD --json",
    "guard baseline --dry-run",
    "peers",
    "peers --json",
    "tidy",
    "tidy --json",
    "tidy --apply",
    "discard --dry-run",
    "discard",
    "undo --list",
    "undo",
    "log",
    "log --json",
    "rescue",
    "doctor",
    "doctor --json",
    "schedule show",
    "envs",
    "app list",
];

/// All that was said.
#[derive(Default)]
struct Said(Vec<(String, String)>);

impl Said {
    fn add(&mut self, what: &str, text: impl Into<String>) {
        self.0.push((what.to_owned(), text.into()));
    }

    /// Of which it is asserted that the secret is nowhere in it.
    #[track_caller]
    fn has_not(&self, secret: &str) {
        let mut told = String::new();
        for (what, text) in &self.0 {
            for line in text.lines().filter(|line| line.contains(secret)) {
                let _ = writeln!(told, "{what}: {line}");
            }
        }
        assert!(told.is_empty(), "\n{told}");
    }
}

/// Runs everything, and tells what was said.
fn everything(lab: &Lab, ada: &Person<'_>, secret: &str) -> Said {
    let mut said = Said::default();
    for line in LINES {
        let words: Vec<&str> = line.split(' ').collect();
        said.add(line, ada.gsync(&words).all());
    }
    for words in [
        &["status", "--wrong", secret][..],
        &[secret],
        &["undo", secret],
        &["handoff", "show", secret],
        &["handoff", "draft", "-m", secret],
        &["guard", "--range", secret],
        &["guard", "allow", secret, "--reason", "x"],
        &["services", "--since", secret],
        &["up", secret],
        &["deploy", secret],
        &["-C", secret, "status"],
        &["--json", "-C", secret, "status"],
        &["--json", "undo", secret],
    ] {
        said.add(&words.join(" ").replace(secret, "SECRET"), ada.gsync(words).all());
    }
    for moment in ["start", "guard", "stop", "end"] {
        let input = json!({
            "hook_event_name": moment, "session_id": "1", "cwd": ada.dir,
            "tool_name": "Bash", "tool_input": { "command": "git push" },
        });
        let line =
            format!("printf '%s' \"$IN\" | '{}' agent-hook {moment}", env!("CARGO_BIN_EXE_gsync"));
        let mut agent = lab.at("ada", ada.dir.clone()).with_env("IN", &input.to_string());
        agent.env.extend(ada.env.iter().cloned());
        said.add(&format!("agent-hook {moment}"), agent.sh(&line).all());
    }
    let mut client = Client::new(ada);
    for (tool, arguments) in [
        ("status", json!({})),
        ("review", json!({})),
        ("guard", json!({})),
        ("handoffs", json!({})),
        ("log", json!({})),
        ("plan", json!({ "command": "finish", "args": [] })),
        ("plan", json!({ "command": "start", "args": [] })),
        ("plan", json!({ "command": secret, "args": [] })),
        ("undo", json!({ "run": secret })),
    ] {
        said.add(&format!("mcp {tool}"), client.tool(tool, &arguments).0.to_string());
    }
    drop(client);
    ada.settle();
    said
}

/// All that was left.
fn left(lab: &Lab, ada: &Person<'_>, said: &mut Said) {
    for (what, dir) in [
        ("clone", ada.path(".git/gsync")),
        ("hub", lab.path("hub.git/gsync")),
        ("home", lab.path("home")),
    ] {
        if dir.exists() {
            said.add(what, picture(&dir));
        }
    }
    for (what, place) in
        [("refs here", ada.lab.at("x", ada.dir.clone())), ("refs there", lab.hub())]
    {
        let all = place.sh(
            "git for-each-ref --format='%(refname) %(contents)' refs/gsync; \
             git for-each-ref --format='%(refname)' refs/gsync/peers refs/gsync/handoff | while read -r r; do \
             git ls-tree -r \"$r\" | while read -r _ _ o n; do echo \"$n\"; git cat-file -p \"$o\"; done; done",
        );
        said.add(what, all.all());
    }
}

/// A clone with a secret wherever there are words.
fn prepared<'lab>(lab: &'lab Lab, secret: &str, on: Option<&str>) -> Person<'lab> {
    let ada = lab.member("ada").sociable();
    ada.write(
        ".gsync.toml",
        "[roles.builder]\ndescription = \"x\"\n[roles.ada]\ndescription = \"x\"\n\
         [handoff]\nwhen = [\"**\"]\nto = \"builder\"\n",
    );
    ada.commit_all("gsync");
    ada.push();
    // What comes in was pushed by somebody without a guard.
    let bob = lab.person("bob");
    bob.git(&["pull", "-q", "origin", "main"]);
    bob.commit("b", "b", &format!("incoming {secret}"));
    bob.commit(&format!("in/{secret}.txt"), "b", "a name");
    bob.push();
    bob.git(&["push", "-q", "origin", &format!("HEAD:refs/heads/of-bob/{secret}")]);
    bob.git(&["push", "-q", "origin", &format!("HEAD~1:refs/tags/tag/{secret}")]);
    ada.git(&["branch", &format!("other/{secret}")]);
    ada.git(&["switch", "-q", &format!("other/{secret}")]);
    ada.commit("o", "o", "on another branch");
    ada.git(&["switch", "-q", "main"]);
    if let Some(name) = on {
        ada.git(&["switch", "-q", "-c", &format!("{name}/{secret}")]);
    }
    ada.commit("a", "a", &format!("with {secret}"));
    ada.commit(&format!("out/{secret}.txt"), "b", "a name");
    ada.git(&["config", "user.name", secret]);
    ada.write("README", "stashed\n");
    ada.git(&["stash", "push", "-q", "-m", secret]);
    ada.write(&format!("new/{secret}.txt"), "untracked\n");
    ada.write(&format!("{secret}.pem"), "protected\n");
    ada
}

#[test]
fn nothing_that_is_said_or_left_has_a_secret_of_a_summary_or_a_name() {
    for (seed, on) in [(61, None), (62, Some("topic"))] {
        let lab = Lab::new();
        let secret = token(seed);
        let ada = prepared(&lab, &secret, on);
        let mut said = everything(&lab, &ada, &secret);
        // The hooks of git, in which nobody asked for anything.
        ada.git(&["config", "--unset", "user.name"]);
        ada.write("c", "c");
        ada.git(&["add", "c"]);
        said.add("commit", ada.try_git(&["commit", "-m", &format!("more {secret}")]).all());
        said.add("push", ada.try_git(&["push", "-q", "origin", "HEAD"]).all());
        let _ = ada.try_git(&["checkout", "-q", "main"]);
        said.add("after", ada.gsync(&["status"]).all());
        left(&lab, &ada, &mut said);
        assert!(said.0.iter().any(|(_, text)| text.contains("ghp_…")), "{:#?}", said.0);
        // git itself repeats the message that it was given.
        for (_, text) in said.0.iter_mut().filter(|(what, _)| what == "commit") {
            *text = text.lines().filter(|line| !line.starts_with('[')).collect();
        }
        said.has_not(&secret);
    }
}
