//! The seven ways in which a protected file gets past hooks that look at the work tree: each is
//! stopped by the hook of the clone, and by the hub where the clone has none.

use crate::lab::{Lab, Person};

/// Writes a hook that calls the program under test.
pub fn hook(person: &Person<'_>, dir: &str, name: &str) {
    let program = env!("CARGO_BIN_EXE_gsync");
    let text = format!("#!/bin/sh\nexec '{program}' hook {name} \"$@\"\n");
    person.script(&format!("{dir}/hooks/{name}"), &text);
}

/// Who judges.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Side {
    Client,
    Hub,
    /// The hub, which gets a pack instead of loose objects.
    HubWithPack,
}

pub const SIDES: [Side; 3] = [Side::Client, Side::Hub, Side::HubWithPack];

/// Ada, whose pushes this side judges.
pub fn guarded(lab: &Lab, side: Side) -> Person<'_> {
    let ada =
        if lab.path("ada").exists() { lab.at("ada", lab.path("ada")) } else { lab.person("ada") };
    match side {
        Side::Client => hook(&ada, ".git", "pre-push"),
        Side::Hub | Side::HubWithPack => {
            hook(&lab.hub(), ".", "pre-receive");
            if side == Side::HubWithPack {
                lab.hub().git(&["config", "receive.unpackLimit", "1"]);
            }
        }
    }
    ada
}

/// Every side refuses this push, names the file, and the hub does not move.
#[track_caller]
fn leak(prepare: impl Fn(&Person<'_>), push: &[&str]) {
    for side in SIDES {
        let lab = Lab::new();
        let ada = guarded(&lab, side);
        prepare(&ada);
        let before = lab.hub().git(&["for-each-ref"]);
        let args: Vec<&str> = ["push", "origin"].into_iter().chain(push.iter().copied()).collect();
        ada.try_git(&args).exits(1).says("protected file").says(".env").says("matches `.env`");
        assert_eq!(lab.hub().git(&["for-each-ref"]), before, "{side:?}");
    }
}

#[test]
fn in_the_second_ref_of_a_push() {
    let prepare = |ada: &Person<'_>| {
        ada.commit("a", "a", "fine");
        ada.git(&["checkout", "-q", "-b", "second"]);
        ada.commit(".env", "KEY=1", "leak");
        ada.git(&["checkout", "-q", "main"]);
    };
    leak(prepare, &["main", "second"]);
}

#[test]
fn on_a_branch_that_is_not_checked_out() {
    let prepare = |ada: &Person<'_>| {
        ada.git(&["checkout", "-q", "-b", "other"]);
        ada.commit(".env", "KEY=1", "leak");
        ada.git(&["checkout", "-q", "main"]);
    };
    leak(prepare, &["other"]);
}

#[test]
fn as_a_raw_id() {
    for side in SIDES {
        let lab = Lab::new();
        let ada = guarded(&lab, side);
        let leak = ada.commit(".env", "KEY=1", "leak");
        ada.git(&["reset", "-q", "--hard", "HEAD^"]);
        let refspec = format!("{leak}:refs/heads/x");
        ada.try_git(&["push", "origin", &refspec]).exits(1).says(".env in").says(&leak[..7]);
        assert_eq!(lab.hub().git(&["for-each-ref", "refs/heads/x"]), "");
    }
}

#[test]
fn by_an_annotated_tag_alone() {
    let prepare = |ada: &Person<'_>| {
        ada.commit(".env", "KEY=1", "leak");
        ada.git(&["tag", "-a", "-m", "v1", "v1"]);
        ada.git(&["reset", "-q", "--hard", "HEAD^"]);
    };
    leak(prepare, &["v1"]);
}

#[test]
fn added_and_removed_again_inside_the_push() {
    let prepare = |ada: &Person<'_>| {
        ada.commit(".env", "KEY=1", "leak");
        ada.git(&["rm", "-q", ".env"]);
        ada.git(&["commit", "-q", "-m", "nothing happened"]);
    };
    leak(prepare, &["main"]);
}

#[test]
fn committed_but_gone_from_the_work_tree() {
    let prepare = |ada: &Person<'_>| {
        ada.commit(".env", "KEY=1", "leak");
        std::fs::remove_file(ada.path(".env")).unwrap();
    };
    leak(prepare, &["main"]);
}

#[test]
fn on_a_branch_without_the_configuration_file() {
    for side in SIDES {
        let lab = Lab::new();
        let ada = lab.person("ada");
        // Not among the built-in rules: only the file on main can know.
        ada.commit(".gsync.toml", "[guard]\nprotected = [\"plan.txt\"]\n", "rules");
        ada.push();
        drop(ada);
        let ada = guarded_again(&lab, side);
        ada.git(&["checkout", "-q", "-b", "old", "HEAD^"]);
        ada.commit("plan.txt", "secret", "leak");
        assert!(!ada.path(".gsync.toml").exists());
        ada.try_git(&["push", "origin", "old"]).exits(1).says("matches `plan.txt`");
        assert_eq!(lab.hub().git(&["for-each-ref", "refs/heads/old"]), "", "{side:?}");
    }
}

/// The same clone as before, now with hooks.
fn guarded_again(lab: &Lab, side: Side) -> Person<'_> {
    let ada = lab.at("ada", lab.path("ada"));
    match side {
        Side::Client => hook(&ada, ".git", "pre-push"),
        _ => hook(&lab.hub(), ".", "pre-receive"),
    }
    ada
}

#[test]
fn what_is_clean_passes_every_side_with_a_word_on_how_much_was_judged() {
    for side in SIDES {
        let lab = Lab::new();
        let ada = guarded(&lab, side);
        ada.commit("a", "a", "fine");
        ada.commit(".env.example", "KEY=", "fine");
        ada.git(&["tag", "-a", "-m", "v1", "v1"]);
        ada.git(&["push", "-q", "origin", "main", "v1"]);
        assert_eq!(lab.hub().git(&["rev-parse", "main"]), ada.git(&["rev-parse", "HEAD"]));
    }
}

#[test]
fn a_push_may_not_leave_the_hub_with_rules_that_nobody_can_read() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    lab.hub().gsync(&["install"]).exits(0);
    ada.commit(".gsync.toml", "x = [\n", "broken rules");
    ada.try_git(&["push", "origin", "main"]).exits(1).says(".gsync.toml:1");
}
