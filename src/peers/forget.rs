//! Taking an entry off the hub, of a clone that is no more.

use super::memory::Memory;
use super::name;
use super::view::View;
use crate::base::{CommitId, PeerId, Problem, PushRef, RefName, Time, nearest, plain};
use crate::plan::{Plan, Step};

/// What is known.
#[derive(Debug, Clone)]
pub struct Facts {
    pub remote: String,
    /// What the hub has at this moment.
    pub memory: Memory,
    /// The same, as it is shown; oneself included.
    pub view: View,
    /// Under which name this work tree is known itself.
    pub own: PeerId,
    pub now: Time,
}

/// Plans it. Somebody who was heard of lately is forgotten only with `force`.
pub fn plan(facts: &Facts, id: &str, force: bool) -> Result<Plan, Problem> {
    let id = PeerId::new(id);
    let known = name::is_valid(&id).then(|| facts.memory.find(&id)).flatten();
    let Some(known) = known else { return Err(unknown(facts, &id)) };
    let seen = facts.view.peers.iter().find(|peer| peer.id == id);
    if let Some(seen) = seen.filter(|seen| !seen.gone && !force && id != facts.own) {
        let ago = seen.seen_at.ago(facts.now);
        let message = format!("{id} was heard of {ago}");
        return Err(Problem::refuse("alive", message)
            .because("an entry goes by itself from what is shown when `[peers] ttl` is over")
            .hint(format!(
                "forget it all the same: `gsync peers forget {} --force`",
                quoted(&id)
            )));
    }
    let mut refs = vec![take_away(name::entry_ref(&id), &known.commit)];
    if let Some(content) = facts.memory.content(&id) {
        refs.push(take_away(name::content_ref(&id), &content.commit));
    }
    let step = Step::Push { remote: facts.remote.clone(), refs };
    Ok(Plan::new(format!("forget the peer {id}")).then(step))
}

fn take_away(name: RefName, stands: &CommitId) -> PushRef {
    PushRef { from: None, to: name, lease: Some(stands.clone()) }
}

fn quoted(id: &PeerId) -> String {
    crate::base::shell_quote(id.as_str())
}

fn unknown(facts: &Facts, id: &PeerId) -> Problem {
    let remote = plain(&facts.remote);
    let typed = plain(id.as_str());
    let problem = Problem::refuse("no-such-peer", format!("{remote} has no peer `{typed}`"));
    let known = facts.memory.peers.iter().map(|known| known.id.as_str());
    match nearest(id.as_str(), known) {
        Some(near) => problem.hint(format!(
            "forget that one: `gsync peers forget {}`",
            crate::base::shell_quote(near)
        )),
        None => problem.hint("see who is there: `gsync peers`"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::tests::entry;
    use super::super::memory::{Content, Known};
    use super::super::view::{Mine, view};
    use super::*;

    fn facts(age: i64) -> Facts {
        let entry = entry("qc@laptop");
        let now = Time(entry.time.0 + age);
        let commit = CommitId::new("c".repeat(40));
        let known = Known {
            id: entry.id.clone(),
            commit: commit.clone(),
            met: entry.time,
            entry: Some(entry.clone()),
        };
        let contents = vec![Content { id: entry.id, commit, here: false }];
        let memory = Memory { peers: vec![known], contents, ..Memory::default() };
        let view = view(&memory, &Mine::default(), now, 86400);
        Facts { remote: "origin".into(), memory, view, own: PeerId::new("own@x"), now }
    }

    #[test]
    fn whoever_was_heard_of_lately_is_forgotten_only_by_force() {
        let problem = plan(&facts(60), "qc@laptop", false).unwrap_err();
        assert_eq!(problem.code, "alive");
        assert_eq!(plan(&facts(60), "qc@laptop", true).unwrap().steps.len(), 1);
        let plan = plan(&facts(90_000), "qc@laptop", false).unwrap();
        let Step::Push { refs, .. } = &plan.steps[0] else { panic!() };
        assert!(refs.len() == 2 && refs.iter().all(|r| r.from.is_none() && r.lease.is_some()));
    }

    #[test]
    fn one_s_own_entry_needs_no_force() {
        let own = Facts { own: PeerId::new("qc@laptop"), ..facts(60) };
        assert_eq!(plan(&own, "qc@laptop", false).unwrap().steps.len(), 1);
    }

    #[test]
    fn nobody_is_forgotten_by_a_name_that_is_not_there() {
        let problem = plan(&facts(0), "qc@lapto", true).unwrap_err();
        assert!(problem.hints[0].contains("qc@laptop"), "{problem:?}");
        for id in ["../../heads/main", "", "x"] {
            assert_eq!(plan(&facts(0), id, true).unwrap_err().code, "no-such-peer");
        }
    }
}
