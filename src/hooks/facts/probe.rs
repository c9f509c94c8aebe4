//! What only the doctor asks: whether each hook fires, and how the hub and the clone are.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use super::super::record::Mode;
use super::{Facts, runs};
use crate::base::Time;
use crate::config::Config;
use crate::git::Git;
use crate::host::{self, process};

/// The file or command that git would run for a hook, and what it answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookFile {
    pub hook: String,
    pub path: PathBuf,
    pub exists: bool,
    pub runs: bool,
    /// The first line ends in CR LF: the kernel then looks for an interpreter that is not there.
    pub crlf: bool,
    /// What it answered to `GSYNC_PROBE=1`; nothing: it did not start, or took too long.
    pub answer: Option<String>,
}

/// Whether the hub answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Hub {
    #[default]
    None,
    Reached {
        /// When its newest known commit was made.
        newest: Option<Time>,
    },
    Unreachable(String),
}

/// All that the doctor judges by, beyond the facts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Probes {
    pub hooks: Vec<HookFile>,
    /// Hooks that were there before, and whether they would run.
    pub chained: Vec<(String, bool)>,
    pub chain_exists: bool,
    pub hub: Hub,
    pub remote: String,
    pub now: Option<Time>,
    pub index_entries: usize,
    /// Settings that make a large repository fast and are not set.
    pub slow: Vec<String>,
    pub unfinished: bool,
    pub skip: bool,
    pub lfs: bool,
    /// Hook files that everybody may write to.
    pub writable: Vec<PathBuf>,
}

/// Looks closely. Runs the hooks the way git does, but tells them that it is only a test.
pub fn probe(git: &Git, facts: &Facts, config: &Config) -> Result<Probes> {
    // git does not answer where `core.hooksPath` is empty: then it looks in `/`.
    let args = ["rev-parse", "--path-format=absolute", "--git-path", "hooks"];
    let folder = git.ask(&args)?.unwrap_or_else(|| "/".to_owned());
    let mut found = Probes { now: Some(host::clock::now()), ..Probes::default() };
    for hook in super::super::desired::wanted(facts.bare) {
        let path = Path::new(&folder).join(hook.name());
        let mut command = match facts.right_mode() {
            Mode::Config => {
                let key = format!("hook.gsync-{hook}.command");
                let Some(line) = git.config(&key)? else {
                    found.hooks.push(HookFile {
                        hook: hook.name().into(),
                        path: key.into(),
                        exists: false,
                        runs: false,
                        crlf: false,
                        answer: None,
                    });
                    continue;
                };
                let mut sh = process::command("sh");
                sh.args(["-c", &format!("{line} \"$@\""), "gsync"]);
                sh
            }
            Mode::Folder | Mode::Override => process::command(&path),
        };
        command.current_dir(git.dir()).env("GSYNC_PROBE", "1");
        let by_config = facts.right_mode() == Mode::Config;
        let ours = by_config || is_ours(facts, &path);
        // Only what says that it is ours is started: what others do is theirs to know.
        let answer = if ours { answer(&mut command) } else { None };
        let bytes = host::read::file(&path).ok().flatten().map(|file| file.bytes.0);
        let first = bytes.as_deref().and_then(|bytes| bytes.split(|byte| *byte == b'\n').next());
        found.hooks.push(HookFile {
            hook: hook.name().into(),
            exists: by_config || host::read::exists(&path),
            runs: by_config || runs(&path),
            crlf: !by_config && first.is_some_and(|line| line.ends_with(b"\r")),
            answer,
            path,
        });
    }
    chained(git, facts, &mut found);
    hub(git, config, &mut found)?;
    slow(git, &mut found)?;
    found.skip = host::env::raw("GSYNC_SKIP").is_some();
    found.lfs = match &git.work_dir {
        Some(dir) => host::read::file(&dir.join(".gitattributes"))?
            .is_some_and(|file| String::from_utf8_lossy(&file.bytes.0).contains("filter=lfs")),
        None => false,
    };
    for hook in &found.hooks {
        use std::os::unix::fs::PermissionsExt;
        let meta = std::fs::metadata(&hook.path);
        if meta.is_ok_and(|meta| meta.permissions().mode() & 0o002 != 0) {
            found.writable.push(hook.path.clone());
        }
    }
    Ok(found)
}

