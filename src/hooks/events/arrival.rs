//! Recognising a pull, in whatever form it came. No hook of git says "this was a pull", and
//! some pulls fire none at all; so what is compared is state: where each branch stood when
//! gsync last looked, and where it stands now. What it gained from the hub has arrived.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::{Commit, CommitId, RefName, RepoPath, Time, count};

/// What gsync remembers of a repository between two hooks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Where each branch stood.
    pub heads: BTreeMap<RefName, CommitId>,
    /// What was reported already, the newest last: a branch that gets it later from another
    /// branch does not report it again.
    pub reported: Vec<CommitId>,
    /// Rebases that have begun, by work tree: the branches that may move when they end.
    pub pending: BTreeMap<String, Vec<RefName>>,
}

/// How many reported tips are kept.
const KEPT: usize = 16;

/// What just happened, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// HEAD was put on a branch. One that was never seen before has brought nothing; one that
    /// does not stand where it was seen last was moved, by the switch itself (`switch -C`) or
    /// by what fires no hook (`fetch origin main:main`).
    Switch,
    /// A rebase put HEAD on what it rebases onto. `forward`: there is nothing to replay, so
    /// this is all that it does.
    RebaseStart { old: CommitId, new: CommitId, branches: Vec<RefName>, forward: bool },
    /// A rebase came to its end, perhaps with HEAD still detached.
    RebaseEnd,
    /// A merge, a commit, an amend; or nothing that git told us of.
    Look,
}

/// Where this work tree stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Here {
    /// Names the work tree in the memory.
    pub worktree: String,
    /// The branch HEAD is on; none if it is detached.
    pub branch: Option<RefName>,
    /// None: unborn.
    pub head: Option<CommitId>,
    /// A rebase is not through.
    pub rebasing: bool,
    /// Where the pending branches stand now.
    pub pending: Vec<(RefName, CommitId)>,
    /// What HEAD was before, by the event's own word: for branches never seen before.
    pub before: Option<CommitId>,
}

/// A branch that moved: what did it gain from the hub?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub branch: RefName,
    pub old: CommitId,
    pub new: CommitId,
}

/// Which branches have moved.
pub fn questions(memory: &Memory, here: &Here, event: &Event) -> Vec<Question> {
    let mut asked = Vec::new();
    let mut ask = |branch: &RefName, new: &CommitId, before: Option<&CommitId>| {
        let old = memory.heads.get(branch).or(before);
        if let Some(old) = old.filter(|old| *old != new) {
            let question = Question { branch: branch.clone(), old: old.clone(), new: new.clone() };
            if !asked.contains(&question) {
                asked.push(question);
            }
        }
    };
    match (event, &here.branch, &here.head) {
        (Event::RebaseStart { old, new, branches, forward: true }, _, _) => {
            if let Some(branch) = branches.first() {
                ask(branch, new, Some(old));
            }
            return asked;
        }
        (Event::RebaseStart { .. }, _, _) => return asked,
        (Event::RebaseEnd, None, Some(head)) => {
            if let Some(branch) = memory.pending.get(&here.worktree).and_then(|all| all.first()) {
                ask(branch, head, None);
            }
            return asked;
        }
        (Event::Look | Event::Switch | Event::RebaseEnd, Some(branch), Some(head)) => {
            ask(branch, head, here.before.as_ref());
        }
        _ => {}
    }
    if !here.rebasing || *event == Event::RebaseEnd {
        here.pending.iter().for_each(|(branch, tip)| ask(branch, tip, None));
    }
    asked
}

/// What is remembered from now on. `told`: something had arrived, and was reported.
pub fn remember(memory: &mut Memory, here: &Here, event: &Event, asked: &[Question], told: bool) {
    for question in asked {
        memory.heads.insert(question.branch.clone(), question.new.clone());
        if told && !memory.reported.contains(&question.new) {
            memory.reported.push(question.new.clone());
        }
    }
    let too_many = memory.reported.len().saturating_sub(KEPT);
    memory.reported.drain(..too_many);
    if let Event::RebaseStart { old, branches, forward, .. } = event {
        if !forward {
            for branch in branches {
                memory.heads.entry(branch.clone()).or_insert_with(|| old.clone());
            }
            memory.pending.insert(here.worktree.clone(), branches.clone());
        }
        return;
    }
    if !here.rebasing || *event == Event::RebaseEnd {
        memory.pending.remove(&here.worktree);
    }
    if let (Some(branch), Some(head)) = (&here.branch, &here.head) {
        memory.heads.insert(branch.clone(), head.clone());
    }
}

