//! The lines of a client, before the library reads them. It drops without a word what is no JSON,
//! and what is too long; whoever waits for an answer would wait for ever. So those lines are taken
//! out here and answered as errors of the protocol.

use rmcp::RoleServer;
use rmcp::model::{ErrorData, RequestId};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::transport::async_rw::AsyncRwTransport;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::stdio::Input;

/// A longer line is not kept.
const MOST: usize = 16 << 20;

/// A line that nobody can read.
pub(super) struct Broken {
    why: ErrorData,
    id: Option<RequestId>,
}

/// Cuts bytes into lines, and lets through those that can be read.
pub(super) struct Sieve {
    line: Vec<u8>,
    /// The rest of a line that was too long.
    skips: bool,
    broken: UnboundedSender<Broken>,
}

impl Sieve {
    pub(super) fn new() -> (Self, UnboundedReceiver<Broken>) {
        let (broken, receiver) = unbounded_channel();
        (Self { line: Vec::new(), skips: false, broken }, receiver)
    }

    /// Takes what came; whole lines that can be read go to `good`.
    pub(super) fn pass(&mut self, bytes: &[u8], good: &mut Vec<u8>) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let ends = piece.ends_with(b"\n");
            if self.skips {
                self.skips = !ends;
                continue;
            }
            self.line.extend_from_slice(piece);
            if self.line.len() > MOST {
                let why = format!("the message has more than {} MiB", MOST >> 20);
                let id = id_of(&self.line);
                self.refuse(ErrorData::invalid_request(why, None), id);
                self.line = Vec::new();
                self.skips = !ends;
            } else if ends {
                match fault(&self.line) {
                    None => good.append(&mut self.line),
                    Some((why, id)) => {
                        self.refuse(why, id);
                        self.line.clear();
                    }
                }
            }
        }
    }

    fn refuse(&self, why: ErrorData, id: Option<RequestId>) {
        // Nobody listens any more: then nobody waits for an answer either.
        let _ = self.broken.send(Broken { why, id });
    }
}

/// What the library would not answer, or by no id, and what to say then.
fn fault(line: &[u8]) -> Option<(ErrorData, Option<RequestId>)> {
    let no_json =
        |why: String| Some((ErrorData::parse_error(format!("no JSON: {why}"), None), None));
    let text = match std::str::from_utf8(line) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(err) => return no_json(err.to_string()),
    };
    if text.trim().is_empty() {
        return None;
    }
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(err) => return no_json(err.to_string()),
    };
    let is_answer = value.get("result").or_else(|| value.get("error")).is_some();
    let id = value.get("id").cloned().filter(|_| !is_answer);
    let id = id.and_then(|id| serde_json::from_value(id).ok())?;
    let why = serde_json::from_str::<RxJsonRpcMessage<RoleServer>>(text).err()?;
    Some((ErrorData::invalid_request(format!("this is no request: {why}"), None), Some(id)))
}

/// The id of a message of which only the beginning is there: it stands in front in most of them.
fn id_of(line: &[u8]) -> Option<RequestId> {
    let head = String::from_utf8_lossy(&line[..line.len().min(512)]).into_owned();
    let before = head.find("\"params\"").unwrap_or(head.len());
    let (_, rest) = head[..before].split_once("\"id\"")?;
    let rest = rest.trim_start().strip_prefix(':')?;
    let value = serde_json::Deserializer::from_str(rest).into_iter::<Value>().next()?.ok()?;
    serde_json::from_value(value).ok()
}

/// The library's own way over two streams, with answers to what it would drop.
pub(super) struct Answering {
    inner: AsyncRwTransport<RoleServer, Input, tokio::fs::File>,
    broken: UnboundedReceiver<Broken>,
    /// Answers that are on their way.
    sent: Vec<JoinHandle<std::io::Result<()>>>,
}

impl Answering {
    pub(super) fn new(
        input: Input,
        output: tokio::fs::File,
        broken: UnboundedReceiver<Broken>,
    ) -> Self {
        // What is too long was taken out already.
        let inner = AsyncRwTransport::new(input, output).with_max_line_length(usize::MAX);
        Self { inner, broken, sent: Vec::new() }
    }

    /// Until all of them are out. It may be given up, and begun again.
    async fn settle(&mut self) {
        while let Some(sending) = self.sent.last_mut() {
            // Who does not read gets no answer.
            let _ = sending.await;
            self.sent.pop();
        }
    }

    fn answer(
        &mut self,
        broken: Broken,
    ) -> impl Future<Output = std::io::Result<()>> + Send + 'static {
        self.inner.send(TxJsonRpcMessage::<RoleServer>::error(broken.why, broken.id))
    }
}

impl Transport<RoleServer> for Answering {
    type Error = std::io::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.inner.send(item)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            // This may be given up at any moment, and must not lose an answer half way: it is
            // sent by a task of its own.
            tokio::select! {
                biased;
                Some(broken) = self.broken.recv() => {
                    let sending = tokio::spawn(self.answer(broken));
                    self.sent.retain(|sending| !sending.is_finished());
                    self.sent.push(sending);
                }
                message = self.inner.receive() => {
                    if message.is_none() {
                        while let Ok(broken) = self.broken.try_recv() {
                            let sending = tokio::spawn(self.answer(broken));
                            self.sent.push(sending);
                        }
                        self.settle().await;
                    }
                    return message;
                }
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.settle().await;
        self.inner.close().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(pieces: &[&[u8]]) -> (String, Vec<(i32, Option<String>)>) {
        let (mut sieve, mut broken) = Sieve::new();
        let mut good = Vec::new();
        for piece in pieces {
            sieve.pass(piece, &mut good);
        }
        let mut refused = Vec::new();
        while let Ok(it) = broken.try_recv() {
            refused.push((it.why.code.0, it.id.map(|id| id.to_string())));
        }
        (String::from_utf8(good).unwrap(), refused)
    }

    #[test]
    fn a_line_that_is_no_json_is_taken_out_and_the_others_pass_byte_for_byte() {
        let (good, refused) = pass(&[b"{\"a\":", b"1}\r\n\n{bad\n[1", b"]\n\xff\n42\n{\"half"]);
        assert_eq!(good, "{\"a\":1}\r\n\n[1]\n42\n");
        assert_eq!(refused, [(-32700, None), (-32700, None)]);
    }

    #[test]
    fn what_has_an_id_and_is_no_request_is_answered_by_it_and_an_answer_is_let_through() {
        let bad: &[u8] = b"{\"jsonrpc\":\"2.0\",\"id\":10,\"method\":5}\n\
            {\"id\":\"x\",\"method\":\"ping\"}\n{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":5}\n";
        let good = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n\
            {\"jsonrpc\":\"2.0\",\"id\":2,\"result\":5}\n\
            {\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"no/such\",\"params\":{}}\n";
        let (passed, refused) = pass(&[bad, good]);
        assert_eq!(refused, [(-32600, Some("10".into())), (-32600, Some("x".into()))]);
        // Without an id that can be read the library says that it is no request.
        assert!(passed.ends_with(std::str::from_utf8(good).unwrap()), "{passed}");
        assert_eq!(passed.lines().count(), 4);
    }

    #[test]
    fn a_line_that_is_too_long_is_answered_once_by_its_id() {
        let head = b"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"id\":9,\"x\":\"";
        let much = vec![b'x'; MOST];
        let (good, refused) = pass(&[head, &much, &much, b"\"}}\n{}\n"]);
        assert_eq!(good, "{}\n");
        assert_eq!(refused, [(-32600, Some("7".into()))]);
    }
}
