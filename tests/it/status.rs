//! `gsync status`: the truth about one clone, in every state that git can be in.

#![allow(unused_must_use, reason = "`exits` and `says` have judged what was seen")]

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::lab::{Lab, Person};

impl Person<'_> {
    /// The status as programs get it.
    #[track_caller]
    fn status(&self, args: &[&str]) -> Value {
        let args = [&["status", "--json"], args].concat();
        self.gsync(&args).exits(0).json()
    }

    /// The relation as it is known without asking.
    #[track_caller]
    fn relation(&self) -> String {
        self.status(&["--no-fetch"])["relation"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn screen(&self) -> String {
        self.gsync(&["status", "--no-fetch"]).exits(0).stdout
    }
}

fn paths(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

/// `path index worktree` of each change.
fn changes(status: &Value) -> Vec<String> {
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let all = status["changes"].as_array().unwrap().iter();
    all.map(|c| format!("{} {} {}", word(&c["path"]), word(&c["index"]), word(&c["worktree"])))
        .collect()
}

#[test]
fn every_key_of_the_contract_is_there_in_every_state() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    let status = ada.status(&[]);
    for key in [
        "gsync",
        "peer",
        "role",
        "host",
        "path",
        "hub",
        "branch",
        "head",
        "upstream",
        "relation",
        "ahead",
        "behind",
        "fetched_at",
        "online",
        "outgoing",
        "incoming",
        "changes",
        "clean",
        "stashes",
        "unpushed_branches",
        "operation",
        "forecast",
        "peers",
        "handoffs",
        "apps",
    ] {
        assert!(status.get(key).is_some(), "{key} is not in {status}");
    }
    assert_eq!(status["gsync"], 1);
    assert_eq!(status["host"], "lab");
    assert_eq!(status["online"], true);
    assert_eq!(status["relation"], "synced");
    assert_eq!(status["clean"], true);
    assert_eq!(status["forecast"]["result"], "clean");
}

#[test]
fn with_every_git_the_relation_is_told_as_it_is() {
    for git in Lab::gits() {
        let lab = Lab::with_git(&git);
        let (ada, ben) = (lab.person("ada"), lab.person("ben"));
        ada.gsync(&["status"]).exits(0).says("main: in sync with origin/main, nothing to commit");
        ada.gsync(&["status", "--exit-code"]).exits(0);

        ben.commit("b", "b\n", "from ben");
        ben.push();
        let behind = ada.status(&["--fetch"]);
        assert_eq!((&behind["relation"], &behind["behind"]), (&"behind".into(), &1.into()));
        assert_eq!(behind["incoming"][0]["summary"], "from ben");
        assert_eq!(behind["incoming"][0]["author"], "ben");
        let screen = ada.screen();
        assert!(screen.contains("1 behind origin/main (ben pushed 1 commit"), "{screen}");
        assert!(screen.contains("gsync pull"), "{screen}");

        ada.commit("a", "a\n", "from ada");
        assert_eq!(ada.relation(), "diverged");
        assert!(ada.screen().contains("diverged from origin/main: 1 ahead, 1 behind"));
        ada.git(&["pull", "--quiet", "--rebase"]);
        let ahead = ada.status(&[]);
        assert_eq!((&ahead["relation"], &ahead["ahead"]), (&"ahead".into(), &1.into()));
        assert_eq!(ahead["outgoing"][0]["summary"], "from ada");
        ada.gsync(&["status", "--exit-code"]).exits(1).says("gsync finish");
    }
}

#[test]
fn a_branch_that_follows_nothing_tells_what_no_remote_has() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.git(&["switch", "--quiet", "--no-track", "-c", "topic"]);
    ada.commit("a", "a\n", "topic work");
    let status = ada.status(&["--no-fetch"]);
    assert_eq!((&status["relation"], &status["ahead"]), (&"none".into(), &1.into()));
    assert_eq!(status["upstream"], Value::Null);
    assert_eq!(status["forecast"]["result"], "unknown");
    assert!(ada.screen().contains("topic: follows no branch, 1 commit on no remote"));
    ada.gsync(&["status"]).exits(0).says("git push -u origin topic");
}

