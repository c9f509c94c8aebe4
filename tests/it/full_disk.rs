//! Real limits: a disk that is really full, on a small file system of the test's own, and a step
//! that says more than a disk should hold.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::crash::{busy_world, state};
use crate::deploy::Shop;
use crate::deploy_faults::two_versions;
use crate::lab::{Lab, Seen, picture};

/// The variable by which a test knows that it is the one in the namespace.
const INSIDE: &str = "GSYNC_TEST_INSIDE";

/// Runs the test of this name once more where it may mount file systems that nobody else sees,
/// and tells whether this is that run. Where the system lets nobody do that, the test says so.
fn inside(name: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let run = |words: &[&str]| -> Option<Output> {
        Command::new("unshare").args(words).env(INSIDE, "yes").output().ok()
    };
    let mounts = "mount -t tmpfs -o size=64k tmpfs /mnt";
    // As root, or as one who is root in a namespace of users.
    let ways: [&[&str]; 2] = [&["-m"], &["-Urm"]];
    let can = |way: &&[&str]| {
        run(&[way, &["sh", "-c", mounts][..]].concat()).is_some_and(|out| out.status.success())
    };
    let Some(way) = ways.iter().find(|way| can(way)) else {
        eprintln!("skipped: nobody may mount a file system here, not even in a namespace");
        return false;
    };
    let this = std::env::current_exe().unwrap();
    let this = this.to_str().unwrap();
    let out = run(&[way, &[this, "--exact", name, "--nocapture"][..]].concat()).unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(said.contains("1 passed"), "{said}\n{}", String::from_utf8_lossy(&out.stderr));
    println!("{said}");
    false
}

/// A file system of its own, which must outlive those who work on it.
struct Disk {
    at: PathBuf,
}

