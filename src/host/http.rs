//! A question over plain HTTP, bounded in every way: one deadline for all of it, a head of at
//! most 16 KiB, a body of at most 64 KiB, no redirect followed. Health, version and probe of an
//! environment are asked with it, here or through another machine's ssh.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::paced::Paced;
use crate::base::plain;

const HEAD: u64 = 16 << 10;
const BODY: usize = 64 << 10;

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case, in the order in which they came.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The body was longer than is kept.
    pub truncated: bool,
}

impl Answer {
    /// The first header by that name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// An address that can be asked: `http://host[:port][/path]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// Without the brackets of an IPv6 address.
    pub host: String,
    pub port: u16,
    /// With its slash, and the query.
    pub path: String,
}

impl Url {
    /// Takes only what can be put into a request as it is.
    pub fn parse(text: &str) -> Result<Self> {
        let Some(rest) = text.strip_prefix("http://") else {
            bail!("{text}: only http:// addresses can be asked");
        };
        let fine = rest.bytes().all(|byte| byte.is_ascii_graphic());
        ensure!(fine, "{}: not an address", plain(text));
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        ensure!(!authority.contains('@'), "{text}: an address has no user here");
        let (host, port) = match authority.strip_prefix('[') {
            Some(six) => {
                let (host, after) = six.split_once(']').with_context(|| bad(text))?;
                ensure!(host.parse::<std::net::Ipv6Addr>().is_ok(), bad(text));
                ensure!(after.is_empty() || after.starts_with(':'), bad(text));
                (host, after.strip_prefix(':'))
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let name = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
        ensure!(!host.is_empty() && host.chars().all(name) && !host.starts_with('-'), bad(text));
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port > 0).with_context(|| bad(text))?,
            None => 80,
        };
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { host: host.to_owned(), port, path })
    }

    /// The same server with another path; one without a slash gets it.
    #[must_use]
    pub fn with_path(&self, path: &str) -> Self {
        let slash = if path.starts_with('/') { "" } else { "/" };
        Self { path: format!("{slash}{path}"), ..self.clone() }
    }

    /// `host:port`, an IPv6 address in brackets.
    pub fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

fn bad(text: &str) -> String {
    format!("{text}: not an address like http://127.0.0.1:3001/path")
}

/// Asks a server that can be reached from here. The deadline holds for all of it.
pub fn get(url: &Url, host: Option<&str>, timeout: Duration) -> Result<Answer> {
    let until = Instant::now() + timeout;
    let answer = connect(url, until).and_then(|stream| {
        let reader = stream.try_clone().context("a socket")?;
        over(Paced::new(reader, stream, until), url, host)
    });
    answer.with_context(|| format!("ask http://{}{}", url.authority(), url.path))
}

