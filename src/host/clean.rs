//! A clean environment for the programs of an app: nothing of the hook that started us, nothing
//! of git, only where programs and the home are, what the app is told, and its own `.env`.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::machine::Machine;
use super::{env, read};

/// What every program needs to find its way.
const KEPT: [&str; 10] =
    ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"];

/// Gives a command such an environment.
pub fn dress(command: &mut Command, vars: &[(String, String)], file: Option<&Path>) -> Result<()> {
    command.env_clear();
    for name in KEPT {
        if let Some(value) = env::raw(name) {
            command.env(name, value);
        }
    }
    command.envs(file.map(variables).transpose()?.unwrap_or_default());
    // Last: an app's own file does not change who it is.
    command.envs(vars.iter().map(|(name, value)| (name, value)));
    Ok(())
}

/// The values of such a file that logs must not show.
pub fn secrets(file: Option<&Path>) -> Result<Vec<Vec<u8>>> {
    let all = file.map(variables).transpose()?.unwrap_or_default();
    Ok(hidden(all))
}

/// The same of a file on another machine.
pub fn secrets_there(machine: &Machine, file: Option<&Path>) -> Result<Vec<Vec<u8>>> {
    let Some(bytes) = file.map(|file| machine.read(file)).transpose()?.flatten() else {
        return Ok(Vec::new());
    };
    Ok(hidden(parse(&String::from_utf8_lossy(&bytes))))
}

fn hidden(all: Vec<(String, String)>) -> Vec<Vec<u8>> {
    let secret = all.into_iter().filter(|(name, _)| env::is_secret(name));
    secret.map(|(_, value)| value.into_bytes()).filter(|value| value.len() >= 6).collect()
}

/// The variables of a `.env`; none if there is no such file.
fn variables(file: &Path) -> Result<Vec<(String, String)>> {
    Ok(read::text(file)?.map_or_else(Vec::new, |text| parse(&text)))
}

/// `NAME=value` a line, with or without `export` and quotes; `#` begins a comment.
fn parse(text: &str) -> Vec<(String, String)> {
    let one = |line: &str| {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line.split_once('=')?;
        let name = name.trim();
        let good = !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let value = value.trim();
        let quoted = |quote| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        let value = match quoted('"').or_else(|| quoted('\'')) {
            Some(inner) => inner,
            None => value.split(" #").next().unwrap_or_default().trim_end(),
        };
        (good && !value.contains('\0')).then(|| (name.to_owned(), value.to_owned()))
    };
    text.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_env_file_is_read_as_people_write_it() {
        let text = "# x=1\nA=1\nexport B=\"two words\"\n C = 'x # y' \nD=z # why\n1E=no\nF\nG=\n";
        let found = parse(text);
        let found: Vec<_> =
            found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, [("A", "1"), ("B", "two words"), ("C", "x # y"), ("D", "z"), ("G", "")]);
    }
}
