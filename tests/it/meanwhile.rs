//! What holds on a server whoever comes and whatever happens meanwhile: a command is about what
//! stood there when it was given, records are the server's, and a push ends as its deploy does.

use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::deploy_asks::Shop;
use crate::lab::{Lab, Seen};

/// A step that waits as long as there is a file, for versions that say so.
fn gated(lab: &Lab, more: &str) -> String {
    let gate = lab.path("gate");
    format!(
        "{more}\n[[step]]\nname = \"build\"\nrun = \"test ! -e slow || {{ touch '{gate}.seen'; \
         while [ -e '{gate}' ]; do sleep 0.02; done; }}; test ! -e broken\"\n",
        gate = gate.display()
    )
}

#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A push that goes on while something else is done.
fn push(shop: &Shop<'_>) -> Child {
    let mut push = shop.ada.command("git");
    push.args(["push", "deploy", "main"]).stdout(Stdio::null()).stderr(Stdio::piped());
    push.spawn().unwrap()
}

#[test]
fn a_command_about_what_is_on_standby_does_not_wait_for_a_deploy_that_changes_it() {
    let lab = Lab::new();
    let shop = Shop::with(&lab, &gated(&lab, ""));
    shop.push("1.0.0");
    shop.ada.gsync(&["release"]).exits(0);
    shop.push("1.1.0");
    shop.ada.write("slow", "");
    shop.ada.commit_all("slow");
    for (n, word) in ["release", "rollback", "sync"].into_iter().enumerate() {
        for (m, who) in [shop.server(), lab.at("ada", shop.ada.dir.clone())].iter().enumerate() {
            fs::write(lab.path("gate"), "").unwrap();
            drop(fs::remove_file(lab.path("gate.seen")));
            shop.version(&format!("2.{n}.{m}"));
            let pushing = push(&shop);
            until("it builds", || lab.path("gate.seen").exists());
            let mut command = who.command(env!("CARGO_BIN_EXE_gsync"));
            let command = command.arg(word).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut asked = command.spawn().unwrap();
            let start = Instant::now();
            // Whoever waits gets the lock once the deploy is through.
            while asked.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_secs(2) {
                std::thread::sleep(Duration::from_millis(5));
            }
            fs::remove_file(lab.path("gate")).unwrap();
            let deployed = format!("blue is STANDBY and runs 2.{n}.{m}");
            Seen::of(&pushing.wait_with_output().unwrap()).exits(0).says(&deployed);
            let seen = Seen::of(&asked.wait_with_output().unwrap()).exits(6);
            seen.says("another gsync is at work here").says("since").says("gsync cancel");
            assert_eq!(shop.live(), "green", "{word}");
            let now = shop.server().gsync(&["envs", "--json"]).exits(0).json();
            assert_eq!(now["envs"]["blue"]["version"], format!("2.{n}.{m}"), "{word}");
        }
    }
}

#[test]
fn who_asks_is_known_where_no_login_says_it() {
    let lab = Lab::new();
    let me = lab.person("eve").sh("id -un").exits(0).stdout;
    let shop = Shop::with(&lab, &format!("[access]\nrelease = [\"{}\"]\n", me.trim()));
    shop.push("1.0.0");
    shop.server().gsync(&["release"]).exits(0);
    let by = shop.server().gsync(&["envs", "--json"]).exits(0).json();
    assert_eq!(by["envs"]["green"]["deployed_by"], me.trim());
}

#[test]
fn only_what_ran_here_is_rolled_back_to() {
    let lab = Lab::new();
    let shop = Shop::new(&lab);
    shop.push("1.0.0");
    shop.ada.gsync(&["release"]).exits(0);
    shop.push("1.1.0");
    shop.ada.git(&["checkout", "--quiet", "-b", "feat"]);
    let feat = shop.ada.commit("VERSION", "99.0.0\n", "99.0.0");
    shop.ada.try_git(&["push", "deploy", "feat"]).exits(0).says("nothing is deployed for feat");
    for who in [shop.server(), lab.at("ada", shop.ada.dir.clone())] {
        let seen = who.gsync(&["rollback", "--to", &feat]).exits(1);
        seen.says(&format!("no release of {} is kept here", &feat[..7])).says("gsync deploy");
    }
    assert_eq!(shop.live(), "green");
    let kept = shop.server().gsync(&["envs", "--json"]).json();
    assert_eq!(kept["envs"]["blue"]["version"], "1.1.0");
    // By the hints it goes.
    shop.ada.gsync(&["deploy", &feat]).exits(0);
    shop.ada.gsync(&["release", "--to", &feat]).exits(0).says("blue is LIVE with 99.0.0");
}