impl Disk {
    fn at(at: PathBuf, kilobytes: u32) -> Self {
        fs::create_dir_all(&at).unwrap();
        let size = format!("size={kilobytes}k,mode=755");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&at);
        assert!(mount.status().unwrap().success());
        Self { at }
    }

    /// Takes all of the room but so many kilobytes.
    fn leave(&self, kilobytes: u64) {
        let ballast = self.at.join("ballast");
        let _ = fs::remove_file(&ballast);
        let stat = rustix::fs::statvfs(&self.at).unwrap();
        let free = stat.f_bavail * stat.f_frsize / 1024;
        let mut file = fs::File::create(&ballast).unwrap();
        for _ in 0..free.saturating_sub(kilobytes) {
            file.write_all(&[7; 1024]).unwrap();
        }
    }

    fn free(&self) {
        fs::remove_file(self.at.join("ballast")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

/// STANDBY runs what it ran, LIVE what it did, and both are as the record says.
#[track_caller]
fn as_before(shop: &Shop<'_>, live: &str, when: &str) {
    let envs = shop.gsync(&["envs", "--json"]);
    assert_eq!(envs.code, 0, "{when}: {}", envs.all());
    let envs = envs.json();
    assert_eq!(envs["drift"], serde_json::Value::Null, "{when}: {envs}");
    assert_eq!(envs["envs"]["blue"]["version"], "1.1.0", "{when}: {envs}");
    assert_eq!(shop.get("blue", "/version").as_deref(), Some("1.1.0"), "{when}");
    assert_eq!(shop.get("green", "/version").as_deref(), Some("1.0.0"), "{when}");
    let current = fs::read_link(shop.home.join("blue/current")).unwrap();
    assert!(current.ends_with(envs["envs"]["blue"]["release"].as_str().unwrap()), "{when}");
    assert_eq!(picture(&shop.home.join("green")), live, "{when}: LIVE was touched");
}

#[test]
fn a_deploy_onto_a_full_disk_fails_and_standby_runs_its_former_release() {
    if !inside("full_disk::a_deploy_onto_a_full_disk_fails_and_standby_runs_its_former_release") {
        return;
    }
    let lab = Lab::new();
    let disk = Disk::at(lab.path("shop"), 4 << 10);
    let shop = two_versions(&lab, "[[step]]\nname = \"build\"\nrun = \"[ ! -e b ] || sh b\"\n");
    // More than there is room for, and small on the way.
    shop.ada.write("large", vec![b'x'; 3 << 20]);
    shop.commit("1.2.0");
    shop.ada.git(&["push", "--quiet", "deploy", "main:large"]);
    fs::remove_file(shop.ada.path("large")).unwrap();
    shop.ada.write("b", "dd if=/dev/zero of=filler bs=64k 2>&1 || true\n");
    shop.commit("1.2.0");
    shop.ada.git(&["push", "--quiet", "deploy", "main:filler"]);
    shop.ada.write("b", "echo built >built\n");
    shop.commit("1.3.0");
    shop.ada.git(&["push", "--quiet", "deploy", "main:small"]);
    let live = picture(&shop.home.join("green"));
    as_before(&shop, &live, "at first");

    disk.leave(2 << 10);
    let seen = shop.gsync(&["deploy", "large"]).exits(3);
    seen.says("No space left on device").says("everything is as it was");
    as_before(&shop, &live, "a release that does not fit");
    shop.gsync(&["deploy", "filler"]).exits(3).says("No space left on device");
    as_before(&shop, &live, "a step that fills the disk");
    let mut failed = 0;
    for room in (0..100).step_by(4) {
        disk.leave(room);
        let seen = shop.gsync(&["deploy", "small"]);
        if seen.code == 0 {
            break;
        }
        assert!([1, 3].contains(&seen.code), "{room} kB: {}", seen.all());
        seen.says("No space left on device");
        shop.gsync(&["rescue"]).exits(0).says("nothing to rescue");
        as_before(&shop, &live, &format!("{room} kB"));
        failed += 1;
    }
    assert!(failed >= 8, "{failed}");
    // LIVE stays whole while the traffic cannot be moved, and moves when it can.
    disk.leave(200);
    shop.gsync(&["release"]).exits(0).says("blue is LIVE with 1.3.0");
    let mut failed = 0;
    for room in (0..100).step_by(4) {
        disk.leave(room);
        let seen = shop.gsync(&["release"]);
        shop.gsync(&["rescue"]).exits(0).says("nothing to rescue");
        if seen.code == 0 {
            break;
        }
        assert!([1, 3].contains(&seen.code), "{room} kB: {}", seen.all());
        seen.says("No space left on device");
        assert_eq!(shop.live(), "blue");
        shop.gsync(&["envs", "--exit-code"]).exits(0);
        failed += 1;
    }
    assert!(failed >= 2, "{failed}");
    assert_eq!(shop.live(), "green");
    // A push that does not fit is refused by git; one that does, and whose deploy does not, says so.
    shop.commit("1.4.0");
    let mut said = String::new();
    for room in (0..200).step_by(12) {
        disk.leave(room);
        let seen = shop.ada.try_git(&["push", "deploy", "main"]);
        said = seen.all();
        if seen.code == 0 {
            break;
        }
        assert!(said.contains("No space left on device") || said.contains(".lock'"), "{said}");
    }
    disk.free();
    if !said.contains("blue is STANDBY and runs 1.4.0") {
        assert!(said.contains("No space left on device"), "{said}");
        shop.gsync(&["deploy"]).exits(0).says("blue is STANDBY and runs 1.4.0");
    }
    shop.gsync(&["envs", "--exit-code"]).exits(0);
}

#[test]
fn a_pull_onto_a_full_disk_leaves_all_work_as_it_was() {
    if !inside("full_disk::a_pull_onto_a_full_disk_leaves_all_work_as_it_was") {
        return;
    }
    let lab = Lab::new();
    let disk = Disk::at(lab.path("ada"), 4 << 10);
    busy_world(&lab);
    let (ada, bob) = (lab.at("ada", lab.path("ada")), lab.at("bob", lab.path("bob")));
    // More than there is room for, and small on the way.
    bob.write("new/large", vec![b'x'; 3 << 20]);
    bob.git(&["add", "."]);
    bob.git(&["commit", "-q", "-m", "large"]);
    bob.push();
    ada.git(&["fetch", "--quiet"]);
    let before = state(&ada);
    for room in [0, 4, 8, 12, 16, 20, 24, 32, 40, 48, 64, 96, 1024] {
        disk.leave(room);
        let seen = ada.gsync(&["pull"]);
        assert!([1, 3, 7].contains(&seen.code), "{room} kB: {}", seen.all());
        // git itself cannot even look on a full disk.
        disk.free();
        assert_eq!(state(&ada), before, "{room} kB: {}", seen.all());
        ada.gsync(&["doctor"]).says_not("cut off");
        let why = seen.all().to_lowercase();
        assert!(
            why.contains("no space") || why.contains("diskspace") || why.contains("object header"),
            "{why}"
        );
    }
    ada.gsync(&["pull"]).exits(0);
    assert_eq!(fs::metadata(ada.path("new/large")).unwrap().len(), 3 << 20);
}

/// How much a process held in memory at most, in kB, and how many bytes are below a directory.
fn watched(home: &Path, memory: &mut u64, disk: &mut u64) {
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).into_owned();
        if words.contains("deploy-worker") && words.contains(home.to_str().unwrap()) {
            let status = fs::read_to_string(entry.path().join("status")).unwrap_or_default();
            let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let most = most.and_then(|most| most.trim().trim_end_matches(" kB").parse().ok());
            *memory = (*memory).max(most.unwrap_or(0));
        }
    }
    let files = fs::read_dir(home.join("logs")).unwrap().flatten();
    *disk = (*disk).max(files.filter_map(|file| Some(file.metadata().ok()?.len())).sum());
}

