"""A model of three houses that follows a script: it asks for the tools that it is told, one in
each turn, and then says that it is done. Prints its port, then keeps each request as a line of
a file.

usage: mock_model.py LOG SCRIPT     (SCRIPT: JSON, a list of [tool, arguments])"""

import itertools
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOG = open(sys.argv[1], "w")
SCRIPT = json.loads(sys.argv[2])
# What has the name of something earlier is taken for it.
NUMBERS = itertools.count(1)


def event(name, data):
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def every(value, found):
    """How many of the objects in a value are what is looked for."""
    if isinstance(value, dict):
        return found(value) + sum(every(item, found) for item in value.values())
    if isinstance(value, list):
        return sum(every(item, found) for item in value)
    return 0


def turn(body, offered, answered):
    """The tool of this turn, if the script has one left and the agent offers it."""
    at = every(body, answered)
    if at < len(SCRIPT) and SCRIPT[at][0] in offered:
        return SCRIPT[at]
    return None


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

    def gemini(self, body):
        offered = [
            tool["name"] for group in body.get("tools", [])
            for tool in group.get("functionDeclarations", [])
        ]
        tool = turn(body.get("contents"), offered, lambda part: "functionResponse" in part)
        said = {"functionCall": {"name": tool[0], "args": tool[1]}} if tool else {"text": "done"}
        part = {"content": {"role": "model", "parts": [said]}, "finishReason": "STOP"}
        usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
        text = json.dumps({"candidates": [part], "usageMetadata": usage})
        if "stream" in self.path:
            return self.answer("text/event-stream", f"data: {text}\n\n".encode())
        self.answer("application/json", text.encode())

    def codex(self, body):
        number = next(NUMBERS)
        kinds = {tool.get("name"): tool["type"] for tool in body.get("tools", [])}
        outputs = ("function_call_output", "custom_tool_call_output")
        tool = turn(body.get("input"), kinds, lambda item: item.get("type") in outputs)
        item = {
            "type": "message", "role": "assistant", "id": f"m{number}",
            "content": [{"type": "output_text", "text": "done"}],
        }
        if tool and kinds[tool[0]] == "custom":
            item = {"type": "custom_tool_call", "call_id": f"c{number}"}
            item.update(name=tool[0], input=tool[1])
        elif tool:
            item = {"type": "function_call", "call_id": f"c{number}"}
            item.update(name=tool[0], arguments=json.dumps(tool[1]))
        usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
        self.answer("text/event-stream", b"".join([
            event("response.created",
                  {"type": "response.created", "response": {"id": f"r{number}"}}),
            event("response.output_item.done",
                  {"type": "response.output_item.done", "item": item}),
            event("response.completed",
                  {"type": "response.completed", "response": {"id": f"r{number}", "usage": usage}}),
        ]))

    def claude(self, body):
        number = next(NUMBERS)
        offered = [tool.get("name") for tool in body.get("tools", [])]
        tool = turn(body.get("messages"), offered,
                    lambda part: part.get("type") == "tool_result")
        block = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": "done"}
        if tool:
            block = {"type": "tool_use", "id": f"t{number}", "name": tool[0], "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(tool[1])}
        usage = {"input_tokens": 1, "output_tokens": 1}
        message = {
            "id": f"m{number}", "type": "message", "role": "assistant", "model": body.get("model"),
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
                "delta": {"stop_reason": "tool_use" if tool else "end_turn",
                          "stop_sequence": None},
            }),
            event("message_stop", {"type": "message_stop"}),
        ]))

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        LOG.write(json.dumps(body) + "\n")
        LOG.flush()
        if "enerateContent" in self.path:
            return self.gemini(body)
        if "responses" in self.path:
            return self.codex(body)
        if "count_tokens" in self.path:
            return self.answer("application/json", b'{"input_tokens":1}')
        self.claude(body)


server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
print(server.server_port, flush=True)
server.serve_forever()
