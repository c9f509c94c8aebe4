//! `gsync handoff`: work that is handed over with facts, and a life of its own on the hub.

use std::fs;
use std::time::{Duration, Instant};

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

#[test]
fn a_plan_is_shown_runs_only_as_shown_and_nothing_moves_before() {
    let lab = Lab::new();
    let qc = begun(&lab);
    worked(&qc);
    qc.push();
    let hub = || lab.hub().git(&["for-each-ref"]);
    let before = (qc.state(), hub());
    let seen = qc.gsync(&["--json", "handoff", "send", "--dry-run"]).exits(0).json();
    assert_eq!((qc.state(), hub()), before);
    let id = seen["plan"]["id"].as_str().unwrap();
    qc.gsync(&["handoff", "send", "-m", "other", "--only", id])
        .exits(1)
        .says("no longer what would be done");
    assert_eq!((qc.state(), hub()), before);
    qc.gsync(&["handoff", "send", "--only", id]).exits(0);
    assert!(file_on_hub(&lab, 1).contains("status: sent"));
}

#[test]
fn what_the_sender_wrote_into_the_draft_is_kept_when_the_facts_change() {
    let lab = Lab::new();
    let qc = begun(&lab);
    qc.gsync(&["install"]).exits(0);
    qc.commit("server/a.rs", "a\n", "first of the work");
    qc.gsync(&["handoff", "draft", "--why", "from the command line"]).exits(0);
    let path = ".git/gsync/handoff/draft.md";
    let edited = qc
        .read(path)
        .replace("<!-- gsync:impact -->\nnone\n", "<!-- gsync:impact -->\nNo downtime.\nReally.\n");
    qc.write(path, edited);
    qc.write("server/b.rs", "b\n");
    qc.git(&["add", "."]);
    qc.git(&["commit", "-q", "-m", "second of the work"]);
    until("the draft follows", || qc.read(path).contains("second of the work"));
    let draft = qc.read(path);
    for kept in ["second of the work", "from the command line", "No downtime.\nReally.\n"] {
        assert!(draft.contains(kept), "{kept}\n{draft}");
    }
    qc.write(path, "# nothing of a draft\n");
    qc.gsync(&["handoff", "draft"]).exits(2).says(".git/gsync/handoff/draft.md:1: ").says("hint:");
    assert_eq!(qc.read(path), "# nothing of a draft\n");
}

#[test]
fn a_handoff_edited_into_nonsense_is_named_with_its_line_and_answers_nothing() {
    let lab = Lab::new();
    let qc = begun(&lab);
    worked(&qc);
    qc.push();
    qc.gsync(&["handoff", "send"]).exits(0);
    let name = qc.read_dir("handoffs")[0].to_string_lossy().into_owned();
    let path = format!("handoffs/{name}");
    let good = qc.read(&path);
    qc.commit("handoffs/README.md", "# Not a handoff\n", "docs: about handoffs");
    qc.commit(&path, &good.replace("status: sent", "status: whatever"), "spoiled");
    qc.push();
    let builder = with_role(&lab, "builder", "builder");
    let line = format!("{path}:4: `status` is not one of");
    builder
        .gsync(&["handoff", "list"])
        .exits(0)
        .says(&line)
        .says("git log -p --")
        .says_not("README");
    builder.gsync(&["handoff", "ack", "1", "-m", "x"]).exits(2).says(&line);
    builder.gsync(&["handoff", "show", "2"]).exits(1).says("no handoff H-0002");
    builder.gsync(&["handoff", "show", "../1"]).exits(2).says("is no handoff");
    let seen = builder.gsync(&["--json", "handoff", "list"]).exits(0).json();
    assert!(seen["broken"][0]["why"].as_str().unwrap().contains(&line), "{seen}");
    // A number that stands in a broken file is not given away again: the hub has its name.
    qc.commit("server/x.rs", "x\n", "more");
    qc.push();
    let args = ["handoff", "send", "--base", "HEAD~1"];
    assert_eq!(qc.gsync(&args).exits(0).stdout, "H-0002\n");
}

