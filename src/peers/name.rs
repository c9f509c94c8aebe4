//! The name of a clone, and of its ref on the hub. What stands there was written by others: a
//! name that is not exactly what gsync would write is no name.

use std::fmt::Write as _;

use crate::base::{PeerId, RefName};

/// Where entries are on the hub.
pub const ENTRIES: &str = "refs/gsync/peers/";
/// Where uncommitted work is, of those who share it.
pub const CONTENTS: &str = "refs/gsync/content/";

/// No part of a name is longer.
const LONG: usize = 64;
/// Nobody has that many work trees.
const MANY: usize = 9999;

/// The name of a clone. What could not stand in a name is replaced.
pub fn own(name: &str, host: &str, number: Option<usize>) -> PeerId {
    let (name, host) = (tame(name), tame(host));
    match number {
        Some(n) => PeerId::new(format!("{name}@{host}#{n}")),
        None => PeerId::new(format!("{name}@{host}")),
    }
}

fn tame(part: &str) -> String {
    let tame: String = part.chars().map(|c| if is_fine(c) { c } else { '-' }).take(LONG).collect();
    let tame = tame.trim_start_matches(['.', '-']).trim_end().to_owned();
    if tame.is_empty() { "someone".to_owned() } else { tame }
}

/// Letters that mean nothing to a shell's eye, a path, a ref or a terminal.
fn is_fine(c: char) -> bool {
    c.is_alphanumeric() || "-_. ".contains(c)
}

/// Whether this is the name of a clone: `role@host`, `role@host#2`.
pub fn is_valid(id: &PeerId) -> bool {
    let Some((name, rest)) = id.as_str().split_once('@') else { return false };
    let (host, number) = match rest.split_once('#') {
        Some((host, n)) => (host, Some(n)),
        None => (rest, None),
    };
    let number_is_fine = number.is_none_or(|text| {
        text.parse().is_ok_and(|n: usize| (2..=MANY).contains(&n) && n.to_string() == text)
    });
    number_is_fine && [name, host].iter().all(|part| tame(part) == **part)
}

/// The ref of a clone's entry.
pub fn entry_ref(id: &PeerId) -> RefName {
    RefName::new(format!("{ENTRIES}{}", encoded(id)))
}

/// The ref of a clone's uncommitted work.
pub fn content_ref(id: &PeerId) -> RefName {
    RefName::new(format!("{CONTENTS}{}", encoded(id)))
}

/// Whose entry a ref holds. Nothing: gsync does not write such a name.
pub fn of_ref(name: &RefName, below: &str) -> Option<PeerId> {
    let text = name.as_str().strip_prefix(below)?;
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let hex = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&hex).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    let id = PeerId::new(String::from_utf8(bytes).ok()?);
    (is_valid(&id) && encoded(&id) == text).then_some(id)
}

fn encoded(id: &PeerId) -> String {
    let mut text = String::new();
    for byte in id.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || b"@#-_".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_its_ref_lead_to_each_other() {
        for id in ["qc@laptop", "builder@server#2", "grün er@x", "a.b@c.lock", "Q_c-1@h"] {
            let id = PeerId::new(id);
            assert!(is_valid(&id), "{id}");
            let name = entry_ref(&id);
            assert_eq!(of_ref(&name, ENTRIES), Some(id.clone()));
            assert!(!name.as_str().contains([' ', '.']), "{name}");
        }
    }

    #[test]
    fn a_hostile_name_is_no_name() {
        for text in [
            "../../heads/main@x",
            "a/b@c",
            "a",
            "a@",
            "@b",
            "a@b#1",
            "a@b#02",
            "a@b#x",
            "a@b#99999999999999999999999",
            "a@b@c",
            ".a@b",
            "-a@b",
            "a\u{1b}[2J@b",
            "a\u{202e}@b",
            "a\n@b",
        ] {
            assert!(!is_valid(&PeerId::new(text)), "{text:?}");
        }
        for name in [
            "refs/gsync/peers/%2e%2e@x",
            "refs/gsync/peers/a%1B@x",
            "refs/gsync/peers/a%@x",
            "refs/gsync/peers/a%F@x",
            "refs/gsync/peers/%61@x",
            "refs/gsync/peers/a%FF@x",
            "refs/gsync/peers/a@x/../b",
            "refs/heads/a@x",
            "refs/gsync/peers/",
        ] {
            assert_eq!(of_ref(&RefName::new(name), ENTRIES), None, "{name}");
        }
    }

    #[test]
    fn whatever_a_role_or_a_host_is_called_the_name_made_of_it_is_one() {
        for name in ["", "../..", "a/b", "a@b#c", "\u{1b}[2J", "---", " x ", &"x".repeat(500)] {
            let id = own(name, name, Some(2));
            assert!(is_valid(&id), "{id:?}");
            assert_eq!(of_ref(&entry_ref(&id), ENTRIES), Some(id));
        }
    }
}
