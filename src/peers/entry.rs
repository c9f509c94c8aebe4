//! What a clone tells about itself, and how it is read: by somebody who trusts nobody who may
//! push to the hub. Text is made harmless here, once, and lists are cut off.

use serde::{Deserialize, Serialize};

use crate::base::{
    Branch, Commit, CommitId, PeerId, Presence, RepoPath, Time, covered_facts, plain,
};

/// The file that holds it in the tree of its commit.
pub const FILE: &str = "peer.json";
/// An entry that is larger is not read.
pub const LARGEST: u64 = 64 << 10;
/// More paths than these are counted and not listed.
pub const PATHS: usize = 1000;
/// The paths of an entry take no more room than that, so that it stays below the largest.
const ROOM: usize = 44 << 10;
/// Commits that are told one by one.
pub const COMMITS: usize = 20;
/// A longer word is cut off.
const WORD: usize = 200;

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub gsync: u32,
    pub id: PeerId,
    /// Tells two clones with the same name apart, and nothing else.
    #[serde(default)]
    pub clone: String,
    #[serde(default)]
    pub role: String,
    #[serde(default)]
    pub host: String,
    #[serde(default)]
    pub branch: Option<Branch>,
    #[serde(default)]
    pub head: Option<CommitId>,
    #[serde(default)]
    pub upstream: Option<String>,
    #[serde(default)]
    pub ahead: u32,
    #[serde(default)]
    pub behind: u32,
    /// Paths with uncommitted work.
    #[serde(default)]
    pub dirty: Vec<RepoPath>,
    /// Paths that commits change which the hub has not.
    #[serde(default)]
    pub unpushed: Vec<RepoPath>,
    /// How many paths there are beyond these.
    #[serde(default)]
    pub more: u32,
    #[serde(default)]
    pub outgoing: Vec<Commit>,
    #[serde(default)]
    pub state: Presence,
    pub time: Time,
}

impl Entry {
    /// What is put on the hub.
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(&self.clone().bounded()).unwrap_or_default()
    }

    /// Reads what somebody put there. Nothing: it is not an entry of that clone.
    pub fn read(id: &PeerId, bytes: &[u8]) -> Option<Self> {
        if u64::try_from(bytes.len()).is_ok_and(|length| length > LARGEST) {
            return None;
        }
        let entry: Self = serde_json::from_slice(bytes).ok()?;
        (entry.gsync == 1 && entry.id == *id).then(|| entry.harmless())
    }

    /// The same with lists that are not too long.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let (mut paths, mut room) = (PATHS, ROOM);
        let mut dropped = 0;
        for list in [&mut self.dirty, &mut self.unpushed] {
            let before = list.len();
            list.retain(|path| {
                // As JSON writes it: an odd byte takes up to six.
                let length = path.quoted().len() + 8;
                let fits = paths > 0 && length <= room;
                if fits {
                    (paths, room) = (paths - 1, room - length);
                }
                fits
            });
            dropped += before - list.len();
        }
        self.more = self.more.saturating_add(u32::try_from(dropped).unwrap_or(u32::MAX));
        self.outgoing.truncate(COMMITS);
        for commit in &mut self.outgoing {
            commit.summary = word(&commit.summary);
            commit.author = word(&commit.author);
        }
        self
    }

    fn harmless(mut self) -> Self {
        self.clone = word(&self.clone);
        self.role = word(&self.role);
        self.host = word(&self.host);
        self.branch = self.branch.map(|branch| Branch::new(word(branch.as_str())));
        self.upstream = self.upstream.map(|upstream| word(&upstream));
        self.head = self.head.and_then(|id| CommitId::parse(id.as_str()));
        self.outgoing.retain(|commit| CommitId::parse(commit.id.as_str()).is_some());
        self.outgoing.truncate(COMMITS);
        self.dirty.retain(is_path);
        self.unpushed.retain(is_path);
        covered_facts(self.bounded())
    }

    /// Whether both say the same, apart from when they say it.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let timeless = |entry: &Self| Self { time: Time(0), ..entry.clone().bounded() };
        timeless(self) == timeless(other)
    }
}

/// What can be the name of a file in a repository.
fn is_path(path: &RepoPath) -> bool {
    let bytes = path.as_bytes();
    let bytes = bytes.strip_suffix(b"/").unwrap_or(bytes);
    bytes.len() <= 4096
        && !bytes.contains(&0)
        && bytes
            .split(|byte| *byte == b'/')
            .all(|part| !matches!(part, b"" | b"." | b".." | b".git"))
}

