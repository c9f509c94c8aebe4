//! Names of environment keys in the lines that a patch adds. Names only: a value never leaves
//! the line that it stands on.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::bytes::Regex;

use crate::base::RepoPath;

/// Where programs read a key from their environment; the first group that matched is the key.
static READS: LazyLock<Regex> = LazyLock::new(|| {
    let key = r"([A-Za-z_][A-Za-z0-9_]*)";
    let quoted = format!(r#"\s*["'`]{key}["'`]"#);
    let ways = [
        format!(r"\bprocess\.env\.{key}"),
        format!(r"\bprocess\.env\[{quoted}\s*\]"),
        format!(r"\bimport\.meta\.env\.{key}"),
        format!(r"\b(?:std::)?env::var(?:_os)?\({quoted}"),
        format!(r"\b(?:option_)?env!\({quoted}"),
        format!(r"\b(?:os\.)?environ\[{quoted}\s*\]"),
        format!(r"\b(?:os\.)?environ\.(?:get|setdefault|pop)\({quoted}"),
        format!(r"\b(?:os\.)?getenv\({quoted}"),
        format!(r"\bos\.(?:Getenv|LookupEnv)\({quoted}"),
        format!(r"\bSystem\.getenv\({quoted}"),
        format!(r"\bDeno\.env\.get\({quoted}"),
        format!(r"\bENV(?:\[{quoted}\s*\]|\.fetch\({quoted})"),
    ];
    Regex::new(&format!("(?-u){}", ways.join("|"))).expect("the pattern is right: a test uses it")
});

/// `KEY=value` in a list of settings.
static SETTING: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*="));

/// In a file of containers: `KEY: value` and `- KEY=value` in capitals, and `${KEY}` anywhere.
static COMPOSE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^\s*(?:-\s*)?([A-Z][A-Z0-9_]*)\s*(?:[:=]|$)|\$\{([A-Za-z_][A-Za-z0-9_]*)")
});

fn pattern(text: &str) -> Regex {
    Regex::new(&format!("(?-u){text}")).expect("the pattern is right: a test uses it")
}

/// What is set everywhere, or belongs to the machine and not to the work.
const EVERYWHERE: [&str; 12] = [
    "PATH", "HOME", "USER", "SHELL", "PWD", "TERM", "LANG", "TZ", "TMPDIR", "NODE_ENV", "CI", "DEV",
];

/// The keys that a patch (`git diff -U0`) adds, each with the first path that has it.
pub fn added(diff: &[u8]) -> BTreeMap<String, RepoPath> {
    let mut found = BTreeMap::new();
    let mut path = RepoPath::default();
    // Lines of the hunk that are still to come: inside a hunk nothing is a header.
    let mut left = (0, 0);
    for line in diff.split(|byte| *byte == b'\n') {
        match (line.first(), left) {
            (Some(b'-'), (1.., _)) => left.0 -= 1,
            (Some(b'+'), (_, 1..)) => {
                left.1 -= 1;
                for key in keys(&path, &line[1..]) {
                    found.entry(key).or_insert_with(|| path.clone());
                }
            }
            _ => {
                if let Some(name) = line.strip_prefix(b"+++ b/") {
                    path = RepoPath::new(name.strip_suffix(b"\t").unwrap_or(name));
                } else if let Some(name) = line.strip_prefix(b"+++ \"b/") {
                    let quoted = format!("\"{}", String::from_utf8_lossy(name));
                    path = RepoPath::unquote(&quoted);
                } else if line.starts_with(b"@@ ") {
                    left = hunk(&String::from_utf8_lossy(line)).unwrap_or((0, 0));
                }
            }
        }
    }
    found
}

/// How many lines a hunk takes away and adds: `@@ -1,2 +3 @@`.
fn hunk(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split(' ').skip(1);
    let mut count = |sign: char| -> Option<usize> {
        let word = words.next()?.strip_prefix(sign)?;
        word.split_once(',').map_or(Some(1), |(_, count)| count.parse().ok())
    };
    Some((count('-')?, count('+')?))
}

