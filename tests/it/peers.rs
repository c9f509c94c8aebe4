//! The three-way view: each clone sees what the others do, unpushed work included, with nothing
//! but the hub; and what others put there does no harm.

#![allow(unused_must_use, reason = "`exits` and `says` have judged what was seen")]

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::lab::{Lab, Person};

impl Person<'_> {
    /// The peers as the status has them, by id.
    #[track_caller]
    fn peer(&self, args: &[&str], id: &str) -> Value {
        let status = self.gsync(&[&["status", "--json"], args].concat()).exits(0).json();
        let peers = status["peers"].as_array().unwrap();
        let found = peers.iter().find(|peer| peer["id"] == id);
        found.unwrap_or_else(|| panic!("{id} is not in {peers:?}")).clone()
    }

    /// How many of them the status has.
    #[track_caller]
    fn peers(&self) -> usize {
        let seen = self.gsync(&["peers", "--json"]).exits(0).json();
        seen["peers"].as_array().unwrap().len()
    }

    /// Puts bytes where an entry would be.
    #[track_caller]
    fn forge(&self, name: &str, file: &str, bytes: impl AsRef<[u8]>) {
        self.write(".git/forged", bytes);
        let blob = self.git(&["hash-object", "-w", ".git/forged"]);
        let tree = self.sh(&format!("printf '100644 blob {blob}\\t{file}\\n' | git mktree"));
        let commit = self.git(&["commit-tree", tree.stdout.trim(), "-m", "forged"]);
        self.git(&["push", "--quiet", "--no-verify", "origin", &format!("{commit}:{name}")]);
    }
}

/// The refs on the hub that are gsync's.
fn told(lab: &Lab) -> Vec<String> {
    let refs = lab.hub().git(&["for-each-ref", "--format=%(refname)", "refs/gsync"]);
    refs.lines().map(str::to_owned).collect()
}

/// Waits for something that another process does.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn paths(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|path| path.as_str().unwrap()).collect()
}

