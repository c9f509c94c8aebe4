//! Commits with a signature. git makes them, as it knows every kind of key; all else of such a
//! commit (dates, encoding, the bytes of its message) is what the unsigned one would have.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use anyhow::{Context, Result};

use super::Git;
use super::ask::trimmed;
use crate::base::CommitId;

impl Git {
    /// Whether this repository signs its commits.
    pub(super) fn signs(&self) -> Result<bool> {
        let sign = self.ask(&["config", "--type=bool", "--get", "commit.gpgSign"])?;
        Ok(sign.as_deref() == Some("true"))
    }

    /// Makes a commit that is signed; `people` are the lines behind its parents.
    pub(super) fn signed(
        &self,
        tree: &CommitId,
        parents: &[&CommitId],
        people: &[u8],
    ) -> Result<CommitId> {
        let at = people.windows(2).position(|two| two == b"\n\n").context("a message")?;
        let (head, message) = (&people[..at], &people[at + 2..]);
        let mut command = self.command();
        for line in head.split(|byte| *byte == b'\n') {
            let Some((name, rest)) = split(line, b" ") else { continue };
            let role = match name {
                b"author" => "AUTHOR",
                b"committer" => "COMMITTER",
                b"encoding" => {
                    let encoding = [b"i18n.commitEncoding=", rest].concat();
                    command.arg("-c").arg(OsStr::from_bytes(&encoding));
                    continue;
                }
                _ => continue,
            };
            let (who, date) = split(rest, b"> ").context("who made a commit, and when")?;
            let (who, mail) = split(who, b" <").unwrap_or((b"", who));
            // A date of few digits is a number of seconds only with the sign in front.
            let date = [b"@", date].concat();
            for (key, value) in [("NAME", who), ("EMAIL", mail), ("DATE", &date[..])] {
                command.env(format!("GIT_{role}_{key}"), OsStr::from_bytes(value));
            }
        }
        command.args(["commit-tree", "-S", "-F", "-", tree.as_str()]);
        for parent in parents {
            command.args(["-p", parent.as_str()]);
        }
        let out = self.feed_to(command, &["commit-tree"], message)?;
        CommitId::parse(&trimmed(&out)).context("git commit-tree gave no id")
    }
}

fn split<'a>(bytes: &'a [u8], by: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(by.len()).position(|some| some == by)?;
    Some((&bytes[..at], &bytes[at + by.len()..]))
}
