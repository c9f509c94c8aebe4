//! The version of a commit: what its own files say, else its tag, else its short id.

use anyhow::Result;
use serde_json::Value;

use crate::base::{CommitId, RepoPath};
use crate::git::Git;

pub(super) fn of(git: &Git, commit: &CommitId) -> Result<String> {
    let names = ["VERSION", "package.json", "Cargo.toml"];
    for name in names {
        let Some(bytes) = git.file_in(commit, &RepoPath::from(name))? else { continue };
        let text = String::from_utf8_lossy(&bytes);
        if let Some(version) = in_file(name, &text).filter(|version| is_version(version)) {
            return Ok(version);
        }
    }
    let tags = git.must(&["tag", "--points-at", commit.as_str(), "--list", "v*"])?;
    let tag = tags.lines().rev().filter_map(|tag| tag.strip_prefix('v'));
    let mut tag =
        tag.filter(|tag| is_version(tag) && tag.starts_with(|c: char| c.is_ascii_digit()));
    Ok(tag.next().map_or_else(|| commit.short().to_owned(), ToOwned::to_owned))
}

fn in_file(name: &str, text: &str) -> Option<String> {
    match name {
        "VERSION" => {
            let line = text.lines().next()?.trim();
            Some(line.strip_prefix('v').unwrap_or(line).to_owned())
        }
        "package.json" => {
            let value: Value = serde_json::from_str(text).ok()?;
            Some(value.get("version")?.as_str()?.to_owned())
        }
        _ => {
            let value: toml::Table = toml::from_str(text).ok()?;
            let package = value.get("package").and_then(|it| it.get("version"));
            let shared = || value.get("workspace")?.get("package")?.get("version");
            let version = package.filter(|it| it.is_str()).or_else(shared)?;
            Some(version.as_str()?.to_owned())
        }
    }
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
        assert_eq!(in_file("VERSION", "v2.4.1\nx\n").as_deref(), Some("2.4.1"));
        assert_eq!(in_file("package.json", "{\"version\":\"1.0.0\"}").as_deref(), Some("1.0.0"));
        let cargo = "[package]\nname = \"a\"\nversion = \"0.3.0\"\n";
        assert_eq!(in_file("Cargo.toml", cargo).as_deref(), Some("0.3.0"));
        let workspace = "[workspace.package]\nversion = \"0.4.0\"\n";
        assert_eq!(in_file("Cargo.toml", workspace).as_deref(), Some("0.4.0"));
        assert_eq!(in_file("package.json", "not json"), None);
        assert!(!is_version("1; reboot") && !is_version("") && is_version("1.0.0-rc.1+b"));
    }
}
