//! What types cannot say about `[guard]`: rules that cannot work, and exceptions that make no
//! sense. An error is the text to look for in the file, and what is wrong.

use super::{Guard, SecretRule, built_in, is_built_in, secret_rules};
use crate::base::{nearest, plain};

/// A rule may look at so many lines at once.
const LINES: usize = 1000;
/// The rules that are about no secret: an exception from these may hold everywhere.
pub const OTHER_RULES: [&str; 8] = [
    "dot-git",
    "protected-file",
    "file-size",
    "conflict-markers",
    "protected-branch",
    "base-drift",
    "pull-before-commit",
    "pull-before-push",
];
/// All rules about secrets, and all rules.
const WIDE: [&str; 2] = ["secret", "*"];

/// What types cannot say about this section.
pub(in crate::config) fn check(guard: &Guard) -> Result<(), (String, String)> {
    // Most have no rules of their own, and a hook does not wait until the others were read.
    let rules = match guard.rule.is_empty() {
        true => Vec::new(),
        false => secret_rules(&guard.rule).map_err(|why| ("secrets".to_owned(), why))?,
    };
    for (at, changed) in guard.rule.iter().enumerate() {
        let id = &changed.id;
        let say = |why: &str| Err((id.clone(), format!("the rule `{id}` {why}")));
        if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            return say("needs an id of letters, digits and `-`");
        }
        if guard.rule[..at].iter().any(|other| other.id == *id) {
            return say("is there twice: put what both say into one");
        }
        let own = changed.regex.is_some() || changed.near.is_some() || changed.value.is_some();
        if !own && !is_built_in(id) {
            let near = near(id, &[])?;
            return say(&format!(
                "is not built in, and needs a `regex`, or a `near` and a `value`{near}"
            ));
        }
        // One that is off does nothing.
        let Some(rule) = rules.iter().find(|rule| rule.id == *id) else { continue };
        if changed.regex.is_some() && (changed.near.is_some() || changed.value.is_some()) {
            return say("has both a `regex` and a `near`: one of them is enough");
        }
        let word = |c: char| c.is_ascii_alphanumeric() || "_-. =:\"'|".contains(c);
        if changed.near.as_ref().is_some_and(|near| !near.chars().all(word)) {
            return say("has a `near` that is not valid: it is words, with `|` between them");
        }
        let Some(pattern) = rule.pattern() else {
            return say("needs a `regex`, or a `near` and a `value`");
        };
        if let Err(why) = SecretRule::compile(&pattern) {
            return say(&format!("has a regex that {why}"));
        }
        let alone = rule.value.as_ref().filter(|_| rule.regex.is_none());
        if is_empty(&pattern) || alone.is_some_and(|value| is_empty(value)) {
            return say("has a regex that matches nothing at all, so it would be found everywhere");
        }
        let words = rule.words();
        if words.is_empty() {
            return say("needs `keywords`: what is in every match is looked for first");
        }
        if words.iter().any(|word| word.len() < 2 || word.len() > 200) {
            return say("has a keyword of less than 2 or more than 200 letters");
        }
        if rule.entropy.is_some_and(|bits| !(0.0..=8.0).contains(&bits)) {
            return say("has an entropy that is not between 0 and 8");
        }
        if rule.lines.is_some_and(|lines| lines > LINES) {
            return say(&format!("looks at more than {LINES} lines"));
        }
    }
    for allow in &guard.allow {
        let rule = &allow.rule;
        let of_files = OTHER_RULES.contains(&rule.as_str());
        let own = guard.rule.iter().any(|other| other.id == *rule);
        if !of_files && !own && !is_built_in(rule) && !WIDE.contains(&rule.as_str()) {
            let near = near(rule, &guard.rule)?;
            return Err((rule.clone(), format!("no rule is called `{}`{near}", plain(rule))));
        }
        if !of_files && allow.path.is_none() && allow.fingerprint.is_none() {
            let why = format!("an exception from `{rule}` needs a path or a fingerprint");
            return Err((rule.clone(), why));
        }
        if let Some(print) = &allow.fingerprint
            && (print.len() != 16 || !print.bytes().all(|byte| byte.is_ascii_hexdigit()))
        {
            let why = "a fingerprint has 16 hexadecimal digits, as a finding names them";
            return Err((print.clone(), why.to_owned()));
        }
    }
    Ok(())
}

