//! What lets findings pass: exceptions and the baseline, how they are written, and what is said
//! where they make no sense.

use crate::lab::{Lab, Person};
use crate::leaks::hook;
use crate::secrets::token;

const BASELINE: &str = ".gsync/baseline.json";

#[test]
fn a_broken_baseline_is_made_anew_by_what_its_hint_says() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.commit("old", &token(60), "long ago");
    ada.write(BASELINE, "junk\n");
    let seen = ada.gsync(&["guard", "--all"]).exits(2).says("baseline.json:1: not a baseline");
    seen.says("hint: make it anew: `gsync guard baseline`");
    ada.gsync(&["guard", "baseline"]).exits(0);
    ada.gsync(&["guard", "--all"]).exits(0);
    ada.gsync(&["undo"]).exits(0);
    assert_eq!(ada.read(BASELINE), "junk\n");
    std::fs::remove_file(ada.path(BASELINE)).unwrap();
    std::fs::create_dir(ada.path(BASELINE)).unwrap();
    for args in [&["guard", "--all"][..], &["guard", "baseline"]] {
        let seen = ada.gsync(args).exits(2).says("baseline.json is a directory");
        seen.says("hint: put it elsewhere: `mv .gsync/baseline.json");
    }
}

#[test]
fn a_hub_takes_no_baseline_that_nobody_can_read_and_lets_one_be_mended() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    hook(&lab.hub(), ".", "pre-receive");
    ada.commit(BASELINE, "junk\n", "broken");
    let seen = ada.try_git(&["push", "--no-verify", "origin", "main"]).exits(1);
    let _ = seen.says("main:.gsync/baseline.json:1: not a baseline");
    // One that got in before anybody looked.
    std::fs::remove_file(lab.hub().path("hooks/pre-receive")).unwrap();
    ada.push();
    hook(&lab.hub(), ".", "pre-receive");
    ada.commit("a", "a\n", "not about it");
    ada.git(&["push", "-q", "--no-verify", "origin", "main"]);
    ada.commit(BASELINE, "{\"gsync\": 1, \"fingerprints\": []}\n", "mended");
    ada.git(&["push", "-q", "origin", "main"]);
    ada.commit(BASELINE, "junk again\n", "broken again");
    ada.try_git(&["push", "--no-verify", "origin", "main"]).exits(1).says("not a baseline");
}

#[test]
fn a_baseline_of_nothing_is_not_written() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    let seen = ada.gsync(&["guard", "baseline"]).exits(0).says("nothing to do");
    seen.says_not("these values pass");
    assert!(!ada.path(BASELINE).exists());
}

/// The fingerprint of what is found in the work tree.
fn print_of(ada: &Person<'_>) -> String {
    let json = ada.gsync(&["guard", "--all", "--json"]).exits(1).json();
    json["findings"][0]["secret"]["fingerprint"].as_str().unwrap().to_owned()
}

#[test]
fn an_exception_that_comes_together_with_its_secret_is_too_late_and_both_sides_say_so() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    hook(&lab.hub(), ".", "pre-receive");
    ada.write("a", format!("key = {}\n", token(61)));
    let print = print_of(&ada);
    ada.gsync(&["guard", "allow", &print, "--reason", "revoked"]).exits(0);
    let together = "hint: .gsync.toml allows it, but the hub judges by its main branch: commit \
                    what allows it by itself, and bring it to main first";
    // In one commit.
    ada.commit_all("both");
    ada.try_git(&["push", "origin", "main"]).exits(1).says(together).says_not("guard allow");
    hook(&ada, ".git", "pre-push");
    let seen = ada.try_git(&["push", "origin", "main"]).exits(1).says("warning: ");
    assert_eq!(seen.stderr.matches(together).count(), 2, "said here and there: {}", seen.stderr);
    ada.gsync(&["finish"]).exits(3).says(together.strip_prefix("hint: ").unwrap());
    // In two: the first can go before.
    ada.git(&["reset", "-q", "HEAD~1"]);
    ada.git(&["add", ".gsync.toml"]);
    ada.git(&["commit", "-q", "-m", "the exception"]);
    let first = ada.git(&["rev-parse", "--short=7", "HEAD"]);
    ada.commit_all("the secret");
    let way = format!("push that commit first: `git push origin {first}:main`");
    for verify in [&["push", "origin", "main"][..], &["push", "--no-verify", "origin", "main"]] {
        ada.try_git(verify).exits(1).says(&way);
    }
    ada.git(&["push", "-q", "origin", &format!("{first}:main")]);
    ada.git(&["push", "-q", "origin", "main"]);
}

