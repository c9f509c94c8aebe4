//! Reading in process, through gix, where that wins; and saying so where gix must not be
//! asked, because it would answer wrongly.

use anyhow::{Context, Result};
use gix::bstr::ByteSlice;

use super::Git;
use crate::base::{Commit, CommitId, RefName, Time, plain};

/// `extensions.*` that gix understands, or that do not change what is read.
const KNOWN: [&str; 6] =
    ["noop", "noop-v1", "objectformat", "partialclone", "preciousobjects", "worktreeconfig"];

impl Git {
    /// The repository as gix reads it, or nothing where gix must not be asked: refs in another
    /// format than files (gix would write loose refs that git never sees), extensions it does
    /// not know, or a repository that it cannot open. Then the git executable answers.
    ///
    /// In a pre-receive hook this does not see the objects of the push: see `objects`.
    pub fn library(&self) -> Option<gix::Repository> {
        let options = gix::open::Options::default()
            .with(gix::sec::Trust::Full)
            .open_path_as_is(true)
            .strict_config(false);
        let mut repo = options.open(&self.git_dir).ok()?.to_thread_local();
        // It knows replacements, and no grafts.
        if repo.common_dir().join("info/grafts").exists() {
            return None;
        }
        let config = repo.config_snapshot();
        let file = config.plumbing();
        for section in file.sections_by_name("extensions").into_iter().flatten() {
            for name in section.value_names() {
                let name = name.to_ascii_lowercase();
                let files = name == "refstorage"
                    && section.value("refstorage").is_some_and(|value| value[..] == *b"files");
                if !files && !KNOWN.contains(&name.as_str()) && name != "relativeworktrees" {
                    return None;
                }
            }
        }
        repo.object_cache_size_if_unset(4 << 20);
        Some(repo)
    }

    /// Commits that are reachable from the tips and not from the hidden ones, the newest
    /// first, at most so many. A commit that is missing (shallow, partial) ends its line.
    pub fn commits(
        &self,
        tips: &[&CommitId],
        hidden: &[&CommitId],
        limit: usize,
    ) -> Result<Vec<Commit>> {
        let mut args = vec!["log".to_owned(), "-z".into(), format!("--max-count={limit}")];
        args.push("--format=%H%x00%ct%x00%an%x00%s".into());
        args.extend(tips.iter().map(ToString::to_string));
        args.extend(hidden.iter().map(|id| format!("^{id}")));
        args.push("--".into());
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let out = self.must_bytes(&args)?;
        let text = String::from_utf8_lossy(&out);
        let mut fields = text.split('\0');
        let mut commits = Vec::new();
        while let (Some(id), Some(time), Some(author), Some(summary)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        {
            let id = CommitId::parse(id).context("a commit id from git log")?;
            let time = Time(time.parse().unwrap_or(0));
            commits.push(Commit { id, time, author: plain(author), summary: plain(summary) });
        }
        Ok(commits)
    }

    /// How many commits `left` and `right` each have that the other lacks.
    pub fn apart(&self, left: &CommitId, right: &CommitId) -> Result<(usize, usize)> {
        let range = format!("{left}...{right}");
        let counts = self.must(&["rev-list", "--left-right", "--count", &range, "--"])?;
        let (left, right) = counts.split_once('\t').context("two counts")?;
        Ok((left.parse()?, right.parse()?))
    }

    /// Whether the first commit is contained in the second. Nothing: one of them is not here.
    pub fn contains(&self, old: &CommitId, new: &CommitId) -> Result<Option<bool>> {
        if old == new {
            return Ok(Some(true));
        }
        if let Some(known) = self.stored_contains(old, new) {
            return Ok(Some(known));
        }
        let out = self.output(&["merge-base", "--is-ancestor", old.as_str(), new.as_str()])?;
        Ok(match out.status.code() {
            Some(0) => Some(true),
            Some(1) => Some(false),
            _ => None,
        })
    }

    /// All refs below a prefix such as `refs/remotes/origin/`, with what they point at.
    pub fn refs(&self, prefix: &str) -> Result<Vec<(RefName, CommitId)>> {
        if let Some(repo) = self.library() {
            return refs_in(&repo, prefix);
        }
        let out = self.must(&["for-each-ref", "--format=%(objectname) %(refname)", prefix])?;
        let lines = out.lines().filter_map(|line| line.split_once(' '));
        Ok(lines
            .filter_map(|(id, name)| Some((RefName::new(name), CommitId::parse(id)?)))
            .collect())
    }
}

/// The same with a repository that is open already.
pub fn refs_in(repo: &gix::Repository, prefix: &str) -> Result<Vec<(RefName, CommitId)>> {
    let platform = repo.references().context("read the refs")?;
    let mut found = Vec::new();
    for reference in platform.prefixed(prefix).context("read the refs")? {
        // A ref that cannot be read is git's to complain about; it is not a reason to stop.
        let Ok(mut reference) = reference else { continue };
        let name = reference.name().as_bstr().to_str_lossy().into_owned();
        let id = match reference.target() {
            gix::refs::TargetRef::Object(id) => id.to_owned(),
            gix::refs::TargetRef::Symbolic(_) => match reference.follow_to_object() {
                Ok(id) => id.detach(),
                Err(_) => continue,
            },
        };
        found.push((RefName::new(name), CommitId::new(id.to_string())));
    }
    Ok(found)
}
