//! An app on two other machines, each behind a real sshd with keys, port and home of its own, and
//! the traffic led by a HAProxy here: all that holds on one machine holds on three.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use gsync::host::haproxy::{self, Site};
use gsync::host::http::{self, Url};

use crate::deploy::SERVER;
use crate::haproxy::spawn;
use crate::lab::{Lab, Person, Seen, picture};
use crate::load::port;
use crate::managers::tool;
use crate::ssh::Sshd;

/// The app `shop`, blue on one machine and green on another one.
pub struct Far<'lab> {
    pub ada: Person<'lab>,
    home: PathBuf,
    dirs: [PathBuf; 2],
    ports: [u16; 2],
    pub hosts: [Sshd; 2],
    /// The machine of HAProxy, if that is another one too.
    pub balancer: Option<Sshd>,
    pub proxy: Child,
    pub front: u16,
}

impl Drop for Far<'_> {
    fn drop(&mut self) {
        for env in ["blue", "green"] {
            let pid = self.pid(env).and_then(|pid| i32::try_from(pid).ok());
            if let Some(group) = pid.and_then(rustix::process::Pid::from_raw) {
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            }
        }
        self.stop();
    }
}

/// HAProxy, once it answers.
fn begin(lab: &Lab, program: &PathBuf, front: u16) -> Child {
    let proxy = spawn(lab, program);
    let until = Instant::now() + Duration::from_secs(10);
    while std::os::unix::net::UnixStream::connect(lab.path("master.sock")).is_err()
        || std::net::TcpStream::connect(("127.0.0.1", front)).is_err()
    {
        assert!(Instant::now() < until, "haproxy did not start");
        std::thread::sleep(Duration::from_millis(5));
    }
    proxy
}

impl<'lab> Far<'lab> {
    /// Nothing if a program is not here. Green has no `dir`: it is below the home there.
    fn new(lab: &'lab Lab, steps: &str) -> Option<Self> {
        Self::with(lab, steps, SERVER, false)
    }

    /// With another program, and with HAProxy's sockets and map on a third machine.
    pub fn with(lab: &'lab Lab, steps: &str, server: &str, elsewhere: bool) -> Option<Self> {
        Self::kept(lab, steps, server, elsewhere, None)
    }

