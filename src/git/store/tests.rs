//! What is read, compared and written in process is what git itself says.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use gix::objs::Kind;

use super::*;
use crate::git::plain_git;

struct World {
    git: Git,
    dir: tempfile::TempDir,
    blobs: Vec<CommitId>,
    commit: CommitId,
}

fn world(options: &[&str]) -> World {
    let dir = tempfile::tempdir().unwrap();
    let mut init = plain_git();
    init.args(["init", "-q", "--bare", "--template="]).args(options).arg(dir.path());
    assert!(init.status().unwrap().success());
    let git = Git::at(dir.path().to_owned(), dir.path().to_owned(), None);
    let blob =
        |text: &str| git.feed_id(None, &["hash-object", "-w", "--stdin"], text.as_bytes()).unwrap();
    let blobs = ["one", "two", "three"].map(blob).to_vec();
    let empty = git.feed_id(None, &["mktree"], b"").unwrap();
    let people = "author A <a@b> 5 +0000\ncommitter A <a@b> 5 +0000\n\nx\n";
    let raw = format!("tree {empty}\n{people}");
    let commit =
        git.feed_id(None, &["hash-object", "-t", "commit", "-w", "--stdin"], raw.as_bytes());
    World { commit: commit.unwrap(), git, dir, blobs }
}

/// A tree as git stores it, of kinds that git itself would not make today too.
fn random_tree(world: &World, rng: &mut fastrand::Rng, depth: u8) -> CommitId {
    let mut entries: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let names: [&[u8]; 8] = [b"a", b"a-b", b"a.b", b"a0", b"ab", b"b", b"\xff x\n", b"dir"];
    for name in names {
        let blob = world.blobs[rng.usize(..world.blobs.len())].clone();
        let (mode, id) = match rng.u8(..if depth == 0 { 11 } else { 14 }) {
            0..=2 => continue,
            3..=5 => ("100644", blob),
            6 => ("100755", blob),
            7 => ("100664", blob),
            8 => ("100600", blob),
            9 => ("120000", blob),
            10 => ("160000", world.commit.clone()),
            _ => ("40000", random_tree(world, rng, depth - 1)),
        };
        let mut key = name.to_vec();
        key.extend((mode == "40000").then_some(b'/'));
        let oid = ObjectId::from_hex(id.as_str().as_bytes()).unwrap();
        let entry = [mode.as_bytes(), b" ", name, b"\0", oid.as_bytes()].concat();
        entries.insert(key, entry);
    }
    let bytes: Vec<u8> = entries.into_values().flatten().collect();
    let args = ["hash-object", "-t", "tree", "-w", "--literally", "--stdin"];
    world.git.feed_id(None, &args, &bytes).unwrap()
}

fn sorted(mut changes: Vec<Change>) -> Vec<Change> {
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    changes
}

#[track_caller]
fn alike(git: &Git, one: &CommitId, two: &CommitId) -> usize {
    let ours = git.stored_changes(one, two).expect("read in process");
    let told = git.told_changes(one, two).unwrap();
    assert_eq!(sorted(ours), sorted(told.clone()), "{one} {two}");
    told.len()
}

#[test]
fn trees_are_compared_as_git_compares_them_whatever_kinds_meet() {
    for options in [&[][..], &["--object-format=sha256"]] {
        let world = world(options);
        let mut rng = fastrand::Rng::with_seed(7);
        let trees: Vec<CommitId> = (0..24).map(|_| random_tree(&world, &mut rng, 2)).collect();
        if world.git.stored_changes(&trees[0], &trees[1]).is_none() {
            // Another hash is git's to read; then nothing of this is used.
            assert!(!options.is_empty());
            continue;
        }
        let mut seen = 0;
        for pair in trees.windows(2) {
            seen += alike(&world.git, &pair[0], &pair[1]);
        }
        let empty = world.git.empty_tree().unwrap();
        seen += alike(&world.git, &empty, &trees[0]) + alike(&world.git, &trees[0], &empty);
        assert!(seen > 300, "{seen}");
    }
}