fn keys(path: &RepoPath, line: &[u8]) -> Vec<String> {
    let name = String::from_utf8_lossy(path.file_name()).to_ascii_lowercase();
    let regex = if is_settings(&name) {
        &SETTING
    } else if is_compose(&name) {
        &COMPOSE
    } else {
        &READS
    };
    let taken = regex.captures_iter(line).filter_map(|captures| {
        captures.iter().skip(1).flatten().next().map(|group| group.as_bytes().to_vec())
    });
    taken
        .filter_map(|key| String::from_utf8(key).ok())
        .filter(|key| key.len() <= 100 && !EVERYWHERE.contains(&key.as_str()))
        .collect()
}

/// `.env.example`, `.env.sample`, `env.template` and their like.
fn is_settings(name: &str) -> bool {
    let name = name.strip_prefix('.').unwrap_or(name);
    name == "env" || name.starts_with("env.") || name.ends_with(".env") || name == "envrc"
}

fn is_compose(name: &str) -> bool {
    let yaml = name.ends_with(".yml") || name.ends_with(".yaml");
    yaml && (name.contains("compose") || name.starts_with("docker-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(path: &str, lines: &[&str]) -> Vec<String> {
        let mut text = format!("--- a/{path}\n+++ b/{path}\n@@ -0,0 +1,{} @@\n", lines.len());
        for line in lines {
            text += &format!("+{line}\n");
        }
        added(text.as_bytes()).into_keys().collect()
    }

    #[test]
    fn keys_are_found_in_every_way_to_name_them_and_no_value_is() {
        assert_eq!(
            patch("a/.env.example", &["STRIPE_KEY=sk_live_51secret", "export B=2", "# C=3", ""]),
            ["B", "STRIPE_KEY"]
        );
        assert_eq!(
            patch(
                "docker-compose.yml",
                &[
                    "services:",
                    "    - DB_URL=postgres://me:secret@h/x",
                    "      MODE: prod",
                    "${TAG:-x}"
                ]
            ),
            ["DB_URL", "MODE", "TAG"]
        );
        for (path, line) in [
            ("a.ts", "const k = process.env.THE_KEY ?? 'value'"),
            ("a.ts", "process.env[\"THE_KEY\"]"),
            ("a.ts", "import.meta.env.THE_KEY"),
            ("a.rs", "std::env::var(\"THE_KEY\")"),
            ("a.rs", "env::var_os(\"THE_KEY\")"),
            ("a.rs", "option_env!(\"THE_KEY\")"),
            ("a.py", "os.environ['THE_KEY']"),
            ("a.py", "os.environ.get(\"THE_KEY\", \"value\")"),
            ("a.py", "os.getenv('THE_KEY')"),
            ("a.go", "os.Getenv(\"THE_KEY\")"),
            ("a.rb", "ENV.fetch('THE_KEY')"),
            ("a.rb", "ENV['THE_KEY']"),
        ] {
            assert_eq!(patch(path, &[line]), ["THE_KEY"], "{line}");
        }
        assert!(patch("a.ts", &["process.env.PATH", "SECRET=1", "env.x"]).is_empty());
    }

    #[test]
    fn only_added_lines_count_and_a_line_that_looks_like_a_header_is_a_line() {
        let text = "--- a/x.ts\n+++ b/x.ts\n@@ -1 +1,2 @@\n-process.env.OLD\n\
             +++ b/.env.example\n+process.env.NEW\n@@ -9 +9,0 @@\n-process.env.GONE\n";
        assert_eq!(added(text.as_bytes()).into_keys().collect::<Vec<_>>(), ["NEW"]);
        let odd = b"--- /dev/null\n+++ \"b/a\\tb/.env.example\"\n@@ -0,0 +1 @@\n+K=1\n";
        assert_eq!(added(odd)["K"], RepoPath::from("a\tb/.env.example"));
    }
}
