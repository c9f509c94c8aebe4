//! A commit that is made in memory and sent at once; nothing of the person's is touched.

use anyhow::{Result, bail};

use super::{push, set_ref};
use crate::base::{Bytes, RefName, RepoPath};
use crate::base::{CommitId, PushRef};
use crate::git::Git;
use crate::git::raw::by_gsync;
use crate::host::clock;

/// Where such a commit goes.
pub struct Target<'a> {
    /// Nothing: this very repository.
    pub remote: Option<&'a str>,
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
    let was = git.tree_of(target.on)?;
    let files: Vec<(RepoPath, Vec<u8>)> =
        files.iter().map(|(path, bytes)| (path.clone(), bytes.0.clone())).collect();
    let tree = git.tree_with(&was, &files)?;
    if tree == was {
        bail!("the branch has these files already");
    }
    let commit = commit(git, target, &tree, &format!("{message}\n"))?;
    let Some(remote) = target.remote else {
        set_ref(git, target.branch, Some(&commit), Some(target.on))?;
        return target.claim.map_or(Ok(()), |claim| set_ref(git, claim, Some(&commit), None));
    };
    let mut refs =
        vec![PushRef { from: Some(commit.clone()), to: target.branch.clone(), lease: None }];
    if let Some(claim) = target.claim {
        let nowhere = CommitId::new("0".repeat(commit.as_str().len()));
        refs.push(PushRef { from: Some(commit), to: claim.clone(), lease: Some(nowhere) });
    }
    push(git, remote, &refs, out)
}

/// As the person, signed where commits are to be signed. A server has nobody to be; there the
/// commit is gsync's.
fn commit(git: &Git, target: &Target<'_>, tree: &CommitId, message: &str) -> Result<CommitId> {
    if target.remote.is_none() && git.ask(&["var", "GIT_COMMITTER_IDENT"])?.is_none() {
        return git.write_commit(tree, &[target.on], &by_gsync(clock::now().0, message));
    }
    let mut args = vec!["commit-tree", "-p", target.on.as_str(), "-F", "-"];
    let sign = git.ask(&["config", "--type=bool", "--get", "commit.gpgSign"])?;
    if sign.as_deref() == Some("true") {
        args.push("-S");
    }
    args.push(tree.as_str());
    git.feed_id(None, &args, message.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::history::tests::random;

    fn publish_here(git: &Git, on: &CommitId, text: &str) -> Result<()> {
        let branch = RefName::new("refs/heads/main");
        let claim = None;
        let target = Target { remote: None, branch: &branch, on, claim };
        let files = vec![(RepoPath::from("deep/er/x.md"), Bytes(text.as_bytes().to_vec()))];
        publish(git, &target, &files, "docs: x", &mut |_| {})
    }

    #[test]
    fn in_a_bare_repository_the_branch_moves_by_one_commit_and_only_from_where_it_was_seen() {
        let world = random(9, 20, 0);
        let git = &world.git;
        let on = CommitId::new(world.ids[19].to_string());
        let branch = RefName::new("refs/heads/main");
        set_ref(git, &branch, Some(&on), None).unwrap();
        publish_here(git, &on, "one").unwrap();
        let made = git.resolve_ref(&branch).unwrap().unwrap();
        assert_eq!(git.must(&["rev-parse", "main^"]).unwrap(), on.as_str());
        assert_eq!(git.must(&["show", "main:deep/er/x.md"]).unwrap(), "one");
        let changed = git.must(&["diff", "--name-only", "main^", "main"]).unwrap();
        assert_eq!(changed, "deep/er/x.md");
        assert!(publish_here(git, &on, "two").is_err(), "it moved in between");
        assert!(publish_here(git, &made, "one").is_err(), "nothing would change");
        assert_eq!(git.resolve_ref(&branch).unwrap(), Some(made));
    }
}
