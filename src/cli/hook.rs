//! `gsync hook NAME`: what the shims call.

use std::ffi::OsString;
use std::io::Read;

use crate::base::{CommitId, Exit, RefName, RefUpdate};
use crate::git;
use crate::ui::Ui;

pub fn main(words: &[OsString]) -> Exit {
    let ui = Ui::default();
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    let word = |at: usize| words.get(at).map_or("", |word| word.as_ref());
    let Some(git) = git::at_hook() else { return Exit::Blind };
    let mut input = String::new();
    if word(0) != "pre-commit" {
        let _ = std::io::stdin().read_to_string(&mut input);
    }
    let id = |text: &str| CommitId::parse(text).filter(|id| !id.is_zero());
    let updates: Vec<RefUpdate> = input
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>())
        .filter_map(|words| match words[..] {
            [source, new, name, old] => Some((source, new, name, old)),
            [old, new, name] => Some(("", new, name, old)),
            _ => None,
        })
        .map(|(source, new, name, old)| RefUpdate {
            name: RefName::new(name),
            old: id(old),
            new: id(new),
            source: source.to_owned(),
        })
        .collect();
    let done = match word(0) {
        "pre-commit" => super::judge::pre_commit(&ui, &git),
        "pre-push" => super::judge::pre_push(&ui, &git, word(1), word(2), &updates),
        "pre-receive" => super::judge::pre_receive(&ui, &git, &updates),
        _ => Ok(Exit::Done),
    };
    done.unwrap_or_else(|err| ui.error(&err))
}
