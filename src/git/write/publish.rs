//! A commit that is made in memory and sent at once; nothing of the person's is touched.

use anyhow::{Context, Result, bail};

use super::push;
use crate::base::{Bytes, RefName, RepoPath};
use crate::base::{CommitId, PushRef};
use crate::git::Git;

/// Where such a commit goes.
pub struct Target<'a> {
    pub remote: &'a str,
    pub branch: &'a RefName,
    pub on: &'a CommitId,
    pub claim: Option<&'a RefName>,
}

/// Makes the commit and pushes it, with the name that it claims or not at all.
pub fn publish(
    git: &Git,
    target: &Target<'_>,
    files: &[(RepoPath, Bytes)],
    message: &str,
    out: &mut dyn FnMut(&str),
) -> Result<()> {
    let scratch = tempfile::tempdir_in(git.scratch_dir()?).context("make a scratch folder")?;
    let index = scratch.path().join("index");
    git.feed(Some(&index), &["read-tree", target.on.as_str()], b"")?;
    let mut list = Vec::new();
    for (path, bytes) in files {
        let id = git.feed_id(None, &["hash-object", "-w", "--stdin"], &bytes.0)?;
        list.extend_from_slice(format!("100644 {id}\t").as_bytes());
        list.extend_from_slice(path.as_bytes());
        list.push(0);
    }
    git.feed(Some(&index), &["update-index", "-z", "--add", "--index-info"], &list)?;
    // Objects of a partial clone need not be here.
    let tree = git.feed_id(Some(&index), &["write-tree", "--missing-ok"], b"")?;
    if tree == git.tree_of(target.on)? {
        bail!("the branch has these files already");
    }
    let mut args = vec!["commit-tree", "-p", target.on.as_str(), "-F", "-"];
    let sign = git.ask(&["config", "--type=bool", "--get", "commit.gpgSign"])?;
    if sign.as_deref() == Some("true") {
        args.push("-S");
    }
    args.push(tree.as_str());
    let commit = git.feed_id(None, &args, format!("{message}\n").as_bytes())?;
    let mut refs =
        vec![PushRef { from: Some(commit.clone()), to: target.branch.clone(), lease: None }];
    if let Some(claim) = target.claim {
        let nowhere = CommitId::new("0".repeat(commit.as_str().len()));
        refs.push(PushRef { from: Some(commit), to: claim.clone(), lease: Some(nowhere) });
    }
    push(git, target.remote, &refs, out)
}
