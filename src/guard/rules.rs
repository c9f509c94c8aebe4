//! The rules about files, each by itself.

use gix::bstr::ByteSlice;

use super::policy::Policy;

/// A rule about files. The list is open: a rule about contents sees the bytes of each new
/// object once.
pub struct Rule {
    pub id: &'static str,
    /// What it is about, in a sentence, for programs that list rules.
    pub about: &'static str,
    pub(super) check: Check,
}

/// What a rule looks at. A complaint continues the path: `matches ..`, `is ..`.
pub(super) enum Check {
    Path(fn(&Policy, &[u8]) -> Option<String>),
    Size(fn(&Policy, u64) -> Option<String>),
    Content(fn(&Policy, &[u8]) -> Option<String>),
    /// Looked for by the scanner, also in names and messages.
    Secret,
}

/// All rules about files.
pub const RULES: &[Rule] = &[
    Rule {
        id: "dot-git",
        about: "No path leads into a git directory or out of the work tree",
        check: Check::Path(dot_git),
    },
    Rule {
        id: "protected-file",
        about: "Protected files are not committed",
        check: Check::Path(protected),
    },
    Rule {
        id: "file-size",
        about: "Files are not larger than the limit",
        check: Check::Size(too_large),
    },
    Rule {
        id: CONFLICT,
        about: "No conflict is left unresolved",
        check: Check::Content(conflict_markers),
    },
    Rule {
        id: SECRET,
        about: "No secret is in contents, messages and names",
        check: Check::Secret,
    },
];

/// The rule about conflicts.
const CONFLICT: &str = "conflict-markers";
/// The rule about secrets.
pub const SECRET: &str = "secret";

fn protected(policy: &Policy, path: &[u8]) -> Option<String> {
    let pattern = policy.protected.matching(path)?;
    Some(format!("matches `{}` in {}", crate::base::plain(pattern), policy.origin))
}

/// git checks this itself only if it was told to (`receive.fsckObjects`), and a checkout of
/// such a path runs what the pusher wants.
fn dot_git(_: &Policy, path: &[u8]) -> Option<String> {
    let bad = |part: &[u8]| matches!(part, b"" | b"." | b"..") || is_dot_git(part);
    path.split(|byte| *byte == b'/')
        .any(bad)
        .then(|| "leads into a git directory or out of the work tree".to_owned())
}

/// Whether some file system takes it for `.git`: case, trailing dots and blanks, what stands
/// after a colon and some characters do not count everywhere.
fn is_dot_git(part: &[u8]) -> bool {
    if !matches!(part.first(), Some(b'.' | b'g' | b'G' | 0x80..)) {
        return false;
    }
    let part = part.split(|byte| *byte == b':').next().unwrap_or_default();
    let name = part.trim_end_with(|c| c == '.' || c == ' ');
    let seen: String = String::from_utf8_lossy(name).chars().filter(|c| !unseen(*c)).collect();
    seen.eq_ignore_ascii_case(".git") || seen.eq_ignore_ascii_case("git~1")
}

/// Characters that HFS+ passes over in names.
fn unseen(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

fn too_large(policy: &Policy, size: u64) -> Option<String> {
    let limit = policy.config.guard.max_file_size.0;
    (size > limit).then(|| format!("is {}, more than {}", amount(size), amount(limit)))
}

/// `12.3 MB`, as the limit is written.
fn amount(bytes: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "KB")];
    let Some((unit, name)) = units.into_iter().find(|(unit, _)| bytes >= *unit) else {
        return format!("{bytes} bytes");
    };
    // In tenths, rounded up: what is more than the limit must not look like the limit.
    let tenths = u128::from(bytes).saturating_mul(10).div_ceil(u128::from(unit));
    match tenths % 10 {
        0 => format!("{} {name}", tenths / 10),
        rest => format!("{}.{rest} {name}", tenths / 10),
    }
}

/// The three markers in their order, each at the start of a line. A row of `=` alone is a
/// heading in some languages.
fn conflict_markers(policy: &Policy, bytes: &[u8]) -> Option<String> {
    if !policy.config.guard.conflict_markers {
        return None;
    }
    let ours = line_that(bytes, 0, b"<<<<<<< ", false)?;
    let middle = line_that(bytes, ours, b"=======", true)?;
    line_that(bytes, middle, b">>>>>>> ", false)?;
    let line = 1 + bytes[..ours].iter().filter(|byte| **byte == b'\n').count();
    Some(format!("has conflict markers from line {line} on"))
}

/// The same for a content that comes in parts, however far its markers are from each other.
pub(super) struct Markers {
    wanted: bool,
    /// How many of them were met, and the line of the first.
    met: usize,
    from: usize,
    /// The line at hand, its first letters, and whether it has more.
    line: usize,
    head: Vec<u8>,
    longer: bool,
}

impl Markers {
    /// No marker that counts as a whole line is longer, with the end of the line.
    const HEAD: usize = 8;

    pub(super) fn new(policy: &Policy) -> Self {
        let (wanted, head) = (policy.config.guard.conflict_markers, Vec::new());
        Self { wanted, met: 0, from: 0, line: 1, head, longer: false }
    }

    pub(super) fn read(&mut self, part: &[u8]) {
        if !self.wanted || self.met == 3 {
            return;
        }
        let mut at = 0;
        for newline in memchr::memchr_iter(b'\n', part) {
            self.some(&part[at..newline]);
            self.line_ends();
            at = newline + 1;
        }
        self.some(&part[at..]);
    }

