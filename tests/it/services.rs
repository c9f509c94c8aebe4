//! `gsync services`: what a change touches, in which order, and why.

use crate::lab::{Lab, Person};

/// Four services that share types, as small as they can be.
pub const FOUR: &str = r#"
[[service]]
name = "ui"
paths = ["ui/**", "types/**"]
after = ["internal-service"]
steps = [{ name = "sync", run = "echo ui >> ran; echo ready in 3 ms", success = ["ready in"] }]

[[service]]
name = "sync-wasm-client"
paths = ["wasm-client/**", "types/**"]
steps = [{ name = "build", run = "echo wasm >> ran" }]

[[service]]
name = "internal-service"
paths = ["internal-service/**", "types/**"]
after = ["server"]
steps = [{ name = "rebuild", run = "echo internal >> ran" }]

[[service]]
name = "server"
paths = ["server-kernel/**", "types/**"]
after = ["sync-wasm-client"]
steps = [{ name = "rebuild", run = "echo server >> ran" }]

[[service]]
name = "nothing"
paths = ["docs/**", "/ran", ".gitignore"]
"#;

/// Somebody with that configuration, pushed.
pub fn with_services<'lab>(lab: &'lab Lab, config: &str) -> Person<'lab> {
    let ada = lab.person("ada");
    ada.commit(".gsync.toml", config, "services");
    ada.push();
    ada
}

fn order(seen: &serde_json::Value) -> Vec<String> {
    seen["order"].as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_change_concerns_its_service_and_shared_types_concern_all_in_order() {
    let lab = Lab::new();
    let ada = with_services(&lab, FOUR);
    let since = ada.git(&["rev-parse", "HEAD"]);
    let ask = |ada: &Person<'_>| {
        order(&ada.gsync(&["services", "--json", "--since", &since]).exits(0).json())
    };
    assert!(ask(&ada).is_empty());
    for (path, service) in [
        ("server-kernel/main.rs", "server"),
        ("internal-service/lib.rs", "internal-service"),
        ("wasm-client/lib.rs", "sync-wasm-client"),
        ("ui/App.tsx", "ui"),
    ] {
        ada.write(path, "x");
        assert_eq!(ask(&ada), [service], "{path}");
        ada.git(&["clean", "-qfd"]);
    }
    ada.commit("types/lib.rs", "x", "types");
    assert_eq!(ask(&ada), ["sync-wasm-client", "server", "internal-service", "ui"]);
}

#[test]
fn it_says_why_and_both_sides_of_a_rename_count() {
    let lab = Lab::new();
    let ada = with_services(&lab, FOUR);
    ada.commit("server-kernel/a.rs", "some text\nof a file\n", "a");
    ada.git(&["mv", "server-kernel/a.rs", "a.rs"]);
    ada.git(&["mv", "a.rs", "ui.rs"]);
    std::fs::create_dir(ada.path("ui")).unwrap();
    ada.git(&["mv", "ui.rs", "ui/a.rs"]);
    let seen = ada.gsync(&["services", "--since", "HEAD"]).exits(0);
    let seen = seen.says("because server-kernel/a.rs matches server-kernel/**");
    let _ = seen.says("because ui/a.rs matches ui/**").says("2 changed paths since");
    let json = ada.gsync(&["services", "--since", "HEAD", "--json"]).exits(0).json();
    assert_eq!(json["services"][0]["because"][0]["pattern"], "server-kernel/**");
    assert_eq!(json["services"][0]["because"][0]["path"], "server-kernel/a.rs");
    assert_eq!(json["base"]["why"], "since");
}

#[test]
fn after_a_pull_it_is_about_what_the_pull_brought() {
    let lab = Lab::new();
    let ada = with_services(&lab, FOUR);
    let bob = lab.person("bob");
    bob.git(&["pull", "--quiet"]);
    ada.commit("server-kernel/a.rs", "x", "server");
    ada.push();
    bob.git(&["pull", "--quiet"]);
    let json = bob.gsync(&["services", "--json"]).exits(0).json();
    assert_eq!(
        (order(&json), json["base"]["why"].as_str().unwrap()),
        (vec!["server".into()], "pull")
    );
    // A rebase makes several entries in the memory of HEAD, which are one pull.
    bob.commit("ui/b.ts", "x", "ui");
    ada.commit("internal-service/a.rs", "x", "internal");
    ada.push();
    bob.git(&["pull", "--quiet", "--rebase"]);
    let json = bob.gsync(&["services", "--json"]).exits(0).json();
    assert_eq!(order(&json), ["internal-service"]);
}

#[test]
fn where_nothing_is_known_all_are_concerned() {
    let lab = Lab::new();
    let ada = with_services(&lab, FOUR);
    let json = ada.gsync(&["services", "--json"]).exits(0).json();
    assert_eq!(order(&json).len(), 5);
    assert_eq!(json["services"][0]["because"][0]["why"], "unknown");
}

#[test]
fn a_ring_and_a_revision_that_is_none_are_usage_errors() {
    let lab = Lab::new();
    let ada = with_services(
        &lab,
        "[[service]]\nname = \"a\"\nafter = [\"b\"]\n[[service]]\nname = \"b\"\nafter = [\"a\"]\n",
    );
    let seen = ada.gsync(&["services"]).exits(2);
    let _ = seen.says("services wait for each other: a after b after a");
    let _ = ada.gsync(&["up", "a"]).exits(2).says("wait for each other");
    ada.write(".gsync.toml", FOUR);
    let _ = ada.gsync(&["services", "--since", "nope"]).exits(2).says("there is no commit nope");
    let _ = ada.gsync(&["up", "sever"]).exits(2).says("run `gsync up server`");
}

#[test]
fn asking_changes_nothing() {
    let lab = Lab::new();
    let ada = with_services(&lab, FOUR);
    ada.write("types/x", "x");
    let before = (ada.state(), ada.tree(".git"));
    let _ = ada.gsync(&["services"]).exits(0);
    let _ = ada.gsync(&["up", "--dry-run"]).exits(0);
    assert!(before == (ada.state(), ada.tree(".git")));
}

#[test]
fn a_pull_says_which_services_it_concerns_in_their_order_and_only_once() {
    let lab = Lab::new();
    let ada = with_services(&lab, FOUR);
    let ben = lab.person("ben");
    let _ = ben.git(&["pull", "-q"]);
    let _ = ben.gsync(&["install"]).exits(0);
    let pull = || ben.try_git(&["pull", "--rebase"]).exits(0).all();
    for (path, names) in [
        ("types/a", Some("sync-wasm-client, server, internal-service, ui")),
        ("ui/a", Some("ui")),
        ("docs/a", None),
    ] {
        ada.commit(path, "x", path);
        ada.push();
        let said = pull();
        assert!(said.contains("pulled 1 commit"), "{said}");
        match names {
            Some(names) => assert!(said.contains(&format!("  concerns {names}: run")), "{said}"),
            None => assert!(!said.contains("concerns"), "{said}"),
        }
    }
    let said = pull();
    assert!(!said.contains("concerns"), "{said}");
}
