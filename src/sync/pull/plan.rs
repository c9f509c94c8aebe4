//! Facts to plan: what a pull does, and what it will not do.

use super::facts::{Among, Facts, Fetched, Line, Rehearsal, Submodule, Upstream, Way};
use super::refusals::{conflict, gone, in_progress, in_the_way, named, rewound, unrelated};
use crate::base::{Branch, Carry, Problem, RefName, count, plain, shell_quote};
use crate::plan::{Plan, Step};

/// The plan of a pull, or why there is none. `title` is what the command calls itself.
pub fn plan(facts: &Facts, title: &str) -> Result<Plan, Problem> {
    let branch = safe(facts)?;
    let name = match &facts.upstream {
        Upstream::At { name, .. } => plain(RefName::new(name).short()),
        Upstream::Gone { name } => return Err(gone(branch, name)),
        Upstream::New { name } => {
            let name = plain(RefName::new(name).short());
            let note = match facts.head {
                Some(_) => format!("{name} is not there yet; `gsync finish` pushes it"),
                None => format!("{branch} has no commit yet, and neither has the hub"),
            };
            return Ok(Plan::new(format!("{title} {branch}")).note(note));
        }
        Upstream::None if facts.fetched.is_none() => {
            return Err(Problem::refuse("no-hub", "this repository has no hub")
                .hint("name one: `git remote add origin ADDRESS`"));
        }
        Upstream::None if facts.head.is_none() => {
            let message = format!("{branch} has no commit yet, and follows no branch");
            return Err(Problem::refuse("unborn", message)
                .hint("begin: `git commit`")
                .hint("take up what the hub has: `git switch -c NAME --track origin/NAME`"));
        }
        Upstream::None => {
            let note = format!(
                "{branch} follows no branch; `git push -u {} {}` gives it one",
                shell_quote(facts.remote.as_deref().unwrap_or("origin")),
                shell_quote(branch.as_str())
            );
            return Ok(Plan::new(format!("{title} {branch}")).note(note));
        }
    };
    if !facts.lost.is_empty() {
        return Err(rewound(facts, &name));
    }
    if facts.incoming.is_empty() {
        let note = match facts.outgoing.len() {
            0 => format!("{branch} is what {name} is"),
            n => format!("{branch} is {} ahead of {name}", count(n, "commit")),
        };
        return Ok(Plan::new(format!("{title} {branch}")).note(note));
    }
    if !facts.related {
        return Err(unrelated(facts, branch, &name));
    }
    if !facts.in_the_way.is_empty() {
        return Err(in_the_way(&facts.in_the_way));
    }
    let (Some(start), Some(rehearsal)) = (&facts.start, &facts.rehearsal) else {
        return Err(Problem::blind("unknown", "what a pull would do is not known"));
    };
    let (way, to, dropped) = match rehearsal {
        Rehearsal::Conflict { among, paths } => return Err(conflict(*among, paths, &name)),
        Rehearsal::Clean { way, to, dropped } => (*way, to, dropped),
    };
    let how = match way {
        Way::FastForward => "fast-forward",
        Way::Replay => "replay",
        Way::Merge => "merge",
    };
    let carry = Carry {
        branch: branch.full(),
        from: start.standing.place.clone(),
        to: to.clone(),
        // Announced paths stay announced.
        forget: Vec::new(),
        hollow: facts.hollow.clone(),
        hollow_after: Vec::new(),
        restore: None,
        reflog: format!("gsync {title}: {how} to {name}"),
        snapshot: start.snapshot.clone(),
    };
    let mut plan = Plan::new(format!("{title} {branch}"))
        .then(Step::Keep { name: start.name.clone(), snapshot: start.snapshot.clone() })
        .then(Step::Carry(Box::new(carry)));
    for sub in &facts.submodules {
        let Submodule { path, dir, from, to, follows } = sub;
        if *follows {
            let (dir, from, to) = (dir.clone(), from.clone(), to.clone());
            plan = plan.then(Step::Follow { dir, from, to });
        } else {
            let name = shell_quote(&String::from_utf8_lossy(path.as_bytes()));
            let line = format!("the submodule {path} has moved to {}", to.short());
            plan = plan.note(format!("{line}: `git submodule update -- {name}`"));
        }
    }
    plan = plan.note(came_in(facts, way, &name));
    plan = facts.incoming.iter().take(MOST).fold(plan, |plan, line| plan.note(told(line)));
    if facts.incoming.len() > MOST {
        plan = plan.note(format!("and {} more", facts.incoming.len() - MOST));
    }
    Ok(dropped.iter().fold(plan, |plan, commit| {
        plan.note(format!("{} is left out: {name} has the same change", commit.short()))
    }))
}