#[test]
fn the_same_holds_for_files_and_for_a_baseline_and_what_is_known_is_no_news() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    hook(&ada, ".git", "pre-push");
    ada.commit(BASELINE, "{\"gsync\": 1, \"fingerprints\": []}\n", "nothing yet");
    ada.push();
    let says = "allows it, but the hub judges by its main branch";
    ada.write(
        ".gsync.toml",
        "[guard]\nallow = [{ path = \"/.env\", rule = \"protected-file\" }]\n",
    );
    ada.write(".env", "x\n");
    ada.commit_all("both");
    hook(&lab.hub(), ".", "pre-receive");
    let seen = ada.try_git(&["push", "origin", "main"]).exits(1).says(".env");
    let seen = seen.says("warning: this push would publish a protected file");
    assert_eq!(seen.stderr.matches(says).count(), 2, "said here and there: {}", seen.stderr);
    std::fs::remove_file(lab.hub().path("hooks/pre-receive")).unwrap();
    // Another remote has no such main branch.
    lab.hub().git(&["init", "-q", "--bare", "../other"]);
    ada.git(&["push", "-q", "../other", "main"]);
    ada.try_git(&["push", "origin", "main"]).exits(0).says(says);
    ada.commit(".env", "y\n", "it is on the hub by now");
    ada.push();
    ada.write("a", format!("key = {}\n", token(62)));
    let print = print_of(&ada);
    ada.write(BASELINE, format!("{{\"gsync\": 1, \"fingerprints\": [\"{print}\"]}}\n"));
    ada.commit_all("both again");
    ada.try_git(&["push", "origin", "main"]).exits(0).says("warning: ").says(says).says("GitHub");
    ada.commit("a", "a\n", "it is out again");
    ada.push();
}

#[test]
fn an_exception_without_a_reason_of_one_line_is_not_written() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    for (reason, says) in [("", "a reason says why"), (" ", "says why"), ("a\nb", "is one line")] {
        let allow = ["guard", "allow", "0123456789abcdef", "--reason", reason];
        ada.gsync(&allow).exits(2).says(says);
    }
    assert!(!ada.path(".gsync.toml").exists());
    ada.write(".gsync.toml", "[hub]\r\nbranch = \"main\"\r\n");
    ada.gsync(&["guard", "allow", "0123456789abcdef", "--reason", "made up"]).exits(0);
    assert!(ada.read(".gsync.toml").replace("\r\n", "").lines().count() == 1);
}

#[test]
fn of_many_findings_each_way_out_is_told_and_not_one_way_three_times() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    (0..5).for_each(|n| ada.write(&format!("f{n}"), token(63 + n)));
    ada.git(&["add", "."]);
    let seen = ada.gsync(&["guard"]).exits(1).says("5 secrets").says("hint: take it out");
    seen.says("hint: make it useless").says("hint: let this value pass: `gsync guard allow ");
}

#[test]
fn rules_and_exceptions_that_would_do_something_else_than_was_meant_are_named() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    for (text, says) in [
        ("[[guard.allow]]\nrule = \"secret\"\n", "needs a path or a fingerprint"),
        ("[[guard.rule]]\nid = \"githubtoken\"\noff = true\n", "nearest is `github-token`"),
        ("[[guard.secrets]]\nid = \"acme\"\n", "write `[[guard.rule]]`"),
    ] {
        ada.write(".gsync.toml", text);
        ada.gsync(&["guard"]).exits(2).says(says).says(".gsync.toml:");
    }
}
