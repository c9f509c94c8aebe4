//! The files that carry a version, and how it is changed in them: only its letters, so that
//! comments, order and indentation stay as somebody left them.

use std::ops::Range;

use semver::Version;
use toml::de::{DeTable, DeValue};

use super::json::string_at;

/// Files that are looked at without being asked for.
pub const USUAL: [&str; 7] = [
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "Cargo.toml",
    "Cargo.lock",
    "pyproject.toml",
    "VERSION",
];

/// Files that repeat what another one says: they follow, and never lead.
const LOCKS: [&str; 3] = ["package-lock.json", "npm-shrinkwrap.json", "Cargo.lock"];

/// A file as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub path: String,
    pub text: String,
    /// The repository's settings name it: it must carry the version.
    pub named: bool,
}

impl Source {
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    fn is_lock(&self) -> bool {
        LOCKS.contains(&self.name())
    }
}

/// What is wrong with the files, for a person.
pub type Complaint = String;

/// The version that the files agree upon; nothing if none carries one.
pub fn current(sources: &[Source]) -> Result<Option<Version>, Complaint> {
    let mut agreed: Option<(Version, &str)> = None;
    for source in sources.iter().filter(|source| !source.is_lock()) {
        for place in leading(source)? {
            let text = &source.text[place];
            let version = Version::parse(text)
                .map_err(|why| format!("{}: the version `{text}` is none: {why}", source.path))?;
            match &agreed {
                Some((other, path)) if *other != version => {
                    return Err(format!(
                        "{path} says {other}, {} says {version}: make them the same first",
                        source.path
                    ));
                }
                _ => agreed = Some((version, &source.path)),
            }
        }
    }
    Ok(agreed.map(|(version, _)| version))
}

/// The version that a file carries, whatever it looks like; nothing if it carries none, or cannot
/// be read.
pub fn carried(name: &str, text: &str) -> Option<String> {
    let source = Source { path: name.to_owned(), text: text.to_owned(), named: false };
    let place = leading(&source).ok()?.into_iter().next()?;
    Some(source.text[place].to_owned())
}

/// The files that change, with their new text.
pub fn changed(
    sources: &[Source],
    old: Option<&Version>,
    new: &Version,
) -> Result<Vec<(String, String)>, Complaint> {
    let Some(old) = old else {
        return match sources.iter().find(|source| source.named) {
            None => Ok(Vec::new()),
            Some(source) => Err(format!("no file says which version {} carries", source.path)),
        };
    };
    let ours = sources.iter().filter_map(cargo_name).collect::<Vec<_>>();
    let mut changed = Vec::new();
    for source in sources {
        let mut places = match source.name() {
            "package-lock.json" | "npm-shrinkwrap.json" => {
                json(source, &[&["version"], &["packages", "", "version"]])?
            }
            "Cargo.lock" => locked(source, &ours, old)?,
            _ => leading(source)?,
        };
        if places.is_empty() && source.named && !USUAL.contains(&source.name()) {
            places = vec![spelled(source, old)?];
        }
        if places.is_empty() {
            if source.named {
                return Err(format!("{} carries no version", source.path));
            }
            continue;
        }
        places.sort_by_key(|place| std::cmp::Reverse(place.start));
        let mut text = source.text.clone();
        for place in places {
            text.replace_range(place, &new.to_string());
        }
        if text != source.text {
            changed.push((source.path.clone(), text));
        }
    }
    Ok(changed)
}

/// Where a file that leads carries its version.
fn leading(source: &Source) -> Result<Vec<Range<usize>>, Complaint> {
    match source.name() {
        "package.json" => json(source, &[&["version"]]),
        "Cargo.toml" => {
            table(source, &[&["package", "version"], &["workspace", "package", "version"]])
        }
        "pyproject.toml" => {
            table(source, &[&["project", "version"], &["tool", "poetry", "version"]])
        }
        "VERSION" => {
            let text = source.text.trim_start();
            let start = source.text.len() - text.len();
            let text = text.lines().next().unwrap_or_default().trim_end();
            // `v2.4.0` is a habit of some.
            let bare = text.strip_prefix('v').unwrap_or(text);
            let start = start + text.len() - bare.len();
            let place = start..start + bare.len();
            Ok(if place.is_empty() { Vec::new() } else { vec![place] })
        }
        _ => Ok(Vec::new()),
    }
}

