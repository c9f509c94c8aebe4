//! A chapter of its own: an app on a server, with nothing but git. Two environments, the traffic
//! is a symbolic link, and every command is typed in a clone.

use super::{Chapter, Step, refused, run, shows};

const APP: &str = r#"printf '\n[[app]]\nname = "shop"\nremote = "deploy"\n' >> .gsync.toml
echo '{ "name": "shop", "version": "2.4.0" }' > package.json"#;

pub(super) const CHAPTER: Chapter = Chapter {
    name: "server",
    title: "The server: a push goes to STANDBY, a release moves the traffic",
    steps: &[
        Step::Say("An app on a server: a repository, and the environments blue and green."),
        shows("", "gsync app create --quiet shop --dir shop", &["git remote add deploy"]),
        run("", "git clone --quiet hub.git dev"),
        run("dev", "git remote add deploy ../shop/repo.git"),
        run("dev", APP),
        run("dev", "gsync finish --quiet --all -m 'an app'"),
        Step::Say("A push deploys to the environment that nobody sees."),
        shows("dev", "git push deploy main", &["green is STANDBY and runs 2.4.0"]),
        shows("dev", "gsync envs", &["LIVE    blue", "STANDBY green"]),
        Step::Say("A release leads the users there; sync brings the other side level."),
        shows("dev", "gsync release", &["green is LIVE with 2.4.0"]),
        shows("dev", "gsync sync", &["blue is STANDBY and runs 2.4.0"]),
        Step::Say("The cycle: bump, test on STANDBY, release, sync."),
        shows("dev", "gsync bump", &["2.4.0 to 2.4.1", "blue is STANDBY and runs 2.4.1"]),
        shows("", "cat shop/blue/current/package.json", &["2.4.1"]),
        shows("", "cat shop/live/current/package.json", &["2.4.0"]),
        refused("dev", "gsync bump", &["STANDBY is not what LIVE is"]),
        shows("dev", "gsync release", &["blue is LIVE with 2.4.1"]),
        Step::Say("Something is wrong with it: back at once, and there again."),
        shows("dev", "gsync rollback", &["green is LIVE with 2.4.0"]),
        shows("dev", "gsync release", &["blue is LIVE with 2.4.1"]),
        shows("dev", "gsync sync", &["green is STANDBY and runs 2.4.1"]),
        shows("dev", "gsync status", &["LIVE", "STANDBY", "2.4.1"]),
    ],
};
