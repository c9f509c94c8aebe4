//! A bounded load: clients in threads, over kept-alive and single connections, by GET and POST,
//! to several sites. Every answer is kept with the moment at which its request was sent, so that
//! a test can say how many failed and how many came from a side that no longer had the traffic.
//! And the tiny servers that answer them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A free port below those that the system hands out by itself, so that no client gets it.
pub fn port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let n = NEXT.fetch_add(1, Relaxed);
        let seed = u16::try_from(std::process::id() % 600).unwrap() * 20;
        let port = 20_000 + (seed + n) % 12_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A server that answers every request with its name, after reading all of it.
pub struct Site {
    pub port: u16,
    stop: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
    accepts: Option<JoinHandle<()>>,
}

impl Site {
    pub fn start(port: u16, name: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let (stop, open) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let name = name.to_owned();
        let (stopped, kept) = (Arc::clone(&stop), Arc::clone(&open));
        let accepts = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let mut kept = kept.lock().unwrap();
                if kept.len() > 1000 {
                    kept.retain(|it: &TcpStream| it.take_error().is_ok() && it.peer_addr().is_ok());
                }
                kept.push(stream.try_clone().unwrap());
                let name = name.clone();
                std::thread::spawn(move || serve(&stream, &name));
            }
        });
        Self { port, stop, open, accepts: Some(accepts) }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        let _ = self.accepts.take().map(JoinHandle::join);
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

fn serve(stream: &TcpStream, name: &str) {
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some((first, length, _)) = head(&mut reader) {
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        if first.contains("/slow") {
            std::thread::sleep(Duration::from_millis(400));
        }
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len());
        let mut writer = stream;
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// First line, length of the body, and whether the connection ends behind it.
fn head(reader: &mut impl BufRead) -> Option<(String, usize, bool)> {
    let (mut first, mut length, mut close) = (String::new(), 0, false);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            return Some((first, length, close));
        }
        let lower = line.to_ascii_lowercase();
        if first.is_empty() {
            line.clone_into(&mut first);
        } else if let Some(text) = lower.strip_prefix("content-length:") {
            length = text.trim().parse().ok()?;
        } else if lower == "connection: close" {
            close = true;
        }
    }
}

/// One request and what came of it.
#[derive(Debug, Clone)]
pub struct Shot {
    pub host: &'static str,
    pub sent: Instant,
    pub answered: Instant,
    /// The name of the side, or why there was none.
    pub answer: Result<String, String>,
}

/// Clients at work.
pub struct Load {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    clients: Vec<JoinHandle<Vec<Shot>>>,
}

