//! Two environments of an app on a server: one has the traffic (LIVE), the other one gets what is
//! pushed (STANDBY). Only [`release`] and what leads back from it move the traffic, and no plan
//! here touches LIVE's directories or its process.

pub mod afar;
pub mod bump;
pub mod create;
pub mod drift;
pub mod facts;
pub mod link;
pub mod meanwhile;
pub mod prune;
pub mod release;
pub mod request;
pub mod rollback;
pub mod standby;
pub mod start;
pub mod state;
pub mod sync;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::base::{CommitId, Problem, RefName, plain};
use crate::config::app::App;
use crate::plan::serve::{Build, Health, Keeper, Proof, Traffic};
use crate::plan::{Deed, Serve, Step};
use state::State;

/// The chain of states.
pub const STATE: &str = "refs/gsync/state";

/// An app home as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub app: App,
    pub home: PathBuf,
    /// Who asks.
    pub who: String,
    pub state: Option<State>,
    /// The last entry of the chain.
    pub state_at: Option<CommitId>,
    pub sources: Sources,
    pub envs: BTreeMap<String, Environment>,
    /// How STANDBY's commit stands to LIVE's.
    pub relation: Relation,
}

/// Which environment has the traffic, by each that can tell.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Sources {
    pub proxy: Option<String>,
    pub state: Option<String>,
    pub probe: Option<String>,
    /// What leads the traffic does not say one thing.
    #[serde(skip)]
    pub split: Option<Split>,
    /// HAProxy could not load its configuration, and runs on with the one before.
    #[serde(skip)]
    pub failed_reload: bool,
}

/// A HAProxy whose workers and whose map on disk differ: a switch that was cut off, or a hand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Split {
    /// What each says.
    pub said: String,
    /// Whom the users get now, if all workers lead to the same.
    pub memory: Option<String>,
}

/// One environment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment {
    pub home: PathBuf,
    /// The release directories that worked, the oldest first.
    pub releases: Vec<String>,
    /// Those that did not, the oldest first.
    pub failed: Vec<String>,
    /// What killed deploys left.
    pub leftovers: Vec<String>,
    /// The release that `current` points to.
    pub current: Option<String>,
    pub health: Seen,
    /// Why nothing of this is known: its machine cannot be reached.
    pub unseen: Option<String>,
}

/// What asking an environment gave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Seen {
    Well,
    Failing(String),
    #[default]
    Unknown,
}

impl Seen {
    /// The word of the contract.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Well => "ok",
            Self::Failing(_) => "failing",
            Self::Unknown => "unknown",
        }
    }
}

/// How one commit stands to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Relation {
    Same,
    Newer,
    Older,
    Diverged,
    #[default]
    Unknown,
}

/// What is to be deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub commit: CommitId,
    pub version: String,
}

impl Facts {
    /// LIVE and STANDBY, if all who can tell agree.
    pub fn sides(&self) -> Result<(&str, &str), Problem> {
        if let Some(drift) = drift::drift(self) {
            return Err(Problem::refuse("drift", format!("{}: {drift}", self.app.name))
                .because("nothing is changed while it is not known what is LIVE")
                .hint("look, and see what can be done: `gsync envs`")
                .hint(drift::order(self)));
        }
        let live = self.sources.proxy.as_deref().unwrap_or_default();
        let standby = self.app.other(live).unwrap_or_default();
        Ok((live, standby))
    }

    /// Refuses where an environment could not be looked at: nothing is done there then.
    pub fn seen(&self, env: &str) -> Result<(), Problem> {
        let Some(why) = self.envs.get(env).and_then(|env| env.unseen.as_deref()) else {
            return Ok(());
        };
        let host = self.host(env).unwrap_or_default();
        Err(Problem::blind("host", format!("{env} cannot be looked at"))
            .because(plain(why))
            .hint(format!("try it by hand: `ssh {}`", words(host))))
    }

    /// The machine of an environment; nothing: this one.
    pub fn host(&self, env: &str) -> Option<&str> {
        self.app.env.get(env).and_then(|env| env.host.as_deref())
    }

    fn env(&self, name: &str) -> Environment {
        self.envs.get(name).cloned().unwrap_or_default()
    }

    /// What the state says that an environment runs.
    pub fn build(&self, env: &str) -> Option<Build> {
        let it = self.state.as_ref()?.envs.get(env)?;
        Some(Build {
            dir: self.env(env).home.join("releases").join(&it.release),
            commit: it.commit.clone(),
            version: it.version.clone(),
        })
    }

    /// The names of all releases that are kept, on either side, the newest first.
    fn releases(&self) -> Vec<&str> {
        let mut all: Vec<&str> =
            self.envs.values().flat_map(|env| &env.releases).map(String::as_str).collect();
        all.sort_by_key(|name| std::cmp::Reverse(standby::seq(name)));
        all
    }