#[test]
fn an_upstream_that_the_hub_deleted_is_gone_though_its_memory_is_kept() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.git(&["switch", "--quiet", "-c", "topic"]);
    ada.git(&["push", "--quiet", "-u", "origin", "topic"]);
    assert_eq!(ada.relation(), "synced");
    lab.hub().git(&["branch", "-D", "topic"]);
    assert_eq!(ada.status(&["--fetch"])["relation"], "gone");
    // What the hub said is remembered by the looks that do not ask, and by the prompt.
    assert_eq!(ada.relation(), "gone");
    ada.gsync(&["status", "--short"]).exits(0).says("topic gone");
    // The name of somebody's commits is not thrown away by a look.
    ada.git(&["rev-parse", "--verify", "refs/remotes/origin/topic"]);
    ada.git(&["fetch", "--quiet", "--prune"]);
    assert_eq!(ada.relation(), "gone");
    assert!(ada.screen().contains("origin/topic is gone"));
}

#[test]
fn a_hub_that_dropped_our_commits_is_told_with_the_commits() {
    let lab = Lab::new();
    let (ada, ben) = (lab.person("ada"), lab.person("ben"));
    ada.commit("a", "a\n", "precious");
    ada.push();
    ben.commit("b", "b\n", "rewrite");
    ben.git(&["push", "--quiet", "--force", "origin", "main"]);
    let status = ada.status(&["--fetch"]);
    assert_eq!(status["relation"], "rewound");
    assert_eq!(status["rewound"][0]["summary"], "precious");
    assert_eq!((&status["ahead"], &status["behind"]), (&1.into(), &1.into()));
    let screen = ada.screen();
    assert!(screen.contains("origin/main was rewound: 1 commit of yours"), "{screen}");
    ada.gsync(&["status", "--short"]).exits(0).says("rewound");
}

#[test]
fn a_detached_head_tells_what_no_remote_has() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.commit("a", "a\n", "second");
    ada.git(&["switch", "--quiet", "--detach"]);
    let status = ada.status(&["--no-fetch"]);
    assert_eq!((&status["relation"], &status["branch"]), (&"detached".into(), &Value::Null));
    assert_eq!(
        (&status["ahead"], &status["unpushed_branches"][0]["branch"]),
        (&1.into(), &"main".into())
    );
    ada.gsync(&["status"]).exits(0).says("HEAD: detached at ").says("git switch -c NAME");
    ada.git(&["switch", "--quiet", "--detach", "origin/main"]);
    assert_eq!(ada.status(&["--no-fetch"])["ahead"], 0);
}

#[test]
fn a_new_repository_without_a_hub_says_so() {
    let lab = Lab::new();
    fs::create_dir(lab.path("new")).unwrap();
    let new = lab.at("new", lab.path("new"));
    new.git(&["init", "--quiet"]);
    let status = new.status(&[]);
    assert_eq!((&status["relation"], &status["head"]), (&"unborn".into(), &Value::Null));
    assert_eq!(status["online"], false);
    new.gsync(&["status"]).exits(0).says("no commit yet").says("there is no remote `origin`");
    new.commit("a", "a\n", "first");
    assert_eq!(new.status(&[])["relation"], "none");
    new.gsync(&["status", "--exit-code"]).exits(1);
}

#[test]
fn a_clone_of_a_hub_that_is_ahead_of_an_unborn_branch_lists_what_is_there() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.git(&["update-ref", "-d", "HEAD"]);
    let status = ada.status(&["--no-fetch"]);
    assert_eq!((&status["relation"], &status["behind"]), (&"unborn".into(), &1.into()));
    assert_eq!(changes(&status), ["README added -"]);
}

#[test]
fn a_bare_repository_is_refused_with_a_way_on() {
    let lab = Lab::new();
    let seen = lab.hub().gsync(&["status", "--json"]).exits(1);
    assert_eq!(seen.json()["error"]["code"], "bare");
    lab.hub().gsync(&["status"]).exits(1).says("git clone ");
}

