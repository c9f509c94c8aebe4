//! Pushes of every kind: many at once, ones that are cancelled, ones that deploy nothing, and
//! ones that fail with their deploy.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::deploy::Shop;
use crate::deploy_faults::two_versions;
use crate::lab::Lab;

#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn of_sixty_pushes_in_a_burst_the_newest_is_deployed_and_others_are_told() {
    let lab = Lab::new();
    let shop = two_versions(&lab, "");
    let mut pushes = Vec::new();
    for n in 0..60 {
        let id = shop.commit(&format!("2.0.{n}"));
        let mut push = shop.ada.command("git");
        push.args(["push", "deploy", &format!("{id}:refs/heads/main")]);
        pushes.push(push.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap());
        // In order: a push that is behind another one would be refused.
        until("the branch moves", || {
            shop.ada.git(&["-C", shop.home.join("repo.git").to_str().unwrap(), "rev-parse", "main"])
                == id
        });
    }
    let said: Vec<String> = pushes
        .into_iter()
        .map(|push| String::from_utf8(push.wait_with_output().unwrap().stderr).unwrap())
        .collect();
    let told = said.iter().filter(|text| text.contains("takes its place")).count();
    let deployed = said.iter().filter(|text| text.contains("is STANDBY and runs")).count();
    assert_eq!(told + deployed, 60, "{said:?}");
    assert!(told > 20 && deployed >= 1, "{told} told, {deployed} deployed");
    assert_eq!(shop.get("blue", "/version").as_deref(), Some("2.0.59"));
    assert_eq!(shop.envs()["envs"]["blue"]["version"], "2.0.59");
    assert_eq!(shop.live(), "green");
    // Old releases went; neither what is in use nor LIVE's.
    let kept = fs::read_dir(shop.home.join("blue/releases")).unwrap().count();
    assert!(kept <= 3, "{kept} releases of 3");
    assert!(shop.home.join("green/current/VERSION").exists());
}

#[test]
fn a_deploy_that_is_cancelled_is_put_back_and_one_that_waits_never_begins() {
    let lab = Lab::new();
    let steps = "[[step]]\nname = \"build\"\nrun = \"test ! -e slow || sleep 60\"\n";
    let shop = two_versions(&lab, steps);
    shop.ada.write("slow", "1");
    let push = |version: &str| {
        shop.commit(version);
        let mut push = shop.ada.command("git");
        push.args(["push", "deploy", "main"]).stderr(Stdio::piped()).stdout(Stdio::null());
        push.spawn().unwrap()
    };
    let first = push("1.2.0");
    until("it builds", || {
        shop.home.join("blue/releases/3-x").exists() || {
            let text = fs::read_dir(shop.home.join("logs")).unwrap();
            text.flatten().any(|it| it.file_name().to_str().unwrap().starts_with("running-"))
        }
    });
    let busy = shop.gsync(&["release"]).exits(6);
    busy.says("process ");
    let second = push("1.3.0");
    let wanted = shop.home.join("repo.git/gsync/wanted.json");
    until("it waits", || {
        let log = fs::read_dir(shop.home.join("logs")).unwrap().flatten();
        let waits = log.filter_map(|it| fs::read_to_string(it.path()).ok());
        wanted.exists() && waits.into_iter().any(|text| text.contains("this deploy waits"))
    });
    shop.gsync(&["cancel"]).exits(0).says("is not deployed any more").says("stopped and put back");
    let said = String::from_utf8(first.wait_with_output().unwrap().stderr).unwrap();
    assert!(said.contains("interrupted"), "{said}");
    let said = String::from_utf8(second.wait_with_output().unwrap().stderr).unwrap();
    assert!(said.contains("not deployed: it was cancelled"), "{said}");
    assert_eq!(shop.get("blue", "/version").as_deref(), Some("1.1.0"));
    assert_eq!(shop.envs()["drift"], serde_json::Value::Null);
    shop.gsync(&["cancel"]).exits(0).says("nothing to cancel");
}

#[test]
fn tags_deletions_other_branches_and_a_hundred_refs_deploy_nothing_and_say_so_in_a_line() {
    let lab = Lab::new();
    let shop = two_versions(&lab, "");
    let before = shop.envs();
    shop.ada.git(&["tag", "-a", "v9", "-m", "nine"]);
    shop.ada.try_git(&["push", "deploy", "v9"]).exits(0).says("nothing is deployed for tag v9");
    shop.ada.try_git(&["push", "deploy", "main:side"]).exits(0).says("for side: only main is");
    shop.ada.try_git(&["push", "deploy", ":side"]).exits(0).says("the deletion of side");
    for n in 0..100 {
        shop.ada.git(&["branch", &format!("b{n}")]);
    }
    shop.ada.try_git(&["push", "deploy", "refs/heads/b*"]).exits(0).says("b0 and 99 others");
    assert_eq!(shop.envs(), before);
    // An annotated tag as the branch is the commit that it names.
    shop.commit("1.2.0");
    shop.ada.git(&["tag", "-a", "v1.2.0", "-m", "x"]);
    shop.ada.try_git(&["push", "deploy", "v1.2.0^{}:main"]).exits(0).says("runs 1.2.0");
}

