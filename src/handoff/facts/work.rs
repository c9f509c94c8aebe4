//! The work between two commits, asked of git.

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use super::Clone;
use super::hub::Shelf;
use crate::base::{CommitId, Problem, RefName, RepoPath, Time, plain};
use crate::config::Config;
use crate::git::Git;
use crate::handoff::content::{Raw, RawCommit, RawFile, is_own};
use crate::handoff::keys;
use crate::handoff::life::State;

/// So many commits are told one by one.
const COMMITS: usize = 200;
/// A body is read that far for what it says about breaking changes.
const BODY: usize = 20_000;

/// Where the work to hand over began: as it was said, else where the last handoff to that role
/// ended (or began, if it was never deployed), else where the draft began, else what the hub had before this clone's last push or
/// before its first commit since.
pub fn base(
    git: &Git,
    config: &Config,
    clone: &Clone,
    shelf: &Shelf,
    to: Option<&str>,
    said: Option<&str>,
    draft: Option<&CommitId>,
) -> Result<CommitId> {
    if let Some(rev) = said {
        let found = git.resolve_commit(rev)?.ok_or_else(|| {
            let what = format!("there is no commit {}", plain(rev));
            Problem::usage("no-such-revision", what)
        })?;
        if git.contains(&found, &clone.head)? != Some(true) {
            let what = format!("{} is no part of what is checked out", found.short());
            return Err(Problem::usage("not-before", what)
                .hint("name a commit of `git log`")
                .into());
        }
        return Ok(found);
    }
    let before =
        |id: &CommitId| Ok::<_, anyhow::Error>(git.contains(id, &clone.head)? == Some(true));
    let earlier = shelf.found.iter().filter(|found| {
        found.handoff.branch == clone.branch.as_str()
            && to.is_none_or(|to| found.handoff.to.as_deref() == Some(to))
    });
    for found in earlier {
        // What was not deployed is not behind us: a new handoff takes all of it over.
        let begin = match found.shown {
            State::Done => &found.handoff.head,
            _ => &found.handoff.base,
        };
        if before(begin)? {
            return Ok(begin.clone());
        }
    }
    if let Some(draft) = draft.filter(|draft| **draft != clone.head)
        && before(draft)?
    {
        return Ok(draft.clone());
    }
    let merge_base = |other: &CommitId| -> Result<Option<CommitId>> {
        let found = git.ask(&["merge-base", other.as_str(), clone.head.as_str()])?;
        Ok(found.as_deref().and_then(CommitId::parse).filter(|id| *id != clone.head))
    };
    if config.hub.branch != clone.branch.as_str() {
        let main = format!("refs/remotes/{}/{}", clone.hub, config.hub.branch);
        if let Some(main) = git.resolve_ref(&RefName::new(main))?
            && let Some(found) = merge_base(&main)?
        {
            return Ok(found);
        }
    }
    if let Some(found) = before_last_push(git, clone)?
        && before(&found)?
    {
        return Ok(found);
    }
    if let Some(found) = merge_base(&clone.tip)? {
        return Ok(found);
    }
    Err(Problem::refuse("no-base", "it is not known where this work began")
        .because("no handoff came before it, and nothing was pushed from here")
        .hint("name the last commit that the receiver has: `gsync handoff draft --base COMMIT`")
        .into())
}

/// Where the hub stood before the last push from here, by git's own memory of it.
fn before_last_push(git: &Git, clone: &Clone) -> Result<Option<CommitId>> {
    let name = format!("refs/remotes/{}/{}", clone.hub, clone.branch);
    let args = ["log", "-g", "--max-count=50", "--format=%H%x09%gs", name.as_str(), "--"];
    let Some(text) = git.ask(&args)? else { return Ok(None) };
    let mut entries = text.lines().filter_map(|line| line.split_once('\t'));
    let mut pushed = false;
    for (id, what) in entries.by_ref() {
        if pushed {
            return Ok(CommitId::parse(id).filter(|id| *id != clone.head));
        }
        pushed = what == "update by push";
    }
    // A clone begins no log: the first entry is that push, and where it began stands in it alone.
    let first = pushed.then(|| git.former(&RefName::new(name.as_str()))).transpose()?;
    Ok(first.and_then(|(ids, _)| ids.last().cloned()).filter(|id| *id != clone.head))
}

/// All that git says about the work between two commits.
pub fn raw(git: &Git, base: &CommitId, head: &CommitId) -> Result<Raw> {
    let mut raw = Raw { commits: commits(git, base, head)?, ..Raw::default() };
    let count = git.must(&["rev-list", "--count", head.as_str(), "--not", base.as_str(), "--"])?;
    raw.more = count.parse::<usize>().unwrap_or(0).saturating_sub(raw.commits.len());
    raw.files = files(git, base, head)?;
    let diff = ["diff", "--no-ext-diff", "--no-textconv", "--no-color", "-M", "-U0"];
    let prefixes = ["--src-prefix=a/", "--dst-prefix=b/", "--ignore-submodules=all"];
    let patch = [&diff[..], &prefixes, &[base.as_str(), head.as_str(), "--"]].concat();
    raw.env = keys::added(&git.must_bytes(&patch).context("what the work adds")?);
    let known = known(git, base, raw.env.keys())?;
    raw.env.retain(|key, _| !known.contains(key));
    Ok(raw)
}

