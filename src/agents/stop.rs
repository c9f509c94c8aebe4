//! Whether an agent that stops is asked to push first. It is asked at most once for each
//! distinct reason, and never twice in a row: a hook that nags is a hook that is torn out.

use serde::{Deserialize, Serialize};

/// So many conversations are remembered.
const SESSIONS: usize = 50;

/// What was asked of which conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    sessions: Vec<Session>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Session {
    id: String,
    /// The reasons that were given.
    told: Vec<String>,
    /// The last stop was answered with one.
    last: bool,
}

/// What there is to push or to commit when an agent stops.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Left {
    pub branch: String,
    /// The tip, if there are commits that no remote branch has.
    pub tip: Option<String>,
    pub commits: usize,
    /// Uncommitted paths; looked at only where the user wants to be asked about them.
    pub uncommitted: usize,
}

/// Why the agent should go on: a name for the reason, and the words.
fn reason(left: &Left) -> Option<(String, String)> {
    let tip = left.tip.as_deref().filter(|_| left.commits > 0);
    if tip.is_none() && left.uncommitted == 0 {
        return None;
    }
    let mut parts = Vec::new();
    if let Some(tip) = tip {
        let commits = crate::base::count(left.commits, "commit");
        let short = tip.get(..7).unwrap_or(tip);
        let are = if left.commits == 1 { "is" } else { "are" };
        parts.push(format!("{commits} on {} up to {short} {are} not pushed", left.branch));
    }
    if left.uncommitted > 0 {
        let files = crate::base::count(left.uncommitted, "file");
        parts.push(format!("{files} with changes that are not committed"));
    }
    let name = format!("{}:{}", tip.unwrap_or("-"), left.uncommitted);
    let words = format!(
        "gsync: {}. Push with `gsync finish`, unless you were told not to or the work is not \
         done; then say so and stop. This is asked once.",
        parts.join(", ")
    );
    Some((name, words))
}

/// Judges a stop, and remembers what was asked.
pub fn judge(asked: &mut Asked, session: &str, again: bool, left: &Left) -> Option<String> {
    let at = asked.sessions.iter().position(|known| known.id == session);
    let mut known = match at {
        Some(at) => asked.sessions.remove(at),
        None => Session { id: session.to_owned(), told: Vec::new(), last: false },
    };
    let found = reason(left)
        .filter(|(name, _)| !again && !known.last && !known.told.iter().any(|told| told == name));
    known.last = found.is_some();
    let words = found.map(|(name, words)| {
        known.told.push(name);
        words
    });
    asked.sessions.push(known);
    let most = asked.sessions.len().saturating_sub(SESSIONS);
    asked.sessions.drain(..most);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(tip: &str) -> Left {
        Left { branch: "main".into(), tip: Some(tip.into()), commits: 2, uncommitted: 0 }
    }

    #[test]
    fn a_stop_is_answered_once_for_each_reason_and_never_twice_in_a_row() {
        let mut asked = Asked::default();
        assert!(judge(&mut asked, "s", false, &left("a")).unwrap().contains("2 commits on main"));
        assert_eq!(judge(&mut asked, "s", false, &left("b")), None, "never twice in a row");
        assert!(judge(&mut asked, "s", false, &left("b")).is_some());
        assert_eq!(judge(&mut asked, "s", false, &left("a")), None);
        assert_eq!(judge(&mut asked, "s", false, &left("a")), None, "once for each reason");
        assert!(judge(&mut asked, "other", false, &left("a")).is_some());
    }

    #[test]
    fn an_agent_that_goes_on_because_of_a_hook_is_left_alone() {
        let mut asked = Asked::default();
        assert_eq!(judge(&mut asked, "s", true, &left("a")), None);
        assert_eq!(judge(&mut asked, "s", false, &Left::default()), None);
    }

    #[test]
    fn conversations_of_long_ago_are_forgotten() {
        let mut asked = Asked::default();
        for n in 0..200 {
            judge(&mut asked, &n.to_string(), false, &left("a"));
        }
        assert_eq!(asked.sessions.len(), SESSIONS);
    }
}
