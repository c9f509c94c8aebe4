//! What has changed in a work tree since its index was written, as a snapshot needs to know it.

use std::path::Path;

use anyhow::Result;

use super::Git;
use crate::base::RepoPath;

/// What `git status` says about the work tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dirt {
    /// Changed in the work tree, and still there.
    pub(super) changed: Vec<RepoPath>,
    pub(super) gone: Vec<RepoPath>,
    pub intent: Vec<RepoPath>,
    pub untracked: Vec<RepoPath>,
    pub unmerged: Vec<RepoPath>,
    /// Submodules that stand on another commit than the index says. No snapshot has that.
    pub submodules: Vec<RepoPath>,
    /// Staged or changed: what stands between this and a clean work tree, untracked included.
    pub all: Vec<RepoPath>,
}

impl Git {
    /// What has changed in the work tree, by an index file. Submodules are left out: what is
    /// in them is theirs.
    pub fn dirt(&self, index: Option<&Path>) -> Result<Dirt> {
        let args = ["status", "--porcelain=v2", "-z", "--untracked-files=all", "--no-renames"];
        let args = [&args[..], &["--ignore-submodules=dirty"]].concat();
        Ok(read_status(&self.feed(index, &args, b"")?))
    }

    /// Paths with conflicts that are not resolved.
    pub fn unmerged(&self) -> Result<Vec<RepoPath>> {
        if let Some(paths) = self.stored_unmerged() {
            return Ok(paths);
        }
        let out = self.must_bytes(&["ls-files", "--unmerged", "-z"])?;
        let mut paths: Vec<RepoPath> = out
            .split(|byte| *byte == 0)
            .filter_map(|line| line.splitn(2, |byte| *byte == b'\t').nth(1))
            .map(RepoPath::new)
            .collect();
        paths.dedup();
        Ok(paths)
    }
}

/// Reads porcelain version 2, NUL separated, without renames.
fn read_status(out: &[u8]) -> Dirt {
    let mut dirt = Dirt::default();
    for record in out.split(|byte| *byte == 0).filter(|record| !record.is_empty()) {
        let fields = |n: usize| record.splitn(n, |byte| *byte == b' ').nth(n - 1);
        match record[0] {
            b'1' if record.len() > 4 => {
                let path = RepoPath::new(fields(9).unwrap_or_default());
                let (index, work) = (record[2], record[3]);
                let submodule = record.get(5) == Some(&b'S');
                dirt.all.push(path.clone());
                if index == b'.' && work == b'A' {
                    dirt.intent.push(path.clone());
                }
                match work {
                    b'.' => {}
                    _ if submodule => dirt.submodules.push(path),
                    b'D' => dirt.gone.push(path),
                    _ => dirt.changed.push(path),
                }
            }
            b'u' => dirt.unmerged.push(RepoPath::new(fields(11).unwrap_or_default())),
            // A repository inside of this one ends in a slash: it is not ours to keep.
            b'?' if !record.ends_with(b"/") => {
                let path = RepoPath::new(fields(2).unwrap_or_default());
                dirt.untracked.push(path.clone());
                dirt.all.push(path);
            }
            _ => {}
        }
    }
    dirt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_with_its_odd_names_and_kinds() {
        let zero = "0000000000000000000000000000000000000000";
        let status = format!(
            "1 .M N... 100644 100644 100644 {zero} {zero} a b\0\
             1 .A N... 000000 000000 100644 {zero} {zero} new\0\
             1 .D N... 100644 100644 000000 {zero} {zero} gone\0\
             1 M. N... 100644 100644 100644 {zero} {zero} staged\0\
             1 .M S.M. 160000 160000 160000 {zero} {zero} sub\0\
             u UU N... 100644 100644 100644 100644 {zero} {zero} {zero} both\0\
             ? x\ny\0? nested/\0"
        );
        let dirt = read_status(status.as_bytes());
        let paths = |names: &[&str]| names.iter().map(|n| RepoPath::from(*n)).collect::<Vec<_>>();
        assert_eq!(dirt.changed, paths(&["a b", "new"]));
        assert_eq!(dirt.gone, paths(&["gone"]));
        assert_eq!(dirt.intent, paths(&["new"]));
        assert_eq!(dirt.untracked, paths(&["x\ny"]));
        assert_eq!(dirt.unmerged, paths(&["both"]));
        assert_eq!(dirt.submodules, paths(&["sub"]));
    }
}