/// The plan of a pull that may stop with conflicts, for a person to resolve.
pub fn resolve(facts: &Facts) -> Result<Plan, Problem> {
    let problem = match plan(facts, "pull") {
        Err(problem) if problem.code == "conflict" => problem,
        other => return other,
    };
    let (Some(start), Some(head), Some(branch), Some(rehearsal), Upstream::At { name, commit }) =
        (&facts.start, &facts.head, &facts.branch, &facts.rehearsal, &facts.upstream)
    else {
        return Err(problem);
    };
    let Rehearsal::Conflict { among: Among::Commits, paths } = rehearsal else {
        return Err(problem);
    };
    if facts.staged {
        return Err(Problem::refuse("staged", "git does not merge while something is staged")
            .because("its markers would be mixed with what you staged")
            .hint("commit it first: `git commit`")
            .hint("or take it out of the index, it stays in the files: `git reset`"));
    }
    if !facts.edited.is_empty() {
        let what = "git does not merge into files with uncommitted work";
        return Err(named(Problem::refuse("uncommitted", what), &facts.edited)
            .because("nothing was changed")
            .hint("commit it first: `git commit -m MESSAGE -- PATH`"));
    }
    let snapshot = start.snapshot.clone();
    let name = RefName::new(name);
    let plan = Plan::new(format!("pull {branch}, with conflicts to resolve"))
        .then(Step::Keep { name: start.name.clone(), snapshot: snapshot.clone() })
        .then(Step::Merge {
            branch: branch.full(),
            on: head.clone(),
            name,
            with: commit.clone(),
            snapshot,
        });
    Ok(paths.iter().take(MOST).fold(plan, |plan, path| plan.note(format!("resolve {path}"))))
}

/// How many commits or paths a list shows.
pub(super) const MOST: usize = 20;

/// The branch, if nothing forbids to move it.
pub fn safe(facts: &Facts) -> Result<&Branch, Problem> {
    if let Some(operation) = facts.operation {
        return Err(in_progress(operation));
    }
    if !facts.unmerged.is_empty() {
        let problem = Problem::refuse("unmerged", "there are conflicts that are not resolved");
        return Err(named(problem, &facts.unmerged)
            .hint("resolve them, then run `git add` and `git commit`"));
    }
    let Some(branch) = &facts.branch else {
        return Err(Problem::refuse("detached", "HEAD is detached: no branch would move")
            .hint("run `git switch BRANCH`, or `git switch -c NEW` to keep the commits"));
    };
    let silent = match &facts.fetched {
        Some(Fetched::Failed { why }) => Some(plain(why)),
        Some(Fetched::TimedOut) => Some("it did not answer in time".to_owned()),
        Some(Fetched::Done(_)) | None => None,
    };
    if let Some(why) = silent {
        return Err(Problem::blind("offline", "the hub cannot be reached; nothing was changed")
            .because(why)
            .hint("try again when it answers")
            .hint("run `gsync status --no-fetch` to see what is known"));
    }
    Ok(branch)
}

fn came_in(facts: &Facts, way: Way, name: &str) -> String {
    let incoming = count(facts.incoming.len(), "commit");
    let outgoing = count(facts.outgoing.len(), "commit");
    match way {
        Way::FastForward => format!("{incoming} from {name}"),
        Way::Replay => format!("{incoming} from {name}, with {outgoing} of yours on top"),
        Way::Merge => format!("{incoming} from {name}, merged with {outgoing} of yours"),
    }
}

pub(super) fn told(line: &Line) -> String {
    format!("{} {} ({})", line.id.short(), line.summary, line.author)
}

#[cfg(test)]
mod tests {
    use super::super::facts::{Standing, Start};
    use super::*;
    use crate::base::{CommitId, Exit, Operation, Place};

    fn id(letter: &str) -> CommitId {
        CommitId::parse(&letter.repeat(40)).unwrap()
    }

    fn place(commit: &str) -> Place {
        Place { commit: Some(id(commit)), index: id("1"), work: id("2") }
    }

    fn line() -> Line {
        Line { id: id("e"), summary: "s".into(), author: "a".into() }
    }

    /// Behind by one commit, with nothing in the way.
    fn behind() -> Facts {
        let standing = Standing {
            branch: Some(RefName::new("refs/heads/main")),
            place: place("a"),
            index_file: None,
            index_time: None,
            intent: vec!["n".into()],
            untracked: Vec::new(),
            beyond: crate::sync::pull::facts::Beyond::default(),
        };
        let name = RefName::new("refs/gsync/undo/main/1");
        Facts {
            operation: None,
            unmerged: Vec::new(),
            branch: Some(Branch::new("main")),
            head: Some(id("a")),
            upstream: Upstream::At { name: "refs/remotes/origin/main".into(), commit: id("b") },
            remote: Some("origin".into()),
            staged: false,
            edited: Vec::new(),
            fetched: None,
            incoming: vec![line()],
            outgoing: Vec::new(),
            related: true,
            shallow: false,
            lost: Vec::new(),
            start: Some(Start { standing, snapshot: id("5"), name }),
            rehearsal: Some(Rehearsal::Clean {
                way: Way::FastForward,
                to: place("b"),
                dropped: vec![id("f")],
            }),
            in_the_way: Vec::new(),
            hollow: Vec::new(),
            submodules: Vec::new(),
        }
    }

