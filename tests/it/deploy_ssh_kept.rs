//! Processes that somebody else keeps, on two other machines behind real sshd: the real PM2, and a
//! `systemctl` that does what systemd would.

use std::fs;
use std::process::{Command, Stdio};

use crate::deploy::SERVER;
use crate::deploy_pm2::{end_unit, systemctl};
use crate::deploy_ssh::Far;
use crate::lab::Lab;
use crate::managers::tool;

/// The whole round, and a release that falls at once though its manager calls that well.
#[track_caller]
fn goes_round(far: &Far<'_>) {
    let file = far.ada.lab.path("shop/app.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(file, text.replace("timeout = \"10s\"", "timeout = \"4s\"")).unwrap();
    far.push("1.0.0").exits(0).says("green is STANDBY and runs 1.0.0");
    far.gsync(&["release"]).exits(0).says("green is LIVE with 1.0.0");
    far.push("1.1.0").exits(0).says("blue is STANDBY and runs 1.1.0");
    let env = far.get("blue", "/env").unwrap();
    assert!(env.contains("\"GSYNC_VERSION\":\"1.1.0\""), "{env}");
    assert!(!env.contains("GIT_DIR") && !env.contains("SSH_CONNECTION"), "{env}");
    far.ada.write("kind", "crash");
    far.push("1.2.0").exits(0).says("everything is as it was");
    fs::remove_file(far.ada.path("kind")).unwrap();
    far.agrees("after a crash");
    far.gsync(&["release"]).exits(0).says("blue is LIVE with 1.1.0");
    assert_eq!(far.get("live", "/version").as_deref(), Some("1.1.0"));
    far.gsync(&["rollback"]).exits(0).says("green is LIVE with 1.0.0");
    assert_eq!(far.get("live", "/version").as_deref(), Some("1.0.0"));
    far.gsync(&["sync"]).exits(0).says("blue is STANDBY and runs 1.0.0");
    let envs = far.agrees("after a sync");
    assert_eq!(envs["envs"]["blue"]["health"], "ok", "{envs}");
}

/// What died with its machine is started there, from here.
#[track_caller]
pub fn starts_again(far: &Far<'_>) {
    let versions = far.envs();
    assert_eq!(far.get("green", "/version"), None);
    far.gsync(&["doctor"]).exits(1).says("green shall run and does not").says("gsync app start");
    far.gsync(&["app", "start"]).exits(0).says("start green of shop").says("start blue of shop");
    for env in ["blue", "green"] {
        assert_eq!(far.get(env, "/version").as_deref(), versions["envs"][env]["version"].as_str());
    }
    far.gsync(&["doctor"]).says("green runs what it shall run").says_not("app start");
    far.gsync(&["app", "start"]).exits(0).says("nothing to do");
}

/// Ends the daemons that deploys started over there.
struct Daemons<'a>(&'a Far<'a>, &'a std::path::Path);

impl Drop for Daemons<'_> {
    fn drop(&mut self) {
        for env in ["blue", "green"] {
            let mut kill = Command::new(self.1);
            kill.arg("kill").env("PM2_HOME", self.0.dir(env).join(".pm2"));
            let _ = kill.stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
    }
}

#[test]
fn an_app_under_pm2_on_two_other_machines_is_pushed_released_and_led_back() {
    let (Some(pm2), Some(_node)) = (tool("PM2"), tool("NODE")) else { return };
    let lab = Lab::new();
    let keeper = ("pm2 = \"ecosystem.config.js\"", pm2.parent().unwrap());
    let Some(far) = Far::kept(&lab, "", SERVER, false, Some(keeper)) else { return };
    let own = "module.exports = { apps: [{ name: 'x', script: 'server.js', kill_timeout: 500 }] };";
    far.ada.write("ecosystem.config.js", own);
    let _ends = Daemons(&far, &pm2);
    goes_round(&far);
    // Both machines are started anew.
    drop(Daemons(&far, &pm2));
    starts_again(&far);
    for env in ["blue", "green"] {
        assert!(far.dir(env).join(".pm2/pm2.pid").exists(), "a daemon for {env}");
    }
}

struct Units<'a>(&'a Far<'a>);

impl Drop for Units<'_> {
    fn drop(&mut self) {
        for env in ["blue", "green"] {
            end_unit(self.0.dir(env));
        }
    }
}

#[test]
fn an_app_under_systemd_on_two_other_machines_is_pushed_released_and_led_back() {
    let Some(_node) = tool("NODE") else { return };
    let lab = Lab::new();
    let bin = lab.path("bin");
    let keeper = ("systemd = \"shop@{env}.service\"", bin.as_path());
    let Some(far) = Far::kept(&lab, "", SERVER, false, Some(keeper)) else { return };
    let dirs = ["blue", "green"].map(|env| far.dir(env).to_owned());
    let script = systemctl(&dirs, &lab.path("calls"));
    lab.at("root", lab.path("")).script("bin/systemctl", &script);
    let _ends = Units(&far);
    goes_round(&far);
    let calls = fs::read_to_string(lab.path("calls")).unwrap();
    assert!(calls.contains("restart -- shop@green.service"), "{calls}");
    let told = fs::read_to_string(far.dir("green").join("environment")).unwrap();
    assert!(told.contains("GSYNC_VERSION=\"1.0.0\"\n"), "{told}");
}
