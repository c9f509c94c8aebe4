//! Pushes that are small on the way and huge when they are unpacked, or have no end: a real
//! `pre-receive`, which may not take more memory than there is, refuses them in plain words.
//! `GSYNC_TEST_BOMB=full` makes them as large as they are told of.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Instant;

use crate::lab::{Lab, Person, Seen};
use crate::secrets::token;

fn is_full() -> bool {
    std::env::var("GSYNC_TEST_BOMB").as_deref() == Ok("full")
}

/// A hub whose judge gets so many megabytes of address space. Where a file is named, the peak of
/// its memory is written there.
fn bounded(lab: &Lab, megabytes: usize) {
    let program = env!("CARGO_BIN_EXE_gsync");
    let run = match is_full() {
        true => format!(
            "exec python3 -c 'import os,resource,subprocess,sys,time; t=time.time(); \
             r=subprocess.call([\"{program}\",\"hook\",\"pre-receive\"]); \
             m=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss//1024; \
             open(\"{}\",\"a\").write(f\"{{time.time()-t:.2f}} s, {{m}} MB\\n\"); sys.exit(r)'",
            lab.path("peak").display()
        ),
        false => format!("exec '{program}' hook pre-receive"),
    };
    let script = format!("#!/bin/sh\nulimit -v {}\n{run}\n", megabytes * 1024);
    lab.hub().script("hooks/pre-receive", &script);
}

/// What a full run took.
fn told(lab: &Lab, what: &str, start: Instant) {
    let peak = std::fs::read_to_string(lab.path("peak")).unwrap_or_default();
    println!("{what}: the push {:?}, the judge {}", start.elapsed(), peak.trim());
}

fn checksum(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65521;
        b = (b + a) % 65521;
    }
    b << 16 | a
}

/// A pack, as nobody but an attacker makes it.
struct Pack {
    bytes: Vec<u8>,
    count: u32,
}

impl Pack {
    fn new() -> Self {
        Self { bytes: b"PACK\0\0\0\x02\0\0\0\0".to_vec(), count: 0 }
    }

    /// Adds an object, and tells where it is: a whole one, or what a delta makes of another.
    fn add(&mut self, kind: u8, base: Option<usize>, bytes: &[u8]) -> usize {
        let at = self.bytes.len();
        let mut size = bytes.len() >> 4;
        let mut first = kind << 4 | u8::try_from(bytes.len() & 15).unwrap();
        while size > 0 {
            self.bytes.push(first | 0x80);
            first = u8::try_from(size & 127).unwrap();
            size >>= 7;
        }
        self.bytes.push(first);
        if let Some(base) = base {
            let mut back = at - base;
            let mut letters = vec![u8::try_from(back & 127).unwrap()];
            while back >> 7 > 0 {
                back = (back >> 7) - 1;
                letters.push(0x80 | u8::try_from(back & 127).unwrap());
            }
            self.bytes.extend(letters.iter().rev());
        }
        self.bytes.extend(b"\x78\x01");
        let parts: Vec<&[u8]> = bytes.chunks(65535).collect();
        for (number, part) in parts.iter().enumerate() {
            let length = u16::try_from(part.len()).unwrap();
            self.bytes.push(u8::from(number + 1 == parts.len()));
            self.bytes.extend(length.to_le_bytes());
            self.bytes.extend((!length).to_le_bytes());
            self.bytes.extend(*part);
        }
        self.bytes.extend(checksum(bytes).to_be_bytes());
        self.count += 1;
        at
    }

    fn end(mut self) -> Vec<u8> {
        self.bytes[8..12].copy_from_slice(&self.count.to_be_bytes());
        let mut hash = gix::hash::hasher(gix::hash::Kind::Sha1);
        hash.update(&self.bytes);
        self.bytes.extend(hash.try_finalize().unwrap().as_slice());
        self.bytes
    }
}

