use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Before, Step, Undo};
use crate::base::{CommitId, RefName, shell_quote};

/// One deed on the server of an app: for one of its environments, on this machine or another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serve {
    pub app: String,
    /// The environment; empty where it is about the app as a whole.
    pub env: String,
    /// The machine; nothing: this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    pub deed: Deed,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// Makes a bare repository.
    Init { repo: PathBuf, branch: String },
    /// Makes a release directory of the tree of a commit, and links what releases share.
    Unpack { commit: CommitId, dir: PathBuf, shared: PathBuf, links: Vec<String> },
    /// Takes a release directory out of the list of those that worked.
    SetAside { dir: PathBuf },
    /// Lets the environment run a release, or nothing: `current` points to it and the process
    /// is started anew from there.
    Activate(Box<Activate>),
    /// Believes that a release runs only when it is proved.
    Prove(Box<Proof>),
    /// Leads the traffic from one environment to the other.
    /// With a gate it goes forward: only from where all traffic is, and only to one that the
    /// proxy itself finds well. Without one it puts back, or brings order into what is half done.
    Switch { traffic: Traffic, from: String, to: String, gate: bool },
    /// Waits until the proxy serves nobody in the environment any more; cuts them after that.
    Drain { traffic: Traffic, wait_ms: u64, cut: bool },
    /// Removes release directories that nobody needs.
    Prune { dirs: Vec<PathBuf> },
    /// Adds an entry to the chain of states, if it ends where it was seen.
    Record { name: RefName, expect: Option<CommitId>, state: Value },
    /// Adds an entry that says what an earlier one said, if the last one says anything else.
    Restore { name: RefName, to: Option<CommitId>, what: String },
}

/// A release directory and what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    pub dir: PathBuf,
    pub commit: CommitId,
    pub version: String,
}

impl Build {
    /// The name of its directory: `12-ab12cd3`.
    pub fn name(&self) -> String {
        name_of(&self.dir)
    }

    /// What its programs know of it.
    pub fn vars(&self) -> [(String, String); 3] {
        [
            ("GSYNC_COMMIT".into(), self.commit.as_str().into()),
            ("GSYNC_VERSION".into(), self.version.clone()),
            ("GSYNC_RELEASE".into(), self.name()),
        ]
    }
}

/// What an environment shall run, and what it ran before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activate {
    /// The directory of the environment.
    pub home: PathBuf,
    pub release: Option<Build>,
    pub former: Option<Build>,
    pub keeper: Keeper,
    pub port: Option<u16>,
    /// Where the process writes what it says.
    pub log: PathBuf,
    /// What the process and the proof know: names and values that are no secrets.
    pub vars: Vec<(String, String)>,
    /// How it is proved when it is put back; nothing: it was not well before either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// It is being put back: that it runs is proved at once.
    #[serde(default)]
    pub back: bool,
}

/// Who keeps the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keeper {
    /// There is no process.
    None,
    Command {
        start: String,
        stop: Option<String>,
        status: Option<String>,
    },
    /// PM2, by an ecosystem file outside of the releases.
    Pm2 {
        file: PathBuf,
    },
    /// A unit of systemd.
    Systemd {
        unit: String,
    },
}

/// What is asked of a release that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    pub url: Option<String>,
    pub status: u16,
    /// The address that tells the version.
    pub version: Option<String>,
    pub timeout_ms: u64,
    pub interval_ms: u64,
    pub soak_ms: u64,
}

/// A release, where it must be found running, and how well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    pub home: PathBuf,
    pub release: Build,
    pub keeper: Keeper,
    pub port: Option<u16>,
    pub health: Health,
    pub log: PathBuf,
}

/// What leads the traffic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Traffic {
    /// A symbolic link in the app home.
    Link { at: PathBuf },
    /// A map of HAProxy, of which one entry is the app's.
    /// `backends` says the backend of each environment.
    Haproxy {
        /// Where it runs; nothing: on this machine.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        machine: Option<String>,
        master: PathBuf,
        map: PathBuf,
        key: String,
        backends: Vec<(String, String)>,
        probe: Option<String>,
        host: String,
    },
}

fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

impl fmt::Display for Serve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let env = &self.env;
        match &self.deed {
            Deed::Init { repo, .. } => {
                write!(f, "git init --bare {}", shell_quote(&repo.to_string_lossy()))
            }
            Deed::Unpack { commit, dir, .. } => {
                write!(f, "unpack {} into {env}/releases/{}", commit.short(), name_of(dir))
            }
            Deed::SetAside { dir } => write!(f, "set {env}/releases/{} aside", name_of(dir)),
            Deed::Activate(it) => match &it.release {
                Some(release) if it.keeper == Keeper::None => {
                    write!(f, "point {env}/current to {}", release.name())
                }
                Some(release) => write!(f, "run {} in {env}", release.name()),
                None => write!(f, "stop {env}"),
            },
            Deed::Prove(it) => {
                write!(f, "prove that {env} runs {} ({})", it.release.version, it.release.name())
            }
            Deed::Drain { .. } => write!(f, "drain {env}"),
            Deed::Switch { from, to, .. } if from == to => {
                write!(f, "lead all traffic to {to}")
            }
            Deed::Switch { from, to, .. } => write!(f, "switch traffic from {from} to {to}"),
            Deed::Prune { dirs } => {
                let names: Vec<String> = dirs.iter().map(|dir| name_of(dir)).collect();
                write!(f, "remove {} of {env}", names.join(", "))
            }
            Deed::Record { state, .. } => {
                write!(f, "record {}", state["what"].as_str().unwrap_or("the state"))
            }
            Deed::Restore { what, .. } => write!(f, "record {what}"),
        }
    }
}

impl Serve {
    /// How a deed is taken back, given what was there before.
    pub(super) fn undo(&self, before: &Before) -> Undo {
        let by = |deed| Undo::By(Step::Serve(Box::new(Self { deed, ..self.clone() })));
        match (&self.deed, before) {
            (Deed::Unpack { dir, .. }, Before::Dir { exists: false }) => {
                by(Deed::SetAside { dir: dir.clone() })
            }
            (Deed::Activate(it), Before::Env { .. }) => by(Deed::Activate(Box::new(Activate {
                release: it.former.clone(),
                former: it.release.clone(),
                back: true,
                ..(**it).clone()
            }))),
            (Deed::Switch { traffic, from, to, .. }, Before::Live { env }) => by(Deed::Switch {
                traffic: traffic.clone(),
                from: to.clone(),
                to: env.clone().unwrap_or_else(|| from.clone()),
                gate: false,
            }),
            (Deed::Record { name, state, .. }, Before::Ref { commit }) => by(Deed::Restore {
                name: name.clone(),
                to: commit.clone(),
                what: format!("{} put back", state["what"].as_str().unwrap_or("it")),
            }),
            // An empty repository is in nobody's way; what nobody needs is not missed; what was
            // only looked at is as it was.
            _ => Undo::Nothing,
        }
    }
}