#[test]
fn three_clones_see_each_other_s_branch_unpushed_commits_dirty_paths_and_overlap() {
    let lab = Lab::new();
    let (qc, builder) = (lab.person("qc").sociable(), lab.person("builder").sociable());
    let third = lab.person("third").sociable();
    builder.gsync(&["start"]).exits(0);
    builder.git(&["switch", "--quiet", "-c", "fix", "--track", "origin/main"]);
    builder.commit("CLAUDE.md", "builder\n", "fix: the runtime");
    builder.write("README", "changed\n");
    builder.write("new/file", "new\n");
    builder.gsync(&["start"]).exits(0);
    third.gsync(&["start"]).exits(0);

    qc.write("README", "changed here too\n");
    qc.commit("CLAUDE.md", "qc\n", "docs");
    let seen = qc.peer(&[], "builder@lab");
    assert_eq!(seen["branch"], "fix");
    assert_eq!((&seen["role"], &seen["host"]), (&json!("builder"), &json!("lab")));
    assert_eq!((&seen["ahead"], &seen["behind"]), (&json!(1), &json!(0)));
    assert_eq!(seen["outgoing"][0]["summary"], "fix: the runtime");
    assert_eq!(paths(&seen["dirty"]), ["README", "new/"]);
    assert_eq!(paths(&seen["unpushed"]), ["CLAUDE.md"]);
    assert_eq!(paths(&seen["overlaps"]), ["CLAUDE.md", "README"]);
    assert_eq!((&seen["state"], &seen["gone"]), (&json!("working"), &json!(false)));
    assert!(seen["seen_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(qc.peer(&["--no-fetch"], "third@lab")["overlaps"], json!([]));

    qc.gsync(&["status", "--no-fetch"])
        .exits(0)
        .says("builder@lab")
        .says("fix, 1 ahead, at work, seen ")
        .says("not pushed:")
        .says("fix: the runtime")
        .says("you change too: CLAUDE.md, README");
    qc.gsync(&["start"]).exits(0).says("builder@lab is changing CLAUDE.md, README too");
    // And the other way round: what qc told just now.
    let back = builder.peer(&[], "qc@lab");
    assert_eq!(paths(&back["overlaps"]), ["CLAUDE.md", "README"]);
    assert_eq!((qc.peers(), builder.peers(), third.peers()), (2, 2, 2));
}

#[test]
fn whoever_finishes_is_idle_and_what_is_not_new_is_not_told_twice() {
    let lab = Lab::new();
    let (ada, ben) = (lab.person("ada").sociable(), lab.person("ben").sociable());
    ada.gsync(&["start"]).exits(0);
    let first = lab.hub().git(&["rev-parse", "refs/gsync/peers/ada@lab"]);
    ada.gsync(&["start"]).exits(0);
    assert_eq!(lab.hub().git(&["rev-parse", "refs/gsync/peers/ada@lab"]), first);
    ada.write("a", "a\n");
    ada.gsync(&["finish", "-m", "a", "--all"]).exits(0);
    let seen = ben.peer(&[], "ada@lab");
    assert_eq!((&seen["state"], &seen["ahead"]), (&json!("idle"), &json!(0)));
    assert_eq!(seen["dirty"], json!([]));
    // It entered no journal: the last run is the push.
    ada.gsync(&["log"]).exits(0).says_not("peer").says_not("presence");
    ada.gsync(&["start", "--dry-run"]).exits(0);
    assert_eq!(ben.peer(&[], "ada@lab")["state"], "idle");
}

#[test]
fn after_a_push_the_others_are_told_in_the_background_and_after_the_code() {
    let lab = Lab::new();
    let ada = lab.member("ada").sociable();
    // The hub notes the order in which things arrive.
    let hook = "#!/bin/sh\nwhile read old new ref; do echo $ref >>order; done\n";
    lab.hub().script("hooks/post-receive", hook);
    ada.commit("a", "a\n", "a");
    ada.git(&["push", "--quiet", "origin", "main"]);
    until("the entry is there", || told(&lab) == ["refs/gsync/peers/ada@lab"]);
    until("it says that all is pushed", || {
        let entry = lab.hub().git(&["show", "refs/gsync/peers/ada@lab:peer.json"]);
        serde_json::from_str::<Value>(&entry).unwrap()["ahead"] == 0
    });
    // The ref moves before the hub has noted it.
    until("the hub noted it", || lab.hub().read("order").lines().count() == 2);
    assert_eq!(lab.hub().read("order"), "refs/heads/main\nrefs/gsync/peers/ada@lab\n");
    until("the worker is done", || !ada.path(".git/gsync/presence.json.again").exists());
}

#[test]
fn where_the_repository_wants_it_a_commit_is_told_too() {
    let lab = Lab::new();
    let ada = lab.member("ada").sociable();
    ada.write(".gsync.toml", "[peers]\npublish = \"commit\"\n");
    ada.write("a", "a\n");
    ada.git(&["add", "--all"]);
    ada.git(&["commit", "--quiet", "-m", "work"]);
    until("the entry is there", || told(&lab) == ["refs/gsync/peers/ada@lab"]);
    let ben = lab.person("ben").sociable();
    assert_eq!(ben.peer(&[], "ada@lab")["outgoing"][0]["summary"], "work");
}

#[test]
fn a_partial_clone_sees_the_others_with_entries_and_contents() {
    let lab = Lab::new();
    lab.hub().git(&["config", "uploadpack.allowFilter", "true"]);
    let ada = lab.person("ada").sociable();
    ada.commit(".gsync.toml", "[peers]\nshare = \"content\"\n", "share contents");
    ada.push();
    ada.write("README", "of ada\n");
    ada.gsync(&["start"]).exits(0);
    let hub = format!("file://{}", lab.path("hub.git").display());
    for (name, filter) in [("blobless", "blob:none"), ("treeless", "tree:0")] {
        let filter = format!("--filter={filter}");
        ada.git(&["clone", "--quiet", "--template=", &filter, &hub, &format!("../{name}")]);
        let part = lab.at(name, lab.path(name)).sociable();
        part.write("README", "of somebody else\n");
        let before = part.git(&["count-objects", "-v"]);
        let peer = part.peer(&[], "ada@lab");
        assert_eq!(paths(&peer["dirty"]), ["README"]);
        assert_eq!(peer["overlaps"], json!(["README"]), "{peer}");
        assert_eq!(part.git(&["count-objects", "-v"]), before, "nothing of it stays");
        part.gsync(&["peers"]).exits(0).says("ada@lab").says_not("makes no sense");
    }
}

#[test]
fn of_thirty_two_who_publish_at_once_none_fails() {
    let lab = Lab::new();
    let people: Vec<_> = (0..32).map(|n| lab.person(&format!("p{n}")).sociable()).collect();
    let start = |person: &Person<'_>| {
        let mut command = person.command(env!("CARGO_BIN_EXE_gsync"));
        command.args(["start", "-v"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let running: Vec<_> = people.iter().map(start).collect();
    for child in running {
        let out = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.success() && !said.contains("cannot be told"), "{said}");
    }
    people.iter().for_each(Person::settle);
    assert_eq!(told(&lab).len(), 32);
    assert_eq!(people[7].peers(), 31);
}

#[test]
fn two_clones_of_one_name_on_one_machine_keep_apart() {
    let lab = Lab::new();
    let (one, two) = (lab.person("one").sociable(), lab.person("two").sociable());
    for person in [&one, &two] {
        person.git(&["config", "gsync.role", "qc"]);
    }
    for _ in 0..2 {
        one.gsync(&["start"]).exits(0);
        two.gsync(&["start"]).exits(0);
    }
    assert_eq!(told(&lab), ["refs/gsync/peers/qc@lab", "refs/gsync/peers/qc@lab#2"]);
    assert_eq!((one.peers(), two.peers()), (1, 1));
    one.peer(&[], "qc@lab#2");
    two.peer(&[], "qc@lab");
}

#[test]
fn whoever_only_looks_sees_a_clone_of_the_same_name_and_both_say_the_name_the_hub_has() {
    let lab = Lab::new();
    let ada = lab.person("ada").sociable();
    lab.git_in(".", &["clone", "-q", "hub.git", "second"]);
    let second = lab.at("ada", lab.path("second")).sociable();
    ada.write("a", "changed\n");
    ada.gsync(&["start"]).exits(0);
    ada.settle();
    second.write("a", "changed too\n");
    let (status, id) = (second.gsync(&["status", "--json"]).exits(0).json(), "peer");
    let first = status["peers"][0]["id"].as_str().expect("the other one").to_owned();
    assert_eq!(status["peers"][0]["overlaps"], json!(["a"]));
    assert_eq!(status[id], format!("{first}#2"));
    second.gsync(&["start"]).exits(0);
    second.settle();
    for _ in 0..2 {
        assert_eq!(second.gsync(&["status", "--json"]).exits(0).json()[id], format!("{first}#2"));
    }
    assert_eq!(ada.gsync(&["status", "--json"]).exits(0).json()[id], first);
    assert_eq!(ada.gsync(&["status", "--json"]).json()["peers"][0]["id"], format!("{first}#2"));
}

#[test]
fn a_linked_worktree_is_a_peer_of_its_own() {
    let lab = Lab::new();
    let ada = lab.person("ada").sociable();
    ada.git(&["worktree", "add", "--quiet", "-b", "side", "../ada-side"]);
    let mut side = lab.at("ada", lab.path("ada-side"));
    side.env.clone_from(&ada.env);
    ada.gsync(&["start"]).exits(0);
    side.git(&["branch", "--quiet", "--set-upstream-to=origin/main"]);
    side.write("README", "side\n");
    side.gsync(&["start"]).exits(0);
    assert_eq!(told(&lab), ["refs/gsync/peers/ada@lab", "refs/gsync/peers/ada@lab#2"]);
    let seen = ada.peer(&[], "ada@lab#2");
    assert_eq!((&seen["branch"], paths(&seen["dirty"])), (&json!("side"), vec!["README"]));
    assert_eq!(side.peers(), 1);
}

#[test]
fn a_hub_that_refuses_such_refs_gets_the_code_and_is_remembered_and_named() {
    let lab = Lab::new();
    let ada = lab.member("ada").sociable();
    let hook = "#!/bin/sh\ncase $1 in refs/gsync/*) echo no foreign refs >&2; \
                echo x >>asked; exit 1;; esac\n";
    lab.hub().script("hooks/update", hook);
    ada.gsync(&["doctor"]).says_not("refs/gsync");
    ada.write("a", "a\n");
    ada.gsync(&["finish", "-m", "a", "--all"]).exits(0).says_not("refuse").says_not("hook");
    assert_eq!(lab.hub().git(&["rev-parse", "main"]), ada.git(&["rev-parse", "HEAD"]));
    assert_eq!(told(&lab), Vec::<String>::new());
    ada.gsync(&["start"]).exits(0);
    ada.write("a", "b\n");
    ada.gsync(&["finish", "-m", "b", "--all"]).exits(0);
    assert_eq!(lab.hub().read("asked"), "x\n", "it is asked once, not each time");
    ada.gsync(&["doctor"]).exits(1).says("origin refuses refs/gsync/*").says("hook declined");
    // Another hub may be of another mind.
    std::fs::remove_file(lab.path("hub.git/hooks/update")).unwrap();
    ada.git(&["remote", "set-url", "origin", lab.path("hub.git").to_str().unwrap()]);
    ada.gsync(&["start"]).exits(0);
    assert_eq!(told(&lab).len(), 1);
    ada.gsync(&["doctor"]).says_not("refuses");
}

#[test]
fn a_hub_that_does_not_answer_fails_and_delays_no_command_beyond_the_deadline() {
    let lab = Lab::new();
    let ada = lab.person("ada").sociable();
    ada.write(".gsync.toml", "[hub]\ntimeout = \"300ms\"\n");
    ada.git(&["add", ".gsync.toml"]);
    ada.script("../slow-hub", "#!/bin/sh\nexec sleep 60\n");
    ada.git(&["config", "remote.origin.uploadpack", lab.path("slow-hub").to_str().unwrap()]);
    let begun = Instant::now();
    ada.gsync(&["status"]).exits(0).says("it did not answer in time");
    ada.gsync(&["peers"]).exits(7).says("did not answer");
    assert!(begun.elapsed() < Duration::from_secs(10));
    ada.git(&["config", "--unset", "remote.origin.uploadpack"]);
    // A hub that reads and does not write.
    ada.script("../slow-hub", "#!/bin/sh\nexec sleep 60\n");
    ada.git(&["config", "remote.origin.receivepack", lab.path("slow-hub").to_str().unwrap()]);
    let begun = Instant::now();
    ada.gsync(&["start"]).exits(0);
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(told(&lab), Vec::<String>::new());
}

#[test]
fn a_hub_that_takes_its_time_with_what_is_told_delays_neither_start_nor_finish() {
    let lab = Lab::new();
    let ada = lab.person("ada").sociable();
    // It holds what is told until it may go on.
    let hook = "#!/bin/sh\ncase $1 in refs/gsync/*) \
                n=0; while ! [ -e go-on ] && [ $n -lt 200 ]; do sleep 0.02; n=$((n+1)); done;; \
                esac\n";
    lab.hub().script("hooks/update", hook);
    for command in [&["start"][..], &["finish", "-m", "a", "--all"]] {
        ada.write("a", command[0]);
        let mut gsync = ada.command(env!("CARGO_BIN_EXE_gsync"));
        let out = gsync.args(command).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        assert_eq!(told(&lab), Vec::<String>::new(), "it waited for the hub");
    }
    lab.hub().write("go-on", "");
    ada.settle();
    let ben = lab.person("ben").sociable();
    assert_eq!(ben.peer(&[], "ada@lab")["state"], "idle");
}

#[test]
fn a_clone_that_gets_another_role_is_not_seen_under_the_old_one() {
    let lab = Lab::new();
    let (ada, ben) = (lab.person("ada").sociable(), lab.person("ben").sociable());
    ada.gsync(&["start"]).exits(0);
    ben.gsync(&["start"]).exits(0);
    ada.git(&["config", "gsync.role", "qc"]);
    ada.gsync(&["start"]).exits(0);
    assert_eq!(told(&lab), ["refs/gsync/peers/ben@lab", "refs/gsync/peers/qc@lab"]);
    assert_eq!((ada.peers(), ben.peers()), (1, 1));
}

#[test]
fn a_review_says_whose_work_meets_ours_and_tells_nobody() {
    let lab = Lab::new();
    let (ada, ben) = (lab.person("ada").sociable(), lab.person("ben").sociable());
    ben.write("README", "ben\n");
    ben.gsync(&["start"]).exits(0);
    ada.write("README", "ada\n");
    ada.gsync(&["start", "--review"]).exits(0).says("ben@lab is changing README too");
    let seen = ada.gsync(&["start", "--review", "--json"]).exits(0).json();
    assert_eq!(seen["peers"][0]["overlaps"], json!(["README"]));
    assert_eq!(told(&lab), ["refs/gsync/peers/ben@lab"]);
}

#[test]
fn whoever_takes_gsync_out_leaves_no_entry_on_the_hub() {
    let lab = Lab::new();
    let (ada, ben) = (lab.member("ada").sociable(), lab.member("ben").sociable());
    ada.gsync(&["start"]).exits(0);
    ben.gsync(&["start"]).exits(0);
    ada.gsync(&["uninstall"]).exits(0).says("ada@lab is off origin");
    assert_eq!(told(&lab), ["refs/gsync/peers/ben@lab"]);
    // One that does not answer is named, with what to do.
    std::fs::rename(lab.path("hub.git"), lab.path("away.git")).unwrap();
    ben.gsync(&["uninstall"])
        .exits(0)
        .says("still has the entry of ben@lab")
        .says("hint: take it away: `git push origin --delete ");
}

#[test]
fn what_undo_and_tidy_change_on_the_hub_the_others_are_told_too() {
    let lab = Lab::new();
    let (ada, ben) = (lab.person("ada").sociable(), lab.person("ben").sociable());
    ada.git(&["switch", "--quiet", "-c", "side"]);
    ada.git(&["push", "--quiet", "--no-verify", "-u", "origin", "side"]);
    ada.write("a", "a\n");
    ada.gsync(&["finish", "-m", "a", "--all"]).exits(0);
    assert_eq!(ben.peer(&[], "ada@lab")["ahead"], 0);
    ada.gsync(&["undo", "--hub"]).exits(0);
    let entry = lab.hub().git(&["show", "refs/gsync/peers/ada@lab:peer.json"]);
    let entry: Value = serde_json::from_str(&entry).unwrap();
    assert_eq!(entry["head"], ada.git(&["rev-parse", "HEAD"]), "{entry}");
}

#[test]
fn nobody_who_looks_with_git_sees_a_trace() {
    let lab = Lab::new();
    let (ada, ben) = (lab.person("ada").sociable(), lab.person("ben").sociable());
    ada.gsync(&["start"]).exits(0);
    ben.gsync(&["start"]).exits(0);
    ada.gsync(&["status"]).exits(0);
    let own = |person: &Person<'_>| {
        assert!(!person.git(&["for-each-ref"]).contains("refs/gsync"));
        assert!(!person.git(&["log", "--all", "--format=%s"]).contains("clone is doing"));
        let unreachable = person.git(&["fsck", "--unreachable", "--no-progress"]);
        assert_eq!(unreachable, "", "an object is left behind");
        assert!(!person.path(".git/FETCH_HEAD").exists());
    };
    own(&ada);
    ada.git(&["fetch", "--prune", "--all"]);
    assert!(!ada.git(&["for-each-ref"]).contains("refs/gsync"));
    assert_eq!(ada.peers(), 1);

    // A clone without gsync, and a mirror, which has the refs and shows no branch or tag of them.
    let out = lab.at("eve", lab.path(""));
    out.git(&["clone", "--quiet", "hub.git", "eve"]);
    let eve = lab.at("eve", lab.path("eve"));
    assert!(!eve.git(&["for-each-ref"]).contains("gsync"));
    assert_eq!(eve.git(&["log", "--all", "--oneline"]).lines().count(), 1);
    // A clone by hard links has the objects already; with gsync it reads them all the same.
    assert_eq!(eve.sociable().peers(), 2);
    out.git(&["clone", "--quiet", "--mirror", "hub.git", "mirror.git"]);
    let mirror = lab.at("eve", lab.path("mirror.git"));
    assert_eq!(mirror.git(&["branch", "--all"]).lines().count(), 1);
    assert_eq!(mirror.git(&["log", "--branches", "--tags", "--oneline"]).lines().count(), 1);
    // Whoever clones the mirror sees nothing of them.
    out.git(&["clone", "--quiet", "mirror.git", "of-mirror"]);
    assert!(!lab.at("eve", lab.path("of-mirror")).git(&["for-each-ref"]).contains("gsync"));
}

#[test]
fn what_a_mirror_push_deleted_the_next_publication_restores() {
    let lab = Lab::new();
    let (ada, ben) = (lab.person("ada").sociable(), lab.person("ben").sociable());
    ada.gsync(&["start"]).exits(0);
    assert_eq!(told(&lab).len(), 1);
    ben.git(&["push", "--quiet", "--no-verify", "--mirror", "origin"]);
    assert_eq!(told(&lab).len(), 0);
    // Nothing has changed since, and still it is told.
    ada.gsync(&["start"]).exits(0);
    assert_eq!(told(&lab), ["refs/gsync/peers/ada@lab"]);
}

#[test]
fn hostile_entries_are_passed_by_and_counted_and_the_others_are_still_read() {
    let lab = Lab::new();
    let (ada, eve) = (lab.person("ada").sociable(), lab.person("eve").sociable());
    eve.write("README", "eve\n");
    eve.gsync(&["start"]).exits(0);
    let time = r#""time":"2024-01-01T00:00:10Z""#;
    let peers = "refs/gsync/peers";
    eve.forge(&format!("{peers}/huge@x"), "peer.json", vec![b' '; 1 << 20]);
    eve.forge(&format!("{peers}/broken@x"), "peer.json", "{\"gsync\":1,");
    eve.forge(&format!("{peers}/bytes@x"), "peer.json", b"\xff\xfe\x00");
    eve.forge(&format!("{peers}/other@x"), "other.json", "{}");
    let entry = format!(r#"{{"gsync":1,"id":"ada@lab",{time}}}"#);
    eve.forge(&format!("{peers}/liar@x"), "peer.json", &entry);
    eve.forge(&format!("{peers}/%2E%2E%2Fetc@x"), "peer.json", &entry);
    eve.forge(&format!("{peers}/a/b/c"), "peer.json", &entry);
    eve.forge(&format!("{peers}/%1B[2J@x").replace('[', "%5B"), "peer.json", &entry);
    let blob = eve.git(&["hash-object", "-w", "README"]);
    eve.git(&["push", "--quiet", "--no-verify", "origin", &format!("{blob}:{peers}/blob@x")]);
    let odd = format!(
        r#"{{"gsync":1,"id":"odd@x","branch":"\u001b]0;owned\u0007","role":"\u001b[31mroot",
            "dirty":["../../etc/passwd","README\u001b[2J","README"],
            "outgoing":[{{"id":"{}","summary":"\u001b[2Jcleared","author":"x",{time}}}],{time}}}"#,
        "a".repeat(40)
    );
    eve.forge(&format!("{peers}/odd@x"), "peer.json", odd);

    ada.write("README", "ada\n");
    let seen = ada.gsync(&["peers"]).exits(0).says("eve@lab").says("odd@x").says_not("\u{1b}");
    seen.says("9 entries on the hub make no sense").says_not("passwd").says_not("liar");
    ada.gsync(&["status"]).exits(0).says("9 entries of peers make no sense").says_not("\u{1b}");
    assert_eq!(paths(&ada.peer(&[], "eve@lab")["overlaps"]), ["README"]);
    let odd = ada.peer(&["--no-fetch"], "odd@x");
    assert_eq!(odd["dirty"].as_array().unwrap().len(), 2);
    // The second time nothing of it is fetched again, and it is counted all the same.
    ada.gsync(&["start"]).exits(0);
    assert_eq!(ada.gsync(&["peers", "--json"]).json()["unreadable"], 9);
}

#[test]
fn one_whose_clock_is_a_day_off_is_shown_as_seen_now_and_is_gone_after_the_time_to_live() {
    let lab = Lab::new();
    let (ada, eve) = (lab.person("ada").sociable(), lab.person("eve").sociable());
    let now = chrono::Utc::now();
    let entry = |id: &str, days: i64| {
        let off = chrono::Duration::days(days) + chrono::Duration::minutes(days.signum());
        let time = (now + off).to_rfc3339();
        json!({"gsync":1,"id":id,"time":time,"dirty":["README"],"branch":"main"}).to_string()
    };
    for (id, days) in [("ahead@x", 1), ("behind@x", -1), ("far@x", 3000), ("gone@x", -8)] {
        eve.forge(&format!("refs/gsync/peers/{id}"), "peer.json", entry(id, days));
    }
    ada.write("README", "x\n");
    let screen = ada.gsync(&["peers"]).exits(0);
    let screen = screen.says("its clock is 24 hours ahead").says("seen 24 hours ago");
    screen.says("gone, last seen 8 days ago");
    for (id, gone, overlaps) in [("ahead@x", false, 1), ("far@x", false, 1), ("gone@x", true, 0)] {
        let peer = ada.peer(&["--no-fetch"], id);
        assert_eq!(peer["gone"], gone, "{id}");
        assert_eq!(peer["overlaps"].as_array().unwrap().len(), overlaps, "{id}");
        let seen = chrono::DateTime::parse_from_rfc3339(peer["seen_at"].as_str().unwrap()).unwrap();
        assert!(seen <= chrono::Utc::now(), "{id} was seen in the future");
    }
    ada.gsync(&["tidy"]).exits(0).says("peers not seen for a week").says("gone@x");
    ada.gsync(&["tidy"]).says_not("ahead@x");
}

#[test]
fn a_peer_is_forgotten_if_it_was_not_heard_of_lately_or_by_force() {
    let lab = Lab::new();
    let (ada, ben) = (lab.person("ada").sociable(), lab.person("ben").sociable());
    ben.gsync(&["start"]).exits(0);
    ada.gsync(&["peers", "forget", "ben@lab"]).exits(1).says("was heard of").says("--force");
    assert_eq!(told(&lab).len(), 1);
    ada.gsync(&["peers", "forget", "ben@la"]).exits(1).says("ben@lab");
    ada.gsync(&["peers", "forget", "../../heads/main"]).exits(1);
    ada.gsync(&["peers", "forget", "ben@lab", "--force", "--dry-run"]).exits(0);
    assert_eq!(told(&lab).len(), 1);
    ada.gsync(&["peers", "forget", "ben@lab", "--force"]).exits(0);
    assert_eq!((told(&lab).len(), ada.peers()), (0, 0));
    // Whoever is still there tells again.
    ben.gsync(&["start"]).exits(0);
    assert_eq!(ada.peers(), 1);
}

#[test]
fn a_commit_of_a_path_that_a_peer_is_changing_is_answered_with_one_line() {
    let lab = Lab::new();
    let (ada, ben) = (lab.member("ada").sociable(), lab.person("ben").sociable());
    ada.write("README", "before\n");
    ada.git(&["add", "README"]);
    // Nothing is known of anybody: nothing is said, and the hub is not asked.
    ada.try_git(&["commit", "-q", "-m", "one"]).exits(0).says_not("is changing");
    ben.write("README", "ben\n");
    ben.gsync(&["start"]).exits(0);
    ada.gsync(&["status"]).exits(0);
    ada.write("README", "ada\n");
    ada.write("other", "ada\n");
    let seen = ada.try_git(&["commit", "-q", "-a", "-m", "two"]).exits(0);
    assert_eq!(seen.all().matches("ben@lab is changing README too").count(), 1, "{}", seen.all());
    // Past pre-commit it is post-commit that says it.
    ada.write("README", "ada again\n");
    let seen = ada.try_git(&["commit", "-q", "-n", "-a", "-m", "three"]).exits(0);
    assert_eq!(seen.all().matches("ben@lab is changing README too").count(), 1, "{}", seen.all());
    ada.git(&["add", "other"]);
    ada.try_git(&["commit", "-q", "-m", "four"]).exits(0).says_not("is changing");
    ada.git(&["rm", "--quiet", "README"]);
    ada.try_git(&["commit", "-q", "-m", "five"]).exits(0).says("ben@lab is changing README too");
}

#[test]
fn where_it_is_turned_off_nothing_is_told_and_nothing_is_asked() {
    let lab = Lab::new();
    let (ada, ben) = (lab.person("ada").sociable(), lab.person("ben").sociable());
    ben.gsync(&["start"]).exits(0);
    ada.write(".gsync.toml", "[peers]\npublish = \"off\"\n");
    ada.gsync(&["start"]).exits(0);
    assert_eq!(told(&lab), ["refs/gsync/peers/ben@lab"]);
    let status = ada.gsync(&["status", "--json"]).exits(0).json();
    assert_eq!(status["peers"], json!([]));
    assert!(!ada.path(".git/gsync/peers.json").exists());
    ada.gsync(&["peers"]).exits(1).says("publish");
    // A person can, too.
    std::fs::remove_file(ada.path(".gsync.toml")).unwrap();
    ada.with_env("GIT_CONFIG_VALUE_3", "off").gsync(&["peers"]).exits(1).says("gsync.peers");
}

/// Both share contents, and stand on a file of five lines.
fn sharing(lab: &Lab) -> (Person<'_>, Person<'_>) {
    let first = lab.person("first");
    first.write("app", "1\n2\n3\n4\n5\n6\n7\n8\n9\n");
    first.git(&["add", "app"]);
    first.commit(".gsync.toml", "[peers]\nshare = \"content\"\n", "share");
    first.push();
    let (ada, ben) = (lab.person("ada").sociable(), lab.person("ben").sociable());
    for person in [&ada, &ben] {
        person.git(&["pull", "--quiet"]);
    }
    (ada, ben)
}

#[test]
fn where_contents_are_shared_it_is_known_exactly_what_would_conflict() {
    let lab = Lab::new();
    let (ada, ben) = sharing(&lab);
    ada.write("app", "1\n2\n3\n4\n5\n6\n7\n8\nada\n");
    ada.write("new", "ada\n");
    ada.gsync(&["start"]).exits(0);
    assert_eq!(told(&lab), ["refs/gsync/content/ada@lab", "refs/gsync/peers/ada@lab"]);

    // The same file, other lines: the paths meet, the work does not.
    ben.write("app", "ben\n2\n3\n4\n5\n6\n7\n8\n9\n");
    let seen = ben.peer(&[], "ada@lab");
    assert_eq!(paths(&seen["overlaps"]), ["app"]);
    assert_eq!(seen["with_mine"], json!({"result": "clean", "paths": []}));
    assert_eq!(seen["with_upstream"], json!({"result": "clean", "paths": []}));
    ben.gsync(&["status"]).exits(0).says("your work and theirs would merge cleanly");

    // The same line, and a file that both have newly made, not committed by anybody.
    ben.write("app", "1\n2\n3\n4\n5\n6\n7\n8\nben\n");
    ben.write("new", "ben\n");
    let seen = ben.peer(&["--no-fetch"], "ada@lab");
    assert_eq!(seen["with_mine"], json!({"result": "conflict", "paths": ["app", "new"]}));
    let screen = ben.gsync(&["peers"]).exits(0);
    screen.says("your work and theirs would conflict: app, new");

    // Ada's work is in none of his refs, and not among his objects.
    assert!(!ben.git(&["for-each-ref"]).contains("gsync"));
    assert_eq!(ben.git(&["fsck", "--unreachable", "--no-progress"]), "");
    assert_eq!(ada.git(&["fsck", "--unreachable", "--no-progress"]), "");
    assert_eq!(ben.read("app"), "1\n2\n3\n4\n5\n6\n7\n8\nben\n");
}

#[test]
fn what_one_would_meet_once_a_peer_is_first_is_known_too() {
    let lab = Lab::new();
    let (ada, ben) = sharing(&lab);
    // Ada has not seen what the hub has by now, and ben has not seen either.
    let third = lab.person("third");
    third.git(&["pull", "--quiet"]);
    third.commit("app", "third\n2\n3\n4\n5\n6\n7\n8\n9\n", "third");
    third.push();
    ada.commit("app", "1\n2\n3\n4\n5\n6\n7\n8\nada\n", "ada");
    ada.gsync(&["hook", "background-presence", "0"]).exits(0);
    ben.write("app", "ben\n2\n3\n4\n5\n6\n7\n8\n9\n");
    let seen = ben.peer(&[], "ada@lab");
    assert_eq!(seen["with_mine"], json!({"result": "clean", "paths": []}));
    assert_eq!(seen["with_upstream"], json!({"result": "conflict", "paths": ["app"]}));
}

#[test]
fn what_the_guard_would_not_let_out_is_not_shared_and_what_was_shared_can_be_taken_back() {
    let lab = Lab::new();
    let (ada, ben) = sharing(&lab);
    let content = "refs/gsync/content/ada@lab";
    ada.write("app", "work\n");
    ada.gsync(&["start"]).exits(0);
    assert!(told(&lab).contains(&content.to_owned()));
    ada.write(".env", "KEY=s3cret\n");
    ada.gsync(&["start"]).exits(0);
    assert_eq!(told(&lab), ["refs/gsync/peers/ada@lab"]);
    assert_eq!(ben.peer(&[], "ada@lab")["with_mine"], Value::Null);
    std::fs::remove_file(ada.path(".env")).unwrap();
    ada.gsync(&["start"]).exits(0);
    assert!(told(&lab).contains(&content.to_owned()));
    ada.write(".gsync.toml", "[peers]\nshare = \"paths\"\n");
    ada.gsync(&["start"]).exits(0);
    assert_eq!(told(&lab), ["refs/gsync/peers/ada@lab"]);
}

#[test]
fn a_branch_that_follows_nothing_yet_shares_its_commits_too_unless_the_guard_objects() {
    let lab = Lab::new();
    let (ada, ben) = sharing(&lab);
    ada.git(&["switch", "--quiet", "--no-track", "-c", "new"]);
    ada.commit("app", "1\n2\n3\n4\n5\n6\n7\n8\nada\n", "work");
    ada.gsync(&["hook", "background-presence", "0"]).exits(0);
    ben.write("app", "1\n2\n3\n4\n5\n6\n7\n8\nben\n");
    let seen = ben.peer(&[], "ada@lab");
    assert_eq!(seen["with_mine"], json!({"result": "conflict", "paths": ["app"]}));
    ada.write(".env", "KEY=s3cret\n");
    ada.git(&["add", "--force", ".env"]);
    ada.git(&["commit", "--quiet", "--no-verify", "-m", "oops"]);
    ada.gsync(&["hook", "background-presence", "0"]).exits(0);
    assert_eq!(told(&lab), ["refs/gsync/peers/ada@lab"]);
}
