//! Files that are not in the work tree as git stores them: line ends, encodings, filters, large
//! files, submodules, links, and names that differ in case only. git writes and reads them all.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::lab::{Lab, Person, picture};
use crate::pull::two;

/// Files and what git says about them.
fn whole(who: &Person<'_>) -> String {
    let files = picture(&who.dir);
    let files = files.lines().filter(|line| !line.starts_with(".git/"));
    format!("{}\n{}", who.state(), files.collect::<Vec<_>>().join("\n"))
}

/// Bob brings these attributes and files; Ada has them too.
fn shared<'lab>(lab: &'lab Lab, attributes: &str, path: &str, text: &[u8]) -> [Person<'lab>; 2] {
    let (ada, bob) = two(lab);
    bob.write(".gitattributes", attributes);
    bob.write(path, text);
    bob.commit_all("bob");
    bob.push();
    [ada, bob]
}

#[test]
fn automatic_line_ends_are_kept_on_both_sides() {
    let lab = Lab::new();
    let [ada, bob] = shared(&lab, "", "t.txt", b"one\ntwo\nthree\n");
    ada.git(&["config", "core.autocrlf", "true"]);
    ada.gsync(&["pull"]).exits(0);
    assert_eq!(ada.read("t.txt"), "one\r\ntwo\r\nthree\r\n");
    ada.write("t.txt", "one\r\ntwo\r\nthree\r\nmine\r\n");
    ada.write("new.txt", "mixed\r\nends\n");
    bob.commit("t.txt", "bob\none\ntwo\nthree\n", "more");
    bob.push();
    let before = whole(&ada);
    ada.gsync(&["pull"]).exits(0);
    assert_eq!(ada.read("t.txt"), "bob\r\none\r\ntwo\r\nthree\r\nmine\r\n");
    assert_eq!(ada.read("new.txt"), "mixed\r\nends\n");
    assert_eq!(ada.git(&["status", "--short"]), " M t.txt\n?? new.txt");
    ada.gsync(&["undo"]).exits(0);
    assert_eq!(whole(&ada), before);
}

#[test]
fn a_file_in_another_encoding_comes_and_goes_in_it() {
    let lab = Lab::new();
    let latin = b"gr\xfcn\none\ntwo\nthree\n";
    let [ada, bob] = shared(&lab, "*.lat text working-tree-encoding=ISO-8859-1\n", "f.lat", latin);
    ada.gsync(&["pull"]).exits(0);
    assert_eq!(fs::read(ada.path("f.lat")).unwrap(), latin);
    assert_eq!(ada.git(&["show", "HEAD:f.lat"]), "gr\u{fc}n\none\ntwo\nthree");
    ada.write("f.lat", b"gr\xfcn\none\ntwo\nthree\n\xe4 mine\n");
    ada.write("new.lat", b"\xdf\n");
    bob.write("f.lat", b"\xf6 bob\ngr\xfcn\none\ntwo\nthree\n");
    bob.commit_all("more");
    bob.push();
    let before = whole(&ada);
    ada.gsync(&["pull"]).exits(0);
    let both = b"\xf6 bob\ngr\xfcn\none\ntwo\nthree\n\xe4 mine\n";
    assert_eq!(fs::read(ada.path("f.lat")).unwrap(), both);
    ada.gsync(&["discard"]).exits(0);
    assert!(!ada.path("new.lat").exists());
    ada.gsync(&["undo"]).exits(0);
    assert_eq!(fs::read(ada.path("f.lat")).unwrap(), both);
    assert_eq!(fs::read(ada.path("new.lat")).unwrap(), b"\xdf\n");
    ada.gsync(&["undo", "r2"]).exits(0);
    assert_eq!(whole(&ada), before);
}