/// What has arrived, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    pub commits: Vec<Commit>,
    pub files: Vec<RepoPath>,
    /// It lies in the index as one change, without its history.
    pub squashed: bool,
}

/// How many commits are listed.
const LISTED: usize = 5;

impl Arrival {
    /// What a person reads about it. Names and summaries are harmless already.
    pub fn lines(&self, now: Time) -> Vec<String> {
        let Some(newest) = self.commits.iter().map(|commit| commit.time).max() else {
            return Vec::new();
        };
        let mut authors: Vec<&str> = Vec::new();
        for commit in &self.commits {
            if !authors.contains(&commit.author.as_str()) {
                authors.push(&commit.author);
            }
        }
        let what =
            format!("{} from {}", count(self.commits.len(), "commit"), list(&authors, "other"));
        let verb = if self.squashed { "squashed" } else { "pulled" };
        let when = match self.commits.len() {
            1 => newest.ago(now),
            _ => format!("newest {}", newest.ago(now)),
        };
        let mut lines = vec![format!("{verb} {what}, {when}:")];
        for Commit { id, summary, author, time } in self.commits.iter().take(LISTED) {
            lines.push(format!("  {} {summary} ({author}, {})", id.short(), time.ago(now)));
        }
        if self.commits.len() > LISTED {
            lines.push(format!("  and {} more", self.commits.len() - LISTED));
        }
        if !self.files.is_empty() {
            let areas = areas(&self.files);
            lines.push(format!("  {} changed in {areas}", count(self.files.len(), "file")));
        }
        lines
    }
}

/// The folders at the top, those with the most files first.
fn areas(files: &[RepoPath]) -> String {
    let mut areas: BTreeMap<String, usize> = BTreeMap::new();
    for file in files {
        let bytes = file.as_bytes();
        let area = match bytes.iter().position(|byte| *byte == b'/') {
            Some(at) => RepoPath::new(&bytes[..at]).to_string(),
            None => "the top folder".to_owned(),
        };
        *areas.entry(area).or_default() += 1;
    }
    let mut areas: Vec<(String, usize)> = areas.into_iter().collect();
    areas.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let names: Vec<&str> = areas.iter().map(|(name, _)| name.as_str()).collect();
    list(&names, "other")
}

