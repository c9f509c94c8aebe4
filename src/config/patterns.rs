//! gitignore patterns as git reads them: the last one that matches decides, except that
//! nothing below an excluded directory can be taken back.

use gix::bstr::ByteSlice;
use gix::glob::pattern::Case;
use gix::ignore::Search;
use gix::ignore::search::Ignore;

/// A list of patterns.
#[derive(Debug, Clone)]
pub struct Patterns {
    texts: Vec<String>,
    search: Search,
    case: Case,
}

impl Patterns {
    /// `fold`: upper and lower case are the same, as where `core.ignorecase` says so.
    pub fn new(texts: &[String], fold: bool) -> Self {
        let search = Search::from_overrides(texts, Ignore { support_precious: false });
        let case = if fold { Case::Fold } else { Case::Sensitive };
        Self { texts: texts.to_vec(), search, case }
    }

    /// The pattern that matches the path of a file, if one does.
    pub fn matching(&self, path: &[u8]) -> Option<&str> {
        let dirs = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for end in dirs {
            if let Some(found) = self.ask(&path[..end], true) {
                return Some(found);
            }
        }
        self.ask(path, false)
    }

    fn ask(&self, path: &[u8], is_dir: bool) -> Option<&str> {
        let found =
            self.search.pattern_matching_relative_path(path.as_bstr(), Some(is_dir), self.case)?;
        let at = found.sequence_number.checked_sub(1)?;
        (!found.pattern.is_negative()).then(|| self.texts.get(at).map_or("?", String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;

    fn patterns(texts: &[&str]) -> Patterns {
        Patterns::new(&texts.iter().map(ToString::to_string).collect::<Vec<_>>(), false)
    }

    #[test]
    fn a_pattern_for_a_directory_covers_what_is_below_it() {
        let list = patterns(&["/data/raw/", "!/data/raw/keep", ".env", "!/ok/.env"]);
        assert_eq!(list.matching(b"data/raw/a/b"), Some("/data/raw/"));
        assert_eq!(list.matching(b"data/raw/keep"), Some("/data/raw/"));
        assert_eq!(list.matching(b"x/data/raw/a"), None);
        assert_eq!(list.matching(b"deep/.env"), Some(".env"));
        assert_eq!(list.matching(b"ok/.env"), None);
        assert_eq!(list.matching(b"data/raw"), None, "a file by that name is no directory");
    }

    #[test]
    fn case_counts_unless_the_file_system_does_not_tell_it_apart() {
        let texts = [".env".to_owned()];
        assert_eq!(Patterns::new(&texts, false).matching(b".ENV"), None);
        assert_eq!(Patterns::new(&texts, true).matching(b".ENV"), Some(".env"));
    }

    /// git is the judge over many small worlds: which random paths do random patterns match?
    #[test]
    #[expect(clippy::disallowed_methods, reason = "git is the oracle here")]
    fn patterns_mean_what_they_mean_to_git() {
        let mut random = fastrand::Rng::with_seed(7);
        let parts = ["a", "b", "ab", "a.b", ".env", "A", "x y", "[", "#a", "!b", "\\"];
        let atoms = [
            "a", "b", "ab", "*", "**", "?", "a*", "*.b", "[ab]", "[!a]", "\\#a", ".env*", "x y",
            "\\[", "[a-c]*",
        ];
        let dir = tempfile::tempdir().unwrap();
        let git = |args: &[&str]| {
            let mut command = Command::new("git");
            command.env_clear().env("PATH", env!("PATH")).current_dir(dir.path()).args(args);
            command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
            command
        };
        assert!(git(&["init", "-q"]).output().unwrap().status.success());
        for round in 0..40 {
            let mut texts = Vec::new();
            for _ in 0..random.usize(1..6) {
                let mut text = String::new();
                for at in 0..random.usize(1..4) {
                    text += if at > 0 { "/" } else { "" };
                    text += atoms[random.usize(..atoms.len())];
                }
                let front = ["", "", "/", "!"][random.usize(..4)];
                texts.push(format!("{front}{text}{}", ["", "", "/"][random.usize(..3)]));
            }
            let mut paths = Vec::new();
            for _ in 0..60 {
                let words: Vec<_> =
                    (0..random.usize(1..5)).map(|_| parts[random.usize(..parts.len())]).collect();
                paths.push(words.join("/"));
            }
            std::fs::write(dir.path().join(".git/info/exclude"), texts.join("\n") + "\n").unwrap();
            let mut child = git(&["check-ignore", "--no-index", "-z", "-v", "-n", "--stdin"])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let input = paths.join("\0") + "\0";
            child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
            let out = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
            let fields: Vec<&str> = out.split('\0').collect();
            let ours = Patterns::new(&texts, false);
            let mut asked = 0;
            for line in fields.chunks_exact(4) {
                let (pattern, path) = (line[2], line[3]);
                let theirs = (!pattern.is_empty() && !pattern.starts_with('!')).then_some(pattern);
                assert_eq!(ours.matching(path.as_bytes()), theirs, "{round} {texts:?} {path}");
                asked += 1;
            }
            assert_eq!(asked, paths.len(), "git answered for every path");
        }
    }
}
