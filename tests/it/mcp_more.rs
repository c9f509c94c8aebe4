//! `gsync mcp`: handoffs and servers by plan and apply, and arguments that nobody should send.

use serde_json::json;

use crate::deploy_faults::two_versions;
use crate::lab::Lab;
use crate::mcp::Client;
use crate::pull::{all_of, two};

#[test]
fn a_handoff_is_found_read_acknowledged_and_closed_by_an_agent() {
    let lab = Lab::new();
    let (qc, builder) = (lab.person("qc"), lab.person("builder"));
    qc.git(&["config", "gsync.role", "qc"]);
    builder.git(&["config", "gsync.role", "builder"]);
    qc.write(".gsync.toml", "[roles.qc]\n[roles.builder]\n[handoff]\nto = \"builder\"\n");
    qc.commit_all("roles");
    qc.push();
    builder.git(&["pull", "-q"]);
    qc.commit("work", "1\n", "feat: work");
    qc.push();
    let mut sender = Client::new(&qc);
    assert_eq!(sender.works("handoffs", &json!({}))["handoffs"], json!([]));
    sender.does("handoff draft", &["--to", "builder"]);
    sender.does("handoff send", &["--message", "the work"]);

    let mut client = Client::new(&builder);
    let status = client.works("status", &json!({}));
    assert_eq!(status["handoffs"][0]["id"], "H-0001", "{status}");
    let all = client.works("handoffs", &json!({}));
    assert_eq!(all["handoffs"][0]["from"], "qc@lab");
    assert_eq!(all["next"]["command"], "gsync handoff take H-0001");
    let arguments = all["next"]["arguments"].clone();
    let one = client.works("handoffs", &arguments);
    assert!(one["handoff"]["text"].as_str().unwrap().contains("the work"), "{one}");
    assert_eq!(one["next"]["command"], "gsync handoff ack H-0001 --message MESSAGE");
    client.does("start", &[]);
    client.does("handoff ack", &["H-0001", "--message", "I take the work"]);
    let one = client.works("handoffs", &json!({ "id": "1" }));
    assert_eq!(one["next"]["command"], "gsync handoff done H-0001");
    client.does("handoff done", &["H-0001"]);
    assert_eq!(client.works("handoffs", &json!({}))["handoffs"], json!([]));
    let closed = client.works("handoffs", &json!({ "all": true }));
    assert_eq!(closed["handoffs"][0]["status"], "done");
    client.fails("handoffs", &json!({ "id": "H-0077" }));
}

#[test]
fn a_release_is_of_the_live_and_the_standby_that_were_shown_or_it_is_refused() {
    let lab = Lab::new();
    let shop = two_versions(&lab, "");
    let _ = shop.push("1.2.0").exits(0);
    let mut client = Client::new(&shop.server());
    let envs = client.works("envs", &json!({}));
    assert_eq!(envs["next"]["arguments"]["command"], "release", "{envs}");
    let live = envs["live"].clone();
    let plan = |client: &mut Client, command: &str| {
        let plan = client.works("plan", &json!({ "command": command }));
        plan["next"]["arguments"].clone()
    };
    // Another STANDBY.
    let shown = plan(&mut client, "release");
    assert_eq!(plan(&mut client, "release"), shown, "the same plan has the same name");
    let _ = shop.push("1.3.0").exits(0);
    assert_eq!(client.fails("apply", &shown)["code"], "plan-changed");
    assert_eq!(shop.envs()["live"], live);
    // Another LIVE.
    let shown = plan(&mut client, "release");
    let _ = shop.gsync(&["release"]).exits(0);
    let now = shop.envs();
    assert_ne!(now["live"], live);
    client.fails("apply", &shown);
    let back = plan(&mut client, "rollback");
    assert_ne!(back, shown);
    assert_eq!(shop.envs(), now);
    // The way back is gone with the STANDBY that it led to.
    let _ = shop.push("1.4.0").exits(0);
    assert_eq!(client.fails("apply", &back)["exit"], 1);
    assert_eq!(shop.envs()["live"], now["live"]);
    let done = client.does("release", &[]);
    assert_eq!(done["next"]["tool"], "envs", "{done}");
    let done = client.does("rollback", &[]);
    assert_eq!((&done["live"], &done["outcome"]), (&now["live"], &json!("done")));
    client.does("sync", &[]);
    let envs = client.works("envs", &json!({ "app": "shop" }));
    assert_eq!(envs["next"]["why"], "both run the same commit");
}

#[test]
fn whatever_stands_in_an_argument_is_answered_in_the_band_and_changes_nothing() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    bob.commit("b", "bob\n", "bob was here");
    bob.push();
    ada.git(&["fetch", "-q"]);
    ada.write("a", "dirty\n");
    let hostile = [
        json!(7),
        json!(-1),
        json!(true),
        json!(["x"]),
        json!({ "x": [] }),
        json!("x".repeat(300_000)),
        json!("\u{1b}[2J\u{7}\r\n"),
        json!("a\0b"),
        json!("../../outside"),
        json!("--output=outside"),
        json!("$(touch outside)"),
        json!("--only"),
    ];
    let before = all_of(&ada);
    let mut client = Client::new(&ada);
    for tool in client.tools.clone() {
        let name = tool["name"].as_str().unwrap();
        let known = tool["inputSchema"]["properties"].as_object().unwrap();
        let unknown = json!({ "type": "nothing" });
        let odd = ["\u{1b}[2J".to_owned(), "k".repeat(300_000)];
        let odd = odd.iter().map(|key| (key, &unknown));
        for (key, schema) in known.iter().chain(odd) {
            for value in &hostile {
                let mut arguments = json!({ key: value });
                if name == "plan" && key == "args" {
                    let args = if value.is_string() { json!([value]) } else { value.clone() };
                    arguments = json!({ "command": "finish", "args": args });
                }
                let fits = match schema["type"].as_str().unwrap() {
                    "string" | "array" => arguments[key].is_string() || arguments[key].is_array(),
                    "integer" => value.is_i64(),
                    "boolean" => value.is_boolean(),
                    _ => false,
                };
                let (object, failed) = client.tool(name, &arguments);
                let text = object.to_string();
                assert!(failed || fits, "{name} {key}: {text}");
                assert!(text.len() < 100_000, "{name} {key}: {} bytes", text.len());
                if let Some(error) = object.get("error") {
                    let message = error["message"].as_str().unwrap();
                    assert!(!message.contains(['\u{1b}', '\u{7}']), "{name} {key}: {error}");
                }
            }
        }
    }
    assert_eq!(all_of(&ada), before);
    assert!(!ada.path("outside").exists() && !lab.path("outside").exists());
}
