//! The guard: what is refused, by whose rules, and what a person is told.

use crate::lab::{Lab, Person};
use crate::leaks::hook;

fn committer<'lab>(lab: &'lab Lab) -> Person<'lab> {
    let ada = lab.person("ada");
    hook(&ada, ".git", "pre-commit");
    ada
}

#[test]
fn a_protected_file_is_refused_at_the_commit_with_the_way_out() {
    let lab = Lab::new();
    let ada = committer(&lab);
    ada.write(".env", "KEY=1");
    ada.write("ok", "fine");
    ada.git(&["add", "-f", ".env", "ok"]);
    let seen = ada.try_git(&["commit", "-m", "x"]).exits(1);
    assert_eq!(
        seen.stderr,
        "error: this commit would add a protected file\n\
         because: .env matches `.env` in the built-in rules\n\
         hint: git restore --staged .env\n\
         hint: allow it in .gsync.toml under [guard]: allow = \
         [{ path = \"/.env\", rule = \"protected-file\" }]\n"
    );
    ada.git(&["restore", "--staged", ".env"]);
    ada.git(&["commit", "-q", "-m", "x"]);
}