/// 64 MB unless `GSYNC_TEST_FLOOD` says how many: all of a gigabyte takes its time.
#[test]
fn a_step_that_floods_its_log_takes_neither_the_memory_nor_the_disk_and_its_error_is_seen() {
    let flood = std::env::var("GSYNC_TEST_FLOOD").ok().and_then(|it| it.parse().ok());
    let half = flood.unwrap_or(64_u64) * 500_000;
    let lab = Lab::new();
    let shop = two_versions(&lab, "[[step]]\nname = \"build\"\nrun = \"[ ! -e b ] || sh b\"\n");
    let many = format!("yes 'a line that is said again and again' | head -c {half}\n");
    shop.ada.write("b", format!("{many}echo\necho 'error: the moon is missing'\n{many}exit 4\n"));
    shop.commit("1.2.0");
    let live = picture(&shop.home.join("green"));
    let start = Instant::now();
    let mut push = shop.ada.command("git");
    push.args(["push", "deploy", "main"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let push = push.spawn().unwrap();
    let pushed = std::thread::spawn(move || push.wait_with_output().unwrap());
    let (mut memory, mut disk) = (0, 0);
    while !pushed.is_finished() {
        watched(&shop.home, &mut memory, &mut disk);
        std::thread::sleep(Duration::from_millis(20));
    }
    let seen = Seen::of(&pushed.join().unwrap()).exits(0);
    println!("{:?}: {memory} kB of memory, {disk} bytes of logs", start.elapsed());
    assert!(seen.stderr.len() < 20_000, "the pusher is not flooded: {}", seen.stderr.len());
    let seen = seen.says("step 1 of 1 (shop: build)").says("> error: the moon is missing");
    seen.says("(more was said than is shown here)").says("log: ");
    assert!((1..200_000).contains(&memory), "{memory} kB");
    assert!(disk < 40 << 20, "{disk} bytes");
    let logs = fs::read_dir(shop.home.join("logs")).unwrap().flatten();
    let log = logs.map(|it| it.path()).find(|it| it.display().to_string().contains("sync-error"));
    let log = fs::read_to_string(log.unwrap()).unwrap();
    assert!(log.contains(" lines are left out here\n"), "{}", log.len());
    as_before(&shop, &live, "after the flood");
}
