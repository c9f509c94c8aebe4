//! `gsync up`: brings services up to date and proves it, or says which step failed, and why.

use std::fs;
use std::time::{Duration, Instant};

use crate::lab::{Lab, Person};
use crate::services::{FOUR, with_services};

fn ran(person: &Person<'_>) -> Vec<String> {
    let text = fs::read_to_string(person.path("ran")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn logs(person: &Person<'_>) -> Vec<std::path::PathBuf> {
    let dir = person.path(".git/gsync/logs");
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn one(step: &str) -> String {
    format!("[[service]]\nname = \"s\"\npaths = [\"**\"]\nsteps = [{{ name = \"b\", {step} }}]\n")
}

#[test]
fn types_bring_up_all_in_order_and_the_ui_only_itself_and_then_there_is_nothing_to_do() {
    let lab = Lab::new();
    let ada = with_services(&lab, FOUR);
    ada.write(".gitignore", "ran\n");
    let _ = ada.gsync(&["up"]).exits(0);
    fs::remove_file(ada.path("ran")).unwrap();
    let _ = ada.gsync(&["up"]).exits(0).says("nothing to do");
    ada.commit("types/a", "x", "types");
    let _ = ada.gsync(&["up"]).exits(0).says("up: sync-wasm-client, server, internal-service, ui");
    assert_eq!(ran(&ada), ["wasm", "server", "internal", "ui"]);
    ada.write("ui/a", "x");
    let _ = ada.gsync(&["up"]).exits(0).says("up: ui");
    assert_eq!(ran(&ada).len(), 5);
    let _ = ada.gsync(&["up"]).exits(0).says("nothing to do");
    ada.write("ui/a", "xy");
    let _ = ada.gsync(&["up"]).exits(0);
    assert_eq!(ran(&ada)[5..], ["ui"]);
    assert!(logs(&ada).is_empty(), "who succeeds leaves no log");
}

#[test]
fn a_secret_that_a_step_says_is_covered_in_all_that_is_kept_of_it() {
    let lab = Lab::new();
    let say = "run = \"sh ../say\"";
    let ada = with_services(&lab, &one(say));
    let (first, last) = (crate::secrets::token(70), crate::secrets::token(71));
    let body = "MIIEowIBAAKCAQEAx0Zk".repeat(3);
    let key = format!("-----BEGIN {0} KEY-----\n{body}\n{body}\n-----END {0} KEY-----", "PRIVATE");
    let flood = "yes 'nothing of interest is said in here' | head -c 1100000";
    let text = format!(
        "echo \"$TOK\"\n{flood}\necho\necho '{key}'\necho 'last {last}'\nprintf 'b\\377d\\n'\nfalse\n"
    );
    fs::write(lab.path("say"), text).unwrap();
    let ada = ada.with_env("TOK", &first);
    let seen = ada.gsync(&["up"]).exits(3);
    let log = fs::read(&logs(&ada)[0]).unwrap();
    let log = String::from_utf8_lossy(&log).into_owned();
    for text in [seen.all(), ada.read(".git/gsync/up.json"), log.clone()] {
        for secret in [&first, &last, &body] {
            assert!(!text.contains(secret.as_str()), "{}", text.len());
        }
    }
    assert!(log.contains(" last ghp_"), "what is no secret stays");
    let stamped = log.lines().all(|line| line.as_bytes()[10] == b'T');
    assert!(stamped && log.lines().count() > 20_000, "{}", log.lines().count());
    assert_eq!(logs(&ada).len(), 1, "nothing is left beside it");
}

#[test]
fn an_error_in_step_2_stops_it_and_the_next_time_goes_on_there() {
    let lab = Lab::new();
    let bad = FOUR.replace("echo server >> ran", "sh kernel.sh");
    let ada = with_services(&lab, &bad);
    let _ = ada.git(&["config", "core.excludesFile", "../ignored"]);
    fs::write(lab.path("ignored"), "ran\nkernel.sh\n").unwrap();
    ada.write(
        "kernel.sh",
        "echo compiling; echo \"error[E0308]: mismatched types\"; echo ' --> a.rs:1'; exit 101\n",
    );
    let seen = ada.gsync(&["up"]).exits(4);
    let seen = seen
        .says("step 2 of 4 (server: rebuild): exit status 101")
        .says("> error[E0308]: mismatched types")
        .says("   --> a.rs:1")
        .says("up: sync-wasm-client")
        .says("not up: server, internal-service, ui");
    assert_eq!(ran(&ada), ["wasm"]);
    let log = logs(&ada);
    assert_eq!(log.len(), 1);
    let name = log[0].file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("sync-error-") && seen.all().contains(name), "{}", seen.all());
    let text = fs::read_to_string(&log[0]).unwrap();
    assert!(text.contains("Z error[E0308]") && text.contains("Z compiling"), "{text}");

    ada.write("kernel.sh", "echo server >> ran\n");
    let shown = ada.gsync(&["up", "--dry-run"]).exits(0);
    let _ = shown.says("goes on where it failed, with server: rebuild");
    let _ = ada.gsync(&["up"]).exits(0);
    assert_eq!(ran(&ada), ["wasm", "server", "internal", "ui"]);
}

#[test]
fn json_names_the_step_the_first_error_and_the_log() {
    let lab = Lab::new();
    let ada =
        with_services(&lab, &one("run = \"echo a; echo 'x.ts(1,2): error TS2304: no'; true\""));
    let json = ada.gsync(&["up", "--json"]).exits(3).json();
    assert_eq!(json["failed"]["step"], "b");
    assert_eq!(json["failed"]["number"], 1);
    assert_eq!(json["failed"]["first"]["text"], "x.ts(1,2): error TS2304: no");
    assert_eq!(json["services"]["left"][0], "s");
    assert!(json["failed"]["log"].as_str().unwrap().contains("/logs/sync-error-"));
    assert_eq!(json["error"]["exit"], 3);
}

#[test]
fn uncertain_is_a_failure() {
    let lab = Lab::new();
    let ada = with_services(&lab, &one("run = \"echo nearly\", success = [\"^done$\"]"));
    let _ = ada.gsync(&["up"]).exits(3).says("uncertain");
    let ada = lab.at("ada", ada.dir.clone());
    ada.write(
        ".gsync.toml",
        one("run = \"echo done; echo oops\", success = [\"^done$\"], error = [\"^oops\"]"),
    );
    let _ = ada.gsync(&["up"]).exits(3).says("> oops");
}

#[test]
fn at_the_timeout_no_process_of_the_step_survives() {
    let lab = Lab::new();
    let step = "run = \"(trap '' HUP; sleep 61.5) & sleep 61.5\", timeout = \"100ms\"";
    let ada = with_services(&lab, &one(step));
    let start = Instant::now();
    let _ = ada.gsync(&["up"]).exits(3).says("timed out after 100 ms");
    assert!(start.elapsed() < Duration::from_secs(8));
    let left = ada.sh("ps -eo args | grep '[s]leep 61.5' || true");
    assert_eq!(left.stdout, "");
}

#[test]
fn ctrl_c_ends_the_step_with_all_its_processes() {
    let lab = Lab::new();
    let ada = with_services(&lab, &one("run = \"touch started; sleep 62.5 & sleep 62.5\""));
    let mut gsync = ada.command(env!("CARGO_BIN_EXE_gsync"));
    let mut child = gsync.arg("up").stderr(std::process::Stdio::null()).spawn().unwrap();
    while !ada.path("started").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = ada.sh(&format!("kill -INT {}", child.id())).exits(0);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(ada.sh("ps -eo args | grep '[s]leep 62.5' || true").stdout, "");
    assert!(ada.read(".git/gsync/up.json").contains("interrupted"));
}

#[test]
fn a_step_that_failed_twice_is_not_done_because_it_was_done_once() {
    let lab = Lab::new();
    let two = "[[service]]\nname = \"s\"\npaths = [\"src/**\"]\nsteps = [\
               { name = \"one\", run = \"echo one >> ran; sh one.sh\" }, \
               { name = \"two\", run = \"echo two >> ran; sh two.sh\" }]\n\
               [[service]]\nname = \"nothing\"\npaths = [\"/ran\", \"*.sh\"]\n";
    let ada = with_services(&lab, two);
    let set = |one: &str, two: &str| {
        ada.write("one.sh", one);
        ada.write("two.sh", two);
    };
    set("", "exit 1");
    let _ = ada.gsync(&["up"]).exits(4);
    ada.write("src/a", "x");
    set("exit 1", "");
    let _ = ada.gsync(&["up"]).exits(3);
    set("", "");
    let _ = ada.gsync(&["up"]).exits(0);
    assert_eq!(ran(&ada), ["one", "two", "one", "one", "two"]);
}

/// A service with one step of that kind; a fake `pm2` and `systemctl` on PATH, whose `restart`
/// does what `restarted` in their folder says, and which tell of what lies there.
fn kept_by<'lab>(lab: &'lab Lab, step: &str) -> (Person<'lab>, Person<'lab>) {
    let ada = with_services(lab, &one(&format!("{step}, timeout = \"700ms\"")));
    let bin = lab.path("bin");
    let at_bin = lab.at("bin", bin.clone());
    at_bin.script(
        "pm2",
        "#!/bin/sh\ncd \"${0%/*}\"\n[ \"$1\" = restart ] && { . ./restarted; exit 0; }\n\
         n=$(cat n 2>/dev/null || echo 0); echo $((n + $(cat each))) > n\n\
         printf '[{\"name\":\"api\",\"pid\":%s,\"pm2_env\":{\"status\":\"%s\",\"restart_time\":%s}}]' \
         \"$(cat pid)\" \"$(cat status)\" $n\n",
    );
    at_bin.script(
        "systemctl",
        "#!/bin/sh\ncd \"${0%/*}\"\n[ \"$1\" = restart ] && { . ./restarted; exit 0; }\ncat show\n",
    );
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    (ada.with_env("PATH", &path).with_env("GSYNC_SETTLE_MS", "40"), at_bin)
}

#[test]
fn a_process_of_pm2_counts_if_it_is_a_new_one_lives_and_stays() {
    let lab = Lab::new();
    let (ada, bin) = kept_by(&lab, "pm2 = \"api\"");
    let ours = std::process::id();
    let restart = |restarted: &str, each: &str| {
        bin.write("pid", "1");
        bin.write("status", "online");
        bin.write("each", each);
        bin.write("restarted", restarted);
        ada.gsync(&["up", "s"])
    };
    let new = format!("echo {ours} > pid");
    let _ = restart(&new, "0").exits(0);
    let errored = restart(&format!("{new}; echo errored > status"), "0").exits(3);
    let _ = errored.says("api is errored in pm2");
    // `pm2 restart` ends with 0 in all of these.
    let _ = restart(&new, "1").exits(3).says("timed out");
    let old = restart("", "0").exits(3).says("still the one of before the restart");
    drop(old);
    let _ = restart("echo 4194304 > pid", "0").exits(3).says("its process 4194304 is gone");
    let _ = restart(&format!("{new}; echo launching > status"), "0").exits(3).says("launching");
}

#[test]
fn a_unit_of_systemd_counts_if_it_is_active_anew_or_did_its_work() {
    let lab = Lab::new();
    let (ada, bin) = kept_by(&lab, "systemd = \"api.service\"");
    let show = |what: &str, pid: u32| {
        let words = what.split(' ').collect::<Vec<_>>();
        let keys = ["LoadState", "Type", "ActiveState", "Result"];
        let lines = keys.iter().zip(words).map(|(key, word)| format!("{key}={word}\n"));
        lines.collect::<String>() + &format!("MainPID={pid}\nNRestarts=0\n")
    };
    let restart = |after: &str, pid: u32| {
        bin.write("show", show("loaded simple active success", 7));
        bin.write("restarted", format!("cat > show <<'END'\n{}END\n", show(after, pid)));
        ada.gsync(&["up", "s"])
    };
    let _ = restart("loaded simple active success", 8).exits(0);
    let _ = restart("loaded simple active success", 7).exits(3).says("before the restart");
    let failed = restart("loaded simple failed exit-code", 0).exits(3);
    let _ = failed.says("api.service is failed: exit-code");
    let _ = restart("loaded simple activating success", 8).exits(3).says("is activating");
    let _ = restart("loaded oneshot inactive success", 0).exits(0);
    let _ = restart("loaded oneshot failed exit-code", 0).exits(3);
    let _ = restart("not-found simple inactive success", 0).exits(3).says("there is no unit");
}

#[test]
fn an_address_must_answer_with_a_good_status_and_the_words_that_were_asked_for() {
    use std::io::{Read, Write};
    let lab = Lab::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/health", listener.local_addr().unwrap());
    // It is busy for a while, then it answers the same to everybody.
    std::thread::spawn(move || {
        for (n, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let answer = match n {
                0 | 1 => "HTTP/1.1 503 Busy\r\nContent-Length: 18\r\n\r\nTraceback: warming",
                _ => "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"version\": \"7\"}",
            };
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let ada = with_services(&lab, "").with_env("GSYNC_SETTLE_MS", "40");
    let up = |more: &str| {
        ada.write(".gsync.toml", one(&format!("http = \"{url}\", timeout = \"500ms\"{more}")));
        ada.gsync(&["up", "s"])
    };
    let _ = up("").exits(0);
    let _ = up(", success = ['\"version\": \"7\"']").exits(0);
    let _ =
        up(", success = ['\"version\": \"8\"']").exits(3).says("without the words of `success`");
    let _ = up(", ok_exit = [204]").exits(3).says("it answers 200");
    ada.write(".gsync.toml", one("http = \"http://127.0.0.1:1/\", timeout = \"200ms\""));
    let _ = ada.gsync(&["up", "s"]).exits(3).says("timed out").says("http://127.0.0.1:1/");
    ada.write(".gsync.toml", one("http = \"ftp://x\""));
    let _ = ada.gsync(&["up", "s"]).exits(3).says("only http:// addresses");
}

#[test]
fn a_remedy_is_tried_once_and_then_the_same_step_again() {
    let lab = Lab::new();
    let config = |fix: &str| {
        one("run = \"cat state; ! grep TS2688 state\"")
            + &format!(
                "fix = [{{ when = \"TS2688|Cannot find type definition file\", run = \"{fix}\", dir = \"client\" }}]\n"
            )
    };
    let ada = with_services(&lab, &config("echo fixed >> ../ran; echo fine > ../state"));
    ada.write("client/package.json", "{}");
    ada.write("state", "error TS2688: Cannot find type definition file for 'node'.\n");
    let _ = ada.gsync(&["up", "-v"]).exits(0).says("mending: echo fixed");
    assert_eq!(ran(&ada), ["fixed"]);

    ada.write(".gsync.toml", config("echo tried >> ../ran"));
    ada.write("state", "error TS2688: Cannot find type definition file for 'node'.\n");
    let _ = ada.gsync(&["up"]).exits(3).says("> error TS2688").says("tried to mend it: echo tried");
    assert_eq!(ran(&ada), ["fixed", "tried"], "once, though the complaint came again");
}

#[test]
fn a_secret_is_neither_shown_nor_written() {
    let lab = Lab::new();
    let ada = with_services(&lab, &one("run = \"echo \\\"error: $API_TOKEN\\\"; exit 1\""));
    let ada = ada.with_env("API_TOKEN", "swordfish99");
    let seen = ada.gsync(&["up", "-v"]).exits(3).says("error: ***").says_not("swordfish99");
    drop(seen);
    assert!(!fs::read_to_string(&logs(&ada)[0]).unwrap().contains("swordfish99"));
    assert!(!ada.read(".git/gsync/up.json").contains("swordfish99"));
}

#[test]
fn a_plan_is_shown_and_run_by_its_id_or_not_at_all() {
    let lab = Lab::new();
    let ada = with_services(&lab, FOUR);
    let json = ada.gsync(&["up", "server", "--dry-run", "--json"]).exits(0).json();
    let id = json["plan"]["id"].as_str().unwrap().to_owned();
    let _ = ada.gsync(&["up", "ui", "--only", &id]).exits(1);
    assert!(ran(&ada).is_empty());
    let _ = ada.gsync(&["up", "server", "--only", &id]).exits(0);
    assert_eq!(ran(&ada), ["server"]);
}

#[test]
fn a_named_service_says_nothing_about_the_others() {
    let lab = Lab::new();
    let ada = with_services(&lab, FOUR);
    ada.write(".gitignore", "ran\n");
    let _ = ada.gsync(&["up"]).exits(0);
    ada.write("types/a", "x");
    let _ = ada.gsync(&["up", "ui"]).exits(0);
    let _ = ada.gsync(&["services"]).exits(0).says("server").says_not("\nui");
    let _ = ada.gsync(&["up"]).exits(0);
    assert_eq!(ran(&ada)[4..], ["ui", "wasm", "server", "internal"]);
    ada.write("types/a", "xy");
    let _ = ada.gsync(&["up"]).exits(0);
    assert_eq!(ran(&ada).len(), 12);
}

#[test]
fn a_directory_that_is_missing_and_matchers_that_make_no_sense_are_named() {
    let lab = Lab::new();
    let ada = with_services(&lab, &one("run = \"true\", dir = \"client\""));
    let _ = ada.gsync(&["up"]).exits(3).says("not started: there is no directory");
    ada.write(".gsync.toml", one("run = \"echo OOPS 7\""));
    ada.write(".gsync/matchers.toml", "[[tool]]\nname = \"ours\"\nhard = ['^OOPS \\d']\n");
    let _ = ada.gsync(&["up"]).exits(3).says("> OOPS 7");
    ada.write(".gsync/matchers.toml", "[[tool]]\nname = \"ours\"\nhrad = ['^OOPS']\n");
    let _ = ada.gsync(&["up"]).exits(2).says(".gsync/matchers.toml:3");
}

#[test]
fn what_was_killed_is_begun_again_and_a_service_that_is_gone_is_forgotten() {
    let lab = Lab::new();
    let ada = with_services(&lab, FOUR);
    ada.write(".gitignore", "ran\n");
    let killed = lab.at("ada", ada.dir.clone()).with_env("GSYNC_STOP_AT", "3");
    assert_eq!(killed.gsync(&["up"]).code, -1);
    let _ = ada.gsync(&["up"]).exits(0).says("was cut off; what it did stays");
    assert_eq!(ran(&ada), ["wasm", "wasm", "server", "internal", "ui"]);

    ada.write(".gsync.toml", FOUR.replace("echo ui >> ran", "exit 1"));
    let _ = ada.gsync(&["up", "ui"]).exits(3).says("not up: ui");
    let without = FOUR.split("[[service]]\nname = \"sync-wasm-client\"").nth(1).unwrap();
    ada.write(".gsync.toml", format!("[[service]]\nname = \"sync-wasm-client\"{without}"));
    let _ = ada.gsync(&["up"]).exits(0).says_not("not up");
}

#[test]
fn a_log_directory_of_the_repository_is_used() {
    let lab = Lab::new();
    let ada = with_services(&lab, &(one("run = \"exit 9\"") + "[log]\ndir = \"logs\"\n"));
    let _ = ada.gsync(&["up"]).exits(3);
    assert_eq!(fs::read_dir(ada.path("logs")).unwrap().count(), 1);
}

/// Starts `gsync up`, whose step touches `started`, and kills gsync alone when it has.
fn up_and_kill(ada: &Person<'_>) {
    let mut gsync = ada.command(env!("CARGO_BIN_EXE_gsync"));
    let mut child = gsync.arg("up").stderr(std::process::Stdio::null()).spawn().unwrap();
    while !ada.path("started").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    fs::remove_file(ada.path("started")).unwrap();
}

fn sleepers(ada: &Person<'_>, name: &str) -> usize {
    ada.sh(&format!("ps -eo args | grep -F '{name}' | grep -vc grep || true"))
        .stdout
        .trim()
        .parse()
        .unwrap()
}

#[test]
fn what_a_killed_gsync_left_running_is_named_and_ended_by_the_next_command_or_rescue() {
    let lab = Lab::new();
    let line = "setsid sleep 64.125 & sleep 64.125 & touch started; sleep 64.125";
    let ada = with_services(&lab, &one(&format!("run = \"{line}\"")));
    up_and_kill(&ada);
    assert!(sleepers(&ada, "sleep 64.125") >= 3);
    ada.write(".gsync.toml", one("run = \"true\""));
    let seen = ada.gsync(&["up"]).exits(0);
    let _ = seen.says("the step s: b outlived a gsync that was killed; ended what it left running");
    assert_eq!(sleepers(&ada, "sleep 64.125"), 0);

    ada.write(".gsync.toml", one(&format!("run = \"{line}\"")));
    up_and_kill(&ada);
    let _ = ada.gsync(&["rescue"]).exits(0).says("ended what it left running");
    assert_eq!(sleepers(&ada, "sleep 64.125"), 0);
    let _ = ada.gsync(&["rescue"]).exits(0).says("nothing to rescue");
}

#[test]
fn a_server_that_a_good_step_started_is_left_alone() {
    let lab = Lab::new();
    let ada = with_services(&lab, &one("run = \"nohup sleep 65.125 > /dev/null 2>&1 &\""));
    let _ = ada.gsync(&["up"]).exits(0);
    ada.write(".gsync.toml", one("run = \"touch started; sleep 66.125\""));
    up_and_kill(&ada);
    let _ = ada.gsync(&["rescue"]).exits(0).says("ended what it left running");
    assert_eq!((sleepers(&ada, "sleep 65.125"), sleepers(&ada, "sleep 66.125")), (1, 0));
    let _ = ada.sh("kill $(ps -eo pid,args | awk '/[s]leep 65.125/ { print $1 }')").exits(0);
}

#[test]
fn who_leaves_the_group_of_a_step_that_timed_out_is_named() {
    let lab = Lab::new();
    let line = "setsid sleep 67.125 & sleep 67.125";
    let step = format!("run = \"{line}\", timeout = \"100ms\"");
    let ada = with_services(&lab, &one(&step));
    let _ = ada.gsync(&["up"]).exits(3).says("still running, outside of its group: ");
    assert_eq!(sleepers(&ada, "sleep 67.125"), 1);
    let _ = ada.sh("kill $(ps -eo pid,args | awk '/[s]leep 67.125/ { print $1 }')").exits(0);
}

#[test]
fn a_flood_stays_within_its_memory_and_its_disk() {
    let lab = Lab::new();
    // More than it may use; a release build takes 2 GB as well.
    let flood = "(yes \"$(printf '%0500d' 7)\" || true) | head -c 60000000; echo; \
                 echo 'error: at the end'; exit 1";
    let ada = with_services(&lab, &one(&format!("run = \"\"\"{flood}\"\"\"")));
    let mut gsync = ada.command(env!("CARGO_BIN_EXE_gsync"));
    let mut child = gsync.arg("up").stderr(std::process::Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        most = most.max(kilobytes.map_or(0, |it| it.trim().parse::<u64>().unwrap()));
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!((1..50_000).contains(&most), "{most} kB");
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
    assert!(said.contains("> error: at the end"), "{said}");
    let size = fs::metadata(&logs(&ada)[0]).unwrap().len();
    assert!(size < 34 << 20, "{size}");
}

#[test]
fn on_a_terminal_a_line_moves_while_a_step_runs_and_elsewhere_nothing_does() {
    let lab = Lab::new();
    if !crate::on_pull::has_terminals(&lab) {
        return;
    }
    let ada = with_services(&lab, &one("run = \"echo working; sleep 0.6\""));
    let script = "import os, pty, sys\n\
        pid, fd = pty.fork()\n\
        if pid == 0: os.execv(sys.argv[1], ['gsync', 'up', 's'])\n\
        out = b''\n\
        try:\n\
        \x20   while True:\n\
        \x20       some = os.read(fd, 4096)\n\
        \x20       if not some: break\n\
        \x20       out += some\n\
        except OSError: pass\n\
        os.waitpid(pid, 0)\n\
        sys.stdout.buffer.write(out)\n";
    let mut python = ada.command("python3");
    let python = python.args(["-c", script, env!("CARGO_BIN_EXE_gsync")]).env("TERM", "xterm");
    let out = python.output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(said.contains(" s: b 0.") && said.contains("working"), "{said:?}");
    // The line is taken away before the next one is said.
    let line = said.rfind(" s: b 0.").unwrap();
    assert!(said[line..].contains("\r\u{1b}[2K"), "{said:?}");
    let _ = ada.gsync(&["up", "s"]).exits(0).says_not("\r").says_not("\u{1b}");
}

#[test]
fn events_come_line_by_line_and_the_outcome_last() {
    let lab = Lab::new();
    let ada = with_services(&lab, &one("run = \"echo working; exit 3\""));
    let seen = ada.gsync(&["--json-lines", "up", "s"]).exits(3);
    let lines: Vec<serde_json::Value> =
        seen.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<&str> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["planned", "started", "output", "failed", "finished"]);
    assert_eq!(lines[2]["line"], "working");
    assert!(lines[3]["why"].as_str().unwrap().contains("exit status 3"));
    assert_eq!(lines[4]["outcome"], "put-back");
}
