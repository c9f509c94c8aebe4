//! The chapter of `--full`: an app behind a real HAProxy, its processes kept by the real PM2, all on
//! loopback and in the directory of the demo. What it starts is stopped when it ends.

use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::stage::Stage;
use super::{Chapter, Step, run, shows};
use crate::host::proof::{self, Seen};
use crate::host::read;

/// A program that the chapter is played with.
pub(super) struct Part {
    pub name: &'static str,
    pub install: &'static str,
    /// What becomes of the chapter if it is not here.
    pub without: &'static str,
    needed: bool,
}

const PARTS: [Part; 3] = [
    Part {
        name: "haproxy",
        install: "apt-get install haproxy",
        without: "the chapter with real servers is left out",
        needed: true,
    },
    Part {
        name: "node",
        install: "apt-get install nodejs",
        without: "the chapter with real servers is left out",
        needed: true,
    },
    Part {
        name: "pm2",
        install: "npm install --global pm2",
        without: "gsync keeps the processes itself",
        needed: false,
    },
];

/// The parts that are not here.
pub(super) fn missing() -> Vec<Part> {
    PARTS.into_iter().filter(|part| !Stage::has(part.name)).collect()
}

/// Whether what is here is enough.
pub(super) fn can_play(missing: &[Part]) -> bool {
    missing.iter().all(|part| !part.needed)
}

/// What the lines of the chapter name: ports that nobody has, and who keeps the processes.
pub(super) fn vars(missing: &[Part]) -> Result<Vec<(&'static str, String)>> {
    // All at once, or one would be given twice.
    let bound: Vec<TcpListener> = (0..3)
        .map(|_| TcpListener::bind("127.0.0.1:0").context("find a free port"))
        .collect::<Result<_>>()?;
    let ports = bound.iter().map(|it| Ok(it.local_addr().context("find a free port")?.port()));
    let ports = ports.collect::<Result<Vec<u16>>>()?;
    let process = match missing.iter().any(|part| part.name == "pm2") {
        true => r#"command = { start = "exec node server.js" }"#,
        false => r#"pm2 = "ecosystem.config.js""#,
    };
    let mut vars: Vec<_> = ["FRONT", "BLUE", "GREEN"]
        .into_iter()
        .zip(ports)
        .map(|(name, port)| (name, port.to_string()))
        .collect();
    vars.push(("PROCESS", process.to_owned()));
    Ok(vars)
}

const PROXY: &str = r"cat > haproxy.cfg <<END
global
    stats socket $PWD/admin.sock mode 600 level admin
defaults
    mode http
    option redispatch
    option idle-close-on-response
    retries 3
    timeout connect 2s
    timeout client 30s
    timeout server 30s
frontend www
    bind 127.0.0.1:$FRONT
    default_backend nowhere
backend nowhere
    http-request return status 503
END";

const SETTINGS: &str = r#"cat > web/app.toml <<END
name = "web"
branch = "main"
[process]
$PROCESS
[health]
path = "/healthz"
version = "/version"
interval = "50ms"
soak = "200ms"
[traffic.haproxy]
master = "$PWD/master.sock"
map = "$PWD/live.map"
host = "web.example"
probe = "http://127.0.0.1:$FRONT/"
[release]
watch = "500ms"
[env.blue]
url = "http://127.0.0.1:$BLUE"
port = $BLUE
[env.green]
url = "http://127.0.0.1:$GREEN"
port = $GREEN
END"#;

const START: &str =
    "haproxy -W -D -S $PWD/master.sock,mode,600,level,admin -p $PWD/haproxy.pid -f haproxy.cfg";

const APP: &str = r#"cat > server.js <<'END'
const version = require('./package.json').version;
require('http').createServer((req, res) => {
  res.end(req.url === '/version' ? version : process.env.GSYNC_ENV);
}).listen(+process.env.PORT, '127.0.0.1');
END
cat > ecosystem.config.js <<'END'
module.exports = { apps: [{ name: 'web', script: 'server.js', kill_timeout: 1000 }] };
END
echo '{ "name": "web", "version": "2.4.0" }' > package.json
printf '[[app]]\nname = "web"\nremote = "deploy"\n' > .gsync.toml"#;

/// Asks the proxy a hundred times a second, GET and POST, on new connections and on kept ones,
/// until it is told to stop, and says what came of it.
const TRICKLE: &str = r"cat > trickle.js <<'END'
const http = require('http'), said = {};
let count = 0, failed = 0, open = 0;
const kept = new http.Agent({ keepAlive: true });
const heard = (res) => {
  let text = '';
  res.on('data', (some) => text += some).on('end', () => {
    open--;
    if (res.statusCode === 200) said[text] = (said[text] || 0) + 1; else failed++;
  });
};
const ask = () => {
  const method = count % 2 ? 'POST' : 'GET', agent = count % 4 < 2 ? kept : new http.Agent();
  count++, open++;
  http.request({ port: +process.env.FRONT, host: '127.0.0.1', method, agent, headers: { host: 'web.example' } }, heard)
    .on('error', () => { open--; failed++; }).end();
};
const timer = setInterval(ask, 10);
process.on('SIGTERM', () => setTimeout(() => {
  clearInterval(timer);
  const end = setInterval(() => {
    if (open) return;
    clearInterval(end);
    const by = Object.keys(said).sort().map((side) => `${said[side]} by ${side}`).join(', ');
    console.log(`${count} requests, ${failed} failed, answered ${by}`);
    process.exit(failed ? 1 : 0);
  }, 10);
}, 200));
END";

