//! `gsync schedule`: what it writes is shown, works, and goes again without a trace.

use std::fs;

use crate::lab::{Lab, Person, picture};

/// A crontab that keeps its table in `../table`, and a systemctl that notes what it is told and
/// keeps what runs in `../active`.
fn machine(lab: &Lab, systemd: bool) -> Person<'_> {
    let ada = lab.person("my shop");
    ada.script(
        "../bin/crontab",
        "#!/bin/sh\nT=$HOME/../table\ncase $1 in\n\
         -l) [ -e $T ] || { echo 'no crontab for ada' >&2; exit 1; }; cat $T;;\n\
         -r) rm $T;;\n-) cat >$T.new && mv $T.new $T;;\n*) exit 9;;\nesac\n",
    );
    ada.script(
        "../bin/systemctl",
        "#!/bin/sh\necho \"$*\" >>$HOME/../told\nshift\nword=$1\nshift\n\
         [ \"$1\" = -- ] && shift\n\
         cd $HOME/.. && mkdir -p active\n\
         for unit; do case $word in\n\
         start) [ -e fail ] && { echo 'Failed to start' >&2; exit 1; }; touch active/$unit;;\n\
         stop) rm -f active/$unit;;\n\
         is-active) [ -e active/$unit ] && echo active || echo inactive;;\n\
         esac; done\nexit 0\n",
    );
    let path = std::env::join_paths(
        std::iter::once(lab.path("bin"))
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let ada = ada.with_env("PATH", path.unwrap().to_str().unwrap());
    if systemd {
        fs::create_dir_all(lab.path("run/systemd")).unwrap();
        let run = lab.path("run").display().to_string();
        return ada.with_env("XDG_RUNTIME_DIR", &run);
    }
    ada
}

fn active(lab: &Lab) -> usize {
    fs::read_dir(lab.path("active")).map_or(0, Iterator::count)
}

#[test]
fn the_crontab_gets_two_lines_and_is_the_same_again_after_remove() {
    let lab = Lab::new();
    let ada = machine(&lab, false);
    for table in [None, Some("# mine\n0 1 * * * true\n"), Some("0 1 * * * true")] {
        if let Some(table) = table {
            ada.write("../table", table);
        }
        let seen = ada.gsync(&["schedule", "install", "--dry-run"]).exits(0);
        let _ = seen.says("status --fetch").says("would crontab -");
        assert_eq!(fs::read_to_string(lab.path("table")).ok().as_deref(), table);
        let _ = ada.gsync(&["schedule", "install"]).exits(0).says("my shop' tidy");
        let text = ada.read("../table");
        assert!(text.starts_with(table.unwrap_or_default()));
        assert_eq!(text.matches("my shop").count(), 2, "{text}");
        let _ = ada.gsync(&["schedule", "install"]).exits(0).says("nothing to do");
        let _ = ada.gsync(&["schedule", "show"]).exits(0).says("status --fetch").says_not("0 1 *");
        let _ = ada.gsync(&["schedule", "remove"]).exits(0);
        assert_eq!(fs::read_to_string(lab.path("table")).ok().as_deref(), table);
    }
    let _ = ada.gsync(&["schedule", "remove"]).exits(0).says("nothing to do");
}

#[test]
fn a_line_of_the_crontab_is_a_command_that_a_shell_can_run() {
    let lab = Lab::new();
    let ada = machine(&lab, false);
    let _ = ada.gsync(&["schedule", "install"]).exits(0);
    let table = ada.read("../table");
    let line = table.lines().find(|line| line.ends_with(" tidy")).unwrap();
    let command = line.splitn(6, ' ').nth(5).unwrap();
    let elsewhere = lab.at("cron", lab.path("home"));
    let _ = elsewhere.sh(command).exits(0).says("nothing to tidy");
}

#[test]
fn timers_are_written_enabled_started_and_gone_again() {
    let lab = Lab::new();
    let ada = machine(&lab, true);
    ada.write("../home/.config/keep", "mine\n");
    let before = picture(&lab.path("home/.config"));
    let _ = ada.gsync(&["schedule", "install"]).exits(0).says("OnCalendar=weekly");
    assert_eq!(active(&lab), 2);
    assert!(!lab.path("table").exists(), "one scheduler is enough");
    let units = lab.path("home/.config/systemd/user");
    let wants = fs::read_dir(units.join("timers.target.wants")).unwrap();
    let links: Vec<_> = wants.map(|link| link.unwrap().path()).collect();
    assert_eq!(links.len(), 2);
    assert!(links.iter().all(|link| link.is_file()), "the links lead somewhere");
    let seen = ada.gsync(&["--json", "schedule", "show"]).exits(0).json();
    assert_eq!((&seen["scheduler"], &seen["enabled"]), (&"systemd".into(), &2.into()));
    let told = ada.read("../told");
    let _ = ada.gsync(&["schedule", "install"]).exits(0).says("nothing to do");
    let news = ada.read("../told").replace(&told, "");
    assert!(!news.contains("reload") && !news.contains("start "), "{news}");
    let installed = picture(&units);
    let _ = ada.gsync(&["schedule", "remove"]).exits(0);
    assert_eq!(active(&lab), 0);
    let _ = ada.gsync(&["undo"]).exits(0);
    assert_eq!((picture(&units), active(&lab)), (installed, 2));
    let _ = ada.gsync(&["schedule", "remove"]).exits(0);
    assert_eq!(active(&lab), 0);
    // Directories stay: others may have come to rely on them.
    for dir in ["systemd/user/timers.target.wants", "systemd/user", "systemd"] {
        fs::remove_dir(lab.path("home/.config").join(dir)).unwrap();
    }
    assert_eq!(picture(&lab.path("home/.config")), before);
}

#[test]
fn timers_that_do_not_start_are_taken_back_with_their_files() {
    let lab = Lab::new();
    let ada = machine(&lab, true);
    ada.write("../fail", "");
    let before = picture(&lab.path("home"));
    let _ = ada.gsync(&["schedule", "install"]).exits(3).says("Failed to start");
    assert_eq!(picture(&lab.path("home")), before);
    assert_eq!(active(&lab), 0);
}

#[test]
fn two_repositories_do_not_take_each_other_off_the_schedule() {
    let lab = Lab::new();
    let ada = machine(&lab, false);
    let mut bob = lab.person("bob");
    bob.env.clone_from(&ada.env);
    let _ = ada.gsync(&["schedule", "install"]).exits(0);
    let only_ada = ada.read("../table");
    let _ = bob.gsync(&["schedule", "install"]).exits(0);
    let _ = bob.gsync(&["schedule", "remove"]).exits(0);
    assert_eq!(ada.read("../table"), only_ada);
}

#[test]
fn systemd_itself_finds_nothing_wrong_with_the_units() {
    if std::process::Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("systemd-analyze is not here: its opinion was not asked");
        return;
    }
    let lab = Lab::new();
    let ada = machine(&lab, true);
    let _ = ada.gsync(&["schedule", "install"]).exits(0);
    let units = lab.path("home/.config/systemd/user");
    let all = fs::read_dir(&units).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = all.filter(|path| path.is_file()).collect();
    assert_eq!(files.len(), 4);
    let mut verify = ada.command("systemd-analyze");
    let out = verify.args(["verify", "--user", "--man=no"]).args(&files).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    let ours: Vec<_> = said.lines().filter(|line| line.contains("gsync-")).collect();
    assert!(ours.is_empty(), "{said}");
}
