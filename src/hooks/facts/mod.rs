//! What is so: the hooks folder, the settings, the record, and (for the doctor) what each hook
//! answers.

mod probe;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::record::{Mode, Record};
use super::shim;
use crate::base::{Branch, File, Problem, RefName};
use crate::config;
use crate::git::Git;
use crate::host;

pub use probe::{HookFile, Hub, Probes, probe};

/// Something in a hooks folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A shim as gsync wrote it.
    Ours {
        marker: shim::Marker,
        text: String,
        runs: bool,
    },
    /// A file or a link of somebody else.
    Foreign {
        runs: bool,
    },
    Dir,
}

/// A directory, as far as hooks are concerned.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Folder {
    pub dir: PathBuf,
    pub exists: bool,
    /// It is a link, or not a directory: not ours to fill.
    pub odd: bool,
    pub entries: BTreeMap<String, Entry>,
}

/// One value of `core.hooksPath`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HooksPath {
    /// `local`, `worktree`, `global`, `system`, `command`.
    pub scope: String,
    /// As it is written.
    pub value: String,
    /// With `~` resolved; still relative if it was.
    pub path: String,
}

/// All that the planners of this room decide by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    pub common_dir: PathBuf,
    pub work_dir: Option<PathBuf>,
    pub bare: bool,
    pub version: String,
    pub binary: String,
    pub git_version: String,
    /// git runs hooks that the configuration names.
    pub config_hooks: bool,
    /// The last value, which wins.
    pub hooks_path: Option<HooksPath>,
    /// The names of hooks in the folder that `core.hooksPath` names, if it is not ours.
    pub foreign: Vec<String>,
    pub hooks: Folder,
    pub own: Folder,
    /// The directory beside the hooks folder that the record names.
    pub aside: Folder,
    /// A name for that directory that is free.
    pub free_aside: String,
    pub config_file: PathBuf,
    pub config: Option<File>,
    pub worktree_config_file: PathBuf,
    pub worktree_config: Option<File>,
    /// The keys `hook.gsync-*` that are set, with their values.
    pub hook_keys: Vec<(String, String)>,
    pub role: Option<String>,
    pub record: Option<Record>,
    pub chain: Option<String>,
    /// `.gsync.toml` in the work tree.
    pub toml: Option<File>,
    pub toml_tracked: bool,
    /// HEAD or the hub's branch has a `.gsync.toml`: not ours to write.
    pub toml_known: bool,
    /// The upstream has it, and this clone has not pulled that yet.
    pub toml_upstream: bool,
    pub roles: Vec<String>,
    /// The hub's main branch, as far as it is known here.
    pub hub_branch: Option<Branch>,
    /// `gsync.pushAfter` of the person.
    pub push_after: Option<String>,
    /// Snapshots for `gsync undo` that outlive an uninstall.
    pub undo_refs: usize,
}

impl Facts {
    pub fn gsync_dir(&self) -> PathBuf {
        self.common_dir.join("gsync")
    }

    pub fn record_file(&self) -> PathBuf {
        self.gsync_dir().join("install.json")
    }

    pub fn chain_file(&self) -> PathBuf {
        self.gsync_dir().join("chain")
    }

    /// Whether `core.hooksPath` is the one that gsync set.
    pub fn hooks_path_is_ours(&self) -> bool {
        self.hooks_path.as_ref().is_some_and(|at| is_ours(at, &self.own.dir, self.record.as_ref()))
    }

    /// Whether it leads to our folder; one that we set leads astray once the clone was moved.
    pub fn hooks_path_leads_here(&self) -> bool {
        self.hooks_path.as_ref().is_some_and(|at| Path::new(&at.path) == self.own.dir)
    }
}

fn is_ours(at: &HooksPath, own: &Path, record: Option<&Record>) -> bool {
    let layer = record.and_then(|record| record.hooks.as_ref());
    let mut set = layer.iter().flat_map(|layer| &layer.edits);
    Path::new(&at.path) == own
        || set.any(|edit| edit.key == "core.hooksPath" && edit.value.as_ref() == Some(&at.value))
}

/// Looks at a repository. Reads only. Settings that make no sense are an error.
pub fn observe(git: &Git) -> Result<Facts> {
    look(git, |parsed| parsed)
}

/// The same for those who only look, or leave: settings that make no sense name no roles.
pub fn observe_anyway(git: &Git) -> Result<Facts> {
    look(git, |parsed| Ok(parsed.unwrap_or_default()))
}

type Parsed = Result<Option<config::Config>, Problem>;