#[test]
fn what_a_large_file_stands_for_is_written_and_its_pointer_is_kept() {
    // As git-lfs does: the repository has a pointer, the store beside it the contents.
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    for who in [&ada, &bob] {
        who.script(
            ".git/clean",
            "#!/bin/sh\ncat >.git/in.$$; id=$(git hash-object -t blob --no-filters .git/in.$$)\n\
             mkdir -p ../store; mv .git/in.$$ ../store/$id; echo \"pointer $id\"\n",
        );
        who.script(".git/smudge", "#!/bin/sh\nread word id\ncat ../store/$id\n");
        who.git(&["config", "filter.large.clean", ".git/clean"]);
        who.git(&["config", "filter.large.smudge", ".git/smudge"]);
        who.git(&["config", "filter.large.required", "true"]);
        // How it is shown has nothing to do with what is kept.
        who.git(&["config", "diff.large.textconv", "false"]);
    }
    bob.write(".gitattributes", "*.big filter=large diff=large -text\n");
    bob.write("f.big", b"\0first");
    bob.commit_all("large");
    bob.push();
    ada.gsync(&["pull"]).exits(0);
    assert_eq!(fs::read(ada.path("f.big")).unwrap(), b"\0first");
    assert!(ada.git(&["cat-file", "blob", "HEAD:f.big"]).starts_with("pointer "));
    ada.write("mine.big", b"\0mine");
    ada.git(&["add", "mine.big"]);
    bob.write("f.big", b"\0second");
    bob.commit_all("larger");
    bob.push();
    let time = fs::metadata(ada.path("mine.big")).unwrap().modified().unwrap();
    ada.gsync(&["pull"]).exits(0);
    assert_eq!(fs::read(ada.path("f.big")).unwrap(), b"\0second");
    assert_eq!(fs::metadata(ada.path("mine.big")).unwrap().modified().unwrap(), time);
    // Both changed it: no text of pointers is merged into a file.
    ada.write("f.big", b"\0third, mine");
    bob.write("f.big", b"\0third, bob's");
    bob.commit_all("largest");
    bob.push();
    let before = whole(&ada);
    ada.gsync(&["pull"]).exits(1).says("because: f.big");
    assert_eq!(whole(&ada), before);
    ada.gsync(&["discard"]).exits(0);
    assert_eq!(fs::read(ada.path("f.big")).unwrap(), b"\0third, bob's");
    ada.gsync(&["undo"]).exits(0);
    assert_eq!(whole(&ada), before);
}

#[test]
fn a_filter_that_fails_puts_everything_back() {
    let lab = Lab::new();
    let [ada, bob] = shared(&lab, "", "plain", b"x\n");
    ada.gsync(&["pull"]).exits(0);
    bob.write(".gitattributes", "*.need filter=need\n");
    bob.write("f.need", "needed\n");
    bob.write("b", "bob\n");
    bob.commit_all("needed");
    bob.push();
    ada.git(&["config", "filter.need.smudge", "false"]);
    ada.git(&["config", "filter.need.required", "true"]);
    ada.write("c", "dirty\n");
    let before = whole(&ada);
    let seen = ada.gsync(&["pull"]).exits(3);
    assert_eq!(whole(&ada), before, "{}", seen.all());
}

#[test]
fn links_run_bits_and_kinds_that_change_are_moved_as_git_moves_them() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    std::os::unix::fs::symlink("a", bob.path("link")).unwrap();
    bob.git(&["rm", "-q", "b"]);
    bob.write("b/below", "a directory now\n");
    fs::remove_file(bob.path("c")).unwrap();
    std::os::unix::fs::symlink("dir", bob.path("c")).unwrap();
    fs::set_permissions(bob.path("run"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(bob.path("a"), fs::Permissions::from_mode(0o755)).unwrap();
    bob.git(&["rm", "-q", "-r", "dir"]);
    bob.write("dir", "a file now\n");
    bob.commit_all("kinds");
    bob.push();
    ada.write("a", "1\n2\n3\n4\n5\n6\n7\n8\n9 mine\n");
    ada.write("new", "new\n");
    let before = whole(&ada);
    ada.gsync(&["pull"]).exits(0);
    let files = |who: &Person<'_>| {
        let all = picture(&who.dir);
        let of = |line: &&str| !line.starts_with(".git/") && !line.starts_with("new");
        all.lines().filter(of).map(str::to_owned).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(files(&ada), files(&bob).replace("9\\n", "9 mine\\n"));
    assert_eq!(ada.git(&["status", "--short"]), " M a\n?? new");
    ada.gsync(&["undo"]).exits(0);
    assert_eq!(whole(&ada), before);
}

#[test]
fn a_submodule_is_moved_with_its_pointer_and_work_in_it_stays() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    lab.git_in("", &["init", "-q", "--bare", "part.git"]);
    ada.git(&["clone", "-q", "../part.git", "../part"]);
    let part = lab.at("bob", lab.path("part"));
    part.git(&["remote", "set-url", "origin", "../part.git"]);
    part.commit("p", "1\n", "one");
    part.git(&["push", "-q", "-u", "origin", "main"]);
    bob.git(&["submodule", "--quiet", "add", "../part.git", "sub"]);
    bob.commit_all("with a part");
    bob.push();
    // What stands where a submodule shall be is never taken away.
    ada.write(".git/info/exclude", "sub\n");
    for make in
        [(|ada: &Person<'_>| ada.write("sub", "an ignored file\n")) as fn(&Person<'_>), |ada| {
            ada.write("sub/mine", "in an ignored directory\n");
        }]
    {
        make(&ada);
        let before = whole(&ada);
        ada.gsync(&["pull"]).exits(1).says("because: sub");
        assert_eq!(whole(&ada), before);
        let _ = fs::remove_file(ada.path("sub"));
        let _ = fs::remove_dir_all(ada.path("sub"));
    }
    ada.gsync(&["pull"]).exits(0);
    ada.git(&["submodule", "--quiet", "update", "--init"]);
    ada.write("sub/p", "dirty in the part\n");
    ada.write("b", "dirty\n");
    part.commit("q", "2\n", "two");
    part.git(&["push", "-q"]);
    bob.git(&["-C", "sub", "pull", "-q"]);
    bob.commit_all("a newer part");
    bob.push();
    ada.gsync(&["pull"]).exits(0);
    assert_eq!(
        (ada.read("sub/p"), ada.read("b")),
        ("dirty in the part\n".into(), "dirty\n".into())
    );
    let pointer = ada.git(&["rev-parse", "HEAD:sub"]);
    assert_eq!(pointer, bob.git(&["rev-parse", "HEAD:sub"]));
    // Committing all may not set the other's newer part back.
    let seen = ada.gsync(&["finish", "--all", "-m", "x"]);
    assert!(seen.code == 1 || ada.git(&["rev-parse", "HEAD:sub"]) == pointer, "{}", seen.all());
    assert_eq!(ada.git(&["rev-parse", "origin/main:sub"]), pointer);
    assert_eq!(ada.read("sub/p"), "dirty in the part\n");
}

