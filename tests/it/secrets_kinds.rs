//! Each kind of secret has examples that are found, as that kind, and examples in which nothing
//! is found. `--no-capture` shows how many, kind by kind.

use std::collections::BTreeMap;
use std::path::Path;

use crate::lab::Lab;

/// One line of the data.
struct Example {
    kind: String,
    found: bool,
    text: String,
}

/// How many of the files there are at most in one run: it tells no more than 1000 findings.
const BATCH: usize = 400;

fn data(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Letters are seven places too far, digits five.
fn turned(text: &str) -> String {
    let turn = |letter: char| match letter {
        'a'..='z' => char::from((letter as u8 - b'a' + 19) % 26 + b'a'),
        'A'..='Z' => char::from((letter as u8 - b'A' + 19) % 26 + b'A'),
        '0'..='9' => char::from((letter as u8 - b'0' + 5) % 10 + b'0'),
        other => other,
    };
    text.chars().map(turn).collect()
}

fn unescaped(text: &str) -> String {
    let (mut out, mut letters) = (String::new(), text.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                other => out.extend(other),
            },
            plain => out.push(plain),
        }
    }
    out
}

fn examples() -> Vec<Example> {
    let lines = data("tests/it/data/secrets/examples.tsv");
    let lines = lines.lines().filter(|line| !line.starts_with('#'));
    let example = |line: &str| {
        let mut parts = line.splitn(3, '\t');
        let mut part = || parts.next().unwrap_or_else(|| panic!("{line}"));
        let (kind, mark, text) = (part(), part(), part());
        Example { kind: turned(kind), found: mark == "+", text: turned(&unescaped(text)) }
    };
    lines.map(example).collect()
}

/// The kinds that are found in each of the texts.
fn found(texts: &[&Example]) -> Vec<Vec<String>> {
    let mut all = vec![Vec::new(); texts.len()];
    for (batch, part) in texts.chunks(BATCH).enumerate() {
        let lab = Lab::new();
        let ada = lab.person("ada");
        for (at, example) in part.iter().enumerate() {
            ada.write(&format!("x{at}"), &example.text);
        }
        let json = ada.gsync(&["guard", "--all", "--json"]).json();
        assert_eq!(json["more"], 0);
        for finding in json["findings"].as_array().unwrap() {
            let path = finding["path"].as_str().unwrap();
            let Some(at) = path.strip_prefix('x').and_then(|at| at.parse::<usize>().ok()) else {
                panic!("{finding}")
            };
            let kind = finding["secret"]["kind"].as_str().unwrap();
            all[batch * BATCH + at].push(kind.to_owned());
        }
    }
    all
}

#[test]
fn each_kind_is_found_in_its_examples_and_nothing_is_where_nothing_is() {
    let examples = examples();
    let all: Vec<&Example> = examples.iter().collect();
    let found = found(&all);
    // Of each kind: found of so many, and falsely found of so many.
    let mut table: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (example, found) in examples.iter().zip(&found) {
        let row = table.entry(&example.kind).or_default();
        let right = if example.found {
            let right = found.contains(&example.kind);
            (row[0], row[1]) = (row[0] + usize::from(right), row[1] + 1);
            right
        } else {
            (row[2], row[3]) = (row[2] + usize::from(!found.is_empty()), row[3] + 1);
            found.is_empty()
        };
        if !right {
            wrong.push(format!("{} {} {found:?}", example.kind, example.text));
        }
    }
    for (kind, [found, of, falsely, clean]) in &table {
        println!("{kind:32} {found} of {of}, {falsely} of {clean} falsely");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let rules: toml::Table = data("templates/secrets.toml").parse().unwrap();
    let rules = rules["rule"].as_array().unwrap();
    assert!(rules.len() >= 250, "{}", rules.len());
    for rule in rules {
        let id = rule["id"].as_str().unwrap();
        let row = table.get(id).unwrap_or_else(|| panic!("no examples of {id}"));
        assert!(row[1] >= 2 && row[3] >= 2, "more examples of {id}, please");
    }
    assert_eq!(table.len(), rules.len(), "examples of what is no rule");
}

#[test]
fn the_examples_are_stored_so_that_no_scanner_takes_them_for_secrets() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    ada.write("examples.tsv", data("tests/it/data/secrets/examples.tsv"));
    ada.gsync(&["guard", "--all"]).exits(0);
}
