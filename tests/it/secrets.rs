//! Secrets in what a push carries: each way to hide one is stopped by the hooks of the clone,
//! and by the hub where the clone has none, whether it gets loose objects or a pack.

use crate::lab::{Lab, Person};
use crate::leaks::{SIDES, guarded, hook};

/// A token that no scanner finds in this file: it is put together when the test runs, with the
/// checksum that belongs to it.
pub fn token(seed: u64) -> String {
    let mut random = fastrand::Rng::with_seed(seed);
    let body: String = (0..30).map(|_| random.alphanumeric()).collect();
    let mut sum = !body.bytes().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 * (sum & 1)))
    });
    let digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".as_bytes();
    let mut tail = [0; 6];
    for digit in tail.iter_mut().rev() {
        *digit = digits[(sum % 62) as usize];
        sum /= 62;
    }
    format!("g{}_{body}{}", "hp", String::from_utf8_lossy(&tail))
}

/// Every side refuses what was prepared, without showing it, and the hub does not move.
#[track_caller]
fn stopped(prepare: impl Fn(&Person<'_>, &str), push: &[&str]) {
    for side in SIDES {
        let lab = Lab::new();
        let ada = guarded(&lab, side);
        let secret = token(side as u64 + 1);
        prepare(&ada, &secret);
        let before = lab.hub().git(&["for-each-ref"]);
        let args: Vec<&str> = ["push", "origin"].into_iter().chain(push.iter().copied()).collect();
        let seen = ada.try_git(&args).exits(1).says("GitHub token").says_not(&secret);
        let _ = seen.says("gsync guard allow ");
        assert_eq!(lab.hub().git(&["for-each-ref"]), before, "{side:?}");
    }
}

#[test]
fn in_a_file() {
    stopped(
        |ada, secret| drop(ada.commit("a", &format!("x\nkey = {secret}\n"), "leak")),
        &["main"],
    );
}

/// A commit of one file past all hooks, with any bytes.
fn commit(ada: &Person<'_>, path: &str, bytes: &[u8]) {
    ada.write(path, bytes);
    ada.commit_all("leak");
}

fn wide(text: &str, little: bool, step: usize) -> Vec<u8> {
    let unit = |byte: u8| {
        let mut unit = vec![0; step];
        unit[if little { 0 } else { step - 1 }] = byte;
        unit
    };
    text.bytes().flat_map(unit).collect()
}

fn base64(bytes: &[u8]) -> String {
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".as_bytes();
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let mut three = [0, 0, 0, 0];
        three[1..=group.len()].copy_from_slice(group);
        let value = u32::from_be_bytes(three);
        for at in 0..=group.len() {
            text.push(char::from(digits[(value >> (18 - 6 * at) & 63) as usize]));
        }
    }
    text
}

#[test]
fn only_in_a_merge_commit() {
    let prepare = |ada: &Person<'_>, secret: &str| {
        ada.git(&["checkout", "-q", "-b", "side"]);
        ada.commit("side", "s", "side");
        ada.git(&["checkout", "-q", "main"]);
        ada.commit("main", "m", "main");
        ada.git(&["merge", "-q", "--no-commit", "--no-ff", "side"]);
        commit(ada, "merged", format!("key = {secret}\n").as_bytes());
    };
    stopped(prepare, &["main"]);
}

#[test]
fn behind_attributes_that_hide_it_from_diffs() {
    for attribute in ["-diff", "binary", "-text -diff linguist-generated", "diff=none"] {
        let prepare = |ada: &Person<'_>, secret: &str| {
            ada.write(".gitattributes", format!("* {attribute}\n"));
            commit(ada, "a", secret.as_bytes());
        };
        stopped(prepare, &["main"]);
    }
}

#[test]
fn in_a_file_with_nul_bytes() {
    let prepare = |ada: &Person<'_>, secret: &str| {
        commit(ada, "a.bin", format!("\0\u{1}\0{secret}\0\0").as_bytes());
    };
    stopped(prepare, &["main"]);
}