const RELEASE: &str = "node ../trickle.js & sleep 0.5; gsync release; kill $!; wait $!";
const ROLLBACK: &str = "node ../trickle.js & sleep 0.5; gsync rollback; kill $!; wait $!";

pub(super) const CHAPTER: Chapter = Chapter {
    name: "full",
    title: "Real servers: HAProxy leads the users, and no request is lost",
    steps: &[
        Step::Say("A HAProxy that has not heard of any app, and an app home."),
        run("", PROXY),
        run("", "gsync app create --quiet --template node-pm2 web --dir web"),
        run("", SETTINGS),
        Step::Say("gsync adds what the app needs, once haproxy itself says that it would start."),
        shows("", "gsync app create web --dir web --haproxy haproxy.cfg", &["haproxy.cfg"]),
        run("", START),
        run("", "git init --quiet --bare --initial-branch=main web.git"),
        run("", "git clone --quiet web.git team"),
        run("team", APP),
        run(
            "team",
            "git add . && git commit --quiet -m '2.4.0' && git push --quiet -u origin main",
        ),
        run("team", "git remote add deploy ../web/repo.git"),
        Step::Say("A push goes to STANDBY: proved by process, port, directory and version."),
        shows("team", "git push deploy main", &["green is STANDBY and runs 2.4.0"]),
        shows("team", "gsync release", &["green is LIVE with 2.4.0"]),
        shows("team", "gsync sync", &["blue is STANDBY and runs 2.4.0"]),
        shows("team", "gsync bump", &["blue is STANDBY and runs 2.4.1"]),
        shows("team", "gsync envs", &["LIVE    green", "STANDBY blue", "2.4.1"]),
        Step::Say("A release, while somebody asks a hundred times a second."),
        run("", TRICKLE),
        shows("team", RELEASE, &["blue is LIVE with 2.4.1", " 0 failed", "by blue", "by green"]),
        Step::Say("And the way back, in the same way."),
        shows("team", ROLLBACK, &["green is LIVE with 2.4.0", " 0 failed", "by blue", "by green"]),
        shows("team", "gsync release", &["blue is LIVE with 2.4.1"]),
        shows("team", "gsync sync", &["green is STANDBY and runs 2.4.1"]),
        shows("team", "gsync envs", &["LIVE    blue", "STANDBY green"]),
        Step::Say("What was started here is stopped now: HAProxy, PM2 and the app."),
    ],
};

/// What the chapter started, to be stopped: by its number, never by a name.
pub(super) struct Servers<'a>(pub &'a Stage);

impl Drop for Servers<'_> {
    fn drop(&mut self) {
        let home = self.0.dir().join("web");
        if home.join("repo.git").is_dir() {
            // A deploy outlives whoever pushed it: nothing may be started behind our back.
            let _ = self.0.run("web", "gsync cancel");
        }
        for env in ["blue", "green"] {
            let dir = home.join(env);
            if let Some(daemon) = number(&dir.join(".pm2/pm2.pid")) {
                let apps = proof::descendants(daemon).known().cloned().unwrap_or_default();
                let home = format!("PM2_HOME=$PWD/{env}/.pm2 PM2_DISCRETE_MODE=true");
                let _ = self.0.run("web", &format!("{home} pm2 kill"));
                apps.into_iter().chain([daemon]).for_each(|pid| end(pid, false));
            }
            if let Some((pid, started)) = recorded(&dir.join("process.json"))
                && matches!(proof::process(pid), Seen::Is(Some(it)) if it.started == started)
            {
                end(pid, true);
            }
        }
        if let Some(master) = number(&self.0.dir().join("haproxy.pid")) {
            end(master, false);
        }
    }
}

/// The number of a process in the file that it wrote.
fn number(file: &Path) -> Option<u32> {
    read::text(file).ok()??.trim().parse().ok()
}

/// The process that gsync keeps itself, and when it started.
fn recorded(file: &Path) -> Option<(u32, String)> {
    let record: serde_json::Value = serde_json::from_str(&read::text(file).ok()??).ok()?;
    let pid = u32::try_from(record["pid"].as_u64()?).ok()?;
    Some((pid, record["started"].as_str()?.to_owned()))
}

/// Asks a process to end, waits, and makes it.
fn end(pid: u32, group: bool) {
    let it = i32::try_from(pid).ok().filter(|pid| *pid > 1).and_then(Pid::from_raw);
    let Some(it) = it else { return };
    let lives = || matches!(proof::process(pid), Seen::Is(Some(_)));
    for signal in [Signal::TERM, Signal::KILL] {
        if !lives() {
            return;
        }
        let _ = if group { kill_process_group(it, signal) } else { kill_process(it, signal) };
        let until = Instant::now() + Duration::from_secs(5);
        while lives() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
