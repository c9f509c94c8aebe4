//! `gsync mcp`: the real server, driven over stdin and stdout by a client of our own that
//! speaks both eras of the protocol and believes no answer that its schema forbids.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::lab::{Lab, Person};
use crate::pull::{all_of, two};

#[derive(Clone, Copy, PartialEq)]
enum Era {
    /// A handshake, then a session.
    Old(&'static str),
    /// No handshake: every request says who asks.
    New,
}

const ERAS: [Era; 3] = [Era::Old("2025-06-18"), Era::Old("2025-11-25"), Era::New];

/// A client of the server.
pub struct Client {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    era: Era,
    last: i64,
    pub tools: Vec<Value>,
    notes: Vec<Value>,
}

impl Client {
    fn of(person: &Person<'_>, era: Era) -> Self {
        let mut child = person
            .command(env!("CARGO_BIN_EXE_gsync"))
            .arg("mcp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut client =
            Self { child, input, output, era, last: 0, tools: Vec::new(), notes: Vec::new() };
        match era {
            Era::Old(version) => {
                let hello = client.ask(
                    "initialize",
                    json!({
                        "protocolVersion": version, "capabilities": {},
                        "clientInfo": { "name": "test", "version": "1" },
                    }),
                );
                assert_eq!(hello["protocolVersion"], version);
                assert_eq!(hello["serverInfo"]["name"], "gsync");
                client.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
            }
            Era::New => {
                let hello = client.ask("server/discover", json!({}));
                let versions = hello["supportedVersions"].as_array().unwrap();
                assert!(versions.contains(&json!("2026-07-28")), "{hello}");
                let info = &hello["_meta"]["io.modelcontextprotocol/serverInfo"];
                assert_eq!(info["name"], "gsync");
            }
        }
        let tools = client.ask("tools/list", json!({}))["tools"].take();
        client.tools.extend(tools.as_array().into_iter().flatten().cloned());
        client
    }

    pub fn new(person: &Person<'_>) -> Self {
        Self::of(person, Era::Old("2025-11-25"))
    }

    fn send(&mut self, message: &Value) {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{message}").unwrap();
        input.flush().unwrap();
    }

    /// Sends a request and does not wait for its answer.
    fn request(&mut self, method: &str, mut params: Value) -> i64 {
        self.last += 1;
        if self.era == Era::New {
            let meta = params["_meta"].take();
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
                "io.modelcontextprotocol/clientCapabilities": {},
            });
            if let Some(token) = meta.get("progressToken") {
                params["_meta"]["progressToken"] = token.clone();
            }
        }
        let id = self.last;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        id
    }

    /// The next message. Whatever is on stdout must be one.
    fn next(&mut self) -> Option<Value> {
        let mut line = String::new();
        if self.output.read_line(&mut line).unwrap() == 0 {
            return None;
        }
        let message = serde_json::from_str::<Value>(&line);
        Some(message.unwrap_or_else(|_| panic!("this is no message: {line:?}")))
    }

