//! Services that Tilt drives, with a fake `tilt` that was made from recordings of a real one.

use std::fs;

use crate::lab::{Lab, Person};
use crate::services::with_services;

const RUNNING: &str = r#"
[[service]]
name = "types"
paths = ["types/**"]
steps = [{ name = "build", tilt = "types" }]
[[service]]
name = "server"
paths = ["server/**", "types/**"]
after = ["types"]
steps = [{ name = "rebuild", tilt = "server", success = ["Running `target/debug/server"], timeout = "2s" }]
fix = [{ when = "TS2688", run = "echo npm install >> ../installed", dir = "client" }]
"#;

/// Ada with services in a Tilt; `next` is how the coming builds of the server go.
fn ada<'lab>(lab: &'lab Lab, next: &str) -> Person<'lab> {
    let ada = with_services(lab, RUNNING);
    let bin = lab.path("bin");
    fs::create_dir_all(&bin).unwrap();
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fake/tilt"), bin.join("tilt")).unwrap();
    let world = lab.path("tilt");
    for resource in ["types", "server", "(Tiltfile)"] {
        fs::create_dir_all(world.join(resource)).unwrap();
        fs::write(world.join(resource).join("n"), "1\n").unwrap();
    }
    fs::write(world.join("n"), "3\n").unwrap();
    fs::write(world.join("server/next"), next).unwrap();
    // What Tilt remembers: a failure that is long mended.
    fs::write(world.join("server/log"), "error[E0308]: old\nBuild Failed: old\nbuilt\n").unwrap();
    fs::create_dir(ada.path("client")).unwrap();
    let path = std::env::var("PATH").unwrap();
    ada.with_env("PATH", &format!("{}:{path}", bin.display()))
        .with_env("FAKE_TILT", world.to_str().unwrap())
        .with_env("GSYNC_SETTLE_MS", "40")
}

fn triggers(lab: &Lab) -> String {
    fs::read_to_string(lab.path("tilt/triggers")).unwrap_or_default()
}

#[test]
fn a_new_build_that_runs_is_a_success_whatever_the_old_log_says() {
    let lab = Lab::new();
    let ada = ada(&lab, "ok\n");
    let _ = ada.gsync(&["up"]).exits(0).says("up: types, server");
    assert_eq!(triggers(&lab), "types\nserver\n");
}

#[test]
fn a_build_that_fails_while_the_old_server_runs_is_a_failure() {
    let lab = Lab::new();
    let ada = ada(&lab, "fail error[E0425]: cannot find value `x`\n");
    let seen = ada.gsync(&["up"]).exits(4);
    let seen = seen
        .says("step 2 of 2 (server: rebuild): Command \"sh ./build.sh\" failed: exit status 101");
    let _ = seen.says("> error[E0425]: cannot find value `x`").says_not("E0308");
}

#[test]
fn an_error_after_the_success_is_a_failure() {
    let lab = Lab::new();
    let ada = ada(&lab, "fail Running `target/debug/server`\n");
    let _ = ada.gsync(&["up", "server"]).exits(3).says("exit status 101");
}

#[test]
fn what_was_built_and_does_not_stay_up_is_a_failure() {
    let lab = Lab::new();
    let ada = ada(&lab, "dead\n");
    let _ = ada.gsync(&["up", "server"]).exits(3).says("it was built, and it does not run");
}

#[test]
fn who_never_says_what_success_asks_for_is_uncertain() {
    let lab = Lab::new();
    let ada = ada(&lab, "quiet\n");
    let toml = RUNNING.replace("\"2s\"", "\"300ms\"");
    ada.write(".gsync.toml", toml);
    let _ = ada.gsync(&["up", "server"]).exits(3).says("uncertain");
}

