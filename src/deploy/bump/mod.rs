//! `gsync bump`: a new version, committed, tagged, on the hub, and then on STANDBY.

pub mod facts;
mod files;
mod json;
mod version;

use crate::base::{Carry, CommitId, Place, Problem, PushRef, RefName};
use crate::plan::{Plan, Step};
use facts::Made;

pub use files::carried;
pub use version::Part;

/// Where a bump starts: a clean branch that is what the hub has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    pub branch: RefName,
    pub place: Place,
    pub snapshot: CommitId,
    /// The name that the snapshot is kept under.
    pub keep: RefName,
    /// The hub, and the branch there.
    pub hub: (String, RefName),
    /// The app's remote, if it has one.
    pub app: Option<String>,
}

/// The plan: all that can be taken back first, then the hub, and the server last.
pub fn plan(ground: &Ground, made: &Made) -> Result<Plan, Problem> {
    let new = &made.new;
    if made.old.as_ref().is_some_and(|old| new <= old) {
        let old = made.old.as_ref().map(ToString::to_string).unwrap_or_default();
        return Err(Problem::refuse("not-newer", format!("{new} is not newer than {old}"))
            .hint("name a version that comes after it: `gsync bump minor`"));
    }
    if let Some(taken) = &made.taken {
        let why = format!("the tag v{new} is taken: it names {}", taken.short());
        return Err(Problem::refuse("tag-taken", why)
            .hint("take another version: `gsync bump VERSION`")
            .hint(format!("remove it if it was never used: `git tag -d v{new}`")));
    }
    let from = ground.place.commit.clone();
    let Some(tip) = made.to.commit.clone().or(from.clone()) else {
        return Err(Problem::refuse("unborn", "there is no commit yet"));
    };
    let old = made.old.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
    let mut plan = Plan::new(format!("bump {old} to {new}"));
    if made.to != ground.place {
        let carry = Carry {
            branch: ground.branch.clone(),
            from: ground.place.clone(),
            to: made.to.clone(),
            forget: Vec::new(),
            hollow: Vec::new(),
            hollow_after: Vec::new(),
            restore: None,
            reflog: format!("gsync bump: {new}"),
            snapshot: ground.snapshot.clone(),
        };
        plan = plan
            .then(Step::Keep { name: ground.keep.clone(), snapshot: ground.snapshot.clone() })
            .then(Step::Carry(Box::new(carry)));
    }
    let none = CommitId::new("0".repeat(tip.as_str().len()));
    let tag = |lease| PushRef { from: Some(made.tag_id.clone()), to: made.tag.clone(), lease };
    let (hub, there) = &ground.hub;
    let branch = PushRef { from: Some(tip.clone()), to: there.clone(), lease: from };
    plan = plan
        .then(Step::SetRef { name: made.tag.clone(), to: Some(made.tag_id.clone()), expect: None })
        // All or none: a tag without its commit on the branch would be a lie.
        .then(Step::Push { remote: hub.clone(), refs: vec![branch, tag(Some(none.clone()))] });
    if let Some(app) = &ground.app {
        let mut refs = vec![PushRef { from: Some(tip), to: ground.branch.clone(), lease: None }];
        if made.files.is_empty() {
            // Only the tag says which version it is.
            refs.push(tag(None));
        }
        plan = plan.then(Step::Push { remote: app.clone(), refs });
    }
    Ok(made.files.iter().fold(plan, |plan, path| plan.note(format!("{path}: {old} to {new}"))))
}

#[cfg(test)]
mod tests {
    use semver::Version;

    use super::*;

    fn id(letter: &str) -> CommitId {
        CommitId::new(letter.repeat(40))
    }

    fn place(letter: &str) -> Place {
        Place { commit: Some(id(letter)), index: id(letter), work: id(letter) }
    }

    fn ground(app: Option<&str>) -> Ground {
        Ground {
            branch: RefName::new("refs/heads/main"),
            place: place("a"),
            snapshot: id("5"),
            keep: RefName::new("refs/gsync/undo/main/1"),
            hub: ("origin".into(), RefName::new("refs/heads/main")),
            app: app.map(String::from),
        }
    }

    fn made(old: &str, new: &str) -> Made {
        Made {
            old: Version::parse(old).ok(),
            new: Version::parse(new).unwrap(),
            files: vec!["VERSION".into()],
            to: place("b"),
            tag: RefName::new(format!("refs/tags/v{new}")),
            tag_id: id("c"),
            taken: None,
        }
    }

    #[test]
    fn what_others_see_comes_last_the_hub_before_the_server() {
        let plan = plan(&ground(Some("deploy")), &made("1.0.0", "1.0.1")).unwrap();
        let finals: Vec<bool> = plan.steps.iter().map(Step::is_final).collect();
        assert_eq!(finals, [false, false, false, true, true]);
        let remotes: Vec<&str> = plan
            .steps
            .iter()
            .filter_map(|step| match step {
                Step::Push { remote, .. } => Some(remote.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(remotes, ["origin", "deploy"]);
    }

    #[test]
    fn the_hub_takes_branch_and_tag_only_where_both_are_as_we_saw_them() {
        let plan = plan(&ground(None), &made("1.0.0", "1.0.1")).unwrap();
        let Some(Step::Push { refs, .. }) = plan.steps.last() else { panic!("{plan:?}") };
        let leases: Vec<_> = refs.iter().map(|push| push.lease.clone()).collect();
        assert_eq!(leases, [Some(id("a")), Some(id("0"))]);
    }

    #[test]
    fn neither_an_older_version_nor_one_whose_tag_is_taken_is_made() {
        for (old, new) in [("1.0.0", "1.0.0"), ("1.0.0", "0.9.0"), ("1.0.0", "1.0.0-rc.1")] {
            assert_eq!(plan(&ground(None), &made(old, new)).unwrap_err().code, "not-newer");
        }
        let taken = Made { taken: Some(id("d")), ..made("1.0.0", "1.0.1") };
        assert_eq!(plan(&ground(None), &taken).unwrap_err().code, "tag-taken");
    }

    #[test]
    fn without_a_file_that_carries_a_version_only_the_tag_is_made_and_the_server_gets_it() {
        let bare = Made { files: vec![], to: place("a"), ..made("1.0.0", "1.0.1") };
        let plan = plan(&ground(Some("deploy")), &bare).unwrap();
        assert!(!plan.steps.iter().any(|step| matches!(step, Step::Carry(_))));
        let Some(Step::Push { refs, .. }) = plan.steps.last() else { panic!("{plan:?}") };
        assert_eq!(refs.len(), 2);
    }
}
