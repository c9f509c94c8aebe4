//! Names of things. A name that was made here is well formed: no caller checks again.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name! {
    /// A full reference name, such as `refs/heads/main`.
    RefName
}
name! {
    /// A full object id in hex, 40 or 64 letters. Mostly of a commit.
    CommitId
}
name! {
    /// A branch by its short name, such as `main`.
    Branch
}
name! {
    /// A clone: `role@host`, with `#n` for further worktrees.
    PeerId
}
name! {
    /// One execution of a plan: `r1`, `r2`, and so on in a repository.
    RunId
}

impl CommitId {
    /// The seven letters people read.
    pub fn short(&self) -> &str {
        &self.0[..self.0.len().min(7)]
    }

    /// The id that git writes where there is none: only zeros.
    pub fn is_zero(&self) -> bool {
        self.0.bytes().all(|byte| byte == b'0')
    }

    /// Takes only what can be an object id: 40 or 64 hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        (hex && matches!(text.len(), 40 | 64)).then(|| Self(text.to_ascii_lowercase()))
    }
}

impl RefName {
    /// The branch of a `refs/heads/` name.
    pub fn branch(&self) -> Option<Branch> {
        self.0.strip_prefix("refs/heads/").map(Branch::new)
    }

    /// What people call it: without `refs/heads/`, `refs/tags/` or `refs/remotes/`.
    pub fn short(&self) -> &str {
        ["refs/heads/", "refs/tags/", "refs/remotes/"]
            .iter()
            .find_map(|prefix| self.0.strip_prefix(prefix))
            .unwrap_or(&self.0)
    }
}

impl Branch {
    pub fn full(&self) -> RefName {
        RefName::new(format!("refs/heads/{}", self.0))
    }
}

/// The hooks of git that gsync answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hook {
    PreCommit,
    PostCommit,
    PrePush,
    PostMerge,
    PostRewrite,
    PostCheckout,
    PreReceive,
    PostReceive,
    /// Only in the repository of an app whose pushes fail with their deploys.
    ProcReceive,
}

impl Hook {
    /// The hooks of a clone in which people work.
    pub const CLIENT: [Self; 6] = [
        Self::PreCommit,
        Self::PostCommit,
        Self::PrePush,
        Self::PostMerge,
        Self::PostRewrite,
        Self::PostCheckout,
    ];
    /// The hooks of a bare repository that is pushed to.
    pub const SERVER: [Self; 2] = [Self::PreReceive, Self::PostReceive];

    /// git's name for it, which is also the name of its file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PreCommit => "pre-commit",
            Self::PostCommit => "post-commit",
            Self::PrePush => "pre-push",
            Self::PostMerge => "post-merge",
            Self::PostRewrite => "post-rewrite",
            Self::PostCheckout => "post-checkout",
            Self::PreReceive => "pre-receive",
            Self::PostReceive => "post-receive",
            Self::ProcReceive => "proc-receive",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        let all = Self::CLIENT.into_iter().chain(Self::SERVER).chain([Self::ProcReceive]);
        all.into_iter().find(|hook| hook.name() == name)
    }

    /// Whether its exit code stops git.
    pub const fn can_refuse(self) -> bool {
        matches!(self, Self::PreCommit | Self::PrePush | Self::PreReceive | Self::ProcReceive)
    }

    /// Whether git gives it lines on standard input.
    pub const fn reads_stdin(self) -> bool {
        matches!(self, Self::PrePush | Self::PostRewrite | Self::PreReceive | Self::PostReceive)
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
