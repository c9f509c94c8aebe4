//! What a handoff says about the work: derived from what git said, never guessed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;

use super::rules::{MIGRATIONS, lockfile};
use super::words::{Rollback, line};
use crate::base::{CommitId, RepoPath, Time};
use crate::config::Patterns;

/// A commit with all of its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawCommit {
    pub id: CommitId,
    pub author: String,
    pub time: Time,
    pub summary: String,
    pub body: String,
    pub trailers: Vec<String>,
}

/// A file as `git diff` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawFile {
    pub path: RepoPath,
    /// Where it was, if it was renamed or copied.
    pub from: Option<RepoPath>,
    /// `A`, `M`, `D`, `R`, `T`.
    pub status: char,
    /// Lines; nothing: it is binary.
    pub lines: Option<(u64, u64)>,
}

/// What git said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Raw {
    pub commits: Vec<RawCommit>,
    /// Commits beyond those.
    pub more: usize,
    pub files: Vec<RawFile>,
    /// Environment keys in added lines that the base does not know, with the first path.
    pub env: BTreeMap<String, RepoPath>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommitFact {
    pub id: CommitId,
    pub summary: String,
    pub author: String,
    pub time: Time,
    pub trailers: Vec<String>,
}

/// A part of the repository, with what changed in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Area {
    pub name: String,
    pub files: usize,
    pub added: u64,
    pub deleted: u64,
    /// The first of its files.
    pub paths: Vec<FileFact>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileFact {
    pub path: String,
    pub status: &'static str,
    pub from: Option<String>,
    /// Nothing: it is binary.
    pub added: Option<u64>,
    pub deleted: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    pub name: String,
    pub status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EnvKey {
    pub name: String,
    pub path: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Breaking {
    pub commit: CommitId,
    pub what: String,
}

/// A service that is concerned, as the services' own room found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Service {
    pub name: String,
    pub because: String,
    pub steps: Vec<String>,
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Content {
    pub commits: Vec<CommitFact>,
    pub more_commits: usize,
    pub files: usize,
    pub added: u64,
    pub deleted: u64,
    pub areas: Vec<Area>,
    pub renames: Vec<FileFact>,
    pub migrations: Vec<Named>,
    pub env_added: Vec<EnvKey>,
    pub lockfiles: Vec<Named>,
    pub breaking: Vec<Breaking>,
    pub services: Vec<Service>,
}

/// Files of an area that are named one by one.
const NAMED: usize = 12;

static BREAKING_SUBJECT: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^[A-Za-z]+(\([^)]*\))?!:[ \t]*"));
static BREAKING_BODY: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?m)^BREAKING[ -]CHANGE:[ \t]*(.*)$"));
static OWN_COMMIT: LazyLock<Regex> = LazyLock::new(|| pattern(r"^docs: handoff H-[0-9]+ "));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is right: a test uses it")
}

/// What git said, in the words of a handoff.
pub fn content(raw: &Raw) -> Content {
    let mut content = Content {
        more_commits: raw.more,
        files: raw.files.len(),
        env_added: raw
            .env
            .iter()
            .map(|(name, path)| EnvKey { name: name.clone(), path: line(&path.quoted()) })
            .collect(),
        ..Content::default()
    };
    // gsync's own commits are about handoffs, not about the work.
    for commit in raw.commits.iter().filter(|commit| !is_own(&commit.summary)) {
        content.commits.push(CommitFact {
            id: commit.id.clone(),
            summary: line(&commit.summary),
            author: line(&commit.author),
            time: commit.time,
            trailers: trailers(commit).iter().map(|text| line(text)).collect(),
        });
        content.breaking.extend(breaking(commit));
    }
    let migrations = Patterns::new(&MIGRATIONS.map(String::from), false);
    let mut areas: BTreeMap<String, Area> = BTreeMap::new();
    for file in &raw.files {
        let fact = fact(file);
        let bytes = file.path.as_bytes();
        let named = || Named { name: fact.path.clone(), status: fact.status };
        if migrations.matching(bytes).is_some() {
            content.migrations.push(named());
        }
        if lockfile(&file.path).is_some() {
            content.lockfiles.push(named());
        }
        if fact.status == "renamed" {
            content.renames.push(fact.clone());
        }
        let (added, deleted) = file.lines.unwrap_or((0, 0));
        content.added += added;
        content.deleted += deleted;
        let name = area_of(&file.path);
        let area = areas.entry(name.clone()).or_insert(Area {
            name,
            files: 0,
            added: 0,
            deleted: 0,
            paths: Vec::new(),
        });
        area.files += 1;
        area.added += added;
        area.deleted += deleted;
        if area.paths.len() < NAMED {
            area.paths.push(fact);
        }
    }
    content.areas = areas.into_values().collect();
    content
}

