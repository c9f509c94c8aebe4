//! What there is to know before a bump: the files that carry the version, and what would be made
//! of them.

use anyhow::Result;
use semver::Version;

use super::files::{Source, USUAL, changed, current};
use super::version::Part;
use crate::base::{CommitId, Place, Problem, RefName, RepoPath};
use crate::git::Git;
use crate::host::clock;

const DAY: i64 = 86_400;

/// What a bump would make: nothing points at it yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Nothing: no version was known.
    pub old: Option<Version>,
    pub new: Version,
    /// The files that change.
    pub files: Vec<String>,
    /// Where branch, index and files stand afterwards. The same as before where no file carries
    /// a version: then the tag alone says it.
    pub to: Place,
    pub tag: RefName,
    pub tag_id: CommitId,
    /// The tag is here already, and means something.
    pub taken: Option<CommitId>,
}

/// Makes it, from the commit that is checked out in a clean work tree.
pub fn make(
    git: &Git,
    place: &Place,
    head: &CommitId,
    part: &Part,
    named: &[String],
) -> Result<Made> {
    let sources = sources(git, head, named)?;
    let wrong = |why: String| {
        Problem::refuse("version", why).hint("put the files right, commit, and try again")
    };
    let found = current(&sources).map_err(wrong)?;
    let old = match &found {
        Some(version) => Some(version.clone()),
        None => tagged(git)?,
    };
    let new = part.after(old.as_ref().unwrap_or(&Version::new(0, 0, 0)));
    let files = changed(&sources, found.as_ref(), &new).map_err(wrong)?;
    // Not the time of day: what is made again must be the same. Never before what it builds on.
    let today = clock::now().0 / DAY * DAY;
    let time = today.max(git.time_of(head)?);
    let mut to = place.clone();
    if !files.is_empty() {
        let blobs: Vec<(RepoPath, Vec<u8>)> = files
            .iter()
            .map(|(path, text)| (RepoPath::from(path.as_str()), text.clone().into_bytes()))
            .collect();
        let tree = git.tree_with(&git.tree_of(head)?, &blobs)?;
        let commit = git.make_commit(&tree, head, &format!("chore: bump to {new}"), time)?;
        to = Place { commit: Some(commit), index: tree.clone(), work: tree };
    }
    let tag = RefName::new(format!("refs/tags/v{new}"));
    let tip = to.commit.clone().unwrap_or_else(|| head.clone());
    let tag_id = git.make_tag(&format!("v{new}"), &tip, &format!("v{new}"), time)?;
    let taken = git.resolve_ref(&tag)?;
    let files = files.into_iter().map(|(path, _)| path).collect();
    Ok(Made { old, new, files, to, tag, tag_id, taken })
}

fn sources(git: &Git, head: &CommitId, named: &[String]) -> Result<Vec<Source>> {
    let usual = USUAL.iter().filter(|path| !named.iter().any(|other| other == *path));
    let all = usual.map(|path| ((*path).to_owned(), false));
    let all = all.chain(named.iter().map(|path| (path.clone(), true)));
    let mut sources = Vec::new();
    for (path, named) in all {
        match git.file_in(head, &RepoPath::from(path.as_str()))?.map(String::from_utf8) {
            Some(Ok(text)) => sources.push(Source { path, text, named }),
            Some(Err(_)) if named => {
                return Err(
                    Problem::usage("config", format!("[bump] files: {path} is no text")).into()
                );
            }
            None if named => {
                let why = format!("[bump] files: {path} is not in the repository");
                return Err(Problem::usage("config", why)
                    .hint("put the path right in .gsync.toml")
                    .into());
            }
            Some(Err(_)) | None => {}
        }
    }
    Ok(sources)
}

/// The version that the newest tag before HEAD says.
fn tagged(git: &Git) -> Result<Option<Version>> {
    let args = ["describe", "--tags", "--abbrev=0", "--match", "v[0-9]*", "HEAD"];
    let name = git.ask(&args)?;
    Ok(name.and_then(|name| Version::parse(name.strip_prefix('v')?).ok()))
}
