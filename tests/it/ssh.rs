//! A machine behind the real sshd, on loopback with its own keys, configuration and port: files,
//! jobs, HTTP and processes there are as they are here.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gsync::base::{Bytes, File};
use gsync::host::http::Url;
use gsync::host::machine::{Address, Job, Machine, write};
use gsync::host::proof::Seen;
use gsync::host::steps::{self, End};

use crate::lab::{Lab, picture};
use crate::load::{Site, port};
use crate::managers::tool;

/// A daemon that takes this user with a key of the lab.
pub struct Sshd {
    child: Child,
    dir: PathBuf,
    pub port: u16,
    /// Takes the words of ssh, with the lab's configuration in front.
    pub program: PathBuf,
}

impl Sshd {
    /// Nothing if the program is not here.
    pub fn start(lab: &Lab) -> Option<Self> {
        Self::start_as(lab, "ssh", "")
    }

    /// One of several, in a directory by that name, with more lines in its configuration.
    pub fn start_as(lab: &Lab, name: &str, more: &str) -> Option<Self> {
        tool("SSHD")?;
        let dir = lab.path(name);
        fs::create_dir(&dir).unwrap();
        for key in ["host", "user", "stranger"] {
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(dir.join(key));
            assert!(keygen.status().unwrap().success());
        }
        let at = |name: &str| dir.join(name).display().to_string();
        fs::copy(dir.join("user.pub"), dir.join("authorized")).unwrap();
        let port = port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\n\
             PidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nPermitRootLogin yes\nMaxStartups 100\n{more}",
            at("host"),
            at("authorized")
        );
        fs::write(dir.join("sshd_config"), config).unwrap();
        let key = fs::read_to_string(dir.join("host.pub")).unwrap();
        fs::write(dir.join("known"), format!("[127.0.0.1]:{port} {key}")).unwrap();
        let config = format!(
            "Host *\nIdentityFile {}\nIdentitiesOnly yes\nUserKnownHostsFile {}\n\
             GlobalKnownHostsFile /dev/null\nStrictHostKeyChecking yes\n",
            at("user"),
            at("known")
        );
        fs::write(dir.join("config"), config).unwrap();
        let person = lab.at(name, dir.clone());
        person.script("ssh.sh", &format!("#!/bin/sh\nexec ssh -F '{}' \"$@\"\n", at("config")));
        let child = spawn(&dir, port);
        Some(Self { child, port, program: dir.join("ssh.sh"), dir })
    }

    /// The number of the daemon's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Starts it again after somebody killed it.
    pub fn again(&mut self) {
        let _ = (self.child.kill(), self.child.wait());
        self.child = spawn(&self.dir, self.port);
    }

    pub fn address(&self) -> Address {
        Address::parse(&format!("ssh://127.0.0.1:{}", self.port)).unwrap()
    }

    pub fn machine(&self) -> Machine {
        let wait = Duration::from_secs(10);
        Machine::connect(self.program.as_os_str(), &self.address(), wait).unwrap()
    }
}