/// The first directory; `apps/web` where everything stands below one more.
fn area_of(path: &RepoPath) -> String {
    let mut parts: Vec<&[u8]> = path.as_bytes().split(|byte| *byte == b'/').collect();
    parts.pop();
    parts.truncate(2);
    match parts.is_empty() {
        true => "top".to_owned(),
        false => line(&format!("{}/", RepoPath::new(parts.join(&b'/')).quoted())),
    }
}

fn fact(file: &RawFile) -> FileFact {
    FileFact {
        path: line(&file.path.quoted()),
        status: match file.status {
            'A' => "added",
            'D' => "deleted",
            'R' => "renamed",
            'C' => "copied",
            'T' => "typechange",
            _ => "modified",
        },
        from: file.from.as_ref().map(|from| line(&from.quoted())),
        added: file.lines.map(|(added, _)| added),
        deleted: file.lines.map(|(_, deleted)| deleted),
    }
}

/// Whether a commit is one of ours: about a handoff, and not part of the work.
pub fn is_own(summary: &str) -> bool {
    OWN_COMMIT.is_match(summary)
}

/// git's own reading. It finds no trailers where `BREAKING CHANGE:`, which is none for git,
/// stands among them; then the lines of that paragraph that have the form of one count.
fn trailers(commit: &RawCommit) -> Vec<String> {
    if !commit.trailers.is_empty() {
        return commit.trailers.clone();
    }
    let last = commit.body.trim_end().rsplit("\n\n").next().unwrap_or_default();
    if !BREAKING_BODY.is_match(last) {
        return Vec::new();
    }
    let of_form = |line: &&str| {
        line.split_once(": ").is_some_and(|(key, _)| {
            !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        })
    };
    last.lines().filter(of_form).map(str::to_owned).collect()
}

fn breaking(commit: &RawCommit) -> Vec<Breaking> {
    let found = |what: &str| Breaking { commit: commit.id.clone(), what: line(what) };
    let told: Vec<Breaking> = BREAKING_BODY
        .captures_iter(&commit.body)
        .filter_map(|captures| captures.get(1))
        .map(|what| found(what.as_str()))
        .collect();
    match BREAKING_SUBJECT.find(&commit.summary) {
        Some(start) if told.is_empty() => vec![found(&commit.summary[start.end()..])],
        _ => told,
    }
}

impl Content {
    /// Where to go back to, and what that does not bring back.
    pub fn rollback(&self, base: &CommitId) -> Rollback {
        let mut why = Vec::new();
        if !self.migrations.is_empty() {
            why.push("migration");
        }
        if !self.breaking.is_empty() {
            why.push("breaking change");
        }
        Rollback {
            commit: base.clone(),
            reversible: self.migrations.is_empty(),
            why: if why.is_empty() { "code only".to_owned() } else { why.join(", ") },
        }
    }

    /// `watch` where something beyond code changes.
    pub fn risk(&self, failed: bool) -> &'static str {
        if failed {
            "unstable"
        } else if self.migrations.is_empty()
            && self.breaking.is_empty()
            && self.env_added.is_empty()
            && self.lockfiles.is_empty()
        {
            "stable"
        } else {
            "watch"
        }
    }
}

