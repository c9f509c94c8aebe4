//! The values of a front matter: the small part of YAML that a handoff needs, all of it on one
//! line. Everything else is an error that says what to write instead; nothing is guessed.

use std::fmt::Write as _;

/// How deep lists and maps may stand in each other. No handoff needs more than two.
const DEPTH: usize = 8;

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Number(i64),
    Flag(bool),
    Nothing,
    List(Vec<Value>),
    Map(Vec<(String, Value)>),
}

impl Value {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(pairs) => pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// A text. Words that look like numbers were written by people who meant text.
    pub fn as_text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// Reads a value that ends with the line, or with a comment.
    pub fn parse(line: &str) -> Result<Self, String> {
        let mut reader = Reader { rest: line.trim_start(), depth: 0 };
        if reader.rest.starts_with(['|', '>', '&', '*', '%', '@', '`']) || reader.rest == "-" {
            let sign = reader.rest.chars().next().unwrap_or('?');
            return Err(format!("`{sign}` is not understood here: write the value on one line"));
        }
        let value = reader.value(&[])?;
        let rest = reader.rest.trim_start();
        if rest.is_empty() || rest.starts_with('#') {
            return Ok(value);
        }
        Err(format!("`{}` stands after the value", crate::base::plain(rest)))
    }

    /// The value as it is written on a line.
    pub fn write(&self) -> String {
        match self {
            Self::Text(text) => quote(text),
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Nothing => "null".to_owned(),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(Self::write).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Map(pairs) if pairs.is_empty() => "{}".to_owned(),
            Self::Map(pairs) => {
                let pairs: Vec<String> = pairs
                    .iter()
                    .map(|(key, value)| format!("{}: {}", quote_key(key), value.write()))
                    .collect();
                format!("{{ {} }}", pairs.join(", "))
            }
        }
    }
}

