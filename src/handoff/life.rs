//! The life of a handoff: which state may follow which, and what to do where none may.

use serde::Serialize;

use crate::base::{Problem, Time};

/// A handoff that was sent and not acknowledged for so long counts as expired: after two weeks
/// the branch has moved on, and its facts describe something that nobody would deploy today.
pub const EXPIRES_AFTER: i64 = 14 * 86400;

/// Where a handoff stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Draft,
    Sent,
    /// Sent, and nobody answered in time. It is never written, only shown.
    Expired,
    Acked,
    Superseded,
    Rejected,
    Done,
}

/// What happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    Send,
    Ack,
    /// The receiver says that it is deployed.
    Done,
    /// A server deployed its commit, whether or not somebody had acknowledged it.
    Deployed,
    Reject,
    /// A newer one to the same role takes its place.
    Supersede,
}

impl State {
    pub const ALL: [Self; 7] = [
        Self::Draft,
        Self::Sent,
        Self::Expired,
        Self::Acked,
        Self::Superseded,
        Self::Rejected,
        Self::Done,
    ];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Sent => "sent",
            Self::Expired => "expired",
            Self::Acked => "acked",
            Self::Superseded => "superseded",
            Self::Rejected => "rejected",
            Self::Done => "done",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether somebody still has to do something about it.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Sent | Self::Acked | Self::Expired)
    }

    /// The state as it is shown: what was sent too long ago has expired. A date that cannot be
    /// read, or one that is still to come, expires nothing.
    #[must_use]
    pub fn shown(self, sent: Option<Time>, now: Time) -> Self {
        match (self, sent) {
            (Self::Sent, Some(sent)) if now.0 - sent.0 > EXPIRES_AFTER => Self::Expired,
            _ => self,
        }
    }
}

impl Move {
    pub const ALL: [Self; 6] =
        [Self::Send, Self::Ack, Self::Done, Self::Deployed, Self::Reject, Self::Supersede];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Send => "sent",
            Self::Ack => "acknowledged",
            Self::Done | Self::Deployed => "marked done",
            Self::Reject => "rejected",
            Self::Supersede => "superseded",
        }
    }
}

/// The state after a move, or why there is none. `id` is for the words only.
pub fn next(id: &str, from: State, how: Move) -> Result<State, Problem> {
    use State::{Acked, Done, Draft, Expired, Rejected, Sent, Superseded};
    match (from, how) {
        (Draft, Move::Send) => Ok(Sent),
        (Sent, Move::Ack) => Ok(Acked),
        (Acked, Move::Done) | (Sent | Acked | Expired, Move::Deployed) => Ok(Done),
        (Sent | Acked | Expired, Move::Reject) => Ok(Rejected),
        (Sent | Acked | Expired, Move::Supersede) => Ok(Superseded),
        _ => Err(refused(id, from, how)),
    }
}

fn refused(id: &str, from: State, how: Move) -> Problem {
    let words = match (from, how) {
        (State::Sent, Move::Send) | (State::Acked, Move::Ack) | (State::Rejected, Move::Reject) => {
            format!("{id} is {} already", from.word())
        }
        (State::Done, Move::Done | Move::Deployed) => format!("{id} is done already"),
        _ => format!("{id} is {}, so it cannot be {}", from.word(), how.word()),
    };
    let problem = Problem::refuse("illegal-move", words);
    match (from, how) {
        (State::Draft, _) => problem.hint("send it first: `gsync handoff send --to ROLE`"),
        (State::Sent, Move::Done) => {
            problem.hint(format!("say what you understood first: `gsync handoff ack {id} -m TEXT`"))
        }
        (State::Expired, Move::Ack | Move::Done) => problem
            .because("it was sent more than two weeks ago: its facts are old")
            .hint("ask its sender to send a new one: `gsync handoff send --to ROLE`")
            .hint(format!("or close it: `gsync handoff reject {id} -m WHY`")),
        (State::Acked, Move::Ack) => {
            problem.hint(format!("say when it is deployed: `gsync handoff done {id} --env ENV`"))
        }
        (_, Move::Send) => {
            problem.hint("write a new one: `gsync handoff draft`, then `gsync handoff send`")
        }
        _ => problem.hint(format!("look at it: `gsync handoff show {id}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_move_from_every_state_is_legal_or_refused_with_a_hint() {
        use State::{Acked, Done, Draft, Expired, Rejected, Sent, Superseded};
        let legal = [
            (Draft, Move::Send, Sent),
            (Sent, Move::Ack, Acked),
            (Sent, Move::Deployed, Done),
            (Sent, Move::Reject, Rejected),
            (Sent, Move::Supersede, Superseded),
            (Acked, Move::Done, Done),
            (Acked, Move::Deployed, Done),
            (Acked, Move::Reject, Rejected),
            (Acked, Move::Supersede, Superseded),
            (Expired, Move::Deployed, Done),
            (Expired, Move::Reject, Rejected),
            (Expired, Move::Supersede, Superseded),
        ];
        let mut refusals = 0;
        for from in State::ALL {
            for how in Move::ALL {
                let expect = legal.iter().find(|row| row.0 == from && row.1 == how);
                match (next("H-0001", from, how), expect) {
                    (Ok(to), Some((.., wanted))) => assert_eq!(to, *wanted),
                    (Err(problem), None) => {
                        refusals += 1;
                        assert!(problem.message.contains(from.word()), "{problem:?}");
                        assert!(!problem.hints.is_empty() && problem.hints.len() <= 3);
                        assert_eq!(problem.exit, crate::base::Exit::Refused);
                    }
                    other => panic!("{from:?} {how:?}: {other:?}"),
                }
            }
        }
        assert_eq!(refusals, State::ALL.len() * Move::ALL.len() - legal.len());
    }

    #[test]
    fn what_is_closed_stays_closed() {
        for from in State::ALL.into_iter().filter(|state| !state.is_open()) {
            let moves = Move::ALL.into_iter().filter(|how| next("H", from, *how).is_ok());
            assert_eq!(moves.count(), usize::from(from == State::Draft), "{from:?}");
        }
    }

    #[test]
    fn only_what_waits_for_an_answer_expires_and_only_after_two_weeks() {
        let now = Time(100 * 86400);
        let ago = |days: i64| Some(Time(now.0 - days * 86400));
        assert_eq!(State::Sent.shown(ago(14), now), State::Sent);
        assert_eq!(State::Sent.shown(ago(15), now), State::Expired);
        assert_eq!(State::Acked.shown(ago(99), now), State::Acked);
        assert_eq!(State::Sent.shown(None, now), State::Sent);
        assert_eq!(State::Sent.shown(ago(-1), now), State::Sent, "a clock that runs ahead");
    }

    #[test]
    fn every_state_has_a_word_that_is_read_back() {
        for state in State::ALL {
            assert_eq!(State::parse(state.word()), Some(state));
        }
        assert_eq!(State::parse("open"), None);
    }
}