/// Words of others, harmless and short.
fn word(text: &str) -> String {
    let turns = |c| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    plain(text).chars().map(|c| if turns(c) { '\u{fffd}' } else { c }).take(WORD).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn entry(id: &str) -> Entry {
        Entry {
            gsync: 1,
            id: PeerId::new(id),
            clone: "c".into(),
            role: "qc".into(),
            host: "laptop".into(),
            branch: Some(Branch::new("main")),
            head: CommitId::parse(&"a".repeat(40)),
            upstream: Some("origin/main".into()),
            ahead: 1,
            behind: 0,
            dirty: vec!["a".into()],
            unpushed: vec!["b".into()],
            more: 0,
            outgoing: Vec::new(),
            state: Presence::Working,
            time: Time(1_700_000_000),
        }
    }

    fn read(json: &str) -> Option<Entry> {
        Entry::read(&PeerId::new("qc@laptop"), json.as_bytes())
    }

    #[test]
    fn what_is_written_is_read_the_same() {
        let entry = entry("qc@laptop");
        assert_eq!(Entry::read(&entry.id, &entry.bytes()), Some(entry));
    }

    #[test]
    fn an_entry_that_makes_no_sense_is_no_entry() {
        let time = r#""time":"2024-01-01T00:00:00Z""#;
        assert!(read(&format!(r#"{{"gsync":1,"id":"qc@laptop",{time}}}"#)).is_some());
        for json in [
            "",
            "null",
            "[]",
            "\u{0}",
            &format!(r#"{{"gsync":2,"id":"qc@laptop",{time}}}"#),
            &format!(r#"{{"gsync":1,"id":"builder@server",{time}}}"#),
            r#"{"gsync":1,"id":"qc@laptop","time":"yesterday"}"#,
            r#"{"gsync":1,"id":"qc@laptop"}"#,
            &format!(r#"{{"gsync":1,"id":"qc@laptop","ahead":-1,{time}}}"#),
            &format!(r#"{{"gsync":1,"id":"qc@laptop","ahead":1e300,{time}}}"#),
            &format!(r#"{{"gsync":1,"id":"qc@laptop","dirty":"all",{time}}}"#),
            &format!(r#"{{"gsync":1,"id":"qc@laptop","x":{},{time}}}"#, "[".repeat(5000)),
            &format!(r#"{{"gsync":1,"id":"qc@laptop","x":"{}",{time}}}"#, "x".repeat(65 << 10)),
        ] {
            assert_eq!(read(json), None, "{}", &json[..json.len().min(80)]);
        }
    }

    #[test]
    fn no_entry_moves_a_terminal_s_cursor_or_names_a_path_outside() {
        let json = r#"{"gsync":1,"id":"qc@laptop","time":"2024-01-01T00:00:00Z",
            "role":"\u001b[2Jx","branch":"a\nb\u202e","head":"not an id","host":"h\u0007",
            "dirty":["../x","/etc/passwd","a/../b","","a//b",".git/config","a\u0000b","fine"],
            "outgoing":[{"id":"zz","summary":"s","author":"a","time":"2024-01-01T00:00:00Z"}]}"#;
        let entry = read(json).unwrap();
        let text = serde_json::to_string(&entry).unwrap();
        assert!(!text.contains("\\u001b") && !text.contains("\\n") && !text.contains('\u{202e}'));
        assert_eq!(entry.dirty, [RepoPath::from("fine")]);
        assert_eq!((entry.head, entry.outgoing), (None, Vec::new()));
    }

    #[test]
    fn lists_that_are_too_long_are_cut_off_and_counted_and_the_entry_stays_small() {
        let mut long = entry("qc@laptop");
        long.dirty = (0..3000).map(|n| RepoPath::new(format!("dir/{n}"))).collect();
        let read = Entry::read(&long.id, &long.bytes()).unwrap();
        assert_eq!((read.dirty.len(), read.unpushed.len(), read.more), (1000, 0, 2001));
        long.dirty =
            (0..900).map(|n| RepoPath::new(format!("{n}{}", "\u{1}\u{fe}".repeat(99)))).collect();
        let bytes = long.bytes();
        assert!(bytes.len() as u64 <= LARGEST, "{}", bytes.len());
        let read = Entry::read(&long.id, &bytes).unwrap();
        assert_eq!(read.dirty.len() + read.unpushed.len() + read.more as usize, 901);
    }

    #[test]
    fn only_the_time_makes_no_difference() {
        let one = entry("qc@laptop");
        assert!(one.says_the_same(&Entry { time: Time(1), ..one.clone() }));
        assert!(!one.says_the_same(&Entry { ahead: 2, ..one.clone() }));
        assert!(!one.says_the_same(&Entry { state: Presence::Idle, ..one.clone() }));
    }
}