    fn wait(&mut self, id: i64) -> Value {
        loop {
            let message = self.next().expect("the server is gone");
            if message["id"] == id {
                return message;
            }
            self.notes.push(message);
        }
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.request(method, params);
        let answer = self.wait(id);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    fn refused(&mut self, method: &str, params: Value) -> Value {
        let id = self.request(method, params);
        let answer = self.wait(id);
        assert!(answer.get("result").is_none(), "{method}: {answer}");
        answer["error"].clone()
    }

    /// Calls a tool; its answer must be as its schema says, and have a next step.
    pub fn tool(&mut self, name: &str, arguments: &Value) -> (Value, bool) {
        let answer = self.ask("tools/call", json!({ "name": name, "arguments": arguments }));
        self.believe(name, &answer)
    }

    fn believe(&self, name: &str, answer: &Value) -> (Value, bool) {
        let object = answer["structuredContent"].clone();
        let tool = self.tools.iter().find(|tool| tool["name"] == name).unwrap();
        check(&tool["outputSchema"], &object, name);
        assert!(object["next"]["why"].is_string(), "{object}");
        let text = answer["content"][0]["text"].as_str().unwrap();
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), object);
        (object, answer["isError"].as_bool().unwrap_or(false))
    }

    #[track_caller]
    pub fn works(&mut self, name: &str, arguments: &Value) -> Value {
        let (object, failed) = self.tool(name, arguments);
        assert!(!failed, "{name} {arguments}: {object}");
        object
    }

    #[track_caller]
    pub fn fails(&mut self, name: &str, arguments: &Value) -> Value {
        let (object, failed) = self.tool(name, arguments);
        assert!(failed, "{name} {arguments}: {object}");
        object["error"].clone()
    }

    /// Plans a command and carries it out.
    #[track_caller]
    pub fn does(&mut self, command: &str, args: &[&str]) -> Value {
        let plan = self.works("plan", &json!({ "command": command, "args": args }));
        assert_eq!(plan["next"]["tool"], "apply", "{plan}");
        let arguments = plan["next"]["arguments"].clone();
        self.works("apply", &arguments)
    }

    /// Closes stdin and waits for the end.
    fn end(mut self) -> i32 {
        drop(self.input.take());
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

/// As much of JSON Schema as our schemas use.
fn check(schema: &Value, value: &Value, at: &str) {
    let fits = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("boolean") => value.is_boolean(),
        other => panic!("{at}: the type {other:?}"),
    };
    assert!(fits, "{at}: {value} is not a {}", schema["type"]);
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{at}: {value}");
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(value.get(name.as_str().unwrap()).is_some(), "{at}: no {name} in {value}");
    }
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = value.get(name) {
            check(schema, value, &format!("{at}/{name}"));
        }
    }
    for item in value.as_array().into_iter().flatten() {
        check(&schema["items"], item, at);
    }
}

/// Waits for something that another process does.
#[track_caller]
fn until(what: &str, mut there: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !there() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it never came: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn clients_of_every_era_see_the_same_tools_prompts_and_resources() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    let mut seen = Vec::new();
    for era in ERAS {
        let mut client = Client::of(&ada, era);
        let mut all = json!(client.tools.clone());
        assert_eq!(all.as_array().unwrap().len(), 10);
        for tool in all.as_array().unwrap() {
            for hint in ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] {
                assert!(tool["annotations"][hint].is_boolean(), "{tool}");
            }
        }
        let prompts = client.ask("prompts/list", json!({}))["prompts"].clone();
        for prompt in prompts.as_array().unwrap() {
            let name = prompt["name"].as_str().unwrap();
            let arguments = json!({ "about": "by noon" });
            let got = client.ask("prompts/get", json!({ "name": name, "arguments": arguments }));
            let text = got["messages"][0]["content"]["text"].as_str().unwrap();
            assert!(text.contains(&format!("gsync {name}")) && text.contains("by noon"), "{text}");
        }
        let resources = client.ask("resources/list", json!({}))["resources"].clone();
        let read = client.ask("resources/read", json!({ "uri": "gsync://status" }));
        let status: Value =
            serde_json::from_str(read["contents"][0]["text"].as_str().unwrap()).unwrap();
        assert_eq!(status["branch"], "main");
        all = json!([all, prompts, resources]);
        seen.push(all);
        assert_eq!(client.end(), 0);
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn an_agent_pulls_works_and_pushes_by_plan_and_apply() {
    for era in ERAS {
        let lab = Lab::new();
        let (ada, bob) = two(&lab);
        bob.commit("b", "bob\n", "bob was here");
        bob.push();
        let mut client = Client::of(&ada, era);
        let status = client.works("status", &json!({}));
        assert_eq!(status["relation"], "behind");
        assert_eq!(status["next"]["arguments"], json!({ "command": "start" }));
        let review = client.works("review", &json!({}));
        assert_eq!(review["incoming"][0]["summary"], "bob was here");
        assert!(review["diff"].as_str().unwrap().contains("+bob"));
        let short = client.works("review", &json!({ "max_chars": 10 }));
        assert_eq!(short["diff"].as_str().unwrap().len(), 10);
        assert_eq!(short["shortened"], json!(["diff"]));
        assert_eq!(client.does("start", &[])["outcome"], "done");
        assert_eq!(ada.read("b"), "bob\n");
        ada.write("new", "new\n");
        assert_eq!(client.works("guard", &json!({ "scope": "all" }))["ok"], true);
        // One approval: the push after the commit is named in the plan.
        let pushed = client.does("finish", &["--all", "--message", "new"]);
        assert_eq!(pushed["pushed"]["branch"], "main");
        assert_eq!(lab.hub().git(&["rev-parse", "main"]), ada.git(&["rev-parse", "HEAD"]));
        let log = client.works("log", &json!({}));
        let commands: Vec<&str> = log["runs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|run| run["command"].as_str().unwrap())
            .collect();
        assert!(commands[2].starts_with("gsync start --only="), "{commands:?}");
        let run = log["runs"][2]["id"].as_str().unwrap();
        let read = client.ask("resources/read", json!({ "uri": format!("gsync://run/{run}") }));
        assert!(read["contents"][0]["text"].as_str().unwrap().contains("start main"));
        assert_eq!(client.end(), 0);
    }
}

#[test]
fn undo_is_a_plan_too() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    bob.commit("b", "bob\n", "bob was here");
    bob.push();
    let before = all_of(&ada);
    let mut client = Client::new(&ada);
    client.does("start", &[]);
    let plan = client.works("undo", &json!({}));
    assert_eq!(ada.read("b"), "bob\n", "a plan changes nothing");
    let arguments = plan["next"]["arguments"].clone();
    client.works("apply", &arguments);
    assert_eq!(before.lines().next(), all_of(&ada).lines().next());
    assert_eq!(ada.read("b"), "b\n");
    let named = client.fails("undo", &json!({ "run": "r77" }));
    assert_eq!(named["code"], "no-such-run");
}

#[test]
fn apply_refuses_what_was_not_shown() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    bob.commit("b", "bob\n", "bob was here");
    bob.push();
    let mut client = Client::new(&ada);
    let unknown = client.fails("apply", &json!({ "id": "00000000" }));
    assert_eq!(unknown["code"], "no-such-plan");
    let plan = client.works("plan", &json!({ "command": "start" }));
    let id = plan["plan"]["id"].clone();
    bob.commit("c", "bob\n", "and again");
    bob.push();
    let before = all_of(&ada);
    let error = client.fails("apply", &json!({ "id": id }));
    assert_eq!((&error["code"], &error["exit"]), (&json!("plan-changed"), &json!(1)));
    assert_eq!(all_of(&ada), before);
    // A plan of another session is named with its command.
    let plan = client.works("plan", &json!({ "command": "start" }));
    drop(client);
    let mut other = Client::new(&ada);
    let id = &plan["plan"]["id"];
    other.fails("apply", &json!({ "id": id }));
    other.works("apply", &json!({ "id": id, "command": "start" }));
    assert_eq!(ada.read("c"), "bob\n");
}