fn number(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 127 {
        bytes.push(u8::try_from(value & 127).unwrap() | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap());
    bytes
}

/// Speaks with the hub as `git push` would, with a pack of one's own.
fn send(ada: &Person<'_>, old: &str, new: &str, pack: &[u8]) -> Seen {
    let line = format!("{old} {new} refs/heads/main\0report-status");
    let mut child = ada
        .command("git")
        .args(["receive-pack", "../hub.git"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(format!("{:04x}{line}0000", line.len() + 4).as_bytes()).unwrap();
    input.write_all(pack).unwrap();
    drop(input);
    Seen::of(&child.wait_with_output().unwrap())
}

#[test]
fn a_few_bytes_that_are_made_from_gigabytes_are_refused_unmade() {
    let megabytes = if is_full() { 3000 } else { 256 };
    let lab = Lab::new();
    let ada = lab.person("ada");
    lab.hub().git(&["config", "receive.unpackLimit", "1"]);
    bounded(&lab, 420);
    let old = ada.git(&["rev-parse", "HEAD"]);
    let text = "\0".repeat(16);
    ada.write("small", &text);
    ada.git(&["add", "small"]);
    ada.git(&["commit", "-q", "-m", "small"]);
    let new = ada.git(&["rev-parse", "HEAD"]);
    let raw = |kind: &str, name: &str| {
        ada.command("git").args(["cat-file", kind, name]).output().unwrap().stdout
    };
    let mut pack = Pack::new();
    pack.add(1, None, &raw("commit", "HEAD"));
    pack.add(2, None, &raw("tree", "HEAD^{tree}"));
    let piece = 0x1_0000;
    let zeros = pack.add(3, None, &vec![0; piece]);
    let pieces = megabytes * 16;
    let orders = [number(piece), number(pieces * piece), vec![0x80; pieces]].concat();
    let huge = pack.add(6, Some(zeros), &orders);
    // Sixteen bytes of it.
    pack.add(6, Some(huge), &[number(pieces * piece), number(16), vec![0x90, 16]].concat());
    let pack = pack.end();
    assert!(pack.len() < 200_000, "{}", pack.len());
    let start = Instant::now();
    let seen = send(&ada, &old, &new, &pack);
    told(&lab, "a chain of deltas", start);
    let _ = seen.says("is too large to be looked into").says("ng refs/heads/main");
    assert_eq!(lab.hub().git(&["rev-parse", "main"]), old);
}

#[test]
fn trees_that_name_each_other_again_and_again_are_refused() {
    // Trees with nothing in them are as many as those with files.
    let leaves: &[&str] = if is_full() { &["100644 blob", "empty"] } else { &["empty"] };
    for leaf in leaves.iter().copied() {
        let lab = Lab::new();
        let ada = lab.person("ada");
        bounded(&lab, 2000);
        let old = ada.git(&["rev-parse", "HEAD"]);
        ada.write("leaf", "x");
        let blob = ada.git(&["hash-object", "-w", "leaf"]);
        let make = |mode: &str, id: &str| {
            let lines: String = (0..10).map(|n| format!("{mode} {id}\\td{n}\\n")).collect();
            ada.sh(&format!("printf '{lines}' | git mktree")).exits(0).stdout.trim().to_owned()
        };
        let mut tree = match leaf {
            "empty" => ada.sh("git mktree </dev/null").exits(0).stdout.trim().to_owned(),
            mode => make(mode, &blob),
        };
        for _ in 0..9 {
            tree = make("040000 tree", &tree);
        }
        let bomb = ada.git(&["commit-tree", "-p", &old, "-m", "a thousand million", &tree]);
        let start = Instant::now();
        let seen = ada.try_git(&["push", "origin", &format!("{bomb}:refs/heads/main")]);
        told(&lab, leaf, start);
        let _ = seen.exits(1).says("more than 2000000 paths").says("hint:");
        assert_eq!(lab.hub().git(&["rev-parse", "main"]), old);
    }
}

#[test]
fn a_message_of_gigabytes_is_refused_unread() {
    let megabytes = if is_full() { 1000 } else { 40 };
    for (loose, megabytes) in [("1", megabytes), ("100", 40)] {
        let lab = Lab::new();
        let ada = lab.person("ada");
        lab.hub().git(&["config", "receive.unpackLimit", loose]);
        bounded(&lab, if loose == "1" { 420 } else { 300 });
        let head = ada.sh("git cat-file commit HEAD").exits(0).stdout;
        ada.write("head", head);
        let line = format!(
            "(cat head; head -c {megabytes}000000 /dev/zero | tr '\\0' 'x') | git hash-object -t commit -w --stdin"
        );
        let bomb = ada.sh(&line).exits(0).stdout.trim().to_owned();
        let start = Instant::now();
        let seen = ada.try_git(&["push", "origin", &format!("{bomb}:refs/heads/x")]);
        told(&lab, "a message", start);
        let _ = seen.exits(1).says("takes too much room to unpack").says("hint:");
        assert_eq!(lab.hub().git(&["for-each-ref", "refs/heads/x"]), "");
    }
}

#[test]
fn a_line_without_end_is_judged_piece_by_piece_where_it_may_be_large_and_refused_where_not() {
    let megabytes = if is_full() { 1000 } else { 36 };
    let lab = Lab::new();
    let ada = lab.person("ada");
    bounded(&lab, 800 + megabytes);
    let line = |secret: &str| {
        let half = megabytes / 2;
        let text = format!(
            "(head -c {half}000000 /dev/zero | tr '\\0' 'x'; printf ' {secret} '; \
             head -c {half}000000 /dev/zero | tr '\\0' 'Z') >large"
        );
        let _ = ada.sh(&text).exits(0);
        ada.git(&["config", "core.bigFileThreshold", "1m"]);
        ada.commit_all("large");
    };
    line("harmless");
    ada.try_git(&["push", "origin", "main"]).exits(1).says("more than 10 MB").says("hint:");
    ada.git(&["reset", "-q", "--hard", "HEAD~1"]);
    lab.hub().git(&["config", "core.bigFileThreshold", "1m"]);
    ada.commit(".gsync.toml", "[guard]\nmax_file_size = \"2 GB\"\n", "large files");
    ada.push();
    line("harmless");
    let start = Instant::now();
    ada.git(&["push", "-q", "origin", "main"]);
    told(&lab, "a line", start);
    line(&token(71));
    ada.try_git(&["push", "origin", "main"]).exits(1).says("in line 1").says_not(&token(71));
}

#[test]
fn a_push_of_very_many_commits_is_judged_in_time_or_refused_in_plain_words() {
    let count = if is_full() { 100_000 } else { 1_500 };
    let lab = Lab::new();
    let ada = lab.person("ada");
    bounded(&lab, 2000);
    ada.commit(".gsync.toml", "[guard]\ntime_limit = \"0s\"\n", "no time");
    ada.push();
    let before = ada.git(&["rev-parse", "main"]);
    let mut stream = String::new();
    for n in 0..count {
        stream += "commit refs/heads/main\n";
        stream += &format!("committer A <a@example.org> {} +0000\n", 1_700_000_000 + n);
        stream += &format!("data 7\nc{n:06}\n");
        stream += if n == 0 { "from refs/heads/main^0\n" } else { "" };
        let text = format!("let line = {n};\n{}\n", "words ".repeat(n % 40));
        stream += &format!("M 644 inline d{}/f{}\ndata {}\n{text}\n", n % 50, n % 700, text.len());
    }
    std::fs::write(lab.path("stream"), stream).unwrap();
    let _ = ada.sh("git fast-import --quiet < ../stream").exits(0);
    let start = Instant::now();
    ada.try_git(&["push", "origin", "main"])
        .exits(1)
        .says(&format!("of {count} commits judged in"))
        .says("what was not judged does not pass")
        .says("hint: give it more time");
    told(&lab, "refused in no time", start);
    assert_eq!(lab.hub().git(&["rev-parse", "main"]), before);
    ada.git(&["checkout", "-q", "-f", "-B", "side", &before]);
    ada.commit(".gsync.toml", "# nothing\n", "time enough");
    lab.hub().git(&["fetch", "-q", "../ada", "side:main"]);
    let start = Instant::now();
    ada.git(&["push", "-q", "origin", "main:refs/heads/all"]);
    told(&lab, "judged", start);
}
