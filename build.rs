//! The rules for secrets are written for people, in TOML; the program reads them with every
//! commit, so it carries them as JSON, which is read in a tenth of the time.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "the way to speak with cargo")]

use std::path::PathBuf;
use std::{env, fs};

const RULES: &str = "templates/secrets.toml";

fn main() {
    println!("cargo::rerun-if-changed={RULES}");
    let text = fs::read_to_string(RULES).expect("the rules are there");
    let rules: toml::Table = text.parse().expect("the rules are TOML");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where"));
    let json = serde_json::to_vec(&rules).expect("TOML is JSON too");
    fs::write(out.join("secrets.json"), json).expect("the rules are written");
}
