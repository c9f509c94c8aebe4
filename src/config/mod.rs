//! `.gsync.toml` as types, with errors that name the file, the line and the nearest key.
//! Text in, types out; reading the file is somebody else's job.

pub mod app;
mod guard;
mod pattern;
mod patterns;
mod schema;

use crate::base::{Problem, nearest, plain};

pub use guard::{
    Allow, BUILT_IN_RULES, Check, Guard, OTHER_RULES, SecretRule, built_in_rule, parse_day,
    secret_rules,
};
pub use patterns::Patterns;
pub use schema::{
    AppLink, Config, Fix, Handoff, Hub, Mode, OnPull, Peers, Production, Publish, PushAfter, Role,
    Service, ServiceStep, Share, Size, Undo, Work, is_role,
};

/// The name of the tracked configuration file, at the top of the work tree.
pub const FILE: &str = ".gsync.toml";

/// What `gsync install` writes where there is none: the defaults, with a sentence each.
pub const TEMPLATE: &str = include_str!("../../templates/gsync.toml");

/// The template for a repository whose main branch has that name.
pub fn template(branch: &str) -> String {
    let quoted = format!("\"{}\"", branch.replace('\\', "\\\\").replace('"', "\\\""));
    let of = |line: &str| {
        let is_named = line.starts_with("branch = ") || line.starts_with("protected_branches = ");
        match line.split_once('#') {
            Some((value, words)) if is_named => {
                let value = value.trim_end().replace("\"main\"", &quoted);
                format!("{value:<32}#{words}\n")
            }
            _ => format!("{line}\n"),
        }
    };
    TEMPLATE.lines().map(of).collect()
}

/// Reads a configuration. `name` is what the error calls the file, such as
/// `.gsync.toml` or `a1b2c3d:.gsync.toml`.
pub fn parse(name: &str, bytes: &[u8]) -> Result<Config, Problem> {
    let (config, text) = read::<Config>(name, bytes)?;
    schema::check(&config).map_err(|(place, why)| invalid(name, located(text, &place), &why))?;
    Ok(config)
}

