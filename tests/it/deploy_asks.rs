//! The commands of an app typed in a clone: they travel as a push of a request, and the answer
//! comes back as if they had been typed on the server.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::lab::{Lab, Person, Seen, picture};

/// A clone with an app behind its remote `deploy`; the traffic is a link, and there is no process.
pub struct Shop<'lab> {
    pub ada: Person<'lab>,
    pub home: PathBuf,
}

/// Makes an app home.
pub fn home(ada: &Person<'_>, name: &str, more: &str) -> PathBuf {
    let home = ada.lab.path(name);
    ada.gsync(&["app", "create", name, "--dir", home.to_str().unwrap()]).exits(0);
    let text = format!(
        "name = \"{name}\"\nbranch = \"main\"\n{more}\n[process]\nnone = true\n[release]\nwatch = \"0s\"\n\
         [env.blue]\n[env.green]\n"
    );
    fs::write(home.join("app.toml"), text).unwrap();
    home
}

impl<'lab> Shop<'lab> {
    pub fn new(lab: &'lab Lab) -> Self {
        Self::with(lab, "")
    }

    pub fn with(lab: &'lab Lab, more: &str) -> Self {
        let ada = lab.person("ada");
        let home = home(&ada, "shop", more);
        ada.git(&["remote", "add", "deploy", home.join("repo.git").to_str().unwrap()]);
        ada.write(".gsync.toml", "[[app]]\nname = \"shop\"\nremote = \"deploy\"\n");
        ada.commit_all("an app");
        ada.push();
        Self { ada, home }
    }

    /// A commit of a version, on the hub too.
    pub fn version(&self, version: &str) -> String {
        self.ada.commit("VERSION", &format!("{version}\n"), version);
        self.ada.push();
        self.ada.git(&["rev-parse", "HEAD"])
    }

    #[track_caller]
    pub fn push(&self, version: &str) -> Seen {
        self.version(version);
        self.ada.try_git(&["push", "deploy", "main"]).exits(0)
    }

    pub fn server(&self) -> Person<'lab> {
        self.ada.lab.at("root", self.home.clone())
    }

    pub fn live(&self) -> String {
        fs::read_link(self.home.join("live")).unwrap().to_str().unwrap().to_owned()
    }

    fn requests(&self) -> String {
        self.server().git(&["-C", "repo.git", "for-each-ref", "refs/gsync/requests"])
    }

    /// A request by hand, past everything that gsync does in a clone.
    fn by_hand(&self, text: &str, to: &[&str]) -> Seen {
        self.ada.write("../asked", text);
        let id = self.ada.sh("set -e; blob=$(git hash-object -w ../asked); \
             tree=$(printf '100644 blob %s\\trequest.json\\n' $blob | git mktree); \
             git commit-tree -m x $tree");
        let refs: Vec<String> = to.iter().map(|to| format!("{}:{to}", id.stdout.trim())).collect();
        let mut args = vec!["push", "--no-verify", "deploy"];
        args.extend(refs.iter().map(String::as_str));
        self.ada.try_git(&args)
    }
}

const ID: &str = "refs/gsync/requests/0123456789abcdef";

