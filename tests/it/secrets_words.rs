//! How a finding is told: whose message or name it is in, in which line of it, and one
//! fingerprint of a key however its lines are written.

use crate::lab::Lab;
use crate::leaks::{Side, guarded};
use crate::secrets::token;

#[test]
fn lines_of_a_message_are_counted_from_its_first_one_and_names_have_none() {
    let lab = Lab::new();
    let ada = guarded(&lab, Side::Client);
    let push = ["push", "origin", "HEAD:main", "--tags"];
    ada.git(&["commit", "-q", "--allow-empty", "-m", &format!("key {}", token(80))]);
    let id = ada.git(&["rev-parse", "--short=7", "HEAD"]);
    let says = format!("{id} has a secret (GitHub token) in line 1 of the message: ghp_…");
    ada.try_git(&push).exits(1).says(&says);
    let text = format!("subject\n\nbody {}", token(81));
    ada.git(&["commit", "-q", "--allow-empty", "--amend", "-m", &text]);
    ada.try_git(&push).exits(1).says("in line 3 of the message: ghp_…");
    // Of a name.
    let author = format!("--author={} <a@example.org>", token(82));
    ada.git(&["commit", "-q", "--allow-empty", "--amend", "-m", "fine", &author]);
    let seen = ada.try_git(&push).exits(1).says("the author's name of ").says_not("in line");
    let seen = seen.says("has a secret (GitHub token): ghp_…").says_not(&token(82));
    seen.says("git commit --amend --reset-author");
    ada.git(&["commit", "-q", "--allow-empty", "--amend", "-m", "fine", "--reset-author"]);
    // Of a tag.
    ada.git(&["tag", "-a", "-m", &format!("one\ntwo {}", token(83)), "v1"]);
    let seen = ada.try_git(&push).exits(1);
    let _ = seen.says("refs/tags/v1 has a secret (GitHub token) in line 2 of the message: ghp_…");
    ada.git(&["tag", "-d", "v1"]);
    // Of a ref and of a file: what the rest of the name is can be seen.
    let to = format!("HEAD:refs/heads/fix-{}", token(84));
    let seen = ada.try_git(&["push", "origin", &to]).exits(1).says_not("in line");
    let seen = seen.says("the name of refs/heads/fix-ghp_… has a secret (GitHub token): ghp_…");
    let _ = seen.says_not("the name of a ref");
    ada.write(&format!("{}.txt", token(85)), "x");
    let seen = ada.gsync(&["guard", "--all"]).exits(1).says_not("in line");
    seen.says("has a name with a secret (GitHub token): ghp_…");
}

#[test]
fn one_exception_covers_a_key_however_its_lines_are_written() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    let mut random = fastrand::Rng::with_seed(86);
    let mut line = |n| (0..n).map(|_| random.alphanumeric()).collect::<String>();
    let lines: Vec<String> = [64, 64, 64, 64, 20].map(&mut line).to_vec();
    let kind = ["PRIVATE", "KEY"].join(" ");
    let key = |end: &str| {
        let (first, last) = (format!("-----BEGIN {kind}-----"), format!("-----END {kind}-----"));
        [&[first][..], &lines, &[last]].concat().join(end)
    };
    let prints = || {
        let json = ada.gsync(&["guard", "--all", "--json"]).exits(1).json();
        let found = json["findings"].as_array().unwrap().clone();
        let print = |found: &serde_json::Value| found["secret"]["fingerprint"].clone();
        found.iter().map(print).collect::<Vec<_>>()
    };
    ada.write("a", format!("{}\n", key("\n")));
    let first = prints();
    assert_eq!(first.len(), 1);
    ada.write("b", format!("{}\r\n", key("\r\n")));
    ada.write("c.yml", format!("key: |\n  {}\n", key("\n  ")));
    ada.write("d.env", format!("KEY=\"{}\"\n", key("\\n")));
    ada.write("e.js", format!("const key = \"{}\";\n", key("\\n\" +\n  \"")));
    let all = prints();
    assert_eq!(all.len(), 5);
    assert!(all.iter().all(|print| *print == first[0]), "{all:?}");
    let print = first[0].as_str().unwrap();
    ada.gsync(&["guard", "allow", print, "--reason", "revoked"]).exits(0);
    ada.gsync(&["guard", "--all"]).exits(0);
}
