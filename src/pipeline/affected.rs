//! Which services a change concerns, why, and in which order they are brought up.
//!
//! The safe side is to concern too many: what no service claims concerns them all, and so do
//! lockfiles and toolchain files at the top and the map itself.

use std::collections::BTreeSet;

use serde::{Serialize, Serializer};

use super::paths::{Paths, is_handoff};
use crate::base::{Problem, RepoPath, nearest, plain};
use crate::config::{Config, Service};

/// Reasons that are kept for each service; more of them tell nobody more.
const REASONS: usize = 20;

/// Files at the top of a repository that everything is built with.
const SHARED: [(&str, Shared); 34] = [
    (".gsync.toml", Shared::Map),
    ("Cargo.lock", Shared::Lockfile),
    ("Gemfile.lock", Shared::Lockfile),
    ("Pipfile.lock", Shared::Lockfile),
    ("bun.lock", Shared::Lockfile),
    ("bun.lockb", Shared::Lockfile),
    ("composer.lock", Shared::Lockfile),
    ("deno.lock", Shared::Lockfile),
    ("flake.lock", Shared::Lockfile),
    ("go.sum", Shared::Lockfile),
    ("go.work.sum", Shared::Lockfile),
    ("gradle.lockfile", Shared::Lockfile),
    ("mix.lock", Shared::Lockfile),
    ("npm-shrinkwrap.json", Shared::Lockfile),
    ("package-lock.json", Shared::Lockfile),
    ("pdm.lock", Shared::Lockfile),
    ("pnpm-lock.yaml", Shared::Lockfile),
    ("poetry.lock", Shared::Lockfile),
    ("uv.lock", Shared::Lockfile),
    ("yarn.lock", Shared::Lockfile),
    (".cargo/config.toml", Shared::Toolchain),
    (".go-version", Shared::Toolchain),
    (".java-version", Shared::Toolchain),
    (".node-version", Shared::Toolchain),
    (".nvmrc", Shared::Toolchain),
    (".python-version", Shared::Toolchain),
    (".ruby-version", Shared::Toolchain),
    (".sdkmanrc", Shared::Toolchain),
    (".tool-versions", Shared::Toolchain),
    ("Tiltfile", Shared::Toolchain),
    ("go.work", Shared::Toolchain),
    ("mise.toml", Shared::Toolchain),
    ("rust-toolchain", Shared::Toolchain),
    ("rust-toolchain.toml", Shared::Toolchain),
];

/// What makes a file everybody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shared {
    Lockfile,
    Toolchain,
    /// What says which paths are whose.
    Map,
    /// No service claims it.
    Unmapped,
}

/// Why a service is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    Path {
        path: RepoPath,
        pattern: String,
    },
    Everybody {
        path: RepoPath,
        shared: Shared,
    },
    /// It was asked for.
    Named,
    /// It was not brought up when it was tried last.
    Unfinished,
    /// Nothing is known of an earlier state.
    Unknown,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Path { path, pattern } => write!(f, "{path} matches {}", plain(pattern)),
            Self::Everybody { path, shared } => {
                let what = match shared {
                    Shared::Lockfile => "is a lockfile",
                    Shared::Toolchain => "is part of the toolchain",
                    Shared::Map => "says what is whose",
                    Shared::Unmapped => "belongs to no service",
                };
                write!(f, "{path} {what}")
            }
            Self::Named => f.write_str("it was named"),
            Self::Unfinished => f.write_str("it was not brought up the last time"),
            Self::Unknown => f.write_str("nothing is known of an earlier state"),
        }
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Plainly<'a> {
            why: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            path: Option<&'a RepoPath>,
            #[serde(skip_serializing_if = "Option::is_none")]
            pattern: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            shared: Option<Shared>,
        }
        let (why, path, pattern, shared) = match self {
            Self::Path { path, pattern } => ("path", Some(path), Some(pattern.as_str()), None),
            Self::Everybody { path, shared } => ("everybody", Some(path), None, Some(*shared)),
            Self::Named => ("named", None, None, None),
            Self::Unfinished => ("unfinished", None, None, None),
            Self::Unknown => ("unknown", None, None, None),
        };
        Plainly { why, path, pattern, shared }.serialize(serializer)
    }
}

/// One service that is concerned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Concerned {
    pub service: String,
    /// The first reasons; `reasons` says how many there are.
    pub because: Vec<Reason>,
    pub reasons: usize,
    /// Those it waits for that are concerned too.
    pub after: Vec<String>,
    /// Its steps, by name.
    pub steps: Vec<String>,
}

