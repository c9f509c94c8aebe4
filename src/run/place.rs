//! The machine on which an environment lives, and the programs that run there: on this one as ever,
//! on another one through the connection of the command. What they print, how long they may take
//! and how they end is the same on both.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::host;
use crate::host::machine::{Job, Machine, pool};

/// The machine that a step names.
pub(super) fn open(host: Option<&str>) -> Result<Machine> {
    pool::open(host)
}

/// A job in a clean environment.
pub(super) fn job(line: &str, dir: &Path, vars: &[(String, String)], file: Option<&Path>) -> Job {
    Job {
        line: line.to_owned(),
        dir: dir.to_owned(),
        env: vars.to_vec(),
        env_file: file.map(Path::to_owned),
    }
}

/// A line for the shell in a clean environment.
pub(super) fn shell(
    machine: &Machine,
    line: &str,
    dir: &Path,
    vars: &[(String, String)],
    file: Option<&Path>,
) -> Result<Command> {
    match machine {
        Machine::Here => {
            let mut command = host::steps::shell(line, dir);
            host::clean::dress(&mut command, vars, file)?;
            Ok(command)
        }
        Machine::There(_) => machine.shell(&job(line, dir, vars, file)),
    }
}

/// The values of a file of variables that logs must not show.
pub(super) fn secrets(machine: &Machine, file: Option<&Path>) -> Result<Vec<Vec<u8>>> {
    match machine {
        Machine::Here => host::clean::secrets(file),
        Machine::There(_) => host::clean::secrets_there(machine, file),
    }
}
