//! Whether a gitignore pattern can mean anything. git passes over broken ones in silence; in
//! a guard that would be a hole.

/// Says what is wrong with a pattern.
pub(super) fn check(pattern: &str) -> Result<(), String> {
    let body = pattern.strip_prefix('!').unwrap_or(pattern);
    if body.trim().is_empty() || body.trim_matches('/').is_empty() {
        return Err(format!("the pattern `{pattern}` is empty"));
    }
    if pattern.contains(['\n', '\r', '\0']) {
        return Err("a pattern must be one line".to_owned());
    }
    if pattern.starts_with('#') {
        return Err(format!("the pattern `{pattern}` is a comment: write `\\#` for a `#`"));
    }
    let mut chars = body.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.next().is_none() => {
                return Err(format!("the pattern `{pattern}` ends in a `\\`"));
            }
            '[' => {
                if matches!(chars.peek(), Some('!' | '^')) {
                    chars.next();
                }
                if chars.peek() == Some(&']') {
                    chars.next();
                }
                let mut closed = false;
                while let Some(c) = chars.next() {
                    if c == '\\' {
                        chars.next();
                    } else if c == ']' {
                        closed = true;
                        break;
                    }
                }
                if !closed {
                    return Err(format!("the pattern `{pattern}` has a `[` without `]`"));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn patterns_of_git_pass_and_those_that_match_nothing_do_not() {
        for good in
            ["*.pem", "!.env.example", "/data/raw/", "a/**/b", "[a-z]x", "[]]", "\\#x", "[!a]"]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in ["", "!", "/", "# x", "[a", "a\\", "a\nb", "[!", "[]"] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
