//! The parts of a handoff that are more than a word: tests, the way back, numbers, and what
//! makes foreign text harmless in a document.

use serde::{Deserialize, Serialize};

use super::value::Value;
use crate::base::{CommitId, Time, covered, plain};

/// A test that gsync ran and recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Test {
    pub run: String,
    pub exit: i64,
    /// The commit on which it ran.
    pub at: CommitId,
    pub time: Time,
    /// There was uncommitted work, so it is not that commit that was tested.
    #[serde(default)]
    pub dirty: bool,
}

/// What a test proves about a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    Passed,
    Failed,
    /// It ran on another commit.
    Stale,
    /// It ran with uncommitted work.
    Dirty,
}

impl Test {
    pub fn proof(&self, head: &CommitId) -> Proof {
        match self.exit {
            _ if self.at != *head => Proof::Stale,
            0 if self.dirty => Proof::Dirty,
            0 => Proof::Passed,
            _ => Proof::Failed,
        }
    }

    pub(super) fn read(value: &Value) -> Option<Self> {
        let text = |key: &str| value.get(key).and_then(Value::as_text);
        let Some(Value::Number(exit)) = value.get("exit") else { return None };
        let dirty = matches!(value.get("dirty"), Some(Value::Flag(true)));
        Some(Self {
            run: plain(&text("run")?),
            exit: *exit,
            at: CommitId::parse(&text("at")?)?,
            time: Time::parse(&text("time")?)?,
            dirty,
        })
    }

    pub(super) fn value(&self) -> Value {
        let mut pairs = vec![
            ("run".to_owned(), Value::text(&self.run)),
            ("exit".to_owned(), Value::Number(self.exit)),
            ("at".to_owned(), Value::text(self.at.as_str())),
            ("time".to_owned(), Value::text(self.time.rfc3339())),
        ];
        if self.dirty {
            pairs.push(("dirty".to_owned(), Value::Flag(true)));
        }
        Value::Map(pairs)
    }
}

/// The way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rollback {
    pub commit: CommitId,
    pub reversible: bool,
    pub why: String,
}

impl Rollback {
    pub(super) fn read(value: &Value) -> Option<Self> {
        let Some(Value::Flag(reversible)) = value.get("reversible") else { return None };
        Some(Self {
            commit: CommitId::parse(&value.get("commit").and_then(Value::as_text)?)?,
            reversible: *reversible,
            why: value
                .get("why")
                .and_then(Value::as_text)
                .map(|why| plain(&why))
                .unwrap_or_default(),
        })
    }

    pub(super) fn value(&self) -> Value {
        Value::Map(vec![
            ("commit".into(), Value::text(self.commit.as_str())),
            ("reversible".into(), Value::Flag(self.reversible)),
            ("why".into(), Value::text(&self.why)),
        ])
    }
}

/// `H-0007`
pub fn id_of(number: u32) -> String {
    format!("H-{number:04}")
}

/// The number of `H-0007`, `h-7` or `7`.
pub fn number_of(id: &str) -> Option<u32> {
    let digits = id.strip_prefix("H-").or(id.strip_prefix("h-")).unwrap_or(id);
    let all = !digits.is_empty() && digits.len() <= 9 && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|number| all && *number > 0)
}

/// Text of several lines without anything that moves a cursor.
pub fn clean(text: &str) -> String {
    let keep = |c: char| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c };
    text.replace("\r\n", "\n").chars().map(keep).collect()
}

/// Foreign text on a line of a document: it opens no comment, in which our marks stand, and shows no
/// secret.
pub fn line(text: &str) -> String {
    covered(&plain(text)).replace("<!--", "&lt;!--")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_from_every_way_to_write_it_and_from_nothing_else() {
        for text in ["H-0007", "h-7", "7", "0007"] {
            assert_eq!(number_of(text), Some(7), "{text}");
        }
        for text in ["", "H-", "H-0", "H--7", "H-7x", "../7", "H-9999999999", "+7", "٧"] {
            assert_eq!(number_of(text), None, "{text}");
        }
        assert_eq!((id_of(7), id_of(12345)), ("H-0007".into(), "H-12345".into()));
    }

    #[test]
    fn a_test_proves_only_the_commit_it_ran_on() {
        let id = |letter: &str| CommitId::new(letter.repeat(40));
        let test = |exit, dirty| Test { run: "x".into(), exit, at: id("a"), time: Time(0), dirty };
        assert_eq!(test(0, false).proof(&id("a")), Proof::Passed);
        assert_eq!(test(1, false).proof(&id("a")), Proof::Failed);
        assert_eq!(test(0, true).proof(&id("a")), Proof::Dirty);
        assert_eq!(test(0, false).proof(&id("b")), Proof::Stale);
        assert_eq!(Test::read(&test(3, true).value()), Some(test(3, true)));
    }

    #[test]
    fn foreign_text_opens_no_comment_and_moves_no_cursor() {
        assert_eq!(line("a <!-- gsync:why --> \u{1b}[2J"), "a &lt;!-- gsync:why --> \u{fffd}[2J");
        assert_eq!(clean("a\r\nb\u{1b}"), "a\nb\u{fffd}");
    }
}