#[test]
fn in_letters_of_two_or_four_bytes_with_a_mark_or_without() {
    for (mark, little, step) in [
        (&b"\xff\xfe"[..], true, 2),
        (b"\xfe\xff", false, 2),
        (b"", true, 2),
        (b"x", false, 2),
        (b"", true, 4),
    ] {
        let prepare = |ada: &Person<'_>, secret: &str| {
            let text = wide(&format!("some text\r\nkey = {secret}\r\n"), little, step);
            commit(ada, "a.txt", &[mark, &text].concat());
        };
        stopped(prepare, &["main"]);
    }
}

#[test]
fn in_the_message_of_a_commit_or_in_the_name_of_its_author() {
    let prepare = |ada: &Person<'_>, secret: &str| {
        drop(ada.commit("a", "a", &format!("a subject\n\ntoken: {secret}")));
    };
    stopped(prepare, &["main"]);
    let prepare = |ada: &Person<'_>, secret: &str| {
        ada.write("a", "a");
        ada.git(&["add", "a"]);
        let author = format!("--author={secret} <a@example.com>");
        ada.git(&["-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "x", &author]);
    };
    stopped(prepare, &["main"]);
}

#[test]
fn in_the_message_of_a_tag_and_of_a_tag_of_a_tag() {
    let prepare = |ada: &Person<'_>, secret: &str| {
        ada.git(&["tag", "-a", "-m", secret, "inner"]);
        ada.git(&["tag", "-a", "-m", "fine", "outer", "inner"]);
    };
    stopped(prepare, &["inner"]);
    stopped(prepare, &["outer"]);
}

#[test]
fn in_the_name_of_a_file_or_of_a_directory() {
    let prepare = |ada: &Person<'_>, secret: &str| commit(ada, &format!("{secret}.txt"), b"fine");
    stopped(prepare, &["main"]);
    let prepare = |ada: &Person<'_>, secret: &str| commit(ada, &format!("a/{secret}/b"), b"fine");
    stopped(prepare, &["main"]);
}

#[test]
fn in_the_name_of_a_branch() {
    for side in SIDES {
        let lab = Lab::new();
        let ada = guarded(&lab, side);
        let secret = token(77);
        ada.git(&["checkout", "-q", "-b", &secret]);
        // git itself names the branch in what it says; gsync must not.
        let seen = ada.try_git(&["push", "origin", &secret]).exits(1).says("GitHub token");
        let ours = seen.stderr.lines().filter(|line| {
            let line = line.trim_start_matches("remote: ");
            line.starts_with("error: the")
                || line.starts_with("hint:")
                || line.starts_with("because:")
        });
        assert!(ours.clone().count() > 0 && !ours.clone().any(|line| line.contains(&secret)));
        assert_eq!(lab.hub().git(&["for-each-ref", "refs/heads/g*"]), "", "{side:?}");
    }
}

#[test]
fn where_scanners_do_not_look() {
    for path in [
        "package-lock.json",
        "Cargo.lock",
        "node_modules/x/index.js",
        "vendor/x.go",
        "dist/app.min.js",
        "logo.png",
        "font.woff2",
        "doc.pdf",
        "tests/fixtures/x",
        ".gitleaks.toml",
        "a\nb",
    ] {
        let prepare = |ada: &Person<'_>, secret: &str| {
            commit(ada, path, format!("\u{89}PNG\r\n{{\"key\": \"{secret}\"}}").as_bytes());
        };
        stopped(prepare, &["main"]);
    }
}

#[test]
fn next_to_a_comment_that_allows_it() {
    for word in
        ["gitleaks:allow", "betterleaks:allow", "pragma: allowlist secret", "nosec", "gsync:allow"]
    {
        let prepare = |ada: &Person<'_>, secret: &str| {
            commit(ada, "a", format!("key = \"{secret}\" # {word}\n").as_bytes());
        };
        stopped(prepare, &["main"]);
    }
}

