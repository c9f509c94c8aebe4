//! What gsync forecasts and does, beside what git does with the same two commits: on a small
//! history with every kind of conflict, and on the merges of a real one that `GSYNC_REAL_REPO`
//! names (any clone; it is only read). `GSYNC_REAL_MERGES` says how many, `GSYNC_REAL_MOVES`
//! how many of them are also made in a work tree by the program itself.

use std::collections::BTreeMap;
use std::path::Path;

use gsync::base::{CommitId, Place};
use gsync::git::{Git, Rehearsal, Way};

use crate::lab::{Lab, Person};

/// How often what came out.
#[derive(Debug, Default)]
struct Tally {
    merges: u32,
    conflicts: u32,
    rebased: u32,
    rebase_conflicts: u32,
    moved: u32,
    refused: u32,
    skipped: u32,
    /// What gsync and git did not agree on.
    differences: Vec<String>,
}

struct Twin<'a> {
    person: &'a Person<'a>,
    git: Git,
    tally: Tally,
}

/// The paths of conflicts. Where a file meets a directory git makes up a name for the file out
/// of what the side is called, `b~HEAD` or `b~<commit>`: here that is `b`.
fn sorted(text: &str, separator: char) -> Vec<String> {
    let plain = |name: &str| match name.rsplit_once('~') {
        Some((path, "HEAD")) => path.to_owned(),
        Some((path, side)) if CommitId::parse(side).is_some() => path.to_owned(),
        _ => name.to_owned(),
    };
    let mut names: Vec<String> =
        text.split(separator).filter(|name| !name.is_empty()).map(plain).collect();
    names.sort();
    names.dedup();
    names
}

impl<'a> Twin<'a> {
    /// A clone in which a branch `work` follows a branch `up`, both of this repository.
    fn new(person: &'a Person<'a>) -> Self {
        for (key, value) in [
            ("user.name", "ada"),
            ("user.email", "ada@example.com"),
            ("commit.gpgSign", "false"),
            ("gc.auto", "0"),
            ("maintenance.auto", "false"),
            // A branch that was somewhere else a moment ago would count as rewritten.
            ("core.logAllRefUpdates", "false"),
            ("advice.mergeConflict", "false"),
            ("branch.work.remote", "."),
            ("branch.work.merge", "refs/heads/up"),
        ] {
            person.git(&["config", key, value]);
        }
        let git_dir = person.path(".git");
        let git = Git::at(git_dir.clone(), git_dir, Some(person.dir.clone()));
        Self { person, git, tally: Tally::default() }
    }

    fn id(&self, rev: &str) -> CommitId {
        CommitId::parse(&self.person.git(&["rev-parse", rev])).unwrap()
    }

    fn stand(&self, ours: &str) {
        self.person.git(&["checkout", "-q", "--force", "-B", "work", "--no-track", ours]);
        for (key, value) in [("remote", "."), ("merge", "refs/heads/up")] {
            self.person.git(&["config", &format!("branch.work.{key}"), value]);
        }
    }

