//! Processes that somebody else keeps: the real PM2, one daemon for each environment, and a
//! `systemctl` that does what systemd would.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::deploy::Shop;
use crate::lab::{Lab, Seen};
use crate::load::port;
use crate::managers::tool;

/// `shop`, kept by a manager that is found on the PATH of everybody.
struct Kept<'lab> {
    shop: Shop<'lab>,
    path: String,
}

impl<'lab> Kept<'lab> {
    fn new(lab: &'lab Lab, bin: &std::path::Path, process: &str) -> Self {
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let mut shop = Shop::new(lab);
        shop.ports = [port(), port()];
        shop.settings("", "");
        let file = shop.home.join("app.toml");
        let text = fs::read_to_string(&file).unwrap();
        let text = text
            .replace("command = { start = \"exec node server.js\" }", process)
            .replace("timeout = \"5s\"", "timeout = \"4s\"");
        fs::write(file, text).unwrap();
        shop.ada.env.push(("PATH".to_owned(), path.clone()));
        Self { shop, path }
    }

    fn gsync(&self, args: &[&str]) -> Seen {
        self.shop.server().with_env("PATH", &self.path).gsync(args)
    }

    /// The whole round, and releases that are ill in ways that a manager calls well.
    #[track_caller]
    fn goes_round(&self) {
        let shop = &self.shop;
        shop.push("1.0.0").exits(0).says("green is STANDBY and runs 1.0.0");
        self.gsync(&["release"]).exits(0).says("green is LIVE with 1.0.0");
        shop.push("1.1.0").exits(0).says("blue is STANDBY and runs 1.1.0");
        assert_eq!(shop.get("green", "/version").as_deref(), Some("1.0.0"));
        let env = shop.get("blue", "/env").unwrap();
        assert!(env.contains("\"GSYNC_VERSION\":\"1.1.0\""), "{env}");
        assert!(!env.contains("GIT_DIR") && !env.contains("GIT_AUTHOR"), "{env}");
        for (kind, says) in [("crash", "everything is as it was"), ("liar", "says `0.0.0`")] {
            shop.ada.write("kind", kind);
            shop.push("1.2.0").exits(0).says(says).says("everything is as it was");
            assert_eq!(shop.get("blue", "/version").as_deref(), Some("1.1.0"), "{kind}");
            assert_eq!(shop.get("green", "/version").as_deref(), Some("1.0.0"), "{kind}");
        }
        self.gsync(&["release"]).exits(0).says("blue is LIVE with 1.1.0");
        self.gsync(&["sync"]).exits(0).says("green is STANDBY and runs 1.1.0");
        assert_eq!(shop.get("green", "/version").as_deref(), Some("1.1.0"));
        let envs = self.gsync(&["envs", "--json"]).exits(0).json();
        assert_eq!(envs["drift"], serde_json::Value::Null, "{envs}");
        assert_eq!(envs["envs"]["blue"]["health"], "ok");
    }
}

/// Ends the daemons that gsync's deploys started.
struct Daemons<'a>(&'a Kept<'a>);

impl Drop for Daemons<'_> {
    fn drop(&mut self) {
        for env in ["blue", "green"] {
            let home = self.0.shop.home.join(env).join(".pm2");
            let server = self.0.shop.server().with_env("PATH", &self.0.path);
            let mut kill = server.with_env("PM2_HOME", home.to_str().unwrap()).command("pm2");
            let _ = kill.arg("kill").stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
    }
}

#[test]
fn an_app_under_pm2_is_pushed_released_and_synced_and_its_crash_loop_is_no_success() {
    let (Some(pm2), Some(_node)) = (tool("PM2"), tool("NODE")) else { return };
    let lab = Lab::new();
    let kept = Kept::new(&lab, pm2.parent().unwrap(), "pm2 = \"ecosystem.config.js\"");
    let own = "module.exports = { apps: [{ name: 'x', script: 'server.js', kill_timeout: 500 }] };";
    kept.shop.ada.write("ecosystem.config.js", own);
    let _ends = Daemons(&kept);
    kept.goes_round();
    for env in ["blue", "green"] {
        assert!(kept.shop.home.join(env).join(".pm2/pm2.pid").exists(), "a daemon for {env}");
    }
    // The machine is started anew: no daemon is there any more.
    drop(Daemons(&kept));
    assert_eq!(kept.shop.get("blue", "/version"), None);
    kept.gsync(&["doctor"]).exits(1).says("blue shall run and does not").says("gsync app start");
    kept.gsync(&["app", "start"]).exits(0).says("start blue of shop").says("start green of shop");
    for env in ["blue", "green"] {
        assert_eq!(kept.shop.get(env, "/version").as_deref(), Some("1.1.0"), "{env}");
    }
    kept.gsync(&["doctor"]).says("blue runs what it shall run").says_not("app start");
    kept.gsync(&["app", "start"]).exits(0).says("nothing to do");
    kept.shop.ada.write("kind", "crash");
    kept.shop.push("1.4.0").exits(0).says("Error: cannot find the moon");
}

#[test]
fn an_app_under_systemd_gets_its_environment_and_is_proved_though_systemctl_is_content() {
    let Some(_node) = tool("NODE") else { return };
    let lab = Lab::new();
    let bin = lab.path("bin");
    let home = lab.path("shop");
    let script = systemctl(&[home.join("blue"), home.join("green")], &home.join("calls"));
    lab.at("root", lab.path("")).script("bin/systemctl", &script);
    let kept = Kept::new(&lab, &bin, "systemd = \"shop@{env}.service\"");
    let _ends = Units(&kept);
    kept.goes_round();
    let calls = fs::read_to_string(home.join("calls")).unwrap();
    assert!(calls.contains("restart -- shop@green.service"), "{calls}");
    let told = fs::read_to_string(home.join("green/environment")).unwrap();
    assert!(told.contains("GSYNC_VERSION=\"1.1.0\"\n"), "{told}");
}

/// A `systemctl` for `shop@blue` and `shop@green`: what the template unit says, done by hand.
pub fn systemctl(dirs: &[PathBuf; 2], calls: &Path) -> String {
    let [blue, green] = dirs.each_ref().map(|dir| dir.display());
    format!(
        "#!/bin/sh\nfor unit; do :; done\necho \"$*\" >>{calls}\n\
         case $unit in shop@blue.service) dir={blue} ;; shop@green.service) dir={green} ;; \
         *) exit 5 ;; esac\n\
         end() {{ [ -f $dir/unit.pid ] || return 0; kill -9 $(cat $dir/unit.pid) 2>/dev/null; \
         while kill -0 $(cat $dir/unit.pid) 2>/dev/null; do sleep 0.01; done; \
         rm $dir/unit.pid; }}\n\
         case \"$*\" in\n*' restart '*) end; cd -P $dir/current && set -a && . $dir/environment\n\
         setsid node server.js >>$dir/unit.log 2>&1 </dev/null &\necho $! >$dir/unit.pid ;;\n\
         *' stop '*) end ;;\nesac\n",
        calls = calls.display()
    )
}

/// Ends what such a `systemctl` started.
pub fn end_unit(dir: &Path) {
    let pid = fs::read_to_string(dir.join("unit.pid")).ok();
    let pid = pid.and_then(|text| text.trim().parse().ok());
    if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

struct Units<'a>(&'a Kept<'a>);

impl Drop for Units<'_> {
    fn drop(&mut self) {
        for env in ["blue", "green"] {
            end_unit(&self.0.shop.home.join(env));
        }
    }
}
