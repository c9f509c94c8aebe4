//! A handoff as a file: a front matter that machines read, and text for people. What people do
//! to such a file by hand is either understood or an error that names the line; a change of
//! state rewrites the lines that it is about and leaves every other byte alone.

use super::life::State;
use super::value::Value;
use super::words::{Rollback, Test, clean, number_of};
use crate::base::{CommitId, Problem, Time, plain};

/// No front matter is larger, and no handoff; what is was not written by gsync.
const MOST: usize = 1 << 20;

/// A handoff file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What errors call the file.
    pub file: String,
    front: Vec<Line>,
    /// Everything behind the front matter.
    pub body: String,
}

/// A line of the front matter.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Pair {
        key: String,
        value: Value,
        /// As it stands in the file, with its end; nothing: it is new.
        raw: Option<String>,
    },
    /// A comment or an empty line.
    Other(String),
}

/// What a front matter says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handoff {
    /// `H-0007`; `draft` before it has a number.
    pub id: String,
    pub status: State,
    pub from: String,
    pub to: Option<String>,
    pub base: CommitId,
    pub head: CommitId,
    pub branch: String,
    pub risk: String,
    /// The day on which it was sent, at midnight.
    pub date: Option<Time>,
    pub tests: Vec<Test>,
    pub migrations: Vec<String>,
    pub env_added: Vec<String>,
    pub rollback: Option<Rollback>,
    /// What became of it, as it is written: `acked`, `done`, `rejected`, `superseded`.
    pub answers: Vec<(String, Vec<(String, String)>)>,
}

/// The keys under which answers stand.
const ANSWERS: [&str; 4] = ["acked", "done", "rejected", "superseded"];

impl Document {
    /// A new one.
    pub fn new(pairs: Vec<(&str, Value)>, body: String) -> Self {
        let front = pairs
            .into_iter()
            .map(|(key, value)| Line::Pair { key: key.to_owned(), value, raw: None })
            .collect();
        Self { file: String::new(), front, body }
    }

    /// Adds a line to the front matter that says nothing to machines.
    pub fn remark(&mut self, line: &str) {
        self.front.push(Line::Other(format!("{line}\n")));
    }

    /// The lines of the front matter that say nothing to machines.
    pub fn remarks(&self) -> impl Iterator<Item = &str> {
        self.front.iter().filter_map(|line| match line {
            Line::Other(raw) => Some(raw.trim_end()),
            Line::Pair { .. } => None,
        })
    }

    /// Takes a key out.
    pub fn forget(&mut self, unwanted: &str) {
        self.front.retain(|line| !matches!(line, Line::Pair { key, .. } if key == unwanted));
    }

    /// Reads a file.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, Problem> {
        let name = plain(file);
        if bytes.len() > MOST {
            return Err(broken(&name, None, "is too large for a handoff"));
        }
        let text = std::str::from_utf8(bytes).map_err(|err| {
            let line = bytes[..err.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
            broken(&name, Some(line + 1), "not valid UTF-8")
        })?;
        let mut lines = text.strip_prefix('\u{feff}').unwrap_or(text).split_inclusive('\n');
        if lines.next().map(str::trim_end) != Some("---") {
            return Err(broken(&name, Some(1), "a handoff begins with a line `---`"));
        }
        let mut front: Vec<Line> = Vec::new();
        let mut closed = false;
        let mut number = 1;
        for raw in lines.by_ref() {
            number += 1;
            let line = raw.trim_end();
            if line == "---" {
                closed = true;
                break;
            }
            if line.is_empty() || line.starts_with('#') {
                front.push(Line::Other(raw.to_owned()));
                continue;
            }
            let wrong = |why: &str| broken(&name, Some(number), why);
            if line.starts_with([' ', '\t', '-']) {
                return Err(wrong("a value stands on the line of its key: `key: [a, b]`"));
            }
            let Some((key, value)) = line.split_once(':') else {
                return Err(wrong("a line of the front matter is `key: value`"));
            };
            if !value.is_empty() && !value.starts_with(' ') {
                return Err(wrong("a space is missing behind the `:`"));
            }
            let key = key.trim().to_owned();
            if front.iter().any(|line| matches!(line, Line::Pair { key: had, .. } if *had == key)) {
                return Err(wrong(&format!("`{}` stands there twice", plain(&key))));
            }
            let value =
                Value::parse(value).map_err(|why| wrong(&format!("{}: {why}", plain(&key))))?;
            front.push(Line::Pair { key, value, raw: Some(raw.to_owned()) });
        }
        if !closed {
            return Err(broken(&name, Some(number), "the front matter does not end with `---`"));
        }
        Ok(Self { file: name, front, body: lines.collect() })
    }

    /// The file.
    pub fn write(&self) -> String {
        let mut text = String::from("---\n");
        for line in &self.front {
            match line {
                Line::Other(raw) | Line::Pair { raw: Some(raw), .. } => text += raw,
                Line::Pair { key, value, .. } => text += &format!("{key}: {}\n", value.write()),
            }
        }
        text + "---\n" + &self.body
    }

    pub fn get(&self, wanted: &str) -> Option<&Value> {
        self.front.iter().find_map(|line| match line {
            Line::Pair { key, value, .. } if key == wanted => Some(value),
            _ => None,
        })
    }

    /// Sets a key, in its place or at the end.
    pub fn set(&mut self, wanted: &str, to: Value) {
        for line in &mut self.front {
            if let Line::Pair { key, value, raw } = line
                && key == wanted
            {
                if *value != to {
                    (*value, *raw) = (to, None);
                }
                return;
            }
        }
        self.front.push(Line::Pair { key: wanted.to_owned(), value: to, raw: None });
    }

