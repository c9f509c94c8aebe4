//! What commits, tags and refs say, and where in it a secret stands.

use std::sync::Arc;

use super::{Fault, Within, searched};
use crate::base::plain;
use crate::guard::Place;
use crate::guard::policy::Policy;

/// Where text stands that is no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// The message of a commit, and all else that it says.
    Commit,
    Tag,
    Ref,
}

/// What a commit, a tag or a ref says that it must not say.
pub fn said(policy: &Policy, text: Text, bytes: &[u8], place: &Place) -> Vec<Fault> {
    let whose = match (text, &place.commit, &place.reference) {
        (Text::Ref, ..) => {
            let name = plain(&String::from_utf8_lossy(bytes));
            return searched(policy, bytes, &format!("the name of {name} has"), Within::Name);
        }
        (Text::Commit, Some(id), _) => id.short().to_owned(),
        (Text::Tag, _, Some(name)) => plain(name.as_str()),
        // A message that is still to become one.
        _ => return searched(policy, bytes, "this commit has", Within::Message),
    };
    let mut faults = searched(policy, bytes, &format!("{whose} has"), Within::Message);
    if faults.is_empty() {
        return faults;
    }
    // Before the message stand lines of git's own, and those who wrote it.
    let head = memchr::memmem::find(bytes, b"\n\n").map_or(bytes.len(), |at| at + 2);
    let lines = memchr::memchr_iter(b'\n', &bytes[..head]).count();
    for fault in &mut faults {
        let Some(hit) = fault.hit.as_mut().map(Arc::make_mut) else { continue };
        if hit.line > lines {
            hit.line -= lines;
            continue;
        }
        let line = bytes.split(|byte| *byte == b'\n').nth(hit.line - 1).unwrap_or_default();
        let who =
            [("author", &b"author "[..]), ("committer", b"committer "), ("tagger", b"tagger ")];
        let who = who.iter().find(|(_, begins)| line.starts_with(begins));
        fault.what = match who {
            Some((who, _)) => format!("the {who}'s name of {whose} has"),
            None => format!("the head of {whose} has"),
        };
        (hit.line, fault.within) = (1, Within::Name);
    }
    faults
}
