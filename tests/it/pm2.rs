//! The real PM2, in a home of its own: it serves the release that `current` leads to, and its
//! word that all is well is not taken.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gsync::host::http::{self, Url};
use gsync::host::machine::{Job, Machine, write};
use gsync::host::pm2::{self, Listed, Pm2};
use gsync::host::proof::Seen;
use gsync::host::steps::{self, End};

use crate::lab::{Lab, Person, Seen as Said};
use crate::load::port;
use crate::managers::tool;
use crate::services::with_services;

const SERVER: &str = "const http = require('http');
const say = `VERSION|${process.env.COLOUR}|${process.env.PORT}|${process.env.CARGO_MANIFEST_DIR}`;
http.createServer((_, answer) => answer.end(say)).listen(process.env.PORT, '127.0.0.1');
";

struct Green {
    dir: PathBuf,
    pm2: Pm2,
    port: u16,
}

impl Green {
    fn new(lab: &Lab) -> Option<Self> {
        let (program, _node) = (tool("PM2")?, tool("NODE")?);
        let dir = lab.path("green");
        fs::create_dir_all(dir.join("releases")).unwrap();
        let pm2 = Pm2 {
            program: program.to_str().unwrap().to_owned(),
            home: dir.join("pm2"),
            ecosystem: dir.join("ecosystem.config.js"),
        };
        let file = pm2::ecosystem(&dir.join("current"), "ecosystem.config.js", "shop-green");
        write::file(&Machine::Here, &pm2.ecosystem, &file.unwrap()).unwrap();
        Some(Self { dir, pm2, port: port() })
    }

    fn release(&self, name: &str, server: &str) {
        let dir = self.dir.join("releases").join(name);
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("server.js"), server).unwrap();
        let own = "module.exports = { apps: [{ name: 'whatever', script: 'server.js' }] };";
        fs::write(dir.join("ecosystem.config.js"), own).unwrap();
        let to = Path::new("releases").join(name);
        write::link(&Machine::Here, &self.dir.join("current"), &to).unwrap();
    }

    fn run(&self, line: String, colour: &str) -> (End, Vec<u8>) {
        let env = [("PORT", self.port.to_string()), ("COLOUR", colour.to_owned())];
        let env = env.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let job = Job { line, dir: self.dir.clone(), env, env_file: None };
        let mut said = Vec::new();
        let ran = steps::run(
            &mut Machine::Here.shell(&job).unwrap(),
            Duration::from_mins(1),
            &|| false,
            &mut |it| said.extend_from_slice(it),
        );
        (ran.unwrap().end, said)
    }

    fn start(&self, colour: &str) {
        let (end, said) = self.run(self.pm2.start().unwrap(), colour);
        assert_eq!(end, End::Exit(0), "{}", String::from_utf8_lossy(&said));
    }

    fn list(&self) -> Vec<Listed> {
        pm2::list(&self.run(self.pm2.jlist().unwrap(), "x").1).unwrap()
    }

    /// Waits for an answer that begins so, and proves who gives it: the process of PM2's list,
    /// from that release.
    fn serves(&self, wanted: &str, release: &str) {
        let url = Url::parse(&format!("http://127.0.0.1:{}/", self.port)).unwrap();
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let answer = http::get(&url, None, Duration::from_secs(2));
            let said = answer.map(|it| String::from_utf8_lossy(&it.body).into_owned());
            if said.as_deref().is_ok_and(|said| said == wanted) {
                break;
            }
            assert!(Instant::now() < until, "{said:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        let Seen::Is(found) = Machine::Here.on_port(self.port) else { panic!("we are its user") };
        let release = self.dir.join("releases").join(release).canonicalize().unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].cwd, Seen::Is(release));
        let listed = self.list();
        assert_eq!(listed.len(), 1, "{listed:?}");
        assert_eq!((listed[0].pid, listed[0].name.as_str()), (found[0].pid, "shop-green"));
    }
}

impl Drop for Green {
    fn drop(&mut self) {
        self.run(self.pm2.kill().unwrap(), "x");
    }
}

