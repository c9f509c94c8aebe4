//! Every file of the work tree that git tracks or would take, as it lies there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;

use anyhow::{Context, Result};
use gix::ObjectId;

use super::look::HELD;
use super::policy;
use super::world::World;
use crate::base::{Problem, RepoPath, count};
use crate::git::Git;
use crate::guard::judge::{Judge, Needs, look_along};
use crate::guard::secrets::Sum;
use crate::guard::ways::{self, Standing};
use crate::guard::{Finding, Place, Scene, Verdict};
use crate::host::progress;

/// So many lines are named in which a value stands again.
const LINES: usize = 10;

/// Judges the work tree.
pub fn all(git: &Git) -> Result<Verdict> {
    let out = match git.work_dir {
        Some(_) => git.must_bytes(&["ls-files", "-co", "--exclude-standard", "-z"])?,
        None => Vec::new(),
    };
    // A path with a conflict is listed once for each side.
    let names: BTreeSet<&[u8]> = out.split(|byte| *byte == 0).collect();
    files(git, names)
}

/// Judges these files of the work tree, as they would be committed.
pub fn these(git: &Git, paths: &[RepoPath]) -> Result<Verdict> {
    files(git, paths.iter().map(RepoPath::as_bytes).collect())
}

fn files(git: &Git, names: BTreeSet<&[u8]>) -> Result<Verdict> {
    let Some(work_dir) = &git.work_dir else {
        return Err(Problem::refuse("bare", "a bare repository has no work tree to judge")
            .hint("judge its commits: `gsync guard --range main`")
            .into());
    };
    let world = World::open(git);
    let policy = policy::client(&world, None)?;
    let mut judge = Judge::new(&policy, Verdict::new(Scene::Tree));
    // The judge knows contents by their id; here it is a number that is used once.
    let id = ObjectId::null(gix::hash::Kind::Sha1);
    for name in names.into_iter().filter(|name| !name.is_empty()) {
        let path = RepoPath::new(name);
        let file = work_dir.join(path.to_path());
        let meta = match file.symlink_metadata() {
            Ok(meta) => meta,
            Err(err) if matches!(err.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                continue;
            }
            Err(err) => return Err(err).with_context(|| format!("look at {}", file.display())),
        };
        let place = Place { path: Some(path), ..Place::default() };
        judge.verdict.judged.files += 1;
        judged_so_far(judge.verdict.judged.files);
        judge.path(&place);
        // The content of a symbolic link is where it leads to.
        if !meta.is_file() && !meta.is_symlink() {
            continue;
        }
        judge.forget(&id);
        let read = || format!("read {}", file.display());
        let wanted = judge.needs(&id) == Needs::Content;
        let small = !policy.is_too_large(meta.len(), place.path.as_ref().map(RepoPath::as_bytes));
        if wanted && small && meta.len() > HELD {
            let mut open = fs::File::open(&file).with_context(read)?;
            let looked = look_along(&policy, meta.len(), &mut open, &mut || Ok(()));
            judge.learned(id, meta.len(), looked.with_context(read)?);
        } else {
            let bytes = match wanted && meta.len() <= HELD {
                true if meta.is_symlink() => {
                    let to = fs::read_link(&file).with_context(read)?;
                    Some(to.into_os_string().into_encoded_bytes())
                }
                true => Some(fs::read(&file).with_context(read)?),
                false => None,
            };
            judge.learn(id, meta.len(), bytes.as_deref());
        }
        judge.blob(&id, &place, |_| false);
    }
    once(&mut judge.verdict.findings);
    let below = world.below_top();
    for finding in &mut judge.verdict.findings {
        finding.hints = ways::out(finding, &Standing::Tree, below);
    }
    Ok(judge.finish())
}

/// Says from time to time how far it is, for whoever waits.
pub(super) fn judged_so_far(files: usize) {
    if files.is_multiple_of(64) {
        progress::says(&count(files, "file"));
    }
}

/// A value that stands in a file several times is told once, with the other lines.
fn once(findings: &mut Vec<Finding>) {
    let mut first: BTreeMap<(RepoPath, Sum), usize> = BTreeMap::new();
    let mut again: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let mut kept: Vec<Finding> = Vec::with_capacity(findings.len());
    for finding in findings.drain(..) {
        if let (Some(path), Some(hit)) = (&finding.place.path, &finding.secret) {
            let key = (path.clone(), hit.fingerprint.sum());
            if let Some(at) = first.get(&key) {
                again.entry(*at).or_default().push(hit.line.to_string());
                continue;
            }
            first.insert(key, kept.len());
        }
        kept.push(finding);
    }
    for (at, mut lines) in again {
        let hidden = lines.len().saturating_sub(LINES);
        lines.truncate(LINES);
        let more = if hidden > 0 { format!(" and {hidden} more") } else { String::new() };
        kept[at].because.push(format!("it is there again in line {}{more}", lines.join(", ")));
    }
    *findings = kept;
}