#[test]
fn what_a_tree_has_at_a_path_is_what_git_lists_there() {
    let world = world(&[]);
    let mut rng = fastrand::Rng::with_seed(9);
    let paths: Vec<RepoPath> = ["a", "a/a", "a/dir/b", "b", "dir", "dir/a", "no", "a/b/c/d", "ab"]
        .iter()
        .map(|path| RepoPath::from(*path))
        .chain([RepoPath::new(b"\xff x\n".as_slice())])
        .collect();
    let mut found = 0;
    for _ in 0..20 {
        let tree = random_tree(&world, &mut rng, 2);
        let ours = world.git.stored_entries(&tree, &paths).expect("read in process");
        let told = world.git.told_entries(&tree, &paths).unwrap();
        assert_eq!(ours, told, "{tree}");
        found += told.len();
    }
    assert!(found > 50, "{found}");
}

#[test]
fn a_commit_is_stored_as_git_would_and_read_as_git_reads_it() {
    let world = world(&[]);
    let git = &world.git;
    let tree = git.empty_tree().unwrap();
    let people: &[&[u8]] = &[
        b"author A <a@b> 5 +0000\ncommitter B <b@c> 1700000000 -0730\n\nx",
        b"author A <a@b> 5 +0000\ncommitter A <a@b> 5 +0000\nencoding ISO-8859-1\n\ngr\xfcn\n",
        b"author \xff <> 0 +0000\ncommitter A <a@b> 5 +0000\n\n\n\n no title\n\nbody\n\n\n",
        b"author A <a@b> 5 +0000\ncommitter A <a@b> 5 +0000\n\n",
    ];
    for parents in [&[][..], &[&world.commit], &[&world.commit, &world.commit]] {
        for people in people {
            let id = git.write_commit(&tree, parents, people).unwrap();
            let told = git.must_bytes(&["cat-file", "commit", id.as_str()]).unwrap();
            assert!(told.ends_with(people));
            assert_eq!(git.raw_commit(&id).unwrap(), told);
            let args = ["hash-object", "-t", "commit", "--literally", "--stdin"];
            assert_eq!(git.feed_id(None, &args, &told).unwrap(), id);
        }
    }
    let out = git.output(&["fsck", "--connectivity-only"]).unwrap();
    assert!(out.status.success());
    // What git would not read is not stored.
    assert!(git.write(Kind::Commit, b"tree nonsense\n\n").is_err());
    assert!(git.write(Kind::Tree, b"100644 a").is_err());
}

#[test]
fn objects_are_found_where_git_finds_them() {
    let far = world(&[]);
    let mut rng = fastrand::Rng::with_seed(3);
    let (one, two) = (random_tree(&far, &mut rng, 2), random_tree(&far, &mut rng, 2));
    // Borrowed from another repository.
    let near = world(&[]);
    let objects = far.dir.path().join("objects");
    fs::write(near.dir.path().join("objects/info/alternates"), format!("{}\n", objects.display()))
        .unwrap();
    alike(&near.git, &one, &two);

    // Packed, and the loose ones gone, after the store was opened.
    let tip = far.git.write_commit(&one, &[&far.commit], &super::super::raw::by_gsync(9, "x"));
    let tip = tip.unwrap();
    let other = far.git.write_commit(&two, &[&tip], &super::super::raw::by_gsync(9, "y")).unwrap();
    far.git.must(&["update-ref", "refs/heads/x", other.as_str()]).unwrap();
    alike(&far.git, &one, &two);
    far.git.must(&["gc", "-q", "--prune=now"]).unwrap();
    alike(&far.git, &one, &two);
    alike(&near.git, &one, &two);
    assert_eq!(far.git.tree_of(&tip).unwrap(), one);

    // Replaced: git shows the other one, and so do we.
    far.git.must(&["replace", tip.as_str(), other.as_str()]).unwrap();
    let again = Git::at(far.git.git_dir.clone(), far.git.common_dir.clone(), None);
    let rev = format!("{tip}^{{tree}}");
    assert_eq!(again.tree_of(&tip).unwrap().as_str(), again.must(&["rev-parse", &rev]).unwrap());
    assert_eq!(
        again.raw_commit(&tip).unwrap(),
        again.must_bytes(&["cat-file", "commit", tip.as_str()]).unwrap()
    );

    // Permissions of its own are git's business.
    let shared = world(&["--shared=group"]);
    assert!(shared.git.store().is_none());
    let id = shared.git.write(Kind::Blob, b"for all").unwrap();
    assert_eq!(mode_of(&shared, &id), mode_of(&shared, &shared.blobs[0]));
}