fn spawn(dir: &Path, port: u16) -> Child {
    let log = fs::OpenOptions::new().create(true).append(true).open(dir.join("log")).unwrap();
    let child = Command::new(tool("SSHD").unwrap())
        .args(["-D", "-e", "-f"])
        .arg(dir.join("sshd_config"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(10);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        let log = || fs::read_to_string(dir.join("log")).unwrap();
        assert!(Instant::now() < until, "{}", log());
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The same deeds on a machine; what came of them.
fn deeds(machine: &Machine, dir: &Path) -> String {
    let file = |text: &str, mode| File { bytes: Bytes(text.as_bytes().to_vec()), mode };
    let odd = dir.join("releases/it's $(id); \"x\"");
    write::make_dirs(machine, &odd).unwrap();
    write::file(machine, &odd.join("run"), &file("#!/bin/sh\n", 0o750)).unwrap();
    write::file(machine, &odd.join("run"), &file("again\x00\n", 0o600)).unwrap();
    write::file(machine, &odd.join(".env"), &file("", 0o600)).unwrap();
    for to in ["releases/1", "releases/it's $(id); \"x\""] {
        write::link(machine, &dir.join("current"), Path::new(to)).unwrap();
    }
    write::make_dirs(machine, &dir.join("releases/2-abc")).unwrap();
    let mut tar = Command::new("tar");
    tar.args(["-c", "--mtime=@0", "-f", "-", "-C"]).arg(&odd).arg(".");
    write::unpack(machine, &mut tar, &dir.join("releases/2-abc"), Duration::from_secs(20)).unwrap();
    write::make_dirs(machine, &dir.join("releases/3")).unwrap();
    write::remove(machine, &dir.join("releases/3")).unwrap();
    write::remove(machine, &dir.join("releases/3")).unwrap();
    assert!(write::rename(machine, &dir.join("current"), &dir.join("releases")).is_err());
    write::rename(machine, &dir.join("releases/2-abc"), &dir.join("releases/2")).unwrap();
    for bad in ["/", "/tmp", "relative/a/b", "/a/b/../../c"] {
        assert!(write::remove(machine, Path::new(bad)).is_err(), "{bad}");
    }
    let mut broken = Command::new("sh");
    broken.args(["-c", "tar -c -C / etc/hostname; echo it broke >&2; exit 3"]);
    let err = write::unpack(machine, &mut broken, dir, Duration::from_secs(20)).unwrap_err();
    assert!(format!("{err:#}").contains("it broke"), "{err:#}");
    let _ = fs::remove_dir_all(dir.join("etc"));
    assert_eq!(machine.read(&odd.join("run")).unwrap().as_deref(), Some(&b"again\x00\n"[..]));
    assert_eq!(machine.read(&odd.join("nothing")).unwrap(), None);
    assert!(machine.exists(&dir.join("current")).unwrap());
    assert!(!machine.exists(&dir.join("nothing")).unwrap());
    let link = machine.link(&dir.join("current")).unwrap();
    assert_eq!(link.as_deref(), Some(Path::new("releases/it's $(id); \"x\"")));
    assert_eq!(machine.link(&odd).unwrap(), None);
    assert_eq!(machine.names(&odd).unwrap(), [PathBuf::from(".env"), "run".into()]);
    assert_eq!(machine.names(&dir.join("nothing")).unwrap(), Vec::<PathBuf>::new());
    picture(dir)
}

/// Runs a job; its end and what it printed.
fn run(machine: &Machine, job: &Job, limit: u64) -> (End, String) {
    let mut said = Vec::new();
    let mut command = machine.shell(job).unwrap();
    let limit = Duration::from_millis(limit);
    let ran = steps::run(&mut command, limit, &|| false, &mut |it| said.extend_from_slice(it));
    (ran.unwrap().end, String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn files_links_and_archives_are_there_as_they_are_here() {
    let lab = Lab::new();
    let Some(sshd) = Sshd::start(&lab) else { return };
    let machine = sshd.machine();
    for dir in ["here", "there"] {
        fs::create_dir(lab.path(dir)).unwrap();
    }
    let here = deeds(&Machine::Here, &lab.path("here"));
    let there = deeds(&machine, &lab.path("there"));
    assert_eq!(here, there);
    let err = write::file(&machine, &lab.path("nowhere/x"), &File::text("x")).unwrap_err();
    assert!(format!("{err:#}").contains("nowhere"), "{err:#}");
}

#[test]
fn a_job_there_is_clean_strict_and_ends_with_all_its_processes() {
    let lab = Lab::new();
    let Some(sshd) = Sshd::start(&lab) else { return };
    let machine = sshd.machine();
    let dir = lab.path("it's a dir");
    fs::create_dir(&dir).unwrap();
    let file = "# note\nA=from file\nexport B='quoted $x'\r\nPORT=9\nbad-name=1\nC=\"a=b\"\n$(touch hit)=1\n";
    fs::write(dir.join(".env"), file).unwrap();
    let job = |line: &str| Job {
        line: line.to_owned(),
        dir: dir.clone(),
        env: vec![("PORT".into(), "3001".into()), ("ODD".into(), "it's; $(id)\n\"x\"".into())],
        env_file: Some(dir.join(".env")),
    };
    for machine in [&Machine::Here, &machine] {
        // Cargo's variables stand for what a hook has around it.
        let line =
            "echo \"$PORT|$ODD|$A|$B|$C|${CARGO_MANIFEST_DIR-clean}|$(pwd)\"; echo err >&2; exit 7";
        let (end, said) = run(machine, &job(line), 20_000);
        let wanted = format!(
            "3001|it's; $(id)\n\"x\"|from file|quoted $x|a=b|clean|{}\nerr\n",
            dir.display()
        );
        assert_eq!((end, said), (End::Exit(7), wanted), "{}", machine.name());
        assert_ne!(run(machine, &job("false | true"), 20_000).0, End::Exit(0));
        assert_ne!(run(machine, &job("echo $NOBODY"), 20_000).0, End::Exit(0));
        // It reads nothing, and nobody waits for it.
        assert_eq!(run(machine, &job("cat"), 20_000), (End::Exit(0), String::new()));
        let line = "echo $$ >pids; sleep 300 & echo $! >>pids; wait";
        let (end, _) = run(machine, &job(line), 700);
        assert_eq!(end, End::TimedOut);
        let pids = fs::read_to_string(dir.join("pids")).unwrap();
        assert_eq!(pids.lines().count(), 2, "it had not begun");
        let until = Instant::now() + Duration::from_secs(8);
        for pid in pids.lines().map(|pid| pid.parse().unwrap()) {
            while machine.process(pid) != Seen::Is(None) {
                assert!(Instant::now() < until, "{pid} lives on at {}", machine.name());
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        fs::remove_file(dir.join("pids")).unwrap();
    }
    assert!(!dir.join("hit").exists());
    let job = Job { dir: lab.path("nowhere"), ..job("true") };
    assert_ne!(run(&machine, &job, 20_000).0, End::Exit(0));
}

#[test]
fn http_and_processes_are_those_of_that_machine() {
    let lab = Lab::new();
    let Some(sshd) = Sshd::start(&lab) else { return };
    let machine = sshd.machine();
    let site = Site::start(port(), "blue");
    let url = Url::parse(&format!("http://127.0.0.1:{}/x", site.port)).unwrap();
    let answer = machine.get(&url, Some("shop.test"), Duration::from_secs(10)).unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"blue"[..]));
    let own = std::process::id();
    let there = machine.on_port(site.port);
    let Seen::Is(found) = &there else { panic!("{there:?}") };
    assert!(found.iter().any(|it| it.pid == own), "{found:?}");
    assert_eq!(machine.process(own), Machine::Here.process(own));
    assert_eq!(there, Machine::Here.on_port(site.port));
    drop(site);
    assert_eq!(machine.on_port(url.port), Seen::Is(Vec::new()));
    let err = machine.get(&url, None, Duration::from_secs(10)).unwrap_err();
    assert!(format!("{err:#}").contains("on 127.0.0.1"), "{err:#}");
    // One that accepts and says nothing is left at the deadline.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url { port: silent.local_addr().unwrap().port(), ..url };
    let start = Instant::now();
    assert!(machine.get(&url, None, Duration::from_millis(300)).is_err());
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_machine_that_is_not_there_or_is_another_one_says_so() {
    let lab = Lab::new();
    let Some(sshd) = Sshd::start(&lab) else { return };
    let open = |address: &Address| {
        Machine::connect(sshd.program.as_os_str(), address, Duration::from_secs(5))
            .map(drop)
            .map_err(|err| format!("{err:#}"))
            .unwrap_err()
    };
    let nobody = Address { port: Some(port()), ..sshd.address() };
    let said = open(&nobody);
    assert!(said.contains("127.0.0.1") && said.contains("refused"), "{said}");
    let known = lab.path("ssh/known");
    let right = fs::read(&known).unwrap();
    let stranger = fs::read_to_string(lab.path("ssh/stranger.pub")).unwrap();
    fs::write(&known, format!("[127.0.0.1]:{} {stranger}", sshd.port)).unwrap();
    let said = open(&sshd.address());
    assert!(said.contains("Host key verification failed"), "{said}");
    fs::write(&known, right).unwrap();
    fs::write(lab.path("ssh/authorized"), stranger).unwrap();
    let said = open(&sshd.address());
    assert!(said.contains("Permission denied"), "{said}");
    // One that accepts and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = Address { port: Some(silent.local_addr().unwrap().port()), ..sshd.address() };
    let start = Instant::now();
    let program = sshd.program.as_os_str();
    assert!(Machine::connect(program, &address, Duration::from_secs(1)).is_err());
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_connection_that_breaks_is_an_error_and_no_answer() {
    let lab = Lab::new();
    let Some(sshd) = Sshd::start(&lab) else { return };
    let machine = sshd.machine();
    let out = machine.ask("echo $PPID", b"", Duration::from_secs(10)).unwrap();
    // The daemon's process for this connection: a child of the one that listens.
    let session: u32 = String::from_utf8_lossy(&out.stdout).trim().parse().unwrap();
    let listener = sshd.child.id();
    let Seen::Is(Some(process)) = Machine::Here.process(session) else { panic!("{session}") };
    assert!(process.parents.contains(&listener), "{process:?} is not of {listener}");
    let pid = rustix::process::Pid::from_raw(i32::try_from(session).unwrap()).unwrap();
    drop(sshd);
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let err = machine.read(&lab.path("hub.git/HEAD")).unwrap_err();
    assert!(format!("{err:#}").contains("127.0.0.1"), "{err:#}");
    assert!(machine.exists(Path::new("/")).is_err(), "no answer is not `no`");
    assert!(matches!(machine.on_port(1), Seen::CannotTell(_)));
    assert!(matches!(machine.process(1), Seen::CannotTell(_)));
}