#[test]
fn the_whole_cycle_is_typed_in_a_clone_as_on_the_server() {
    let lab = Lab::new();
    let shop = Shop::new(&lab);
    shop.push("2.4.0").says("green is STANDBY and runs 2.4.0");
    let ada = &shop.ada;
    let before = (ada.state(), ada.tree(".git/refs"));
    let seen = ada.gsync(&["envs"]).exits(0);
    assert!(seen.stdout.starts_with("shop\n  LIVE    blue"), "{}", seen.stdout);
    assert!(seen.stdout.lines().all(|line| !line.ends_with(' ') && !line.contains("remote:")));
    assert_eq!(seen.stderr, "");
    ada.gsync(&["release"]).exits(0).says("switch traffic from blue to green");
    assert_eq!(shop.live(), "green");
    ada.gsync(&["sync"]).exits(0).says("blue is STANDBY and runs 2.4.0");
    shop.version("2.4.1");
    ada.try_git(&["push", "--quiet", "deploy", "main"]).exits(0);
    let before_release = (ada.state(), ada.tree(".git/refs"));
    ada.gsync(&["release"]).exits(0).says("blue is LIVE with 2.4.1");
    ada.gsync(&["rollback"]).exits(0).says("green is LIVE with 2.4.0");
    ada.gsync(&["deploy", "main~1"]).exits(0).says("blue is STANDBY and runs 2.4.0");
    ada.gsync(&["cancel"]).exits(0).says("nothing to cancel");
    assert_ne!(before, before_release, "a commit was made in between");
    assert_eq!((ada.state(), ada.tree(".git/refs")), before_release, "nothing of it stays here");
    assert_eq!(shop.requests(), "", "nothing of it stays there");
    // The chain says who; the journal says what, and that it was asked for.
    let journal = shop.server().sh("cat repo.git/gsync/runs/*").exits(0);
    journal.says("gsync deploy ").says("asked for by a push");
}

#[test]
fn programs_get_the_object_of_the_server_and_its_exit_code() {
    let lab = Lab::new();
    let shop = Shop::new(&lab);
    shop.push("2.4.0");
    let ada = &shop.ada;
    let there = shop.server().gsync(&["envs", "--json"]).exits(0);
    let here = ada.gsync(&["envs", "--json"]).exits(0);
    assert_eq!((here.json(), here.stderr.as_str()), (there.json(), ""));
    let plan = ada.gsync(&["release", "--dry-run", "--json"]).exits(0).json();
    assert_eq!(shop.live(), "blue");
    let id = plan["plan"]["id"].as_str().unwrap();
    let other = ada.gsync(&["release", "--only", "00000000", "--json"]).exits(1).json();
    assert_eq!(other["error"]["code"], "plan-changed");
    let done = ada.gsync(&["release", "--only", id, "--json"]).exits(0).json();
    assert_eq!((&done["outcome"], &done["live"]), (&"done".into(), &"green".into()));
    let lines = ada.gsync(&["sync", "--json-lines"]).exits(0).stdout;
    assert!(lines.lines().count() >= 1);
    for line in lines.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line.is_object());
    }
    let wrong = ada.gsync(&["deploy", "nowhere", "--json"]).exits(2).json();
    assert_eq!(wrong["error"]["code"], "no-such-revision");
    let quiet = ada.gsync(&["release", "--quiet"]).exits(0);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
}

#[test]
fn who_may_not_is_refused_by_the_identity_that_the_server_gives() {
    let lab = Lab::new();
    let shop = Shop::with(&lab, "[access]\nrelease = [\"eva\"]\n");
    shop.push("2.4.0");
    let ada = lab.at("ada", shop.ada.dir.clone()).with_env("GSYNC_USER", "ada");
    ada.gsync(&["release"]).exits(1).says("error: ada may not release here").says("names: eva");
    assert_eq!(shop.live(), "blue");
    let eva = lab.at("eva", shop.ada.dir.clone()).with_env("GSYNC_USER", "eva");
    eva.gsync(&["release"]).exits(0);
    let state = shop.server().git(&["-C", "repo.git", "show", "refs/gsync/state:state.json"]);
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    assert_eq!((&state["what"], &state["who"]), (&"release".into(), &"eva".into()));
}

