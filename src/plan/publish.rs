use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::{Bytes, CommitId, RefName, RepoPath, plain, shell_quote};

/// A commit made in memory on top of a branch of a remote, with a few files changed, and sent
/// there: the work tree, the index and the branches of this clone have no part in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    /// Nothing: the branch is one of this very repository, as on a server. Then it moves only
    /// if it stands where it was seen, and no hook is asked.
    pub remote: Option<String>,
    /// The branch over there.
    pub branch: RefName,
    /// Where it stands; if it moved, nothing is sent.
    pub on: CommitId,
    pub files: Vec<(RepoPath, Bytes)>,
    pub message: String,
    /// A name that must be free over there, and is taken together with the branch or not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<RefName>,
}

impl fmt::Display for Publish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = shell_quote(&plain(&self.message));
        write!(f, "git commit -m {message} --")?;
        for (path, _) in &self.files {
            write!(f, " {}", shell_quote(&path.quoted()))?;
        }
        let branch = shell_quote(&plain(self.branch.short()));
        match &self.remote {
            Some(remote) => {
                let remote = shell_quote(&plain(remote));
                write!(f, " && git push --atomic {remote} HEAD:{branch}")?;
            }
            None => write!(f, " # on {branch}")?,
        }
        match &self.claim {
            Some(claim) => write!(f, " HEAD:{claim}"),
            None => Ok(()),
        }
    }
}