/// Plain where every reader of YAML takes it for the same text, else in double quotes.
fn quote(text: &str) -> String {
    let starts =
        text.chars().next().is_some_and(|c| c.is_ascii_alphanumeric() || "/._".contains(c));
    let fits = text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./@#+:".contains(c));
    let plain = starts && fits && !text.ends_with(':') && plain_value(text) == Value::text(text);
    if plain && !is_foreign(text) {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A key ends at the first `:`.
fn quote_key(key: &str) -> String {
    match quote(key) {
        plain if plain.contains(':') && !plain.starts_with('"') => format!("\"{plain}\""),
        quoted => quoted,
    }
}

/// Words that other readers take for something else than text: flags, numbers, times.
fn is_foreign(text: &str) -> bool {
    let low = text.to_ascii_lowercase();
    let flag = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"].contains(&&*low);
    let number = text.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && text.chars().all(|c| c.is_ascii_digit() || "eE.x_:+-".contains(c));
    // An id of only digits and one `e` is a number to some.
    flag || number
}

fn plain_value(word: &str) -> Value {
    match word {
        "true" => Value::Flag(true),
        "false" => Value::Flag(false),
        "null" | "~" | "" => Value::Nothing,
        _ => {
            let number = word.parse::<i64>().ok().filter(|number| number.to_string() == word);
            number.map_or_else(|| Value::text(word), Value::Number)
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn value(&mut self, stops: &[char]) -> Result<Value, String> {
        self.rest = self.rest.trim_start();
        match self.rest.chars().next() {
            Some('[') => self.deeper(Self::list),
            Some('{') => self.deeper(Self::map),
            Some(quote @ ('"' | '\'')) => self.quoted(quote).map(Value::Text),
            _ => Ok(plain_value(&self.word(stops))),
        }
    }

    fn deeper(&mut self, read: fn(&mut Self) -> Result<Value, String>) -> Result<Value, String> {
        if self.depth == DEPTH {
            return Err("the value is too deep".to_owned());
        }
        self.depth += 1;
        self.rest = &self.rest[1..];
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn list(&mut self) -> Result<Value, String> {
        let mut items = Vec::new();
        loop {
            self.rest = self.rest.trim_start();
            if self.eat(']') {
                return Ok(Value::List(items));
            }
            items.push(self.value(&[',', ']'])?);
            self.rest = self.rest.trim_start();
            if !self.eat(',') && !self.rest.starts_with(']') {
                return Err("a list is not closed: it wants `]`".to_owned());
            }
        }
    }

    fn map(&mut self) -> Result<Value, String> {
        let mut pairs: Vec<(String, Value)> = Vec::new();
        loop {
            self.rest = self.rest.trim_start();
            if self.eat('}') {
                return Ok(Value::Map(pairs));
            }
            let key = match self.rest.chars().next() {
                Some(quote @ ('"' | '\'')) => self.quoted(quote)?,
                _ => self.word(&[':', ',', '}']),
            };
            self.rest = self.rest.trim_start();
            if key.is_empty() || !self.eat(':') {
                return Err("a map is not `{ key: value }`, or is not closed".to_owned());
            }
            if pairs.iter().any(|(known, _)| *known == key) {
                return Err(format!("`{}` stands twice in a map", crate::base::plain(&key)));
            }
            let value = self.value(&[',', '}'])?;
            pairs.push((key, value));
            self.rest = self.rest.trim_start();
            if !self.eat(',') && !self.rest.starts_with('}') {
                return Err("a map is not closed: it wants `}`".to_owned());
            }
        }
    }

    fn eat(&mut self, c: char) -> bool {
        let rest = self.rest.strip_prefix(c);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// A word without quotes: to a stop, to a comment, or to the end.
    fn word(&mut self, stops: &[char]) -> String {
        let mut before = ' ';
        let end = self.rest.char_indices().find(|(_, c)| {
            let comment = *c == '#' && before.is_whitespace();
            before = *c;
            comment || stops.contains(c)
        });
        let end = end.map_or(self.rest.len(), |(at, _)| at);
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.trim_end().to_owned()
    }

    fn quoted(&mut self, quote: char) -> Result<String, String> {
        let mut text = String::new();
        let mut chars = self.rest[1..].char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                _ if c == quote => {
                    let rest = &self.rest[1 + at + 1..];
                    // Twice in single quotes is one.
                    if quote == '\'' && rest.starts_with('\'') {
                        text.push('\'');
                        chars.next();
                        continue;
                    }
                    self.rest = rest;
                    return Ok(text);
                }
                '\\' if quote == '"' => match chars.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, 'u')) => {
                        let hex: String =
                            (0..4).filter_map(|_| chars.next()).map(|c| c.1).collect();
                        let code = u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32);
                        text.push(code.ok_or("`\\u` wants four hex digits")?);
                    }
                    Some((_, c @ ('"' | '\\' | '/'))) => text.push(c),
                    _ => return Err("a `\\` in double quotes that means nothing".to_owned()),
                },
                c => text.push(c),
            }
        }
        Err(format!("a text is not closed: it wants {quote}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_the_same() {
        let texts = [
            "",
            "a",
            "sent",
            "H-0007",
            "1",
            "-1",
            "true",
            "no",
            "a: b",
            "a #b",
            "[x]",
            "{",
            "it's",
            "\"quoted\"",
            "tab\there",
            "two\nlines",
            "\u{1b}[2J",
            "ü",
            " space ",
            "a,b",
            "1e5",
            "2025-11-18",
            "12345678",
            "- x",
            "~",
            "&x",
            "db/migrations/1.sql",
            "x:",
            "0x1f",
        ];
        for text in texts {
            let value = Value::text(text);
            let line = value.write();
            assert!(!line.contains('\n'), "{line}");
            assert_eq!(Value::parse(&line), Ok(value.clone()), "{line}");
            let nested = Value::List(vec![
                value.clone(),
                Value::Map(vec![(text.to_owned() + "k", value), ("n".into(), Value::Number(-3))]),
                Value::Nothing,
                Value::Flag(false),
            ]);
            assert_eq!(Value::parse(&nested.write()), Ok(nested.clone()), "{}", nested.write());
        }
    }

    #[test]
    fn what_the_contract_shows_is_understood() {
        let tests = "[{ run: \"make test\", exit: 0, at: abc, time: 2025-11-18T10:00:00Z }]";
        let Value::List(list) = Value::parse(tests).unwrap() else { panic!("a list") };
        assert_eq!(list[0].get("exit"), Some(&Value::Number(0)));
        // The second colon belongs to the time.
        assert_eq!(list[0].get("time"), Some(&Value::text("2025-11-18T10:00:00Z")));
        assert_eq!(Value::parse("sent     # draft | sent").unwrap(), Value::text("sent"));
        assert_eq!(Value::parse("[]").unwrap(), Value::List(vec![]));
    }

    #[test]
    fn nonsense_is_an_error_and_never_a_panic() {
        for bad in [
            "[",
            "[a",
            "{a}",
            "{a: b",
            "{a: b, a: c}",
            "\"x",
            "'x",
            "\"\\q\"",
            "|",
            "> x",
            "[a] b",
            "{: x}",
            "\"\\u12\"",
            "&a b",
            "[[[[[[[[[[[[[[",
            "{\"a",
            "\"\\",
        ] {
            assert!(Value::parse(bad).is_err(), "{bad}");
        }
        let mut random = fastrand::Rng::with_seed(5);
        let atoms = ["[", "]", "{", "}", ",", ":", "\"", "'", "\\", "a", " ", "#", "ü", "\\u", "1"];
        for _ in 0..20_000 {
            let text: String =
                (0..random.usize(..12)).map(|_| atoms[random.usize(..atoms.len())]).collect();
            if let Ok(value) = Value::parse(&text) {
                assert_eq!(Value::parse(&value.write()), Ok(value), "{text}");
            }
        }
    }
}
