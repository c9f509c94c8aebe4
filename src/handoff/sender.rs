//! What the sender writes: four sections between marks that no reader sees, so that they can be
//! edited in the file, are kept when everything around them is written again, and can be read
//! by programs whatever the template calls them.

use super::words::clean;

/// The sender's sections. Nothing: it was not written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sender {
    summary: Option<String>,
    why: Option<String>,
    impact: Option<String>,
    if_: Option<String>,
}

impl Sender {
    pub const NAMES: [&'static str; 4] = ["summary", "why", "impact", "if"];

    /// What the built-in template calls a section.
    pub const fn title(name: &str) -> &'static str {
        match name.as_bytes() {
            b"summary" => "Summary",
            b"why" => "Why",
            b"impact" => "Expected impact",
            _ => "What to do if",
        }
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        match name {
            "summary" => self.summary.as_deref(),
            "why" => self.why.as_deref(),
            "impact" => self.impact.as_deref(),
            _ => self.if_.as_deref(),
        }
    }

    /// Sets a section. An empty text, and the word for nothing, take it away.
    pub fn set(&mut self, name: &str, text: &str) {
        let text = clean(text).trim().to_owned();
        let text = Some(text).filter(|text| !text.is_empty() && text != "none");
        match name {
            "summary" => self.summary = text,
            "why" => self.why = text,
            "impact" => self.impact = text,
            _ => self.if_ = text,
        }
    }

    /// Takes over what the other one says.
    pub fn take(&mut self, other: &Self) {
        for name in Self::NAMES {
            if let Some(text) = other.get(name) {
                self.set(name, text);
            }
        }
    }

    /// Reads them from a document. A mark that is missing, or out of order, means that the
    /// section is not there.
    pub fn read(body: &str) -> Self {
        let mut sender = Self::default();
        for name in Self::NAMES {
            let (open, close) = marks(name);
            let text = body
                .split_once(&open)
                .and_then(|(_, rest)| rest.split_once(&close))
                .map(|(text, _)| text);
            if let Some(text) = text {
                sender.set(name, text);
            }
        }
        sender
    }

    /// Where the texts of the sections stand, in their order; nothing: a mark is missing, or they
    /// are not in that order.
    fn places(body: &str) -> Option<Vec<std::ops::Range<usize>>> {
        let mut from = 0;
        let place = |name| {
            let (open, close) = marks(name);
            let start = from + body[from..].find(&open)? + open.len();
            let end = start + body[start..].find(&close)?;
            from = end;
            Some(start..end)
        };
        Self::NAMES.into_iter().map(place).collect()
    }

    /// Whether each section is there.
    pub fn has_all_marks(body: &str) -> bool {
        Self::places(body).is_some()
    }

    /// The body without the texts of the sections.
    pub fn without(body: &str) -> String {
        let mut rest = body.to_owned();
        for place in Self::places(body).into_iter().flatten().rev() {
            rest.replace_range(place, "");
        }
        rest
    }

    /// A text with the sections as they stand in another one.
    pub fn kept(text: &str, other: &str) -> String {
        let (Some(places), Some(others)) = (Self::places(text), Self::places(other)) else {
            return text.to_owned();
        };
        let mut kept = text.to_owned();
        for (place, own) in places.into_iter().zip(others).rev() {
            kept.replace_range(place, &other[own]);
        }
        kept
    }

    /// Each section as a template gets it: with its marks, and `none` where nothing was written.
    pub fn sections(&self) -> impl Iterator<Item = (&'static str, String)> {
        Self::NAMES.into_iter().map(|name| {
            let (open, close) = marks(name);
            // A mark inside of a text would end it.
            let text = self.get(name).unwrap_or("none").replace("<!-- ", "&lt;!-- ");
            (name, format!("{open}\n{text}\n{close}"))
        })
    }
}

fn marks(name: &str) -> (String, String) {
    (format!("<!-- gsync:{name} -->"), format!("<!-- /gsync:{name} -->"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_sender_wrote_is_read_back_and_nothing_is_none() {
        let mut sender = Sender::default();
        sender.set("summary", "Two lines\nof text\n");
        sender.set("if", "- it burns: stop it");
        let body: String = sender.sections().map(|(_, text)| format!("## x\n{text}\n")).collect();
        assert!(body.contains("<!-- gsync:why -->\nnone\n"), "{body}");
        assert_eq!(Sender::read(&body), sender);
        assert_eq!(sender.get("summary"), Some("Two lines\nof text"));
    }

    #[test]
    fn a_mark_inside_of_a_text_ends_nothing() {
        let mut sender = Sender::default();
        sender.set("summary", "a <!-- /gsync:summary --> b <!-- gsync:why -->x<!-- /gsync:why -->");
        let body: String = sender.sections().map(|(_, text)| text).collect();
        let read = Sender::read(&body);
        assert_eq!(read.get("why"), None);
        assert!(read.get("summary").unwrap().ends_with("/gsync:why -->"));
    }

    #[test]
    fn an_empty_text_takes_a_section_away() {
        let mut sender = Sender::default();
        sender.set("why", "x");
        sender.set("why", " none\n");
        assert_eq!(sender, Sender::default());
        assert_eq!(Sender::read("<!-- gsync:why --> never closed"), Sender::default());
    }
}
