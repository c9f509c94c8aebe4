//! The machine on which an environment lives: this one, or one behind OpenSSH. The same
//! questions and, in [`write`], the same deeds on both; only `run` may name the latter.

mod look;
pub mod pool;
mod scratch;
mod ssh;
pub mod write;

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::http::{self, Answer, Url};
use super::paced::Paced;
use super::process::{self, Ended};
use super::proof::{self, Process, Seen};
use super::{env, read};
use crate::base::{plain, shell_quote};
pub use look::Place;
pub use ssh::Address;

/// How long a question to the file system of a machine may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A machine. Copies share one connection, which ends with the last of them.
#[derive(Debug, Clone)]
pub enum Machine {
    Here,
    There(Arc<ssh::Connection>),
}

/// A shell line and the world that it runs in. It sees nothing else of our environment.
#[derive(Debug, Clone, Default)]
pub struct Job {
    pub line: String,
    pub dir: PathBuf,
    pub env: Vec<(String, String)>,
    /// `NAME=value` lines on that machine; a name that is set already is left as it is. A file
    /// that is not there is none.
    pub env_file: Option<PathBuf>,
}

/// What a job keeps of the environment of the one who runs it.
const KEPT: [&str; 12] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
];

/// Reads the lines of a file into the environment, by hand and not as a script, and becomes the
/// strict shell of a step. Values never stand in a list of processes.
const LOADER: &str = r#"
cr=$(printf '\r')
if [ -n "$1" ] && [ -f "$1" ]; then
	while IFS= read -r l || [ -n "$l" ]; do
		l=${l%"$cr"}
		l=${l#"${l%%[![:space:]]*}"}
		l=${l#export }
		case $l in '#'*) continue ;; *=*) ;; *) continue ;; esac
		k=${l%%=*}
		v=${l#*=}
		k=${k%"${k##*[![:space:]]}"}
		v=${v#"${v%%[![:space:]]*}"}
		v=${v%"${v##*[![:space:]]}"}
		case $k in '' | [0-9]* | *[!A-Za-z0-9_]* | l | k | v | cr | IFS) continue ;; esac
		case $v in
		\"*\") v=${v#\"} v=${v%\"} ;;
		\'*\') v=${v#\'} v=${v%\'} ;;
		*) v=${v%%" #"*} v=${v%"${v##*[![:space:]]}"} ;;
		esac
		eval "[ -n \"\${$k+x}\" ]" || export "$k=$v"
	done <"$1"
fi
unset l k v cr
if command -v bash >/dev/null 2>&1; then
	exec bash -euo pipefail -c "$2"
fi
exec sh -eu -c "$2"
"#;

impl Job {
    /// The file of variables; and no name of a variable is more than a name.
    fn file(&self) -> Result<&str> {
        for (name, _) in &self.env {
            let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            let begins = name.starts_with(|c: char| !c.is_ascii_digit());
            ensure!(begins && name.bytes().all(letter), "{}: not a variable", plain(name));
        }
        self.env_file.as_deref().map_or(Ok(""), utf8)
    }

    /// The job as words for a shell.
    fn words(&self) -> Result<String> {
        let mut words = String::from("env -i");
        for name in KEPT {
            words += &format!(" ${{{name}+\"{name}=${name}\"}}");
        }
        for (name, value) in &self.env {
            words += &format!(" {name}={}", shell_quote(value));
        }
        for word in ["sh", "-c", LOADER, "sh", self.file()?, &self.line] {
            words += &format!(" {}", shell_quote(word));
        }
        Ok(words)
    }
}

impl Machine {
    /// The machine of an environment: `ssh://[user@]host[:port]`, or this one.
    pub fn of(host: Option<&str>, timeout: Duration) -> Result<Self> {
        let Some(host) = host else { return Ok(Self::Here) };
        let program = env::raw("GSYNC_SSH").unwrap_or_else(|| "ssh".into());
        Self::connect(&program, &Address::parse(host)?, timeout)
    }

    /// Another machine, by a program that takes the words of ssh.
    pub fn connect(program: &OsStr, address: &Address, timeout: Duration) -> Result<Self> {
        Ok(Self::There(Arc::new(ssh::Connection::open(program, address, timeout)?)))
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        match self {
            Self::Here => "this machine",
            Self::There(connection) => &connection.name,
        }
    }

    /// A job as a command, for `host::steps`. When the command is killed, so is the job with all
    /// of its process group, on another machine too.
    pub fn shell(&self, job: &Job) -> Result<Command> {
        let file = job.file()?;
        match self {
            Self::Here => {
                let mut command = process::command("sh");
                command.args(["-c", LOADER, "sh", file, &job.line]).env_clear();
                let kept = KEPT.into_iter().filter_map(|name| Some((name, env::raw(name)?)));
                command.envs(kept).envs(job.env.iter().map(|(name, value)| (name, value)));
                ensure!(job.dir.is_dir(), "there is no directory {}", job.dir.display());
                command.current_dir(&job.dir);
                Ok(command)
            }
            Self::There(connection) => Ok(connection.job(&job.dir, &job.words()?)),
        }
    }

