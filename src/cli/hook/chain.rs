//! The hook that was there before gsync: it runs first, with the same arguments, the same
//! input and the same environment, and what it refuses is refused.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result};

use crate::base::Hook;
use crate::git::Git;
use crate::hooks::events::facts;
use crate::host::{env, process};

/// Tells a gsync that is its own chained hook that it is one.
const INSIDE: &str = "GSYNC_CHAINED_BY";

/// Whether this process was started by another gsync as the hook that was there before: then
/// everything is being done already.
pub(super) fn is_inside(hook: Hook) -> bool {
    let parent = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    env::text(INSIDE).is_some_and(|by| by == format!("{hook} {parent}"))
}

/// Where the hook that was there before is, if it would run: git passes over a file that is
/// not executable, and so does gsync.
pub(super) fn find(git: &Git, hook: Hook) -> Result<Option<PathBuf>> {
    let Some(dir) = facts::chained(git)? else { return Ok(None) };
    let path = dir.join(hook.name());
    let Ok(meta) = std::fs::metadata(&path) else { return Ok(None) };
    Ok((meta.is_file() && meta.permissions().mode() & 0o111 != 0).then_some(path))
}

/// Runs it and says how it ended, as a shell would: 128 and more for a signal.
pub(super) fn run(hook: Hook, path: &Path, args: &[OsString], stdin: &[u8]) -> Result<u8> {
    let mut direct = process::command(path);
    direct.args(args);
    let status = match start(hook, &mut direct, stdin) {
        Err(err) if err.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => {
            // A script without `#!`: git gives it to the shell.
            let mut shell = process::command("sh");
            shell.arg(path).args(args);
            start(hook, &mut shell, stdin)
        }
        other => other,
    };
    let status = status.with_context(|| format!("run {}", path.display()))?;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    Ok(u8::try_from(code.unwrap_or(1)).unwrap_or(u8::MAX))
}

fn start(hook: Hook, command: &mut Command, stdin: &[u8]) -> std::io::Result<ExitStatus> {
    command.env(INSIDE, format!("{hook} {}", std::process::id()));
    if !hook.reads_stdin() {
        return command.status();
    }
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    if let Some(mut pipe) = child.stdin.take() {
        // A hook that does not read its input to the end is no error: git ignores that too.
        // Its output is not ours to read, so writing here cannot block both.
        let _ = pipe.write_all(stdin);
    }
    child.wait()
}
