//! One connection of OpenSSH, with the user's own configuration, keys and known hosts, shared by
//! everything that is asked and done on a machine. It ends when gsync ends, however that is: its
//! first session reads from a pipe of ours.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write as _};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::scratch::Scratch;
use crate::base::{plain, shell_quote};
use crate::host::paced::Paced;
use crate::host::process;
use crate::host::process::Ended;

/// Stands in front of the answer to every question.
pub(super) const BEGIN: u8 = 0x1e;

/// A machine by its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub user: Option<String>,
    pub host: String,
    pub port: Option<u16>,
}

impl Address {
    /// Takes `ssh://[user@]host[:port]` and nothing that ssh could read as an option.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = || format!("{}: not an address like ssh://user@host:22", plain(text));
        let rest = text.strip_prefix("ssh://").with_context(bad)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user, rest) = match rest.split_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, rest),
        };
        let (host, port) = match rest.strip_prefix('[') {
            Some(six) => {
                let (host, after) = six.split_once(']').with_context(bad)?;
                ensure!(host.parse::<std::net::Ipv6Addr>().is_ok(), bad());
                let port = after.strip_prefix(':');
                ensure!(after.is_empty() || port.is_some(), bad());
                (host, port)
            }
            None => match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        let word = |word: &str| {
            let letter = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            !word.is_empty() && !word.starts_with('-') && word.chars().all(letter)
        };
        ensure!(user.is_none_or(word) && (word(host) || host.contains(':')), bad());
        let port = match port {
            None => None,
            Some(port) => Some(port.parse().ok().filter(|port: &u16| *port > 0).with_context(bad)?),
        };
        Ok(Self { user: user.map(str::to_owned), host: host.to_owned(), port })
    }
}

/// A connection that is open.
#[derive(Debug)]
pub struct Connection {
    /// What people call the machine.
    pub(super) name: String,
    program: OsString,
    /// Options and the name of the machine.
    words: Vec<OsString>,
    /// Private: the control socket, what ssh complained about, and a pipe that never ends.
    dir: Scratch,
    master: Mutex<Option<(Child, ChildStdin)>>,
    /// The sockets there that have a path here, in the order of their numbers.
    sockets: Mutex<Vec<PathBuf>>,
}

impl Connection {
    pub fn open(program: &OsStr, address: &Address, timeout: Duration) -> Result<Self> {
        let dir = Scratch::new()?;
        let endless = dir.path().join("endless");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &endless,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .context("make a pipe for ssh")?;
        let mut words: Vec<OsString> = Vec::new();
        let seconds = timeout.as_secs().max(1);
        for option in [
            "BatchMode=yes".to_owned(),
            format!("ConnectTimeout={seconds}"),
            // A machine that is gone is noticed in the middle of a step too.
            "ServerAliveInterval=10".to_owned(),
            "ServerAliveCountMax=3".to_owned(),
            "ForwardAgent=no".to_owned(),
            "ForwardX11=no".to_owned(),
            "RequestTTY=no".to_owned(),
            "RemoteCommand=none".to_owned(),
            "PermitLocalCommand=no".to_owned(),
            "EscapeChar=none".to_owned(),
            "LogLevel=ERROR".to_owned(),
            format!("ControlPath={}", dir.path().join("control").display()),
            "ControlPersist=no".to_owned(),
        ] {
            words.extend(["-o".into(), option.into()]);
        }
        if let Some(user) = &address.user {
            words.extend(["-l".into(), user.into()]);
        }
        if let Some(port) = address.port {
            words.extend(["-p".into(), port.to_string().into()]);
        }
        words.extend(["--".into(), (&address.host).into()]);
        let connection = Self {
            name: address.host.clone(),
            program: program.to_owned(),
            words,
            dir,
            master: Mutex::new(None),
            sockets: Mutex::new(Vec::new()),
        };
        connection.begin(Instant::now() + timeout)?;
        Ok(connection)
    }

    /// Starts the first session, which holds the connection for all others.
    fn begin(&self, until: Instant) -> Result<()> {
        let log = std::fs::File::create(self.log()).context("write a log for ssh")?;
        let mut command = process::command(&self.program);
        command.args(["-o", "ControlMaster=yes"]).args(&self.words);
        command.arg("printf '\\036'; exec cat >/dev/null");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        // The terminal's interrupt is ours to handle, and putting back may need the machine.
        command.process_group(0);
        let mut child = command
            .spawn()
            .with_context(|| format!("start {}", plain(&self.program.to_string_lossy())))?;
        let stdin = child.stdin.take().context("a pipe")?;
        let mut reader = Paced::new(child.stdout.take().context("a pipe")?, (), until);
        let mut byte = [0];
        loop {
            match reader.read(&mut byte) {
                Ok(1..) if byte[0] == BEGIN => break,
                Ok(1..) => {}
                Ok(_) => {
                    let _ = child.wait();
                    let said = std::fs::read(self.log()).unwrap_or_default();
                    return Err(self.broken(&said));
                }
                Err(err) => {
                    let _ = (child.kill(), child.wait());
                    return Err(err).with_context(|| format!("connect to {}", self.name));
                }
            }
        }
        if let Ok(mut master) = self.master.lock() {
            *master = Some((child, stdin));
        }
        Ok(())
    }