fn commits(git: &Git, base: &CommitId, head: &CommitId) -> Result<Vec<RawCommit>> {
    let most = format!("--max-count={COMMITS}");
    let format = "--format=%H%x00%an%x00%ct%x00%s%x00%b%x00%(trailers:only,unfold,separator=%x01)";
    let args = ["log", "-z", "--no-show-signature", &most, format, head.as_str()];
    let args = [&args[..], &["--not", base.as_str(), "--"]].concat();
    let out = git.must_bytes(&args).context("the commits of the work")?;
    let text = String::from_utf8_lossy(&out);
    let mut words = text.split('\0');
    let mut next = || words.next();
    let mut found = Vec::new();
    while let (Some(id), Some(author), Some(time), Some(summary), Some(body), Some(trailers)) =
        (next(), next(), next(), next(), next(), next())
    {
        let Some(id) = CommitId::parse(id) else { continue };
        found.push(RawCommit {
            id,
            author: plain(author),
            time: Time(time.parse().unwrap_or(0)),
            summary: plain(summary),
            body: body.chars().take(BODY).collect(),
            trailers: trailers.split('\u{1}').filter(|line| !line.is_empty()).map(plain).collect(),
        });
    }
    Ok(found)
}

/// The files with their numbers: two lists of one comparison, joined by path.
fn files(git: &Git, base: &CommitId, head: &CommitId) -> Result<Vec<RawFile>> {
    let args = ["diff", "--raw", "--numstat", "-z", "-M", "--no-ext-diff", "--no-textconv"];
    let args = [&args[..], &[base.as_str(), head.as_str(), "--"]].concat();
    let out = git.must_bytes(&args).context("the files of the work")?;
    let mut words = out.split(|byte| *byte == 0);
    let mut files: Vec<RawFile> = Vec::new();
    while let Some(word) = words.next() {
        let text = String::from_utf8_lossy(word);
        if let Some(raw) = text.strip_prefix(':') {
            let status = raw.rsplit(' ').next().and_then(|word| word.chars().next()).unwrap_or('M');
            let first = RepoPath::new(words.next().unwrap_or_default());
            let (path, from) = match status {
                'R' | 'C' => (RepoPath::new(words.next().unwrap_or_default()), Some(first)),
                _ => (first, None),
            };
            files.push(RawFile { path, from, status, lines: None });
            continue;
        }
        // `added TAB deleted TAB path`, where a rename has its two paths behind an empty one.
        let mut parts = word.splitn(3, |byte| *byte == b'\t');
        let (Some(added), Some(deleted), Some(path)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let path = if path.is_empty() {
            let _from = words.next();
            words.next().unwrap_or_default()
        } else {
            path
        };
        let number = |text: &[u8]| String::from_utf8_lossy(text).parse::<u64>().ok();
        let path = RepoPath::new(path);
        if let Some(file) = files.iter_mut().find(|file| file.path == path) {
            file.lines = number(added).zip(number(deleted));
        }
    }
    Ok(files)
}

/// Those of the keys that a commit has already somewhere.
fn known<'a>(
    git: &Git,
    base: &CommitId,
    keys: impl Iterator<Item = &'a String>,
) -> Result<BTreeSet<String>> {
    let keys: Vec<&String> = keys.collect();
    if keys.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut args = vec!["grep", "-h", "-o", "-w", "-I", "-F"];
    for key in &keys {
        args.extend(["-e", key.as_str()]);
    }
    args.push(base.as_str());
    // It says no where it finds nothing.
    let out = git.ask(&args)?.unwrap_or_default();
    Ok(out.lines().map(str::to_owned).collect())
}

/// Whether there is work in `head` that is not in `old`; commits about handoffs are none.
pub fn is_more(git: &Git, old: &CommitId, head: &CommitId) -> Result<bool> {
    let args =
        ["log", "--no-show-signature", "--format=%s", head.as_str(), "--not", old.as_str(), "--"];
    Ok(git.must(&args)?.lines().any(|summary| !is_own(summary)))
}

/// The paths of the commits that a push brings to a branch and that no handoff covers: those
/// that are in the head of one were handed over.
pub fn uncovered(
    git: &Git,
    config: &Config,
    shelf: &Shelf,
    old: Option<&CommitId>,
    new: &CommitId,
) -> Result<Vec<RepoPath>> {
    let mut hidden: Vec<String> = Vec::new();
    let main = format!("refs/remotes/{}/{}", config.hub.remote, config.hub.branch);
    match old {
        Some(old) => hidden.push(old.to_string()),
        // A new branch: what the main one has is no news.
        None => hidden.extend(git.resolve_ref(&RefName::new(main))?.map(|id| id.to_string())),
    }
    let heads = shelf.found.iter().filter(|found| !matches!(found.shown, State::Rejected));
    hidden.extend(heads.map(|found| found.handoff.head.to_string()));
    let mut args = vec!["log", "-z", "--no-show-signature", "--no-renames", "--format="];
    args.extend(["--name-only", "--ignore-missing", new.as_str(), "--not"]);
    args.extend(hidden.iter().map(String::as_str));
    args.push("--");
    let out = git.must_bytes(&args).context("what the push brings")?;
    let names = out.split(|byte| matches!(byte, 0 | b'\n')).filter(|name| !name.is_empty());
    Ok(names.map(RepoPath::new).collect())
}