fn is_ours(facts: &Facts, path: &Path) -> bool {
    let bytes = host::read::file(path).ok().flatten().map(|file| file.bytes.0);
    let legacy = facts.record.is_some()
        && bytes.as_deref().is_some_and(|bytes| super::shim::marker(bytes).is_some());
    legacy && runs(path)
}

fn answer(command: &mut std::process::Command) -> Option<String> {
    match process::run(command, b"", Duration::from_secs(5)) {
        Ok(process::Ended::Exited(out)) if out.status.success() => {
            Some(String::from_utf8_lossy(&out.stdout).trim().to_owned())
        }
        _ => None,
    }
}

fn chained(git: &Git, facts: &Facts, found: &mut Probes) {
    let Some(chain) = &facts.chain else { return };
    let dir = git.dir().join(chain);
    found.chain_exists = dir.is_dir();
    for hook in super::super::desired::wanted(facts.bare) {
        let path = dir.join(hook.name());
        if host::read::exists(&path) {
            found.chained.push((hook.name().to_owned(), runs(&path)));
        }
    }
}

fn hub(git: &Git, config: &Config, found: &mut Probes) -> Result<()> {
    let remote = &config.hub.remote;
    found.remote.clone_from(remote);
    if git.config(&format!("remote.{remote}.url"))?.is_none() {
        return Ok(());
    }
    let mut command = git.command();
    command.args(["ls-remote", "--quiet", "--heads", remote]);
    command.env(
        "GIT_SSH_COMMAND",
        host::env::raw("GIT_SSH_COMMAND")
            .unwrap_or_else(|| "ssh -o BatchMode=yes -o ConnectTimeout=5".into()),
    );
    let limit = config.hub.timeout.0;
    found.hub = match process::run(&mut command, b"", limit)? {
        process::Ended::Exited(out) if out.status.success() => {
            let refs = format!("refs/remotes/{remote}");
            let args = [
                "for-each-ref",
                "--sort=-committerdate",
                "--count=1",
                "--format=%(committerdate:unix)",
                &refs,
            ];
            let newest = git.ask(&args)?.and_then(|text| text.parse().ok()).map(Time);
            Hub::Reached { newest }
        }
        process::Ended::Exited(out) => {
            let text = String::from_utf8_lossy(&out.stderr);
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix("fatal: "))
                .unwrap_or("it does not answer");
            Hub::Unreachable(crate::base::plain(line))
        }
        process::Ended::TimedOut => {
            Hub::Unreachable(format!("no answer within {} s", limit.as_secs()))
        }
    };
    Ok(())
}

/// The index says in its head how many entries it has.
fn slow(git: &Git, found: &mut Probes) -> Result<()> {
    use std::io::Read;
    let mut head = [0; 12];
    let index = std::fs::File::open(git.git_dir.join("index"));
    if index.and_then(|mut file| file.read_exact(&mut head)).is_err() || &head[..4] != b"DIRC" {
        return Ok(());
    }
    let entries = u32::from_be_bytes([head[8], head[9], head[10], head[11]]);
    found.index_entries = usize::try_from(entries).unwrap_or(usize::MAX);
    if found.index_entries <= 20_000 {
        return Ok(());
    }
    let is_on =
        |key: &str| Ok::<_, anyhow::Error>(git.config(key)?.is_some_and(|value| value == "true"));
    if !is_on("feature.manyFiles")? && !is_on("core.untrackedCache")? {
        found.slow.push("git config feature.manyFiles true".into());
    }
    let graph = git.common_dir.join("objects/info");
    if !host::read::exists(&graph.join("commit-graph"))
        && !host::read::exists(&graph.join("commit-graphs"))
    {
        found.slow.push("git commit-graph write --reachable".into());
    }
    Ok(())
}