fn look(git: &Git, settle: fn(Parsed) -> Parsed) -> Result<Facts> {
    let common_dir = git.common_dir.clone();
    if common_dir.to_str().is_none() || git.dir().to_str().is_none() {
        return Err(Problem::refuse("path", "the path of this repository is not UTF-8")
            .because("shims and records are text files, and name it")
            .into());
    }
    let binary = host::env::binary()?;
    let binary = binary.to_str().context("the path of gsync is not UTF-8")?.to_owned();
    let git_version = git.must(&["version"])?.trim_start_matches("git version ").to_owned();
    let record = record(&common_dir)?;
    let own = folder(&common_dir.join("gsync").join("hooks"))?;
    let hooks_path = hooks_path(git)?;
    let foreign = match &hooks_path {
        Some(at) if !is_ours(at, &own.dir, record.as_ref()) => {
            foreign(&host::read::names(&git.dir().join(&at.path)).unwrap_or_default())
        }
        // Ours already: what it leads on to.
        Some(_) => match record.as_ref().and_then(|record| record.chain.as_ref()) {
            Some(chain) => foreign(&host::read::names(&git.dir().join(chain)).unwrap_or_default()),
            None => Vec::new(),
        },
        None => Vec::new(),
    };
    let aside = match record.as_ref().and_then(|record| record.aside.as_ref()) {
        Some(name) => folder(&common_dir.join(name))?,
        None => Folder::default(),
    };
    let (config_file, worktree_config_file) =
        (common_dir.join("config"), git.git_dir.join("config.worktree"));
    let toml = match &git.work_dir {
        Some(dir) => host::read::file(&dir.join(config::FILE))?,
        None => None,
    };
    let committed = if git.work_dir.is_some() { committed_toml(git)? } else { None };
    let bytes = toml.as_ref().map(|file| &file.bytes.0).or(committed.as_ref());
    let parsed = settle(bytes.map(|bytes| config::parse(config::FILE, bytes)).transpose())?;
    let undo = git.ask(&["for-each-ref", "--format=x", "refs/gsync/undo"])?.unwrap_or_default();
    Ok(Facts {
        bare: git.work_dir.is_none(),
        work_dir: git.work_dir.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        binary,
        config_hooks: at_least(&git_version, (2, 54)),
        git_version,
        hooks_path,
        foreign,
        hooks: folder(&common_dir.join("hooks"))?,
        own,
        aside,
        free_aside: free_aside(&common_dir),
        config: host::read::file(&config_file)?,
        config_file,
        worktree_config: host::read::file(&worktree_config_file)?,
        worktree_config_file,
        hook_keys: hook_keys(git)?,
        role: git.ask(&["config", "--local", "--get", "gsync.role"])?,
        chain: host::read::text(&common_dir.join("gsync").join("chain"))?
            // A path may hold newlines: all of it but the last is the path.
            .map(|text| text.strip_suffix('\n').unwrap_or(&text).to_owned()),
        toml_tracked: git.work_dir.is_some()
            && git.ask(&["ls-files", "--error-unmatch", "--", config::FILE])?.is_some(),
        toml_known: committed.is_some(),
        toml_upstream: toml.is_none() && git.ask(&["cat-file", "-e", UPSTREAM_TOML])?.is_some(),
        toml,
        roles: parsed.map(|config| config.roles.into_keys().collect()).unwrap_or_default(),
        hub_branch: hub_branch(git)?,
        push_after: git.config("gsync.pushAfter")?,
        undo_refs: undo.lines().count(),
        record,
        common_dir,
    })
}

/// The settings as the upstream has them.
const UPSTREAM_TOML: &str = "@{upstream}:.gsync.toml";

/// Whether `gsync install` ever ran here, or was cut off here.
pub fn is_touched(git: &Git) -> bool {
    host::read::exists(&git.gsync_dir())
}

fn record(common_dir: &Path) -> Result<Option<Record>> {
    let path = common_dir.join("gsync").join("install.json");
    let Some(text) = host::read::text(&path)? else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|err| {
        Problem::blind("record", format!("{} cannot be read", path.display()))
            .because(err.to_string())
            .hint("use the gsync that installed the hooks, or a newer one")
            .into()
    })
}

fn hooks_path(git: &Git) -> Result<Option<HooksPath>> {
    let get = |more: &[&str]| -> Result<Option<Vec<u8>>> {
        let args = [&["config", "-z"][..], more, &["--get-all", "core.hooksPath"]].concat();
        let out = git.output(&args)?;
        Ok(out.status.success().then_some(out.stdout))
    };
    let Some(bytes) = get(&["--show-scope"])? else { return Ok(None) };
    let text = String::from_utf8(bytes).context("core.hooksPath is not UTF-8")?;
    let fields: Vec<&str> = text.strip_suffix('\0').unwrap_or(&text).split('\0').collect();
    let Some([scope, value]) = fields.rchunks(2).next() else { return Ok(None) };
    let path = get(&["--type=path"])?.unwrap_or_default();
    let path = String::from_utf8_lossy(&path).into_owned();
    let path = path.strip_suffix('\0').unwrap_or(&path).rsplit('\0').next().unwrap_or_default();
    Ok(Some(HooksPath {
        scope: (*scope).to_owned(),
        value: (*value).to_owned(),
        path: path.to_owned(),
    }))
}

