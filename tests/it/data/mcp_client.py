"""Walks through everything that `gsync mcp` offers with the official client, which checks
each answer against its schema. Arguments: the program, a directory, the mode."""

import asyncio
import json
import sys
import time
from pathlib import Path

from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters

PROGRAM, WHERE, MODE = sys.argv[1:]
LOOKS = {
    "status": {},
    "review": {},
    "guard": {"scope": "all"},
    "services": {},
    "handoffs": {},
    "envs": {"app": "none"},
    "log": {},
    "plan": {"command": "start"},
    "undo": {},
    "apply": {"id": "00000000"},
}


async def outcome(client):
    runs = (await client.call_tool("log", {"limit": 1})).structured_content["runs"]
    return runs and runs[0].get("outcome")


async def main():
    server = StdioServerParameters(command=PROGRAM, args=["mcp"], cwd=WHERE, env=None)
    async with Client(server, mode=MODE) as client:
        assert client.server_info.name == "gsync", client.server_info
        assert (client.protocol_version == "2026-07-28") == (MODE == "auto"), client.protocol_version
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert tools == set(LOOKS), tools
        for name, arguments in LOOKS.items():
            result = await client.call_tool(name, arguments)
            assert result.structured_content["next"]["why"], name
            assert result.is_error == (name in ("undo", "apply", "envs")), (name, result)
        wrong = await client.call_tool("log", {"limit": "many"})
        assert wrong.is_error and wrong.structured_content["error"]["code"] == "arguments"
        try:
            await client.call_tool("nonsense", {})
            raise AssertionError("a tool that is not there")
        except MCPError:
            pass

        for prompt in (await client.list_prompts()).prompts:
            got = await client.get_prompt(prompt.name, {"about": "by noon"})
            assert "by noon" in got.messages[0].content.text
        for resource in (await client.list_resources()).resources:
            got = await client.read_resource(resource.uri)
            assert json.loads(got.contents[0].text)

        # A long run, with progress.
        ticks = []

        async def progress(done, total, message):
            ticks.append((done, total, message))

        plan = (await client.call_tool("plan", {"command": "up", "args": ["talks"]})).structured_content
        done = await client.call_tool("apply", plan["next"]["arguments"], progress_callback=progress)
        assert done.structured_content["outcome"] == "done", done
        assert len(ticks) >= 4 and ticks == sorted(ticks, key=lambda tick: tick[0]), ticks

        # A refused apply: the world changed after the plan.
        plan = (await client.call_tool("plan", {"command": "up", "args": ["talks"]})).structured_content
        config = Path(WHERE, ".gsync.toml")
        text = config.read_text()
        config.write_text(text.replace("line", "word"))
        refused = await client.call_tool("apply", plan["next"]["arguments"])
        assert refused.structured_content["error"]["code"] == "plan-changed", refused
        config.write_text(text)

        # A run that is cancelled, and put back.
        plan = (await client.call_tool("plan", {"command": "up", "args": ["sleeps"]})).structured_content
        call = asyncio.create_task(client.call_tool("apply", plan["next"]["arguments"]))
        while not Path(WHERE, "began").exists():
            await asyncio.sleep(0.01)
        call.cancel()
        until = time.monotonic() + 20
        while await outcome(client) != "interrupted":
            assert time.monotonic() < until, "it was not put back"
            await asyncio.sleep(0.02)


asyncio.run(main())
print("all is well")