#[test]
fn a_new_handoff_takes_over_what_was_never_deployed_and_begins_where_the_last_one_was_done() {
    let lab = Lab::new();
    let qc = begun(&lab);
    worked(&qc);
    qc.push();
    qc.gsync(&["handoff", "send"]).exits(0);
    qc.gsync(&["handoff", "send"]).exits(1).says("there is nothing new since H-0001");
    qc.commit("server/more.rs", "x\n", "more of it");
    qc.push();
    qc.gsync(&["handoff", "send"]).exits(0).says("H-0001 is superseded by it");
    let (first, second) = (file_on_hub(&lab, 1), file_on_hub(&lab, 2));
    assert!(first.contains("status: superseded") && first.contains("by: H-0002"), "{first}");
    assert!(second.contains("more of it") && second.contains("feat: add y"), "{second}");
    let builder = with_role(&lab, "builder", "builder");
    builder.gsync(&["handoff", "ack", "1", "-m", "x"]).exits(1).says("H-0001 is superseded");
    builder.gsync(&["handoff", "reject", "2", "-m", "not now"]).exits(0);
    assert!(file_on_hub(&lab, 2).contains("why: \"not now\""));
    qc.git(&["pull", "-q"]);
    qc.gsync(&["handoff", "send"]).exits(0);
    assert!(file_on_hub(&lab, 3).contains("feat: add y"), "what was sent back is sent again");
    builder.gsync(&["handoff", "ack", "3", "-m", "all of it"]).exits(0);
    builder.gsync(&["handoff", "done", "3", "--env", "green"]).exits(0);
    qc.git(&["pull", "-q"]);
    qc.commit("server/next.rs", "x\n", "the next work");
    qc.push();
    qc.gsync(&["handoff", "send"]).exits(0).says("1 commit");
    let next = file_on_hub(&lab, 4);
    assert!(next.contains("the next work") && !next.contains("add y"), "{next}");
    assert!(next.contains("### Migrations\n\nnone\n"), "{next}");
}

