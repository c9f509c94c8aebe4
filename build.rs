//! The rules for secrets are written for people, in TOML. A hook must not be felt, so the program
//! carries each rule as JSON of its own, which is read when one of its keywords is seen, and the
//! table of all keywords ready to search with.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "the way to speak with cargo")]

#[path = "src/guard/secrets/table.rs"]
mod table;

use std::fmt::Write;
use std::path::PathBuf;
use std::{env, fs};

use table::Table;

const RULES: &str = "templates/secrets.toml";

fn main() {
    println!("cargo::rerun-if-changed={RULES}");
    println!("cargo::rerun-if-changed=src/guard/secrets/table.rs");
    let text = fs::read_to_string(RULES).expect("the rules are there");
    let all: toml::Table = text.parse().expect("the rules are TOML");
    let rules = all["rule"].as_array().expect("rules");
    assert_eq!(all.len(), 1, "nothing but rules is read");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where"));

    let mut each = String::from("&[\n");
    for rule in rules {
        let json = serde_json::to_string(rule).expect("TOML is JSON too");
        writeln!(each, "{json:?},").expect("a string takes everything");
    }
    fs::write(out.join("rules.rs"), each + "]").expect("the rules are written");

    let table = Table::new(rules.iter().map(|rule| (words(rule), is_coded(rule))));
    let (mut words, mut owners) = (String::from("&[\n"), String::from("&[\n"));
    for (word, of) in table.words.iter().zip(&table.owners) {
        writeln!(words, "b\"{}\",", word.escape_ascii()).expect("a string takes everything");
        let of: Vec<String> = of.iter().map(|owner| format!("Owner::{owner:?}")).collect();
        writeln!(owners, "&[{}],", of.join(", ")).expect("a string takes everything");
    }
    fs::write(out.join("words.rs"), words + "]").expect("the words are written");
    fs::write(out.join("owners.rs"), owners + "]").expect("the owners are written");
}

/// As `SecretRule::words`; a test holds the two together.
fn words(rule: &toml::Value) -> Vec<String> {
    if let Some(words) = rule.get("keywords") {
        let words = words.as_array().expect("a list of keywords").iter();
        return words.map(|word| word.as_str().expect("a keyword").to_owned()).collect();
    }
    let near = rule.get("near").and_then(toml::Value::as_str).expect("keywords or words near");
    near.split('|').map(String::from).collect()
}

/// As `Rule::is_coded`; a test holds the two together.
fn is_coded(rule: &toml::Value) -> bool {
    let flag = |name: &str| rule.get(name).and_then(toml::Value::as_bool);
    let lines = rule.get("lines").and_then(toml::Value::as_integer).unwrap_or(0);
    let form = rule.get("regex").is_some();
    let strong =
        form && flag("loose") != Some(true) && (flag("edges").unwrap_or(true) || lines > 0);
    strong || flag("coded") == Some(true)
}
