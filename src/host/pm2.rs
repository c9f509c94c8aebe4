//! PM2: the lines that start, renew and stop an environment's processes, and what its list says.
//! The lines are run as jobs on the machine of the environment; nothing is run here. Its word
//! that all is well proves nothing (it exits 0 for a crash loop): see `host::proof`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::base::{File, plain, shell_quote};

/// PM2 of one environment: a daemon, a home and a list of its own, so that no environment can
/// touch another's processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pm2 {
    /// The program, as a path or a name on the `PATH` of that machine.
    pub program: String,
    /// `PM2_HOME`: private, mode 700.
    pub home: PathBuf,
    /// The file that [`ecosystem`] wrote, outside of any release.
    pub ecosystem: PathBuf,
}

/// One process of the list. The list holds the whole environment of every process: no more of
/// it than this is kept, and the raw text is never shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    /// 0 if it does not run.
    pub pid: u32,
    /// `online`, `errored`, `stopped`, `launching`, `waiting restart` ..
    pub status: String,
    pub restarts: u64,
    /// In a cluster the daemon holds the port, not the process.
    pub cluster: bool,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    name: String,
    #[serde(default)]
    pid: Option<i64>,
    pm2_env: RawEnv,
}

#[derive(Deserialize)]
struct RawEnv {
    #[serde(default)]
    status: String,
    #[serde(default)]
    restart_time: u64,
    #[serde(default)]
    exec_mode: String,
}

impl Pm2 {
    /// Starts what does not run and restarts what does, with the environment of the one who runs
    /// the line. `restart NAME` would keep the old environment, and an old directory.
    pub fn start(&self) -> Result<String> {
        self.line(&format!("startOrRestart {} --update-env", quote(&self.ecosystem)?))
    }

    /// Replaces the processes of a cluster one by one; in fork mode this is a restart.
    pub fn reload(&self) -> Result<String> {
        self.line(&format!("startOrReload {} --update-env", quote(&self.ecosystem)?))
    }

    /// Stops the processes and forgets them. There being none is not an error.
    pub fn delete(&self) -> Result<String> {
        Ok(format!("{} || true", self.line(&format!("delete {}", quote(&self.ecosystem)?))?))
    }

    /// Ends the daemon and all that it runs.
    pub fn kill(&self) -> Result<String> {
        self.line("kill")
    }

    /// Prints the list, for [`list`].
    pub fn jlist(&self) -> Result<String> {
        self.line("jlist -s")
    }

    /// The file in which the daemon writes its pid.
    pub fn daemon_pid(&self) -> PathBuf {
        self.home.join("pm2.pid")
    }

    fn line(&self, words: &str) -> Result<String> {
        ensure!(self.home.is_absolute(), "{}: not an absolute path", self.home.display());
        let home = quote(&self.home)?;
        Ok(format!(
            "umask 077; mkdir -p {home} && chmod 700 {home} && \
             PM2_HOME={home} PM2_DISCRETE_MODE=true {} --no-color {words}",
            shell_quote(&self.program)
        ))
    }
}

fn quote(path: &Path) -> Result<String> {
    Ok(shell_quote(path.to_str().with_context(|| format!("{}: not UTF-8", path.display()))?))
}

/// Reads what `jlist -s` printed. PM2 may say something about itself in front of the list.
pub fn list(printed: &[u8]) -> Result<Vec<Listed>> {
    let mut lines = printed.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let json = lines.rfind(|line| line.starts_with(b"[{") || *line == b"[]");
    let json = json.context("pm2 shows no list of its processes")?;
    // The error of the parser would quote the text, and with it somebody's secrets.
    let raw: Vec<Raw> =
        serde_json::from_slice(json).ok().context("the list of pm2 cannot be read")?;
    let listed = raw.into_iter().map(|it| Listed {
        name: plain(&it.name),
        pid: it.pid.and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0),
        status: plain(&it.pm2_env.status),
        restarts: it.pm2_env.restart_time,
        cluster: it.pm2_env.exec_mode.starts_with("cluster"),
    });
    Ok(listed.collect())
}

/// An ecosystem file that runs the processes of the release's own one from `current`. Started
/// from the release directory itself, PM2 would pin it and serve it for ever: so `cwd` is the
/// link, and every path is below it.
pub fn ecosystem(current: &Path, file: &str, names: &str) -> Result<File> {
    let current = current.to_str().context("the path of the environment is not UTF-8")?;
    ensure!(current.starts_with('/'), "{}: not an absolute path", plain(current));
    let inside = !file.is_empty()
        && !file.starts_with('/')
        && !file.split('/').any(|part| part == ".." || part.is_empty());
    ensure!(inside, "{}: not a file in the release", plain(file));
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    ensure!(!names.is_empty() && names.bytes().all(is_name), "{}: not a name", plain(names));
    let text = include_str!("../../templates/ecosystem.config.js");
    let word = |text: &str| serde_json::to_string(text).unwrap_or_default();
    Ok(File::text(
        text.replace("{current}", &word(current))
            .replace("{file}", &word(file))
            .replace("{name}", &word(names)),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read_without_what_nobody_may_see() {
        let json = br#"[{"name":"shop","pid":42,"pm2_env":{"status":"online","restart_time":3,"exec_mode":"fork_mode","SECRET":"hunter2"}},
"#;
        let json: Vec<u8> = json.iter().copied().filter(|byte| *byte != b'\n').collect();
        let json =
            [b">>>> In-memory PM2 is out-of-date\n", &json[..json.len() - 1], b"]\n"].concat();
        let shop = Listed {
            name: "shop".into(),
            pid: 42,
            status: "online".into(),
            restarts: 3,
            cluster: false,
        };
        assert_eq!(list(&json).unwrap(), [shop]);
        assert_eq!(list(b"[]\n").unwrap(), []);
        assert!(list(b"").is_err() && list(b"bash: pm2: not found\n").is_err());
        let err = format!("{:#}", list(br#"[{"name":"x","SECRET":"hunter2"#).unwrap_err());
        assert!(!err.contains("hunter2"), "{err}");
    }

    #[test]
    fn every_path_is_one_word_and_the_environment_has_a_home_of_its_own() {
        let pm2 = Pm2 {
            program: "pm2".into(),
            home: "/srv/it's/.pm2".into(),
            ecosystem: "/srv/it's/e.config.js".into(),
        };
        let line = pm2.start().unwrap();
        assert!(line.contains("PM2_HOME='/srv/it'\\''s/.pm2'"), "{line}");
        assert!(
            line.ends_with("startOrRestart '/srv/it'\\''s/e.config.js' --update-env"),
            "{line}"
        );
        assert!(Pm2 { home: "x".into(), ..pm2 }.start().is_err());
    }

    #[test]
    fn the_ecosystem_runs_from_the_link_and_nothing_breaks_out_of_its_words() {
        let current = Path::new("/srv/a\"b/current");
        let File { bytes, .. } = ecosystem(current, "ecosystem.config.js", "shop").unwrap();
        let text = String::from_utf8(bytes.0).unwrap();
        assert!(text.contains(r#"const current = "/srv/a\"b/current";"#), "{text}");
        for bad in ["", "/etc/x.js", "../x.js", "a/../../x.js"] {
            assert!(ecosystem(current, bad, "shop").is_err(), "{bad}");
        }
        assert!(ecosystem(Path::new("current"), "e.js", "shop").is_err());
        assert!(ecosystem(current, "e.js", "a;b").is_err());
    }
}
