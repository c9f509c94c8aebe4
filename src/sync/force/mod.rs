//! `gsync push --force`, made harmless: only over a commit that was seen here, only if the hub
//! still has exactly that one, with what is cut off named and kept.

pub mod facts;

use crate::base::{
    Branch, Commit, CommitId, Operation, Problem, PushRef, RefName, Time, count, shell_quote,
};
use crate::plan::{Plan, Step};
use crate::sync::pull::in_progress;

/// Commits that are named one by one.
pub const NAMED: usize = 10;

/// What is known of the branch, here and on the hub.
#[derive(Debug, Clone)]
pub struct ForceFacts {
    /// The hub's name.
    pub remote: String,
    /// The current branch and its commit.
    pub at: Result<(Branch, CommitId), NoBranch>,
    /// Where the hub's branch stood when it was last fetched.
    pub seen: Option<CommitId>,
    /// Where it stands now.
    pub hub: Option<CommitId>,
    /// How what was seen stands to what would be pushed; nothing: it cannot be told here.
    pub relation: Option<Relation>,
    pub protected: bool,
    /// git is in the middle of this.
    pub operation: Option<Operation>,
    /// A free name to keep the old tip under.
    pub keep: RefName,
    pub now: Time,
}

/// Why there is no branch to push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoBranch {
    Detached,
    Unborn,
}

/// How the hub's branch stands to ours.
#[derive(Debug, Clone, Default)]
pub struct Relation {
    /// The newest commits that the hub has and we have not.
    pub cut: Vec<Commit>,
    /// How many there are, by author, the busiest first.
    pub authors: Vec<(String, usize)>,
    /// How many commits we have that the hub has not.
    pub added: usize,
}

impl Relation {
    pub fn cut_count(&self) -> usize {
        self.authors.iter().map(|(_, n)| n).sum()
    }
}

/// What `git push` needs to lead back.
pub fn way_back(plan: &Plan) -> Option<String> {
    plan.steps.iter().find_map(|step| {
        let Step::Push { remote, refs } = step else { return None };
        let push = refs.first()?;
        let (new, old) = (push.from.as_ref()?, push.lease.as_ref()?);
        let branch = push.to.short();
        let lease = shell_quote(&format!("--force-with-lease={branch}:{new}"));
        let spec = shell_quote(&format!("{old}:{}", push.to));
        Some(format!("git push {lease} {} {spec}", shell_quote(remote)))
    })
}

/// Decides what is pushed, or why nothing is.
pub fn plan(facts: &ForceFacts) -> Result<Plan, Problem> {
    let remote = &facts.remote;
    if let Some(operation) = facts.operation.filter(|operation| *operation != Operation::Bisect) {
        return Err(in_progress(operation));
    }
    let (branch, head) = match &facts.at {
        Ok(at) => at,
        Err(NoBranch::Detached) => {
            return Err(Problem::refuse("detached", "HEAD is not on a branch; nothing was pushed")
                .hint("go to the branch: `git switch BRANCH`"));
        }
        Err(NoBranch::Unborn) => {
            return Err(Problem::refuse("unborn", "this branch has no commit yet")
                .hint("make one: `git commit`"));
        }
    };
    let title = format!("push {branch} to {remote}");
    if facts.hub != facts.seen {
        return Err(moved(facts, branch));
    }
    let Some(old) = &facts.hub else {
        return Ok(Plan::new(title).then(push(remote, branch, head, None)));
    };
    if old == head {
        let plan = Plan::new(title);
        return Ok(plan.note(format!("{remote} has exactly this commit, {}", head.short())));
    }
    let Some(relation) = &facts.relation else {
        return Err(Problem::blind(
            "unknown-commits",
            format!("{} is not whole here, so what would be cut off is not known", old.short()),
        )
        .hint(format!("fetch it: `git fetch --unshallow {}`", shell_quote(remote))));
    };
    if relation.cut_count() == 0 {
        return Ok(Plan::new(title).then(push(remote, branch, head, None)));
    }
    let lost = count(relation.cut_count(), "commit");
    if facts.protected {
        let name = branch.as_str();
        return Err(named(
            Problem::refuse(
                "protected-branch",
                format!("{name} is a protected branch, and {lost} would be cut off"),
            ),
            facts,
            relation,
        )
        .hint("bring their commits in instead: `gsync pull`")
        .hint("take a commit back with a new one: `git revert COMMIT`"));
    }
    let mut plan = Plan::new(format!("{title} over {lost}"))
        .then(Step::SetRef { name: facts.keep.clone(), to: Some(old.clone()), expect: None })
        .then(push(remote, branch, head, Some(old)));
    plan.notes = notes(facts, relation);
    plan.notes.push(format!("{} stays here as {}", old.short(), facts.keep));
    Ok(plan)
}

fn push(remote: &str, branch: &Branch, head: &CommitId, lease: Option<&CommitId>) -> Step {
    let push = PushRef { from: Some(head.clone()), to: branch.full(), lease: lease.cloned() };
    Step::Push { remote: remote.to_owned(), refs: vec![push] }
}