    /// What the front matter says, with every key checked.
    pub fn handoff(&self) -> Result<Handoff, Problem> {
        match self.get("gsync") {
            Some(Value::Number(1)) => {}
            None => return Err(self.missing("gsync", "1")),
            Some(_) => {
                let why = "is of a version of handoffs that this gsync does not know";
                return Err(self.wrong("gsync", why).hint("install a newer gsync"));
            }
        }
        let id = self.word("id")?;
        if id != "draft" && number_of(&id).is_none() {
            return Err(self.wrong("id", "is not like `H-0007`"));
        }
        let status = self.word("status")?;
        let status = State::parse(&status).ok_or_else(|| {
            let words: Vec<&str> = State::ALL.iter().map(|state| state.word()).collect();
            self.wrong("status", &format!("is not one of {}", words.join(", ")))
        })?;
        let to = match self.get("to") {
            None | Some(Value::Nothing) if status == State::Draft => None,
            _ => Some(self.word("to")?),
        };
        if to.as_ref().is_some_and(|to| !crate::config::is_role(to)) {
            return Err(self.wrong("to", "is no role: use letters, digits, `-` and `_`"));
        }
        let date = match self.get("date") {
            None | Some(Value::Nothing) => None,
            Some(value) => {
                let day = value.as_text().unwrap_or_default();
                let time = Time::parse(&format!("{day}T00:00:00Z"));
                Some(time.ok_or_else(|| self.wrong("date", "is not a day like `2025-11-18`"))?)
            }
        };
        Ok(Handoff {
            id,
            status,
            from: self.word("from")?,
            to,
            base: self.commit("base")?,
            head: self.commit("head")?,
            branch: self.word("branch")?,
            risk: self.word("risk").unwrap_or_else(|_| "watch".to_owned()),
            date,
            tests: self.tests()?,
            migrations: self.words("migrations")?,
            env_added: self.words("env_added")?,
            rollback: self.rollback()?,
            answers: ANSWERS.into_iter().filter_map(|key| self.answer(key)).collect(),
        })
    }

    fn answer(&self, key: &str) -> Option<(String, Vec<(String, String)>)> {
        let Some(Value::Map(pairs)) = self.get(key) else { return None };
        let text = |value: &Value| clean(&value.as_text().unwrap_or_default());
        let pairs = pairs.iter().map(|(name, value)| (plain(name), text(value)));
        Some((key.to_owned(), pairs.collect()))
    }

    fn word(&self, key: &str) -> Result<String, Problem> {
        match self.get(key) {
            None | Some(Value::Nothing) => Err(self.missing(key, "VALUE")),
            Some(value) => match value.as_text() {
                Some(text) => Ok(plain(&text)),
                None => Err(self.wrong(key, "is not a text")),
            },
        }
    }

    fn commit(&self, key: &str) -> Result<CommitId, Problem> {
        CommitId::parse(&self.word(key)?)
            .ok_or_else(|| self.wrong(key, "is not a full commit id of 40 or 64 hex digits"))
    }

    fn words(&self, key: &str) -> Result<Vec<String>, Problem> {
        match self.get(key) {
            None | Some(Value::Nothing) => Ok(Vec::new()),
            Some(Value::List(items)) => {
                let texts = items.iter().map(|item| item.as_text().map(|text| plain(&text)));
                texts
                    .collect::<Option<_>>()
                    .ok_or_else(|| self.wrong(key, "is not a list of texts"))
            }
            Some(_) => Err(self.wrong(key, "is not a list: write `[a, b]`, or `[]` for none")),
        }
    }

    fn tests(&self) -> Result<Vec<Test>, Problem> {
        let items = match self.get("tests") {
            None | Some(Value::Nothing) => return Ok(Vec::new()),
            Some(Value::List(items)) => items,
            Some(_) => return Err(self.wrong("tests", "is not a list: `[]` for none")),
        };
        let read = items.iter().map(Test::read).collect::<Option<Vec<_>>>();
        read.ok_or_else(|| {
            self.wrong("tests", "is not a list of `{ run: TEXT, exit: 0, at: COMMIT, time: TIME }`")
        })
    }

    fn rollback(&self) -> Result<Option<Rollback>, Problem> {
        match self.get("rollback") {
            None | Some(Value::Nothing) => Ok(None),
            Some(value) => Rollback::read(value).map(Some).ok_or_else(|| {
                self.wrong("rollback", "is not `{ commit: COMMIT, reversible: true, why: TEXT }`")
            }),
        }
    }

    fn missing(&self, key: &str, example: &str) -> Problem {
        broken(&self.file, Some(1), &format!("`{key}` is missing"))
            .hint(format!("add a line `{key}: {example}` to the front matter"))
    }

    fn wrong(&self, wanted: &str, why: &str) -> Problem {
        let at = self
            .front
            .iter()
            .position(|line| matches!(line, Line::Pair { key, .. } if key == wanted));
        broken(&self.file, at.map(|at| at + 2), &format!("`{wanted}` {why}"))
    }
}

/// A file that cannot be read as a handoff, and the way out.
fn broken(file: &str, line: Option<usize>, why: &str) -> Problem {
    let place = line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}"));
    let problem = Problem::usage("handoff", format!("{place}: {why}"));
    if file.is_empty() { problem } else { problem.hint(mend(file)) }
}

fn mend(file: &str) -> String {
    format!("take the last good state: `git log -p -- {}`", crate::base::shell_quote(file))
}

#[cfg(test)]
mod tests;
