//! `gsync handoff`: work that is handed over with facts, and a life of its own on the hub.

use std::fs;

use crate::lab::{Lab, Person, name_commits};

/// A clone with a role, and its traces out of the way.
fn with_role<'lab>(lab: &'lab Lab, name: &str, role: &str) -> Person<'lab> {
    let person = lab.person(name);
    person.git(&["pull", "-q"]);
    person.git(&["config", "gsync.role", role]);
    person
}

/// A hub on which some work began: the base of a handoff.
fn begun(lab: &Lab) -> Person<'_> {
    let qc = with_role(lab, "qc", "qc");
    qc.write(
        ".gsync.toml",
        "[roles.qc]\n[roles.builder]\n[handoff]\nto = \"builder\"\n\
         [[service]]\nname = \"server\"\npaths = [\"server/**\", \"db/**\"]\n\
         steps = [{ name = \"build\", run = \"true\" }]\n",
    );
    qc.write("server/main.rs", "fn main() {}\n");
    qc.write(".env.example", "OLD_KEY=\n");
    qc.write("client/package-lock.json", "{}\n");
    qc.git(&["add", "-A"]);
    qc.git(&["commit", "-q", "-m", "begin"]);
    qc.push();
    qc
}

/// Work with everything that a receiver must know of.
fn worked(qc: &Person<'_>) {
    qc.commit("db/migrations/0007_add_y.sql", "alter table x add y int;\n", "feat: add y");
    qc.write(".env.example", "OLD_KEY=\nSTRIPE_KEY=sk_live_not_for_your_eyes\n");
    qc.write("server/main.rs", "fn main() { std::env::var(\"SERVER_MODE\"); }\n");
    qc.git(&["add", "-A"]);
    qc.git(&[
        "commit",
        "-q",
        "-m",
        "feat(api)!: only v2\n\nBREAKING CHANGE: v1 is gone\nCo-Authored-By: Bob <bob@example.com>",
    ]);
    qc.commit("client/package-lock.json", "{\"a\":1}\n", "chore: update a");
    qc.git(&["mv", "README", "README.md"]);
    qc.git(&["commit", "-q", "-m", "docs: rename"]);
}

fn file_on_hub(lab: &Lab, number: u32) -> String {
    let hub = lab.hub();
    let names = hub.git(&["ls-tree", "--name-only", "main:handoffs"]);
    let end = format!("_{number:04}.md");
    let name = names.lines().find(|name| name.ends_with(&end)).unwrap().to_owned();
    hub.git(&["show", &format!("main:handoffs/{name}")])
}

#[test]
fn a_handoff_is_drafted_sent_acknowledged_and_done_on_the_hub() {
    let lab = Lab::new();
    let qc = begun(&lab);
    worked(&qc);
    qc.write("dirty", "stays\n");
    qc.gsync(&["handoff", "draft", "-m", "Y for the report"])
        .exits(0)
        .says("status: draft")
        .says("Y for the report");
    assert_eq!(qc.git(&["status", "--short"]), "?? dirty", "the tree costs nothing");
    qc.gsync(&["handoff", "send"]).exits(1).says("does not have").says("gsync finish");
    qc.push();
    let seen = qc.gsync(&["handoff", "send", "--to", "builder"]).exits(0);
    assert_eq!(seen.stdout, "H-0001\n");
    assert_eq!(qc.git(&["status", "--short"]), "?? dirty");
    assert_eq!(qc.git(&["rev-parse", "HEAD"]), lab.hub().git(&["rev-parse", "main"]));
    assert_eq!(qc.git(&["log", "-1", "--format=%s %an"]), "docs: handoff H-0001 to builder qc");
    assert_eq!(
        lab.hub().git(&["rev-parse", "refs/gsync/handoff/1"]),
        qc.git(&["rev-parse", "HEAD"])
    );
    let text = file_on_hub(&lab, 1);
    assert!(text.contains("status: sent") && text.contains("Y for the report"), "{text}");
    assert!(!qc.path(".git/gsync/handoff/draft.md").exists());

    let builder = with_role(&lab, "builder", "builder");
    builder
        .gsync(&["handoff", "list"])
        .exits(0)
        .says("H-0001 sent  qc@lab to builder")
        .says("for you");
    qc.gsync(&["handoff", "ack", "1", "-m", "x"]).exits(1).says("H-0001 is for builder");
    builder.gsync(&["handoff", "done", "1"]).exits(1).says("gsync handoff ack H-0001");
    builder.gsync(&["handoff", "take", "H-0001"]).exits(1).says("NOT the command `gsync`");
    builder.gsync(&["handoff", "ack", "H-0001", "-m", "I add y, set two keys"]).exits(0);
    let text = file_on_hub(&lab, 1);
    assert!(text.contains("status: acked"), "{text}");
    assert!(text.contains("restated: \"I add y, set two keys\""), "{text}");
    assert_eq!(builder.git(&["rev-parse", "HEAD"]), lab.hub().git(&["rev-parse", "main"]));
    builder.gsync(&["handoff", "ack", "1", "-m", "again"]).exits(1).says("H-0001 is acked");
    builder.gsync(&["handoff", "done", "1", "--env", "green"]).exits(0);
    assert!(file_on_hub(&lab, 1).contains("status: done"));
    builder.gsync(&["handoff", "list"]).exits(0).says("no handoff is open");
    let all = builder.gsync(&["--json", "handoff", "list", "--all"]).exits(0).json();
    assert_eq!(all["handoffs"][0]["status"], "done");
    let shown = builder.gsync(&["--json", "handoff", "show", "h-1"]).exits(0).json();
    assert_eq!(shown["answers"]["done"]["env"], "green");
    assert_eq!(shown["answers"]["done"]["commit"], shown["head"]);
    qc.gsync(&["handoff", "reject", "1", "-m", "too late"]).exits(1).says("H-0001 is done");
}

/// Compares with a file that is kept; `GSYNC_BLESS=1` writes it.
#[track_caller]
fn is_as_kept(name: &str, text: &str) {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots").join(name);
    if std::env::var_os("GSYNC_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, kept, "{name} is not as it was kept");
}

/// Without days and commits, which are others each time.
fn timeless(text: &str) -> String {
    let day = regex::Regex::new("20[0-9]{2}-?[01][0-9]-?[0-3][0-9](T[0-9:]{8}Z)?").unwrap();
    day.replace_all(&name_commits(text), "DAY").into_owned()
}

#[test]
fn the_document_and_its_json_say_all_that_git_knows_and_no_value_of_a_key() {
    let lab = Lab::new();
    let qc = begun(&lab);
    worked(&qc);
    qc.gsync(&["handoff", "test", "--", "true"]).exits(0).says("passed");
    qc.gsync(&["handoff", "test", "exit 3"]).exits(1).says("failed with 3");
    qc.gsync(&["handoff", "test", "--", "test", "-e", "README.md"]).exits(0);
    qc.push();
    let args =
        ["handoff", "send", "-m", "Y for the report", "--why", "asked for", "--if", "- it burns"];
    qc.gsync(&args).exits(0);
    let text = file_on_hub(&lab, 1);
    assert!(!text.contains("not_for_your_eyes"));
    is_as_kept("handoff.md", &timeless(&(text + "\n")));
    let seen = qc.gsync(&["--json", "handoff", "show", "1"]).exits(0).json();
    let mut seen = seen;
    seen.as_object_mut().unwrap().remove("text");
    is_as_kept("handoff.json", &timeless(&format!("{seen:#}\n")));
}