    /// Whether the connection still stands, as far as ssh has noticed.
    fn is_connected(&self) -> bool {
        match self {
            Self::Here => true,
            Self::There(connection) => connection.stands(),
        }
    }

    /// Runs a line of `sh` there (or here), with input and a deadline.
    pub fn ask(&self, line: &str, input: &[u8], deadline: Duration) -> Result<Output> {
        let mut command = self.command(line);
        match process::run(&mut command, input, deadline)? {
            Ended::TimedOut => bail!("{} does not answer", self.name()),
            Ended::Exited(mut out) => {
                if let Self::There(connection) = self {
                    // Whatever a shell there says before our first word is not ours.
                    let at = out.stdout.iter().position(|byte| *byte == ssh::BEGIN);
                    let Some(at) = at else { return Err(connection.broken(&out.stderr)) };
                    out.stdout.drain(..=at);
                }
                Ok(out)
            }
        }
    }

    /// The same, for a line that must succeed.
    fn must(&self, what: &str, line: &str, input: &[u8]) -> Result<Vec<u8>> {
        let describe = || format!("{what} on {}", self.name());
        let out = self.ask(line, input, PATIENCE).with_context(describe)?;
        if !out.status.success() {
            let said = String::from_utf8_lossy(&out.stderr);
            let said = said.lines().next_back().unwrap_or("it did not say why");
            return Err(anyhow::anyhow!(plain(said))).with_context(describe);
        }
        Ok(out.stdout)
    }

    fn command(&self, line: &str) -> Command {
        match self {
            Self::Here => {
                let mut command = process::command("sh");
                command.args(["-c", line]);
                for name in env::GIT_LOCAL {
                    command.env_remove(name);
                }
                command
            }
            Self::There(connection) => connection.command(line),
        }
    }

    /// A whole file, or nothing if there is none.
    pub fn read(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        if let Self::Here = self {
            return Ok(read::file(path)?.map(|file| file.bytes.0));
        }
        let quoted = quote(path)?;
        let line = format!("if [ -e {quoted} ]; then echo y; cat {quoted}; else echo n; fi");
        let out = self.must(&format!("read {}", path.display()), &line, b"")?;
        Ok(out.strip_prefix(b"y\n").map(<[u8]>::to_vec))
    }

    /// Whether there is anything by that name, a dangling link included.
    pub fn exists(&self, path: &Path) -> Result<bool> {
        if let Self::Here = self {
            return Ok(read::exists(path));
        }
        let quoted = quote(path)?;
        let line = format!("if [ -e {quoted} ] || [ -L {quoted} ]; then echo y; fi");
        Ok(!self.must(&format!("look for {}", path.display()), &line, b"")?.is_empty())
    }

    /// Where a link points, or nothing if there is no link.
    pub fn link(&self, path: &Path) -> Result<Option<PathBuf>> {
        if let Self::Here = self {
            return read::link(path);
        }
        let quoted = quote(path)?;
        let line = format!("if [ -L {quoted} ]; then readlink {quoted}; fi");
        let mut out = self.must(&format!("read link {}", path.display()), &line, b"")?;
        if out.pop() != Some(b'\n') {
            return Ok(None);
        }
        Ok(Some(std::ffi::OsString::from_vec(out).into()))
    }

    /// A path with all links in it followed, or nothing if it leads nowhere.
    pub fn real(&self, path: &Path) -> Result<Option<PathBuf>> {
        if let Self::Here = self {
            return Ok(path.canonicalize().ok());
        }
        let line = format!("readlink -e {} || :", quote(path)?);
        let mut out = self.must(&format!("follow {}", path.display()), &line, b"")?;
        Ok((out.pop() == Some(b'\n')).then(|| std::ffi::OsString::from_vec(out).into()))
    }

    /// What is there of a directory with releases; one that is not absolute is below the home of
    /// the user there.
    pub fn place(&self, dir: &Path) -> Result<Place> {
        if let Self::There(_) = self {
            return look::place(self, dir);
        }
        let dir = match dir.is_absolute() {
            true => dir.to_owned(),
            false => env::home().context("there is no home directory")?.join(dir),
        };
        let (releases, current) =
            (self.names(&dir.join("releases"))?, self.link(&dir.join("current"))?);
        Ok(Place { dir, releases, current })
    }

    /// The end of a file, or nothing if there is none.
    pub fn tail(&self, path: &Path, most: u64) -> Result<Option<Vec<u8>>> {
        if let Self::Here = self {
            return read::tail(path, most);
        }
        let quoted = quote(path)?;
        let line = format!("if [ -e {quoted} ]; then echo y; tail -c {most} {quoted}; fi");
        let out = self.must(&format!("read {}", path.display()), &line, b"")?;
        Ok(out.strip_prefix(b"y\n").map(<[u8]>::to_vec))
    }