#[test]
fn the_record_is_moved_by_nobody_from_outside() {
    let lab = Lab::new();
    let shop = Shop::new(&lab);
    shop.push("1.0.0");
    let state = || shop.server().git(&["-C", "repo.git", "for-each-ref", "refs/gsync"]);
    let before = state();
    for to in ["+HEAD:refs/gsync/state", ":refs/gsync/state", "HEAD:refs/gsync/other"] {
        let seen = shop.ada.try_git(&["push", "--no-verify", "deploy", to]);
        assert_ne!(seen.code, 0, "{to}: {}", seen.all());
        seen.says("is written by the server alone");
        assert_eq!(state(), before, "{to}");
    }
    shop.ada.try_git(&["push", "deploy", "HEAD:refs/gsync/peers/qc@lab"]).exits(0);
}

#[test]
fn settings_that_make_no_sense_are_told_in_a_clone_as_on_the_server() {
    let lab = Lab::new();
    let shop = Shop::new(&lab);
    shop.push("1.0.0");
    fs::write(shop.home.join("app.toml"), "x = [\n").unwrap();
    let here = shop.server().gsync(&["envs", "--json"]).exits(2).json();
    let there = shop.ada.gsync(&["envs", "--json"]).exits(2).json();
    assert_eq!(here["error"]["code"], "config");
    shop.server().gsync(&["doctor"]).exits(1).says("error    app.toml: ");
    assert_eq!(here, there);
    shop.version("1.1.0");
    let seen = shop.ada.try_git(&["push", "deploy", "main"]);
    assert_ne!(seen.code, 0, "{}", seen.all());
}

#[test]
fn the_mode_of_a_push_is_the_one_that_app_toml_says_now() {
    let lab = Lab::new();
    let shop = Shop::with(&lab, &gated(&lab, "mode = \"proc-receive\""));
    let main = || shop.server().git(&["-C", "repo.git", "for-each-ref", "refs/heads"]);
    shop.push("1.0.0").says("green is STANDBY and runs 1.0.0");
    let before = main();
    shop.ada.write("broken", "");
    shop.ada.commit_all("broken");
    shop.version("1.1.0");
    let seen = shop.ada.try_git(&["push", "deploy", "main"]).exits(1);
    seen.says("deploy failed: step 1 of 1 (shop: build)");
    assert_eq!(main(), before);
    // Other branches and tags are git's own.
    shop.ada.try_git(&["push", "deploy", "main:side"]).exits(0);
    shop.ada.try_git(&["push", "deploy", ":side"]).exits(0);
    // And the other way round.
    let text = fs::read_to_string(shop.home.join("app.toml")).unwrap();
    fs::write(shop.home.join("app.toml"), text.replace("proc-receive", "post-receive")).unwrap();
    shop.ada.try_git(&["push", "deploy", "main"]).exits(0).says("the push was taken");
    assert_ne!(main(), before);
    // A home of which git was not told is not pushed to as if it were.
    shop.server().git(&["-C", "repo.git", "config", "--unset", "receive.procReceiveRefs"]);
    fs::write(shop.home.join("app.toml"), text).unwrap();
    shop.version("1.2.0");
    let before = main();
    let seen = shop.ada.try_git(&["push", "deploy", "main"]);
    assert_ne!(seen.code, 0, "{}", seen.all());
    seen.says("git on the server was not told").says("gsync app create shop --dir");
    shop.server().gsync(&["doctor"]).exits(1).says("app.toml: it says proc-receive");
    assert_eq!(main(), before);
}

#[test]
fn a_push_that_waited_for_another_deploy_goes_on_from_where_that_one_led() {
    let lab = Lab::new();
    let shop = Shop::with(&lab, &gated(&lab, "mode = \"proc-receive\""));
    shop.push("1.0.0");
    shop.ada.write("slow", "");
    shop.ada.commit_all("slow");
    let first = shop.version("1.1.0");
    fs::write(lab.path("gate"), "").unwrap();
    let one = push(&shop);
    until("it builds", || lab.path("gate.seen").exists());
    // One that contains it, and one that does not.
    let second = shop.version("1.2.0");
    let two = push(&shop);
    let waits = || {
        let logs = fs::read_dir(shop.home.join("logs")).unwrap().flatten();
        logs.filter_map(|log| fs::read_to_string(log.path()).ok())
            .any(|text| text.contains("this deploy waits"))
    };
    until("the second waits", waits);
    fs::remove_file(lab.path("gate")).unwrap();
    Seen::of(&one.wait_with_output().unwrap()).exits(0).says("runs 1.1.0");
    Seen::of(&two.wait_with_output().unwrap()).exits(0).says("runs 1.2.0");
    let main = || shop.server().git(&["-C", "repo.git", "rev-parse", "main"]);
    assert_eq!(main(), second);
    // A rewrite that waited while the branch moved is not built at all.
    fs::write(lab.path("gate"), "").unwrap();
    fs::remove_file(lab.path("gate.seen")).unwrap();
    let third = shop.version("1.3.0");
    let one = push(&shop);
    until("it builds", || lab.path("gate.seen").exists());
    shop.ada.git(&["checkout", "--quiet", "-b", "aside", &second]);
    shop.ada.commit("aside", "x", "aside");
    let mut two = shop.ada.command("git");
    let two = two.args(["push", "deploy", "aside:main"]).stderr(Stdio::piped());
    let two = two.stdout(Stdio::null()).spawn().unwrap();
    until("it waits too", || {
        let logs = fs::read_dir(shop.home.join("logs")).unwrap().flatten();
        let text = logs.filter_map(|log| fs::read_to_string(log.path()).ok());
        text.filter(|text| text.contains("this deploy waits")).count() > 1
    });
    fs::remove_file(lab.path("gate")).unwrap();
    Seen::of(&one.wait_with_output().unwrap()).exits(0).says("runs 1.3.0");
    let seen = Seen::of(&two.wait_with_output().unwrap()).exits(1).says_not("unpack");
    seen.says("(deploy failed: main moved meanwhile: pull first)");
    assert_eq!((main(), first.len()), (third, 40));
}

