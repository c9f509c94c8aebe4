//! Questions to those who keep services running: PM2, systemd, and the service itself.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::process::{self, Ended};

const PATIENCE: Duration = Duration::from_secs(15);

/// A process as PM2 has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pm2 {
    pub pid: i64,
    pub status: String,
    pub restarts: i64,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    name: String,
    #[serde(default)]
    pid: i64,
    pm2_env: Env,
}

#[derive(Deserialize)]
struct Env {
    #[serde(default)]
    status: String,
    #[serde(default)]
    restart_time: i64,
}

/// The processes of a name.
pub fn pm2(name: &str) -> Result<Vec<Pm2>> {
    let out = ask("pm2", &["jlist", "--silent"])?;
    // PM2 may say something about itself in front of the list.
    let start = memchr::memmem::find(&out, b"[{").unwrap_or(0);
    let list: Vec<Listed> = match out[start..].trim_ascii() {
        b"" | b"[]" => Vec::new(),
        json => serde_json::from_slice(json).context("read what pm2 lists")?,
    };
    let ours = list.into_iter().filter(|it| it.name == name);
    Ok(ours
        .map(|it| Pm2 { pid: it.pid, status: it.pm2_env.status, restarts: it.pm2_env.restart_time })
        .collect())
}

/// A unit as systemd has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unit {
    pub active: String,
    pub result: String,
    pub pid: String,
    pub restarts: String,
}

/// A unit by its name.
pub fn systemd(unit: &str) -> Result<Unit> {
    let keys = "--property=ActiveState,Result,MainPID,NRestarts";
    let out = ask("systemctl", &["show", keys, "--", unit])?;
    let text = String::from_utf8_lossy(&out);
    let mut found = Unit::default();
    for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
        let field = match key {
            "ActiveState" => &mut found.active,
            "Result" => &mut found.result,
            "MainPID" => &mut found.pid,
            "NRestarts" => &mut found.restarts,
            _ => continue,
        };
        value.clone_into(field);
    }
    Ok(found)
}

fn ask(program: &str, args: &[&str]) -> Result<Vec<u8>> {
    match process::run(process::command(program).args(args), b"", PATIENCE)? {
        Ended::Exited(out) if out.status.success() => Ok(out.stdout),
        Ended::Exited(out) => {
            let text = String::from_utf8_lossy(&out.stderr).into_owned();
            bail!("{program} says: {}", text.lines().next().unwrap_or("nothing"))
        }
        Ended::TimedOut => bail!("{program} does not answer"),
    }
}

/// The status that an address answers with. The outer error: the address makes no sense.
pub fn http(url: &str) -> Result<Result<u16, String>> {
    let Some(rest) = url.strip_prefix("http://") else {
        bail!("{url}: only http:// addresses can be watched");
    };
    let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let address = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    Ok(get(&address, host, path).map_err(|err| err.to_string()))
}

fn get(address: &str, host: &str, path: &str) -> std::io::Result<u16> {
    let wait = Duration::from_secs(3);
    let mut last = std::io::Error::other("no address");
    for address in address.to_socket_addrs()? {
        let mut stream = match TcpStream::connect_timeout(&address, wait) {
            Ok(stream) => stream,
            Err(err) => {
                last = err;
                continue;
            }
        };
        stream.set_read_timeout(Some(wait))?;
        stream.set_write_timeout(Some(wait))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
        let mut head = [0; 64];
        let mut got = 0;
        while got < 12 {
            match stream.read(&mut head[got..])? {
                0 => break,
                n => got += n,
            }
        }
        let text = String::from_utf8_lossy(&head[..got]).into_owned();
        let status = text.split(' ').nth(1).and_then(|word| word.get(..3)?.parse().ok());
        return status.ok_or_else(|| std::io::Error::other("it does not speak HTTP"));
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_answers_or_says_why_not() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/health", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                asked.push(byte[0]);
            }
            stream.write_all(b"HTTP/1.1 503 Busy\r\n\r\n").unwrap();
            String::from_utf8_lossy(&asked).into_owned()
        });
        assert_eq!(http(&url).unwrap(), Ok(503));
        assert!(server.join().unwrap().starts_with("GET /health "));
        assert!(http(&url).unwrap().is_err(), "nobody listens any more");
        assert!(http("https://x/").is_err());
    }
}