/// The services that a change of these paths concerns, in the order in which they are brought
/// up. Both sides of a rename belong to `paths`. An error is a mistake in the configuration.
pub fn concerned(config: &Config, paths: &[RepoPath]) -> Result<Vec<Concerned>, Problem> {
    let services = &config.service;
    let maps: Vec<Paths> = services.iter().map(|service| Paths::new(&service.paths)).collect();
    let mut because: Vec<(usize, Vec<Reason>)> = vec![(0, Vec::new()); services.len()];
    let mut add = |at: usize, reason: Reason| {
        because[at].0 += 1;
        if because[at].1.len() < REASONS {
            because[at].1.push(reason);
        }
    };
    for path in paths {
        let mut claimed = false;
        for (at, map) in maps.iter().enumerate() {
            if let Some(pattern) = map.matching(path.as_bytes()) {
                add(at, Reason::Path { path: path.clone(), pattern: pattern.to_owned() });
                claimed = true;
            }
        }
        let shared = match shared(path) {
            None if !claimed && !is_handoff(&config.handoff, path) => Some(Shared::Unmapped),
            other => other,
        };
        if let Some(shared) = shared {
            for (at, map) in maps.iter().enumerate() {
                if map.matching(path.as_bytes()).is_none() {
                    add(at, Reason::Everybody { path: path.clone(), shared });
                }
            }
        }
    }
    in_order(services, because)
}

/// These services, whatever changed.
pub fn named(config: &Config, names: &[String], why: &Reason) -> Result<Vec<Concerned>, Problem> {
    for name in names {
        if !config.service.iter().any(|service| service.name == *name) {
            let known = config.service.iter().map(|service| service.name.as_str());
            let problem =
                Problem::usage("no-such-service", format!("there is no service {}", plain(name)));
            return Err(match nearest(name, known) {
                Some(near) => {
                    problem.hint(format!("run `gsync up {near}` if that is what you mean"))
                }
                None if config.service.is_empty() => {
                    problem.because("`.gsync.toml` has no [[service]]")
                }
                None => {
                    let known: Vec<String> =
                        config.service.iter().map(|service| plain(&service.name)).collect();
                    problem.because(format!("there are: {}", known.join(", ")))
                }
            });
        }
    }
    let because = config.service.iter().map(|service| match names.contains(&service.name) {
        true => (1, vec![why.clone()]),
        false => (0, Vec::new()),
    });
    in_order(&config.service, because.collect())
}

/// All of them.
pub fn all(config: &Config, why: &Reason) -> Result<Vec<Concerned>, Problem> {
    let because = vec![(1, vec![why.clone()]); config.service.len()];
    in_order(&config.service, because)
}

fn shared(path: &RepoPath) -> Option<Shared> {
    let text = std::str::from_utf8(path.as_bytes()).ok()?;
    if text.starts_with(".gsync/") {
        return Some(Shared::Map);
    }
    SHARED.iter().find(|(name, _)| *name == text).map(|(_, shared)| *shared)
}

fn in_order(
    services: &[Service],
    because: Vec<(usize, Vec<Reason>)>,
) -> Result<Vec<Concerned>, Problem> {
    let order = order(services)?;
    let is_concerned: Vec<bool> = because.iter().map(|(reasons, _)| *reasons > 0).collect();
    let names: BTreeSet<&str> = services
        .iter()
        .zip(&is_concerned)
        .filter_map(|(service, is)| is.then_some(service.name.as_str()))
        .collect();
    let mut because: Vec<Option<(usize, Vec<Reason>)>> = because.into_iter().map(Some).collect();
    let mut concerned = Vec::new();
    for at in order.into_iter().filter(|at| is_concerned[*at]) {
        let Some((reasons, because)) = because[at].take() else { continue };
        let service = &services[at];
        let after = service.after.iter().filter(|name| names.contains(name.as_str()));
        concerned.push(Concerned {
            service: service.name.clone(),
            because,
            reasons,
            after: after.cloned().collect(),
            steps: service.steps.iter().map(|step| step.name.clone()).collect(),
        });
    }
    Ok(concerned)
}

/// All services so that each comes after those it waits for; else as they stand in the file.
pub fn order(services: &[Service]) -> Result<Vec<usize>, Problem> {
    let index = |name: &str| services.iter().position(|service| service.name == name);
    for (at, service) in services.iter().enumerate() {
        let name = plain(&service.name);
        if index(&service.name) != Some(at) {
            return Err(bad(&format!("there are two services with the name {name}")));
        }
        for other in &service.after {
            if index(other).is_none() {
                let problem =
                    bad(&format!("the service {name} waits for {}, which is none", plain(other)));
                let known = services.iter().map(|service| service.name.as_str());
                return Err(match nearest(other, known) {
                    Some(near) => problem.hint(format!("write `{near}` if that is what you mean")),
                    None => problem,
                });
            }
        }
    }
    let mut done = vec![false; services.len()];
    let mut order = Vec::new();
    while order.len() < services.len() {
        let ready = services.iter().enumerate().position(|(at, service)| {
            !done[at] && service.after.iter().all(|name| index(name).is_some_and(|it| done[it]))
        });
        let Some(at) = ready else { return Err(cycle(services, &done)) };
        done[at] = true;
        order.push(at);
    }
    Ok(order)
}