#[test]
fn operations_in_progress_are_named() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.git(&["switch", "--quiet", "-c", "side"]);
    ada.commit("README", "side\n", "side");
    ada.git(&["switch", "--quiet", "main"]);
    ada.commit("README", "main\n", "main");
    let clean = ada.state();
    let cases: [(&[&str], &str, &[&str]); 6] = [
        (&["merge", "side"], "merge", &["merge", "--abort"]),
        (&["rebase", "side"], "rebase", &["rebase", "--abort"]),
        (&["cherry-pick", "side"], "cherry-pick", &["cherry-pick", "--abort"]),
        (&["revert", "--no-edit", "HEAD~1"], "revert", &["revert", "--abort"]),
        (&["bisect", "start"], "bisect", &["bisect", "reset"]),
        (&["merge", "--squash", "side"], "conflicts", &["reset", "--hard", "--quiet"]),
    ];
    for (begin, word, end) in cases {
        let began = ada.try_git(begin);
        let status = ada.status(&["--no-fetch"]);
        assert_eq!(status["operation"], word, "{began:?}");
        assert_eq!(status["clean"], false);
        let screen = ada.screen();
        assert!(screen.contains(if word == "conflicts" { "unmerged" } else { word }), "{screen}");
        ada.git(end);
        assert_eq!(ada.state(), clean, "{begin:?}");
        assert_eq!(ada.status(&["--no-fetch"])["operation"], Value::Null);
    }
    ada.git(&["format-patch", "--quiet", "-1", "side", "-o", "../patches"]);
    let patch = fs::read_dir(lab.path("patches")).unwrap().next().unwrap().unwrap().path();
    let _ = ada.try_git(&["am", patch.to_str().unwrap()]);
    assert_eq!(ada.status(&["--no-fetch"])["operation"], "am");
}

#[test]
fn a_rebase_tells_which_branch_it_is_about() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.git(&["switch", "--quiet", "-c", "side"]);
    ada.commit("README", "side\n", "side");
    ada.git(&["switch", "--quiet", "main"]);
    ada.commit("README", "main\n", "main");
    let _ = ada.try_git(&["rebase", "side"]);
    let status = ada.status(&["--no-fetch"]);
    assert_eq!(status["operation_branch"], "main");
    assert_eq!(changes(&status), ["README - conflicted"]);
    assert!(ada.screen().contains("rebase of main in progress"));
}

#[test]
fn changes_of_every_kind_are_told_with_any_name() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    for name in ["mod", "del", "old", "type", "both"] {
        ada.commit(name, &format!("{name}\n{}", "text\n".repeat(9)), name);
    }
    ada.write("mod", "changed\n");
    ada.git(&["rm", "--quiet", "del"]);
    ada.git(&["mv", "old", "new \"name\"\nx"]);
    fs::remove_file(ada.path("type")).unwrap();
    std::os::unix::fs::symlink("mod", ada.path("type")).unwrap();
    ada.write("both", "one\n");
    ada.git(&["add", "both"]);
    ada.write("both", "two\n");
    ada.write("esc\x1b[31m", "x");
    fs::write(ada.dir.join(std::ffi::OsStr::from_bytes(b"latin-\xe9")), "x").unwrap();
    let status = ada.status(&["--no-fetch"]);
    assert_eq!(
        changes(&status),
        [
            "both modified modified",
            "del deleted -",
            "mod - modified",
            "new \"name\"\nx renamed -",
            "type - typechange",
            "esc\x1b[31m - untracked",
            "\"latin-\\351\" - untracked",
        ]
    );
    let renamed = &status["changes"][3];
    assert_eq!(renamed["from"], "old");
    let screen = ada.screen();
    assert!(!screen.contains('\x1b'), "{screen:?}");
    assert!(screen.contains("R   old -> \"new \\\"name\\\"\\nx\"\n"), "{screen}");
    assert!(screen.contains("\"latin-\\351\""), "{screen}");
}

#[test]
fn hostile_authors_summaries_and_branches_cannot_move_the_cursor() {
    let lab = Lab::new();
    let ada = lab.person("ada").with_env("GIT_AUTHOR_NAME", "E\x1b[2JVE\r");
    ada.commit("a", "a\n", "one \x1b[31m red \x07");
    ada.git(&["branch", "o'ther;x"]);
    ada.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    ada.git(&["merge", "--quiet", "o'ther;x"]);
    let screen = ada.screen();
    assert!(!screen.contains(['\x1b', '\r', '\x07']), "{screen:?}");
    assert!(screen.contains("o'ther;x"), "{screen}");
    let status = ada.status(&["--no-fetch"]);
    assert_eq!(status["outgoing"].as_array().unwrap().len(), 1);
}

