"""A model of three houses that knows two things: to ask for gsync's status (one of them), and
to say that it is done. Prints its port, then keeps each request as a line of a file."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOG = open(sys.argv[1], "w")


def event(name, data):
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


class Model(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, kind, out):
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)

    def do_HEAD(self):
        self.answer("text/plain", b"")

    do_GET = do_HEAD

    def gemini(self):
        part = {"content": {"role": "model", "parts": [{"text": "done"}]}, "finishReason": "STOP"}
        usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
        text = json.dumps({"candidates": [part], "usageMetadata": usage})
        if "stream" in self.path:
            return self.answer("text/event-stream", f"data: {text}\n\n".encode())
        self.answer("application/json", text.encode())

    def codex(self):
        item = {
            "type": "message", "role": "assistant", "id": "m1",
            "content": [{"type": "output_text", "text": "done"}],
        }
        usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
        self.answer("text/event-stream", b"".join([
            event("response.created", {"type": "response.created", "response": {"id": "r1"}}),
            event("response.output_item.done",
                  {"type": "response.output_item.done", "item": item}),
            event("response.completed",
                  {"type": "response.completed", "response": {"id": "r1", "usage": usage}}),
        ]))

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        LOG.write(json.dumps(body) + "\n")
        LOG.flush()
        if "enerateContent" in self.path:
            return self.gemini()
        if "responses" in self.path:
            return self.codex()
        if "count_tokens" in self.path:
            return self.answer("application/json", b'{"input_tokens":1}')
        tools = [tool.get("name") for tool in body.get("tools", [])]
        said = json.dumps(body.get("messages", []))
        asks = "mcp__gsync__status" in tools and "tool_result" not in said
        block = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": "done"}
        if asks:
            block = {"type": "tool_use", "id": "t1", "name": "mcp__gsync__status", "input": {}}
            delta = {"type": "input_json_delta", "partial_json": "{}"}
        why = "tool_use" if asks else "end_turn"
        usage = {"input_tokens": 1, "output_tokens": 1}
        message = {
            "id": "m1", "type": "message", "role": "assistant", "model": body.get("model"),
            "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage,
        }
        if not body.get("stream"):
            message.update(content=[{"type": "text", "text": "done"}], stop_reason="end_turn")
            return self.answer("application/json", json.dumps(message).encode())
        self.answer("text/event-stream", b"".join([
            event("message_start", {"type": "message_start", "message": message}),
            event("content_block_start",
                  {"type": "content_block_start", "index": 0, "content_block": block}),
            event("content_block_delta",
                  {"type": "content_block_delta", "index": 0, "delta": delta}),
            event("content_block_stop", {"type": "content_block_stop", "index": 0}),
            event("message_delta", {
                "type": "message_delta", "usage": {"output_tokens": 1},
                "delta": {"stop_reason": why, "stop_sequence": None},
            }),
            event("message_stop", {"type": "message_stop"}),
        ]))


server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
print(server.server_port, flush=True)
server.serve_forever()