    #[test]
    fn a_submodule_follows_if_it_can_and_is_named_if_not() {
        let one = |follows| Submodule {
            path: "sub".into(),
            dir: "/w/sub".into(),
            from: id("a"),
            to: id("b"),
            follows,
        };
        let facts = Facts { submodules: vec![one(true), one(false)], ..behind() };
        let plan = plan(&facts, "pull").unwrap();
        assert_eq!(plan.steps.len(), 3);
        assert!(plan.steps[2].to_string().starts_with("git -C /w/sub checkout --detach"));
        assert!(plan.notes[0].ends_with("`git submodule update -- sub`"));
    }

    #[test]
    fn a_pull_keeps_a_snapshot_and_then_moves_once() {
        let plan = plan(&behind(), "pull").unwrap();
        let [Step::Keep { snapshot, .. }, Step::Carry(carry)] = &plan.steps[..] else {
            panic!("{plan:?}")
        };
        assert_eq!((snapshot, &carry.snapshot), (&id("5"), &id("5")));
        assert_eq!((&carry.from, &carry.to), (&place("a"), &place("b")));
        assert!(carry.forget.is_empty() && carry.restore.is_none());
        assert!(plan.notes.iter().any(|note| note.contains("is left out")));
    }

    /// One thing that forbids a pull, and the word for it.
    type Blemish = (&'static str, fn(&mut Facts));

    /// In the order in which they are named when several are so.
    const BLEMISHES: &[Blemish] = &[
        ("in-progress", |facts| facts.operation = Some(Operation::Merge)),
        ("unmerged", |facts| facts.unmerged = vec!["u".into()]),
        ("detached", |facts| facts.branch = None),
        ("offline", |facts| facts.fetched = Some(Fetched::TimedOut)),
        ("gone", |facts| facts.upstream = Upstream::Gone { name: "refs/remotes/o/x".into() }),
        ("rewound", |facts| facts.lost = vec![line()]),
        ("unrelated", |facts| facts.related = false),
        ("in-the-way", |facts| facts.in_the_way = vec!["w".into()]),
        ("conflict", |facts| {
            facts.rehearsal =
                Some(Rehearsal::Conflict { among: Among::Commits, paths: vec!["c".into()] });
        }),
        ("unknown", |facts| facts.start = None),
    ];

    #[test]
    fn over_all_facts_nothing_moves_unless_nothing_forbids_it_and_the_worst_is_named_first() {
        for set in 0..1_u32 << BLEMISHES.len() {
            for ahead in [false, true] {
                let mut facts = behind();
                facts.outgoing = if ahead { vec![line()] } else { Vec::new() };
                let on = |at: &usize| set & (1 << at) != 0;
                (0..BLEMISHES.len()).filter(on).for_each(|at| BLEMISHES[at].1(&mut facts));
                let worst = (0..BLEMISHES.len()).find(on).map(|at| BLEMISHES[at].0);
                match (plan(&facts, "pull"), worst) {
                    (Ok(plan), None) => assert_eq!(plan.steps.len(), 2),
                    // What cannot be known is said before a conflict that may be none.
                    (Err(problem), Some("conflict")) if facts.start.is_none() => {
                        assert_eq!(problem.code, "unknown");
                    }
                    (Err(problem), Some(worst)) => {
                        assert_eq!(problem.code, worst);
                        let blind = ["offline", "unknown"].contains(&worst);
                        let exit = if blind { Exit::Blind } else { Exit::Refused };
                        assert_eq!(problem.exit, exit);
                    }
                    (got, worst) => panic!("{worst:?}: {got:?}"),
                }
            }
        }
    }

    #[test]
    fn with_nothing_new_there_is_nothing_to_do_whatever_lies_around() {
        for upstream in [behind().upstream, Upstream::None] {
            let known = crate::git::Known {
                remote: "origin".into(),
                at: crate::base::Time(0),
                missing: Vec::new(),
                empty: false,
            };
            let fetched = Some(Fetched::Done(known));
            let facts = Facts { incoming: Vec::new(), upstream, start: None, fetched, ..behind() };
            assert!(plan(&facts, "start").unwrap().steps.is_empty());
        }
    }

    #[test]
    fn names_from_elsewhere_move_no_cursor() {
        let mut facts = behind();
        facts.upstream = Upstream::Gone { name: "refs/remotes/o/\u{1b}[2J".into() };
        assert!(!plan(&facts, "pull").unwrap_err().message.contains('\u{1b}'));
    }
}