#[test]
fn stashes_and_unpushed_work_elsewhere_are_counted() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    for text in ["x\n", "y\n"] {
        ada.write("README", text);
        ada.git(&["stash", "--quiet"]);
    }
    ada.git(&["switch", "--quiet", "-c", "other"]);
    ada.commit("o", "o\n", "o1");
    ada.commit("o", "oo\n", "o2");
    ada.git(&["switch", "--quiet", "main"]);
    ada.git(&["branch", "same"]);
    let status = ada.status(&["--no-fetch"]);
    assert_eq!(status["stashes"], 2);
    assert_eq!(status["unpushed_branches"], serde_json::json!([{"branch": "other", "ahead": 2}]));
    let screen = ada.screen();
    assert!(screen.contains("other  2 commits") && screen.contains("2 entries"), "{screen}");
}

#[test]
fn the_forecast_names_commits_and_uncommitted_work_that_pulling_would_meet() {
    for git in Lab::gits() {
        let lab = Lab::with_git(&git);
        let (ada, ben) = (lab.person("ada"), lab.person("ben"));
        ben.commit("README", "ben\n", "readme");
        ben.commit("untracked", "theirs\n", "new");
        ben.commit("same", "same\n", "same");
        ben.commit("dir/file", "x\n", "dir");
        ben.commit("ignored", "theirs\n", "ignored");
        ben.push();
        let objects = || lab.at("", lab.path("ada")).sh("find .git/objects -type f | sort").stdout;
        ada.git(&["fetch", "--quiet"]);
        let before = objects();
        // Forward, and nothing in the way but files that are not tracked.
        ada.write("untracked", "mine\n");
        ada.write("same", "same\n");
        ada.write("dir", "a file\n");
        ada.write("ignored", "mine\n");
        ada.write(".git/info/exclude", "ignored\n");
        let forecast = ada.status(&["--no-fetch"])["forecast"].clone();
        assert_eq!(forecast["result"], "conflict");
        assert_eq!(paths(&forecast["paths"]), ["dir", "ignored", "untracked"]);
        assert_eq!(paths(&forecast["commits"]), Vec::<String>::new());
        // Both sides have commits.
        for path in ["untracked", "dir", "same", "ignored"] {
            fs::remove_file(ada.path(path)).unwrap();
        }
        ada.write("README", "ben\n");
        assert_eq!(ada.status(&["--no-fetch"])["forecast"]["result"], "clean", "the same contents");
        ada.write("README", "dirty\n");
        assert_eq!(paths(&ada.status(&["--no-fetch"])["forecast"]["paths"]), ["README"]);
        ada.git(&["checkout", "--quiet", "README"]);
        ada.commit("README", "ada\n", "mine");
        let status = ada.status(&["--no-fetch"]);
        assert_eq!(paths(&status["forecast"]["commits"]), ["README"]);
        assert!(ada.screen().contains("pulling now would conflict"));
        let after: Vec<String> = objects().lines().map(str::to_owned).collect();
        // The commit above made three objects; the forecast left none.
        assert_eq!(after.len(), before.lines().count() + 3);
    }
}

#[test]
fn a_hub_that_cannot_be_reached_is_told_with_the_age_of_what_is_known() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.gsync(&["status"]).exits(0);
    fs::rename(lab.path("hub.git"), lab.path("away.git")).unwrap();
    let status = ada.status(&["--fetch"]);
    assert_eq!((&status["online"], &status["relation"]), (&false.into(), &"synced".into()));
    assert_eq!(status["in_sync"], false);
    assert!(status["offline"].as_str().unwrap().contains("hub.git"), "{status}");
    let seen = ada.gsync(&["status", "--fetch", "--exit-code"]).exits(1);
    seen.says("not fetched: origin: ").says("in sync with origin/main").says("(as of ");
}

#[test]
fn a_hub_that_hangs_is_given_up_at_the_deadline() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.script("../ssh", "#!/bin/sh\nexec sleep 60\n");
    let ssh = lab.path("ssh");
    let ada = ada.with_env("GIT_SSH_COMMAND", ssh.to_str().unwrap());
    ada.git(&["remote", "set-url", "origin", "ssh://hub.invalid/x"]);
    ada.write(".gsync.toml", "[hub]\ntimeout = \"200ms\"\n");
    let begun = Instant::now();
    let status = ada.status(&["--fetch"]);
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(status["online"], false);
    assert_eq!(status["offline"], "it did not answer in time");
}

