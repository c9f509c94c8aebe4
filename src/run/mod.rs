//! The only room that changes the world.
//!
//! A run ends done, put back, kept, interrupted or stuck. It never ends half
//! way without saying so, and never without a journal entry: the plan is
//! written down before the first step, and what was there is written down
//! before each step.

mod act;
mod ask;
mod drive;
mod forget;
mod hands;
mod hidden;
mod journal;
mod leftovers;
mod lock;
mod place;
mod presence;
mod rescue;
pub mod serve;
mod stop;
mod task;

use anyhow::Result;

use crate::base::Left;
use crate::plan::{Before, Event, Outcome, Plan, Report, Step, Undo};

pub use act::{How, Ran, act, changed};
pub use ask::{Pushed, ask, taken, withdraw};
pub use forget::forget;
pub use hands::{Hands, World};
pub use journal::{Journal, Record, Unfinished, Who};
pub use leftovers::{Leftovers, end_leftovers};
pub use lock::Lock;
pub use presence::{Sent, Shared, State, publish, share};
pub use rescue::{rescue, way_back};
pub use stop::{go_on, listen, stop, stop_other, stopped};
pub use task::remember;

/// Does what the plan says, or puts back what was done.
pub fn run(
    plan: &Plan,
    hands: &mut dyn Hands,
    journal: &mut Journal,
    report: &mut dyn Report,
) -> Result<Outcome> {
    journal.begin(plan)?;
    let mut done: Vec<(Step, Before)> = Vec::new();
    for step in &plan.steps {
        report.event(&Event::Started { step });
        let tried = if stopped() {
            Err(anyhow::anyhow!("interrupted"))
        } else {
            try_step(step, hands, journal, report, &mut done)
        };
        if let Err(why) = tried {
            report.event(&Event::Failed { step, why: format!("{why:#}") });
            let mut outcome = put_back(done, hands, report);
            if outcome == Outcome::PutBack && stopped() {
                outcome = Outcome::Interrupted;
            }
            journal.end(outcome)?;
            report.event(&Event::Finished { outcome });
            return Ok(outcome);
        }
        report.event(&Event::Done { step });
    }
    journal.end(Outcome::Done)?;
    report.event(&Event::Finished { outcome: Outcome::Done });
    Ok(Outcome::Done)
}

/// Looks, writes down what it saw, and only then changes something. A step that
/// was begun counts as done for putting back, even if it failed: what it left is
/// compared with what was there.
fn try_step(
    step: &Step,
    hands: &mut dyn Hands,
    journal: &mut Journal,
    report: &mut dyn Report,
    done: &mut Vec<(Step, Before)>,
) -> Result<()> {
    let before = hands.look(step)?;
    journal.will_do(step, &before)?;
    stop::point("announced");
    let is_final = step.is_final();
    if !is_final {
        done.push((step.clone(), before.clone()));
    }
    hands.perform(step, &mut |line| report.event(&Event::Output { line }))?;
    if is_final {
        done.push((step.clone(), before));
    }
    stop::point("done");
    Ok(())
}

/// Takes steps back, the last one first, down to the last final step. A step
/// that was announced and never done, or was taken back already, is passed by.
pub fn put_back(
    mut begun: Vec<(Step, Before)>,
    hands: &mut dyn Hands,
    report: &mut dyn Report,
) -> Outcome {
    let mut outcome = Outcome::PutBack;
    while let Some((step, before)) = begun.pop() {
        let undo = match step.undo(&before) {
            Undo::By(undo) => undo,
            Undo::Nothing => continue,
            Undo::Never => {
                report.event(&Event::Kept { step: &step });
                return if outcome == Outcome::PutBack { Outcome::Kept } else { outcome };
            }
        };
        // What a snapshot holds is not looked at again: taking back finds out by itself.
        let is_snapshot = matches!(before, Before::Snapshot { .. });
        let now = if is_snapshot { None } else { hands.look(&step).ok() };
        if now.as_ref() == Some(&before) {
            continue;
        }
        let tried = match moved_since(&step, now.as_ref()) {
            Some(left) => Err(left.into()),
            None => hands.perform(&undo, &mut |line| report.event(&Event::Note { line })),
        };
        match tried {
            Ok(()) => report.event(&Event::PutBack { step: &step, by: undo }),
            Err(why) if why.is::<Left>() => {
                report.event(&Event::Kept { step: &step });
                if let Some(left) = why.downcast_ref::<Left>() {
                    let lines = std::iter::once(&left.why).chain(&left.hints);
                    lines.for_each(|line| report.event(&Event::Note { line }));
                }
                if outcome == Outcome::PutBack {
                    outcome = Outcome::Kept;
                }
            }
            Err(why) => {
                let why = format!("{why:#}");
                report.event(&Event::NotPutBack { step: &step, why });
                outcome = Outcome::Stuck;
            }
        }
        stop::point("put back");
    }
    outcome
}