fn mode_of(world: &World, id: &CommitId) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    let (dir, file) = id.as_str().split_at(2);
    let path = world.dir.path().join("objects").join(dir).join(file);
    fs::metadata(Path::new(&path)).unwrap().permissions().mode()
}

#[test]
fn a_tree_of_any_depth_is_compared_or_left_to_git() {
    let world = world(&[]);
    for depth in [400, 1500] {
        let mut ids = [world.blobs[0].clone(), world.blobs[1].clone()];
        for id in &mut ids {
            for level in 0..depth {
                let mode = if level == 0 { "100644" } else { "40000" };
                let oid = ObjectId::from_hex(id.as_str().as_bytes()).unwrap();
                let raw = [mode.as_bytes(), b" d\0", oid.as_bytes()].concat();
                *id = world.git.write(Kind::Tree, &raw).unwrap();
            }
        }
        let changes = world.git.compare_trees(&ids[0], &ids[1]).unwrap();
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].path.as_bytes().len(), 2 * depth - 1);
    }
}

/// Mode and content by path.
type Files = BTreeMap<&'static str, (&'static str, CommitId)>;

#[test]
fn what_needs_no_merging_is_forecast_as_git_merges_it() {
    let world = world(&[]);
    let git = &world.git;
    let mut rng = fastrand::Rng::with_seed(11);
    let names = ["a", "a-b", "a/b", "a/c", "d/e/f", "d/e/g", "d/h", "x", "x/y", "z"];
    let change = |files: &mut Files, rng: &mut fastrand::Rng, most: usize| {
        for _ in 0..rng.usize(..most) {
            let name = names[rng.usize(..names.len())];
            let mode = ["100644", "100644", "100755", "120000"][rng.usize(..4)];
            let blob = world.blobs[rng.usize(..world.blobs.len())].clone();
            match rng.u8(..10) {
                0 => drop(files.remove(name)),
                _ => drop(files.insert(name, (mode, blob))),
            }
        }
        // A file where there is a directory is not possible.
        let all: Vec<&str> = files.keys().copied().collect();
        let below = |dir: &&str| all.iter().any(|path| path.starts_with(&format!("{dir}/")));
        for dir in all.iter().filter(|path| below(path)) {
            files.remove(dir);
        }
    };
    let commit = |files: &Files, parents: &[&CommitId]| {
        let index = world.dir.path().join("scratch-index");
        let _ = fs::remove_file(&index);
        let lines: String =
            files.iter().map(|(path, (mode, id))| format!("{mode} {id}\t{path}\n")).collect();
        let input = ["update-index", "--add", "--index-info"];
        git.feed(Some(&index), &input, lines.as_bytes()).unwrap();
        let tree = git.feed_id(Some(&index), &["write-tree"], b"").unwrap();
        git.write_commit(&tree, parents, &super::super::raw::by_gsync(9, "x")).unwrap()
    };
    let (mut apart, mut met) = (0, 0);
    for _ in 0..60 {
        let mut base = Files::new();
        change(&mut base, &mut rng, 12);
        let (mut ours, mut theirs) = (base.clone(), base.clone());
        change(&mut ours, &mut rng, 4);
        change(&mut theirs, &mut rng, 4);
        let base = commit(&base, &[]);
        let (one, two) = (commit(&ours, &[&base]), commit(&theirs, &[&base]));
        let Some(mut ours) = git.simple_forecast(&one, &two) else {
            met += 1;
            continue;
        };
        apart += 1;
        let mut told = git.told_forecast(&one, &two).unwrap().unwrap();
        ours.incoming.sort_by(|a, b| a.path.cmp(&b.path));
        told.incoming.sort_by(|a, b| a.path.cmp(&b.path));
        assert_eq!(ours, told, "{one} {two}");
    }
    assert!(apart > 10 && met > 10, "{apart} {met}");
}