#[test]
fn the_receiver_is_told_what_is_so_and_what_to_do_in_which_order() {
    let lab = Lab::new();
    let qc = begun(&lab);
    worked(&qc);
    qc.gsync(&["handoff", "test", "--", "true"]).exits(0);
    qc.push();
    qc.gsync(&["handoff", "send"]).exits(0);
    let builder = with_role(&lab, "builder", "builder");
    for name in ["gsync", "npm"] {
        builder.script(&format!(".git/bin/{name}"), "#!/bin/sh\n");
    }
    let path = format!("{}:{}", builder.path(".git/bin").display(), std::env::var("PATH").unwrap());
    let builder = builder.with_env("PATH", &path);
    let seen = builder.gsync(&["--json", "handoff", "take", "1"]).exits(0).json();
    assert_eq!(seen["fine"], true, "{seen:#}");
    let told: Vec<&str> = seen["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["what"].as_str().unwrap())
        .collect();
    assert_eq!(told.len(), 8, "{told:?}");
    assert!(told[0].starts_with("have `") && told[1].contains("SERVER_MODE"), "{told:?}");
    assert!(told[4].contains("0007_add_y.sql") && told[5] == "bring up server", "{told:?}");
    assert_eq!(seen["steps"][3]["command"], "(cd client && npm ci)");
    builder
        .gsync(&["handoff", "take", "1"])
        .exits(0)
        .says("the way back")
        .says("git revert --no-commit");

    // A claim that git does not bear out is named.
    let name = qc.read_dir("handoffs")[0].to_string_lossy().into_owned();
    let file = format!("handoffs/{name}");
    let text = qc.read(&file).replace("env_added: [SERVER_MODE, STRIPE_KEY]", "env_added: []");
    qc.commit(&file, &text, "forgot the keys");
    qc.push();
    builder
        .gsync(&["handoff", "take", "1"])
        .exits(1)
        .says("NOT the new environment keys are those that git shows");
}

#[test]
fn what_makes_no_sense_is_refused_with_a_hint_and_nothing_is_changed() {
    let lab = Lab::new();
    let qc = begun(&lab);
    worked(&qc);
    qc.push();
    let hub = lab.hub().git(&["for-each-ref"]);
    qc.gsync(&["handoff", "send", "--to", "bilder"]).exits(2).says("--to builder");
    qc.gsync(&["handoff", "send", "--to", "../x"]).exits(2).says("there is no role ../x");
    qc.gsync(&["handoff", "send", "--base", "nowhere"]).exits(2).says("there is no commit nowhere");
    qc.gsync(&["handoff", "ack", "1", "-m", "  "]).exits(2).says("`-m` is empty");
    qc.gsync(&["handoff", "ack", "1"])
        .exits(2)
        .says("say what you understood with `-m`")
        .says("`gsync handoff show H-0001`")
        .says("`gsync handoff ack H-0001 -m 'WHAT YOU UNDERSTOOD'`");
    let told = qc.gsync(&["handoff", "reject", "7", "--json"]).exits(2).json();
    assert_eq!(told["error"]["hints"][1], "say why: `gsync handoff reject H-0007 -m 'WHY'`");
    qc.gsync(&["handoff", "done", "99"]).exits(1).says("no handoff H-0099");
    for (key, value) in
        [("file", "H.md"), ("file", "../{NUMBER}.md"), ("dir", "../up"), ("dir", "")]
    {
        let rules = qc.read(".gsync.toml");
        qc.write(
            ".gsync.toml",
            rules.replace("[handoff]\n", &format!("[handoff]\n{key} = \"{value}\"\n")),
        );
        qc.gsync(&["handoff", "send"]).exits(2).says(&format!("[handoff] {key} in .gsync.toml"));
        qc.write(".gsync.toml", rules);
    }
    qc.git(&["switch", "-q", "-c", "own"]);
    qc.gsync(&["handoff", "send"])
        .exits(1)
        .says("own follows no branch of origin")
        .says("git push -u origin own");
    qc.git(&["switch", "-q", "--detach"]);
    qc.gsync(&["handoff", "draft"]).exits(1).says("HEAD is detached");
    qc.git(&["switch", "-q", "main"]);
    qc.git(&["remote", "set-url", "origin", "../nowhere.git"]);
    qc.gsync(&["handoff", "send"]).exits(7).says("the hub cannot be reached");
    qc.gsync(&["handoff", "list"]).exits(0).says("this is what was known before");
    assert_eq!(lab.hub().git(&["for-each-ref"]), hub);
}

#[test]
fn a_history_that_was_rewritten_under_an_open_handoff_is_named_and_not_acknowledged() {
    let lab = Lab::new();
    let qc = begun(&lab);
    worked(&qc);
    qc.push();
    let head = qc.git(&["rev-parse", "HEAD"]);
    qc.gsync(&["handoff", "send"]).exits(0);
    let builder = with_role(&lab, "builder", "builder");
    // The same file on top of another history.
    let text = qc.git(&["ls-tree", "HEAD:handoffs"]);
    assert!(text.contains("HANDOFF_TO_BUILDER"));
    qc.git(&["reset", "-q", "--soft", "HEAD~3"]);
    qc.git(&["commit", "-q", "-m", "squashed"]);
    qc.git(&["push", "-q", "--force", "origin", "main"]);
    let before = lab.hub().git(&["rev-parse", "main"]);
    builder
        .gsync(&["handoff", "ack", "1", "-m", "x"])
        .exits(1)
        .says(&format!("head {} is gone from main", &head[..7]))
        .says("somebody rewrote its history");
    builder.gsync(&["handoff", "take", "1"]).exits(1).says("is gone from main");
    assert_eq!(lab.hub().git(&["rev-parse", "main"]), before);
    builder.gsync(&["handoff", "reject", "1", "-m", "history was rewritten"]).exits(0);
    assert!(file_on_hub(&lab, 1).contains("status: rejected"));
}

#[test]
fn a_template_of_the_repository_is_used_and_a_broken_one_names_its_line() {
    let lab = Lab::new();
    let qc = begun(&lab);
    worked(&qc);
    qc.write(".gsync/HANDOFF.md", "# Ours\n{{ id }}: {{ sender.summary }}\n{% for c in commits %}* {{ c.summary }}\n{% endfor %}");
    qc.gsync(&["handoff", "draft", "-m", "hello"])
        .exits(0)
        .says("# Ours\ndraft: <!-- gsync:summary -->\nhello\n");
    for (text, place) in [
        ("# Ours\n{{ nobody }}\n", ".gsync/HANDOFF.md:2: undefined value"),
        ("# Ours\n\n{% for x %}\n", ".gsync/HANDOFF.md:3: syntax error"),
    ] {
        qc.write(".gsync/HANDOFF.md", text);
        qc.gsync(&["handoff", "draft"]).exits(2).says(place).says("hint:");
    }
}

#[test]
fn of_twenty_that_send_at_once_each_gets_a_number_of_its_own() {
    let lab = Lab::new();
    let qc = begun(&lab);
    worked(&qc);
    qc.push();
    let people: Vec<_> =
        (0..20).map(|n| with_role(&lab, &format!("p{n}"), &format!("r{n}"))).collect();
    qc.write(".gsync.toml", "");
    let running: Vec<_> = people
        .iter()
        .enumerate()
        .map(|(n, person)| {
            person.write(".gsync.toml", "");
            let args = ["handoff", "send", "--base", "HEAD~2", "--to", &format!("to{n}")];
            person
                .command(env!("CARGO_BIN_EXE_gsync"))
                .args(args)
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut numbers = Vec::new();
    for child in running {
        let out = child.wait_with_output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        numbers.push(String::from_utf8(out.stdout).unwrap().trim().to_owned());
    }
    numbers.sort();
    let expect: Vec<String> = (1..=20).map(|n| format!("H-{n:04}")).collect();
    assert_eq!(numbers, expect);
    let files = lab.hub().git(&["ls-tree", "--name-only", "main:handoffs"]);
    assert_eq!(files.lines().count(), 20, "{files}");
    let refs = lab.hub().git(&["for-each-ref", "--format=%(refname)", "refs/gsync/handoff"]);
    assert_eq!(refs.lines().count(), 20, "{refs}");
}

#[test]
fn a_hub_that_refuses_foreign_names_still_takes_handoffs() {
    let lab = Lab::new();
    let qc = begun(&lab);
    worked(&qc);
    qc.push();
    lab.hub().script(
        "hooks/pre-receive",
        "#!/bin/sh\nwhile read old new name; do case $name in refs/gsync/*) exit 1;; esac; done\n",
    );
    qc.gsync(&["handoff", "send"]).exits(0).says("refuses names below refs/gsync/handoff");
    assert!(file_on_hub(&lab, 1).contains("status: sent"));
    assert_eq!(lab.hub().git(&["for-each-ref", "refs/gsync"]), "");
}

/// Waits for what a process in the background does.
#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "it never came: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_draft_follows_each_commit_and_merge_and_a_dry_run_leaves_it_alone() {
    let lab = Lab::new();
    let qc = begun(&lab);
    let rules = qc.read(".gsync.toml").replace("[handoff]", "[handoff]\nwhen = [\"server/**\"]");
    qc.commit(".gsync.toml", &rules.replace("when", "require = true\nwhen"), "rules");
    qc.push();
    qc.gsync(&["install"]).exits(0);
    let path = ".git/gsync/handoff/draft.md";
    let commit = |file: &str, args: &[&str]| {
        qc.write(file, file);
        qc.git(&["add", "-A"]);
        qc.git(&[&["commit", "-q"], args].concat());
        qc.git(&["rev-parse", "HEAD"])
    };
    let is_at = |head: &str| {
        std::fs::read_to_string(qc.path(path))
            .is_ok_and(|text| text.contains(&format!("head: {head}\n")))
    };
    // Work that nobody is to be told of begins no draft, and neither does what others did.
    commit("docs/x", &["-m", "docs"]);
    let ben = lab.person("ben");
    ben.git(&["pull", "-q"]);
    ben.commit("server/b", "b\n", "of ben");
    ben.push();
    qc.git(&["pull", "-q", "--no-edit", "--no-rebase"]);
    assert!(!qc.path(".git/gsync/handoff").exists());

    let head = commit("server/x", &["-m", "one"]);
    until("a draft", || is_at(&head));
    // Nobody has said anything yet: the push is not covered by it.
    qc.try_git(&["push"]).exits(1).says("gsync handoff draft --to builder");
    let text = qc.read(path).replace("<!-- gsync:why -->", "<!-- gsync:why -->\nfor the report\n");
    qc.write(path, text);
    let head = commit("docs/y", &["-m", "two"]);
    until("the draft at the second commit", || is_at(&head));
    let head = commit("server/z", &["--amend", "-m", "two again"]);
    until("the draft at the amended commit", || is_at(&head));
    qc.git(&["switch", "-q", "-c", "side"]);
    let side = commit("server/side", &["-m", "side"]);
    qc.git(&["switch", "-q", "main"]);
    qc.git(&["merge", "-q", "side"]);
    until("the draft at the merge", || is_at(&side));
    assert!(qc.read(path).contains("for the report"), "{}", qc.read(path));
    until("the worker to end", || !qc.path(".git/gsync/handoff/outdated").exists());

    // Moved by what fires no hook: a dry run and a question write nothing.
    qc.git(&["update-ref", "HEAD", &head]);
    qc.git(&["reset", "-q", "--hard"]);
    qc.gsync(&["handoff", "draft", "--dry-run"]).exits(0).says("draft the handoff");
    qc.gsync(&["handoff", "show", "draft"]).exits(0).says(&head);
    qc.gsync(&["status", "--no-fetch"]).exits(0);
    assert!(is_at(&side), "{}", qc.read(path));
    // A command of ours moves the branch too.
    qc.try_git(&["push"]).exits(0).says("the draft covers it");
    ben.git(&["pull", "-q"]);
    let bens = ben.commit("server/c", "c\n", "of ben again");
    ben.push();
    qc.gsync(&["pull"]).exits(0);
    until("the draft at what was pulled", || is_at(&bens));
}

#[test]
fn a_push_that_nobody_was_told_of_is_answered_with_a_reminder_or_refused() {
    let lab = Lab::new();
    let qc = begun(&lab);
    let rules = qc
        .read(".gsync.toml")
        .replace("to = \"builder\"", "to = \"builder\"\nwhen = [\"server/**\"]");
    qc.commit(".gsync.toml", &rules, "rules");
    qc.push();
    qc.gsync(&["install"]).exits(0);
    qc.commit("docs/x", "x\n", "docs");
    assert!(!qc.try_git(&["push"]).exits(0).all().contains("hand over"));
    qc.commit("server/x", "x\n", "work");
    let said = qc.try_git(&["push"]).exits(0).all();
    assert!(
        said.contains("1 path to hand over, such as server/x, and no handoff covers it"),
        "{said}"
    );
    assert!(said.contains("gsync handoff send --to builder"), "{said}");
    // A push of the handoff itself needs none.
    qc.gsync(&["handoff", "send"]).exits(0).says_not("hand over");

    let strict = rules.replace("when =", "require = true\nwhen =");
    qc.commit(".gsync.toml", &strict, "strict");
    qc.commit("server/y", "y\n", "more work");
    let hub = lab.hub().git(&["rev-parse", "main"]);
    let said = qc.try_git(&["push"]).exits(1).all();
    assert!(said.contains("gsync handoff draft --to builder"), "{said}");
    assert_eq!(lab.hub().git(&["rev-parse", "main"]), hub);
    qc.gsync(&["finish"]).exits(1).says("gsync finish --handoff builder");
    assert_eq!(lab.hub().git(&["rev-parse", "main"]), hub);
    qc.gsync(&["finish", "--handoff", "builder"]).exits(0).says("H-0002");
    let text = file_on_hub(&lab, 2);
    assert!(text.contains("more work") && text.contains("status: sent"), "{text}");
    qc.commit("server/z", "z\n", "yet more");
    qc.gsync(&["handoff", "draft"]).exits(0);
    assert!(qc.try_git(&["push"]).exits(0).all().contains("the draft covers it"));
}

#[test]
fn finish_reminds_and_refuses_where_no_hook_is_installed_too() {
    let lab = Lab::new();
    let qc = begun(&lab);
    let rules = qc.read(".gsync.toml").replace("[handoff]", "[handoff]\nwhen = [\"server/**\"]");
    qc.commit(".gsync.toml", &rules, "rules");
    qc.commit("server/x", "x\n", "work");
    let line = "to hand over, such as server/x, and no handoff covers it";
    let seen = qc.gsync(&["finish"]).exits(0).says(line);
    assert_eq!(seen.all().matches(line).count(), 1, "{}", seen.all());
    qc.commit(".gsync.toml", &rules.replace("when", "require = true\nwhen"), "strict");
    qc.push();
    // The hub has moved: what would be sent is only rehearsed.
    let ben = lab.person("ben");
    ben.git(&["pull", "-q"]);
    ben.commit("docs/b", "b\n", "of ben");
    ben.push();
    let hub = lab.hub().git(&["rev-parse", "main"]);
    qc.commit("server/y", "y\n", "more work");
    for args in [&["finish"][..], &["finish", "--dry-run"]] {
        qc.gsync(args)
            .exits(1)
            .says("1 path to hand over, such as server/y")
            .says("or push and send at once");
    }
    assert_eq!(qc.gsync(&["finish", "--json"]).exits(1).json()["error"]["code"], "handoff");
    assert_eq!(lab.hub().git(&["rev-parse", "main"]), hub);
    qc.gsync(&["finish", "--handoff", "builder"]).exits(0).says("H-0001");
    // With hooks it is said once.
    qc.gsync(&["install"]).exits(0);
    qc.commit(".gsync.toml", &rules, "lax");
    qc.commit("server/z", "z\n", "yet more");
    let seen = qc.gsync(&["finish"]).exits(0).says("server/z");
    assert_eq!(seen.all().matches("to hand over").count(), 1, "{}", seen.all());
}

#[test]
fn what_waits_for_a_role_is_told_when_it_arrives_by_start_by_status_and_by_tidy() {
    let lab = Lab::new();
    let qc = begun(&lab);
    let builder = with_role(&lab, "builder", "builder");
    builder.gsync(&["install"]).exits(0);
    worked(&qc);
    qc.push();
    qc.gsync(&["handoff", "send"]).exits(0);
    let line = "handoff H-0001 from qc@lab (sent): run `gsync handoff take H-0001`";
    builder.gsync(&["status"]).exits(0).says("handoffs for you").says("gsync handoff take H-0001");
    let said = builder.try_git(&["pull", "-q"]).exits(0).all();
    assert!(said.contains(line), "{said}");
    builder.gsync(&["start"]).exits(0).says(line);
    let seen = builder.gsync(&["--json", "status"]).exits(0).json();
    let entry = &seen["handoffs"][0];
    assert_eq!(
        (&entry["id"], &entry["to"], &entry["status"]),
        (&"H-0001".into(), &"builder".into(), &"sent".into())
    );
    assert_eq!(builder.gsync(&["--json", "start"]).exits(0).json()["handoffs"][0]["id"], "H-0001");
    qc.gsync(&["status"]).exits(0).says_not("handoffs for you");
    qc.gsync(&["tidy"]).exits(0).says("handoffs left open").says("H-0001 sent");
    assert_eq!(qc.gsync(&["--json", "tidy"]).exits(0).json()["handoffs"][0]["id"], "H-0001");
}

#[test]
fn what_nobody_answered_for_two_weeks_is_shown_as_expired() {
    let lab = Lab::new();
    let qc = begun(&lab);
    worked(&qc);
    qc.push();
    qc.gsync(&["handoff", "send"]).exits(0);
    let name = qc.read_dir("handoffs")[0].to_string_lossy().into_owned();
    let path = format!("handoffs/{name}");
    let day = regex::Regex::new("date: .*").unwrap();
    let old = day.replace(&qc.read(&path), "date: \"2024-01-01\"").into_owned();
    qc.commit(&path, &old, "a date of long ago");
    qc.push();
    let builder = with_role(&lab, "builder", "builder");
    builder.gsync(&["handoff", "list"]).exits(0).says("H-0001 expired");
    builder
        .gsync(&["handoff", "ack", "1", "-m", "x"])
        .exits(1)
        .says("its facts are old")
        .says("hint:");
    builder.gsync(&["handoff", "reject", "1", "-m", "too old"]).exits(0);
}

#[test]
fn an_answer_on_the_hub_leaves_uncommitted_and_unpushed_work_alone() {
    let lab = Lab::new();
    let qc = begun(&lab);
    worked(&qc);
    qc.push();
    qc.gsync(&["handoff", "send"]).exits(0);
    let builder = with_role(&lab, "builder", "builder");
    let mine = builder.commit("notes", "mine\n", "not pushed yet");
    builder.write("README.md", "changed\n");
    builder.write("staged", "s\n");
    builder.git(&["add", "staged"]);
    builder.gsync(&["handoff", "ack", "1", "-m", "understood"]).exits(0);
    assert_eq!(builder.git(&["status", "--short"]), " M README.md\nA  staged");
    assert_eq!(
        builder.git(&["log", "-2", "--format=%s"]),
        "not pushed yet\ndocs: handoff H-0001 acked by builder@lab"
    );
    assert_ne!(builder.git(&["rev-parse", "HEAD"]), mine, "it stands on the answer now");
    assert_eq!(
        lab.hub().git(&["log", "-1", "--format=%s", "main"]),
        "docs: handoff H-0001 acked by builder@lab"
    );
}

#[test]
fn a_test_that_ran_on_another_commit_or_on_uncommitted_work_proves_nothing() {
    let lab = Lab::new();
    let qc = begun(&lab);
    qc.commit("server/a", "a\n", "work");
    qc.gsync(&["handoff", "test", "--", "true"]).exits(0);
    qc.commit("server/b", "b\n", "more");
    qc.write("server/b", "dirty\n");
    qc.gsync(&["handoff", "test", "--", "test", "-e", "server/b"]).exits(0).says("proves nothing");
    qc.gsync(&["handoff", "draft"])
        .exits(0)
        .says("- `true`: **stale**: exit 0 on another commit")
        .says("- `test -e server/b`: passed with uncommitted work")
        .says("- `true` passes: not verified, it ran on another commit")
        .says("not verified, there was uncommitted work")
        .says("## Expected impact\n\n<!-- gsync:impact -->\nnone\n");
}

#[test]
fn what_the_guard_would_not_let_out_is_not_sent_in_words_either() {
    let lab = Lab::new();
    let qc = begun(&lab);
    worked(&qc);
    qc.push();
    let hub = lab.hub().git(&["rev-parse", "main"]);
    // Put together here, so that this file passes the guard.
    let secret = format!("{}_{}", "ghp", "x7Kq2mVb9RtLp4WzNc8YhJd3FsGa6UeX1TiO");
    let words = format!("log in with {secret}");
    qc.gsync(&["handoff", "send", "-m", &words]).exits(1).says("the guard refuses");
    assert_eq!(lab.hub().git(&["rev-parse", "main"]), hub);
    assert_eq!(lab.hub().git(&["for-each-ref", "refs/gsync"]), "");
    qc.gsync(&["handoff", "send", "-m", "log in as ever"]).exits(0);
    let builder = with_role(&lab, "builder", "builder");
    builder.gsync(&["handoff", "ack", "1", "-m", &words]).exits(1).says("the guard refuses");
    assert!(file_on_hub(&lab, 1).contains("status: sent"));
}

#[test]
fn a_deploy_finds_the_open_handoffs_whose_work_is_in_it_and_passes_over_nonsense() {
    use gsync::base::{CommitId, RefName};
    use gsync::git::Git;
    use gsync::handoff::facts::hub::deployed;

    let lab = Lab::new();
    let qc = begun(&lab);
    let before = CommitId::new(qc.git(&["rev-parse", "HEAD"]));
    worked(&qc);
    qc.push();
    qc.gsync(&["handoff", "send"]).exits(0);
    let newer = CommitId::new(qc.commit("handoffs/nonsense.md", "---\ngsync: [\n---\n", "later"));
    qc.push();
    let hub = lab.path("hub.git");
    let git = Git::at(hub.clone(), hub, None);
    let main = RefName::new("refs/heads/main");
    let found = |commit: &CommitId| -> Vec<String> {
        let (tip, found) = deployed(&git, "/handoffs/", &main, commit).unwrap();
        assert_eq!(tip.unwrap().as_str(), lab.hub().git(&["rev-parse", "main"]));
        found.into_iter().map(|one| one.handoff.id).collect()
    };
    assert_eq!(found(&newer), ["H-0001"]);
    assert!(found(&before).is_empty(), "its work is not in that one");
    let gone = deployed(&git, "handoffs", &RefName::new("refs/heads/gone"), &newer).unwrap();
    assert_eq!(gone, (None, Vec::new()));
    let builder = with_role(&lab, "builder", "builder");
    builder.gsync(&["handoff", "ack", "1", "-m", "y"]).exits(0);
    assert_eq!(found(&newer), ["H-0001"], "acknowledged is still open");
    builder.gsync(&["handoff", "done", "1", "--env", "green"]).exits(0);
    assert!(found(&newer).is_empty());
}

#[test]
fn what_somebody_wrote_into_a_draft_is_never_replaced_by_a_hook() {
    let lab = Lab::new();
    let qc = begun(&lab);
    qc.gsync(&["install"]).exits(0);
    let path = ".git/gsync/handoff/draft.md";
    qc.gsync(&["handoff", "draft", "--to", "builder", "-m", "sum"]).exits(0);
    let good = qc.read(path);
    for (from, to) in [
        ("<!-- /gsync:summary -->\n", ""),
        ("risk: ", "risk: unstable # was "),
        ("\n### ", "\n## Mine\n\nwords\n\n### "),
    ] {
        let mine = good.replacen(from, to, 1);
        assert_ne!(mine, good, "{from}: {good}");
        qc.write(path, &mine);
        qc.write("docs/more", from);
        qc.git(&["add", "docs/more"]);
        qc.git(&["commit", "-q", "-m", "more"]);
        until("the worker to end", || !qc.path(".git/gsync/handoff/outdated").exists());
        assert_eq!(qc.read(path), mine, "{from}");
    }
    // Between the marks it is kept word for word.
    let mine = good.replacen("\nsum\n", "\nset password=hunter2hunter2 first\n", 1);
    qc.write(path, &mine);
    qc.write("docs/more", "last\n");
    qc.git(&["commit", "-q", "-a", "-m", "more"]);
    let head = format!("head: {}", qc.git(&["rev-parse", "HEAD"]));
    until("the draft", || qc.read(path).contains(&head));
    assert!(qc.read(path).contains("set password=hunter2hunter2 first"), "{}", qc.read(path));
}

#[test]
fn a_draft_follows_a_rebase_and_counts_only_while_somebody_wants_it() {
    let lab = Lab::new();
    let qc = begun(&lab);
    let rules = qc.read(".gsync.toml");
    let rules = rules.replace("[handoff]", "[handoff]\nwhen = [\"server/**\"]\nrequire = true");
    qc.commit(".gsync.toml", &rules, "rules");
    qc.push();
    qc.gsync(&["install"]).exits(0);
    let path = ".git/gsync/handoff/draft.md";
    let is_at = |head: &str| {
        std::fs::read_to_string(qc.path(path))
            .is_ok_and(|text| text.contains(&format!("head: {head}\n")))
    };
    qc.write("server/x", "x\n");
    qc.git(&["add", "server/x"]);
    qc.git(&["commit", "-q", "-m", "one"]);
    let head = qc.git(&["rev-parse", "HEAD"]);
    until("a draft", || is_at(&head));
    qc.try_git(&["push"]).exits(1).says("gsync handoff draft --to builder");
    qc.gsync(&["handoff", "draft", "--to", "builder", "-m", "my summary"]).exits(0);
    qc.gsync(&["undo"]).exits(0);
    qc.try_git(&["push"]).exits(1).says("gsync handoff draft --to builder");

    let ben = lab.person("ben");
    ben.git(&["pull", "-q"]);
    ben.commit("docs/b", "b\n", "of ben");
    ben.push();
    qc.git(&["pull", "-q", "--rebase"]);
    let head = qc.git(&["rev-parse", "HEAD"]);
    until("the draft at the rebased commit", || is_at(&head));
}

#[test]
fn after_the_first_push_of_a_clone_it_is_known_where_its_work_began() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.commit("a", "a\n", "a");
    ada.push();
    let base = ada.git(&["rev-parse", "HEAD"]);
    lab.git_in("", &["clone", "-q", "hub.git", "fresh"]);
    let fresh = lab.at("ada", lab.path("fresh"));
    fresh.commit("b", "b\n", "b");
    fresh.git(&["push", "-q"]);
    fresh.gsync(&["handoff", "draft", "--to", "ops"]).exits(0).says(&format!("base: {base}"));
}