#[test]
fn a_tree_with_a_git_directory_in_it_an_empty_one_and_a_trap_for_what_is_shared_are_harmless() {
    let lab = Lab::new();
    let shop = two_versions(&lab, "");
    let refused = |line: &str, says: &str| {
        let seen = shop.ada.sh(&format!(
            "set -e; tree=$({line}); id=$(git commit-tree -p main -m x $tree); \
             git push deploy $id:refs/heads/main"
        ));
        assert!(seen.all().contains(says), "{}", seen.all());
        assert_eq!(shop.get("blue", "/version").as_deref(), Some("1.1.0"));
        assert_eq!(shop.envs()["drift"], serde_json::Value::Null);
    };
    let inner = "printf '040000 tree %s\\t.git\\n' $(git rev-parse main^{tree}) | git mktree";
    refused(inner, "remote rejected");
    // An empty tree starts nothing.
    refused("git mktree </dev/null", "everything is as it was");
    shop.ada.git(&["pull", "-q", "deploy", "main"]);
    // `uploads` as a link that leads out of the release: it gives way, and nothing is written there.
    let trap = lab.path("trap");
    fs::create_dir(&trap).unwrap();
    std::os::unix::fs::symlink(&trap, shop.ada.path("uploads")).unwrap();
    shop.ada.write("server.js", crate::deploy::SERVER);
    shop.push("1.3.0").exits(0).says("runs 1.3.0");
    let uploads = fs::read_link(shop.home.join("blue/current/uploads")).unwrap();
    assert_eq!(uploads, shop.home.join("blue/shared/uploads"));
    assert_eq!(fs::read_dir(&trap).unwrap().count(), 0);
}

#[test]
fn in_proc_receive_mode_a_push_fails_with_its_deploy_and_the_branch_stays() {
    let lab = Lab::new();
    let steps = "mode = \"proc-receive\"\n[[step]]\nname = \"build\"\nrun = \"test ! -e broken\"\n";
    let shop = Shop::with(&lab, steps);
    let home = shop.home.to_str().unwrap();
    shop.gsync(&["app", "create", "shop", "--dir", home]).exits(0);
    shop.push("1.0.0").exits(0).says("green is STANDBY and runs 1.0.0");
    let tip = |shop: &Shop<'_>| shop.server().sh("git -C repo.git rev-parse main").stdout;
    let first = tip(&shop);
    shop.ada.write("broken", "1");
    let seen = shop.push("1.1.0").exits(1).says("deploy failed: step 1 of 1 (shop: build)");
    assert!(seen.stderr.contains("remote rejected"), "{}", seen.stderr);
    assert_eq!(tip(&shop), first);
    assert_eq!(shop.get("green", "/version").as_deref(), Some("1.0.0"));
    // The same push again, once what was missing is there.
    shop.settings("mode = \"proc-receive\"\n", "");
    shop.ada.try_git(&["push", "deploy", "main"]).exits(0).says("runs 1.1.0");
    assert_ne!(tip(&shop), first);
}

#[test]
fn programs_of_an_app_get_a_clean_environment_and_its_own_file() {
    let lab = Lab::new();
    let shop = Shop::with(&lab, "[[step]]\nname = \"env\"\nrun = \"env > built\"\n");
    fs::write(shop.home.join("green/shared/.env"), "COLOUR=\"red\"\nAPI_TOKEN=hunter2hunter2\n")
        .unwrap();
    shop.ada.write("uploads/.keep", "");
    shop.ada.write("kept.txt", "kept\n");
    shop.ada.write(".gitattributes", "kept.txt export-ignore\n");
    let push = |shop: &Shop<'_>| {
        let mut push = shop.ada.command("git");
        push.env("AWS_SECRET_ACCESS_KEY", "leaked").env("GIT_TRACE_X", "leaked");
        push.args(["push", "deploy", "main"]);
        push.output().unwrap()
    };
    let id = shop.commit("1.0.0");
    let out = push(&shop);
    assert!(out.status.success());
    let built = fs::read_to_string(shop.home.join("green/current/built")).unwrap();
    let running = shop.get("green", "/env").unwrap();
    for text in [&built, &running] {
        assert!(!text.contains("leaked") && !text.contains("GIT_"), "{text}");
        assert!(text.contains("COLOUR") && text.contains("red"), "{text}");
        for name in ["GSYNC_APP", "GSYNC_ENV", "GSYNC_VERSION", "GSYNC_RELEASE", "PORT"] {
            assert!(text.contains(name), "{name}: {text}");
        }
        assert!(text.contains(&id), "{text}");
    }
    let release = shop.home.join("green/current");
    assert!(release.join("kept.txt").exists(), "export-ignore is for archives");
    assert!(release.join("uploads").is_symlink() && release.join(".env").is_symlink());
    let journal = shop.server().sh("cat repo.git/gsync/runs/* logs/deploy-*").stdout;
    assert!(!journal.contains("hunter2"), "a secret stands in a journal or a log");
}
