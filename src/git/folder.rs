//! The files of one folder in several commits at once, read in process: small files that are
//! kept beside the code. Nothing is checked out.

use std::collections::HashMap;
use std::rc::Rc;

use anyhow::{Context, Result};
use gix::bstr::ByteSlice;

use super::Git;
use super::trees::What;
use crate::base::{CommitId, RepoPath};

/// A larger file is none of those that are kept there; it is given without its contents.
const LARGE: u64 = 1 << 20;

/// A file of the folder; without bytes if it is too large.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InFolder {
    pub path: RepoPath,
    pub bytes: Option<Vec<u8>>,
}

impl Git {
    /// The files in a folder (not below it) in each of these commits. Commits that are not
    /// here have none; commits that have the same folder share it.
    pub fn folders(&self, commits: &[CommitId], dir: &str) -> Result<Vec<Rc<Vec<InFolder>>>> {
        let Some(repo) = self.library() else { return self.folders_by_git(commits, dir) };
        let empty = Rc::new(Vec::new());
        let mut known: HashMap<gix::ObjectId, Rc<Vec<InFolder>>> = HashMap::new();
        let mut all = Vec::new();
        for commit in commits {
            let tree = gix::ObjectId::from_hex(commit.as_str().as_bytes())
                .ok()
                .and_then(|id| repo.find_commit(id).ok()?.tree().ok())
                .and_then(|tree| tree.lookup_entry_by_path(dir).ok()?)
                .filter(|entry| entry.mode().is_tree())
                .map(|entry| entry.object_id());
            let Some(tree) = tree else {
                all.push(Rc::clone(&empty));
                continue;
            };
            let files = match known.get(&tree) {
                Some(files) => Rc::clone(files),
                None => Rc::new(read(&repo, tree, dir)?),
            };
            known.insert(tree, Rc::clone(&files));
            all.push(files);
        }
        Ok(all)
    }

    /// The same where gix must not be asked.
    fn folders_by_git(&self, commits: &[CommitId], dir: &str) -> Result<Vec<Rc<Vec<InFolder>>>> {
        let mut all = Vec::new();
        for commit in commits {
            let rev = format!("{commit}:{dir}");
            let listed = self.output(&["ls-tree", "-z", "-l", "--end-of-options", &rev])?;
            let mut files = Vec::new();
            for entry in listed.stdout.split(|byte| *byte == 0).filter(|_| listed.status.success())
            {
                let Some((head, name)) = entry.split_once_str("\t") else { continue };
                let head = String::from_utf8_lossy(head);
                let mut words = head.split_whitespace();
                let (Some(mode), Some("blob"), Some(id), Some(size)) =
                    (words.next(), words.next(), words.next(), words.next())
                else {
                    continue;
                };
                // A link is no file of this folder.
                if !mode.starts_with("100") {
                    continue;
                }
                let large = size.parse::<u64>().is_ok_and(|size| size > LARGE);
                let bytes =
                    if large { None } else { Some(self.must_bytes(&["cat-file", "blob", id])?) };
                files.push(InFolder { path: below(dir, name), bytes });
            }
            all.push(Rc::new(files));
        }
        Ok(all)
    }
}

fn read(repo: &gix::Repository, tree: gix::ObjectId, dir: &str) -> Result<Vec<InFolder>> {
    let tree = repo.find_object(tree).context("read a folder")?.into_tree();
    let mut files = Vec::new();
    for entry in tree.iter() {
        let entry = entry.context("read a folder")?;
        if What::of(entry.mode()) != Some(What::File) {
            continue;
        }
        let path = below(dir, entry.filename());
        let large = repo.find_header(entry.oid()).is_ok_and(|header| header.size() > LARGE);
        let bytes = match large {
            true => None,
            false => Some(repo.find_object(entry.oid()).context("read a file")?.data.clone()),
        };
        files.push(InFolder { path, bytes });
    }
    Ok(files)
}

fn below(dir: &str, name: &[u8]) -> RepoPath {
    RepoPath::new([dir.as_bytes(), b"/", name].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::history::tests::random;

    #[test]
    fn gix_and_git_find_the_same_files_in_a_folder() {
        let world = random(5, 120, 0);
        let ids: Vec<CommitId> = world.ids.iter().map(|id| CommitId::new(id.to_string())).collect();
        let mut seen = 0;
        for dir in ["a", "a/b", "x/y/z", "nowhere", "ab"] {
            let some: Vec<CommitId> = ids.iter().step_by(17).cloned().collect();
            let ours = world.git.folders(&some, dir).unwrap();
            assert_eq!(ours, world.git.folders_by_git(&some, dir).unwrap(), "{dir}");
            seen += ours.iter().map(|files| files.len()).sum::<usize>();
        }
        assert!(seen > 5, "{seen}");
    }
}