    /// The names in a directory, sorted; none if there is no such directory.
    pub fn names(&self, dir: &Path) -> Result<Vec<PathBuf>> {
        if let Self::Here = self {
            return read::names(dir);
        }
        let line = format!(
            "[ -d {dir} ] || exit 0; cd {dir} && for f in * .[!.]* ..?*; do \
             if [ -e \"$f\" ] || [ -L \"$f\" ]; then printf '%s\\0' \"$f\"; fi; done",
            dir = quote(dir)?
        );
        let out = self.must(&format!("read {}", dir.display()), &line, b"")?;
        let names = out.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        let mut names: Vec<PathBuf> =
            names.map(|name| std::ffi::OsString::from_vec(name.to_vec()).into()).collect();
        names.sort();
        Ok(names)
    }

    /// Asks over HTTP as a program on that machine would: `127.0.0.1` is its own.
    pub fn get(&self, url: &Url, host: Option<&str>, timeout: Duration) -> Result<Answer> {
        let Self::There(connection) = self else { return http::get(url, host, timeout) };
        let until = Instant::now() + timeout;
        let describe = || format!("ask http://{}{} on {}", url.authority(), url.path, self.name());
        let mut child = connection.through(&url.authority()).spawn().with_context(describe)?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let (stdin, stdout) = (stdin.context("a pipe")?, stdout.context("a pipe")?);
        let answer = http::over(Paced::new(stdout, stdin, until), url, host);
        let _ = child.kill();
        let said = child.wait_with_output().map(|out| out.stderr).unwrap_or_default();
        answer.map_err(|err| ssh::refused(&said).unwrap_or(err)).with_context(describe)
    }

    /// A socket of that machine as a path here.
    pub fn socket(&self, path: &Path) -> Result<PathBuf> {
        match self {
            Self::Here => Ok(path.to_owned()),
            Self::There(connection) => connection.forward(path),
        }
    }

    /// The processes that listen on a TCP port of that machine.
    pub fn on_port(&self, port: u16) -> Seen<Vec<Process>> {
        self.on_port_of(port, None)
    }

    /// The same where it is likely which process it is, or which one started it.
    pub fn on_port_of(&self, port: u16, likely: Option<u32>) -> Seen<Vec<Process>> {
        match self {
            Self::Here => proof::on_port_of(port, likely),
            Self::There(_) => look::on_port(self, port),
        }
    }

    /// A process of that machine, or nothing if it is not alive.
    pub fn process(&self, pid: u32) -> Seen<Option<Process>> {
        match self {
            Self::Here => proof::process(pid),
            Self::There(_) => look::process(self, pid),
        }
    }
}

fn utf8(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{}: not a path in UTF-8", path.display()))
}

/// An absolute path as one word for `sh`.
fn quote(path: &Path) -> Result<String> {
    ensure!(path.is_absolute(), "{}: not an absolute path", path.display());
    Ok(shell_quote(utf8(path)?))
}

/// Copies all of a program's output into another's input; both have to end well.
fn pipe(from: &mut Command, to: &mut Command, deadline: Duration) -> Result<()> {
    use std::os::unix::process::CommandExt;
    use std::process::Stdio;
    from.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut source = from.spawn().context("start the archive")?;
    let mut stream = source.stdout.take().context("a pipe")?;
    // Read by us and not by the other program itself: an archive that breaks off must not look
    // like one that ended.
    to.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
    let mut sink = to.spawn().context("start the unpacking")?;
    let mut input = sink.stdin.take().context("a pipe")?;
    let copying = std::thread::spawn(move || -> std::io::Result<std::process::ChildStdin> {
        std::io::copy(&mut stream, &mut input)?;
        input.flush()?;
        Ok(input)
    });
    let until = Instant::now() + deadline;
    while !copying.is_finished() {
        if Instant::now() >= until {
            let _ = (source.kill(), sink.kill(), source.wait(), sink.wait());
            bail!("unpacking takes too long");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let copied = copying.join();
    let source = source.wait_with_output().context("wait for the archive")?;
    if !source.status.success() {
        let _ = (sink.kill(), sink.wait());
        let said = String::from_utf8_lossy(&source.stderr).into_owned();
        bail!("the archive broke off: {}", plain(said.lines().next_back().unwrap_or("no reason")));
    }
    // Only now its end: everything that was to come has come.
    let copied = copied.map(|copied| copied.map(drop));
    let sink = sink.wait_with_output().context("wait for the unpacking")?;
    let said = String::from_utf8_lossy(&sink.stderr).into_owned();
    ensure!(sink.status.success(), "{}", plain(said.lines().next_back().unwrap_or("tar failed")));
    match copied {
        Ok(Ok(())) => Ok(()),
        Ok(Err(err)) => Err(err).context("unpack"),
        Err(_) => bail!("the archive could not be read"),
    }
}
