//! From the arguments of a tool to the words of a command line. What makes no sense is told
//! to the model, not to the protocol.

use serde_json::{Map, Value};

use crate::base::{Problem, nearest, plain};
use crate::cli::Acting;

/// The longest name, the longest word and the most words that are taken: what is longer no
/// command of the system takes either.
const NAME: usize = 4_096;
const WORD: usize = 100_000;
const WORDS: usize = 200;

/// What a tool call comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// Run this and answer with what it says.
    Look { words: Vec<String> },
    /// Show the plan of this, and remember it for `apply`.
    Plan { words: Vec<String> },
    /// Carry out the plan with this id; the words are given if the client knows them.
    Apply { id: String, words: Option<Vec<String>> },
}

/// The arguments that each tool knows.
fn known(tool: &str) -> Option<&'static [&'static str]> {
    Some(match tool {
        "status" => &["fetch"],
        "review" => &["max_chars"],
        "guard" => &["scope", "range"],
        "services" => &["since"],
        "handoffs" => &["id", "all"],
        "envs" => &["app"],
        "log" => &["limit"],
        "plan" => &["command", "args"],
        "undo" => &["run"],
        "apply" => &["id", "command", "args"],
        _ => return None,
    })
}

/// Whether there is such a tool.
pub(super) fn is_tool(tool: &str) -> bool {
    known(tool).is_some()
}

/// Reads the arguments of a tool that is there.
pub(super) fn wish(
    tool: &str,
    arguments: &Map<String, Value>,
    acting: &[Acting],
) -> Result<Wish, Problem> {
    let known = known(tool).unwrap_or_default();
    if let Some(name) = arguments.keys().find(|name| !known.contains(&name.as_str())) {
        let problem = wrong(format!("{tool} has no argument `{}`", brief(name)));
        return Err(match nearest(name, known.iter().copied()) {
            Some(near) => problem.hint(format!("use `{near}`")),
            None => problem.hint(format!("look at the arguments of the tool {tool}")),
        });
    }
    let read = Arguments(arguments);
    let look = |words: Vec<String>| Ok(Wish::Look { words });
    match tool {
        "status" => match read.flag("fetch")? {
            Some(false) => look(words(&["status", "--no-fetch"])),
            _ => look(words(&["status"])),
        },
        "review" => {
            max_chars(arguments)?;
            look(words(&["start", "--review"]))
        }
        "guard" => guard(&read).and_then(look),
        "services" => {
            let mut line = words(&["services"]);
            if let Some(since) = read.text("since")? {
                line.push(format!("--since={since}"));
            }
            look(line)
        }
        "handoffs" => match (read.text("id")?, read.flag("all")?) {
            // A positional: `--` keeps a name that begins with a dash from being an option.
            (Some(id), None) => look(words(&["handoff", "show", "--", id])),
            (Some(_), Some(_)) => Err(wrong("`id` and `all` do not go together")),
            (None, Some(true)) => look(words(&["handoff", "list", "--all"])),
            (None, _) => look(words(&["handoff", "list"])),
        },
        "envs" => match read.text("app")? {
            Some(app) => look(words(&["envs", &format!("--app={app}")])),
            None => look(words(&["envs"])),
        },
        "log" => {
            let limit = read.number("limit")?.unwrap_or(20).clamp(1, 200);
            look(words(&["log", "-n", &limit.to_string()]))
        }
        "undo" => {
            let mut line = words(&["undo"]);
            // A positional: `--` keeps a name that begins with a dash from being an option.
            if let Some(run) = read.text("run")? {
                line = words(&["undo", "--", run]);
            }
            Ok(Wish::Plan { words: line })
        }
        "plan" => Ok(Wish::Plan {
            words: command(&read, acting)?.ok_or_else(|| wrong("plan needs a `command`"))?,
        }),
        _ => {
            let id = read.text("id")?.ok_or_else(|| {
                wrong("apply needs the `id` of a plan").hint("make one with the tool `plan`")
            })?;
            Ok(Wish::Apply { id: id.to_owned(), words: command(&read, acting)? })
        }
    }
}

