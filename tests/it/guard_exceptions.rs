//! What lets findings pass: exceptions and the baseline, how they are written, and what is said
//! where they make no sense.

use crate::lab::Lab;
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