#[test]
fn the_hub_is_asked_every_time_unless_that_is_not_wanted() {
    let lab = Lab::new();
    let (ada, ben) = (lab.person("ada"), lab.person("ben"));
    assert_eq!(ada.status(&[])["relation"], "synced");
    ben.commit("b", "b\n", "b");
    ben.push();
    assert_eq!(ada.status(&["--no-fetch"])["relation"], "synced");
    assert_eq!(ada.status(&["--no-fetch"])["online"], Value::Null);
    assert_eq!(ada.status(&[])["relation"], "behind");
}

#[test]
fn a_look_changes_nothing_that_a_person_has() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.write("README", "dirty\n");
    ada.write("new", "x\n");
    let (state, index) = (ada.state(), fs::read(ada.path(".git/index")).unwrap());
    ada.gsync(&["status"]).exits(0);
    assert_eq!(ada.state(), state);
    ada.gsync(&["status", "--no-fetch"]).exits(0);
    ada.gsync(&["status", "--short"]).exits(0);
    assert_eq!(ada.state(), state);
    assert_eq!(fs::read(ada.path(".git/index")).unwrap(), index);
}

#[test]
fn work_trees_are_numbered_and_each_has_its_own_status() {
    let lab = Lab::new();
    let ada = lab.person("ada").with_env("USER", "ada");
    ada.git(&["config", "gsync.role", "qc"]);
    ada.git(&["worktree", "add", "--quiet", "-b", "second", "../second"]);
    let second = lab.at("ada", lab.path("second"));
    second.write("only here", "x");
    assert_eq!(ada.status(&[])["peer"], "qc@lab");
    let status = second.status(&[]);
    assert_eq!((&status["peer"], &status["branch"]), (&"qc@lab#2".into(), &"second".into()));
    assert_eq!(changes(&status), ["only here - untracked"]);
    assert_eq!(ada.status(&[])["clean"], true);
    second.gsync(&["status", "--short"]).exits(0).says("second");
}

#[test]
fn without_a_role_the_name_is_the_users() {
    let lab = Lab::new();
    let ada = lab.person("ada").with_env("USER", "ada");
    let status = ada.status(&["--no-fetch"]);
    assert_eq!((&status["peer"], &status["role"]), (&"ada@lab".into(), &"".into()));
}

#[test]
fn the_prompt_is_one_line_and_silent_outside_of_repositories() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.gsync(&["status"]).exits(0);
    let seen = ada.gsync(&["status", "--short"]).exits(0);
    assert!(seen.stdout.starts_with("main = ("), "{seen:?}");
    assert_eq!((seen.stdout.lines().count(), seen.stderr.as_str()), (1, ""));
    ada.write("new", "x");
    ada.gsync(&["status", "--no-fetch"]).exits(0);
    ada.gsync(&["status", "--short"]).exits(0).says("main = *1 (");
    fs::create_dir(ada.path("deep")).unwrap();
    lab.at("ada", ada.path("deep")).gsync(&["status", "--short"]).exits(0).says("main = *1 (");
    // The index was written: what was seen before says nothing any more, also in one second.
    ada.git(&["add", "new"]);
    ada.gsync(&["status", "--short"]).exits(0).says("main = *? (");
    // HEAD moved: what was seen before says nothing any more.
    ada.commit("new", "x", "new");
    ada.gsync(&["status", "--short"]).exits(0).says("main +1 *? (");
    let seen = lab.at("nobody", lab.path("home")).gsync(&["status", "--short"]).exits(7);
    assert_eq!(seen.all(), "");
}

#[test]
fn a_run_that_was_cut_off_is_told_with_the_way_out() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    let begin = serde_json::json!({
        "entry": "begin", "run": "r1", "at": "2024-01-01T00:00:00Z", "pid": 1,
        "who": {"peer": "qc@lab", "command": "gsync pull", "dir": "/x"},
        "plan": {"title": "pull main", "steps": []},
    });
    ada.write(".git/gsync/runs/000001.jsonl", format!("{begin}\n"));
    let status = ada.status(&["--no-fetch"]);
    assert_eq!(status["unfinished"]["run"], "r1");
    assert_eq!(status["unfinished"]["running"], false);
    let seen = ada.gsync(&["status", "--no-fetch"]).exits(0);
    seen.says("run r1 (pull main) was cut off").says("gsync rescue");
}

