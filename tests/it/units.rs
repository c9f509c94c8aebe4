//! The unit of an app as systemd reads it, and `systemctl` as the lines call it: the real
//! verifier, and a fake `systemctl` since no test can be the system's first process.

use std::time::Duration;

use gsync::host::machine::{Job, Machine};
use gsync::host::steps::{self, End};
use gsync::host::units::{self, Manager, Unit};

use crate::lab::Lab;

#[test]
fn systemd_finds_nothing_wrong_with_the_unit() {
    let lab = Lab::new();
    let places = ["/usr/bin/systemd-analyze", "/bin/systemd-analyze"];
    let Some(analyze) = places.iter().find(|path| std::path::Path::new(path).exists()) else {
        eprintln!("skipped: systemd-analyze is not here");
        return;
    };
    let ada = lab.at("ada", lab.path("home"));
    for (user, ends) in [(None, 0), (Some("root"), 0)] {
        let home = lab.path("home");
        let unit = units::template("shop", &home, "sleep \"1 2\" 100% $PORT", user).unwrap();
        ada.write("shop@.service", &unit.bytes.0);
        let mut command = ada.command(analyze);
        command.args(["verify", "--man=no"]).arg(ada.path("shop@.service"));
        let out = command.output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        // It also complains about units of the machine, in lines of their own.
        let ours: Vec<&str> = said.lines().filter(|line| line.contains("shop@")).collect();
        assert!(ours.is_empty(), "{said}");
        assert_eq!(out.status.code(), Some(ends), "{said}");
    }
    // And the verifier would have seen a fault.
    ada.write("shop@.service", "[Service]\nExecStrat=/bin/true\n");
    let mut command = ada.command(analyze);
    let out = command.arg("verify").arg(ada.path("shop@.service")).output().unwrap();
    assert!(String::from_utf8_lossy(&out.stderr).contains("shop@"));
}

#[test]
fn a_unit_is_restarted_shown_and_stopped_by_the_manager_that_was_named() {
    let lab = Lab::new();
    let ada = lab.at("ada", lab.path("home"));
    ada.script(
        "bin/systemctl",
        "#!/bin/sh\necho \"$*\" >>calls\ncase \"$*\" in\n\
         *' show '*) printf 'LoadState=loaded\\nActiveState=failed\\nResult=exit-code\\nMainPID=0\\nNRestarts=5\\n' ;;\n\
         *' reset-failed '*) echo no such unit >&2; exit 1 ;;\n\
         *' restart '*) echo 'Job for unit failed' >&2; exit 1 ;;\nesac\n",
    );
    let run = |line: String| {
        let path = format!("{}:/usr/bin:/bin", ada.path("bin").display());
        let env = vec![("PATH".to_owned(), path)];
        let job = Job { line, dir: ada.dir.clone(), env, env_file: None };
        let mut said = Vec::new();
        let mut command = Machine::Here.shell(&job).unwrap();
        let limit = Duration::from_secs(20);
        let ran = steps::run(&mut command, limit, &|| false, &mut |it| said.extend_from_slice(it));
        (ran.unwrap().end, said)
    };
    let unit = Unit::new(Manager::User, "shop@green.service").unwrap();
    let (end, said) = run(unit.restart());
    // A unit that never failed cannot be reset: that is no reason to stop.
    assert_eq!((end, said), (End::Exit(1), b"Job for unit failed\n".to_vec()));
    let (end, said) = run(unit.show());
    let state = units::state(&said).unwrap();
    assert_eq!((end, state.active.as_str(), state.restarts), (End::Exit(0), "failed", 5));
    assert_eq!((state.load.as_str(), state.result.as_str(), state.pid), ("loaded", "exit-code", 0));
    assert_eq!(run(unit.stop()).0, End::Exit(0));
    let start = "--user --no-pager --no-ask-password";
    let wanted = format!(
        "{start} reset-failed -- shop@green.service\n{start} restart -- shop@green.service\n\
         {start} show --property=LoadState,Type,ActiveState,Result,MainPID,NRestarts -- shop@green.service\n\
         {start} stop -- shop@green.service\n"
    );
    assert_eq!(ada.read("calls"), wanted);
}

#[test]
fn whoever_makes_an_app_for_systemd_is_shown_its_unit() {
    let lab = Lab::new();
    let ada = lab.person("ada");
    let home = lab.path("srv");
    let create = ["app", "create", "shop", "--dir", home.to_str().unwrap()];
    let seen = ada.gsync(&[&create[..], &["--template", "systemd"]].concat()).exits(0);
    let seen = seen.says("shop@.service").says("daemon-reload").says("[Service]");
    let link = format!("WorkingDirectory={}/%i/current", home.canonicalize().unwrap().display());
    let _ = seen.says(&link).says("ExecStart=/bin/sh -c \"exec ./start\"");
    // Once is enough, and others need none.
    let again = ada.gsync(&[&create[..], &["--template", "systemd"]].concat()).exits(0);
    let _ = again.says_not("[Service]");
}