#[test]
fn a_build_without_an_end_times_out() {
    let lab = Lab::new();
    let ada = ada(&lab, "ok\n");
    fs::write(lab.path("tilt/server/seen"), "100000\n").unwrap();
    ada.write(".gsync.toml", RUNNING.replace("\"2s\"", "\"200ms\""));
    let _ = ada.gsync(&["up", "server"]).exits(3).says("timed out after 200 ms");
}

#[test]
fn missing_types_are_mended_once_and_built_again() {
    let lab = Lab::new();
    let ada = ada(&lab, "fail error TS2688: Cannot find type definition file for 'node'.\nok\n");
    let _ = ada.gsync(&["up", "server"]).exits(0).says("up: server");
    assert_eq!(ada.read("installed"), "npm install\n");
    assert_eq!(triggers(&lab), "server\nserver\n");
}

#[test]
fn a_broken_dependency_a_disabled_an_unknown_resource_and_no_tilt_fail_at_once() {
    let lab = Lab::new();
    let ada = ada(&lab, "ok\n");
    let server = lab.path("tilt/server");
    fs::write(server.join("waits"), "types\n").unwrap();
    fs::write(lab.path("tilt/types/error"), "Command failed").unwrap();
    let _ = ada.gsync(&["up", "server"]).exits(3).says("it waits for types, which failed");
    fs::remove_file(server.join("waits")).unwrap();

    fs::write(server.join("disabled"), "").unwrap();
    let _ = ada.gsync(&["up", "server"]).exits(3).says("disabled");
    fs::remove_file(server.join("disabled")).unwrap();

    fs::write(lab.path("tilt/(Tiltfile)/error"), "Tiltfile:3:1: undefined: docker_buildd").unwrap();
    let _ = ada.gsync(&["up", "server"]).exits(3).says("the Tiltfile is broken: Tiltfile:3:1");
    fs::remove_file(lab.path("tilt/(Tiltfile)/error")).unwrap();

    fs::remove_dir_all(&server).unwrap();
    let _ = ada.gsync(&["up", "server"]).exits(3).says("\"server\" not found");
    fs::remove_dir_all(lab.path("tilt")).unwrap();
    let _ = ada.gsync(&["up", "server"]).exits(3).says("No tilt apiserver found");
}

#[test]
fn a_panic_is_a_failure_though_tilt_has_not_noticed_it() {
    let lab = Lab::new();
    let ada = ada(&lab, "panic\n");
    let seen = ada.gsync(&["up", "server"]).exits(3);
    let seen = seen.says("the log has an error, whatever the exit status says");
    let _ = seen.says("> thread 'main' panicked at src/main.rs:4:10:").says("no configuration");
}

#[test]
fn a_server_that_dies_a_while_after_it_was_up_is_a_failure() {
    let lab = Lab::new();
    let ada = ada(&lab, "dies\n").with_env("GSYNC_SETTLE_MS", "400");
    let _ = ada.gsync(&["up", "server"]).exits(3).says("it was built, and it does not run");
}

#[test]
fn what_only_builds_need_not_stay_up() {
    let lab = Lab::new();
    let ada = ada(&lab, "quiet\nok\n").with_env("GSYNC_SETTLE_MS", "60000");
    fs::write(lab.path("tilt/types/runtime"), "not_applicable\n").unwrap();
    fs::write(lab.path("tilt/types/next"), "quiet\n").unwrap();
    let _ = ada.gsync(&["up", "types"]).exits(0).says("up: types");
}

#[test]
fn missing_types_that_are_still_missing_after_the_remedy_stop_it() {
    let lab = Lab::new();
    let missing = "fail error TS2688: Cannot find type definition file for 'node'.\n";
    let ada = ada(&lab, &missing.repeat(3));
    let seen = ada.gsync(&["up", "server"]).exits(3);
    let _ = seen.says("> error TS2688").says("tried to mend it: echo npm install");
    assert_eq!(ada.read("installed"), "npm install\n");
    assert_eq!(triggers(&lab), "server\nserver\n");
}
