//! Old release directories go: those that worked but for the newest few, those that failed but
//! for two to look at, and what killed deploys left. Nothing of LIVE, nothing that is in use.

use super::Facts;
use crate::base::Problem;
use crate::plan::{Deed, Plan};

/// How many failed releases are kept to be looked at.
const FAILED: usize = 2;

/// The plan that tidies STANDBY.
pub fn plan(facts: &Facts) -> Result<Plan, Problem> {
    let (_, standby) = facts.sides()?;
    facts.seen(standby)?;
    let env = facts.env(standby);
    let way_back = facts.state.as_ref().and_then(|state| state.way_back.clone());
    let in_use = |name: &str| {
        env.current.as_deref() == Some(name)
            || way_back.as_deref() == Some(super::standby::way(standby, name).as_str())
            || facts.build(standby).is_some_and(|build| build.name() == name)
    };
    let old = |names: &[String], keep: usize| -> Vec<String> {
        let end = names.len().saturating_sub(keep);
        names[..end].iter().filter(|name| !in_use(name)).cloned().collect()
    };
    let mut gone = old(&env.releases, facts.app.keep);
    gone.extend(old(&env.failed, FAILED));
    gone.extend(env.leftovers.clone());
    let plan = Plan::new(format!("tidy {standby} of {}", facts.app.name));
    if gone.is_empty() {
        return Ok(plan);
    }
    let dirs = gone.iter().map(|name| env.home.join("releases").join(name)).collect();
    Ok(plan.then(facts.step(standby, Deed::Prune { dirs })))
}