#[test]
fn with_rules_in_the_same_push_that_let_it_pass() {
    for rules in [
        "[guard]\nsecrets = false\n",
        "[guard]\nallow = [{ rule = \"*\", path = \"*\" }]\n",
        "[[guard.allow]]\nrule = \"secret\"\npath = \"**\"\n",
        "[[guard.allow]]\nrule = \"github-token\"\npath = \"a\"\n",
        "[[guard.rule]]\nid = \"github-token\"\noff = true\n",
        "[[guard.rule]]\nid = \"github-token\"\nregex = 'nothing'\n",
    ] {
        let prepare = |ada: &Person<'_>, secret: &str| {
            ada.write(".gsync.toml", rules);
            commit(ada, "a", secret.as_bytes());
        };
        for side in SIDES {
            let lab = Lab::new();
            let ada = guarded(&lab, side);
            prepare(&ada, &token(3));
            let seen = ada.try_git(&["push", "origin", "main"]).exits(1);
            let _ = seen.says("GitHub token").says_not(&token(3));
        }
        // Nor in the first push of all, of which nobody has seen the rules.
        let lab = Lab::new();
        let ada = lab.person("ada");
        prepare(&ada, &token(3));
        lab.git_in("", &["init", "-q", "--bare", "new.git"]);
        hook(&lab.at("new", lab.path("new.git")), ".", "pre-receive");
        ada.try_git(&["push", "../new.git", "main"]).exits(1).says("GitHub token");
    }
}

#[test]
fn in_base64_wherever_it_begins_and_in_lines() {
    for before in 0..3 {
        let prepare = |ada: &Person<'_>, secret: &str| {
            let coded = base64(format!("{}{secret} and more", &"= :"[..before]).as_bytes());
            commit(ada, "a.yaml", format!("data:\n  key: {coded}\n").as_bytes());
        };
        stopped(prepare, &["main"]);
    }
    let prepare = |ada: &Person<'_>, secret: &str| {
        let coded = base64(format!("{} key = {secret}\n{0}", "text ".repeat(40)).as_bytes());
        let lines: Vec<_> = coded.as_bytes().chunks(76).map(String::from_utf8_lossy).collect();
        commit(ada, "a.pem.txt", lines.join("\n").as_bytes());
    };
    stopped(prepare, &["main"]);
}

#[test]
fn in_the_target_of_a_symbolic_link() {
    let prepare = |ada: &Person<'_>, secret: &str| {
        std::os::unix::fs::symlink(secret, ada.path("link")).unwrap();
        ada.commit_all("leak");
    };
    stopped(prepare, &["main"]);
}

#[test]
fn added_and_removed_again_within_the_push() {
    let prepare = |ada: &Person<'_>, secret: &str| {
        commit(ada, "a", secret.as_bytes());
        ada.git(&["rm", "-q", "a"]);
        ada.commit_all("nothing happened");
    };
    stopped(prepare, &["main"]);
}

#[test]
fn in_the_second_ref_on_an_orphan_branch_as_a_blob_or_in_a_note() {
    let prepare = |ada: &Person<'_>, secret: &str| {
        ada.commit("fine", "x", "fine");
        ada.git(&["checkout", "-q", "--orphan", "second"]);
        commit(ada, "a", secret.as_bytes());
        ada.git(&["checkout", "-q", "main"]);
    };
    stopped(prepare, &["main", "second"]);
    let prepare = |ada: &Person<'_>, secret: &str| {
        ada.write("x", secret);
        let blob = ada.git(&["hash-object", "-w", "x"]);
        ada.git(&["tag", "-a", "-m", "fine", "blob", &blob]);
    };
    stopped(prepare, &["blob"]);
    let prepare = |ada: &Person<'_>, secret: &str| {
        ada.git(&["notes", "add", "-m", secret]);
    };
    stopped(prepare, &["refs/notes/commits"]);
}

#[test]
fn at_the_edges_of_lines_files_and_words() {
    for (before, after) in [
        ("a\r\n", "\r\n"),
        ("", ""),
        ("{\"a\":\"x\\n", "\\n\"}"),
        ("https://x.example/?t%3D", "&y=1"),
        ("\u{1b}[32m", "\u{1b}[0m"),
        ("x='", "'"),
        ("_", "\n"),
        ("\u{feff}", ""),
        ("\u{e4}", "\u{e4}"),
    ] {
        let prepare = |ada: &Person<'_>, secret: &str| {
            commit(ada, "a", format!("{before}{secret}{after}").as_bytes());
        };
        stopped(prepare, &["main"]);
    }
    let prepare = |ada: &Person<'_>, secret: &str| {
        let long = "var a=1;".repeat(100_000);
        commit(ada, "app.js", format!("{long}k=\"{secret}\";{long}").as_bytes());
    };
    stopped(prepare, &["main"]);
}