    /// The same with what keeps the processes: a line of `[process]`, and where its program is.
    pub fn kept(
        lab: &'lab Lab,
        steps: &str,
        server: &str,
        elsewhere: bool,
        keeper: Option<(&str, &Path)>,
    ) -> Option<Self> {
        let program = tool("HAPROXY")?;
        let homes = [lab.path("home-blue"), lab.path("home-green")];
        for home in &homes {
            fs::create_dir(home).unwrap();
        }
        let path = std::env::var("PATH").unwrap();
        let path = match keeper {
            Some((_, bin)) => format!(" \"PATH={}:{path}\"", bin.display()),
            None => String::new(),
        };
        let env = |home: &Path| format!("SetEnv \"HOME={}\"{path}\n", home.display());
        let hosts = [
            Sshd::start_as(lab, "ssh-blue", &env(&homes[0]))?,
            Sshd::start_as(lab, "ssh-green", &env(&homes[1]))?,
        ];
        let balancer = match elsewhere {
            true => Some(Sshd::start_as(lab, "ssh-balancer", &env(&homes[0]))?),
            false => None,
        };
        let at = |name: &str| lab.path(name).display().to_string();
        let config = format!(
            "Host *\nIdentityFile {}\nIdentityFile {}\nIdentityFile {}\nIdentitiesOnly yes\n\
             UserKnownHostsFile {} {} {}\nGlobalKnownHostsFile /dev/null\nStrictHostKeyChecking yes\n",
            at("ssh-blue/user"),
            at("ssh-green/user"),
            at("ssh-balancer/user"),
            at("ssh-blue/known"),
            at("ssh-green/known"),
            at("ssh-balancer/known")
        );
        fs::write(lab.path("ssh-config"), config).unwrap();
        let root = lab.at("root", lab.path(""));
        root.script("ssh.sh", &format!("#!/bin/sh\nexec ssh -F '{}' \"$@\"\n", at("ssh-config")));

        let ports = [port(), port()];
        let front = port();
        fs::write(lab.path("live.map"), "# live\nshop shop_blue\n").unwrap();
        let url = |port: u16| Url::parse(&format!("http://127.0.0.1:{port}/")).unwrap();
        let lines = haproxy::lines(&Site {
            app: "shop",
            host: "shop.test",
            map: &lab.path("live.map"),
            health: "/healthz",
            status: 200,
            backends: vec![("shop_blue", url(ports[0])), ("shop_green", url(ports[1]))],
        });
        let text = lines.unwrap().whole(&format!("127.0.0.1:{front}"), &lab.path("admin.sock"));
        let text = text.unwrap().replace("inter 1s fastinter 250ms", "inter 100ms fastinter 50ms");
        fs::write(lab.path("haproxy.cfg"), text).unwrap();
        let proxy = begin(lab, &program, front);

        let ssh = lab.path("ssh.sh");
        let ada = lab.person("ada").with_env("GSYNC_SSH", ssh.to_str().unwrap());
        let home = lab.path("shop");
        let dir = home.to_str().unwrap();
        ada.gsync(&["app", "create", "shop", "--dir", dir, "--template", "command"]).exits(0);
        ada.git(&["remote", "add", "deploy", home.join("repo.git").to_str().unwrap()]);
        ada.write("server.js", server);
        let dirs = [lab.path("srv/shop-blue"), homes[1].join("gsync/shop/green")];
        let far = Self { ada, home, dirs, ports, hosts, balancer, proxy, front };
        let process = "command = { start = \"exec node server.js\" }";
        far.settings(steps, keeper.map_or(process, |(line, _)| line));
        Some(far)
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.proxy.id()).ok().and_then(rustix::process::Pid::from_raw);
        let _ = rustix::process::kill_process(pid.unwrap(), signal);
    }

    /// HAProxy loads its configuration anew.
    pub fn reload(&self) {
        self.signal(rustix::process::Signal::USR2);
    }

    pub fn stop(&mut self) {
        self.signal(rustix::process::Signal::TERM);
        let _ = self.proxy.wait();
    }

    pub fn start(&mut self) {
        self.proxy = begin(self.ada.lab, &tool("HAPROXY").unwrap(), self.front);
    }

    fn settings(&self, steps: &str, process: &str) {
        let lab = self.ada.lab;
        let [blue, green] = self.ports;
        let machine = self.balancer.as_ref();
        let machine = machine.map(|it| format!("machine = \"ssh://127.0.0.1:{}\", ", it.port));
        let text = format!(
            "name = \"shop\"\nbranch = \"main\"\nkeep = 3\nshared = [\".env\", \"up loads/\"]\n{steps}\n\
             [process]\n{process}\n\
             [health]\npath = \"/healthz\"\nversion = \"/version\"\ntimeout = \"10s\"\n\
             interval = \"50ms\"\nsoak = \"100ms\"\n[release]\nwatch = \"200ms\"\n\
             [traffic]\nhaproxy = {{ {}master = \"{}\", map = \"{}\", host = \"shop.test\", \
             probe = \"http://127.0.0.1:{}/\" }}\n\
             [env.blue]\nurl = \"http://127.0.0.1:{blue}\"\nport = {blue}\n\
             host = \"ssh://127.0.0.1:{}\"\ndir = \"{}\"\n\
             [env.green]\nurl = \"http://127.0.0.1:{green}\"\nport = {green}\n\
             host = \"ssh://127.0.0.1:{}\"\n",
            machine.unwrap_or_default(),
            lab.path("master.sock").display(),
            lab.path("live.map").display(),
            self.front,
            self.hosts[0].port,
            self.dirs[0].display(),
            self.hosts[1].port,
        );
        fs::write(self.home.join("app.toml"), text).unwrap();
    }

    pub fn commit(&self, version: &str) {
        self.ada.write("VERSION", format!("{version}\n"));
        self.ada.git(&["add", "-A"]);
        self.ada.git(&["commit", "--quiet", "--allow-empty", "-m", version]);
    }

    #[track_caller]
    pub fn push(&self, version: &str) -> Seen {
        self.commit(version);
        self.ada.try_git(&["push", "deploy", "main"])
    }

    pub fn server(&self) -> Person<'lab> {
        let ssh = self.ada.lab.path("ssh.sh");
        self.ada.lab.at("root", self.home.clone()).with_env("GSYNC_SSH", ssh.to_str().unwrap())
    }

    #[track_caller]
    pub fn gsync(&self, args: &[&str]) -> Seen {
        self.server().gsync(args)
    }

    pub fn envs(&self) -> serde_json::Value {
        self.gsync(&["envs", "--json"]).exits(0).json()
    }

    pub fn dir(&self, env: &str) -> &Path {
        &self.dirs[usize::from(env == "green")]
    }

    pub fn pid(&self, env: &str) -> Option<u64> {
        let text = fs::read_to_string(self.dir(env).join("process.json")).ok()?;
        let value: serde_json::Value = serde_json::from_str(&text).ok()?;
        value["pid"].as_u64()
    }

    /// What an environment answers; `live`: what users get.
    pub fn get(&self, env: &str, path: &str) -> Option<String> {
        let port = match env {
            "live" => self.front,
            env => self.ports[usize::from(env == "green")],
        };
        let url = Url::parse(&format!("http://127.0.0.1:{port}{path}")).unwrap();
        let answer = http::get(&url, Some("shop.test"), Duration::from_secs(5)).ok()?;
        (answer.status == 200).then(|| String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// 1.0.0 is LIVE on green, 1.1.0 is STANDBY on blue.
    fn two_versions(lab: &'lab Lab, steps: &str) -> Option<Self> {
        Some(Self::new(lab, steps)?.at_two_versions())
    }

    pub fn at_two_versions(self) -> Self {
        let far = self;
        far.push("1.0.0").exits(0).says("green is STANDBY and runs 1.0.0");
        far.gsync(&["release"]).exits(0).says("green is LIVE with 1.0.0");
        far.push("1.1.0").exits(0).says("blue is STANDBY and runs 1.1.0");
        far
    }

    #[track_caller]
    pub fn agrees(&self, when: &str) -> serde_json::Value {
        let envs = self.envs();
        assert_eq!(envs["drift"], serde_json::Value::Null, "{when}: {envs}");
        for env in ["blue", "green"] {
            let version = envs["envs"][env]["version"].as_str().unwrap_or_default().to_owned();
            assert_eq!(self.get(env, "/version"), Some(version), "{when}: {envs}");
            let current = fs::read_link(self.dir(env).join("current")).unwrap();
            assert!(current.ends_with(envs["envs"][env]["release"].as_str().unwrap()), "{when}");
        }
        envs
    }
}

#[test]
fn a_push_a_release_a_rollback_a_sync_and_a_bump_over_two_other_machines() {
    let lab = Lab::new();
    let Some(far) = Far::new(&lab, "[[step]]\nname = \"b\"\nrun = \"echo $GSYNC_ENV >built\"\n")
    else {
        return;
    };
    far.gsync(&["envs"]).exits(0).says("nothing yet");
    let start = Instant::now();
    far.push("1.0.0").exits(0).says("green is STANDBY and runs 1.0.0");
    println!("push with a deploy there: {:?}", start.elapsed());
    assert_eq!(far.get("green", "/version").as_deref(), Some("1.0.0"));
    assert_eq!(fs::read_to_string(far.dir("green").join("current/built")).unwrap(), "green\n");
    assert!(!far.home.join("green").join("current").exists(), "nothing of it is here");
    far.gsync(&["release"]).exits(0).says("green is LIVE with 1.0.0");
    assert_eq!(far.get("live", "/version").as_deref(), Some("1.0.0"));
    let live = (far.pid("green"), picture(far.dir("green")));

    far.push("1.1.0").exits(0).says("blue is STANDBY and runs 1.1.0");
    assert_eq!((far.pid("green"), picture(far.dir("green"))), live, "LIVE is untouched");
    let start = Instant::now();
    let envs = far.envs();
    println!("envs of two other machines: {:?}", start.elapsed());
    assert_eq!((&envs["live"], &envs["standby"]), (&"green".into(), &"blue".into()));
    assert_eq!(envs["envs"]["blue"]["health"], "ok");
    let start = Instant::now();
    far.gsync(&["release"]).exits(0).says("blue is LIVE with 1.1.0");
    println!("release (watch 200 ms): {:?}", start.elapsed());
    far.gsync(&["rollback"]).exits(0).says("green is LIVE with 1.0.0");
    assert_eq!(far.get("live", "/version").as_deref(), Some("1.0.0"));
    far.gsync(&["release"]).exits(0).says("blue is LIVE with 1.1.0");
    far.gsync(&["sync"]).exits(0).says("green is STANDBY and runs 1.1.0");
    far.agrees("after sync");

    far.ada.write(".gsync.toml", "[[app]]\nname = \"shop\"\nremote = \"deploy\"\n");
    far.ada.git(&["add", "-A"]);
    far.ada.git(&["commit", "--quiet", "-m", "an app"]);
    far.ada.push();
    far.ada.gsync(&["bump"]).exits(0).says("test 1.1.1 on STANDBY");
    assert_eq!(far.get("green", "/version").as_deref(), Some("1.1.1"));
    far.gsync(&["release"]).exits(0).says("green is LIVE with 1.1.1");
    far.gsync(&["sync"]).exits(0).says("blue is STANDBY and runs 1.1.1");
    assert_eq!(far.get("live", "/version").as_deref(), Some("1.1.1"));
    far.agrees("after a bump");
    // Three are kept there, as they would be here.
    for n in 2..6 {
        far.push(&format!("1.{n}.0")).exits(0);
    }
    assert_eq!(fs::read_dir(far.dir("blue").join("releases")).unwrap().count(), 3);
    // Both machines are started anew.
    for env in ["blue", "green"] {
        let pid = i32::try_from(far.pid(env).unwrap()).ok();
        let group = pid.and_then(rustix::process::Pid::from_raw).unwrap();
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
    }
    crate::deploy_ssh_kept::starts_again(&far);
}

/// Ends the connection over which it runs, as a machine that goes away would.
const CUT: &str = "[ -e cut ] || exit 0\n\
    p=$$; n=\n\
    while :; do n=$(cat /proc/$p/comm); case $n in sshd*) break ;; esac\n\
    p=$(cut -d' ' -f4 /proc/$p/stat); done\n\
    echo $$ >\"$(cat cut)/step\"\n\
    [ ! -e \"$(cat cut)/daemon\" ] || kill -9 $(cat \"$(cat cut)/daemon\")\n\
    kill -9 $p; sleep 60\n";

#[test]
fn a_step_that_fails_there_or_loses_its_machine_leaves_standby_on_its_former_release() {
    let lab = Lab::new();
    let steps = "[[step]]\nname = \"build\"\nrun = \"if [ -e build.sh ]; then sh build.sh; fi\"\n";
    let Some(mut far) = Far::two_versions(&lab, steps) else { return };
    let live = (far.pid("green"), picture(far.dir("green")));
    let standby = far.pid("blue");
    far.ada.write("build.sh", "echo 'error: no moon'; exit 7\n");
    let seen = far.push("1.2.0").says("build").says("error: no moon").says("log: ");
    assert_eq!(seen.code, 0);
    assert_eq!(far.pid("blue"), standby, "it was not even restarted");
    far.agrees("after a failed step");

    // The connection breaks, and the machine is still there.
    far.ada.write("build.sh", CUT);
    far.ada.write("cut", lab.path("").to_str().unwrap());
    far.commit("1.3.0");
    far.ada.git(&["push", "--quiet", "deploy", "main:side"]);
    far.gsync(&["deploy", "side"]).exits(3).says("build");
    assert_eq!(far.pid("blue"), standby);
    far.agrees("after a connection that broke");
    let step: u32 = fs::read_to_string(lab.path("step")).unwrap().trim().parse().unwrap();
    let until = Instant::now() + Duration::from_secs(12);
    while Path::new(&format!("/proc/{step}/cwd")).read_link().is_ok() {
        assert!(Instant::now() < until, "the step lives on there");
        std::thread::sleep(Duration::from_millis(20));
    }

    // The machine goes away: what cannot be put back is said, and done when it is there again.
    fs::write(lab.path("daemon"), far.hosts[0].pid().to_string()).unwrap();
    far.gsync(&["deploy", "side"]).exits(5).says("rescue");
    assert_eq!((far.pid("green"), picture(far.dir("green"))), live, "LIVE is untouched");
    assert_eq!(far.get("live", "/version").as_deref(), Some("1.0.0"));
    far.gsync(&["envs"]).exits(7).says("cannot be reached").says("green");
    far.gsync(&["rescue"]).exits(5);
    far.hosts[0].again();
    fs::remove_file(lab.path("daemon")).unwrap();
    far.gsync(&["rescue"]).exits(0);
    assert_eq!(far.pid("blue"), standby);
    far.agrees("after the machine came back");
    far.ada.write("build.sh", "true\n");
    far.push("1.4.0").exits(0).says("blue is STANDBY and runs 1.4.0");
}

#[test]
fn a_machine_that_is_another_one_or_not_there_is_never_fine_and_nothing_changes() {
    let lab = Lab::new();
    let Some(far) = Far::two_versions(&lab, "") else { return };
    let pictures = || (picture(far.dir("blue")), picture(far.dir("green")));
    let before = pictures();
    let stranger = fs::read_to_string(lab.path("ssh-blue/stranger.pub")).unwrap();
    let known = fs::read(lab.path("ssh-blue/known")).unwrap();
    let line = format!("[127.0.0.1]:{} {stranger}", far.hosts[0].port);
    fs::write(lab.path("ssh-blue/known"), line).unwrap();
    for args in [&["deploy"][..], &["release"], &["sync"], &["rollback"]] {
        far.gsync(args).exits(7).says("blue cannot be looked at").says("Host key verification");
    }
    let envs = far.gsync(&["envs", "--json"]).exits(7).json();
    assert_eq!(
        (&envs["live"], &envs["envs"]["blue"]["health"]),
        (&"green".into(), &"unknown".into())
    );
    assert_eq!(envs["envs"]["green"]["health"], "ok");
    far.push("1.2.0").says("blue cannot be looked at").says("nothing was deployed");
    assert_eq!(pictures(), before);
    fs::write(lab.path("ssh-blue/known"), known).unwrap();
    far.gsync(&["deploy"]).exits(0).says("blue is STANDBY and runs 1.2.0");
    // LIVE's machine is gone: STANDBY can still take over.
    fs::write(lab.path("ssh-green/known"), "").unwrap();
    far.gsync(&["release"]).exits(0).says("blue is LIVE with 1.2.0");
}

#[test]
fn a_deploy_there_that_is_killed_anywhere_is_put_back_and_live_answers() {
    let lab = Lab::new();
    let steps = "[[step]]\nname = \"build\"\nrun = \"true\"\n";
    let Some(far) = Far::two_versions(&lab, steps) else { return };
    far.commit("1.2.0");
    far.ada.git(&["push", "--quiet", "deploy", "main:side"]);
    let live = (far.pid("green"), picture(far.dir("green")));
    let mut points = 0;
    for at in 1..40 {
        let mut command = far.server().command(env!("CARGO_BIN_EXE_gsync"));
        command.args(["deploy", "side"]).env("GSYNC_STOP_AT", at.to_string());
        if command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success() {
            break;
        }
        points += 1;
        assert_eq!(far.get("live", "/version").as_deref(), Some("1.0.0"), "killed at {at}");
        far.gsync(&["rescue"]).exits(0);
        far.agrees(&format!("killed at {at}"));
    }
    assert!(points >= 8, "only {points} points");
    assert_eq!((far.pid("green"), picture(far.dir("green"))), live, "LIVE is untouched");
    assert_eq!(far.envs()["envs"]["blue"]["version"], "1.2.0");
}

#[test]
fn names_and_values_arrive_there_as_they_are() {
    let lab = Lab::new();
    let steps = "[[step]]\nname = \"b\"\nrun = '''env -0 | sort -z >seen'''\n";
    let Some(far) = Far::new(&lab, steps) else { return };
    let shared = far.dir("green").join("shared");
    fs::create_dir_all(&shared).unwrap();
    let odd = "it's $(id) `id` \"x\" ; & \\ * é";
    fs::write(shared.join(".env"), format!("# no\nODD='{odd}'\nexport TWO = 2 # two\nPORT=1\n"))
        .unwrap();
    let names: [&[u8]; 6] =
        [b"it's", b"a\nb", b"$(touch hit)", b"-rf", b"\xff\xfe", b"tab\there \"q\""];
    for name in names {
        let dir = far.ada.dir.join("odd").join(OsStr::from_bytes(name));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join(OsStr::from_bytes(name)), name).unwrap();
    }
    far.ada.script("run me", "#!/bin/sh\n");
    std::os::unix::fs::symlink("odd/it's", far.ada.dir.join("link")).unwrap();
    far.ada.write(".gitattributes", "odd export-ignore\n");
    far.push("1.0.0").exits(0).says("green is STANDBY");
    let current = far.dir("green").join("current").canonicalize().unwrap();
    assert_eq!(picture(&current.join("odd")), picture(&far.ada.dir.join("odd")));
    assert_eq!(fs::read_link(current.join("link")).unwrap(), Path::new("odd/it's"));
    assert_eq!(fs::metadata(current.join("run me")).unwrap().permissions().mode() & 0o111, 0o111);
    assert_eq!(fs::read_link(current.join("up loads")).unwrap(), shared.join("up loads"));
    assert_eq!(fs::read_link(current.join(".env")).unwrap(), shared.join(".env"));
    assert!(shared.join("up loads").is_dir());
    let seen = fs::read(current.join("seen")).unwrap();
    let seen: Vec<&[u8]> = seen.split(|byte| *byte == 0).collect();
    let odd = format!("ODD={odd}");
    for wanted in [odd.as_str(), "TWO=2", "GSYNC_ENV=green", "GSYNC_VERSION=1.0.0"] {
        assert!(seen.contains(&wanted.as_bytes()), "{wanted}: {seen:?}");
    }
    assert!(!seen.iter().any(|it| it.starts_with(b"GIT_") || it.starts_with(b"SSH_")), "{seen:?}");
    // The process has the same.
    let env: serde_json::Value = serde_json::from_str(&far.get("green", "/env").unwrap()).unwrap();
    assert_eq!(format!("ODD={}", env["ODD"].as_str().unwrap()), odd);
    assert_eq!(env["PORT"], far.ports[1].to_string());
    assert!(!far.ada.dir.join("hit").exists() && !current.join("hit").exists());
}