#[test]
fn names_that_differ_in_case_only_are_told_where_the_files_system_folds_them() {
    // `core.ignorecase` stands for such a system: what is in the way there is found by it.
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    ada.git(&["config", "core.ignorecase", "true"]);
    bob.commit("Notes", "theirs\n", "notes");
    bob.push();
    ada.write("c", "dirty\n");
    let before = whole(&ada);
    ada.gsync(&["pull"]).exits(0);
    assert_eq!(ada.git(&["status", "--short"]), " M c");
    ada.gsync(&["undo"]).exits(0);
    assert_eq!(whole(&ada), before);
    bob.git(&["mv", "Notes", "notes"]);
    bob.commit_all("another case");
    bob.push();
    ada.gsync(&["pull"]).exits(0);
    assert_eq!(ada.git(&["ls-files", "[Nn]otes"]), "notes");
    assert_eq!((ada.read("notes"), ada.read("c")), ("theirs\n".into(), "dirty\n".into()));
    assert!(!ada.path("Notes").exists());
}

#[test]
fn commits_that_are_signed_are_signed_again_with_their_bytes_dates_and_encoding() {
    let lab = Lab::new();
    let (ada, bob) = two(&lab);
    let made = ada.sh("command -v ssh-keygen && ssh-keygen -q -t ed25519 -N '' -f .git/key");
    if made.code != 0 {
        return;
    }
    let key = ada.path(".git/key").display().to_string();
    ada.git(&["config", "gpg.format", "ssh"]);
    ada.git(&["config", "user.signingKey", &key]);
    ada.git(&["config", "commit.gpgSign", "true"]);
    ada.write(".git/message", b"gr\xfcn\n\n  indented\n\n\nend\n");
    let latin = ["-c", "i18n.commitEncoding=ISO-8859-1", "commit", "-q", "--allow-empty"];
    let how = ["--cleanup=verbatim", "-F", ".git/message", "--date=@5 +0100"];
    ada.git(&[&latin[..], &how].concat());
    bob.commit("b", "bob\n", "bob");
    bob.push();
    let body = |who: &Person<'_>| {
        let raw = who.command("git").args(["cat-file", "commit", "HEAD"]).output().unwrap().stdout;
        let at = raw.windows(2).position(|two| two == b"\n\n").unwrap();
        raw[at..].to_vec()
    };
    let (was, author) = (body(&ada), ada.git(&["log", "-1", "--format=%an %ae %at"]));
    ada.gsync(&["pull"]).exits(0);
    let raw = ada.try_git(&["cat-file", "commit", "HEAD"]).stdout;
    assert!(raw.contains("gpgsig -----BEGIN SSH SIGNATURE"), "{raw}");
    assert!(raw.contains("\nencoding ISO-8859-1\n"), "{raw}");
    assert_eq!(body(&ada), was);
    assert_eq!(ada.git(&["log", "-1", "--format=%an %ae %at"]), author);
    assert_eq!(ada.git(&["rev-parse", "HEAD^"]), ada.git(&["rev-parse", "origin/main"]));
}
