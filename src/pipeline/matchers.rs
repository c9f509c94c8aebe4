//! What tools say when they fail, as data: `templates/matchers.toml`, and what a repository
//! adds to it. Compiled into one search over whole blocks of lines, because almost every
//! line of a log is of no interest.

use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde::Deserialize;

use crate::base::Problem;

/// The matchers that come with gsync.
pub const TEMPLATE: &str = include_str!("../../templates/matchers.toml");

/// The file of a repository with its own, beside the configuration.
pub const FILE: &str = ".gsync/matchers.toml";

/// What tools put in front of a line: a container's or a process's name, a build step's
/// number, a moment. A bare number is a line of source that a compiler shows.
const PREFIX: &str = r"(?: *(?:[A-Za-z][\w./:@-]*|\d+\|[\w./:@-]+) *(?:\||│) ?|#\d+ (?:\d+\.\d+ )?|\d{4}-\d\d-\d\dT[\d:.]+Z? )?";

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    tool: Vec<Tool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Tool {
    name: String,
    programs: Vec<String>,
    silent: bool,
    hard: Vec<String>,
    summary: Vec<String>,
    late: Vec<String>,
    error: Vec<String>,
    guess: Vec<String>,
    closing: Vec<String>,
    harmless: Vec<String>,
    cleared: Vec<String>,
    after: Vec<(String, String)>,
}

/// What a line that matches means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Hard,
    Summary,
    Late,
    Error,
    Guess,
    Closing,
    Harmless,
    Cleared,
    /// Arms the pair of that number.
    After(usize),
}

/// One pattern: whose it is and what it means.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    pub tool: usize,
    pub kind: Kind,
}

/// All matchers, ready for use.
#[derive(Debug)]
pub struct Matchers {
    patterns: Vec<String>,
    /// Finds the lines that are worth a closer look, in a block of lines. Made when it is wanted
    /// first: that takes longer than many a step, and a step that says nothing needs none.
    any: OnceLock<Regex>,
    /// Says which rules such a line matches.
    set: OnceLock<RegexSet>,
    pub rules: Vec<Rule>,
    /// The second halves of the `after` pairs, with their tool.
    pub pairs: Vec<(usize, Regex)>,
    pub tools: usize,
    /// The words that stand for tools that nobody has heard of.
    pub words: Option<usize>,
    /// Commands whose success is silence.
    silent: Vec<String>,
}

impl Matchers {
    /// The embedded ones and those of a repository.
    pub fn new(own: Option<&str>) -> Result<Self, Problem> {
        let mut tools = parse("the embedded matchers", TEMPLATE)?;
        if let Some(own) = own {
            tools.extend(parse(FILE, own)?);
        }
        let mut patterns = Vec::new();
        let mut rules = Vec::new();
        let mut pairs = Vec::new();
        let mut silent = Vec::new();
        for (at, tool) in tools.iter().enumerate() {
            let mut add = |list: &[String], kind: Kind| {
                for pattern in list {
                    patterns.push(anchored(pattern));
                    rules.push(Rule { tool: at, kind });
                }
            };
            add(&tool.hard, Kind::Hard);
            add(&tool.summary, Kind::Summary);
            add(&tool.late, Kind::Late);
            add(&tool.error, Kind::Error);
            add(&tool.guess, Kind::Guess);
            add(&tool.closing, Kind::Closing);
            add(&tool.harmless, Kind::Harmless);
            add(&tool.cleared, Kind::Cleared);
            for (line, error) in &tool.after {
                add(std::slice::from_ref(line), Kind::After(pairs.len()));
                pairs.push((at, compile(&anchored(error)).map_err(|why| bad(&tool.name, &why))?));
            }
            if tool.silent {
                silent.extend(tool.programs.iter().cloned());
            }
        }
        let words = tools.iter().position(|tool| tool.name == "words");
        let it = Self {
            patterns,
            any: OnceLock::new(),
            set: OnceLock::new(),
            rules,
            pairs,
            tools: tools.len(),
            words,
            silent,
        };
        // The embedded ones are known to be right, by a test; a mistake in others is told now.
        if own.is_some() {
            let set = it.make_set().map_err(|err| {
                let first = first_bad(&tools, &it.patterns, &it.rules);
                first.unwrap_or_else(|| bad("all together", &err.to_string()))
            })?;
            let any = it.make_any().map_err(|why| bad("all together", &why))?;
            let _ = (it.set.set(set), it.any.set(any));
        }
        Ok(it)
    }

    fn make_set(&self) -> Result<RegexSet, regex::Error> {
        RegexSetBuilder::new(&self.patterns)
            .unicode(false)
            .size_limit(64 << 20)
            .dfa_size_limit(16 << 20)
            .build()
    }

