//! Edits that git's times do not show: made in the same second as the index, of the same size. git
//! finds them because an entry that is not older than the index file is compared by its contents.

use std::fs::File;
use std::time::{Duration, SystemTime};

use crate::lab::{Lab, Person};

/// A clone in which `a` was changed in the very second in which git wrote the index, an hour ago.
fn changed_at_once(lab: &Lab) -> Person<'_> {
    let ada = lab.person("ada");
    // No test can set the time of the inode.
    ada.git(&["config", "core.trustctime", "false"]);
    ada.commit("a", "one\n", "one");
    ada.commit("b", "b\n", "b");
    ada.push();
    let then = SystemTime::now() - Duration::from_hours(1);
    let at = |path: &str| {
        let file = File::options().write(true).open(ada.path(path)).unwrap();
        file.set_modified(then).unwrap();
    };
    at("a");
    ada.git(&["update-index", "--refresh"]);
    ada.write("a", "two\n");
    at("a");
    at(".git/index");
    assert_eq!(ada.git(&["--no-optional-locks", "status", "--short"]), " M a");
    ada
}

#[test]
fn an_edit_in_the_second_of_the_index_is_committed() {
    let lab = Lab::new();
    let ada = changed_at_once(&lab);
    ada.gsync(&["finish", "--all", "-m", "two"]).exits(0);
    assert_eq!(lab.hub().git(&["show", "main:a"]), "two");
}

#[test]
fn an_edit_in_the_second_of_the_index_survives_a_pull_and_its_undo() {
    let lab = Lab::new();
    let ada = changed_at_once(&lab);
    let bob = lab.person("bob");
    bob.git(&["pull", "-q", "origin", "main"]);
    bob.commit("b", "bob\n", "bob");
    bob.push();
    ada.gsync(&["pull"]).exits(0);
    assert_eq!((ada.read("a"), ada.read("b")), ("two\n".into(), "bob\n".into()));
    assert_eq!(ada.git(&["--no-optional-locks", "status", "--short"]), " M a");
    ada.gsync(&["undo"]).exits(0);
    assert_eq!((ada.read("a"), ada.read("b")), ("two\n".into(), "b\n".into()));
    assert_eq!(ada.git(&["--no-optional-locks", "status", "--short"]), " M a");
    // It is in the snapshot of the next one too: what is thrown away comes back.
    ada.gsync(&["discard"]).exits(0);
    assert_eq!(ada.read("a"), "one\n");
    ada.gsync(&["undo"]).exits(0);
    assert_eq!(ada.read("a"), "two\n");
}
