//! A `.gsync.toml` that makes no sense: it is said, judged by nobody, and locks nobody out.

use crate::lab::{Lab, Person};

/// What one who broke the rules pushed, in a clone that had good ones.
fn broken_rules<'lab>(lab: &'lab Lab, good: &str) -> Person<'lab> {
    let ada = lab.member("ada");
    ada.commit(".gsync.toml", good, "rules");
    ada.push();
    ada.gsync(&["status"]).exits(0);
    let bob = lab.person("bob");
    bob.git(&["pull", "-q"]);
    bob.commit(".gsync.toml", "[hub]\nremot = \"x\"\n", "broken");
    bob.push();
    ada
}

#[test]
fn rules_that_came_in_broken_are_said_and_lock_nobody_out() {
    let lab = Lab::new();
    let ada = broken_rules(&lab, "[guard]\nprotected_branches = [\"main\", \"kept\"]\n");
    let good = ada.git(&["rev-parse", "HEAD"]);
    let broken = ".gsync.toml:2: unknown key `remot`";
    let seen = ada.gsync(&["start"]).exits(0);
    let seen = seen.says("what came in leaves settings that make no sense").says(broken);
    seen.says("write `remote`").says("gsync undo");
    // Everything that leads out of it works, and says what it goes by.
    let instead = format!("the settings of {} hold meanwhile", &good[..7]);
    for args in [&["status"][..], &["pull"], &["start"], &["undo", "--dry-run"], &["discard"]] {
        ada.gsync(args).exits(0).says(broken).says(&instead);
    }
    ada.gsync(&["rescue"]).exits(0);
    ada.gsync(&["log"]).exits(0);
    ada.gsync(&["doctor"]).exits(1).says(broken).says(&instead);
    ada.gsync(&["status", "--json"]).exits(0).json();
    // Who judges does not guess.
    ada.gsync(&["guard", "--all"]).exits(2).says(broken);
    ada.write("x", "x\n");
    ada.git(&["add", "x"]);
    ada.try_git(&["commit", "-m", "x"]).exits(1).says(broken);
    ada.gsync(&["finish", "-m", "x"]).exits(2).says(broken);
    ada.git(&["rm", "-q", "-f", "x"]);
    ada.gsync(&["undo"]).exits(0).says(broken);
    assert_eq!(ada.git(&["rev-parse", "HEAD"]), good);
    ada.gsync(&["status"]).exits(0).says_not(broken);

    // Fetched by git itself, and mended by somebody else.
    let said = ada.try_git(&["pull", "-q"]).exits(0).all();
    assert!(said.contains(broken) && said.contains("broken"), "{said}");
    let bob = lab.at("bob", lab.path("bob"));
    bob.commit(".gsync.toml", "", "mended");
    bob.push();
    let seen = ada.gsync(&["pull", "--json"]).exits(0);
    assert!(seen.json()["warnings"].is_null(), "{}", seen.all());
    ada.gsync(&["status"]).exits(0).says_not(broken);
    // And for programs.
    bob.commit(".gsync.toml", "[hub\n", "broken again");
    bob.push();
    let told = ada.gsync(&["pull", "--json"]).exits(0).json();
    assert!(
        told["warnings"][0].as_str().is_some_and(|line| line.contains(".gsync.toml:1")),
        "{told}"
    );
}

#[test]
fn rules_that_were_never_valid_leave_the_built_in_ones() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.write(".gsync.toml", "[hub\n");
    ada.gsync(&["status"]).exits(0).says("the built-in settings hold meanwhile");
    ada.commit(".gsync.toml", "[hub\n", "broken");
    ada.gsync(&["pull"]).exits(0).says("the built-in settings hold meanwhile");
}