fn json(source: &Source, paths: &[&[&str]]) -> Result<Vec<Range<usize>>, Complaint> {
    // What every reader of the file would stop at, we stop at too.
    serde_json::from_str::<serde::de::IgnoredAny>(&source.text)
        .map_err(|why| format!("{}: {why}", source.path))?;
    Ok(paths.iter().filter_map(|path| string_at(&source.text, path)).collect())
}

fn parsed(source: &Source) -> Result<toml::Spanned<DeTable<'_>>, Complaint> {
    let first = |why: toml::de::Error| format!("{}: {}", source.path, why.message());
    DeTable::parse(&source.text).map_err(first)
}

fn table(source: &Source, paths: &[&[&str]]) -> Result<Vec<Range<usize>>, Complaint> {
    let whole = parsed(source)?;
    let whole = whole.get_ref();
    Ok(paths
        .iter()
        .filter_map(|path| {
            let (last, way) = path.split_last()?;
            let mut at = whole;
            for key in way {
                at = match at.get(*key)?.get_ref() {
                    DeValue::Table(table) => table,
                    _ => return None,
                };
            }
            let value = at.get(*last)?;
            // `version.workspace = true` is no version of its own.
            matches!(value.get_ref(), DeValue::String(_))
                .then(|| inside(&source.text, value.span()))
        })
        .collect())
}

/// The place of a string without its quotes.
fn inside(text: &str, span: Range<usize>) -> Range<usize> {
    let quoted = &text[span.clone()];
    let marks = quoted.len() - quoted.trim_start_matches(['"', '\'']).len();
    span.start + marks..span.end - marks
}

fn cargo_name(source: &Source) -> Option<String> {
    if source.name() != "Cargo.toml" {
        return None;
    }
    let place = table(source, &[&["package", "name"]]).ok()?.into_iter().next()?;
    Some(source.text[place].to_owned())
}

/// The packages of this repository in Cargo.lock: they have no source. Of a workspace that
/// inherits its version, all of that version.
fn locked(source: &Source, ours: &[String], old: &Version) -> Result<Vec<Range<usize>>, Complaint> {
    let whole = parsed(source)?;
    let Some(DeValue::Array(packages)) = whole.get_ref().get("package").map(toml::Spanned::get_ref)
    else {
        return Ok(Vec::new());
    };
    let mut places = Vec::new();
    for package in packages {
        let DeValue::Table(package) = package.get_ref() else { continue };
        let text = |key: &str| match package.get(key).map(toml::Spanned::get_ref) {
            Some(DeValue::String(text)) => Some(text.as_ref()),
            _ => None,
        };
        let own = package.get("source").is_none() && text("version") == Some(&old.to_string());
        let named = |name: &str| ours.is_empty() || ours.iter().any(|our| our == name);
        if own
            && text("name").is_some_and(named)
            && let Some(version) = package.get("version")
        {
            places.push(inside(&source.text, version.span()));
        }
    }
    Ok(places)
}