/// The hub's branch is not where it was seen: whoever moved it is not passed over unseen.
fn moved(facts: &ForceFacts, branch: &Branch) -> Problem {
    let remote = &facts.remote;
    let message = match (&facts.hub, &facts.seen) {
        (Some(hub), Some(seen)) => format!(
            "{remote} has {} on {branch}, and what was last seen here is {}",
            hub.short(),
            seen.short()
        ),
        (Some(hub), None) => {
            format!("{remote} has {} on {branch}, which was never seen here", hub.short())
        }
        (None, _) => format!("{branch} is gone on {remote}, since it was last seen here"),
    };
    let problem = Problem::refuse("hub-moved", message)
        .because("only what was seen may be cut off; nothing was pushed");
    match facts.hub {
        Some(_) => problem.hint("look at what is there: `gsync status --fetch`"),
        None => problem
            .hint(format!("forget what was there: `git fetch --prune {}`", shell_quote(remote))),
    }
}

fn named(mut problem: Problem, facts: &ForceFacts, relation: &Relation) -> Problem {
    problem.because.extend(notes(facts, relation));
    problem
}

/// What is cut off, commit by commit, and whose it is.
fn notes(facts: &ForceFacts, relation: &Relation) -> Vec<String> {
    let mut notes: Vec<String> = relation
        .cut
        .iter()
        .map(|commit| {
            let Commit { id, summary, author, time } = commit;
            let ago = time.ago(facts.now);
            format!("cuts off {} {summary} ({author}, {ago})", id.short())
        })
        .collect();
    let more = relation.cut_count().saturating_sub(relation.cut.len());
    if more > 0 {
        notes.push(format!("cuts off {more} more"));
    }
    let authors = relation.authors.iter().map(|(author, n)| format!("{author} ({n})"));
    notes.push(format!("they are by {}", authors.collect::<Vec<_>>().join(", ")));
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Exit;

    fn id(letter: char) -> CommitId {
        CommitId::new(letter.to_string().repeat(40))
    }

    fn facts() -> ForceFacts {
        let commit = Commit {
            id: id('b'),
            summary: "theirs".into(),
            author: "Grace".into(),
            time: Time(1000),
        };
        ForceFacts {
            remote: "origin".into(),
            at: Ok((Branch::new("topic"), id('a'))),
            seen: Some(id('b')),
            hub: Some(id('b')),
            relation: Some(Relation {
                cut: vec![commit],
                authors: vec![("Grace".into(), 1)],
                added: 1,
            }),
            protected: false,
            operation: None,
            keep: RefName::new("refs/gsync/undo/pushed/1"),
            now: Time(1060),
        }
    }

    #[test]
    fn the_old_tip_is_kept_before_the_push_and_the_push_is_leased_on_it() {
        let plan = plan(&facts()).unwrap();
        let steps: Vec<_> = plan.steps.iter().map(ToString::to_string).collect();
        assert_eq!(
            steps,
            [
                "git update-ref refs/gsync/undo/pushed/1 bbbbbbb",
                "git push origin --force-with-lease=refs/heads/topic:bbbbbbb aaaaaaa:topic"
            ]
        );
        assert_eq!(plan.notes[0], "cuts off bbbbbbb theirs (Grace, 60 seconds ago)");
        let (a, b) = (id('a'), id('b'));
        let back = format!("git push --force-with-lease=topic:{a} origin {b}:refs/heads/topic");
        assert_eq!(way_back(&plan), Some(back));
    }

    #[test]
    fn over_all_positions_of_the_hub_nothing_unseen_is_ever_leased_away() {
        let places = [None, Some(id('a')), Some(id('b')), Some(id('c'))];
        for hub in &places {
            for seen in &places {
                let facts = ForceFacts { hub: hub.clone(), seen: seen.clone(), ..facts() };
                match plan(&facts) {
                    Ok(plan) => {
                        assert_eq!(hub, seen);
                        let empty = plan.steps.is_empty();
                        assert_eq!(empty, *hub == Some(id('a')), "equal: nothing to do");
                        for step in &plan.steps {
                            if let Step::Push { refs, .. } = step {
                                assert_eq!(refs[0].lease, *seen);
                            }
                        }
                    }
                    Err(problem) => {
                        assert_ne!(hub, seen);
                        assert_eq!((problem.exit, problem.code), (Exit::Refused, "hub-moved"));
                    }
                }
            }
        }
    }

    #[test]
    fn a_fast_forward_needs_no_force_even_on_a_protected_branch() {
        let relation = Some(Relation { added: 2, ..Relation::default() });
        let facts = ForceFacts { relation, protected: true, ..facts() };
        let plan = plan(&facts).unwrap();
        assert_eq!(plan.steps.len(), 1);
        assert_eq!(plan.steps[0].to_string(), "git push origin aaaaaaa:topic");
        assert_eq!(way_back(&plan), None);
    }

    #[test]
    fn a_protected_branch_is_not_rewritten_and_a_detached_head_is_no_branch() {
        let refused = plan(&ForceFacts { protected: true, ..facts() }).unwrap_err();
        assert_eq!((refused.exit, refused.code), (Exit::Refused, "protected-branch"));
        assert!(refused.because[0].contains("theirs"));
        let refused = plan(&ForceFacts { at: Err(NoBranch::Detached), ..facts() }).unwrap_err();
        assert_eq!((refused.exit, refused.code), (Exit::Refused, "detached"));
    }

    #[test]
    fn what_cannot_be_named_is_not_cut_off() {
        let blind = plan(&ForceFacts { relation: None, ..facts() }).unwrap_err();
        assert_eq!(blind.exit, Exit::Blind);
    }
}