#[test]
fn a_name_of_an_app_is_given_once_and_a_clone_is_told_what_it_lacks() {
    let lab = Lab::new();
    let shop = Shop::new(&lab);
    let other = lab.path("other");
    let create = ["app", "create", "shop", "--dir", other.to_str().unwrap()];
    let seen = shop.ada.gsync(&create).exits(1).says("there is an app shop of this user");
    seen.says(shop.home.to_str().unwrap());
    assert!(!other.exists());
    shop.server().gsync(&["app", "list"]).exits(0).says(shop.home.to_str().unwrap());
    // Where it went, it may be made anew.
    fs::rename(&shop.home, lab.path("elsewhere")).unwrap();
    shop.ada.gsync(&create).exits(0).says("[[app]]").says("remote = \"deploy\"");
    // The one from before is put in order all the same, and takes no name from the new one.
    let old = lab.path("elsewhere");
    fs::remove_file(old.join("repo.git/hooks/proc-receive")).unwrap();
    let again = ["app", "create", "shop", "--dir", old.to_str().unwrap()];
    shop.ada.gsync(&again).exits(0);
    assert!(old.join("repo.git/hooks/proc-receive").exists());
    shop.ada.gsync(&["app", "list"]).says(other.to_str().unwrap()).says_not("elsewhere");
    let eve = lab.person("eve");
    eve.gsync(&["envs"]).exits(1).says("say in .gsync.toml which remote leads to it: [[app]]");
}

#[test]
fn a_server_that_refuses_a_rewrite_names_a_command_that_can_be_typed() {
    let lab = Lab::new();
    let shop = Shop::new(&lab);
    shop.push("1.0.0");
    shop.push("1.1.0");
    let seen = shop.ada.try_git(&["push", "--no-verify", "-f", "deploy", "HEAD~1:main"]);
    assert_ne!(seen.code, 0, "{}", seen.all());
    seen.says("`git pull --rebase`").says_not("''");
}

#[test]
fn a_push_with_options_is_taken_and_one_that_git_would_refuse_deploys_nothing() {
    let lab = Lab::new();
    let shop = Shop::with(&lab, "mode = \"proc-receive\"");
    // Of a rewrite git alone has a say.
    shop.ada.write(".gsync.toml", "[guard]\nprotected_branches = []\n");
    shop.ada.commit_all("rules");
    shop.server().git(&["-C", "repo.git", "config", "receive.advertisePushOptions", "true"]);
    // In either mode, whether or not the hook decides.
    for (n, mode) in ["proc-receive", "post-receive"].iter().enumerate() {
        let text = fs::read_to_string(shop.home.join("app.toml")).unwrap();
        fs::write(shop.home.join("app.toml"), text.replace("proc-receive", mode)).unwrap();
        shop.version(&format!("1.{n}.0"));
        let seen = shop.ada.sh("timeout 20 git push -o ci.skip -o x deploy main").exits(0);
        seen.says(&format!("runs 1.{n}.0"));
        fs::write(shop.home.join("app.toml"), text).unwrap();
    }
    let logs = || fs::read_dir(shop.home.join("logs")).unwrap().count();
    let main = || shop.server().git(&["-C", "repo.git", "rev-parse", "main"]);
    let before = (logs(), main());
    shop.version("2.0.0");
    shop.ada.git(&["tag", "-a", "v2", "-m", "two"]);
    let refused = |line: &str, says: &str| {
        shop.ada.sh(line).exits(1).says(says).says_not("unpack");
        assert_eq!((logs(), main()), before, "{line}");
    };
    refused("git push deploy v2:refs/heads/main", "this is a tag: push TAG^{}");
    shop.server().git(&["-C", "repo.git", "config", "receive.denyNonFastForwards", "true"]);
    refused("git push --no-verify -f deploy HEAD~2:main", "(non-fast-forward)");
    // All or none, as `gsync bump` pushes.
    shop.ada.sh("git push --atomic deploy main v2").exits(0).says("runs 2.0.0");
    shop.server().git(&["-C", "repo.git", "rev-parse", "v2"]);
}

