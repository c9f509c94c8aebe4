//! The door by which the environment enters. Every variable that gsync reads is named by a
//! caller of this file.

use std::ffi::OsString;
use std::path::PathBuf;

/// A variable as it is, if it is set and not empty.
#[expect(clippy::disallowed_methods, reason = "the door by which the environment enters")]
pub fn raw(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// A variable that must be text to mean anything.
pub fn text(name: &str) -> Option<String> {
    raw(name).and_then(|value| value.into_string().ok())
}

/// The user's home directory.
pub fn home() -> Option<PathBuf> {
    raw("HOME").map(PathBuf::from)
}

/// The name of this machine up to the first dot; `GSYNC_HOST` overrides it, for containers
/// that all have the same or a random one.
pub fn host_name() -> String {
    let name = text("GSYNC_HOST")
        .unwrap_or_else(|| rustix::system::uname().nodename().to_string_lossy().into_owned());
    let short = name.split('.').next().unwrap_or_default();
    let safe: String =
        short.chars().filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    if safe.is_empty() { "localhost".to_owned() } else { safe.to_lowercase() }
}

/// The file of the program that runs. Where an upgrade has just replaced it, Linux says so
/// behind the name; the new one is as good.
pub fn binary() -> std::io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    let replaced = path.to_str().and_then(|text| text.strip_suffix(" (deleted)"));
    Ok(replaced.map(PathBuf::from).filter(|path| path.is_file()).unwrap_or(path))
}

/// Set for the gits that gsync itself lets merge and commit: their hooks leave what came in to
/// the command that started them.
pub const INSIDE: &str = "GSYNC_INSIDE";

/// Set for everything that a step of a service starts; names the step.
pub const STEP: &str = "GSYNC_STEP";
/// Whether a program can be started by that name: a file on PATH, or where the name says.
pub fn is_command(name: &str) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let runs = |path: &std::path::Path| {
        path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    if name.contains('/') {
        return runs(std::path::Path::new(name));
    }
    raw("PATH").is_some_and(|list| std::env::split_paths(&list).any(|dir| runs(&dir.join(name))))
}

/// The variables with which git points its hooks at a repository. They must not reach a git
/// that works on another one.
pub const GIT_LOCAL: [&str; 14] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CEILING_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// The values of variables whose names say that they are secret, the longest first. Short
/// ones are left out: masking `1` everywhere would hide the log and not the secret.
#[expect(clippy::disallowed_methods, reason = "the door by which the environment enters")]
pub fn secrets() -> Vec<Vec<u8>> {
    use std::os::unix::ffi::OsStringExt;
    let mut values: Vec<Vec<u8>> = std::env::vars_os()
        .filter(|(name, _)| name.to_str().is_some_and(is_secret))
        .map(|(_, value)| value.into_vec())
        .filter(|value| value.len() >= 6 && !value.contains(&b'\n'))
        .collect();
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    values
}

/// Whether the name of a variable says that its value is secret.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["SECRET", "TOKEN", "PASSWORD", "PASSWD", "KEY"].iter().any(|word| name.contains(word))
}