/// `a`, `a and b`, `a, b and c`, `a, b and 3 others`
fn list(words: &[&str], others: &str) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] if words.len() <= 3 => format!("{} and {last}", first.join(", ")),
        [a, b, rest @ ..] => format!("{a}, {b} and {}", count(rest.len(), others)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> CommitId {
        CommitId::new(format!("{n:040x}"))
    }

    fn main() -> RefName {
        RefName::new("refs/heads/main")
    }

    fn on_main(head: u8) -> Here {
        Here {
            worktree: "w".into(),
            branch: Some(main()),
            head: Some(id(head)),
            rebasing: false,
            pending: Vec::new(),
            before: None,
        }
    }

    fn knows(head: u8) -> Memory {
        Memory { heads: [(main(), id(head))].into(), ..Memory::default() }
    }

    fn moved(old: u8, new: u8) -> Vec<Question> {
        vec![Question { branch: main(), old: id(old), new: id(new) }]
    }

    #[test]
    fn a_branch_that_stands_elsewhere_than_remembered_is_asked_about_once() {
        let mut memory = knows(1);
        let asked = questions(&memory, &on_main(2), &Event::Look);
        assert_eq!(asked, moved(1, 2));
        remember(&mut memory, &on_main(2), &Event::Look, &asked, true);
        assert_eq!(questions(&memory, &on_main(2), &Event::Look), []);
        assert_eq!(memory.reported, [id(2)]);
    }

    #[test]
    fn a_branch_never_seen_before_is_only_remembered() {
        for event in [Event::Switch, Event::Look] {
            let mut memory = Memory::default();
            assert_eq!(questions(&memory, &on_main(2), &event), []);
            remember(&mut memory, &on_main(2), &event, &[], false);
            assert_eq!(memory.heads[&main()], id(2));
        }
    }

    #[test]
    fn a_switch_to_a_branch_that_was_moved_is_asked_about_and_one_that_was_not_is_none() {
        assert_eq!(questions(&knows(1), &on_main(2), &Event::Switch), moved(1, 2));
        assert_eq!(questions(&knows(2), &on_main(2), &Event::Switch), []);
    }

    #[test]
    fn a_branch_never_seen_is_compared_with_what_git_says_it_was() {
        let here = Here { before: Some(id(1)), ..on_main(2) };
        assert_eq!(questions(&Memory::default(), &here, &Event::Look), moved(1, 2));
    }

    fn start(forward: bool) -> Event {
        Event::RebaseStart { old: id(1), new: id(2), branches: vec![main()], forward }
    }

    fn detached(head: u8) -> Here {
        Here { branch: None, rebasing: true, ..on_main(head) }
    }

    #[test]
    fn a_rebase_that_only_goes_forward_is_reported_when_it_starts() {
        let mut memory = knows(1);
        let asked = questions(&memory, &detached(2), &start(true));
        assert_eq!(asked, moved(1, 2));
        remember(&mut memory, &detached(2), &start(true), &asked, true);
        assert_eq!(questions(&memory, &on_main(2), &Event::Look), []);
    }

    #[test]
    fn a_rebase_with_commits_is_reported_when_it_ends_and_not_if_it_is_given_up() {
        let mut memory = knows(1);
        assert_eq!(questions(&memory, &detached(2), &start(false)), []);
        remember(&mut memory, &detached(2), &start(false), &[], false);
        // In between nothing is said.
        assert_eq!(questions(&memory, &detached(3), &Event::Look), []);
        remember(&mut memory, &detached(3), &Event::Look, &[], false);
        assert!(memory.pending.contains_key("w"));
        // Its end, with the branch in place, and with HEAD still detached.
        assert_eq!(questions(&memory, &on_main(3), &Event::RebaseEnd), moved(1, 3));
        assert_eq!(questions(&memory, &detached(3), &Event::RebaseEnd), moved(1, 3));
        // Given up: the branch stands where it stood.
        let here = Here { pending: vec![(main(), id(1))], ..on_main(1) };
        assert_eq!(questions(&memory, &here, &Event::Look), []);
    }

    #[test]
    fn a_rebase_that_dropped_everything_is_found_even_from_another_branch() {
        let mut memory = knows(1);
        remember(&mut memory, &detached(2), &start(false), &[], false);
        let other = Here {
            branch: Some(RefName::new("refs/heads/other")),
            pending: vec![(main(), id(2))],
            ..on_main(5)
        };
        let asked = questions(&memory, &other, &Event::Switch);
        assert_eq!(asked, moved(1, 2));
        remember(&mut memory, &other, &Event::Switch, &asked, true);
        assert!(memory.pending.is_empty());
    }

    #[test]
    fn the_report_says_who_what_and_where() {
        let commit = |n: u8, author: &str| Commit {
            id: id(n),
            summary: format!("change {n}"),
            author: author.into(),
            time: Time(1_000_000 - i64::from(n)),
        };
        let arrival = Arrival {
            commits: vec![commit(1, "Ben"), commit(2, "Cy")],
            files: vec!["src/a".into(), "src/b".into(), "README".into()],
            squashed: false,
        };
        let lines = arrival.lines(Time(1_000_300));
        assert_eq!(lines[0], "pulled 2 commits from Ben and Cy, newest 5 minutes ago:");
        assert_eq!(lines[1], "  0000000 change 1 (Ben, 5 minutes ago)");
        assert_eq!(lines[3], "  3 files changed in src and the top folder");
        let many = Arrival { commits: (0..7).map(|n| commit(n, "Ben")).collect(), ..arrival };
        assert_eq!(many.lines(Time(1_000_300))[6], "  and 2 more");
    }

    #[test]
    fn nothing_that_arrived_is_nothing_to_say() {
        let none = Arrival { commits: vec![], files: vec![], squashed: false };
        assert!(none.lines(Time(0)).is_empty());
    }
}