/// How much of a diff is wanted.
pub(super) fn max_chars(arguments: &Map<String, Value>) -> Result<usize, Problem> {
    let wanted = Arguments(arguments).number("max_chars")?.unwrap_or(20_000);
    Ok(usize::try_from(wanted.clamp(0, 200_000)).unwrap_or(0))
}

/// Puts words before the first `--`, so that they are options and not names.
pub(super) fn with_options(line: &[String], options: &[&str]) -> Vec<String> {
    let at = line.iter().position(|word| word == "--").unwrap_or(line.len());
    let mut all = line[..at].to_vec();
    all.extend(options.iter().map(ToString::to_string));
    all.extend_from_slice(&line[at..]);
    all
}

fn guard(read: &Arguments<'_>) -> Result<Vec<String>, Problem> {
    let range = read.text("range")?;
    match (read.text("scope")?, range) {
        (Some("range") | None, Some(range)) => Ok(words(&["guard", &format!("--range={range}")])),
        (Some("range"), None) => {
            Err(wrong("scope `range` needs a `range`").hint("such as `origin/main..HEAD`"))
        }
        (Some("staged") | None, None) => Ok(words(&["guard", "--staged"])),
        (Some("all"), None) => Ok(words(&["guard", "--all"])),
        (Some("staged" | "all"), Some(_)) => Err(wrong("a `range` belongs to scope `range`")),
        (Some(other), _) => {
            let problem = wrong(format!("there is no scope `{}`", brief(other)));
            Err(problem.hint("use staged, all or range"))
        }
    }
}

/// The command and its arguments, of those that can be planned.
fn command(read: &Arguments<'_>, acting: &[Acting]) -> Result<Option<Vec<String>>, Problem> {
    let Some(name) = read.text("command")? else { return Ok(None) };
    if !acting.iter().any(|one| one.name == name) {
        let problem = wrong(format!("there is no command `{}` that can be planned", brief(name)));
        let names = acting.iter().map(|one| one.name.as_str());
        return Err(match nearest(name, names) {
            Some(near) => problem.hint(format!("use `{near}`")),
            None => problem.hint("look at the tool `plan`: it lists the commands"),
        });
    }
    let mut line: Vec<String> = name.split(' ').map(String::from).collect();
    line.extend(read.texts("args")?);
    Ok(Some(line))
}

fn words(line: &[&str]) -> Vec<String> {
    line.iter().map(ToString::to_string).collect()
}

/// What somebody else wrote, as far as it fits into a message.
fn brief(text: &str) -> String {
    plain(&text.chars().take(40).collect::<String>())
}

fn wrong(message: impl Into<String>) -> Problem {
    Problem::usage("arguments", message)
}

/// Arguments by their types.
struct Arguments<'a>(&'a Map<String, Value>);

