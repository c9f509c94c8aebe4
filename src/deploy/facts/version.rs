//! The version of a commit: what its own files say, else its tag, else its short id.

use anyhow::Result;

use crate::base::{CommitId, RepoPath};
use crate::deploy::bump::carried;
use crate::git::Git;

pub(super) fn of(git: &Git, commit: &CommitId) -> Result<String> {
    for name in ["VERSION", "package.json", "Cargo.toml", "pyproject.toml"] {
        let Some(bytes) = git.file_in(commit, &RepoPath::from(name))? else { continue };
        let text = String::from_utf8_lossy(&bytes);
        if let Some(version) = carried(name, &text).filter(|version| is_version(version)) {
            return Ok(version);
        }
    }
    let tags = git.must(&["tag", "--points-at", commit.as_str(), "--list", "v*"])?;
    let tag = tags.lines().rev().filter_map(|tag| tag.strip_prefix('v'));
    let mut tag =
        tag.filter(|tag| is_version(tag) && tag.starts_with(|c: char| c.is_ascii_digit()));
    Ok(tag.next().map_or_else(|| commit.short().to_owned(), ToOwned::to_owned))
}

/// It ends up in environments, addresses and on screens.
fn is_version(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.len() <= 64
        && text.chars().all(|c| c.is_ascii_alphanumeric() || ".+-_".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_the_files_that_carry_one() {
        assert_eq!(carried("VERSION", "v2.4.1\nx\n").as_deref(), Some("2.4.1"));
        assert_eq!(carried("package.json", "{\"version\":\"1.0.0\"}").as_deref(), Some("1.0.0"));
        let cargo = "[package]\nname = \"a\"\nversion = \"0.3.0\"\n";
        assert_eq!(carried("Cargo.toml", cargo).as_deref(), Some("0.3.0"));
        let workspace = "[workspace.package]\nversion = \"0.4.0\"\n";
        assert_eq!(carried("Cargo.toml", workspace).as_deref(), Some("0.4.0"));
        let python = "[project]\nversion = '1.1.0'\n";
        assert_eq!(carried("pyproject.toml", python).as_deref(), Some("1.1.0"));
        assert_eq!(carried("Cargo.toml", "[package]\nversion.workspace = true\n"), None);
        assert_eq!(carried("package.json", "not json"), None);
        assert!(!is_version("1; reboot") && !is_version("") && is_version("1.0.0-rc.1+b"));
    }
}
