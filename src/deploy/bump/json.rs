//! Where a string stands in a JSON text, so that it can be replaced and all the rest stays as
//! it is, down to the last space.

use std::ops::Range;

/// The place of the contents (without the quotes) of the string at a path of keys. The text must
/// be valid JSON. Of a key that is there twice the last one counts, as for every reader.
pub fn string_at(text: &str, path: &[&str]) -> Option<Range<usize>> {
    let mut scan = Scan { text: text.as_bytes(), at: 0, found: None };
    scan.value(Some(path))?;
    scan.found
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    found: Option<Range<usize>>,
}

impl Scan<'_> {
    fn next(&mut self) -> Option<u8> {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    /// Passes over a value. With a path: it is the way to what is looked for.
    fn value(&mut self, path: Option<&[&str]>) -> Option<()> {
        match self.next()? {
            b'{' => self.members(path),
            b'[' => self.items(),
            b'"' => {
                let place = self.string()?;
                if path.is_some_and(<[_]>::is_empty) {
                    self.found = Some(place);
                }
                Some(())
            }
            _ => {
                let ends = |byte: &u8| b",]}".contains(byte) || byte.is_ascii_whitespace();
                while self.text.get(self.at).is_some_and(|byte| !ends(byte)) {
                    self.at += 1;
                }
                Some(())
            }
        }
    }

    fn members(&mut self, path: Option<&[&str]>) -> Option<()> {
        self.at += 1;
        loop {
            match self.next()? {
                b'}' => break,
                b',' => self.at += 1,
                b'"' => {
                    let key = self.string()?;
                    let is = |name: &str| &self.text[key.clone()] == name.as_bytes();
                    let deeper = path
                        .and_then(|path| path.split_first())
                        .and_then(|(first, rest)| is(first).then_some(rest));
                    if self.next()? != b':' {
                        return None;
                    }
                    self.at += 1;
                    self.value(deeper)?;
                }
                _ => return None,
            }
        }
        self.at += 1;
        Some(())
    }

    fn items(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.next()? {
                b']' => break,
                b',' => self.at += 1,
                _ => self.value(None)?,
            }
        }
        self.at += 1;
        Some(())
    }

    fn string(&mut self) -> Option<Range<usize>> {
        let start = self.at + 1;
        let mut at = start;
        loop {
            match self.text.get(at)? {
                b'"' => break,
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        self.at = at + 1;
        Some(start..at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_found_by_its_way_and_by_no_other() {
        let text = r#"{ "deps": {"version": "9"}, "x": [1, {"version": "8"}, "a\"b"], "y": -1.5e3,
            "": {"version": "7"}, "version" : "1.2.3" }"#;
        assert_eq!(&text[string_at(text, &["version"]).unwrap()], "1.2.3");
        assert_eq!(&text[string_at(text, &["deps", "version"]).unwrap()], "9");
        assert_eq!(&text[string_at(text, &["", "version"]).unwrap()], "7");
        for path in [&["x"][..], &["y"], &["deps"], &["nothing"], &["x", "version"]] {
            assert_eq!(string_at(text, path), None, "{path:?}");
        }
    }

    #[test]
    fn what_is_cut_off_is_not_found_and_does_no_harm() {
        let text = r#"{"a": {"version": "1.2.3"}, "b\\": [true, null]}"#;
        for end in 0..text.len() {
            let _ = string_at(&text[..end], &["b", "version"]);
        }
    }
}
