//! Which of a service's patterns a path matches, by the rules of gitignore: the last pattern
//! that matches decides, and a directory stands for what is in it.

use crate::base::RepoPath;
use crate::config::Handoff;
use gix::bstr::ByteSlice;
use gix::glob::pattern::Case;
use gix::ignore::Search;
use gix::ignore::search::Ignore;

/// Whether a path is a handoff: a document of gsync's own, which no service is made of. What
/// else lies in that folder is anybody's.
pub(super) fn is_handoff(rules: &Handoff, path: &RepoPath) -> bool {
    let Ok(text) = std::str::from_utf8(path.as_bytes()) else { return false };
    let fixed = rules.file.split(['{', '}']).step_by(2).collect::<Vec<_>>();
    let (first, last) = (fixed.first().unwrap_or(&""), fixed.last().unwrap_or(&""));
    let name = text.strip_prefix(rules.dir.trim_end_matches('/'));
    let name = name.and_then(|rest| rest.strip_prefix('/')).unwrap_or_default();
    !name.contains('/')
        && name.len() > first.len() + last.len()
        && name.starts_with(first)
        && name.ends_with(last)
        && !(first.is_empty() && last.is_empty())
}

/// The patterns of one service.
#[derive(Debug, Default)]
pub(super) struct Paths {
    search: Search,
    texts: Vec<String>,
}

impl Paths {
    pub(super) fn new(texts: &[String]) -> Self {
        let search = Search::from_overrides(texts, Ignore::default());
        Self { search, texts: texts.to_vec() }
    }

    /// The pattern that a path matches, if one does and is no exception.
    pub(super) fn matching(&self, path: &[u8]) -> Option<&str> {
        let parents = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        let parts = parents.map(|(at, _)| (at, true)).chain([(path.len(), false)]);
        let mut found = None;
        for (end, is_dir) in parts {
            let part = path[..end].as_bstr();
            if let Some(hit) =
                self.search.pattern_matching_relative_path(part, Some(is_dir), Case::Sensitive)
            {
                found = match hit.pattern.is_negative() {
                    true => None,
                    false => self.texts.get(hit.sequence_number - 1).map(String::as_str),
                };
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matching(patterns: &[&str], path: &str) -> bool {
        let texts: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        Paths::new(&texts).matching(path.as_bytes()).is_some()
    }

    #[test]
    fn patterns_mean_what_they_mean_in_gitignore() {
        assert!(matching(&["types/**"], "types/a/b.rs"));
        assert!(matching(&["types/"], "types/a/b.rs"));
        assert!(matching(&["types"], "types/a/b.rs"));
        assert!(matching(&["*.proto"], "deep/in/a.proto"));
        assert!(!matching(&["/types"], "other/types/a"));
        assert!(!matching(&["types/**"], "types-old/a"));
        assert!(!matching(&["ui/**", "!ui/**/*.md"], "ui/docs/a.md"));
        assert!(matching(&["ui/**", "!ui/**/*.md"], "ui/docs/a.ts"));
    }

    #[test]
    fn a_handoff_is_known_by_its_folder_and_its_name() {
        let rules = crate::config::Config::default().handoff;
        let is = |path: &str| is_handoff(&rules, &RepoPath::from(path));
        assert!(is("handoffs/HANDOFF_TO_QC_20261121_0001.md"));
        for other in [
            "handoffs/README.md",
            "handoffs/HANDOFF_TO_.md",
            "handoffs/HANDOFF_TO_QC_1.sh",
            "handoffs/x/HANDOFF_TO_QC_1.md",
            "HANDOFF_TO_QC_1.md",
            "handoffsHANDOFF_TO_QC_1.md",
        ] {
            assert!(!is(other), "{other}");
        }
    }
}