/// Where any other file spells the version: it must do so exactly once.
fn spelled(source: &Source, old: &Version) -> Result<Range<usize>, Complaint> {
    let old = old.to_string();
    let more = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    let whole = |at: &usize| {
        let before = source.text[..*at].chars().next_back();
        let after = source.text[at + old.len()..].chars().next();
        // `v1.2.3` counts, `11.2.3` does not.
        !before.is_some_and(|c| more(c) && c != 'v') && !after.is_some_and(more)
    };
    let found: Vec<usize> =
        source.text.match_indices(&old).map(|(at, _)| at).filter(whole).collect();
    match found[..] {
        [at] => Ok(at..at + old.len()),
        [] => Err(format!("{} does not say {old}", source.path)),
        _ => Err(format!("{} says {old} {} times: which one is meant?", source.path, found.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.into(), text: text.into(), named: false }
    }

    fn bumped(sources: &[Source], to: &str) -> Vec<(String, String)> {
        let old = current(sources).unwrap();
        changed(sources, old.as_ref(), &Version::parse(to).unwrap()).unwrap()
    }

    #[test]
    fn only_the_letters_of_the_version_change() {
        let package = "{\n\t\"name\": \"shop\", // not JSON\n}";
        assert!(current(&[source("package.json", package)]).is_err());
        let package = "{\n\t\"name\": \"shop\",\n\t\"dependencies\": { \"version\": \"2.4.0\" },\n\n\t\"version\":\"2.4.0\"\n}\n";
        let lock = r#"{"version":"2.4.0","packages":{"":{"version":"2.4.0"},"node_modules/a":{"version":"2.4.0"}}}"#;
        let cargo = "# ours\n[package]\nname = 'shop'\nversion = \"2.4.0\" # here\n\n[dependencies]\nx = { version = \"2.4.0\" }\n";
        let cargo_lock = "[[package]]\nname = \"shop\"\nversion = \"2.4.0\"\n\n[[package]]\nname = \"x\"\nversion = \"2.4.0\"\nsource = \"registry\"\n\n[[package]]\nname = \"other\"\nversion = \"2.4.0\"\n";
        let python = "[project]\nversion = '2.4.0'\n[tool.x]\nversion = '1'\n";
        let sources = [
            source("package.json", package),
            source("package-lock.json", lock),
            source("Cargo.toml", cargo),
            source("Cargo.lock", cargo_lock),
            source("pyproject.toml", python),
            source("VERSION", "v2.4.0\n"),
        ];
        let after: Vec<(String, String)> = bumped(&sources, "2.5.0");
        let text = |n: usize| after[n].1.as_str();
        assert_eq!(text(0), package.replace("\"version\":\"2.4.0\"", "\"version\":\"2.5.0\""));
        assert_eq!(
            text(1),
            r#"{"version":"2.5.0","packages":{"":{"version":"2.5.0"},"node_modules/a":{"version":"2.4.0"}}}"#
        );
        assert_eq!(text(2), cargo.replace("\"2.4.0\" # here", "\"2.5.0\" # here"));
        assert_eq!(text(3), cargo_lock.replacen("2.4.0", "2.5.0", 1));
        assert_eq!(text(4), python.replace("2.4.0", "2.5.0"));
        assert_eq!(text(5), "v2.5.0\n");
    }

    #[test]
    fn files_that_disagree_are_named_both() {
        let two = [source("package.json", r#"{"version":"1.0.0"}"#), source("VERSION", "1.0.1")];
        let why = current(&two).unwrap_err();
        assert!(why.contains("package.json") && why.contains("VERSION"), "{why}");
    }

    #[test]
    fn a_workspace_that_gives_its_version_to_all_is_bumped_in_one_place_and_in_the_lock() {
        let cargo = "[workspace]\nmembers = ['a']\n[workspace.package]\nversion = \"1.0.0\"\n";
        let lock = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n[[package]]\nname = \"b\"\nversion = \"2.0.0\"\n";
        let after = bumped(&[source("Cargo.toml", cargo), source("Cargo.lock", lock)], "1.0.1");
        assert_eq!(after[0].1, cargo.replace("1.0.0", "1.0.1"));
        assert_eq!(after[1].1, lock.replace("1.0.0", "1.0.1"));
    }

    #[test]
    fn a_file_that_the_settings_name_says_the_version_once_or_is_refused() {
        let lead = source("VERSION", "1.2.3\n");
        let named = |text: &str| Source { named: true, ..source("src/about.py", text) };
        let try_it = |text: &str| {
            let sources = [lead.clone(), named(text)];
            changed(&sources, Some(&Version::new(1, 2, 3)), &Version::new(1, 3, 0))
        };
        assert_eq!(
            try_it("V = 'v1.2.3' # 11.2.3, 1.2.30\n").unwrap()[1].1,
            "V = 'v1.3.0' # 11.2.3, 1.2.30\n"
        );
        assert!(try_it("V = '1.2'").unwrap_err().contains("does not say"));
        assert!(try_it("1.2.3 1.2.3").unwrap_err().contains("2 times"));
    }

    #[test]
    fn a_repository_without_a_version_has_none_and_nothing_changes() {
        let sources =
            [source("package.json", r#"{"private":true}"#), source("Cargo.toml", "[workspace]\n")];
        assert_eq!(current(&sources).unwrap(), None);
        assert!(changed(&sources, None, &Version::new(0, 1, 0)).unwrap().is_empty());
    }
}