#[test]
fn lines_that_nobody_can_read_and_parameters_of_a_wrong_kind_are_answered() {
    let lab = Lab::new();
    let bob = lab.person("bob");
    for era in ERAS {
        let mut client = Client::of(&bob, era);
        let raw = |client: &mut Client, line: &[u8]| {
            let input = client.input.as_mut().unwrap();
            input.write_all(line).unwrap();
            input.write_all(b"\n").unwrap();
            client.next().expect("an answer")
        };
        for line in [&b"{bad json"[..], b"\xff\xfe", b"{\"jsonrpc\":\"2.0\",\"id\":9,"] {
            let answer = raw(&mut client, line);
            assert_eq!(answer["error"]["code"], -32700, "{answer}");
            assert_eq!(answer["id"], Value::Null, "{answer}");
        }
        let answer = raw(&mut client, br#"{"jsonrpc":"2.0","id":10,"method":5}"#);
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(-32600), &json!(10)));
        let answer = raw(&mut client, b"42");
        assert_eq!(answer["error"]["code"], -32600, "{answer}");
        for params in [json!({}), json!({ "name": 5 }), json!({ "arguments": {} })] {
            assert_eq!(client.refused("tools/call", params)["code"], -32602);
        }
        assert_eq!(client.refused("resources/read", json!({}))["code"], -32602);
        for arguments in [json!([]), json!("x"), json!(5)] {
            assert!(client.fails("log", &arguments)["message"].is_string());
        }
        let unknown = client.refused("no/such", json!({}));
        assert_eq!(unknown["message"], "there is no method no/such");
        client.works("log", &json!({}));
    }
}

