//! Deeds on a machine, this one or another. Only `run` may name this file
//! (`tests/it/house.rs`). Each is whole or not at all, also when the connection breaks.

use std::path::{Component, Path};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::{Machine, PATIENCE, pipe, quote, utf8};
use crate::base::{File, shell_quote};
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