/// A private key of some lines, made up here.
fn private_key() -> (String, String, String) {
    let mut random = fastrand::Rng::with_seed(11);
    let mut line = || -> String { (0..64).map(|_| random.alphanumeric()).collect() };
    let body: Vec<String> = (0..8).map(|_| line()).collect();
    let mark = |word: &str| format!("-----{word} RSA {} KEY-----", "PRIVATE");
    (mark("BEGIN"), body.join("\n"), mark("END"))
}

#[test]
fn a_new_body_under_an_old_header_is_a_new_key() {
    let (begin, body, end) = private_key();
    for side in SIDES {
        let lab = Lab::new();
        let ada = lab.person("ada");
        ada.commit("key.txt", &format!("{begin}\n...\n{end}\n"), "how a key looks");
        ada.push();
        let ada = guarded(&lab, side);
        ada.commit("key.txt", &format!("{begin}\n{body}\n{end}\n"), "a real one");
        let seen = ada.try_git(&["push", "origin", "main"]).exits(1);
        let _ = seen.says("(private key)").says_not(&body[..20]);
    }
}

#[test]
fn what_stood_there_before_is_no_news_and_a_copy_of_it_is() {
    for side in SIDES {
        let lab = Lab::new();
        let ada = lab.person("ada");
        let secret = token(9);
        ada.commit("old", &format!("a\nkey = {secret}\n"), "long ago");
        ada.push();
        let ada = guarded(&lab, side);
        ada.commit("old", &format!("a\nb\nkey = {secret}\nc\n"), "around it");
        ada.git(&["push", "-q", "origin", "main"]);
        ada.commit("new", &format!("key = {secret}\n"), "copied");
        ada.try_git(&["push", "origin", "main"]).exits(1).says("new in").says_not("old in");
    }
}

#[test]
fn a_commit_is_stopped_before_it_is_made() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    hook(&ada, ".git", "pre-commit");
    let secret = token(5);
    ada.write("a", format!("x\n  key = {secret}\n"));
    ada.git(&["add", "a"]);
    ada.write("a", "not what is staged");
    let seen = ada.try_git(&["commit", "-m", "x"]).exits(1).says_not(&secret);
    let seen = seen
        .says("error: this commit would add a secret")
        .says("because: a has a secret (GitHub token) in line 2: ghp_… [")
        .says("hint: take it out, then `git add a`")
        .says("hint: make it useless where it was issued");
    let print = seen.stderr.split('[').nth(1).unwrap()[..16].to_owned();
    let json = ada.gsync(&["guard", "--json"]).exits(1).says_not(&secret).json();
    let found = &json["findings"][0]["secret"];
    assert_eq!(found["fingerprint"], print.as_str());
    assert_eq!((found["line"].as_u64(), found["column"].as_u64()), (Some(2), Some(9)));
    assert_eq!(found["confidence"], "high");
}

#[test]
fn an_exception_for_a_value_holds_until_its_day() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    let secret = token(6);
    ada.write("a", &secret);
    ada.git(&["add", "a"]);
    let json = ada.gsync(&["guard", "--json"]).exits(1).json();
    let print = json["findings"][0]["secret"]["fingerprint"].as_str().unwrap();
    let allow = |day: &str| {
        let entry = format!("rule = \"github-token\"\nfingerprint = \"{print}\"");
        format!("[[guard.allow]]\n{entry}\nreason = \"revoked\"\nexpires = \"{day}\"\n")
    };
    ada.write(".gsync.toml", allow("2999-01-01"));
    ada.gsync(&["guard"]).exits(0);
    ada.write(".gsync.toml", allow("2020-02-29"));
    ada.gsync(&["guard"])
        .exits(1)
        .says("because: its exception in .gsync.toml ended on 2020-02-29");
    ada.write(".gsync.toml", allow("2999-01-01").replace(print, "0123456789abcdef"));
    ada.gsync(&["guard"]).exits(1);
    ada.write(".gsync.toml", allow("tomorrow"));
    ada.gsync(&["guard"]).exits(2).says("`tomorrow` is not a day");
}