#[test]
fn arguments_that_make_no_sense_are_answered_in_the_band_and_change_nothing() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    for era in ERAS {
        let mut client = Client::of(&ada, era);
        let before = all_of(&ada);
        for (tool, arguments) in [
            ("status", json!({ "fetsh": true })),
            ("guard", json!({ "scope": "range", "range": "no..such" })),
            ("log", json!({ "limit": "many" })),
            ("services", json!({ "since": "--output=x" })),
            ("plan", json!({ "command": "status" })),
            ("plan", json!({ "command": "finish", "args": ["--nonsense"] })),
            ("plan", json!({ "command": "finish", "args": ["-C", "/"] })),
            ("plan", json!({ "command": "finish", "args": ["--only", "x"] })),
            ("apply", json!({ "id": "x", "command": "start", "args": ["--dry-run"] })),
            ("apply", json!({ "id": "--help", "command": "start" })),
        ] {
            let error = client.fails(tool, &arguments);
            assert!(error["code"].is_string() && error["message"].is_string(), "{error}");
        }
        assert_eq!(client.refused("tools/call", json!({ "name": "no" }))["code"], -32602);
        assert_eq!(client.refused("prompts/get", json!({ "name": "no" }))["code"], -32602);
        assert_eq!(client.refused("no/such", json!({}))["code"], -32601);
        for uri in ["gsync://no", "gsync://run/r9", "gsync://run/../../x", "gsync://handoff/-h"] {
            let error = client.refused("resources/read", json!({ "uri": uri }));
            assert!(error["message"].as_str().unwrap().contains(uri), "{error}");
        }
        assert_eq!(all_of(&ada), before);
        assert_eq!(client.end(), 0);
    }
}

#[test]
fn outside_of_a_repository_the_server_answers_that() {
    let lab = Lab::new();
    std::fs::create_dir(lab.path("nowhere")).unwrap();
    let nobody = lab.at("nobody", lab.path("nowhere"));
    let mut client = Client::new(&nobody);
    assert_eq!(client.fails("status", &json!({}))["exit"], 7);
    assert_eq!(client.ask("resources/list", json!({}))["resources"].as_array().unwrap().len(), 1);
}

/// A service whose one step says three things, slowly.
const SLOW: &str = "[[service]]\nname = \"s\"\npaths = [\"**\"]\n\
                    steps = [{ name = \"b\", run = \"for i in 1 2 3; do echo line $i; sleep 0.15; done\" }]\n";

#[test]
fn a_long_run_tells_how_far_it_is() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.write(".gsync.toml", SLOW);
    for era in [Era::Old("2025-06-18"), Era::New] {
        let mut client = Client::of(&ada, era);
        let plan = client.works("plan", &json!({ "command": "up", "args": ["s"] }));
        let params = json!({
            "name": "apply", "arguments": { "id": plan["plan"]["id"] },
            "_meta": { "progressToken": "t1" },
        });
        let answer = client.ask("tools/call", params);
        let (object, failed) = client.believe("apply", &answer);
        assert!(!failed, "{object}");
        let ticks: Vec<&Value> = client
            .notes
            .iter()
            .filter(|note| note["method"] == "notifications/progress")
            .map(|note| &note["params"])
            .collect();
        assert!(ticks.iter().all(|tick| tick["progressToken"] == "t1"), "{ticks:?}");
        let progress: Vec<f64> =
            ticks.iter().map(|tick| tick["progress"].as_f64().unwrap()).collect();
        assert!(progress.len() >= 4, "{ticks:?}");
        assert!(progress.windows(2).all(|pair| pair[0] < pair[1]), "{progress:?}");
        // Of lines that come at once only the newest is told.
        let is_line =
            |tick: &&Value| tick["message"].as_str().is_some_and(|it| it.starts_with("line "));
        assert!(ticks.iter().any(is_line), "{ticks:?}");
    }
}

