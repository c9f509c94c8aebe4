//! Bringing up what shall run and does not, after the machine was started anew. Only what nobody
//! runs is touched: LIVE that runs is left alone here too.

use super::{Facts, standby};
use crate::plan::serve::Activate;
use crate::plan::{Deed, Plan};

/// Starts what an environment ran before, and proves it.
pub fn plan(facts: &Facts, env: &str) -> Plan {
    let plan = Plan::new(format!("start {env} of {}", facts.app.name));
    let Some(release) = facts.build(env) else { return plan };
    let proof = facts.proof(env, release.clone());
    let deed = Deed::Activate(Box::new(Activate {
        home: proof.home.clone(),
        release: Some(release.clone()),
        former: Some(release),
        keeper: proof.keeper.clone(),
        port: proof.port,
        log: proof.log.clone(),
        vars: standby::vars(facts, env),
        health: None,
        back: false,
    }));
    plan.then(facts.step(env, deed)).then(facts.step(env, Deed::Prove(Box::new(proof))))
}