#[test]
fn the_screen_fits_eighty_columns_and_long_lists_are_cut() {
    let lab = Lab::new();
    let (ada, ben) = (lab.person("ada"), lab.person("Benjamin of the very long surname"));
    for n in 0..14 {
        ben.commit("b", &format!("{n}\n"), &format!("commit {n} {}", "word ".repeat(30)));
    }
    ben.push();
    for n in 0..25 {
        ada.write(&format!("new {n:02}"), "x");
    }
    let screen = ada.gsync(&["status"]).exits(0).stdout;
    assert!(screen.contains(".. and 4 more") && screen.contains(".. and 5 more"), "{screen}");
    // The last two lines and the place may be as long as they must be.
    for line in screen.lines().filter(|line| line.starts_with("  ") || line.starts_with("main")) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(screen.lines().count() < 50, "{screen}");
}

#[test]
fn watching_needs_a_terminal() {
    let lab = Lab::new();
    lab.person("ada").gsync(&["status", "--watch"]).exits(2).says("--json");
}

#[test]
fn reftable_and_sha256_repositories_are_told_the_same() {
    let lab = Lab::new();
    for (name, init) in [("table", "--ref-format=reftable"), ("long", "--object-format=sha256")] {
        fs::create_dir(lab.path(name)).unwrap();
        let ada = lab.at("ada", lab.path(name));
        // Old gits know one of the formats, or none.
        if ada.try_git(&["init", "--quiet", "--bare", init, "../format.git"]).code != 0 {
            continue;
        }
        ada.git(&["init", "--quiet", init]);
        ada.git(&["remote", "add", "origin", "../format.git"]);
        assert_eq!(ada.relation(), "unborn", "{name}");
        ada.commit("a", "a\n", "one");
        ada.git(&["push", "--quiet", "-u", "origin", "main"]);
        assert_eq!(ada.relation(), "synced", "{name}");
        ada.commit("a", "b\n", "two");
        let status = ada.status(&[]);
        assert_eq!((&status["relation"], &status["ahead"]), (&"ahead".into(), &1.into()));
        assert_eq!(status["outgoing"][0]["summary"], "two");
        ada.git(&["push", "--quiet"]);
        ada.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
        assert_eq!(ada.relation(), "behind", "{name}");
        ada.commit("c", "c\n", "three");
        ada.git(&["push", "--quiet", "--force"]);
        ada.git(&["reset", "--quiet", "--hard", "HEAD@{2}"]);
        assert_eq!(ada.relation(), "rewound", "{name}");
        ada.git(&["switch", "--quiet", "-c", "side", "HEAD~1"]);
        ada.commit("a", "other\n", "other");
        let _ = ada.try_git(&["cherry-pick", "main"]);
        assert_eq!(ada.status(&["--no-fetch"])["operation"], "cherry-pick", "{name}");
        ada.gsync(&["status", "--short"]).exits(0).says("side local");
        fs::remove_dir_all(lab.path("format.git")).unwrap();
    }
}

#[test]
fn shallow_partial_and_sparse_clones_are_told_without_reaching_for_the_network() {
    let lab = Lab::new();
    let ben = lab.person("ben");
    for n in 1..4 {
        ben.commit(&format!("d{n}/f"), &format!("{n}\n"), &format!("c{n}"));
    }
    ben.push();
    lab.hub().git(&["config", "uploadpack.allowFilter", "true"]);
    let root = lab.at("ada", lab.path(""));
    let hub = format!("file://{}", lab.path("hub.git").display());
    root.git(&["clone", "--quiet", "--depth=1", &hub, "shallow"]);
    root.git(&["clone", "--quiet", "--filter=blob:none", &hub, "partial"]);
    root.git(&["clone", "--quiet", "--sparse", &hub, "sparse"]);
    for name in ["shallow", "partial", "sparse"] {
        let ada = lab.at("ada", lab.path(name));
        assert_eq!(ada.relation(), "synced", "{name}");
        assert_eq!(ada.status(&["--no-fetch"])["clean"], true, "{name}");
        ada.commit("mine", "x\n", "mine");
        assert_eq!(ada.relation(), "ahead", "{name}");
    }
    assert!(lab.at("ada", lab.path("shallow")).screen().contains("shallow"));
    ben.commit("d1/f", "new\n", "c4");
    ben.push();
    for name in ["shallow", "partial", "sparse"] {
        let ada = lab.at("ada", lab.path(name));
        let status = ada.status(&["--fetch"]);
        assert_eq!((&status["relation"], &status["behind"]), (&"diverged".into(), &1.into()));
        assert_eq!(status["forecast"]["result"], "clean", "{name}");
    }
    // Cut off from its history, a shallow clone cannot compare, and says so.
    let ada = lab.at("ada", lab.path("shallow"));
    ada.git(&["fetch", "--quiet", "--depth=1"]);
    let status = ada.status(&["--no-fetch"]);
    assert_eq!(status["relation"], "unknown", "{status}");
    assert_eq!(status["forecast"]["result"], "unknown");
    assert!(ada.screen().contains("it is not known"));
}