/// Ada has a commit, Bob has pushed a file whose checkout waits for a file `go`. So Ada's
/// `finish` has moved her branch and stands before the push.
fn blocked(lab: &Lab) -> (Person<'_>, Client, i64, String) {
    let (ada, bob) = two(lab);
    bob.commit(".gitattributes", "slow filter=slow\n", "attributes");
    bob.push();
    ada.git(&["pull", "-q"]);
    bob.commit("slow", "bob\n", "slow");
    bob.push();
    ada.commit("mine", "ada\n", "mine");
    let filter = format!(
        "sh -c 'touch {0}/began; while [ ! -e {0}/go ]; do sleep 0.01; done; cat'",
        lab.path("").display()
    );
    ada.git(&["config", "filter.slow.smudge", &filter]);
    let before = all_of(&ada);
    let mut client = Client::new(&ada);
    let plan = client.works("plan", &json!({ "command": "finish" }));
    let params = json!({ "name": "apply", "arguments": { "id": plan["plan"]["id"] } });
    let id = client.request("tools/call", params);
    until("the checkout", || lab.path("began").exists());
    (ada, client, id, before)
}

#[test]
fn a_cancelled_run_is_put_back() {
    let lab = Lab::new();
    let (ada, mut client, id, before) = blocked(&lab);
    client.send(&json!({
        "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id },
    }));
    // Whatever else is asked is answered meanwhile.
    let log = client.works("log", &json!({}));
    assert!(log["runs"][0].get("outcome").is_none(), "{log}");
    std::fs::write(lab.path("go"), "").unwrap();
    until("the end of the run", || {
        client.works("log", &json!({}))["runs"][0]["outcome"] == "interrupted"
    });
    assert_eq!(all_of(&ada), before);
    // And the next one is not cancelled with it.
    assert_eq!(client.does("finish", &[])["pushed"]["branch"], "main");
    assert_eq!(client.end(), 0);
}

#[test]
fn a_run_is_put_back_when_its_client_goes_away() {
    let lab = Lab::new();
    let (ada, mut client, _, before) = blocked(&lab);
    drop(client.input.take());
    let go = lab.path("go");
    let later = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        std::fs::write(go, "").unwrap();
    });
    assert_eq!(client.child.wait().unwrap().code(), Some(0));
    later.join().unwrap();
    assert_eq!(all_of(&ada), before);
}

#[test]
fn who_asks_and_then_says_nothing_more_is_answered() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    bob.commit("c", "bob\n", "c");
    bob.push();
    let before = all_of(&ada);
    let mut client = Client::new(&ada);
    let params = json!({ "name": "plan", "arguments": { "command": "start" } });
    let id = client.request("tools/call", params);
    drop(client.input.take());
    let answer = client.next().expect("an answer");
    assert_eq!(answer["id"], id);
    assert!(answer["result"]["structuredContent"]["plan"]["id"].is_string(), "{answer}");
    assert_eq!(client.child.wait().unwrap().code(), Some(0));
    assert_eq!(all_of(&ada), before);
    // Of many the last line is no message.
    let bob = lab.person("eve");
    for _ in 0..12 {
        let mut client = Client::new(&bob);
        let mut input = client.input.take().unwrap();
        input.write_all(b"{bad\n").unwrap();
        drop(input);
        let answer = client.next().expect("an answer");
        assert_eq!(answer["error"]["code"], -32700, "{answer}");
    }
}

#[test]
fn a_server_that_is_told_to_end_puts_back_first() {
    let lab = Lab::new();
    let (ada, mut client, _, before) = blocked(&lab);
    let _ = ada.sh(&format!("kill -TERM {}", client.child.id())).exits(0);
    std::thread::sleep(Duration::from_millis(100));
    std::fs::write(lab.path("go"), "").unwrap();
    assert_eq!(client.child.wait().unwrap().code(), Some(130));
    assert_eq!(all_of(&ada), before);
}

#[test]
fn nothing_that_a_hook_reads_or_prints_gets_between_the_messages() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    for hook in ["pre-commit", "post-commit", "pre-push", "post-checkout"] {
        ada.script(&format!(".git/hooks/{hook}"), "#!/bin/sh\necho noise\ncat >/dev/null\n");
    }
    let mut client = Client::new(&ada);
    ada.write("new", "new\n");
    client.does("finish", &["--all", "--message", "new"]);
    client.works("status", &json!({}));
}

#[test]
fn nobody_is_asked_for_a_password_on_the_terminal_of_an_agent() {
    let lab = Lab::new();
    let client = Client::new(&lab.person("ada"));
    let pid = client.child.id();
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return };
    // Behind the name in parentheses: state, parent, group, session, terminal.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    assert_eq!((fields[3], fields[4]), (pid.to_string().as_str(), "0"), "{stat}");
}
