//! An app as a clone knows it: by the last entry of its chain of states. What is not known is
//! said to be unknown, and old knowledge says how old it is.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::state::{EnvState, State};
use crate::base::{CommitId, Exit, Problem, Time, plain, shell_quote};

/// What was heard of an app the last time it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    pub app: String,
    pub remote: String,
    /// The address: another one is another server.
    pub address: String,
    /// The entry of the chain.
    pub commit: CommitId,
    pub at: Time,
    pub state: State,
}

/// An app of this clone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Afar {
    pub app: String,
    pub remote: String,
    pub memory: Option<Memory>,
    /// Why it did not say what is so now; nothing: it did, or it was not asked.
    pub silent: Option<String>,
    /// Whether it was asked.
    pub asked: bool,
}

/// One side of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side<'a> {
    pub env: &'a str,
    pub runs: Option<&'a EnvState>,
}

impl Afar {
    fn state(&self) -> Option<&State> {
        self.memory.as_ref().map(|memory| &memory.state)
    }

    pub fn live(&self) -> Option<Side<'_>> {
        let state = self.state()?;
        let env = state.live.as_deref()?;
        Some(Side { env, runs: state.envs.get(env) })
    }

    /// The other one, where anything ever ran in it.
    pub fn standby(&self) -> Option<Side<'_>> {
        let state = self.state()?;
        let live = state.live.as_deref()?;
        let (env, runs) = state.envs.iter().find(|(env, _)| *env != live)?;
        Some(Side { env, runs: Some(runs) })
    }

    /// What it last said, as the status words it.
    pub fn object(&self) -> Value {
        let side = |side: Option<Side<'_>>| {
            side.map(|it| {
                json!({
                    "env": it.env,
                    "version": it.runs.map(|runs| &runs.version),
                    "commit": it.runs.map(|runs| &runs.commit),
                })
            })
        };
        json!({
            "app": self.app,
            "remote": self.remote,
            "live": side(self.live()),
            "standby": side(self.standby()),
            // Only the server can tell whether its record is true.
            "drift": null,
            "as_of": self.memory.as_ref().map(|memory| memory.at),
            "online": self.asked.then_some(self.silent.is_none()),
            "silent": self.silent,
        })
    }

    /// What is so now, or why that is not known.
    fn now(&self) -> Result<&Self, Problem> {
        let (app, remote) = (plain(&self.app), plain(&self.remote));
        match (&self.silent, &self.memory) {
            (None, Some(_)) => Ok(self),
            (why, _) => {
                let problem =
                    Problem::blind("unknown-state", format!("it is not known what {app} runs"));
                let why = why.as_deref().unwrap_or("it was never asked");
                Err(problem
                    .because(format!("{remote}: {}", plain(why)))
                    .hint(format!("look whether it answers: `gsync envs --app {app}`")))
            }
        }
    }

    /// STANDBY must be what LIVE is before something new goes there.
    pub fn level(&self) -> Result<(), Problem> {
        let now = self
            .now()
            .map_err(|problem| problem.hint("go on without knowing it: `gsync bump --anyway`"))?;
        let (live, standby) = (now.live(), now.standby());
        let commit = |side: Option<Side<'_>>| Some(side?.runs?.commit.clone());
        if commit(live) == commit(standby) {
            return Ok(());
        }
        let app = shell_quote(&plain(&self.app));
        let runs = |side: Option<Side<'_>>| match side.and_then(|side| side.runs) {
            Some(runs) => format!("{} ({})", plain(&runs.version), runs.commit.short()),
            None => "nothing".to_owned(),
        };
        let why = "STANDBY is not what LIVE is".to_owned();
        let problem = Problem::refuse("not-level", why).because(format!(
            "LIVE runs {}, STANDBY runs {}",
            runs(live),
            runs(standby)
        ));
        // Where nothing runs there is nothing to release.
        let problem = match standby.and_then(|side| side.runs) {
            Some(_) => problem.hint(format!("release it: `gsync release --app {app}`")),
            None => problem,
        };
        Err(problem
            .hint(format!("bring it level: `gsync sync --app {app}`"))
            .hint("go on all the same: `gsync bump --anyway`"))
    }

    /// STANDBY must run what was just pushed. `said`: what the server said meanwhile.
    pub fn runs(&self, commit: &CommitId, version: &str, said: &[String]) -> Result<&str, Problem> {
        if self.now().is_ok()
            && let Some(standby) = self.standby()
            && standby.runs.is_some_and(|runs| runs.commit == *commit)
        {
            return Ok(standby.env);
        }
        let app = plain(&self.app);
        let why = format!("{version} is on the hub, and {app} does not run it on STANDBY");
        let mut problem = Problem::new(Exit::Kept, "not-deployed", why);
        let named =
            ["step ", "failed:", "error:", "because:", "log: ", "its log is ", "not deployed"];
        let lines = said.iter().map(|line| line.trim());
        let lines = lines.filter(|line| named.iter().any(|word| line.contains(word)));
        // On the server it is; here a version has been pushed.
        let lines = lines.filter(|line| !line.contains("everything is as it was"));
        problem = lines.take(8).fold(problem, Problem::because);
        match (self.now(), self.standby()) {
            (Err(unknown), _) => {
                problem = unknown.because.into_iter().fold(problem, Problem::because);
            }
            (Ok(_), Some(Side { env, runs: Some(runs) })) => {
                let (env, former) = (plain(env), plain(&runs.version));
                problem = problem.because(format!("{env} stays on {former}"));
            }
            (Ok(_), _) => {}
        }
        Err(problem
            .hint(format!("look at both sides: `gsync envs --app {}`", shell_quote(&app)))
            .hint(format!("try it again: `gsync deploy --app {}`", shell_quote(&app))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(letter: &str) -> EnvState {
        EnvState {
            version: format!("1.{letter}"),
            commit: CommitId::new(letter.repeat(40)),
            release: "1-x".into(),
            deployed_at: String::new(),
            deployed_by: String::new(),
        }
    }

    fn app(live: Option<&str>, standby: Option<&str>) -> Afar {
        let mut state = State { live: Some("blue".into()), ..State::default() };
        for (env, letter) in [("blue", live), ("green", standby)] {
            state.envs.extend(letter.map(|letter| (env.to_owned(), runs(letter))));
        }
        let memory = Memory {
            app: "shop".into(),
            remote: "deploy".into(),
            address: "x".into(),
            commit: CommitId::new("e".repeat(40)),
            at: Time(7),
            state,
        };
        let (app, remote) = ("shop".into(), "deploy".into());
        Afar { app, remote, memory: Some(memory), silent: None, asked: true }
    }

    #[test]
    fn only_where_both_sides_are_known_to_be_the_same_something_new_may_come() {
        assert_eq!(app(None, None).level(), Ok(()));
        assert_eq!(app(Some("a"), Some("a")).level(), Ok(()));
        for (live, standby) in [(None, Some("a")), (Some("a"), None), (Some("a"), Some("b"))] {
            let problem = app(live, standby).level().unwrap_err();
            assert_eq!(problem.code, "not-level");
            // What runs nowhere is not to be released.
            let is_told = problem.hints.iter().any(|hint| hint.contains("gsync release"));
            assert_eq!(is_told, standby.is_some(), "{problem:?}");
        }
        let silent = Some("no route".to_owned());
        let unknown = [
            Afar { silent, ..app(Some("a"), Some("a")) },
            Afar { memory: None, ..app(None, None) },
        ];
        for it in unknown {
            let problem = it.level().unwrap_err();
            assert_eq!((problem.exit, problem.code), (Exit::Blind, "unknown-state"));
            assert!(problem.hints.iter().any(|hint| hint.contains("--anyway")));
        }
    }

    #[test]
    fn standby_runs_it_or_it_is_said_what_the_server_said() {
        let (old, new) = (CommitId::new("a".repeat(40)), CommitId::new("b".repeat(40)));
        let level = app(Some("a"), Some("b"));
        assert_eq!(level.runs(&new, "1.b", &[]), Ok("green"));
        let said = [
            "  step 1 of 1 (shop: build)".to_owned(),
            "noise".into(),
            "log: /x".into(),
            "error: a step failed; everything is as it was".into(),
        ];
        let problem = level.runs(&old, "1.a", &said).unwrap_err();
        assert_eq!(problem.exit, Exit::Kept);
        assert_eq!(problem.because, ["step 1 of 1 (shop: build)", "log: /x", "green stays on 1.b"]);
        let silent = Afar { silent: Some("gone".into()), ..level };
        assert_eq!(silent.runs(&new, "1.b", &[]).unwrap_err().because, ["deploy: gone"]);
    }

    #[test]
    fn the_status_never_says_more_than_is_known() {
        let object = app(Some("a"), None).object();
        assert_eq!(object["live"]["version"], "1.a");
        assert_eq!(object["standby"], Value::Null);
        let never = Afar { memory: None, silent: Some("x".into()), ..app(None, None) }.object();
        assert_eq!((&never["live"], &never["as_of"]), (&Value::Null, &Value::Null));
        assert_eq!(never["online"], false);
    }
}
