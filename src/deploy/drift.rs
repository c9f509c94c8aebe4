//! Whether all who can tell agree on what is LIVE and what runs. Any disagreement stops changes:
//! a deploy to the wrong side would be one to the users.

use super::state::EnvState;
use super::{Facts, Seen};
use crate::base::{CommitId, Problem, plain};
use crate::plan::{Deed, Plan};

/// What does not fit together, in a line.
pub fn drift(facts: &Facts) -> Option<String> {
    if let Some(split) = &facts.sources.split {
        return Some(format!("haproxy does not say one thing: {}", plain(&split.said)));
    }
    let Some(proxy) = &facts.sources.proxy else {
        return Some("what leads the traffic is not there".into());
    };
    if !facts.app.env.contains_key(proxy) {
        return Some(format!("the traffic is led to `{}`, which is no environment", plain(proxy)));
    }
    let Some(state) = &facts.state else {
        return Some("there is no record of what is LIVE".into());
    };
    if let Some(live) = &state.live
        && live != proxy
    {
        return Some(format!("the traffic is led to {proxy}, and the record says {}", plain(live)));
    }
    if let Some(probe) = &facts.sources.probe
        && probe != proxy
    {
        return Some(format!("the traffic is led to {proxy}, and {} answers", plain(probe)));
    }
    // What could not be looked at is no drift: it stops whatever would need it by itself.
    for (name, env) in facts.envs.iter().filter(|(_, env)| env.unseen.is_none()) {
        let recorded = state.envs.get(name).map(|env| env.release.as_str());
        let current = env.current.as_deref();
        if recorded != current {
            let word = |it: Option<&str>| it.map_or("nothing".into(), plain);
            return Some(format!(
                "{name} points to {}, and the record says {}",
                word(current),
                word(recorded)
            ));
        }
    }
    None
}

/// What a release directory was made of, as far as that can be found out.
pub type Found = Vec<(String, CommitId, String)>;

/// The plan that takes what is so for what shall be: the record follows the world. `found` says
/// for each release that is in use of which commit and version it is.
pub fn reconcile(facts: &Facts, found: &Found) -> Result<Plan, Problem> {
    let plan = Plan::new(format!("reconcile {}", facts.app.name));
    let Some(drift) = drift(facts) else { return Ok(plan) };
    facts.envs.keys().try_for_each(|env| facts.seen(env))?;
    let known = |live: &&String| facts.app.env.contains_key(live.as_str());
    let recorded = facts.state.as_ref().and_then(|state| state.live.as_ref());
    let proxied = facts.sources.proxy.as_ref().filter(known);
    let split = facts.sources.split.as_ref();
    if split.is_some() || proxied.is_none() && facts.app.traffic.haproxy.is_some() {
        // What the users get stays what they get; else what was said last.
        let memory = split.and_then(|split| split.memory.as_ref());
        let live = memory.filter(known).or(recorded.filter(known));
        let Some(live) = live else { return Err(nobody(facts, drift)) };
        // Somebody else serves the users: they are not led from there to one that is ill.
        if let (Some(_), Seen::Failing(why)) = (&facts.sources.proxy, &facts.env(live).health) {
            return Err(Problem::refuse("drift", drift)
                .because(format!("{} was LIVE and is not well: {}", plain(live), plain(why)))
                .hint("start what does not run: `gsync app start`")
                .hint("look at it: `gsync envs`"));
        }
        let (from, to) = (live.clone(), live.clone());
        let lead = Deed::Switch { traffic: facts.traffic(), from, to, gate: false };
        let mut state = facts.next("reconcile");
        (state.from, state.to) = (recorded.cloned(), Some(live.clone()));
        state.live = Some(live.clone());
        if recorded != Some(live) {
            state.way_back = None;
        }
        return Ok(plan.then(facts.step("", lead)).then(facts.record(&state)?).note(drift));
    }
    let Some(live) = proxied else {
        let problem = Problem::refuse("drift", drift);
        return Err(match recorded.filter(known) {
            Some(live) => problem.because(format!("the record says that {live} is LIVE")),
            None => problem,
        }
        .hint(by_hand(facts)));
    };
    let mut state = facts.next("reconcile");
    state.from = recorded.cloned();
    state.to = Some(live.clone());
    state.live = Some(live.clone());
    state.way_back = None;
    for (name, env) in &facts.envs {
        let same = state.envs.get(name).map(|it| it.release.as_str()) == env.current.as_deref();
        if same {
            continue;
        }
        state.envs.remove(name);
        let Some(current) = &env.current else { continue };
        if let Some((_, commit, version)) = found.iter().find(|(release, ..)| release == current) {
            let it = EnvState {
                version: version.clone(),
                commit: commit.clone(),
                release: current.clone(),
                deployed_at: "now".into(),
                deployed_by: facts.who.clone(),
            };
            state.envs.insert(name.clone(), it);
        } else {
            return Err(Problem::refuse("drift", drift)
                .because(format!("of which commit {} is, is not known", plain(current)))
                .hint("deploy anew once it points to a release of `gsync`'s"));
        }
    }
    let seqs = facts.envs.values().flat_map(|env| env.releases.iter().chain(&env.failed));
    state.seq = seqs.filter_map(|name| super::standby::seq(name)).max().unwrap_or(0).max(state.seq);
    Ok(plan.then(facts.record(&state)?).note(drift))
}

/// What puts a drift in order, in a line: a command, or a hand where a link is all that says who
/// is LIVE, and says nothing.
pub(super) fn order(facts: &Facts) -> String {
    let leads = facts.sources.proxy.as_ref().is_some_and(|env| facts.app.env.contains_key(env));
    match leads || facts.app.traffic.haproxy.is_some() {
        true => "bring it in order: `gsync envs --reconcile`".to_owned(),
        false => by_hand(facts),
    }
}

fn by_hand(facts: &Facts) -> String {
    let recorded = facts.state.as_ref().and_then(|state| state.live.as_ref());
    let link = link(facts);
    match recorded.filter(|env| facts.app.env.contains_key(env.as_str())) {
        Some(live) => format!("put it back by hand: `ln -sfn {live} {link}`"),
        None => format!("say which one it is: `ln -sfn ENV {link}`"),
    }
}

/// What to do about a drift, as hints: by `--reconcile`, or by hand where that refuses.
pub fn way_out(facts: &Facts, found: &Found) -> Vec<String> {
    let command = "`gsync envs --reconcile`";
    let plan = match reconcile(facts, found) {
        Ok(plan) => plan,
        Err(problem) => return problem.hints,
    };
    let switched = plan.steps.iter().find_map(|step| match step {
        crate::plan::Step::Serve(serve) => match &serve.deed {
            Deed::Switch { to, .. } => Some(to),
            _ => None,
        },
        _ => None,
    });
    vec![match switched {
        Some(to) => format!("lead all traffic to {}: {command}", plain(to)),
        None => format!("take it as it is: {command}"),
    }]
}

/// Nothing says to which environment HAProxy shall lead.
fn nobody(facts: &Facts, drift: String) -> Problem {
    let map = facts.app.traffic.haproxy.as_ref().map_or("its map", |it| it.map.as_str());
    Problem::refuse("drift", drift)
        .because("and nothing says which environment was LIVE".to_owned())
        .hint(format!(
            "write the line of {} into {}, and reload haproxy",
            facts.app.name,
            plain(map)
        ))
}

fn link(facts: &Facts) -> String {
    let at = facts.home.join(facts.app.link().unwrap_or("live"));
    crate::base::shell_quote(&at.to_string_lossy())
}