fn hook_keys(git: &Git) -> Result<Vec<(String, String)>> {
    let out = git.output(&["config", "--local", "-z", "--get-regexp", r"^hook\.gsync-"])?;
    let text = String::from_utf8_lossy(&out.stdout);
    let pairs = text.split('\0').filter(|pair| !pair.is_empty());
    Ok(pairs.filter_map(|pair| pair.split_once('\n')).map(|(k, v)| (k.into(), v.into())).collect())
}

/// `.gsync.toml` of HEAD, or of the hub's branch as far as it is known here.
fn committed_toml(git: &Git) -> Result<Option<Vec<u8>>> {
    for rev in ["HEAD", "refs/remotes/origin/HEAD", "refs/remotes/origin/main"] {
        let out = git.output(&["cat-file", "blob", &format!("{rev}:{}", config::FILE)])?;
        if out.status.success() {
            return Ok(Some(out.stdout));
        }
    }
    Ok(None)
}

/// What the hub's HEAD was when it was cloned; else the one branch that there is.
fn hub_branch(git: &Git) -> Result<Option<Branch>> {
    let prefix = "refs/remotes/origin/";
    let head = git.ask(&["symbolic-ref", "--quiet", "refs/remotes/origin/HEAD"])?;
    if let Some(name) = head.as_deref().and_then(|head| head.strip_prefix(prefix)) {
        return Ok(RefName::new(format!("refs/heads/{name}")).branch());
    }
    let mut known: Vec<Branch> = Vec::new();
    for (name, _) in git.refs(prefix)? {
        let name = name.as_str().strip_prefix(prefix).map(|name| format!("refs/heads/{name}"));
        known.extend(name.and_then(|name| RefName::new(name).branch()));
    }
    if known.is_empty() {
        // Nothing was ever fetched: where all begins, the hub will have the same branch.
        known.extend(git.refs("refs/heads/")?.into_iter().filter_map(|(name, _)| name.branch()));
        if known.is_empty() {
            known.extend(git.head_branch()?.and_then(|name| name.branch()));
        }
    }
    Ok(known.pop().filter(|_| known.is_empty()))
}

fn foreign(names: &[PathBuf]) -> Vec<String> {
    names.iter().filter_map(|name| name.to_str().map(str::to_owned)).collect()
}

fn free_aside(common_dir: &Path) -> String {
    let mut name = "hooks.before-gsync".to_owned();
    let mut n = 2;
    while host::read::exists(&common_dir.join(&name)) {
        name = format!("hooks.before-gsync-{n}");
        n += 1;
    }
    name
}

fn folder(dir: &Path) -> Result<Folder> {
    let Ok(meta) = dir.symlink_metadata() else {
        return Ok(Folder { dir: dir.to_owned(), ..Folder::default() });
    };
    let mut found = Folder { dir: dir.to_owned(), exists: true, ..Folder::default() };
    found.odd = !meta.is_dir();
    if dir.is_dir() {
        for name in host::read::names(dir)? {
            if let Some(text) = name.to_str() {
                found.entries.insert(text.to_owned(), entry(&dir.join(&name)));
            }
        }
    }
    Ok(found)
}

fn entry(path: &Path) -> Entry {
    let Ok(meta) = path.symlink_metadata() else { return Entry::Foreign { runs: false } };
    if meta.is_dir() {
        return Entry::Dir;
    }
    // A large file is no shim, and need not be read.
    if meta.is_file() && meta.len() < 64 * 1024 {
        let bytes = fs::read(path).unwrap_or_default();
        if let Some(marker) = shim::marker(&bytes) {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            return Entry::Ours { marker, text, runs: runs(path) };
        }
    }
    Entry::Foreign { runs: runs(path) }
}

/// Whether git would run it: it is there, links followed, and has a run bit.
fn runs(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

fn at_least(version: &str, least: (u32, u32)) -> bool {
    let mut parts = version.split(['.', ' ', '-']).map_while(|part| part.parse::<u32>().ok());
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= least
}

impl Facts {
    /// The way that is right for this repository and this git.
    pub fn right_mode(&self) -> Mode {
        if self.config_hooks {
            Mode::Config
        } else if self.hooks_path.is_some() || self.hooks.odd {
            Mode::Override
        } else {
            Mode::Folder
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(at_least("2.54.0", (2, 54)) && at_least("2.100.1", (2, 54)));
        assert!(at_least("3.0", (2, 54)) && at_least("2.54.0-rc1", (2, 54)));
        assert!(!at_least("2.47.3", (2, 54)) && !at_least("2.6 (Apple Git-1)", (2, 54)));
        assert!(!at_least("odd", (2, 54)));
    }
}