    fn make_any(&self) -> Result<Regex, String> {
        // What only takes away needs no search of its own.
        let wanted = self.patterns.iter().zip(&self.rules);
        let wanted = wanted.filter(|(_, rule)| rule.kind != Kind::Harmless);
        let any: Vec<String> = wanted.map(|(pattern, _)| format!("(?:{pattern})")).collect();
        compile(&any.join("|"))
    }

    fn any(&self) -> &Regex {
        self.any.get_or_init(|| self.make_any().expect("the embedded matchers: a test makes them"))
    }

    fn set(&self) -> &RegexSet {
        self.set.get_or_init(|| self.make_set().expect("the embedded matchers: a test makes them"))
    }

    /// Where the next line begins that is worth a look, at or after a position in a block.
    pub fn next(&self, block: &[u8], at: usize) -> Option<usize> {
        self.any().find_at(block, at).map(|found| found.start())
    }

    /// The rules that a line matches.
    pub fn of(&self, line: &[u8]) -> impl Iterator<Item = Rule> + use<'_> {
        self.set().matches(line).into_iter().map(|at| self.rules[at])
    }

    /// Whether this command succeeds only if it prints nothing.
    pub fn must_be_silent(&self, command: &str) -> bool {
        let command = command.trim();
        self.silent.iter().any(|program| {
            command.strip_prefix(program.as_str()).is_some_and(|rest| !rest.starts_with(is_word))
        })
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '-' || c == '_'
}

/// A step's own patterns, as one expression; nothing if there are none.
pub fn own(patterns: &[String]) -> Result<Option<Regex>, String> {
    if patterns.is_empty() {
        return Ok(None);
    }
    for pattern in patterns {
        compile(&anchored(pattern))?;
    }
    let all: Vec<String> = patterns.iter().map(|it| format!("(?:{})", anchored(it))).collect();
    compile(&all.join("|")).map(Some)
}

fn parse(name: &str, text: &str) -> Result<Vec<Tool>, Problem> {
    let file: File = toml::from_str(text).map_err(|err| {
        let line = err.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        let why = err.message().lines().next().unwrap_or("not valid TOML").to_owned();
        Problem::usage("config", format!("{name}:{line}: {why}"))
    })?;
    Ok(file.tool)
}

fn anchored(pattern: &str) -> String {
    match pattern.strip_prefix('^') {
        Some(rest) => format!("^{PREFIX}{rest}"),
        None => pattern.to_owned(),
    }
}

fn compile(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern)
        .unicode(false)
        .multi_line(true)
        .size_limit(64 << 20)
        .dfa_size_limit(16 << 20)
        .build()
        .map_err(|err| err.to_string().lines().last().unwrap_or_default().trim().to_owned())
}

fn first_bad(tools: &[Tool], patterns: &[String], rules: &[Rule]) -> Option<Problem> {
    patterns.iter().zip(rules).find_map(|(pattern, rule)| {
        let why = compile(pattern).err()?;
        Some(bad(&tools[rule.tool].name, &why))
    })
}

fn bad(tool: &str, why: &str) -> Problem {
    Problem::usage("config", format!("the matchers of {tool}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_matchers_compile() {
        let matchers = Matchers::new(None).unwrap();
        assert!(matchers.tools > 20);
        matchers.make_any().unwrap();
        matchers.make_set().unwrap();
    }

    #[test]
    fn a_repository_adds_its_own_and_mistakes_are_named() {
        let own = "[[tool]]\nname = \"ours\"\nhard = ['^OOPS']\n";
        let matchers = Matchers::new(Some(own)).unwrap();
        assert!(matchers.of(b"OOPS 17").any(|rule| rule.kind == Kind::Hard));
        let err = Matchers::new(Some("[[tool]]\nname = \"ours\"\nhard = ['(']\n")).unwrap_err();
        assert!(err.message.starts_with("the matchers of ours: "), "{err}");
        let err = Matchers::new(Some("[[tool]]\nnaem = \"ours\"\n")).unwrap_err();
        assert!(err.message.starts_with(".gsync/matchers.toml:2: "), "{err}");
    }

    #[test]
    fn a_line_is_known_behind_what_tools_put_in_front() {
        let matchers = Matchers::new(None).unwrap();
        for line in [
            "error TS2688: x",
            "api-1  | error TS2688: x",
            "0|api      | error TS2688: x",
            "#12 0.345 error TS2688: x",
            "2026-11-21T02:02:47.1Z error TS2688: x",
            "     server │ error TS2688: x",
        ] {
            let hard = matchers.of(line.as_bytes()).any(|rule| rule.kind == Kind::Hard);
            assert!(hard && matchers.next(line.as_bytes(), 0).is_some(), "{line}");
        }
    }

    #[test]
    fn silence_is_asked_only_of_those_that_promise_it() {
        let matchers = Matchers::new(None).unwrap();
        assert!(matchers.must_be_silent("gofmt -l ."));
        assert!(!matchers.must_be_silent("gofmt-all ."));
        assert!(!matchers.must_be_silent("make"));
    }
}