#[test]
fn a_value_is_let_pass_by_its_fingerprint_and_that_can_be_taken_back() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    let secret = token(8);
    ada.write(".gsync.toml", "# ours\n[work]\nbase_drift = 7 # days\n");
    ada.write("a", &secret);
    ada.git(&["add", "."]);
    let json = ada.gsync(&["guard", "--json"]).exits(1).json();
    let print = json["findings"][0]["secret"]["fingerprint"].as_str().unwrap().to_owned();
    ada.gsync(&["guard", "allow", &secret, "--reason", "x"]).exits(2).says_not(&secret);
    ada.gsync(&["guard", "allow", &print, "--reason", "x", "--expires", "soon"]).exits(2);
    let over = ada.gsync(&["guard", "allow", &print, "--reason", "x", "--expires", "2001-02-03"]);
    over.exits(2).says("2001-02-03 is over");
    let kept = ada.gsync(&["guard", "allow", &print, "--reason", &format!("is {secret}")]);
    kept.exits(2).says("the reason has a secret in it").says_not(&secret);
    assert!(!ada.path(".git/gsync").exists(), "nothing was written");
    ada.gsync(&["guard", "allow", &print, "--reason", "revoked", "--expires", "2999-01-01"])
        .exits(0);
    ada.gsync(&["guard"]).exits(0);
    let text = ada.read(".gsync.toml");
    assert!(
        text.starts_with("# ours\n[work]\nbase_drift = 7 # days\n\n[[guard.allow]]\n"),
        "{text}"
    );
    ada.gsync(&["undo"]).exits(0);
    ada.gsync(&["guard"]).exits(1);
}

#[test]
fn a_baseline_lets_the_past_pass_and_nothing_new() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.commit("old", &token(20), "long ago");
    ada.git(&["rm", "-q", "old"]);
    ada.commit_all("gone");
    let seen = ada.gsync(&["guard", "--history"]).exits(1).says("old in").says_not(&token(20));
    seen.says("hint: let all secrets pass that are there already: `gsync guard baseline`")
        .says("3 commits, 2 files judged: refused");
    ada.gsync(&["guard", "baseline"]).exits(0).says("commit and push .gsync/baseline.json");
    assert!(!ada.read(".gsync/baseline.json").contains(&token(20)));
    ada.gsync(&["guard", "--history"]).exits(0);
    // The hub takes it from the branch as it stands before the push.
    ada.commit_all("baseline");
    ada.push();
    hook(&lab.hub(), ".", "pre-receive");
    ada.commit("old", &token(20), "again");
    ada.git(&["push", "-q", "origin", "main"]);
    ada.commit("new", &token(21), "new");
    ada.try_git(&["push", "origin", "main"]).exits(1).says("new in").says_not("old in");
    ada.write(".gsync/baseline.json", "{\"fingerprints\": 5}");
    ada.gsync(&["guard"]).exits(2).says(".gsync/baseline.json:1: not a baseline");
}

#[test]
fn rules_of_a_team_are_added_changed_and_named_if_they_cannot_work() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.write("a", "key = acme_0123456789\n");
    ada.git(&["add", "."]);
    let rule = "[[guard.rule]]\nid = \"acme\"\nabout = \"Acme key\"\nkeywords = [\"acme_\"]\n";
    ada.write(".gsync.toml", format!("{rule}regex = 'acme_[0-9]{{10}}'\n"));
    ada.gsync(&["guard"]).exits(1).says("a has a secret (Acme key) in line 1: acm…");
    ada.write(".gsync.toml", format!("{rule}regex = 'acme_('\n"));
    ada.gsync(&["guard"]).exits(2).says("the rule `acme` has a regex that is not valid");
    ada.write(".gsync.toml", format!("{rule}regex = '((a{{1000}}){{1000}}){{1000}}'\n"));
    ada.gsync(&["guard"]).exits(2).says("too large");
}

#[test]
fn what_is_not_judged_in_time_is_refused() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.commit(".gsync.toml", "[guard]\ntime_limit = \"0s\"\n", "no time");
    ada.push();
    hook(&lab.hub(), ".", "pre-receive");
    ada.commit("a", "a", "fine");
    ada.try_git(&["push", "origin", "main"])
        .exits(1)
        .says("0 of 1 commit judged in 0ns")
        .says("what was not judged does not pass");
}

