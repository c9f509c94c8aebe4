//! Contents with more in them than anybody wants to be told: what is new is found among any number
//! of old secrets, and what does not fit into one look is seen all the same.

use crate::lab::{Lab, Person};
use crate::leaks::{SIDES, guarded, hook};
use crate::secrets::token;

/// A file with so many tokens, one a line.
fn tokens(seeds: std::ops::Range<u64>) -> String {
    seeds.map(|seed| format!("key{seed} = {}\n", token(1000 + seed))).collect()
}

/// Rules that let large files pass are the hub's.
fn rules(ada: &Person<'_>, text: &str) {
    ada.commit(".gsync.toml", text, "rules");
    ada.push();
}

#[test]
fn a_new_secret_is_found_among_hundreds_that_stood_there_before() {
    for side in SIDES {
        let lab = Lab::new();
        let ada = lab.person("ada");
        let old = tokens(0..250);
        ada.commit("old", &old, "what nobody looked at");
        ada.push();
        drop(ada);
        let ada = guarded(&lab, side);
        // A change beside them is no news.
        ada.commit("old", &format!("# a remark\n{old}"), "fine");
        ada.git(&["push", "-q", "origin", "main"]);
        let secret = token(3);
        ada.commit("old", &format!("# a remark\n{old}new = {secret}\n"), "leak");
        ada.try_git(&["push", "origin", "main"])
            .exits(1)
            .says("in line 252")
            .says_not("in line 2:")
            .says_not(&secret);
    }
}

#[test]
fn a_new_secret_is_found_among_hundreds_that_a_baseline_lets_pass() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.commit("old", &tokens(0..230), "what nobody looked at");
    ada.gsync(&["guard", "baseline"]).exits(0);
    ada.commit_all("baseline");
    ada.push();
    hook(&ada, ".git", "pre-push");
    // Nothing stood at that place before: only the baseline knows them.
    ada.git(&["mv", "old", "moved"]);
    ada.commit_all("moved");
    ada.git(&["push", "-q", "origin", "main"]);
    let text = format!("{}new = {}\n", tokens(0..230), token(4));
    ada.commit("copy", &text, "leak");
    ada.try_git(&["push", "origin", "main"]).exits(1).says("in line 231").says_not("in line 3:");
}

#[test]
fn more_secrets_than_are_told_one_by_one_pass_only_by_their_place() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    let text = tokens(0..5100);
    ada.commit("many", &text, "what nobody looked at");
    ada.push();
    hook(&lab.hub(), ".", "pre-receive");
    ada.commit("many", &format!("{text}new = {}\n", token(5)), "leak");
    ada.try_git(&["push", "origin", "main"])
        .exits(1)
        .says("more than 5000 secrets")
        .says("path = \"/many\"");
    // An exception that comes with them is none.
    ada.commit(".gsync.toml", "[[guard.allow]]\nrule = \"secret\"\npath = \"many\"\n", "mine");
    ada.try_git(&["push", "origin", "main"]).exits(1).says("more than 5000 secrets");
    // One that the hub has is one.
    ada.git(&["reset", "-q", "--hard", "HEAD~2"]);
    rules(&ada, "[[guard.allow]]\nrule = \"secret\"\npath = \"many\"\n");
    ada.commit("many", &format!("{text}new = {}\n", token(5)), "leak");
    ada.git(&["push", "-q", "origin", "main"]);
}

#[test]
fn a_conflict_is_seen_however_far_its_markers_are_from_each_other() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    rules(&ada, "[guard]\nmax_file_size = \"1GB\"\n");
    let before = ada.git(&["rev-parse", "main"]);
    let far = "some words on a line\n".repeat((17 << 20) / 21);
    let text = format!("a\n<<<<<<< HEAD\n{far}=======\n{far}>>>>>>> main\n");
    ada.git(&["config", "core.bigFileThreshold", "1m"]);
    ada.commit("large", &text, "conflict");
    let range = format!("{}..main", before.trim());
    for line in [&["guard", "--range", &range][..], &["guard", "--all"]] {
        ada.gsync(line).exits(1).says("has conflict markers from line 2 on");
    }
    ada.write(".gsync.toml", "[guard]\nmax_file_size = \"1GB\"\nsecrets = false\n");
    ada.gsync(&["guard", "--all"]).exits(1).says("has conflict markers from line 2 on");
}
