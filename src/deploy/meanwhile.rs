//! Whether the app still is what somebody saw who decided something about it. A release, a
//! rollback or a sync is said about what stands on the two sides; if a deploy or somebody else
//! changed that before its turn came, it is not about the same thing any more.

use super::state::State;
use crate::base::{Problem, plain};

/// Refuses if another environment was made LIVE between the two records.
pub fn still_live(before: Option<&State>, now: Option<&State>) -> Result<(), Problem> {
    let live = |state: Option<&State>| state.and_then(|state| state.live.clone());
    if live(before) == live(now) {
        return Ok(());
    }
    let is = live(now).map_or_else(|| "nothing".to_owned(), |live| plain(&live));
    Err(refuse("live-changed", format!("{is} was made LIVE{} meanwhile", by(now))))
}

fn by(state: Option<&State>) -> String {
    state.map_or_else(String::new, |state| format!(" by {}", plain(&state.who)))
}

/// Refuses if that, or what runs on a side, was changed between the two records.
pub fn still(before: Option<&State>, now: Option<&State>) -> Result<(), Problem> {
    still_live(before, now)?;
    let who = by(now);
    let runs = |state: Option<&State>| state.map(|state| state.envs.clone()).unwrap_or_default();
    let (before, now) = (runs(before), runs(now));
    for name in before.keys().chain(now.keys()) {
        let (was, is) = (before.get(name), now.get(name));
        if was.map(|it| &it.release) == is.map(|it| &it.release) {
            continue;
        }
        let word = |it: Option<&super::state::EnvState>| {
            it.map_or("nothing".to_owned(), |it| {
                format!("{} ({})", plain(&it.version), it.commit.short())
            })
        };
        let said = format!("{name} runs {} now{who}, and ran {}", word(is), word(was));
        return Err(refuse("standby-changed", said));
    }
    Ok(())
}

fn refuse(code: &'static str, said: String) -> Problem {
    Problem::refuse(code, said)
        .because("that was done before the turn of this command came: nothing was changed")
        .hint("look, then say it again: `gsync envs`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::CommitId;
    use crate::deploy::state::EnvState;

    fn state(live: &str, blue: &str, green: &str) -> State {
        let runs = |release: &str| EnvState {
            version: format!("{release}.0.0"),
            commit: CommitId::new(release.repeat(40)),
            release: format!("{release}-x"),
            deployed_at: "now".into(),
            deployed_by: "ada".into(),
        };
        let envs = [("blue".to_owned(), runs(blue)), ("green".to_owned(), runs(green))];
        State {
            live: Some(live.into()),
            who: "eva".into(),
            envs: envs.into_iter().collect(),
            ..State::default()
        }
    }

    #[test]
    fn what_was_decided_holds_only_for_the_two_sides_that_were_seen() {
        let seen = state("blue", "1", "2");
        let code = |now: Option<&State>| still(Some(&seen), now).err().map(|it| it.code);
        assert_eq!(code(Some(&seen)), None);
        // Another entry that changes neither side.
        let same = State { what: "reconcile".into(), who: "bob".into(), ..seen.clone() };
        assert_eq!(code(Some(&same)), None);
        assert_eq!(code(Some(&state("green", "1", "2"))), Some("live-changed"));
        assert_eq!(code(Some(&state("blue", "1", "3"))), Some("standby-changed"));
        assert_eq!(code(Some(&state("blue", "3", "2"))), Some("standby-changed"));
        assert_eq!(code(None), Some("live-changed"));
        assert_eq!(still(None, Some(&seen)).unwrap_err().code, "live-changed");
        assert!(still(None, None).is_ok());
        let said = still(Some(&seen), Some(&state("blue", "1", "3"))).unwrap_err().message;
        assert_eq!(said, "green runs 3.0.0 (3333333) now by eva, and ran 2.0.0 (2222222)");
    }
}