#[test]
fn the_sarif_report_says_rule_line_and_fingerprint() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.write("a b", format!("x\nkey = {}\n", token(30)));
    ada.git(&["add", "."]);
    let report = ada.gsync(&["guard", "--format", "sarif"]).exits(1).says_not(&token(30)).json();
    assert_eq!(report["version"], "2.1.0");
    let run = &report["runs"][0];
    let result = &run["results"][0];
    assert_eq!(result["ruleId"], "github-token");
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert!(rules.iter().any(|rule| rule["id"] == "github-token"));
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "a%20b");
    assert_eq!(place["region"]["startLine"], 2);
    assert_eq!(result["partialFingerprints"]["gsync/v1"].as_str().unwrap().len(), 16);
}

#[test]
fn nothing_that_a_run_prints_or_leaves_contains_the_secret() {
    let lab = Lab::new();
    let ada = lab.member("ada");
    hook(&lab.hub(), ".", "pre-receive");
    ada.commit_all("gsync");
    ada.push();
    let secret = token(40);
    let mut said = String::new();
    ada.write("a", format!("key = {secret}\n"));
    ada.git(&["add", "a"]);
    said += &ada.try_git(&["commit", "-m", "x"]).exits(1).all();
    said += &ada.gsync(&["guard", "--json"]).all();
    said += &ada.gsync(&["guard", "--all", "--verbose"]).all();
    said += &ada.gsync(&["guard", "--format", "sarif"]).all();
    said += &ada.gsync(&["finish", "-m", "x"]).exits(1).all();
    ada.git(&["rm", "-q", "--cached", "a"]);
    ada.write("b", "fine");
    ada.git(&["add", "b"]);
    said += &ada.gsync(&["finish", "-m", &format!("token {secret}")]).exits(1).all();
    said += &ada.gsync(&["guard", "allow", &secret, "--reason", &secret]).exits(2).all();
    ada.commit("c", &secret, &format!("with {secret}"));
    for arg in ["push", "finish"] {
        said += &ada.gsync(&[arg]).all();
    }
    said += &ada.try_git(&["push", "origin", "main"]).exits(1).all();
    said += &ada.try_git(&["push", "--no-verify", "origin", "main"]).exits(1).all();
    said += &ada.gsync(&["log"]).all();
    assert!(said.contains("ghp_…"), "{said}");
    assert!(!said.contains(&secret), "{said}");
    for dir in [ada.path(".git/gsync"), lab.path("hub.git/gsync"), lab.path("home")] {
        if dir.exists() {
            assert!(!crate::lab::picture(&dir).contains(&secret), "{}", dir.display());
        }
    }
}

#[test]
fn in_many_versions_of_a_file_exactly_those_are_named_that_bring_it() {
    for count in [40, 300] {
        let lab = Lab::new();
        let ada = lab.person("ada");
        let secret = token(9);
        let (add, remove, again) = (count / 4, count / 2, count - 5);
        let mut stream = String::new();
        for n in 0..count {
            let leaks = (add..remove).contains(&n) || n == again;
            // What is added again is the same content as before it was removed.
            let last = if n == again { remove - 1 } else { n };
            let key = if leaks { format!("key = {secret}\n") } else { String::new() };
            let text: String = (0..30).map(|line| format!("line {}\n", line * last)).collect();
            let text = format!("{text}{key}the end {last}\n");
            stream += "commit refs/heads/main\n";
            stream += &format!("committer A <a@example.org> {} +0000\n", 1_700_000_000 + n);
            stream += &format!("data 5\nc{n:04}\n");
            stream += if n == 0 { "from refs/heads/main^0\n" } else { "" };
            stream += &format!("M 644 inline f\ndata {}\n{text}\n", text.len());
        }
        std::fs::write(lab.path("stream"), stream).unwrap();
        let before = ada.git(&["rev-parse", "main"]);
        let _ = ada.sh("git fast-import --quiet < ../stream").exits(0);
        ada.git(&["repack", "-q", "-d"]);
        let range = format!("{}..main", before.trim());
        let seen = ada.gsync(&["guard", "--range", &range, "--json"]).exits(1);
        let all = ada.git(&["rev-list", "--reverse", &range]);
        let ids: Vec<&str> = all.lines().collect();
        assert_eq!(ids.len(), count);
        let json = seen.json();
        let found = json["findings"].as_array().unwrap();
        let mut named: Vec<&str> =
            found.iter().map(|found| found["commit"].as_str().unwrap()).collect();
        named.dedup();
        assert_eq!(named, [ids[add], ids[again]], "{count}");
    }
}