impl Load {
    /// For each site clients of each kind, which alternate between GET and POST: busy on one
    /// connection, with a new one each time, and with pauses on one connection. The last are
    /// those that an old worker still has after a reload.
    pub fn start(port: u16, hosts: &[&'static str]) -> Self {
        let kinds = [(true, 0), (false, 0), (true, 0), (true, 40), (true, 150)];
        Self::of(port, hosts, &kinds)
    }

    /// The same with pauses, for what must not be slowed down by it.
    pub fn gentle(port: u16, hosts: &[&'static str]) -> Self {
        Self::of(port, hosts, &[(true, 20), (false, 30), (true, 150)])
    }

    fn of(port: u16, hosts: &[&'static str], kinds: &[(bool, u64)]) -> Self {
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut clients = Vec::new();
        for host in hosts {
            for (keep, pause) in kinds.iter().copied() {
                let (stop, done, host) = (Arc::clone(&stop), Arc::clone(&done), *host);
                let kind = Kind { host, keep, pause: Duration::from_millis(pause) };
                clients.push(std::thread::spawn(move || client(port, &kind, &stop, &done)));
            }
        }
        Self { stop, done, clients }
    }

    /// How many requests were answered, well or not.
    pub fn count(&self) -> u64 {
        self.done.load(Relaxed)
    }

    /// Waits until so many were answered.
    pub fn wait_for(&self, count: u64) {
        let until = Instant::now() + Duration::from_mins(1);
        while self.count() < count {
            assert!(Instant::now() < until, "only {} requests in a minute", self.count());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub fn stop(self) -> Vec<Shot> {
        self.stop.store(true, Relaxed);
        self.clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    }
}

struct Kind {
    host: &'static str,
    keep: bool,
    pause: Duration,
}

fn client(port: u16, kind: &Kind, stop: &AtomicBool, done: &AtomicU64) -> Vec<Shot> {
    let Kind { host, keep, pause } = *kind;
    let mut shots = Vec::new();
    let mut open: Option<BufReader<TcpStream>> = None;
    while !stop.load(Relaxed) {
        let by_post = shots.len() % 2 == 1;
        let sent = Instant::now();
        let mut reader = match open.take() {
            Some(reader) => Ok(reader),
            None => connect(port).map(BufReader::new),
        };
        let answer = match &mut reader {
            Ok(reader) => ask(reader, host, keep, by_post),
            Err(err) => Err(format!("connect: {err}")),
        };
        if let (Ok((_, false)), true, Ok(reader)) = (&answer, keep, reader) {
            open = Some(reader);
        }
        let answer = answer.map(|(side, _)| side);
        shots.push(Shot { host, sent, answered: Instant::now(), answer });
        done.fetch_add(1, Relaxed);
        std::thread::sleep(pause);
    }
    shots
}

fn connect(port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    Ok(stream)
}

/// One request; never sent twice. Who answered, and whether the connection ends.
fn ask(
    reader: &mut BufReader<TcpStream>,
    host: &str,
    keep: bool,
    post: bool,
) -> Result<(String, bool), String> {
    let (method, body) = if post { ("POST", "a=1&b=2") } else { ("GET", "") };
    let close = if keep { "" } else { "Connection: close\r\n" };
    let request = format!(
        "{method} /x HTTP/1.1\r\nHost: {host}\r\n{close}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    reader.get_mut().write_all(request.as_bytes()).map_err(|err| format!("write: {err}"))?;
    let (first, length, ends) = head(reader).ok_or("no answer")?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).map_err(|err| format!("read: {err}"))?;
    if !first.starts_with("HTTP/1.1 200 ") {
        return Err(first);
    }
    Ok((String::from_utf8_lossy(&body).into_owned(), ends))
}

/// A change of the side that has the traffic of a site.
pub struct Change {
    pub host: &'static str,
    pub side: String,
    pub began: Instant,
    pub returned: Instant,
}

/// What a load came to.
#[derive(Debug, Default)]
pub struct Verdict {
    pub requests: usize,
    pub failed: Vec<String>,
    /// Answers of a side that no longer had the traffic when the request was sent.
    pub late: usize,
}

/// Judges every answer: who may have had the traffic between sending and answer?
pub fn judge(shots: &[Shot], first: &[(&str, &str)], changes: &[Change]) -> Verdict {
    let mut verdict = Verdict { requests: shots.len(), ..Verdict::default() };
    for shot in shots {
        let side = match &shot.answer {
            Ok(side) => side,
            Err(why) => {
                verdict.failed.push(format!("{}: {why}", shot.host));
                continue;
            }
        };
        let ours: Vec<&Change> = changes.iter().filter(|it| it.host == shot.host).collect();
        let at_first = first.iter().find(|(host, _)| *host == shot.host).map(|(_, side)| *side);
        // The last one that had returned when it was sent, and all that began before the answer.
        let done = ours.iter().rposition(|it| it.returned <= shot.sent);
        let mut may = vec![done.map_or(at_first.unwrap_or(""), |at| &ours[at].side)];
        let later = &ours[done.map_or(0, |at| at + 1)..];
        may.extend(later.iter().filter(|it| it.began <= shot.answered).map(|it| it.side.as_str()));
        if !may.contains(&side.as_str()) {
            verdict.late += 1;
        }
    }
    verdict
}

#[test]
fn the_judge_of_the_load_sees_a_late_answer() {
    let zero = Instant::now();
    let at = |ms: u64| zero + Duration::from_millis(ms);
    let shot = |sent: u64, answered: u64, side: &str| Shot {
        host: "a",
        sent: at(sent),
        answered: at(answered),
        answer: Ok(side.to_owned()),
    };
    let changes = [Change { host: "a", side: "green".into(), began: at(10), returned: at(20) }];
    let late = |shot: Shot| judge(&[shot], &[("a", "blue")], &changes).late;
    assert_eq!(late(shot(1, 2, "blue")), 0);
    assert_eq!(late(shot(1, 2, "green")), 1, "too early is as wrong");
    assert_eq!(late(shot(5, 30, "blue")), 0, "it was under way");
    assert_eq!(late(shot(15, 16, "blue")), 0);
    assert_eq!(late(shot(15, 16, "green")), 0);
    assert_eq!(late(shot(20, 21, "green")), 0);
    assert_eq!(late(shot(21, 22, "blue")), 1);
}