/// The known rule that may have been meant, as the end of a sentence.
fn near(id: &str, own: &[SecretRule]) -> Result<String, (String, String)> {
    let known = built_in().map_err(|why| ("secrets".to_owned(), why))?;
    let words = known.iter().chain(own).map(|rule| rule.id.as_str()).chain(OTHER_RULES).chain(WIDE);
    Ok(nearest(id, words).map(|word| format!("; the nearest is `{word}`")).unwrap_or_default())
}

/// Whether a pattern is found where there is nothing.
fn is_empty(pattern: &str) -> bool {
    let found = |regex: regex::bytes::Regex| {
        [&b""[..], b"a "].iter().any(|text| regex.find(text).is_some_and(|at| at.is_empty()))
    };
    SecretRule::compile(pattern).is_ok_and(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        let guard: Guard = toml::from_str(text).unwrap();
        check(&guard).unwrap_err().1
    }

    #[test]
    fn a_rule_that_cannot_work_is_named_with_the_reason() {
        let rule = |rest: &str| wrong(&format!("[[rule]]\nid = \"x\"\n{rest}"));
        assert!(rule("").contains("needs a `regex`"));
        assert!(
            rule("regex = 'a('\nkeywords = ['aa']").contains("`x` has a regex that is not valid")
        );
        let huge = rule("regex = '((a{1000}){1000}){1000}'\nkeywords = ['aa']");
        assert!(huge.contains("too large"), "{huge}");
        assert!(rule("regex = 'aa'").contains("needs `keywords`"));
        assert!(rule("regex = 'aa'\nkeywords = ['a']").contains("less than 2"));
        assert!(wrong("allow = [{ rule = '*', fingerprint = 'zz' }]").contains("16 hexadecimal"));
    }

    #[test]
    fn a_rule_that_is_found_everywhere_or_changes_none_that_there_is_makes_no_sense() {
        let rule = |rest: &str| wrong(&format!("[[rule]]\n{rest}"));
        for regex in ["", "a*", "(acme)?", "^", "\\b"] {
            let said = rule(&format!("id = 'x'\nkeywords = ['acme']\nregex = '{regex}'"));
            assert!(said.contains("matches nothing at all"), "{regex} {said}");
        }
        assert!(rule("id = 'x'\nnear = 'acme'\nvalue = '\\d*'").contains("nothing at all"));
        let said = rule("id = 'githubtoken'\noff = true");
        assert!(said.ends_with("the nearest is `github-token`"), "{said}");
        let one = "[[rule]]\nid = 'jwt'\nentropy = 3.0\n";
        assert!(wrong(&format!("{one}{one}")).contains("`jwt` is there twice"));
        let fine: Guard = toml::from_str("[[rule]]\nid = 'github-token'\noff = true").unwrap();
        assert!(check(&fine).is_ok());
    }

    #[test]
    fn an_exception_names_a_rule_and_from_secrets_a_path_or_a_value() {
        let said = wrong("allow = [{ rule = 'githib-token', path = 'a' }]");
        assert_eq!(said, "no rule is called `githib-token`; the nearest is `github-token`");
        for rule in ["*", "secret", "github-token"] {
            let said = wrong(&format!("allow = [{{ rule = '{rule}' }}]"));
            assert_eq!(said, format!("an exception from `{rule}` needs a path or a fingerprint"));
        }
        let fine = "allow = [{ rule = 'base-drift' }, { rule = 'secret', path = 'a' }, \
                    { rule = 'jwt', fingerprint = '0123456789abcdef' }]";
        assert!(check(&toml::from_str(fine).unwrap()).is_ok());
    }
}