/// Whether a ref is neither where the step put it nor where it was: somebody moved it since, and
/// it is theirs.
fn moved_since(step: &Step, now: Option<&Before>) -> Option<Left> {
    let (Step::SetRef { name, to, .. }, Some(Before::Ref { commit })) = (step, now) else {
        return None;
    };
    (commit != to).then(|| Left::new(format!("{name} was moved by somebody since, and is theirs")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use anyhow::bail;

    use super::*;
    use crate::base::{CommitId, PushRef, RefName};

    /// A world of links, held by hands that drop one step.
    #[derive(Default)]
    struct Clumsy {
        drops: &'static str,
        blind: bool,
        links: BTreeMap<PathBuf, PathBuf>,
        did: Vec<String>,
    }

    impl Hands for Clumsy {
        fn look(&self, step: &Step) -> Result<Before> {
            if self.blind && step.to_string() == self.drops {
                bail!("cannot see");
            }
            Ok(match step {
                Step::Link { at, .. } => Before::Link { to: self.links.get(at).cloned() },
                _ => Before::Nothing,
            })
        }

        fn perform(&mut self, step: &Step, _: &mut dyn FnMut(&str)) -> Result<()> {
            if step.to_string() == self.drops {
                bail!("dropped");
            }
            self.did.push(step.to_string());
            match step {
                Step::Link { at, to: Some(to) } => drop(self.links.insert(at.clone(), to.clone())),
                Step::Link { at, to: None } => drop(self.links.remove(at)),
                _ => {}
            }
            Ok(())
        }
    }

    fn link(at: &str) -> Step {
        Step::Link { at: at.into(), to: Some("new".into()) }
    }

    fn push() -> Step {
        let refs = vec![PushRef {
            from: Some(CommitId::new("a1b2c3d")),
            to: RefName::new("refs/heads/main"),
            lease: None,
        }];
        Step::Push { remote: "origin".into(), refs }
    }

    fn clumsy(drops: &'static str) -> Clumsy {
        let links = BTreeMap::from([("a".into(), "old".into())]);
        Clumsy { drops, links, ..Clumsy::default() }
    }

    fn run_with(hands: &mut Clumsy, plan: &Plan) -> Outcome {
        run(plan, hands, &mut Journal::nowhere(), &mut Vec::new()).unwrap()
    }

    #[test]
    fn what_was_done_is_put_back_last_step_first() {
        let plan = Plan::new("three links").then(link("a")).then(link("b")).then(link("c"));
        let mut hands = clumsy("ln -sfn new c");
        assert_eq!(run_with(&mut hands, &plan), Outcome::PutBack);
        assert_eq!(hands.did, ["ln -sfn new a", "ln -sfn new b", "rm b", "ln -sfn old a"]);
        assert_eq!(hands.links, clumsy("").links);
    }

    #[test]
    fn not_being_able_to_look_counts_as_failing() {
        let plan = Plan::new("").then(link("a")).then(link("b"));
        let mut hands = Clumsy { blind: true, ..clumsy("ln -sfn new b") };
        assert_eq!(run_with(&mut hands, &plan), Outcome::PutBack);
        assert_eq!(hands.links, clumsy("").links);
    }

    #[test]
    fn putting_back_stops_at_the_point_of_no_return() {
        let plan = Plan::new("").then(link("a")).then(push()).then(link("b")).then(link("c"));
        let mut hands = clumsy("ln -sfn new c");
        assert_eq!(run_with(&mut hands, &plan), Outcome::Kept);
        assert_eq!(
            hands.did,
            ["ln -sfn new a", "git push origin a1b2c3d:main", "ln -sfn new b", "rm b"]
        );
    }

    #[test]
    fn a_push_that_failed_was_not_sent_so_everything_before_it_is_put_back() {
        let plan = Plan::new("").then(link("a")).then(push());
        let mut hands = clumsy("git push origin a1b2c3d:main");
        assert_eq!(run_with(&mut hands, &plan), Outcome::PutBack);
        assert_eq!(hands.links, clumsy("").links);
    }

    #[test]
    fn what_was_announced_and_never_done_is_passed_by() {
        let mut hands = clumsy("");
        let announced = vec![(link("a"), Before::Link { to: Some("old".into()) })];
        assert_eq!(put_back(announced, &mut hands, &mut Vec::<String>::new()), Outcome::PutBack);
        assert!(hands.did.is_empty());
    }

    #[test]
    fn a_run_that_cannot_be_put_back_says_so() {
        let mut hands = clumsy("ln -sfn older a");
        let mut told = Vec::new();
        let begun = vec![(link("a"), Before::Link { to: Some("older".into()) })];
        assert_eq!(put_back(begun, &mut hands, &mut told), Outcome::Stuck);
        assert!(told[0].contains("not-put-back"), "{told:?}");
    }
}
