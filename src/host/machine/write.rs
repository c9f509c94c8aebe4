//! Deeds on a machine, this one or another. Only `run` may name this file
//! (`tests/it/house.rs`). Each is whole or not at all, also when the connection breaks.

use std::path::{Component, Path};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::{Job, Machine, PATIENCE, pipe, quote, utf8};
use crate::base::{File, plain, shell_quote};
use crate::host::write;

/// Writes a file beside its place and renames it.
pub fn file(machine: &Machine, path: &Path, file: &File) -> Result<()> {
    if let Machine::Here = machine {
        return write::file(path, file);
    }
    let line = format!(
        "umask 077; p={path}; t=$(mktemp \"${{p%/*}}/.gsync-XXXXXX\") || exit 1\n\
         cat >\"$t\" && [ \"$(wc -c <\"$t\")\" -eq {length} ] && chmod {mode:o} \"$t\" &&\n\
         {{ sync \"$t\" 2>/dev/null || :; }} && mv -fT \"$t\" \"$p\" ||\n\
         {{ rm -f \"$t\"; echo 'the file did not arrive' >&2; exit 1; }}",
        path = quote(path)?,
        length = file.bytes.0.len(),
        mode = file.mode & 0o7777,
    );
    machine.must(&format!("write {}", path.display()), &line, &file.bytes.0).map(drop)
}

/// Replaces what a file on another machine holds if it still holds what was read, under the
/// lock on its directory that others take in turn. Owner and mode stay.
pub fn swap(machine: &Machine, path: &Path, old: &[u8], new: &[u8]) -> Result<bool> {
    use sha2::Digest as _;
    let digest = crate::base::hex(&sha2::Sha256::digest(old));
    let line = format!(
        "p=$(readlink -f {path}) && d=${{p%/*}} && t=$(mktemp \"$d/.gsync-XXXXXX\") || exit 1\n\
         trap 'rm -f \"$t\"' EXIT\n\
         cat >\"$t\" && [ \"$(wc -c <\"$t\")\" -eq {length} ] || exit 1\n\
         chmod --reference=\"$p\" \"$t\" || exit 1\n\
         chown --reference=\"$p\" \"$t\" 2>/dev/null; sync \"$t\" 2>/dev/null\n\
         exec 9<\"$d\" && flock -w 10 9 || exit 1\n\
         [ \"$(sha256sum <\"$p\")\" = '{digest}  -' ] || {{ echo n; exit 0; }}\n\
         mv -fT \"$t\" \"$p\" && {{ sync \"$d\" 2>/dev/null || :; }} && echo y",
        path = quote(path)?,
        length = new.len(),
    );
    let said = machine.must(&format!("write {}", path.display()), &line, new)?;
    ensure!(said == b"y\n" || said == b"n\n", "write {}: no clear answer", path.display());
    Ok(said == b"y\n")
}

/// Makes a directory and those above it.
pub fn make_dirs(machine: &Machine, dir: &Path) -> Result<()> {
    if let Machine::Here = machine {
        use anyhow::Context;
        return std::fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()));
    }
    machine
        .must(&format!("make {}", dir.display()), &format!("mkdir -p {}", quote(dir)?), b"")
        .map(drop)
}

/// Points a link, in one moment: a reader sees the old or the new one.
pub fn link(machine: &Machine, at: &Path, to: &Path) -> Result<()> {
    if let Machine::Here = machine {
        return write::link(at, to);
    }
    let line = format!(
        "p={at}; t=\"${{p%/*}}/.gsync-link-$$\"; ln -sfn {to} \"$t\" && mv -fT \"$t\" \"$p\"",
        at = quote(at)?,
        to = shell_quote(utf8(to)?)
    );
    machine.must(&format!("link {}", at.display()), &line, b"").map(drop)
}

/// Moves something within one file system, never over something that is there.
pub fn rename(machine: &Machine, from: &Path, to: &Path) -> Result<()> {
    if let Machine::Here = machine {
        return write::rename(from, to);
    }
    let line = format!(
        "t={to}; if [ -e \"$t\" ] || [ -L \"$t\" ]; then echo it exists >&2; exit 1; fi; mv -nT {from} \"$t\"",
        from = quote(from)?,
        to = quote(to)?
    );
    machine.must(&format!("move {}", from.display()), &line, b"").map(drop)
}

