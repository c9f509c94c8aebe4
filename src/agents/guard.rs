//! What a tool of an agent may not do: get around the hooks, or write a file that could never
//! be committed. Everything else is judged when it is committed and pushed.

/// Why a line for the shell is refused, if it is.
pub fn shell(line: &str) -> Option<String> {
    commands(line).iter().find_map(|words| git(words))
}

/// One command, without what stands in front of it.
fn git(words: &[String]) -> Option<String> {
    let assignment = |word: &str| {
        word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        })
    };
    let before = ["sudo", "env", "command", "exec", "nohup", "time"];
    let start =
        words.iter().position(|word| !assignment(word) && !before.contains(&word.as_str()))?;
    let mut rest = words[start..].iter().map(String::as_str);
    let program = rest.next()?;
    if program != "git" && !program.ends_with("/git") {
        return None;
    }
    let verb = loop {
        match rest.next()? {
            "-C" | "-c" | "--git-dir" | "--work-tree" | "--namespace" => {
                rest.next();
            }
            option if option.starts_with('-') => {}
            verb => break verb,
        }
    };
    // What comes after the dashes is a name.
    let options: Vec<&str> = rest.take_while(|word| *word != "--").collect();
    let short = |letter: char| {
        options.iter().any(|word| {
            word.starts_with('-') && !word.starts_with("--") && word[1..].contains(letter)
        })
    };
    let has = |name: &str| options.contains(&name);
    match verb {
        "commit" | "push" | "merge" if has("--no-verify") => Some(format!(
            "`git {verb} --no-verify` gets around the guard. Mend what it refuses, or ask the user."
        )),
        "push" if has("--force") || short('f') => Some(
            "a forced push can cut off commits of others. `gsync push --force` shows what it \
             would cut off and keeps a way back; ask the user first."
                .to_owned(),
        ),
        _ => None,
    }
}

/// The commands of a line, each as its words. Not a whole shell: what stands in quotes is one
/// word, and what a shell would only find out by running is not looked for.
fn commands(line: &str) -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    let (mut word, mut open, mut quote) = (String::new(), false, None);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(q), letter) if letter == q => quote = None,
            (Some('"') | None, '\\') => word.extend(letters.next()),
            (Some(_), letter) => word.push(letter),
            (None, '\'' | '"') => (quote, open) = (Some(letter), true),
            (None, letter) if letter.is_whitespace() || ";&|()".contains(letter) => {
                if open || !word.is_empty() {
                    if let Some(words) = all.last_mut() {
                        words.push(std::mem::take(&mut word));
                    }
                    open = false;
                }
                if letter == '\n' || ";&|()".contains(letter) {
                    all.push(Vec::new());
                }
            }
            (None, letter) => word.push(letter),
        }
    }
    if let Some(words) = all.last_mut().filter(|_| open || !word.is_empty()) {
        words.push(word);
    }
    all
}

/// Why a file is not to be written: its pattern.
pub fn file(path: &str, pattern: &str) -> String {
    format!(
        "{path} is protected ({pattern}): it would be refused when committed. Keep it out of git \
         with .gitignore first, or use another file such as an example without secrets."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_get_around_the_hooks_are_refused_wherever_they_stand() {
        for line in [
            "git commit --no-verify -m x",
            "cd a && git push --force origin main",
            "A=1 sudo git -C dir -c a.b=c push -fu origin x",
            "true; /usr/bin/git push origin main --no-verify",
            "(git push -f)",
        ] {
            assert!(shell(line).is_some(), "{line}");
        }
        for line in [
            "git push origin main",
            "git push --force-with-lease origin x",
            "git commit -m 'never use --no-verify'",
            "git commit -m \"git push --force\"",
            "git push origin -- -f",
            "echo git push --force",
            "gsync push --force",
            "git log --no-verify; ls -f",
            "git 'push",
            "",
        ] {
            assert_eq!(shell(line), None, "{line}");
        }
    }
}
