//! What `gsync tidy --apply` deletes: what is contained in the default branch, and ways back
//! that are too old. Nothing else, however dead it looks.

use super::{Answer, Drift};
use crate::base::{CommitId, PushRef, RefName, count, plain};
use crate::plan::{Plan, Step};

/// Local refs first, each of them only if it still stands where it was seen; the hub last.
pub fn plan(drift: &Drift, answer: &Answer) -> Plan {
    let mut plan = Plan::new("tidy");
    let gone = |name: &RefName, tip: &CommitId| Step::SetRef {
        name: name.clone(),
        to: None,
        expect: Some(tip.clone()),
    };
    for branch in drift.branches.iter().filter(|branch| branch.can_go()) {
        plan.steps.push(gone(&branch.name, &branch.tip));
    }
    for snapshot in &drift.expired {
        plan.steps.push(gone(&snapshot.name, &snapshot.commit));
        plan.notes.push(format!(
            "{} was {}, made {}",
            snapshot.name,
            snapshot.commit.short(),
            snapshot.made_at.ago(drift.now)
        ));
    }
    if !drift.expired.is_empty() {
        plan.notes.push(
            "what only those ways back held is no longer reachable: git deletes it when it \
             next cleans up; until then `gsync undo` brings them back"
                .to_owned(),
        );
    }
    let refs = on_hub(drift, answer, &mut plan.notes);
    if !refs.is_empty() {
        for push in &refs {
            let tip = push.lease.as_ref().map_or("", CommitId::as_str);
            let (hub, name) = (&drift.hub, &push.to);
            let back = format!("git push {hub} {tip}:{name}");
            plan.notes.push(format!("the way back of {}: `{back}`", plain(name.short())));
        }
        plan.steps.push(Step::Push { remote: drift.hub.clone(), refs });
    }
    plan
}

/// What goes from the hub. It is asked first: what was cached may be long out of date, and one
/// branch that is not as expected would stop all.
fn on_hub(drift: &Drift, answer: &Answer, notes: &mut Vec<String>) -> Vec<PushRef> {
    let wanted: Vec<_> = drift.hub_branches.iter().filter(|branch| branch.can_go()).collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let left = format!("{} on {} left alone", count(wanted.len(), "merged branch"), drift.hub);
    let left = left.replace("branchs", "branches");
    let tips = match answer {
        Answer::Tips(tips) => tips,
        Answer::Unreachable(why) => {
            notes.push(format!("{left}: it cannot be asked ({})", plain(why)));
            return Vec::new();
        }
    };
    let tip = |name: &RefName| tips.iter().find(|(at, _)| at == name).map(|(_, tip)| tip);
    let default = drift.default.short().strip_prefix(&format!("{}/", drift.hub));
    let default = RefName::new(format!("refs/heads/{}", default.unwrap_or_default()));
    if tip(&default).is_none() || tip(&default) != drift.default_tip.as_ref() {
        notes.push(format!("{left}: its {} has moved, fetch first", default.short()));
        return Vec::new();
    }
    let still = wanted.into_iter().filter(|branch| tip(&branch.name) == Some(&branch.tip));
    let delete = |branch: &super::HubBranch| PushRef {
        from: None,
        to: branch.name.clone(),
        lease: Some(branch.tip.clone()),
    };
    still.map(delete).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{HubBranch, LocalBranch, Merged, Snapshot, Upstream};
    use super::*;
    use crate::base::Time;

    fn id(letter: char) -> CommitId {
        CommitId::new(letter.to_string().repeat(40))
    }

    fn drift() -> Drift {
        Drift {
            hub: "origin".into(),
            default: RefName::new("refs/remotes/origin/main"),
            default_tip: Some(id('f')),
            fetched_at: None,
            branches: Vec::new(),
            hub_branches: Vec::new(),
            stashes: Vec::new(),
            expired: Vec::new(),
            snapshots: 0,
            old_runs: Vec::new(),
            peers: Vec::new(),
            keep: 60,
            now: Time(1000),
        }
    }

    fn hub_branch(merged: Merged) -> HubBranch {
        HubBranch {
            name: RefName::new("refs/heads/old"),
            tip: id('a'),
            time: Time(0),
            author: "Ada".into(),
            merged,
            protected: false,
            in_use: false,
        }
    }

    fn tips(main: char, old: char) -> Answer {
        Answer::Tips(vec![
            (RefName::new("refs/heads/main"), id(main)),
            (RefName::new("refs/heads/old"), id(old)),
        ])
    }

    #[test]
    fn over_all_local_branches_only_what_is_contained_and_free_and_unprotected_goes() {
        for merged in [Merged::Yes, Merged::Even, Merged::Probably, Merged::No] {
            for upstream in [Upstream::None, Upstream::There, Upstream::Gone] {
                for worktree in [None, Some("/w".into())] {
                    for protected in [false, true] {
                        let branch = LocalBranch {
                            name: RefName::new("refs/heads/x"),
                            tip: id('a'),
                            time: Time(0),
                            merged,
                            upstream,
                            unpushed: 0,
                            worktree: worktree.clone(),
                            protected,
                        };
                        let drift = Drift { branches: vec![branch], ..drift() };
                        let plan = plan(&drift, &tips('f', 'a'));
                        let goes = merged == Merged::Yes && worktree.is_none() && !protected;
                        assert_eq!(plan.steps.len(), usize::from(goes), "{drift:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_hub_comes_last_and_under_a_lease() {
        let expired = vec![Snapshot {
            name: RefName::new("refs/gsync/undo/main/1"),
            commit: id('b'),
            made_at: Time(0),
        }];
        let drift = Drift { hub_branches: vec![hub_branch(Merged::Yes)], expired, ..drift() };
        let plan = plan(&drift, &tips('f', 'a'));
        let steps: Vec<_> = plan.steps.iter().map(ToString::to_string).collect();
        let push = "git push origin --force-with-lease=refs/heads/old:aaaaaaa :old";
        assert_eq!(steps, ["git update-ref -d refs/gsync/undo/main/1", push]);
        assert!(plan.notes[0].contains("refs/gsync/undo/main/1 was bbbbbbb"), "{:?}", plan.notes);
    }

    #[test]
    fn nothing_goes_from_a_hub_that_moved_or_does_not_answer() {
        let drift = Drift { hub_branches: vec![hub_branch(Merged::Yes)], ..drift() };
        for (answer, steps) in [
            (tips('f', 'a'), 1),
            (tips('f', 'c'), 0),
            (tips('e', 'a'), 0),
            (Answer::Tips(Vec::new()), 0),
            (Answer::Unreachable("no route".into()), 0),
        ] {
            assert_eq!(plan(&drift, &answer).steps.len(), steps, "{answer:?}");
        }
        let even = Drift { hub_branches: vec![hub_branch(Merged::Even)], ..drift };
        assert!(plan(&even, &tips('f', 'a')).steps.is_empty());
    }
}
