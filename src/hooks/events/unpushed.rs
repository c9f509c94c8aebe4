//! What a commit is followed by: a reminder, a push in the background, or nothing.

use crate::base::{Branch, Time, count, shell_quote};
use crate::config::PushAfter;

/// What is known after a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// None: HEAD is detached.
    pub branch: Option<Branch>,
    /// A rebase, or a cherry-pick of several, is not through yet.
    pub busy: bool,
    /// Whether the hub is a remote of this repository.
    pub hub: Option<String>,
    /// The branch has an upstream.
    pub has_upstream: bool,
    /// `push.autoSetupRemote`
    pub makes_upstream: bool,
    pub after: PushAfter,
    /// Commits that no branch of the hub has.
    pub unpushed: usize,
    pub oldest: Option<Time>,
    pub now: Time,
}

/// What to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    Nothing,
    Say(String),
    /// Push this branch to that remote, in the background.
    Push(String, Branch),
}

/// Decides what follows a commit.
pub fn then(facts: &Facts) -> Then {
    let (Some(branch), Some(hub)) = (&facts.branch, &facts.hub) else { return Then::Nothing };
    if facts.busy || facts.after == PushAfter::Off || facts.unpushed == 0 {
        return Then::Nothing;
    }
    let way = match facts.has_upstream || facts.makes_upstream {
        true => "git push".to_owned(),
        false => format!("git push -u {} {}", shell_quote(hub), shell_quote(branch.as_str())),
    };
    let are = count(facts.unpushed, "commit");
    let line = match (facts.unpushed, facts.oldest) {
        (1, Some(time)) if facts.now.0 - time.0 < 60 => format!("{are} not pushed: {way}"),
        (1, Some(time)) => format!("{are} not pushed, from {}: {way}", time.ago(facts.now)),
        (_, Some(time)) => format!("{are} not pushed, the oldest {}: {way}", time.ago(facts.now)),
        (_, None) => format!("{are} not pushed: {way}"),
    };
    match facts.after {
        PushAfter::Auto if facts.has_upstream || facts.makes_upstream => {
            Then::Push(hub.clone(), branch.clone())
        }
        // A branch that was never pushed is perhaps not meant to be.
        _ => Then::Say(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            branch: Some(Branch::new("main")),
            busy: false,
            hub: Some("origin".into()),
            has_upstream: true,
            makes_upstream: false,
            after: PushAfter::Remind,
            unpushed: 2,
            oldest: Some(Time(1_000_000)),
            now: Time(1_000_000 + 3 * 3600),
        }
    }

    #[test]
    fn a_reminder_says_how_many_how_old_and_how_to_push() {
        let line = "2 commits not pushed, the oldest 3 hours ago: git push";
        assert_eq!(then(&facts()), Then::Say(line.into()));
        let first = Facts { unpushed: 1, oldest: Some(facts().now), ..facts() };
        assert_eq!(then(&first), Then::Say("1 commit not pushed: git push".into()));
        let new = Facts { has_upstream: false, ..facts() };
        let Then::Say(line) = then(&new) else { panic!() };
        assert!(line.ends_with("git push -u origin main"), "{line}");
    }

    #[test]
    fn nothing_is_said_where_nobody_can_push_or_wants_to_know() {
        for quiet in [
            Facts { branch: None, ..facts() },
            Facts { hub: None, ..facts() },
            Facts { busy: true, ..facts() },
            Facts { after: PushAfter::Off, ..facts() },
            Facts { unpushed: 0, ..facts() },
        ] {
            assert_eq!(then(&quiet), Then::Nothing, "{quiet:?}");
        }
    }

    #[test]
    fn auto_pushes_only_a_branch_that_has_a_place_on_the_hub() {
        let auto = Facts { after: PushAfter::Auto, ..facts() };
        assert_eq!(then(&auto), Then::Push("origin".into(), Branch::new("main")));
        assert!(matches!(then(&Facts { has_upstream: false, ..auto.clone() }), Then::Say(_)));
        let makes = Facts { has_upstream: false, makes_upstream: true, ..auto };
        assert!(matches!(then(&makes), Then::Push(..)));
    }
}