    /// What was found when all was read.
    pub(super) fn found(mut self) -> Option<(&'static str, String)> {
        self.line_ends();
        let told = || format!("has conflict markers from line {} on", self.from);
        (self.met == 3).then(|| (CONFLICT, told()))
    }

    fn some(&mut self, bytes: &[u8]) {
        let room = Self::HEAD - self.head.len();
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.longer |= bytes.len() > room;
    }

    fn line_ends(&mut self) {
        let head = &self.head[..];
        let met = match self.met {
            0 => head == b"<<<<<<< ",
            1 => !self.longer && (head == b"=======" || head == b"=======\r"),
            2 => head == b">>>>>>> ",
            _ => false,
        };
        if met {
            self.met += 1;
            if self.met == 1 {
                self.from = self.line;
            }
        }
        self.line += 1;
        self.head.clear();
        self.longer = false;
    }
}

/// Where a line starts that begins with the mark, or consists of it, from there on.
fn line_that(bytes: &[u8], from: usize, mark: &[u8], whole: bool) -> Option<usize> {
    let mut from = from;
    while let Some(found) = bytes.get(from..)?.find(mark) {
        let at = from + found;
        let starts = at == 0 || bytes[at - 1] == b'\n';
        let rest = &bytes[at + mark.len()..];
        let ends = rest.is_empty() || rest.starts_with(b"\n") || rest.starts_with(b"\r\n");
        if starts && (!whole || ends) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn policy() -> Policy {
        Policy::new(".gsync.toml", Config::default(), false)
    }

    #[test]
    fn only_the_ordered_triple_at_line_starts_is_a_conflict() {
        let policy = policy();
        let judge = |text: &str| conflict_markers(&policy, text.as_bytes());
        let conflict = "a\n<<<<<<< HEAD\nx\n=======\ny\n>>>>>>> main\n";
        assert_eq!(judge(conflict), Some("has conflict markers from line 2 on".into()));
        assert!(judge(&conflict.replace('\n', "\r\n")).is_some());
        assert!(judge(&format!("\0{conflict}")).is_some());
        let diff3 = "<<<<<<< a\nx\n||||||| b\nz\n=======\ny\n>>>>>>> c";
        assert!(judge(diff3).is_some());
        for good in [
            "Title\n=======\n\ntext\n",
            "<<<<<<< HEAD\nx\n",
            ">>>>>>> a\n=======\n<<<<<<< b\n",
            " <<<<<<< HEAD\n =======\n >>>>>>> x\n",
            "<<<<<<< HEAD\n======= not\n>>>>>>> x\n",
            "<<<<<<<HEAD\n=======\n>>>>>>> x\n",
            "",
        ] {
            assert_eq!(judge(good), None, "{good}");
        }
    }

    /// The same said line by line, slowly.
    fn plainly(text: &[u8]) -> bool {
        let mut state = 0;
        for line in text.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            state = match state {
                0 if line.starts_with(b"<<<<<<< ") => 1,
                1 if line == b"=======" => 2,
                2 if line.starts_with(b">>>>>>> ") => return true,
                state => state,
            };
        }
        false
    }

    #[test]
    fn conflicts_are_found_in_any_bytes_exactly_where_the_plain_reading_finds_them() {
        let mut random = fastrand::Rng::with_seed(3);
        let atoms: [&[u8]; 15] = [
            b"\n<<<<<<< ",
            b"\n=======\n",
            b"\n>>>>>>> ",
            b"<<<<<<< ",
            b"<<<<<<<",
            b"=======",
            b"=======x",
            b">>>>>>> ",
            b">>>>>>>",
            b"\n",
            b"\n",
            b"\r\n",
            b"\0",
            b"\xff",
            b" ",
        ];
        let policy = policy();
        let mut found = 0;
        for _ in 0..20_000 {
            let words = (0..random.usize(..14)).map(|_| atoms[random.usize(..15)]);
            let text = words.collect::<Vec<_>>().concat();
            let ours = conflict_markers(&policy, &text).is_some();
            assert_eq!(ours, plainly(&text), "{:?}", text.as_bstr());
            let (mut markers, mut rest) = (Markers::new(&policy), &text[..]);
            while !rest.is_empty() {
                let (part, left) = rest.split_at(random.usize(..=rest.len()));
                markers.read(part);
                rest = left;
            }
            let in_parts = markers.found().map(|(_, what)| what);
            assert_eq!(in_parts, conflict_markers(&policy, &text), "{:?}", text.as_bstr());
            found += usize::from(ours);
        }
        assert!(found > 20, "{found}");
    }

    #[test]
    fn a_size_over_the_limit_never_looks_like_the_limit() {
        assert_eq!(amount(10_000_000), "10 MB");
        assert_eq!(amount(10_000_001), "10.1 MB");
        assert_eq!(amount(999), "999 bytes");
        assert_eq!(amount(u64::MAX), "18446744073.8 GB");
        assert_eq!(too_large(&policy(), 10_000_000), None);
    }

    #[test]
    fn paths_into_git_directories_and_out_of_the_tree_are_found() {
        let policy = policy();
        for bad in [
            "a/.git/config",
            ".GIT/hooks/x",
            "git~1",
            "a/../b",
            "./a",
            "a//b",
            ".git. /x",
            ".git::$INDEX_ALLOCATION/x",
            ".g\u{200c}it",
        ] {
            assert!(dot_git(&policy, bad.as_bytes()).is_some(), "{bad}");
        }
        for good in [".gitignore", "a/.github/x", "git", ".gitmodules", ":x", "...", "git"] {
            assert_eq!(dot_git(&policy, good.as_bytes()), None, "{good}");
        }
    }
}