#[test]
fn a_submodule_is_told_as_one_and_has_a_status_of_its_own() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.git(&["submodule", "--quiet", "add", "../hub.git", "sub"]);
    ada.git(&["-c", "core.hooksPath=/dev/null", "commit", "--quiet", "-m", "sub"]);
    let sub = lab.at("ada", ada.path("sub"));
    assert_eq!(sub.relation(), "synced");
    sub.commit("x", "x\n", "in the submodule");
    let status = ada.status(&["--no-fetch"]);
    assert_eq!(changes(&status), ["sub - modified"]);
    assert_eq!(status["changes"][0]["submodule"], true);
    assert_eq!(sub.relation(), "ahead");
    sub.gsync(&["status", "--short"]).exits(0).says("main +1");
}

#[test]
fn on_random_histories_the_answers_are_gits_own() {
    let cases = std::env::var("GSYNC_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(30);
    let lab = Lab::new();
    for seed in 0..cases {
        let mut random = fastrand::Rng::with_seed(seed);
        let ada = lab.person(&format!("ada{seed}"));
        let mut ids = vec![ada.git(&["rev-parse", "HEAD"])];
        let tree = ada.git(&["rev-parse", "HEAD^{tree}"]);
        for n in 0..random.usize(2..14) {
            let mut args =
                vec!["commit-tree".to_owned(), tree.clone(), "-m".into(), format!("c{n}")];
            for _ in 0..random.usize(1..3) {
                let parent = ids[random.usize(ids.len().saturating_sub(4)..ids.len())].clone();
                if !args.contains(&parent) {
                    args.extend(["-p".to_owned(), parent]);
                }
            }
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            ids.push(ada.git(&args));
        }
        let (ours, theirs) = (random.choice(&ids).unwrap(), random.choice(&ids).unwrap());
        ada.git(&["reset", "--quiet", "--hard", ours]);
        ada.git(&["update-ref", "refs/remotes/origin/main", theirs]);
        fs::remove_dir_all(ada.path(".git/logs/refs/remotes")).ok();
        for n in 0..random.usize(0..4) {
            ada.write(&format!("new {n}"), "x");
        }
        let status = ada.status(&["--no-fetch"]);
        let count = |range: &str| {
            let list = ada.git(&["rev-list", range, "--"]);
            let mut list: Vec<String> = list.lines().map(str::to_owned).collect();
            list.sort();
            list
        };
        let told = |key: &str| {
            let list = status[key].as_array().unwrap().iter();
            let mut list: Vec<String> =
                list.map(|commit| commit["id"].as_str().unwrap().to_owned()).collect();
            list.sort();
            list
        };
        assert_eq!(told("outgoing"), count("origin/main..HEAD"), "seed {seed}");
        assert_eq!(told("incoming"), count("HEAD..origin/main"), "seed {seed}");
        let repo = git2::Repository::open(&ada.dir).unwrap();
        let id = |text: &str| git2::Oid::from_str(text).unwrap();
        let (ahead, behind) = repo.graph_ahead_behind(id(ours), id(theirs)).unwrap();
        assert_eq!((&status["ahead"], &status["behind"]), (&ahead.into(), &behind.into()));
        let lines = ada.git(&["status", "--porcelain"]).lines().count();
        assert_eq!(status["changes"].as_array().unwrap().len(), lines, "seed {seed}");
    }
}