/// Text in, types out, for every file of gsync's.
fn read<'a, T: serde::de::DeserializeOwned>(
    name: &str,
    bytes: &'a [u8],
) -> Result<(T, &'a str), Problem> {
    let text = std::str::from_utf8(bytes).map_err(|err| {
        let line = 1 + bytes[..err.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        invalid(name, Some(line), "not valid UTF-8")
    })?;
    let read = toml::from_str(text).map_err(|err| {
        let line = err.span().map(|span| 1 + text[..span.start].matches('\n').count());
        let at = line.and_then(|line| text.lines().nth(line - 1)).unwrap_or_default();
        explain(name, line, at, err.message())
    })?;
    Ok((read, text))
}

/// The value's first mention is the best place there is to point at.
fn located(text: &str, place: &str) -> Option<usize> {
    let said = |what: &str| text.lines().position(|line| line.contains(what)).map(|at| at + 1);
    said(&format!("\"{place}\"")).or_else(|| said(&format!("'{place}'"))).or_else(|| said(place))
}

/// `text`: the line in question.
fn explain(name: &str, line: Option<usize>, text: &str, message: &str) -> Problem {
    let first = message.lines().next().unwrap_or("not valid TOML");
    let words: Vec<&str> = first.split('`').collect();
    if let (true, Some(typed)) = (first.starts_with("unknown field"), words.get(1)) {
        let problem = invalid(name, line, &format!("unknown key `{}`", plain(typed)));
        let known: Vec<&str> = words.iter().skip(3).step_by(2).copied().collect();
        return match nearest(typed, known.iter().copied()) {
            Some(near) => problem.hint(format!("write `{near}` if that is what you mean")),
            None if known.is_empty() => problem,
            None => problem.hint(format!("write one of these: {}", known.join(", "))),
        };
    }
    if let (true, Some(typed)) = (first.starts_with("unknown variant"), words.get(1)) {
        let known: Vec<_> =
            words.iter().skip(3).step_by(2).map(|word| format!("`{word}`")).collect();
        let why = format!("`{}` is not one of {}", plain(typed), known.join(", "));
        return invalid(name, line, &why);
    }
    let key = text.split('=').next().unwrap_or_default().trim().trim_matches(['[', ']']);
    if !first.starts_with("invalid type") || key.is_empty() || key.len() > 60 {
        return invalid(name, line, &plain(first));
    }
    let problem = invalid(name, line, &format!("{} at `{}`", plain(first), plain(key)));
    match key {
        "guard.secrets" => problem.hint("write `[[guard.rule]]` for a kind of secrets of your own"),
        _ => problem,
    }
}

fn invalid(name: &str, line: Option<usize>, why: &str) -> Problem {
    let place = line.map_or_else(|| name.to_owned(), |line| format!("{name}:{line}"));
    Problem::usage("config", format!("{place}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> Problem {
        parse(".gsync.toml", text.as_bytes()).unwrap_err()
    }

    #[test]
    fn the_template_says_exactly_the_defaults() {
        assert_eq!(parse("template", TEMPLATE.as_bytes()).unwrap(), Config::default());
        assert_eq!(template("main"), TEMPLATE);
        let other = parse("template", template("o\"dd").as_bytes()).unwrap();
        assert_eq!(other.hub.branch, "o\"dd");
        assert_eq!(other.guard.protected_branches, ["o\"dd"]);
        assert_eq!(parse("empty", b"").unwrap(), Config::default());
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_the_nearest_key() {
        let found = problem("[hub]\nremote = \"origin\"\nbrunch = \"main\"\n");
        assert_eq!(found.message, ".gsync.toml:3: unknown key `brunch`");
        assert_eq!(found.hints, ["write `branch` if that is what you mean"]);
        assert_eq!(found.exit, crate::base::Exit::Usage);
    }

    #[test]
    fn a_wrong_type_a_wrong_word_and_a_wrong_size_are_named_with_their_line() {
        let found = problem("[hub]\nremote = 5\n");
        assert!(found.message.starts_with(".gsync.toml:2: invalid type: integer"), "{found:?}");
        assert!(found.message.ends_with(" at `remote`"), "{found:?}");
        let found = problem("[[guard.secrets]]\nid = \"x\"\n");
        assert!(found.message.ends_with("expected a boolean at `guard.secrets`"), "{found:?}");
        assert!(found.hints[0].contains("[[guard.rule]]"), "{found:?}");
        let found = problem("\n[work]\npull_before_push = \"maybe\"\n");
        assert_eq!(found.message, ".gsync.toml:3: `maybe` is not one of `block`, `warn`, `off`");
        let found = problem("[guard]\nmax_file_size = \"ten\"\n");
        assert!(found.message.starts_with(".gsync.toml:2: `ten` is not a size"), "{found:?}");
    }

    #[test]
    fn broken_toml_bad_patterns_and_bytes_that_are_no_text_are_named_with_their_line() {
        assert!(problem("[hub\n").message.starts_with(".gsync.toml:1: "));
        let found = problem("[guard]\nprotected = [\"a\", \"[z\"]\n");
        assert_eq!(found.message, ".gsync.toml:2: the pattern `[z` has a `[` without `]`");
        let found = parse(".gsync.toml", b"[hub]\n# \xff\n").unwrap_err();
        assert_eq!(found.message, ".gsync.toml:2: not valid UTF-8");
    }

    #[test]
    fn the_example_of_every_section_is_understood() {
        let text = r#"
            [roles.builder]
            description = "production"
            production = { processes = ["v7"], critical = ["apps/**"] }
            [[service]]
            name = "server"
            paths = ["types/**"]
            after = []
            on_pull = "report"
            steps = [{ name = "b", run = "make", error = ["^e"], timeout = "10m" }]
            fix = [{ when = "TS2688", run = "npm install", dir = "client" }]
            [[app]]
            name = "shop"
            remote = "deploy"
            [bump]
            files = ["VERSION"]
            [log]
            dir = "logs"
        "#;
        let config = parse("x", text.as_bytes()).unwrap();
        assert_eq!(config.service[0].steps[0].run.as_deref(), Some("make"));
        assert_eq!(config.roles["builder"].production.as_ref().unwrap().processes, ["v7"]);
    }

    #[test]
    fn a_key_that_is_near_none_is_answered_with_those_there_are_and_a_cut_one_with_the_whole() {
        let said = |text: &str| {
            let problem = parse("f", text.as_bytes()).unwrap_err();
            format!("{} | {}", problem.message, problem.hints.join(" "))
        };
        assert!(said("xyzzy = 1").contains("write one of these: hub, work,"));
        assert!(
            said("[roles.x]\ndescr = \"\"")
                .contains("f:2: unknown key `descr` | write `description`")
        );
        let pattern = "[guard]\nprotected = [\"a\",\n\"[\"]";
        assert!(said(pattern).starts_with("f:3: the pattern `[`"), "{}", said(pattern));
    }
}
