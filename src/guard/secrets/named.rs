//! Values that stand by the side of a name: what can be seen of them without a regular
//! expression, since such names are frequent in code and secrets are not.

/// So far after a name stands its value at most.
const REACH: usize = 160;
/// A value has at least so many letters and digits in a row, and one digit among them,
/// or twice as many.
const LEAST: usize = 10;

/// Of a name so much is looked at, to each side.
const NAME: usize = 40;
/// What is in the names of values that all may know, or that chance makes anew each time.
const KNOWN: &[&str] = &[
    "public",
    "publishable",
    "pubkey",
    "csrf",
    "xsrf",
    "authenticity",
    "primary",
    "foreign",
    "cache",
    "partition",
    "idempot",
    "checksum",
    "integrity",
    "sha1",
    "sha256",
    "md5",
    "etag",
    "sort_key",
    "sortkey",
    "hostkey",
    "host_key",
    "known",
    "keyring",
    "signature",
];
/// What the names of values end with that say where or which, not how to get in.
const ENDS: &[&str] = &[
    "_id", "-id", ".id", "_ids", "name", "url", "uri", "path", "file", "hash", "digest", "type",
    "version", "index", "host", "email", "arn", "address", "uuid", "guid", "commit", "sha", "size",
    "length", "count", "label", "title", "class", "style", "format", "pattern", "regex", "prefix",
];

/// Where the longest of these words that stands here ends. What is no part of a name at the end
/// of a word (`key=`) is not counted; such a word says too little if nothing stands before it.
pub(super) fn end(words: &[String], bytes: &[u8], at: usize) -> Option<usize> {
    let text = &bytes[at..];
    let alone = bytes[..at].last().is_none_or(|before| !part(*before));
    let stands = |word: &&String| {
        text.get(..word.len()).is_some_and(|text| text.eq_ignore_ascii_case(word.as_bytes()))
            && !(alone && word.ends_with([' ', '=', ':']))
    };
    let names = words.iter().filter(stands);
    names.map(|word| at + word.trim_end_matches([' ', '=', ':', '"', '\'']).len()).max()
}

/// Whether it is part of a name.
fn part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)
}

/// Whether a word may begin here: no letter stands before it, or it has a capital in the midst
/// of small letters.
pub(super) fn begins(bytes: &[u8], at: usize) -> bool {
    match (bytes[..at].last(), bytes.get(at)) {
        (Some(before), Some(first)) if before.is_ascii_alphabetic() => {
            before.is_ascii_lowercase() && first.is_ascii_uppercase()
                // A definition on a command line.
                || bytes[..at].ends_with(b"-D")
                || super::places::starts_a_word(bytes, at)
        }
        _ => true,
    }
}

/// Whether anything after a name could be a value that nobody made up: most are not.
pub(super) fn may_follow(text: &[u8]) -> bool {
    let (mut run, mut digits) = (0, 0);
    for byte in &text[..text.len().min(REACH)] {
        if byte.is_ascii_alphanumeric() || b"_+/.-=%~!@#$^&*".contains(byte) {
            run += 1;
            digits += usize::from(byte.is_ascii_digit());
            if run >= LEAST && digits > 0 || run >= 2 * LEAST {
                return true;
            }
        } else {
            (run, digits) = (0, 0);
        }
    }
    false
}

/// Whether the name says that its value is no secret: the one with a word from `start` to `end`.
pub(super) fn is_known(bytes: &[u8], start: usize, end: usize) -> bool {
    let before = bytes[..start].iter().rev().take(NAME).take_while(|byte| part(**byte)).count();
    let after = bytes[end..].iter().take(NAME).take_while(|byte| part(**byte)).count();
    let name = &bytes[start - before..end + after];
    let lower = name.to_ascii_lowercase();
    let has = |word: &str| memchr::memmem::find(&lower, word.as_bytes()).is_some();
    name.ends_with(b"Id")
        || KNOWN.iter().copied().any(has)
        || after > 0 && ENDS.iter().any(|end| lower.ends_with(end.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_begins_a_name_or_a_part_of_it() {
        for (text, at) in [("acme", 0), ("my_acme", 3), ("myAcme", 2), ("9acme", 1), ("\\nacme", 2)]
        {
            assert!(begins(text.as_bytes(), at), "{text}");
        }
        for (text, at) in [("placme", 2), ("MYACME", 2), ("PlaCme", 1)] {
            assert!(!begins(text.as_bytes(), at), "{text}");
        }
    }

    #[test]
    fn what_is_no_name_at_the_end_of_a_word_is_left() {
        let words = ["key=".to_owned(), "key_id".to_owned(), "ke".to_owned()];
        assert_eq!(end(&words, b"xKEY=abc", 1), Some(4));
        assert_eq!(end(&words, b" key=abc", 1), Some(3));
        assert_eq!(end(&words, b"key_ids", 0), Some(6));
        assert_eq!(end(&words, b"k", 0), None);
    }

    #[test]
    fn what_the_name_says_that_all_may_know_is_told_from_secrets() {
        let known = |name: &str, word: &str| {
            let at = name.find(word).unwrap();
            is_known(name.as_bytes(), at, at + word.len())
        };
        for (name, word) in [
            ("acme_public_key", "key"),
            ("token_id", "token"),
            ("secretName", "secret"),
            ("--token-url", "token"),
            ("cache_key", "_key"),
        ] {
            assert!(known(name, word), "{name}");
        }
        for (name, word) in
            [("acme_key", "acme"), ("tokenize.secret", "secret"), ("id_token", "token")]
        {
            assert!(!known(name, word), "{name}");
        }
    }

    #[test]
    fn code_without_digits_is_passed_over_and_a_value_is_not() {
        assert!(!may_follow(b"(&self) -> Option<SomeToken> { self.token.clone() }"));
        assert!(!may_follow(b" = \"a81bc81d\"; // and-more-of-it 7"));
        assert!(may_follow(b" = \"Zq81bc81dd\""));
        assert!(!may_follow(&[b" ".repeat(200).as_slice(), b"a81bc81d81bc81d"].concat()));
    }
}