/// The paths on which a change touches `[handoff] when`.
pub fn touching<'a>(when: &[String], paths: &'a [RepoPath]) -> Vec<&'a RepoPath> {
    let patterns = Patterns::new(when, false);
    let unique: BTreeSet<&RepoPath> = paths.iter().collect();
    unique.into_iter().filter(|path| patterns.matching(path.as_bytes()).is_some()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(summary: &str, body: &str) -> RawCommit {
        RawCommit {
            id: CommitId::new("c".repeat(40)),
            author: "Ada".into(),
            time: Time(0),
            summary: summary.into(),
            body: body.into(),
            trailers: Vec::new(),
        }
    }

    fn file(status: char, path: &str) -> RawFile {
        RawFile { path: path.into(), from: None, status, lines: Some((3, 1)) }
    }

    fn of(files: &[RawFile]) -> Content {
        content(&Raw { files: files.to_vec(), ..Raw::default() })
    }

    #[test]
    fn a_breaking_change_is_found_by_its_mark_or_by_its_trailer() {
        let what = |summary: &str, body: &str| -> Vec<String> {
            breaking(&commit(summary, body)).into_iter().map(|found| found.what).collect()
        };
        assert_eq!(what("feat!: drop v1", ""), ["drop v1"]);
        assert_eq!(what("feat(api)!: drop v1", "BREAKING CHANGE: v1 is gone"), ["v1 is gone"]);
        assert_eq!(what("fix: x", "text\n\nBREAKING-CHANGE: a\nBREAKING CHANGE: b"), ["a", "b"]);
        assert!(what("fix: no! really: this", "not BREAKING CHANGE: x").is_empty());
    }

    #[test]
    fn trailers_beside_a_breaking_change_are_found() {
        let body = "text: no\n\nBREAKING CHANGE: v1 is gone\nCo-Authored-By: Bob <b@c>\n";
        assert_eq!(trailers(&commit("x", body)), ["Co-Authored-By: Bob <b@c>"]);
        assert!(trailers(&commit("x", "note: no trailer")).is_empty());
    }

    #[test]
    fn migrations_and_lockfiles_are_found_wherever_they_stand() {
        let found = of(&[
            file('A', "db/migrations/0007_add_y.sql"),
            file('A', "app/migrations/__init__.py"),
            file('A', "migrations/README.md"),
            file('M', "db/migrate/2024_x.rb"),
            file('A', "sql/V2__users.sql"),
            file('M', "client/package-lock.json"),
            file('M', "src/main.rs"),
        ]);
        let names = |list: &[Named]| list.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
        assert_eq!(
            names(&found.migrations),
            ["db/migrations/0007_add_y.sql", "db/migrate/2024_x.rb", "sql/V2__users.sql"]
        );
        assert_eq!(names(&found.lockfiles), ["client/package-lock.json"]);
        assert_eq!(found.risk(false), "watch");
        assert!(!found.rollback(&CommitId::new("a")).reversible);
        assert_eq!(of(&[file('M', "src/main.rs")]).risk(false), "stable");
        assert_eq!(of(&[]).risk(true), "unstable");
    }

    #[test]
    fn numbers_are_added_up_by_area_and_a_binary_file_counts_as_a_file() {
        let mut binary = file('A', "web/logo.png");
        binary.lines = None;
        let found = of(&[file('M', "web/a/b/c.ts"), binary, file('M', "README")]);
        let areas: Vec<_> =
            found.areas.iter().map(|area| (area.name.as_str(), area.files, area.added)).collect();
        assert_eq!(areas, [("top", 1, 3), ("web/", 1, 0), ("web/a/", 1, 3)]);
        assert_eq!((found.files, found.added, found.deleted), (3, 6, 2));
    }

    #[test]
    fn commits_about_handoffs_are_not_part_of_the_work() {
        let raw = Raw {
            commits: vec![commit("docs: handoff H-0001 to builder", ""), commit("fix: <!-- x", "")],
            ..Raw::default()
        };
        let found = content(&raw);
        assert_eq!(found.commits.len(), 1);
        assert_eq!(found.commits[0].summary, "fix: &lt;!-- x");
    }

    #[test]
    fn a_path_touches_a_rule_once() {
        let paths: Vec<RepoPath> = ["apps/x", "apps/x", "docs/y"].map(RepoPath::from).to_vec();
        assert_eq!(touching(&["apps/**".to_owned()], &paths), [&RepoPath::from("apps/x")]);
        assert!(touching(&[], &paths).is_empty());
    }
}
