//! What a draft remembers of how it was written, in a remark of its front matter. A hook keeps a
//! draft current by itself, so it must know which bytes are gsync's: where somebody wrote anywhere
//! else than between the marks, the draft is theirs, and nobody but them replaces it.

use sha2::{Digest, Sha256};

use super::document::Document;
use super::sender::Sender;
use crate::base::covered;

const SEAL: &str = "# written by gsync ";
const UNASKED: &str = "# begun by a hook; it counts once something is written between the marks";

/// The bytes of a draft. `unasked`: nobody wanted it yet.
pub fn sealed(document: &Document, unasked: bool) -> String {
    let text = document.write();
    // Names of branches and files may have a secret in them. What the sender wrote is theirs, and
    // the guard judges it before it is sent.
    let text = Sender::kept(&covered(&text), &text);
    let mut document = Document::parse(&document.file, text.as_bytes()).unwrap_or(document.clone());
    if unasked {
        document.remark(UNASKED);
    }
    document.remark(&format!("{SEAL}{}; what is between the marks is yours", seal(&document)));
    document.write()
}

/// Whether all of it is gsync's but what stands between the marks.
pub fn is_untouched(draft: &Document) -> bool {
    let mut seals = draft.remarks().filter_map(|line| line.strip_prefix(SEAL));
    let said = seals.next().and_then(|line| line.split(';').next());
    Sender::has_all_marks(&draft.body) && said == Some(&seal(draft))
}

/// Whether a hook began it, and nobody asked for it since.
pub fn is_unasked(draft: &Document) -> bool {
    draft.remarks().any(|line| line == UNASKED)
}

fn seal(draft: &Document) -> String {
    let mut rest = draft.clone();
    // The receiver may be named there by hand.
    rest.forget("to");
    rest.body = Sender::without(&draft.body);
    let text: String = rest.write().lines().filter(|line| !line.starts_with(SEAL)).collect();
    crate::base::hex(&Sha256::digest(text)[..6])
}

#[cfg(test)]
mod tests {
    use super::super::value::Value;
    use super::*;

    fn draft() -> Document {
        let body: String =
            Sender::default().sections().map(|(_, text)| format!("{text}\n")).collect();
        let pairs = vec![
            ("gsync", Value::Number(1)),
            ("to", Value::Nothing),
            ("risk", Value::text("stable")),
        ];
        Document::new(pairs, format!("\n{body}## Files\n\na.rs\n"))
    }

    fn read(text: &str) -> Document {
        Document::parse("draft.md", text.as_bytes()).unwrap()
    }

    #[test]
    fn a_draft_is_gsync_s_as_long_as_people_write_between_the_marks_alone() {
        for unasked in [false, true] {
            let text = sealed(&draft(), unasked);
            assert_eq!(is_unasked(&read(&text)), unasked);
            assert!(is_untouched(&read(&text)), "{text}");
            for (from, to, untouched) in [
                ("summary -->\nnone", "summary -->\nWhat I did\n\n- a list", true),
                ("to: null", "to: builder", true),
                ("risk: stable", "risk: unstable", false),
                ("<!-- /gsync:summary -->\n", "", false),
                ("## Files", "## Mine\n\nwords\n\n## Files", false),
                ("a.rs", "a.rs, which is new", false),
                ("# written by gsync", "# by gsync", false),
            ] {
                let changed = text.replacen(from, to, 1);
                assert_ne!(changed, text, "{from}: {text}");
                assert_eq!(is_untouched(&read(&changed)), untouched, "{from}");
            }
        }
        assert!(!is_untouched(&draft()), "one of an older gsync is left alone");
    }
}
