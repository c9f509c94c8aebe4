//! Thirty-two at once in one clone: people who commit, and gsync in all its moods. Whoever
//! loses waits, says busy or puts back; no commit that was made is lost.

use std::process::{Child, Stdio};

use crate::lab::{Lab, Person};
use crate::pull::two;

/// A commit of one new file, tried again while somebody else has the index or the branch. git
/// itself answers those who come second with an error. Prints the commit that was made.
const COMMIT: &str = r#"
printf '%s\n' "$1" >"by-$1"
for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	if git add "by-$1" && made=$(git commit -m "by $1" -- "by-$1" 2>&1); then
		printf '%s\n' "$made" | sed -n 's/^\[main \([0-9a-f]*\)\].*/\1/p'
		exit 0
	fi
	sleep 0.1
done
exit 9
"#;

fn begin(who: &Person<'_>, n: usize) -> (&'static str, Child) {
    let gsync = env!("CARGO_BIN_EXE_gsync");
    let (word, mut command) = match n % 4 {
        0 => ("status", who.command(gsync)),
        1 => ("start", who.command(gsync)),
        2 => ("pull", who.command(gsync)),
        _ => ("commit", who.command("sh")),
    };
    if word == "commit" {
        command.args(["-c", COMMIT, "sh", &n.to_string()]);
    } else {
        command.arg(word);
    }
    (word, command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

#[test]
fn of_thirty_two_at_once_in_one_clone_losers_wait_or_say_busy_and_no_commit_is_lost() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    ada.gsync(&["install", "--role", "qc"]).exits(0);
    for n in 0..4 {
        bob.commit(&format!("theirs{n}"), "bob\n", &format!("bob {n}"));
    }
    bob.push();
    ada.commit("mine", "mine\n", "mine");
    ada.write("a", "1\n2\n3\n4\n5\n6\n7\n8\n9 work\n");
    ada.write("untracked", "u\n");

    let running: Vec<_> = (0..32).map(|n| begin(&ada, n)).collect();
    let (mut made, mut ends) = (Vec::new(), Vec::new());
    for (n, (word, child)) in running.into_iter().enumerate() {
        let out = child.wait_with_output().unwrap();
        let code = out.status.code().unwrap_or(-1);
        let said =
            String::from_utf8_lossy(&[&out.stdout[..], &out.stderr[..]].concat()).into_owned();
        let fine = match word {
            "status" => code == 0,
            // 3: somebody committed in between, and everything was put back.
            "start" | "pull" => matches!(code, 0 | 3 | 6),
            _ => matches!(code, 0 | 9),
        };
        assert!(fine, "{word} {n}: {code}\n{said}");
        if word == "commit" && code == 0 {
            let id = String::from_utf8_lossy(&out.stdout).trim().to_owned();
            assert!(id.len() > 6, "{n}\n{said}");
            made.push((n, id));
        }
        ends.push(format!("{word} {code}"));
    }
    assert!(made.len() > 2, "{ends:?}");

    // Whoever comes afterwards finds a clone that works.
    assert!(!ada.path(".git/index.lock").exists());
    ada.gsync(&["pull"]).exits(0);
    ada.git(&["fsck", "--strict"]);
    assert_eq!(ada.git(&["rev-list", "--count", "HEAD..origin/main"]), "0");
    let subjects = ada.git(&["log", "--format=%s"]);
    let kept = ada.git(&["rev-list", "--all", "--reflog"]);
    for (n, id) in &made {
        let mine = subjects.lines().filter(|line| *line == format!("by {n}")).count();
        assert_eq!(mine, 1, "the commit of {n} is on the branch once\n{subjects}");
        assert_eq!(ada.git(&["show", &format!("HEAD:by-{n}")]), n.to_string());
        assert!(kept.lines().any(|line| line.starts_with(id.as_str())), "{n}: {id}\n{kept}");
    }
    // And the work that nobody committed is as it was.
    assert_eq!(ada.read("a"), "1\n2\n3\n4\n5\n6\n7\n8\n9 work\n");
    assert_eq!(ada.read("untracked"), "u\n");
    assert_eq!(ada.git(&["diff", "--name-only", "HEAD", "--", "a", "mine", "b"]), "a");
    println!("{} commits of 8 made; {ends:?}", made.len());
}
