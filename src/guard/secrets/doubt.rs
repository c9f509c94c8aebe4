//! What only looks like a secret: placeholders, words, counting, and tokens whose checksum is
//! wrong.

use super::rules::Rule;
use super::views;
use crate::config::Check;

/// Words that say that a value is made up, in forms that nothing else has. Chance makes none of
/// these in a token.
const STRICT: &[&str] = &["example", "placeholder", "redacted", "replace", "changeme", "xxxxx"];
/// The same where the form proves little.
const LOOSE: &[&str] = &[
    "your",
    "xxx",
    "dummy",
    "sample",
    "fake",
    "mock",
    "insert",
    "change",
    "todo",
    "test",
    "foobar",
    "foo_",
    "secret",
    "password",
    "passwd",
    "token",
    "apikey",
    "api_key",
    "undefined",
    "null",
    "none",
    "true",
    "false",
    "abcdef",
    "123456",
    "qwerty",
    "default",
    "localhost",
    "process.env",
    "environ",
    "getenv",
    "config",
    "string",
    "value",
    "variable",
    "hello",
    "lorem",
];
/// Pairs of letters that are frequent in words; chance makes one of them in seven.
const PAIRS: &str = "reinerteedonattienesstlesentngthaloraneaetitdenehellcomeioraveunasarurrotandnctrutusloceri\
ecelcansadhapelichousiommaisicilacctnoimextompoculsulypakeplckaiottussoprrowwafipoemnibldi\
ruhiprbufotsollafegeeecrbemisyivdomouertabmushwiapnaldhoefrssoamrnynwhsakiidfuak";

/// Bits a letter.
pub(super) fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let all = f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX).max(1));
    let parts = counts.iter().filter(|count| **count > 0);
    parts.map(|count| f64::from(*count) / all).map(|share| -share * share.log2()).sum()
}

/// Whether a value that fits the rule is made up, so far as that can be seen.
pub(super) fn is_made_up(rule: &Rule, value: &[u8]) -> bool {
    // Sixteen digits carry less than sixty letters do; dashes stand between them in a UUID.
    let hex = rule.loose && value.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
    if entropy(value) < rule.entropy - if hex { 0.7 } else { 0.0 } {
        return true;
    }
    if rule.own {
        return false;
    }
    // Beside a vendor's name the form is what says most.
    let vendor = rule.named && !rule.inside;
    // Few of them are an id more often than a secret.
    if hex && value.len() < 24 && !vendor {
        return true;
    }
    let lower = value.to_ascii_lowercase();
    let has = |words: &[&str]| {
        words.iter().any(|word| memchr::memmem::find(&lower, word.as_bytes()).is_some())
    };
    if has(STRICT) || repeats(value) || !vendor && counts(value) {
        return true;
    }
    if !rule.loose {
        return false;
    }
    if vendor {
        return is_no_token(value);
    }
    if rule.password {
        // Without quotes it may be code.
        let least = if rule.named { 3 } else { 2 };
        return is_no_password(value, least) || has(&LOOSE[..18]);
    }
    has(LOOSE) || is_no_token(value) || base64_of_words(value)
}

/// Whether it is base64 of a text that looks made up, as logins in tests are. Chance decodes to
/// bytes that are no text.
fn base64_of_words(value: &[u8]) -> bool {
    let text = value.strip_suffix(b"==").or_else(|| value.strip_suffix(b"=")).unwrap_or(value);
    // What is added belongs to no letter of the text: it makes short ones long enough.
    let Some(run) = views::base64_around(&[text, b"AAAAAAAA"].concat(), 0, 0) else { return false };
    let bytes = run.decoded.get(..text.len() * 3 / 4).unwrap_or_default();
    let decoded = bytes.to_ascii_lowercase();
    let readable = decoded.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    let known = LOOSE.iter().any(|word| memchr::memmem::find(&decoded, word.as_bytes()).is_some());
    run.at.end == text.len() + 8 && readable && (known || is_worded(&decoded, 4, 48))
}

/// What follows the last separator, if it is long: a prefix is not made up by anybody.
fn tail(value: &[u8]) -> &[u8] {
    let from = value.iter().rposition(|byte| b"_-.:".contains(byte)).map_or(0, |at| at + 1);
    if value.len() - from >= 12 { &value[from..] } else { value }
}

/// `1234567890abcdef..`, `abcdef12abcdef12..`: most of the value after its prefix.
fn counts(value: &[u8]) -> bool {
    let tail = tail(value);
    let steps = tail.windows(2).filter(|pair| {
        let step = i16::from(pair[1]) - i16::from(pair[0]);
        matches!(step, -1..=1) || (pair[0] == b'9' && matches!(pair[1], b'0' | b'a' | b'A'))
    });
    tail.len() >= 12 && (steps.count() * 10 >= (tail.len() - 1) * 6 || has_period(tail, 10))
}

/// `aaaaaaaa..`, `abcabcabc..`: most of the value after its prefix.
fn repeats(value: &[u8]) -> bool {
    let tail = tail(value);
    // What begins a token is not made up by anybody.
    let tail = &tail[tail.len() / 3..];
    tail.len() >= 12 && has_period(tail, 3)
}

fn has_period(text: &[u8], longest: usize) -> bool {
    (1..=longest.min(text.len() / 2)).any(|period| {
        let same = text.iter().zip(&text[period..]).filter(|(a, b)| a == b).count();
        same * 10 >= (text.len() - period) * 9
    })
}