    /// Whether a release of a commit is kept on one of the sides.
    fn keeps(&self, commit: &CommitId) -> bool {
        self.releases().iter().any(|name| standby::is_of(name, commit))
    }

    fn url(&self, env: &str) -> Option<String> {
        let env = self.app.env.get(env)?;
        let port = || env.port.map(|port| format!("http://127.0.0.1:{port}"));
        let url = env.url.clone().or_else(port)?;
        Some(url.trim_end_matches('/').to_owned())
    }

    fn port(&self, env: &str) -> Option<u16> {
        self.app.env.get(env).and_then(|env| env.port)
    }

    /// What is asked of a release in an environment.
    pub fn health(&self, env: &str) -> Health {
        let it = &self.app.health;
        let ms = |span: crate::base::Span| u64::try_from(span.0.as_millis()).unwrap_or(u64::MAX);
        let url = self.url(env);
        // Without a process and an address there is nothing that could fall over.
        let still = url.is_none() && self.keeper(env) == Keeper::None;
        Health {
            version: it.version.as_ref().and_then(|path| Some(format!("{}{path}", url.as_ref()?))),
            url: url.map(|url| url + &it.path),
            status: it.status,
            timeout_ms: ms(it.timeout),
            interval_ms: ms(it.interval).max(1),
            soak_ms: if still { 0 } else { ms(it.soak) },
        }
    }

    pub fn keeper(&self, env: &str) -> Keeper {
        let it = &self.app.process;
        if let Some(command) = &it.command {
            return Keeper::Command {
                start: command.start.clone(),
                stop: command.stop.clone(),
                status: command.status.clone(),
            };
        }
        if let Some(file) = &it.pm2 {
            return Keeper::Pm2 { file: PathBuf::from(file) };
        }
        if let Some(unit) = &it.systemd {
            let unit = unit.replace("{app}", &self.app.name).replace("{env}", env);
            return Keeper::Systemd { unit };
        }
        Keeper::None
    }

    fn process_log(&self, env: &str) -> PathBuf {
        match self.host(env) {
            // Beside the process.
            Some(_) => self.env(env).home.join("logs/process.log"),
            None => self.home.join("logs").join(format!("{env}.log")),
        }
    }

    /// What must hold of a release in an environment.
    pub fn proof(&self, env: &str, release: Build) -> Proof {
        Proof {
            home: self.env(env).home,
            release,
            keeper: self.keeper(env),
            port: self.port(env),
            health: self.health(env),
            log: self.process_log(env),
        }
    }

    /// What leads the traffic.
    pub fn traffic(&self) -> Traffic {
        traffic(&self.app, &self.home)
    }

    fn step(&self, env: &str, deed: Deed) -> Step {
        let host = self.host(env).map(str::to_owned);
        Step::Serve(Box::new(Serve { app: self.app.name.clone(), env: env.to_owned(), host, deed }))
    }

    /// The step that adds an entry to the chain.
    fn record(&self, state: &State) -> Result<Step, Problem> {
        let state = serde_json::to_value(state).map_err(|err| {
            Problem::blind("state", format!("the state cannot be written: {err}"))
        })?;
        let name = RefName::new(STATE);
        Ok(self.step("", Deed::Record { name, expect: self.state_at.clone(), state }))
    }

    /// The state to begin an entry from.
    fn next(&self, what: &str) -> State {
        let state = self.state.clone().unwrap_or_default();
        State {
            gsync: 1,
            app: self.app.name.clone(),
            what: what.to_owned(),
            who: self.who.clone(),
            at: None,
            outcome: "done".into(),
            from: None,
            to: None,
            ..state
        }
    }
}

/// An address as the words of ssh.
fn words(address: &str) -> String {
    let address = address.strip_prefix("ssh://").unwrap_or(address).trim_end_matches('/');
    match address.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|c| c.is_ascii_digit()) => {
            format!("-p {port} {}", plain(host))
        }
        _ => plain(address),
    }
}

/// What leads the traffic of an app.
pub fn traffic(app: &App, home: &std::path::Path) -> Traffic {
    match &app.traffic.haproxy {
        Some(proxy) => Traffic::Haproxy {
            machine: proxy.machine.clone(),
            master: PathBuf::from(&proxy.master),
            map: PathBuf::from(&proxy.map),
            key: app.name.clone(),
            probe: proxy.probe.clone(),
            host: proxy.host.clone(),
            backends: app
                .env
                .keys()
                .map(|env| {
                    let backend = proxy.backend.replace("{app}", &app.name).replace("{env}", env);
                    (env.clone(), backend)
                })
                .collect(),
        },
        None => Traffic::Link { at: home.join(app.link().unwrap_or("live")) },
    }
}