    /// Whether its first session is still there.
    pub(super) fn stands(&self) -> bool {
        let Ok(mut master) = self.master.lock() else { return false };
        master.as_mut().is_some_and(|(child, _)| matches!(child.try_wait(), Ok(None)))
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// A line for `sh` there, its answer behind [`BEGIN`].
    pub(super) fn command(&self, line: &str) -> Command {
        let mut command = self.ssh();
        command.arg(format!("printf '\\036'; {line}"));
        command
    }

    /// Words to be run in a directory there. `host::steps` gives a command no input; so it gets
    /// a pipe that ends only when ssh is killed, and then everything of its group is ended. A
    /// group that is not the session's own (another daemon than OpenSSH's) is left alone.
    pub(super) fn job(&self, dir: &Path, words: &str) -> Command {
        let script = format!(
            "cd {dir} || exit 1\n\
             exec 3<&0 </dev/null\n\
             watch=; read -r a b c d group e </proc/$$/stat\n\
             if [ \"$group\" = $$ ]; then\n\
             ( trap '' TERM; cat <&3; kill -TERM -$$; sleep 10; kill -KILL -$$ ) >/dev/null 2>&1 &\n\
             watch=$!; fi\n\
             exec 3<&-\n\
             {words}\n\
             code=$?\n\
             [ -z \"$watch\" ] || {{ kill -KILL $watch; wait $watch; }} 2>/dev/null\n\
             exit $code\n",
            dir = shell_quote(&dir.to_string_lossy())
        );
        let ssh = self.ssh();
        let mut command = process::command("sh");
        command.args(["-c", "exec \"$@\" <>\"$0\""]).arg(self.dir.path().join("endless"));
        command.arg(ssh.get_program()).args(ssh.get_args()).arg(script);
        command
    }

    /// A connection to an address as that machine sees it.
    pub(super) fn through(&self, authority: &str) -> Command {
        let mut command = process::command(&self.program);
        command.args(["-o", "ControlMaster=no", "-W", authority]).args(&self.words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0);
        command
    }

    /// A path here that leads to a socket there, for as long as the connection lives.
    pub(super) fn forward(&self, socket: &Path) -> Result<PathBuf> {
        let mut sockets = self.sockets.lock().ok().context("the list of sockets")?;
        let name = |at: usize| self.dir.path().join(format!("socket{at}"));
        if let Some(at) = sockets.iter().position(|known| known == socket) {
            return Ok(name(at));
        }
        let there = socket.to_str().filter(|path| path.starts_with('/') && !path.contains(':'));
        let there = there.with_context(|| format!("{}: not a socket", socket.display()))?;
        let here = name(sockets.len());
        let mut command = process::command(&self.program);
        command.args(["-O", "forward", "-L"]).arg(format!("{}:{there}", here.display()));
        command.args(&self.words);
        match process::run(&mut command, b"", Duration::from_secs(10))? {
            Ended::Exited(out) if out.status.success() => {}
            Ended::Exited(out) => return Err(self.broken(&out.stderr)),
            Ended::TimedOut => anyhow::bail!("{} does not answer", self.name),
        }
        sockets.push(socket.to_owned());
        Ok(here)
    }

    fn ssh(&self) -> Command {
        let mut command = process::command(&self.program);
        command.args(["-o", "ControlMaster=no"]).args(&self.words);
        command
    }

    /// Why there was no answer, in the words of ssh.
    pub(super) fn broken(&self, said: &[u8]) -> anyhow::Error {
        refused(said)
            .unwrap_or_else(|| anyhow::anyhow!("ssh did not say why"))
            .context(format!("connect to {}", self.name))
    }
}

/// The last thing that ssh said, if it said anything.
pub(super) fn refused(said: &[u8]) -> Option<anyhow::Error> {
    let said = String::from_utf8_lossy(said);
    let last = said.lines().rfind(|line| !line.trim().is_empty())?;
    Some(anyhow::anyhow!(plain(last.trim())))
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Ok(mut master) = self.master.lock() else { return };
        let Some((mut child, mut stdin)) = master.take() else { return };
        let _ = stdin.flush();
        drop(stdin);
        let until = Instant::now() + Duration::from_millis(500);
        while !matches!(child.try_wait(), Ok(Some(_))) {
            if Instant::now() >= until {
                let _ = (child.kill(), child.wait());
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_could_be_an_option_or_a_command_is_refused() {
        let good = Address::parse("ssh://deploy@green.internal:2222/").unwrap();
        assert_eq!((good.user.as_deref(), good.host.as_str()), (Some("deploy"), "green.internal"));
        assert_eq!(good.port, Some(2222));
        assert_eq!(Address::parse("ssh://[::1]:22").unwrap().host, "::1");
        for bad in [
            "green",
            "ssh://",
            "ssh://-oProxyCommand=id",
            "ssh://-l@host",
            "ssh://a b",
            "ssh://host;id",
            "ssh://host/path",
            "ssh://host:0",
            "ssh://host:x",
            "ssh://user:pass@host",
            "ssh://$(id)@host",
            "ssh://host\n",
            "ssh://[::1",
            "ssh://@host",
        ] {
            assert!(Address::parse(bad).is_err(), "{bad:?}");
        }
    }
}
