//! A server deployed a commit: the handoffs whose work is in it are done, whether or not
//! somebody had acknowledged them.
//!
//! For the room of deploys: `facts::hub::deployed` finds them in a bare repository, [`plan`]
//! makes one step of it, which moves the branch of that repository (compare and swap, no hook
//! is asked), or, with a remote, pushes to the hub. Nothing to mark is an empty plan.

use super::facts::hub::Found;
use super::life::{Move, next};
use super::value::Value;
use crate::base::{Bytes, CommitId, RefName, Time, plain};
use crate::plan::{Plan, Publish, Step};

/// What was deployed, and where that is to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// Nothing: the handoffs are on a branch of this repository.
    pub remote: Option<String>,
    pub branch: RefName,
    /// Where that branch stands.
    pub on: CommitId,
    pub env: String,
    pub commit: CommitId,
    /// `shop@server`
    pub by: String,
    pub now: Time,
}

/// The plan that marks these handoffs done.
pub fn plan(deployed: &Deployed, found: &[Found]) -> Plan {
    let day: String = deployed.now.rfc3339().chars().take(10).collect();
    let mut ids = Vec::new();
    let mut files = Vec::new();
    for one in found {
        let Ok(state) = next(&one.handoff.id, one.shown, Move::Deployed) else { continue };
        let mut document = one.document.clone();
        document.set("status", Value::text(state.word()));
        let words = [
            ("by", deployed.by.as_str()),
            ("date", day.as_str()),
            ("env", deployed.env.as_str()),
            ("commit", deployed.commit.as_str()),
        ];
        let words = words.map(|(key, text)| (key.to_owned(), Value::text(text)));
        document.set("done", Value::Map(words.to_vec()));
        files.push((one.path.clone(), Bytes(document.write().into_bytes())));
        ids.push(one.handoff.id.clone());
    }
    let title = format!("mark what {} deployed", plain(&deployed.env));
    if files.is_empty() {
        return Plan::new(title).note("no handoff waits for that commit");
    }
    let message = format!("docs: handoff {} done in {}", ids.join(", "), plain(&deployed.env));
    Plan::new(title).then(Step::Publish(Box::new(Publish {
        remote: deployed.remote.clone(),
        branch: deployed.branch.clone(),
        on: deployed.on.clone(),
        files,
        message,
        claim: None,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Branch;
    use crate::handoff::document::Document;
    use crate::handoff::life::State;

    fn found(number: u32, status: &str) -> Found {
        let id = "a".repeat(40);
        let text = format!(
            "---\ngsync: 1\nid: H-{number:04}\nstatus: {status}\nfrom: qc@h\nto: builder\n\
             base: {id}\nhead: {id}\nbranch: main\n---\ntext\n"
        );
        let document = Document::parse("x", text.as_bytes()).unwrap();
        let handoff = document.handoff().unwrap();
        Found {
            branch: Branch::new("main"),
            tip: CommitId::new("b".repeat(40)),
            path: format!("handoffs/{number}.md").as_str().into(),
            shown: handoff.status,
            document,
            handoff,
        }
    }

    fn deployed() -> Deployed {
        Deployed {
            remote: None,
            branch: RefName::new("refs/heads/main"),
            on: CommitId::new("b".repeat(40)),
            env: "green".into(),
            commit: CommitId::new("c".repeat(40)),
            by: "shop@server".into(),
            now: Time(1_763_460_000),
        }
    }

    #[test]
    fn what_was_deployed_is_done_with_environment_and_commit_in_one_step() {
        let plan = plan(&deployed(), &[found(1, "sent"), found(2, "done"), found(3, "acked")]);
        let [Step::Publish(publish)] = &plan.steps[..] else { panic!("{plan:?}") };
        assert_eq!(publish.message, "docs: handoff H-0001, H-0003 done in green");
        assert_eq!(publish.files.len(), 2);
        let (path, bytes) = &publish.files[0];
        let handoff = Document::parse(&path.quoted(), &bytes.0).unwrap().handoff().unwrap();
        assert_eq!(handoff.status, State::Done);
        let words = &handoff.answers[0].1;
        assert!(words.contains(&("env".into(), "green".into())), "{words:?}");
        assert!(words.contains(&("commit".into(), "c".repeat(40))), "{words:?}");
        assert!(words.contains(&("date".into(), "2025-11-18".into())), "{words:?}");
    }

    #[test]
    fn where_nothing_waits_nothing_is_done() {
        assert!(plan(&deployed(), &[found(1, "rejected")]).steps.is_empty());
        assert!(plan(&deployed(), &[]).steps.is_empty());
    }
}