/// Speaks over a connection that is there already. The stream keeps the deadline.
pub fn over(mut stream: impl Read + Write, url: &Url, host: Option<&str>) -> Result<Answer> {
    let host = host.map_or_else(|| url.authority(), str::to_owned);
    let fine = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    ensure!(fine(&host) && fine(&url.path), "the address does not fit into a request");
    // In one piece, and a server that hangs up before reading it may still have answered.
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: gsync\r\nAccept: */*\r\n\
         Accept-Encoding: identity\r\nConnection: close\r\n\r\n",
        url.path
    );
    let sent = stream.write_all(request.as_bytes()).and_then(|()| stream.flush());
    match read(stream) {
        Err(err) => Err(sent.err().map_or(err, anyhow::Error::from)),
        answer => answer,
    }
}

fn connect(url: &Url, until: Instant) -> Result<TcpStream> {
    let mut last = anyhow::anyhow!("{} has no address", url.host);
    for address in addresses(url, until)? {
        let left = until.saturating_duration_since(Instant::now());
        ensure!(!left.is_zero(), "no answer in time");
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => return Ok(stream),
            Err(err) => last = err.into(),
        }
    }
    Err(last)
}

/// A name is looked up in a thread: the system's resolver knows no deadline.
fn addresses(url: &Url, until: Instant) -> Result<Vec<SocketAddr>> {
    if let Ok(ip) = url.host.parse() {
        return Ok(vec![SocketAddr::new(ip, url.port)]);
    }
    let (send, receive) = sync_channel(1);
    let name = (url.host.clone(), url.port);
    std::thread::spawn(move || send.send(name.to_socket_addrs().map(Iterator::collect)));
    let found = receive.recv_timeout(until.saturating_duration_since(Instant::now()));
    Ok(found.context("the name is not known in time")??)
}

fn read(stream: impl Read) -> Result<Answer> {
    let mut reader = BufReader::new(stream);
    // Interim answers (100, 103) count for the same bound, so that they cannot go on for ever.
    let mut left = HEAD;
    let (status, headers) = loop {
        let (status, headers) = head(&mut reader, &mut left)?;
        if !(100..200).contains(&status) || status == 101 {
            break (status, headers);
        }
    };
    let mut answer = Answer { status, headers, body: Vec::new(), truncated: false };
    if matches!(status, 101 | 204 | 304) {
        return Ok(answer);
    }
    let coding = answer.header("transfer-encoding").map(str::to_ascii_lowercase);
    let limit = |n: u64| n.min(BODY as u64);
    match (coding.as_deref(), length(&answer)?) {
        (Some("chunked"), _) => chunks(&mut reader, &mut answer)?,
        (Some(other), _) => bail!("the answer is coded in a way that is not known: {other}"),
        (None, Some(length)) => {
            reader.take(limit(length)).read_to_end(&mut answer.body)?;
            ensure!(answer.body.len() as u64 == limit(length), "the answer ended early");
            answer.truncated = length > BODY as u64;
        }
        (None, None) => {
            reader.take(BODY as u64 + 1).read_to_end(&mut answer.body)?;
            answer.truncated = answer.body.len() > BODY;
            answer.body.truncate(BODY);
        }
    }
    Ok(answer)
}

/// One line without its end, counted against the bound.
fn line(reader: &mut impl BufRead, left: &mut u64) -> Result<String> {
    let mut line = Vec::new();
    let read = reader.by_ref().take(*left).read_until(b'\n', &mut line)? as u64;
    ensure!(read > 0 || *left == 0, "the answer ended early");
    *left -= read;
    ensure!(line.ends_with(b"\n"), "the answer has no end of its head, or ended early");
    Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
}

fn head(reader: &mut impl BufRead, left: &mut u64) -> Result<(u16, Vec<(String, String)>)> {
    let first = line(reader, left)?;
    let status = first
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1))
        .and_then(|code| code.parse().ok())
        .filter(|code| (100..600).contains(code))
        .context("it does not speak HTTP")?;
    let mut headers = Vec::new();
    loop {
        let line = line(reader, left)?;
        if line.is_empty() {
            return Ok((status, headers));
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
}

/// The length that it says, if all that say one agree.
fn length(answer: &Answer) -> Result<Option<u64>> {
    let mut said = answer.headers.iter().filter(|(name, _)| name == "content-length");
    let Some((_, first)) = said.next() else { return Ok(None) };
    let length = first.parse().ok().context("the length of the answer is not a number")?;
    ensure!(said.all(|(_, other)| other == first), "the answer has two lengths");
    Ok(Some(length))
}

fn chunks(reader: &mut impl BufRead, answer: &mut Answer) -> Result<()> {
    loop {
        let mut left = 256;
        let size = line(reader, &mut left)?;
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).ok().context("a chunk without a length")?;
        if size == 0 {
            return Ok(());
        }
        let room = (BODY - answer.body.len()) as u64;
        let before = answer.body.len();
        reader.by_ref().take(size.min(room)).read_to_end(&mut answer.body)?;
        ensure!((answer.body.len() - before) as u64 == size.min(room), "the answer ended early");
        if size > room {
            answer.truncated = true;
            return Ok(());
        }
        left = 2;
        ensure!(line(reader, &mut left)?.is_empty(), "a chunk that is longer than it says");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// A server that reads the request, answers with these pieces, and tells what was asked.
    fn ask(pieces: Vec<Vec<u8>>, pause: u64, timeout: u64) -> (Result<Answer>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut asked = String::new();
            let mut reader = BufReader::new(&stream);
            while reader.read_line(&mut asked).unwrap() > 2 {}
            for piece in pieces {
                if (&stream).write_all(&piece).is_err() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(pause));
            }
            asked
        });
        let url = Url::parse(&format!("http://127.0.0.1:{port}/version?x=1")).unwrap();
        let answer = get(&url, Some("shop.test"), Duration::from_millis(timeout));
        (answer, server.join().unwrap())
    }

    fn whole(text: &str) -> Result<Answer> {
        ask(vec![text.as_bytes().to_vec()], 0, 5000).0
    }

    #[test]
    fn an_answer_is_status_headers_and_body_and_the_host_is_the_one_that_was_wanted() {
        let text = "HTTP/1.1 200 OK\r\nX-Gsync-Live: shop_blue\r\nContent-Length: 2\r\n\r\nokmore";
        let (answer, asked) = ask(vec![text.into()], 0, 5000);
        let answer = answer.unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"ok"[..]));
        assert_eq!(answer.header("x-gsync-live"), Some("shop_blue"));
        assert!(asked.starts_with("GET /version?x=1 HTTP/1.1\r\nHost: shop.test\r\n"), "{asked}");
        let moved = whole("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n").unwrap();
        assert_eq!(moved.status, 302, "no redirect is followed");
    }

    #[test]
    fn chunks_are_put_together_and_interim_answers_skipped() {
        let text = "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\n2.4\r\n2\r\n.1\r\n0\r\n\r\n";
        assert_eq!(whole(text).unwrap().body, b"2.4.1");
        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n";
        assert!(whole(text).is_err());
    }

    #[test]
    fn hostile_answers_are_bounded() {
        let endless = b"X-A: ".iter().chain(&[b'a'; 999]).copied().chain(*b"\r\n");
        let endless: Vec<u8> = endless.collect();
        let mut pieces = vec![b"HTTP/1.1 200 OK\r\n".to_vec()];
        pieces.extend(vec![endless; 100]);
        assert!(ask(pieces, 0, 5000).0.is_err());
        let interim = vec![b"HTTP/1.1 100 Go on\r\n\r\n".to_vec(); 2000];
        assert!(ask(interim, 0, 5000).0.is_err());
        let mut flood = vec![b"HTTP/1.1 200 OK\r\n\r\n".to_vec()];
        flood.extend(vec![vec![b'x'; 1 << 16]; 20]);
        let answer = ask(flood, 0, 5000).0.unwrap();
        assert_eq!((answer.body.len(), answer.truncated), (BODY, true));
        let big = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", u64::MAX);
        assert!(whole(&big).is_err(), "it ended early");
        assert!(
            whole("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx").is_err()
        );
        assert!(whole("SSH-2.0-OpenSSH_9.2\r\n").is_err());
        assert!(whole("").is_err());
    }

    #[test]
    fn a_server_that_drips_or_says_nothing_is_left_at_the_deadline() {
        let start = Instant::now();
        let mut drip = vec![b"HTTP/1.1 200 OK\r\nX: ".to_vec()];
        drip.extend(vec![b"a".to_vec(); 40]);
        assert!(ask(drip, 10, 100).0.is_err());
        assert!(ask(vec![Vec::new()], 200, 50).0.is_err());
        assert!(start.elapsed() < Duration::from_secs(4));
        let nobody = Url { host: "127.0.0.1".into(), port: 1, path: "/".into() };
        assert!(get(&nobody, None, Duration::from_secs(2)).is_err());
    }

    #[test]
    fn an_address_that_could_say_more_than_an_address_is_refused() {
        let url = |text: &str| Url::parse(text).map(|url| (url.authority(), url.path)).ok();
        assert_eq!(url("http://a.b"), Some(("a.b:80".into(), "/".into())));
        assert_eq!(url("http://[::1]:81?q"), Some(("[::1]:81".into(), "/?q".into())));
        for bad in [
            "https://a/",
            "http://",
            "http://a b/",
            "http://a/\r\nX: y",
            "http://u@a/",
            "http://a:0/",
            "http://a:99999/",
            "http://-oProxyCommand=x/",
            "http://[::1/",
            "http://a:80:81/",
        ] {
            assert_eq!(url(bad), None, "{bad}");
        }
        let url = Url::parse("http://127.0.0.1:1/").unwrap();
        let silent = std::io::Cursor::new(Vec::new());
        assert!(over(silent, &url, Some("a\r\nX: y")).is_err());
    }
}