/// Every service that is left waits for one that is left: following them leads into the ring.
fn cycle(services: &[Service], done: &[bool]) -> Problem {
    let next = |at: usize| {
        services[at].after.iter().find_map(|name| {
            let other = services.iter().position(|service| service.name == *name)?;
            (!done[other]).then_some(other)
        })
    };
    let mut walk: Vec<usize> = done.iter().position(|done| !done).into_iter().collect();
    while let Some(at) = walk.last().and_then(|last| next(*last)) {
        if let Some(start) = walk.iter().position(|seen| *seen == at) {
            walk.drain(..start);
            walk.push(at);
            break;
        }
        walk.push(at);
    }
    let names: Vec<String> = walk.iter().map(|at| plain(&services[*at].name)).collect();
    bad(&format!("services wait for each other: {}", names.join(" after ")))
}

fn bad(why: &str) -> Problem {
    Problem::usage("config", format!("{}: {why}", crate::config::FILE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    fn config(text: &str) -> Config {
        parse("test", text.as_bytes()).unwrap()
    }

    /// Four services that share types, each with sources of its own.
    fn four() -> Config {
        config(
            r#"
            [[service]]
            name = "ui"
            paths = ["ui/**", "types/**"]
            after = ["internal-service"]
            [[service]]
            name = "sync-wasm-client"
            paths = ["wasm-client/**", "types/**"]
            [[service]]
            name = "internal-service"
            paths = ["internal-service/**", "types/**"]
            after = ["server"]
            [[service]]
            name = "server"
            paths = ["server-kernel/**", "types/**"]
            after = ["sync-wasm-client"]
            [[service]]
            name = "nothing"
            paths = ["docs/**", "*.md"]
        "#,
        )
    }

    fn names(config: &Config, paths: &[&str]) -> Vec<String> {
        let paths: Vec<RepoPath> = paths.iter().map(|path| RepoPath::from(*path)).collect();
        concerned(config, &paths).unwrap().into_iter().map(|it| it.service).collect()
    }

    #[test]
    fn each_source_concerns_its_service_and_shared_types_concern_all_in_order() {
        let four = four();
        assert_eq!(names(&four, &["server-kernel/src/main.rs"]), ["server"]);
        assert_eq!(names(&four, &["internal-service/src/lib.rs"]), ["internal-service"]);
        assert_eq!(names(&four, &["wasm-client/src/lib.rs"]), ["sync-wasm-client"]);
        assert_eq!(names(&four, &["ui/src/App.tsx"]), ["ui"]);
        let all = ["sync-wasm-client", "server", "internal-service", "ui"];
        assert_eq!(names(&four, &["types/src/lib.rs"]), all);
        assert_eq!(names(&four, &["ui/a", "server-kernel/b"]), ["server", "ui"]);
        assert_eq!(names(&four, &["docs/a", "ui/README.md"]), ["ui", "nothing"]);
        assert!(names(&four, &[]).is_empty());
    }

    #[test]
    fn what_nobody_claims_and_what_everything_is_built_with_concerns_all() {
        let four = four();
        for path in ["scripts/x.sh", "Cargo.lock", "rust-toolchain.toml", ".gsync.toml", ".gsync/m"]
        {
            assert_eq!(names(&four, &[path]).len(), 5, "{path}");
        }
        assert_eq!(names(&four, &["ui/package-lock.json"]), ["ui"], "a lockfile below is its own");
        let one = config("[[service]]\nname = \"a\"\npaths = [\"a/**\"]\n");
        assert!(names(&one, &["handoffs/HANDOFF_TO_QC_20261121_0001.md"]).is_empty());
    }

    #[test]
    fn the_reason_is_the_path_and_its_pattern() {
        let found = concerned(&four(), &["types/a.rs".into(), "go.sum".into()]).unwrap();
        let because: Vec<String> = found[1].because.iter().map(ToString::to_string).collect();
        assert_eq!(because, ["types/a.rs matches types/**", "go.sum is a lockfile"]);
        assert_eq!(found[1].after, ["sync-wasm-client"]);
        let ui = concerned(&four(), &["ui/a".into()]).unwrap();
        assert!(ui[0].after.is_empty(), "it waits only for those that are concerned too");
    }

    #[test]
    fn a_ring_a_stranger_and_a_double_are_errors_of_the_configuration() {
        let service = |name: &str, after: &str| {
            format!("[[service]]\nname = \"{name}\"\nafter = [{after}]\n")
        };
        let ring =
            config(&[service("a", "\"b\""), service("b", "\"c\""), service("c", "\"b\"")].concat());
        let problem = concerned(&ring, &[]).unwrap_err();
        assert_eq!(problem.exit, crate::base::Exit::Usage);
        assert_eq!(problem.message, ".gsync.toml: services wait for each other: b after c after b");
        let itself = concerned(&config(&service("a", "\"a\"")), &[]).unwrap_err();
        assert!(itself.message.ends_with("a after a"), "{itself}");
        let stranger = config(&[service("server", ""), service("b", "\"sevrer\"")].concat());
        let problem = concerned(&stranger, &[]).unwrap_err();
        assert_eq!(problem.hints, ["write `server` if that is what you mean"]);
        let double = config(&[service("a", ""), service("a", "")].concat());
        assert!(concerned(&double, &[]).is_err());
    }
}
