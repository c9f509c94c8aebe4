//! Small helpers for words: counting, guessing what was meant, making foreign text harmless.

/// `1 commit`, `2 commits`. The plural is the word with an `s`.
pub fn count(n: usize, word: &str) -> String {
    if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") }
}

/// The known word that is nearest to a mistyped one, if it is near at all.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // What was cut short is nearer than what was mistyped.
    let cut = |word: &str| typed.len() > 1 && (word.starts_with(typed) || typed.starts_with(word));
    known
        .into_iter()
        .map(|word| (if cut(word) { 1 } else { distance(typed, word) }, word))
        .filter(|(distance, word)| *distance <= (word.len().max(typed.len()) / 2).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Levenshtein's distance in bytes; the words are short.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replace = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

/// Text from elsewhere (names, summaries, git's answers) without anything that moves a
/// terminal's cursor, breaks a line or turns the order of its letters around.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if plays_tricks(c) { '\u{fffd}' } else { c }).collect()
}

/// Whether a letter does something to a terminal instead of being shown.
pub fn plays_tricks(c: char) -> bool {
    c.is_control() || super::path::is_bidi(c) || matches!(c, '\u{2028}' | '\u{2029}')
}

/// A word as a shell needs it, so that hints can be pasted.
pub fn shell_quote(word: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,~^".contains(c);
    if !word.is_empty() && word.chars().all(safe) && !word.starts_with('~') {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_guessed_and_nonsense_is_not() {
        let known = ["protected", "max_file_size", "secrets"];
        assert_eq!(nearest("protect", known), Some("protected"));
        assert_eq!(nearest("max_filesize", known), Some("max_file_size"));
        assert_eq!(nearest("zzzzzzzz", known), None);
    }

    #[test]
    fn text_from_elsewhere_turns_nothing_around() {
        assert_eq!(plain("a\u{202e}cod.exe\u{2066}"), "a\u{fffd}cod.exe\u{fffd}");
        assert_eq!(plain("gr\u{fc}n \u{5d0}"), "gr\u{fc}n \u{5d0}");
    }

    #[test]
    fn a_quoted_word_is_one_word_for_the_shell() {
        assert_eq!(shell_quote("main"), "main");
        assert_eq!(shell_quote("it's; rm"), "'it'\\''s; rm'");
        assert_eq!(shell_quote(""), "''");
    }
}