#[test]
fn a_restart_serves_the_new_release_and_a_crash_loop_is_seen_though_pm2_is_content() {
    let lab = Lab::new();
    let Some(green) = Green::new(&lab) else { return };
    green.release("1-aaa", &SERVER.replace("VERSION", "1"));
    green.start("red");
    let wanted =
        |version: &str, colour: &str| format!("{version}|{colour}|{}|undefined", green.port);
    green.serves(&wanted("1", "red"), "1-aaa");
    let mode = fs::metadata(green.dir.join("pm2")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    green.release("2-bbb", &SERVER.replace("VERSION", "2"));
    green.start("blue");
    green.serves(&wanted("2", "blue"), "2-bbb");
    green.release("3-ccc", "setTimeout(() => process.exit(1), 30);");
    // It says that all is well.
    green.start("blue");
    let before = green.list()[0].clone();
    let until = Instant::now() + Duration::from_secs(30);
    while green.list()[0].restarts <= before.restarts && green.list()[0].status != "errored" {
        assert!(Instant::now() < until, "{:?}", green.list());
    }
    assert_eq!(Machine::Here.on_port(green.port), Seen::Is(Vec::new()));
    let daemon: u32 = fs::read_to_string(green.pm2.daemon_pid()).unwrap().trim().parse().unwrap();
    assert!(matches!(Machine::Here.process(daemon), Seen::Is(Some(_))));
    green.run(green.pm2.delete().unwrap(), "x");
    assert_eq!(green.list(), []);
    green.run(green.pm2.kill().unwrap(), "x");
    let until = Instant::now() + Duration::from_secs(10);
    while Machine::Here.process(daemon) != Seen::Is(None) {
        assert!(Instant::now() < until, "its daemon lives on");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The PM2 of this person; it ends with the test.
struct Own<'lab>(Person<'lab>, PathBuf);

impl Own<'_> {
    fn pm2(&self, args: &[&str]) -> Said {
        Said::of(&self.0.command(&self.1).args(args).output().unwrap())
    }
}

impl Drop for Own<'_> {
    fn drop(&mut self) {
        let _ = self.pm2(&["kill"]);
    }
}

#[test]
fn up_restarts_what_the_real_pm2_keeps_proves_it_by_its_address_and_names_one_that_dies() {
    let (Some(program), Some(_node)) = (tool("PM2"), tool("NODE")) else { return };
    let lab = Lab::new();
    let port = port();
    let settings = format!(
        "[[service]]\nname = \"api\"\npaths = [\"server.js\"]\nsteps = [\n\
         {{ name = \"restart\", pm2 = \"api\", timeout = \"30s\" }},\n\
         {{ name = \"answers\", http = \"http://127.0.0.1:{port}/\", success = [\"version-2\"], \
         timeout = \"2s\" }},\n]\n"
    );
    let path =
        format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let home = lab.path("pm2");
    let ada = with_services(&lab, &settings)
        .with_env("PATH", &path)
        .with_env("PM2_HOME", home.to_str().unwrap())
        .with_env("GSYNC_SETTLE_MS", "300");
    let server = |version: &str| {
        let server = SERVER
            .replace("VERSION", &format!("version-{version}"))
            .replace("process.env.PORT", "PORT");
        format!("const PORT = {port};\n{server}")
    };
    ada.write("server.js", server("1"));
    let own = Own(ada, program);
    let started = own.pm2(&["start", "server.js", "--name", "api", "--max-restarts", "2"]);
    let _ = started.exits(0);
    let ada = &own.0;
    ada.write("server.js", server("2"));
    let seen = ada.gsync(&["up", "api", "--json"]).exits(0).json();
    assert_eq!(seen["outcome"], "done", "{seen}");
    let url = Url::parse(&format!("http://127.0.0.1:{port}/")).unwrap();
    let answer = http::get(&url, None, Duration::from_secs(2)).unwrap();
    assert!(answer.body.starts_with(b"version-2|"), "{}", String::from_utf8_lossy(&answer.body));
    // A restart that worked stays; what then answers is not what was wanted.
    ada.write("server.js", server("1"));
    let _ = ada.gsync(&["up", "api"]).exits(4).says("without the words of `success`");
    ada.write("server.js", "setTimeout(() => process.exit(1), 30);\n");
    let _ = ada.gsync(&["up", "api"]).exits(3).says("api");
}
