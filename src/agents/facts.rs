//! Looks at the agents' files of a work tree.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::files::{Agent, targets};
use super::plan::Record;
use crate::base::File;
use crate::git::Git;
use crate::host::read;

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Nothing,
    Text(File),
    /// A symbolic link, or something below one: it leads to somebody else's file.
    Link,
    /// Something that is no text file.
    Odd,
}

/// What is so.
#[derive(Debug, Clone)]
pub struct Facts {
    pub root: PathBuf,
    /// What was written here, for the way back.
    pub record_file: PathBuf,
    pub record: Option<Record>,
    /// Every file that we may write, by its path below the root.
    pub found: BTreeMap<String, Found>,
    /// The directories of them that are there.
    pub dirs: BTreeSet<String>,
}

/// Looks. Nothing in a repository without a work tree.
pub fn observe(git: &Git) -> Result<Option<Facts>> {
    let Some(root) = &git.work_dir else { return Ok(None) };
    let record_file = git.gsync_dir().join("agents.json");
    let record = read::text(&record_file)?.and_then(|text| serde_json::from_str(&text).ok());
    let mut facts = Facts {
        root: root.clone(),
        record_file,
        record,
        found: BTreeMap::new(),
        dirs: BTreeSet::new(),
    };
    for target in targets(&Agent::ALL) {
        let found = look(root, &target.path)?;
        facts.found.insert(target.path.clone(), found);
        for dir in above(&target.path) {
            if root.join(&dir).is_dir() {
                facts.dirs.insert(dir);
            }
        }
    }
    Ok(Some(facts))
}

fn look(root: &Path, path: &str) -> Result<Found> {
    let mut names = above(path);
    names.push(path.to_owned());
    for name in &names {
        if read::link(&root.join(name))?.is_some() {
            return Ok(Found::Link);
        }
    }
    let full = root.join(path);
    if !read::exists(&full) {
        let blocked = above(path).iter().any(|dir| {
            let dir = root.join(dir);
            read::exists(&dir) && !dir.is_dir()
        });
        return Ok(if blocked { Found::Odd } else { Found::Nothing });
    }
    if !full.is_file() {
        return Ok(Found::Odd);
    }
    Ok(match read::file(&full)? {
        Some(file) if std::str::from_utf8(&file.bytes.0).is_ok() => Found::Text(file),
        Some(_) => Found::Odd,
        None => Found::Nothing,
    })
}

/// The directories above a path, the outermost first.
pub fn above(path: &str) -> Vec<String> {
    path.match_indices('/').map(|(at, _)| path[..at].to_owned()).collect()
}