    /// `ours` is to get what `theirs` has: by gsync, and by git.
    fn compare(&mut self, ours: &str, theirs: &str, longest: usize, make: bool) {
        let person = self.person;
        if person.try_git(&["merge-base", ours, theirs]).code != 0 {
            self.tally.skipped += 1;
            return;
        }
        let mut differs = Vec::new();
        self.tally.merges += 1;
        person.git(&["branch", "-q", "-f", "up", theirs]);
        self.stand(ours);
        let (head, upstream) = (self.id(ours), self.id(theirs));
        let tree = self.id(&format!("{ours}^{{tree}}"));
        let place = Place { commit: Some(head.clone()), index: tree.clone(), work: tree };
        let forecast = self.git.forecast(&head, &upstream, false).unwrap().unwrap();
        let forecast: Vec<String> = forecast.conflicts.iter().map(ToString::to_string).collect();
        let rehearsal = self.git.rehearse(&place, &upstream, "up").unwrap();

        // git merges.
        let merge = person.try_git(&[
            "merge",
            "-q",
            "--no-edit",
            "--no-rerere-autoupdate",
            upstream.as_str(),
        ]);
        let unmerged = person.git(&["diff", "--name-only", "--diff-filter=U", "-z"]);
        let conflicts = sorted(&unmerged, '\0');
        let merged = self.id("HEAD^{tree}");
        let merge_went = merge.code == 0;
        self.tally.conflicts += u32::from(!merge_went);
        person.git(&["reset", "-q", "--hard", ours]);
        if sorted(&forecast.join("\0"), '\0') != conflicts {
            differs.push(format!("forecast {forecast:?}, git merge {conflicts:?}"));
        }

        // git rebases, where gsync would.
        let range = format!("{theirs}..{ours}");
        let commits: usize = person.git(&["rev-list", "--count", &range]).parse().unwrap();
        let joins = person.git(&["rev-list", "--count", "--merges", &range]);
        let mut rebased = None;
        if joins == "0" && commits <= longest {
            let rebase = person.try_git(&["rebase", "-q", "--no-gpg-sign", theirs]);
            if rebase.code == 0 {
                self.tally.rebased += 1;
                rebased = Some((self.id("HEAD^{tree}"), self.told(theirs, "HEAD")));
            } else {
                self.tally.rebase_conflicts += 1;
                person.git(&["rebase", "--abort"]);
            }
            self.stand(ours);
        }

        let checked = joins != "0" || commits <= longest;
        match &rehearsal {
            Rehearsal::Clean { way: Way::Replay, to, .. } => {
                let commit = to.commit.clone().unwrap();
                let tree = self.id(&format!("{commit}^{{tree}}"));
                let ours_is = (tree, self.told(theirs, commit.as_str()));
                if rebased.is_none() && checked {
                    differs.push("a replay that git rebase refuses".into());
                } else if rebased.as_ref().is_some_and(|wanted| *wanted != ours_is) {
                    differs.push("the replay is not what git rebase makes".into());
                }
            }
            Rehearsal::Clean { way: Way::Merge, to, .. } => {
                let commit = to.commit.clone().unwrap();
                if !merge_went || self.id(&format!("{commit}^{{tree}}")) != merged {
                    differs.push("the merge is not what git merge makes".into());
                }
                if rebased.is_some() {
                    differs.push("git rebase went well, and gsync merges".into());
                }
            }
            Rehearsal::Clean { way: Way::FastForward, to, .. } => {
                if to.commit.as_ref() != Some(&upstream) {
                    differs.push("a fast-forward to somewhere else".into());
                }
            }
            Rehearsal::Conflict { paths, .. } => {
                let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
                if sorted(&paths.join("\0"), '\0') != conflicts || merge_went {
                    differs.push(format!("rehearsed {paths:?}, git merge {conflicts:?}"));
                }
                if rebased.is_some() {
                    differs.push("git rebase went well, and gsync sees a conflict".into());
                }
            }
        }
        if make {
            differs.extend(self.really(&head, &rehearsal));
        }
        let pair = format!("{ours} <- {theirs}");
        self.tally.differences.extend(differs.into_iter().map(|why| format!("{pair}: {why}")));
    }

    /// The program itself, in the work tree: the tree that was rehearsed, or nothing at all.
    fn really(&mut self, head: &CommitId, rehearsal: &Rehearsal) -> Option<String> {
        let pull = self.person.gsync(&["pull"]);
        let stands = self.id("HEAD");
        let dirty = self.person.git(&["status", "--porcelain"]);
        let wanted = match rehearsal {
            Rehearsal::Clean { to, .. } => {
                self.tally.moved += 1;
                self.id(&format!("{}^{{tree}}", to.commit.as_ref().unwrap()))
            }
            Rehearsal::Conflict { .. } => {
                self.tally.refused += 1;
                self.id(&format!("{head}^{{tree}}"))
            }
        };
        let clean = matches!(rehearsal, Rehearsal::Clean { .. });
        let as_told = pull.code == i32::from(!clean) && (clean || stands == *head);
        let good = as_told && dirty.is_empty() && self.id("HEAD^{tree}") == wanted;
        (!good).then(|| format!("gsync pull: exit {}\n{dirty}\n{}", pull.code, pull.all()))
    }

    /// The commits of a rebase as people tell them apart: tree, author, date, message.
    fn told(&self, onto: &str, to: &str) -> String {
        self.person.git(&["log", "--format=%T %an <%ae> %ad%n%B", &format!("{onto}..{to}")])
    }
}

/// Writes histories for `git fast-import`.
#[derive(Default)]
struct Story {
    stream: String,
    mark: u32,
}

type Files<'a> = &'a [(&'a str, &'a str)];

impl Story {
    /// One commit on a branch; no text: the file goes. `from`: where the branch begins.
    fn commit(&mut self, branch: &str, from: Option<&str>, files: Files<'_>) {
        use std::fmt::Write as _;
        self.mark += 1;
        let when = 1_700_000_000 + self.mark;
        let message = format!("{branch} {}", self.mark);
        let out = &mut self.stream;
        write!(out, "commit refs/heads/{branch}\ncommitter bob <bob@example.com> {when} +0100\n")
            .unwrap();
        write!(out, "data {}\n{message}\n", message.len()).unwrap();
        if let Some(from) = from {
            writeln!(out, "from refs/heads/{from}").unwrap();
        }
        for (path, text) in files {
            if text.is_empty() {
                writeln!(out, "D {path}").unwrap();
            } else {
                write!(out, "M 100644 inline {path}\ndata {}\n{text}\n", text.len()).unwrap();
            }
        }
    }
}

