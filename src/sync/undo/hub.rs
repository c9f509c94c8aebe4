//! What a run sent to the hub, and taking it back there: only if that is asked for, only if
//! nobody has touched it since, by a push that holds a lease on exactly what the run put there.

use super::facts::{Line, OnHub};
use crate::base::{Branch, CommitId, Problem, PushRef, count, plain};
use crate::plan::{Plan, Step};

/// How many commits a list shows.
const MOST: usize = 10;

/// What stays on the hub, and how it is taken back there. `last` names the run to type.
pub(super) fn stays(mut plan: Plan, sent: &[OnHub], last: &str) -> Plan {
    for one in sent {
        plan = plan.note(format!("the hub keeps it: {}", stands(one, one.put.as_ref())));
    }
    if !sent.is_empty() {
        plan = plan.note(format!("take it back there too: `gsync undo --hub {last}`"));
    }
    plan
}

/// The pushes that lead the hub back, after everything else: what others may see is last.
pub(super) fn back(
    mut plan: Plan,
    sent: &[OnHub],
    protected: &[String],
    run: &str,
) -> Result<Plan, Problem> {
    if sent.is_empty() {
        return Err(Problem::refuse("nothing-sent", format!("{run} sent nothing to a hub"))
            .hint("find the run that did, and name it: `gsync log`")
            .hint("take the last run back here: `gsync undo`"));
    }
    for one in sent {
        let Some(was) = &one.was else {
            let message = format!("where {} stood before {run} is not known", place(one));
            return Err(Problem::refuse("unknown-before", message)
                .because("the run is older than this version of gsync")
                .hint("look for it: `git reflog show --all`"));
        };
        if one.now == *was {
            plan = plan.note(format!("{} is there already", stands(one, was.as_ref())));
            continue;
        }
        if one.now != one.put {
            return Err(moved(one, run));
        }
        if let (Some(was), false) = (was, one.here) {
            let message = format!("{} is not in this repository any more", was.short());
            return Err(Problem::refuse("gone", message)
                .because(format!("{} stood there before {run}", place(one))));
        }
        plan = one.cut.iter().take(MOST).fold(plan, |plan, line| {
            let Line { id, summary, author } = line;
            plan.note(format!("takes from the hub: {} {summary} ({author})", id.short()))
        });
        if one.cut.len() > MOST {
            plan = plan.note(format!("and {} more", one.cut.len() - MOST));
        }
        let is_protected = one
            .name
            .branch()
            .is_some_and(|branch: Branch| protected.iter().any(|name| name == branch.as_str()));
        if !one.cut.is_empty() {
            plan = plan.note(seen_by_others(one, is_protected));
        }
        let lease = one.put.clone().unwrap_or_else(|| CommitId::new("0".repeat(40)));
        let push = PushRef { from: was.clone(), to: one.name.clone(), lease: Some(lease) };
        plan = plan.then(Step::Push { remote: one.remote.clone(), refs: vec![push] });
    }
    Ok(plan)
}

fn seen_by_others(one: &OnHub, is_protected: bool) -> String {
    let what = if is_protected { "a protected branch" } else { "the branch" };
    let commits = count(one.cut.len(), "commit");
    format!(
        "whoever fetched {what} {} since keeps {}: their next pull stops, names {}, and leaves \
         it to them to keep or to drop",
        plain(one.name.short()),
        if one.cut.len() == 1 { format!("that {commits}") } else { format!("those {commits}") },
        if one.cut.len() == 1 { "it" } else { "them" },
    )
}

fn moved(one: &OnHub, run: &str) -> Problem {
    let message = match &one.now {
        Some(now) => format!("{} moved since {run}: it is at {}", place(one), now.short()),
        None => format!("{} is gone since {run}", place(one)),
    };
    let problem = one.since.iter().take(MOST).fold(
        Problem::refuse("hub-moved", message),
        |problem, Line { id, summary, author }| {
            problem.because(format!("{} {summary} ({author})", id.short()))
        },
    );
    problem
        .because("nothing was changed: taking the push back would take that away too")
        .hint("take your commits back with new ones: `git revert COMMIT`")
        .hint("look at what is there: `gsync status --fetch`")
}

fn place(one: &OnHub) -> String {
    format!("{} on {}", plain(one.name.short()), plain(&one.remote))
}

fn stands(one: &OnHub, at: Option<&CommitId>) -> String {
    let (remote, name) = (plain(&one.remote), plain(one.name.short()));
    match at {
        Some(id) => format!("{remote} has {} on {name}", id.short()),
        None => format!("{remote} has no {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Exit, RefName};

    fn id(letter: char) -> CommitId {
        CommitId::new(letter.to_string().repeat(40))
    }

    fn sent(was: Option<char>, put: Option<char>, now: Option<char>) -> OnHub {
        OnHub {
            remote: "origin".into(),
            name: RefName::new("refs/heads/main"),
            put: put.map(id),
            was: Some(was.map(id)),
            now: now.map(id),
            here: true,
            cut: Vec::new(),
            since: Vec::new(),
        }
    }

    #[test]
    fn over_all_places_the_hub_is_led_back_only_from_exactly_what_the_run_put_there() {
        let places = [None, Some('a'), Some('b'), Some('c')];
        for was in places {
            for put in places.into_iter().filter(|put| *put != was) {
                for now in places {
                    let one = sent(was, put, now);
                    match back(Plan::new("undo"), &[one], &[], "r1") {
                        Ok(plan) if plan.steps.is_empty() => assert_eq!(now, was),
                        Ok(plan) => {
                            assert_eq!(now, put);
                            let [Step::Push { refs, .. }] = &plan.steps[..] else {
                                panic!("{plan:?}")
                            };
                            assert_eq!(refs[0].from, was.map(id));
                            let zero = CommitId::new("0".repeat(40));
                            assert_eq!(refs[0].lease, Some(put.map_or(zero, id)));
                        }
                        Err(problem) => {
                            assert!(now != put && now != was);
                            assert_eq!((problem.exit, problem.code), (Exit::Refused, "hub-moved"));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_not_known_or_was_never_sent_is_not_guessed() {
        let unknown = OnHub { was: None, ..sent(None, Some('a'), Some('a')) };
        let code = |sent: &[OnHub]| back(Plan::new("undo"), sent, &[], "r1").unwrap_err().code;
        assert_eq!(code(&[unknown]), "unknown-before");
        assert_eq!(code(&[]), "nothing-sent");
        assert_eq!(code(&[OnHub { here: false, ..sent(Some('b'), Some('a'), Some('a')) }]), "gone");
    }
}