impl<'a> Arguments<'a> {
    /// A missing one and `null` are the same: some clients fill in what they do not know.
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> Result<Option<&'a str>, Problem> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.as_str() {
            Some(text) if text.contains('\0') => Err(wrong(format!("`{name}` has a NUL in it"))),
            Some("") => Err(wrong(format!("`{name}` is empty"))),
            Some(text) if text.len() > NAME => Err(wrong(format!("`{name}` is too long"))),
            Some(text) => Ok(Some(text)),
            None => Err(wrong(format!("`{name}` must be a string"))),
        }
    }

    fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        let Some(value) = self.get(name) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| wrong(format!("`{name}` must be true or false")))
    }

    fn number(&self, name: &str) -> Result<Option<i64>, Problem> {
        let Some(value) = self.get(name) else { return Ok(None) };
        value.as_i64().map(Some).ok_or_else(|| wrong(format!("`{name}` must be a whole number")))
    }

    fn texts(&self, name: &str) -> Result<Vec<String>, Problem> {
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        let words = || wrong(format!("`{name}` must be a list of strings"));
        let list = value.as_array().ok_or_else(words)?;
        if list.len() > WORDS {
            return Err(wrong(format!("`{name}` has more than {WORDS} words")));
        }
        list.iter()
            .map(|word| match word.as_str() {
                Some(text) if text.len() > WORD => {
                    Err(wrong(format!("a word of `{name}` is too long")))
                }
                Some(text) if !text.contains('\0') => Ok(text.to_owned()),
                _ => Err(words()),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wish_of(tool: &str, arguments: &Value) -> Result<Wish, String> {
        let acting = ["finish", "schedule install"]
            .map(|name| Acting { name: name.to_owned(), takes: String::new() });
        wish(tool, arguments.as_object().unwrap(), &acting).map_err(|problem| problem.message)
    }

    #[test]
    fn arguments_become_words() {
        let look = |line: &[&str]| Ok(Wish::Look { words: words(line) });
        let plan = |line: &[&str]| Ok(Wish::Plan { words: words(line) });
        assert_eq!(wish_of("status", &json!({})), look(&["status"]));
        assert_eq!(wish_of("status", &json!({"fetch": false})), look(&["status", "--no-fetch"]));
        assert_eq!(wish_of("guard", &json!({"range": "a..b"})), look(&["guard", "--range=a..b"]));
        assert_eq!(wish_of("log", &json!({"limit": null})), look(&["log", "-n", "20"]));
        assert_eq!(wish_of("handoffs", &json!({})), look(&["handoff", "list"]));
        let one = look(&["handoff", "show", "--", "-h"]);
        assert_eq!(wish_of("handoffs", &json!({"id": "-h"})), one);
        assert_eq!(wish_of("envs", &json!({"app": "-x"})), look(&["envs", "--app=-x"]));
        assert_eq!(wish_of("undo", &json!({"run": "--hub"})), plan(&["undo", "--", "--hub"]));
        let all = json!({"command": "finish", "args": ["-m", "it works"]});
        assert_eq!(wish_of("plan", &all), plan(&["finish", "-m", "it works"]));
        let two = json!({"command": "schedule install"});
        assert_eq!(wish_of("plan", &two), plan(&["schedule", "install"]));
    }

    #[test]
    fn arguments_that_make_no_sense_are_named() {
        for (tool, arguments, says) in [
            ("status", json!({"fetsh": true}), "status has no argument `fetsh`"),
            ("status", json!({"fetch": "yes"}), "`fetch` must be true or false"),
            ("guard", json!({"scope": "x"}), "there is no scope `x`"),
            ("guard", json!({"scope": "range"}), "scope `range` needs a `range`"),
            ("guard", json!({"scope": "all", "range": "x"}), "a `range` belongs to scope `range`"),
            ("log", json!({"limit": 1.5}), "`limit` must be a whole number"),
            ("plan", json!({}), "plan needs a `command`"),
            (
                "plan",
                json!({"command": "status"}),
                "there is no command `status` that can be planned",
            ),
            (
                "plan",
                json!({"command": "finish", "args": "-m"}),
                "`args` must be a list of strings",
            ),
            (
                "plan",
                json!({"command": "finish", "args": ["a\0"]}),
                "`args` must be a list of strings",
            ),
            ("apply", json!({}), "apply needs the `id` of a plan"),
            ("undo", json!({"run": ""}), "`run` is empty"),
            ("undo", json!({"run": "r".repeat(5_000)}), "`run` is too long"),
            ("handoffs", json!({"id": "1", "all": true}), "`id` and `all` do not go together"),
            ("envs", json!({"app": ["x"]}), "`app` must be a string"),
            (
                "plan",
                json!({"command": "finish", "args": vec!["x"; 201]}),
                "`args` has more than 200 words",
            ),
            (
                "plan",
                json!({"command": "finish", "args": ["x".repeat(100_001)]}),
                "a word of `args` is too long",
            ),
        ] {
            assert_eq!(wish_of(tool, &arguments), Err(says.to_owned()));
        }
    }

    #[test]
    fn options_come_before_the_names() {
        let line = words(&["undo", "--", "r1"]);
        assert_eq!(with_options(&line, &["--dry-run"]), words(&["undo", "--dry-run", "--", "r1"]));
    }
}