fn is_no_token(value: &[u8]) -> bool {
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    if digits < 2 || letters < 4 {
        return true;
    }
    // Paths, addresses, names of things, and code.
    let slashes = value.iter().filter(|byte| **byte == b'/').count();
    let dots = value.iter().filter(|byte| **byte == b'.').count();
    let odd = value.iter().filter(|byte| b"#$%^&*!~@".contains(byte)).count();
    if value.starts_with(b"/")
        || value.starts_with(b"./")
        || slashes > 3 + value.len() / 24
        || dots > 2
        || odd > 3
    {
        return true;
    }
    // Words have few digits.
    digits * 4 < value.len() && is_worded(value, 6, 48)
}

/// The bytes with each `%40` made the letter that it stands for; nothing if a `%` is something
/// else.
fn unescaped(value: &[u8]) -> Option<Vec<u8>> {
    let (mut text, mut at) = (Vec::with_capacity(value.len()), 0);
    while let Some(byte) = value.get(at) {
        let digit = |at: usize| value.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        at += match *byte {
            b'%' => {
                text.push(u8::try_from(digit(at + 1)? << 4 | digit(at + 2)?).ok()?);
                3
            }
            plain => {
                text.push(plain);
                1
            }
        };
    }
    Some(text)
}

fn is_no_password(value: &[u8], least: usize) -> bool {
    let Some(value) = unescaped(value) else { return true };
    let (value, lower) = (value.as_slice(), value.to_ascii_lowercase());
    // A name that is put in: `$x`, `{x}`, `$(x)`.
    let reference =
        value.starts_with(b"$") || value.iter().any(|byte| b"{}<>()[]* ".contains(byte));
    let kinds = [
        value.iter().any(u8::is_ascii_digit),
        value.iter().any(u8::is_ascii_lowercase),
        value.iter().any(u8::is_ascii_uppercase),
        // Words are put together with these.
        value.iter().any(|byte| byte.is_ascii_punctuation() && !b"-_.".contains(byte)),
    ];
    let common: [&[u8]; 18] = [
        b"abc123",
        b"123456",
        b"pass",
        b"postgres",
        b"root",
        b"admin",
        b"user",
        b"guest",
        b"mysql",
        b"redis",
        b"mongo",
        b"rabbit",
        b"hunter2",
        b"letmein",
        b"pwd",
        b"pw",
        b"hello",
        b"docker",
    ];
    let plain = common.iter().any(|word| {
        let rest = lower.strip_prefix(*word);
        rest.is_some_and(|rest| {
            rest.len() <= 4 || rest.starts_with(b"word") || !rest[0].is_ascii_alphanumeric()
        })
    });
    reference
        || plain
        || value.starts_with(b"...")
        || kinds.iter().filter(|kind| **kind).count() < least
        || is_worded(value, 8, 60)
}

/// Whether it is made of words: then of at least so many pairs of letters so many in a hundred
/// are those of words.
fn is_worded(value: &[u8], least: usize, share: usize) -> bool {
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic());
    if letters.clone().all(u8::is_ascii_hexdigit) && letters.count() > 0 {
        return false;
    }
    let (mut pairs, mut known) = (0, 0);
    for pair in value.windows(2).filter(|pair| pair.iter().all(u8::is_ascii_alphabetic)) {
        if pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase() {
            continue;
        }
        pairs += 1;
        let (a, b) = (pair[0].to_ascii_lowercase(), pair[1].to_ascii_lowercase());
        let frequent = PAIRS.as_bytes().chunks_exact(2).any(|chunk| *chunk == [a, b]);
        known += usize::from(frequent);
    }
    pairs >= least && known * 100 > pairs * share
}

/// Whether a token's checksum is right.
pub(super) fn is_right(check: Check, token: &[u8]) -> bool {
    let Some(at) = token.iter().position(|byte| *byte == b'_') else { return false };
    let body = &token[at + 1..];
    if body.len() < 7 {
        return false;
    }
    let (random, sum) = body.split_at(body.len() - 6);
    match check {
        // Both write the CRC-32 of what stands before as six digits to the base of 62.
        Check::Github | Check::Npm => base62(crc32(random)) == sum,
    }
}

fn base62(mut number: u32) -> [u8; 6] {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut text = [b'0'; 6];
    for digit in text.iter_mut().rev() {
        *digit = DIGITS[(number % 62) as usize];
        number /= 62;
    }
    text
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(&base62(0), b"000000");
        assert_eq!(&base62(62), b"000010");
    }

    #[test]
    fn counting_and_repeating_are_seen_and_are_not_in_chance() {
        for value in [
            &b"1234567890abcdef1234567890abcdef"[..],
            b"xyz_aaaaaaaaaaaaaaaaaaaaaaaa",
            b"deadbeefdeadbeefdeadbeef",
            b"ABCDEFGHIJKLMNOPQRST",
        ] {
            assert!(counts(value), "{}", String::from_utf8_lossy(value));
        }
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..10_000 {
            let value: Vec<u8> = (0..32).map(|_| random.alphanumeric() as u8).collect();
            assert!(!counts(&value) && !repeats(&value), "{}", String::from_utf8_lossy(&value));
        }
    }

    #[test]
    fn words_are_told_from_chance() {
        for value in ["authorization_endpoint", "my-service-account-name", "refreshTokenLifetime"] {
            assert!(is_worded(value.as_bytes(), 6, 48), "{value}");
        }
        let mut random = fastrand::Rng::with_seed(7);
        let worded = (0..10_000).filter(|_| {
            let value: Vec<u8> = (0..32).map(|_| random.alphanumeric() as u8).collect();
            is_worded(&value, 6, 48)
        });
        let worded = worded.count();
        assert!(worded < 200, "{worded} of 10000");
    }
}
