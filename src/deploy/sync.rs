//! STANDBY becomes what LIVE is, ready for the next deploy.

use super::{Facts, Target, standby};
use crate::base::Problem;
use crate::plan::Plan;

/// The plan of `gsync sync`.
pub fn plan(facts: &Facts, cut: bool) -> Result<Plan, Problem> {
    let (live, standby) = facts.sides()?;
    let Some(build) = facts.build(live) else {
        return Err(Problem::refuse(
            "nothing-live",
            format!("{live} is LIVE and runs nothing yet"),
        )
        .hint("release something first: `gsync release`"));
    };
    let target = Target { commit: build.commit, version: build.version };
    let wish = standby::Wish { what: "sync", target, again: false, reuse: true, cut, branch: None };
    let _ = standby;
    standby::plan(facts, &wish)
}
