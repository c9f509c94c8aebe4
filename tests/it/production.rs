//! A clone in production: nothing critical changes under the feet of a running process.

use std::process::{Child, Stdio};

use crate::lab::{Lab, Person};

const RULES: &str = "[roles.builder]\nproduction = { processes = [\"PROCESS\"], \
                     critical = [\"apps/runtime/**\"] }\n";

/// A builder whose process runs, and somebody who pushed a critical change.
fn running(lab: &Lab, process: &str) -> Child {
    let ben = lab.person("ben");
    ben.commit(".gsync.toml", &RULES.replace("PROCESS", process), "rules");
    ben.push();
    let mut sleep = lab.command("sh", &lab.path(""), "builder");
    // The name stands in the command line, as that of a script would.
    sleep.args(["-c", "sleep 60; :", process]).stdout(Stdio::null()).stderr(Stdio::null());
    sleep.spawn().unwrap()
}

fn builder(lab: &Lab) -> Person<'_> {
    let builder = lab.person("builder");
    builder.git(&["pull", "--quiet"]);
    builder.git(&["config", "gsync.role", "builder"]);
    builder
}

#[test]
fn critical_changes_wait_until_the_process_is_stopped_or_somebody_allows_them() {
    let lab = Lab::new();
    let process = format!("runtime_{}", std::process::id());
    let mut child = running(&lab, &process);
    let builder = builder(&lab);
    let ben = lab.at("ben", lab.path("ben"));
    ben.commit("apps/runtime/main.py", "new\n", "a new runtime");
    ben.push();

    let before = builder.state();
    let pid = format!("process {}", child.id());
    let seen = builder.gsync(&["start"]);
    let allowed = builder.gsync(&["start", "--allow-critical"]);
    let _ = child.kill();
    let _ = child.wait();
    let seen = seen.exits(1).says(&pid).says("apps/runtime/main.py").says("--allow-critical");
    drop(seen);
    let _ = allowed.exits(0).says("still runs the old code").says(&pid);
    assert_ne!(builder.state(), before);
    assert_eq!(builder.read("apps/runtime/main.py"), "new\n");
}

#[test]
fn what_is_not_critical_comes_in_while_the_process_runs() {
    let lab = Lab::new();
    let process = format!("runtime_b{}", std::process::id());
    let mut child = running(&lab, &process);
    let builder = builder(&lab);
    let ben = lab.at("ben", lab.path("ben"));
    ben.commit("docs.txt", "new\n", "docs");
    ben.push();
    let seen = builder.gsync(&["start"]);
    let _ = child.kill();
    let _ = child.wait();
    let _ = seen.exits(0).says("docs");
}

#[test]
fn without_rules_that_make_sense_nobody_knows_what_is_critical() {
    let lab = Lab::new();
    let ben = lab.person("ben");
    ben.commit(".gsync.toml", "x = \n", "broken from the start");
    ben.push();
    let builder = builder(&lab);
    ben.commit("apps/runtime/main.py", "new\n", "a new runtime");
    ben.push();
    for command in ["start", "pull"] {
        let seen = builder.gsync(&[command]).exits(2).says("is in production is not known");
        drop(seen.says("--allow-critical"));
    }
    assert!(!builder.path("apps/runtime/main.py").exists());
    builder.gsync(&["pull", "--allow-critical"]).exits(0);
    // Who has no role is in no production.
    builder.git(&["reset", "-q", "--hard", "HEAD~1"]);
    builder.git(&["config", "--unset", "gsync.role"]);
    builder.gsync(&["pull"]).exits(0);
}