/// Pairs of branches, one for each way in which two sides meet.
fn small_history() -> (String, BTreeMap<&'static str, bool>) {
    let long: String = (1..30).fold(String::new(), |text, n| format!("{text}line {n}\n"));
    let top = long.replace("line 2\n", "line two\n");
    let end = long.replace("line 28\n", "line 28 and more\n");
    let other = long.replace("line 2\n", "line ii\n");
    let mut story = Story::default();
    let base = [("a", long.as_str()), ("b", "b\n"), ("d/one", &long), ("d/two", "two\n")];
    story.commit("base", None, &base);
    // Name, ours, theirs, whether they conflict.
    let pairs: [(&str, &[Files<'_>], &[Files<'_>], bool); 9] = [
        ("apart", &[&[("a", &top)], &[("b", "ours\n")]], &[&[("a", &end)]], false),
        ("same-lines", &[&[("a", &top)]], &[&[("a", &other)]], true),
        ("same-change", &[&[("a", &top)], &[("b", "x\n")]], &[&[("a", &top)]], false),
        ("both-new", &[&[("new", "ours\n")]], &[&[("new", "theirs\n")]], true),
        ("gone-and-changed", &[&[("b", "")]], &[&[("b", "theirs\n")]], true),
        ("renamed-and-changed", &[&[("a", ""), ("moved", &long)]], &[&[("a", &end)]], false),
        (
            "directory-renamed",
            &[&[("d/one", ""), ("d/two", ""), ("e/one", &long), ("e/two", "two\n")]],
            &[&[("d/three", "three\n")]],
            true,
        ),
        ("file-and-directory", &[&[("b", ""), ("b/in", "in\n")]], &[&[("b", "theirs\n")]], true),
        (
            "there-and-back",
            &[&[("a", &top)], &[("a", &long)], &[("b", "ours\n")]],
            &[&[("a", &other)]],
            false,
        ),
    ];
    let mut all = BTreeMap::new();
    for (name, ours, theirs, conflict) in pairs {
        for (side, commits) in [("ours", ours), ("theirs", theirs)] {
            for (n, files) in commits.iter().enumerate() {
                let from = (n == 0).then_some("base");
                story.commit(&format!("{side}-{name}"), from, files);
            }
        }
        all.insert(name, conflict);
    }
    (story.stream, all)
}

#[test]
fn of_every_kind_of_meeting_gsync_says_and_makes_what_git_makes() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    let (stream, pairs) = small_history();
    std::fs::write(lab.path("stream"), stream).unwrap();
    assert_eq!(ada.sh("git fast-import --quiet <../stream").code, 0);
    let mut twin = Twin::new(&ada);
    for (name, conflict) in pairs {
        let before = twin.tally.conflicts;
        twin.compare(&format!("ours-{name}"), &format!("theirs-{name}"), 9, true);
        assert_eq!(twin.tally.conflicts - before, u32::from(conflict), "{name}");
    }
    assert!(twin.tally.differences.is_empty(), "{:#?}", twin.tally);
    assert!(twin.tally.rebased > 2 && twin.tally.moved > 2 && twin.tally.refused > 2);
}

#[test]
fn over_the_merges_of_a_real_history_gsync_says_and_makes_what_git_makes() {
    let number = |name: &str, default: usize| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let Some(repo) = std::env::var_os("GSYNC_REAL_REPO") else {
        println!("skipped: GSYNC_REAL_REPO names no clone");
        return;
    };
    let (wanted, make) = (number("GSYNC_REAL_MERGES", 300), number("GSYNC_REAL_MOVES", 40));
    let lab = Lab::new();
    let here = lab.at("ada", lab.path("home"));
    let repo = Path::new(&repo).canonicalize().unwrap();
    let clone = ["clone", "-q", "--shared", "--no-checkout", repo.to_str().unwrap(), "real"];
    here.git(&clone);
    let ada = lab.at("ada", here.path("real"));
    let mut twin = Twin::new(&ada);
    let args = ["rev-list", "--merges", "--max-parents=2", "--parents", "HEAD"];
    let merges = ada.git(&args);
    let merges: Vec<Vec<&str>> = merges.lines().map(|line| line.split(' ').collect()).collect();
    // Spread over the whole history, ten neighbours at a time: git walks from one to the next in
    // a moment, and takes long from one end of a history to the other.
    let step = (merges.len() / (wanted / 10).max(1)).max(10);
    let spread = merges.chunks(step).flat_map(|chunk| chunk.iter().take(10));
    for (n, line) in spread.take(wanted).enumerate() {
        let [_, first, second] = line[..] else { continue };
        let really = n % (wanted / make.clamp(1, wanted)).max(1) == 0 && make > 0;
        twin.compare(second, first, 15, really);
        if n % 20 == 19 {
            println!("{} of {}: {:?}", n + 1, merges.len(), twin.tally);
        }
    }
    let tally = &twin.tally;
    println!(
        "{} merges of {}: {} conflicts; rebases: {} went well, {} conflicts; \
         {} moved and {} refused in a work tree; {} without a common beginning; {} differences",
        tally.merges,
        merges.len(),
        tally.conflicts,
        tally.rebased,
        tally.rebase_conflicts,
        tally.moved,
        tally.refused,
        tally.skipped,
        tally.differences.len()
    );
    assert!(tally.differences.is_empty(), "{:#?}", tally.differences);
    assert!(tally.merges > 0);
}
