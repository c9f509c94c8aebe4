//! Many contents judged by what is new in each of them: the outcome is as if each were searched
//! from its beginning to its end, however they are stored.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::lab::{Lab, Person};
use crate::secrets::token;

fn path(at: usize) -> String {
    format!("{}f{at}", ["", "a/", "a/b/"][at % 3])
}

/// Random commits in one line of history, with tokens here and there. What each commit brings:
/// its number, the path, and the number of the token.
fn grow(ada: &Person<'_>, commits: usize, seed: u64) -> BTreeSet<(usize, String, u64)> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut files: Vec<Vec<String>> = vec![Vec::new(); 6];
    let (mut stream, mut brought) = (String::new(), BTreeSet::new());
    for n in 0..commits {
        let _ = write!(
            stream,
            "commit refs/heads/main\ncommitter A <a@example.org> {} +0000\ndata 1\nc\n",
            1_700_000_000 + n
        );
        stream += if n == 0 { "from refs/heads/main^0\n" } else { "" };
        let before = files.clone();
        for _ in 0..random.usize(1..3) {
            let at = random.usize(..files.len());
            // Sometimes it becomes like another file, with all that is in there.
            if random.u8(..12) == 0 {
                let other = files[random.usize(..6)].clone();
                files[at] = other;
            }
            for _ in 0..random.usize(1..5) {
                let lines = &mut files[at];
                let place = random.usize(..=lines.len());
                match random.u8(..12) {
                    0 => lines.insert(place, format!("key = {}", token(random.u64(..5)))),
                    1 | 2 if place < lines.len() => drop(lines.remove(place)),
                    3 if lines.len() > 8 => lines[..8].reverse(),
                    4 => lines.insert(place, "machine h.example login ada".into()),
                    5 => lines.insert(place, "x".repeat(70)),
                    _ => lines.insert(place, format!("let n{} = {n};", random.u16(..))),
                }
            }
            let text = files[at].join("\n") + "\n";
            let _ = write!(stream, "M 644 inline {}\ndata {}\n{text}\n", path(at), text.len());
        }
        for (at, (now, before)) in files.iter().zip(&before).enumerate() {
            for number in 0..5 {
                let line = format!("key = {}", token(number));
                if now.contains(&line) && !before.contains(&line) {
                    brought.insert((n, path(at), number));
                }
            }
        }
    }
    std::fs::write(ada.path("../stream"), stream).unwrap();
    let _ = ada.sh("git fast-import --quiet < ../stream").exits(0);
    brought
}

#[test]
fn what_is_found_by_increments_is_what_was_brought_however_it_is_stored() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    let before = ada.git(&["rev-parse", "main"]);
    let brought = grow(&ada, 80, 1);
    let range = format!("{}..main", before.trim());
    let ids = ada.git(&["rev-list", "--reverse", &range]);
    let ids: Vec<&str> = ids.lines().collect();
    assert_eq!(ids.len(), 80);
    let _ = ada.sh("mv .git/objects/pack/*.pack ../pack && rm -f .git/objects/pack/*").exits(0);
    let mut last = String::new();
    for store in [
        "git unpack-objects -q < ../pack",
        "git repack -qadf --depth=50 --window=50",
        "git repack -qadf --depth=1",
    ] {
        let _ = ada.sh(store).exits(0);
        let seen = ada.gsync(&["guard", "--range", &range, "--json"]).exits(1);
        let json = seen.json();
        let found = json["findings"].as_array().unwrap();
        let mut named = BTreeSet::new();
        for found in found {
            let n = ids.iter().position(|id| found["commit"] == **id).unwrap();
            let path = found["path"].as_str().unwrap().to_owned();
            let shown = found["secret"]["fingerprint"].as_str().unwrap().to_owned();
            named.insert((n, path, shown));
        }
        let right: BTreeSet<(usize, &str)> =
            brought.iter().map(|(n, path, _)| (*n, &path[..])).collect();
        let all: BTreeSet<(usize, &str)> =
            named.iter().map(|(n, path, _)| (*n, &path[..])).collect();
        assert_eq!(all, right, "{store}");
        assert_eq!(named.len(), brought.len(), "{store}");
        let all = json["findings"].to_string();
        assert!(last.is_empty() || last == all, "{store}");
        last = all;
    }
    assert!(brought.len() > 8, "{}", brought.len());
}

#[test]
fn of_many_commits_none_passes_when_the_time_is_over() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    let before = ada.git(&["rev-parse", "main"]);
    grow(&ada, 300, 9);
    ada.write(".gsync.toml", "[guard]\ntime_limit = \"0s\"\n");
    ada.gsync(&["guard", "--range", &format!("{}..main", before.trim())])
        .exits(1)
        .says("0 of 300 commits judged in 0ns")
        .says("what was not judged does not pass");
}

#[test]
fn what_is_too_large_to_be_held_is_searched_piece_by_piece() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.commit(".gsync.toml", "[guard]\nmax_file_size = \"1GB\"\n", "large files");
    let before = ada.git(&["rev-parse", "main"]);
    // One line, with the secret far behind.
    let text = format!("{} key = {} {}\n", ".".repeat(30 << 20), token(3), ".".repeat(4 << 20));
    ada.write("large", &text);
    ada.git(&["config", "core.bigFileThreshold", "1m"]);
    ada.commit_all("large");
    let range = format!("{}..main", before.trim());
    for store in ["true", "git repack -qad"] {
        let _ = ada.sh(store).exits(0);
        ada.gsync(&["guard", "--range", &range]).exits(1).says("in line 1").says_not(&token(3));
    }
    ada.gsync(&["guard", "--all"]).exits(1).says("in line 1");
}