#[test]
fn malformed_requests_and_those_that_do_not_travel_alone_are_refused_and_nothing_happens() {
    let lab = Lab::new();
    let shop = Shop::new(&lab);
    shop.push("2.4.0");
    let good = r#"{"gsync":1,"app":"shop","ask":{"release":{"to":null}}}"#;
    let before = picture(&shop.home.join("green"));
    for (text, says) in [
        ("", "is not understood"),
        ("{}", "is not understood"),
        (r#"{"gsync":9,"app":"shop","ask":{"cancel":{}}}"#, "it is of version 9"),
        (r#"{"gsync":1,"app":"shop","ask":{"sudo":{}}}"#, "unknown variant"),
        (r#"{"gsync":1,"app":"shop","ask":{"deploy":{"rev":"-x"}}}"#, "`-x` names no commit"),
        (r#"{"gsync":1,"app":"cafe","ask":{"release":{"to":null}}}"#, "this is the app shop"),
        (&format!("{good}{}", " ".repeat(5000)), "more than 4096 bytes"),
    ] {
        shop.by_hand(text, &[ID]).exits(1).says(says).says("remote rejected");
    }
    // With something beside it that no rule has looked at.
    let id = shop.ada.sh(&format!(
        "set -e; blob=$(printf '%s' '{good}' | git hash-object -w --stdin); tree=$(printf \
         '100644 blob %s\\tkey.pem\\n100644 blob %s\\trequest.json\\n' $blob $blob | git mktree); \
         git commit-tree -m x $tree"
    ));
    let to = format!("{}:{ID}", id.exits(0).stdout.trim());
    let beside = ["push", "--no-verify", "deploy", to.as_str()];
    shop.ada.try_git(&beside).exits(1).says("it is not one request.json");
    let other = "refs/gsync/requests/fedcba9876543210";
    shop.by_hand(good, &[ID, other]).exits(1).says("travels alone").says("moves 2 refs");
    shop.by_hand(good, &[ID, "refs/heads/side"]).exits(1).says("travels alone");
    shop.by_hand(good, &["refs/gsync/requests/release"]).exits(1).says("is no name of a request");
    let branch = ["push", "--no-verify", "deploy", &format!("main:{ID}")];
    shop.ada.try_git(&branch).exits(1).says("is no commit that stands for itself");
    assert_eq!((shop.live().as_str(), shop.requests().as_str()), ("blue", ""));
    assert_eq!(picture(&shop.home.join("green")), before);
    // To a repository of no app it does not get either, where gsync's hooks are.
    lab.hub().gsync(&["install"]).exits(0);
    shop.ada.git(&["remote", "set-url", "deploy", "../hub.git"]);
    shop.by_hand(good, &[ID]).exits(1).says("this is the repository of no app");
    shop.ada.gsync(&["release"]).exits(1).says("does not take requests").says("of no app");
}

#[test]
fn a_server_without_gsync_and_one_that_is_not_there_are_told_apart_and_nothing_stays() {
    let lab = Lab::new();
    let shop = Shop::new(&lab);
    shop.ada.git(&["remote", "set-url", "deploy", "../hub.git"]);
    shop.ada.gsync(&["release"]).exits(7).says("no gsync answers at deploy").says("app create");
    assert_eq!(lab.hub().git(&["for-each-ref", "refs/gsync"]), "");
    let error = shop.ada.gsync(&["envs", "--json"]).exits(7).json();
    assert_eq!(error["error"]["code"], "no-answer");
    shop.ada.git(&["remote", "set-url", "deploy", "../nowhere.git"]);
    shop.ada.gsync(&["envs"]).exits(7).says("deploy cannot be asked");
    shop.ada.git(&["remote", "remove", "deploy"]);
    shop.ada.gsync(&["envs"]).exits(1).says("there is no remote `deploy`").says("git remote add");
}

#[test]
fn the_hooks_of_the_clone_have_no_part_in_a_request() {
    let lab = Lab::new();
    let shop = Shop::new(&lab);
    shop.push("2.4.0");
    shop.ada.script(".git/hooks/pre-push", "#!/bin/sh\ntouch ../ran\nexit 1\n");
    shop.ada.gsync(&["envs"]).exits(0).says("STANDBY");
    assert!(!lab.path("ran").exists());
}

#[test]
fn of_several_apps_one_is_named_and_each_answers_for_itself() {
    let lab = Lab::new();
    let shop = Shop::new(&lab);
    let cafe = home(&shop.ada, "cafe", "");
    shop.ada.git(&["remote", "add", "cafe", cafe.join("repo.git").to_str().unwrap()]);
    let both = "[[app]]\nname = \"shop\"\nremote = \"deploy\"\n[[app]]\nname = \"cafe\"\nremote = \"cafe\"\n";
    shop.ada.write(".gsync.toml", both);
    shop.ada.gsync(&["envs"]).exits(2).says("apps in .gsync.toml: shop, cafe");
    shop.ada.gsync(&["envs", "--app", "cafe"]).exits(0).says("cafe\n");
    shop.ada.gsync(&["envs", "--app", "shop"]).exits(0).says("shop\n");
    shop.ada.gsync(&["envs", "--app", "cfae"]).exits(2).says("say `--app cafe`");
    // A name that leads to somebody else's home is refused over there.
    shop.ada.git(&["remote", "set-url", "cafe", shop.home.join("repo.git").to_str().unwrap()]);
    shop.ada.gsync(&["release", "--app", "cafe"]).exits(1).says("this is the app shop");
    // Inside of an app home that one is meant, whatever else there is.
    shop.server().gsync(&["envs"]).exits(0).says("shop\n");
    // And where no clone knows it, the list of this machine.
    let eve = lab.person("eve");
    eve.gsync(&["envs", "--app", "cafe"]).exits(0).says("cafe\n");
    eve.gsync(&["envs"]).exits(1).says("is in no app home");
}

#[test]
fn in_proc_receive_mode_requests_are_answered_too() {
    let lab = Lab::new();
    let shop = Shop::with(&lab, "mode = \"proc-receive\"\n");
    let dir = shop.home.to_str().unwrap();
    shop.server().gsync(&["app", "create", "shop", "--dir", dir]).exits(0);
    shop.push("2.4.0").says("green is STANDBY and runs 2.4.0");
    shop.ada.gsync(&["release"]).exits(0);
    assert_eq!((shop.live().as_str(), shop.requests().as_str()), ("green", ""));
}

#[test]
fn who_goes_away_neither_stops_what_was_asked_for_nor_is_told_that_it_went_well() {
    let lab = Lab::new();
    let step =
        "[[step]]\nname = \"build\"\nrun = \"while ! test -e ../../../go; do sleep 0.02; done\"\n";
    let shop = Shop::new(&lab);
    shop.push("2.4.0");
    shop.version("2.4.1");
    shop.ada.git(&["push", "--quiet", "deploy", "main:side"]);
    let text = fs::read_to_string(shop.home.join("app.toml")).unwrap();
    fs::write(shop.home.join("app.toml"), text.replace("[process]", &format!("{step}[process]")))
        .unwrap();
    let mut asking = shop.ada.command(env!("CARGO_BIN_EXE_gsync"));
    asking.process_group(0).args(["deploy", "main"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let asking = asking.spawn().unwrap();
    let start = Instant::now();
    let at_work = || {
        let logs = fs::read_dir(shop.home.join("logs")).unwrap().flatten();
        let mut names = logs.map(|it| it.file_name().into_string().unwrap());
        names.any(|name| name.starts_with("running-"))
    };
    while !at_work() {
        assert!(start.elapsed() < Duration::from_secs(20), "it does not begin");
        std::thread::sleep(Duration::from_millis(10));
    }
    // Ctrl-C in the clone: gsync hears it, and so does its git.
    let pid = rustix::process::Pid::from_raw(i32::try_from(asking.id()).unwrap()).unwrap();
    rustix::process::kill_process_group(pid, rustix::process::Signal::INT).unwrap();
    let said = asking.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(!said.status.success(), "{text}");
    fs::write(shop.home.join("go"), "").unwrap();
    let start = Instant::now();
    while !shop.server().gsync(&["envs"]).stdout.contains("2.4.1") {
        assert!(start.elapsed() < Duration::from_secs(20), "{text}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_status_shows_live_and_standby_and_says_how_old_that_is_where_nobody_answers() {
    let lab = Lab::new();
    let shop = Shop::new(&lab);
    let ada = &shop.ada;
    shop.push("2.4.0");
    ada.gsync(&["release"]).exits(0);
    let commit = shop.version("2.4.1");
    ada.git(&["push", "--quiet", "deploy", "main"]);
    let refs = ada.tree(".git/refs");
    let app = ada.gsync(&["status", "--json"]).exits(0).json()["apps"][0].clone();
    assert_eq!((&app["app"], &app["drift"]), (&"shop".into(), &serde_json::Value::Null));
    assert_eq!((&app["live"]["env"], &app["live"]["version"]), (&"green".into(), &"2.4.0".into()));
    assert_eq!(app["standby"]["env"], "blue");
    assert_eq!(app["standby"]["commit"], commit.as_str());
    assert!(app["as_of"].as_str().unwrap().ends_with('Z'));
    assert_eq!(ada.tree(".git/refs"), refs, "no ref of the clone moves");
    let screen = ada.gsync(&["status"]).exits(0);
    screen.says("LIVE     green    2.4.0 (").says("STANDBY  blue     2.4.1 (").says_not("as of");
    ada.gsync(&["doctor"]).says("app shop: green is LIVE");
    // Somebody who never asked, and somebody who cannot ask any more.
    ada.gsync(&["status", "--no-fetch"]).exits(0).says("2.4.0").says("not asked");
    fs::rename(shop.home.join("repo.git"), shop.home.join("gone")).unwrap();
    let app = ada.gsync(&["status", "--json"]).exits(0).json()["apps"][0].clone();
    assert_eq!((&app["online"], &app["live"]["version"]), (&false.into(), &"2.4.0".into()));
    ada.gsync(&["status"]).exits(0).says("LIVE     green    2.4.0 (").says("as of ");
    ada.gsync(&["doctor"]).exits(1).says("error    app shop");
    fs::remove_file(ada.path(".git/gsync/apps.json")).unwrap();
    ada.gsync(&["status"]).exits(0).says("it is not known what it runs").says_not("2.4.0 (");
}

#[test]
fn bump_test_release_sync_is_the_whole_cycle_and_a_bump_waits_for_level_sides() {
    let lab = Lab::new();
    let shop = Shop::new(&lab);
    let ada = &shop.ada;
    shop.push("2.4.0");
    ada.gsync(&["bump"]).exits(1).says("LIVE runs nothing, STANDBY runs 2.4.0").says("--anyway");
    ada.gsync(&["release"]).exits(0);
    ada.gsync(&["bump"]).exits(1).says("STANDBY is not what LIVE is").says("gsync sync --app shop");
    ada.gsync(&["sync"]).exits(0);
    let seen = ada.gsync(&["bump"]).exits(0).says("blue is STANDBY and runs 2.4.1");
    // What the server did was shown as it came.
    assert!(seen.stderr.contains("\n    deploy 2.4.1 to blue of shop\n"), "{}", seen.stderr);
    let seen = ada.gsync(&["release"]).exits(0);
    seen.says("blue is LIVE with 2.4.1");
    ada.gsync(&["sync"]).exits(0).says("green is STANDBY and runs 2.4.1");
    let object = ada.gsync(&["bump", "minor", "--json"]).exits(0).json();
    assert_eq!(
        (&object["standby"]["env"], &object["standby"]["version"]),
        (&"green".into(), &"2.5.0".into())
    );
    ada.gsync(&["bump", "--anyway"]).exits(0).says("green is STANDBY and runs 2.5.1");
}

#[test]
fn a_bump_whose_deploy_fails_ends_with_4_the_step_its_first_error_and_the_log() {
    let lab = Lab::new();
    let step = "[[step]]\nname = \"build\"\nrun = \"echo 'error: no moon'; exit 1\"\n";
    let shop = Shop::new(&lab);
    shop.push("2.4.0");
    shop.ada.gsync(&["release"]).exits(0);
    shop.ada.gsync(&["sync"]).exits(0);
    let text = fs::read_to_string(shop.home.join("app.toml")).unwrap();
    fs::write(shop.home.join("app.toml"), text.replace("[process]", &format!("{step}[process]")))
        .unwrap();
    let seen = shop.ada.gsync(&["bump"]).exits(4).says("2.4.1 is on the hub");
    seen.says("step 1 of 1 (shop: build)").says("error: no moon").says("log: ");
    assert_eq!(lab.hub().git(&["tag"]), "v2.4.1");
    let text = fs::read_to_string(shop.home.join("app.toml")).unwrap();
    fs::write(shop.home.join("app.toml"), text.replace("exit 1", "exit 0").replace("error: ", ""))
        .unwrap();
    shop.ada.gsync(&["deploy"]).exits(0).says("blue is STANDBY and runs 2.4.1");
    // An app whose state is unknown is not bumped without a word.
    fs::rename(shop.home.join("repo.git"), shop.home.join("gone")).unwrap();
    shop.ada.gsync(&["bump"]).exits(7).says("it is not known what shop runs").says("--anyway");
    assert_eq!(lab.hub().git(&["tag"]), "v2.4.1");
}

/// A clone with roles, so that work can be handed over.
fn with_roles(shop: &Shop<'_>) {
    let roles = "[roles.qc]\n[roles.builder]\n[[app]]\nname = \"shop\"\nremote = \"deploy\"\n";
    shop.ada.commit(".gsync.toml", roles, "roles");
    shop.ada.git(&["config", "gsync.role", "qc"]);
}

#[test]
fn a_bump_from_a_clone_marks_done_on_the_hub_what_was_handed_over() {
    let lab = Lab::new();
    let shop = Shop::new(&lab);
    let ada = &shop.ada;
    with_roles(&shop);
    shop.push("2.4.0");
    ada.gsync(&["release"]).exits(0);
    ada.gsync(&["sync"]).exits(0);
    ada.commit("work", "done\n", "work");
    ada.push();
    ada.gsync(&["handoff", "send", "--to", "builder"]).exits(0);
    let file = ada.read_dir("handoffs")[0].to_str().unwrap().to_owned();
    let on_hub = || lab.hub().git(&["show", &format!("main:handoffs/{file}")]);
    assert!(on_hub().contains("status: sent"));
    ada.gsync(&["bump"]).exits(0);
    assert!(on_hub().contains("status: done") && on_hub().contains("blue"), "{}", on_hub());
    assert_eq!(ada.git(&["rev-parse", "HEAD"]), lab.hub().git(&["rev-parse", "main"]));
    ada.gsync(&["release"]).exits(0);
    ada.gsync(&["sync"]).exits(0);
    ada.gsync(&["bump"]).exits(0).says("2.4.1 to 2.4.2");
}

#[test]
fn a_server_that_is_the_hub_marks_by_itself_what_it_deployed() {
    let lab = Lab::new();
    let shop = Shop::new(&lab);
    let ada = &shop.ada;
    ada.git(&["remote", "set-url", "origin", shop.home.join("repo.git").to_str().unwrap()]);
    with_roles(&shop);
    shop.version("2.4.0");
    ada.git(&["fetch", "--quiet", "origin"]);
    ada.gsync(&["handoff", "send", "--to", "builder"]).exits(0);
    let repo = lab.at("root", shop.home.join("repo.git"));
    let file = repo.git(&["ls-tree", "--name-only", "main", "handoffs/"]);
    let text = repo.git(&["show", &format!("main:{file}")]);
    assert!(text.contains("status: done") && text.contains("green"), "{text}");
    assert_eq!(repo.git(&["log", "-1", "--format=%s"]), "docs: handoff H-0001 done in green");
}