/// Removes a file, a link, or a directory with everything in it; one that is gone is no error.
pub fn remove(machine: &Machine, path: &Path) -> Result<()> {
    // A root, a home or a relative path is nobody's release.
    let plain = path.components().all(|it| !matches!(it, Component::ParentDir | Component::CurDir));
    ensure!(
        path.is_absolute() && plain && path.components().count() > 3,
        "{}: not a path to remove",
        path.display()
    );
    if let Machine::Here = machine {
        let is_dir = path.symlink_metadata().is_ok_and(|meta| meta.is_dir());
        return if is_dir { write::remove_tree(path) } else { write::remove(path) };
    }
    machine
        .must(&format!("remove {}", path.display()), &format!("rm -rf {}", quote(path)?), b"")
        .map(drop)
}

/// Unpacks the tar stream that a program prints here into a directory there.
pub fn unpack(
    machine: &Machine,
    archive: &mut Command,
    dir: &Path,
    deadline: Duration,
) -> Result<()> {
    let line = format!("tar -x --no-same-owner --no-same-permissions -f - -C {}", quote(dir)?);
    pipe(archive, &mut machine.command(&line), deadline.max(PATIENCE))
}

/// Starts a process in a session of its own on another machine, where it outlives the connection.
/// It writes down itself who it is before it becomes the job, so that nobody is left unknown if
/// the connection breaks in between: `{"release":NAME,"pid":..,"started":".."}` in `record`.
pub fn start(
    machine: &Machine,
    job: &Job,
    name: &str,
    record: &Path,
    log: &Path,
    patience: Duration,
) -> Result<()> {
    let letter = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    ensure!(name.chars().all(letter), "{}: not the name of a release", plain(name));
    let becoming = format!(
        "r={record}; t=$(mktemp \"${{r%/*}}/.gsync-XXXXXX\") && chmod 644 \"$t\" || exit 1\n\
         read -r l </proc/$$/stat || exit 1\n\
         set -- ${{l##*) }}\n\
         printf '{{\"release\":\"%s\",\"pid\":%s,\"started\":\"%s\"}}' \
         {name} \"$$\" \"${{20}}\" >\"$t\" && mv -fT \"$t\" \"$r\" || exit 1\n\
         exec {words}",
        record = quote(record)?,
        words = job.words()?,
    );
    let line = format!(
        "cd {dir} || exit 1; l={log}; mkdir -p \"${{l%/*}}\" || exit 1\n\
         (umask 077; : >>\"$l\") || exit 1\n\
         setsid sh -c {becoming} </dev/null >>\"$l\" 2>&1 & p=$!; n=0\n\
         while ! grep -q \"\\\"pid\\\":$p,\" {record} 2>/dev/null; do\n\
         kill -0 $p 2>/dev/null || {{ grep -q \"\\\"pid\\\":$p,\" {record} && exit 0\n\
         echo 'it could not be started' >&2; exit 1; }}\n\
         n=$((n+1)); [ $n -lt {tries} ] || {{ echo 'it does not start' >&2; exit 1; }}\n\
         sleep 0.02; done",
        dir = quote(&job.dir)?,
        log = quote(log)?,
        becoming = shell_quote(&becoming),
        record = quote(record)?,
        tries = patience.as_millis() / 20,
    );
    machine.must(&format!("start `{}`", plain(&job.line)), &line, b"").map(drop)
}

/// Ends a process on another machine, or all of the group that it leads, if it is still the one
/// that started then: asks it, waits, and makes it.
pub fn end(machine: &Machine, pid: u32, started: &str, group: bool, grace: Duration) -> Result<()> {
    ensure!(pid > 1 && started.bytes().all(|byte| byte.is_ascii_digit()), "not a process");
    let who = if group { format!("-{pid}") } else { pid.to_string() };
    let line = format!(
        "is() {{ read -r l </proc/{pid}/stat || return 1; set -- ${{l##*) }}\n\
         case $1 in Z|X) return 1;; esac; [ \"${{20}}\" = '{started}' ]; }} 2>/dev/null\n\
         is || exit 0\n\
         kill -TERM {who}; n=0\n\
         while is && [ $n -lt {tries} ]; do n=$((n+1)); sleep 0.02; done\n\
         {last} kill -KILL {who} 2>/dev/null; n=0\n\
         while is && [ $n -lt 100 ]; do n=$((n+1)); sleep 0.02; done\n\
         ! is",
        tries = grace.as_millis() / 20,
        last = if group { "" } else { "is &&" },
    );
    let out = machine.ask(&line, b"", grace + PATIENCE)?;
    ensure!(out.status.success(), "process {pid} on {} does not end", machine.name());
    Ok(())
}