#[test]
fn whoever_works_as_another_user_of_the_server_is_that_user() {
    let lab = Lab::new();
    let shop = Shop::with(&lab, "[access]\nrelease = [\"eva\"]\n");
    shop.push("1.0.0");
    let owner = std::os::unix::fs::chown(&shop.home, Some(65534), None);
    if owner.is_err() {
        return;
    }
    let me = shop.ada.sh("id -un").exits(0).stdout;
    for variable in ["GL_USER", "REMOTE_USER", "GSYNC_USER"] {
        let ada = lab.at("ada", shop.ada.dir.clone()).with_env(variable, "eva");
        let seen = ada.gsync(&["release"]).exits(1);
        seen.says(&format!("error: {} may not release here", me.trim()));
        assert_eq!(shop.live(), "blue", "{variable}");
    }
}

#[test]
fn the_rules_about_what_people_write_lock_nobody_out_of_the_commands_of_an_app() {
    let lab = Lab::new();
    let shop = Shop::new(&lab);
    let link = "[[app]]\nname = \"shop\"\nremote = \"deploy\"\n";
    shop.ada.write(".gsync.toml", format!("[guard]\nprotected = [\"*.json\"]\n{link}"));
    shop.ada.commit_all("rules");
    shop.push("1.0.0");
    shop.ada.write("x.json", "{}");
    shop.ada.git(&["add", "x.json"]);
    shop.ada.git(&["commit", "--no-verify", "-m", "x"]);
    shop.ada.try_git(&["push", "--no-verify", "deploy", "main"]).exits(1).says("x.json");
    shop.ada.gsync(&["release"]).exits(0).says("green is LIVE");
    shop.ada.gsync(&["cancel"]).exits(0);
}

#[test]
fn only_who_may_release_says_what_is_live() {
    let lab = Lab::new();
    let shop = Shop::with(&lab, "[access]\nrelease = [\"eva\"]\n");
    shop.push("1.0.0");
    fs::remove_file(shop.home.join("live")).unwrap();
    std::os::unix::fs::symlink("green", shop.home.join("live")).unwrap();
    let at = |name: &str, dir| lab.at(name, dir).with_env("GSYNC_USER", name);
    for dir in [shop.home.clone(), shop.ada.dir.clone()] {
        let ada = at("ada", dir);
        ada.gsync(&["envs", "--reconcile"]).exits(1).says("error: ada may not release here");
        ada.gsync(&["envs", "--exit-code"]).exits(1);
    }
    at("eva", shop.ada.dir.clone()).gsync(&["envs", "--reconcile"]).exits(0);
    at("ada", shop.home.clone()).gsync(&["envs", "--exit-code"]).exits(0);
}

#[test]
fn a_version_that_runs_or_is_kept_here_is_a_name_and_a_link_that_is_gone_is_put_back_by_hand() {
    let lab = Lab::new();
    let shop = Shop::with(&lab, "keep = 5");
    shop.push("1.0.0");
    shop.ada.gsync(&["release"]).exits(0);
    for version in ["1.1.0", "1.2.0"] {
        shop.push(version);
    }
    shop.ada.gsync(&["release", "--to", "1.1.0"]).exits(1).says("blue runs ").says("rollback --to");
    shop.ada.gsync(&["release", "--to", "1.2.0"]).exits(0).says("blue is LIVE with 1.2.0");
    shop.ada.gsync(&["rollback", "--to", "v1.1.0"]).exits(0).says("green is LIVE with 1.1.0");
    for word in ["release", "rollback"] {
        let args = [word, "--to", "7.7.7"];
        shop.server().gsync(&args).exits(2).says("there is no commit 7.7.7");
    }
    let live = shop.home.join("live");
    fs::remove_file(&live).unwrap();
    let seen = shop.server().gsync(&["release"]).exits(1).says_not("--reconcile");
    let text = seen.all();
    let hint = text.lines().find_map(|line| line.split('`').find(|it| it.starts_with("ln -sfn")));
    shop.server().sh(hint.unwrap()).exits(0);
    shop.server().gsync(&["envs", "--exit-code"]).exits(0);
}
