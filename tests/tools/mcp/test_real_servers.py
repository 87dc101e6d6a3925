"""Servers that others wrote, over both transports, and the demo server."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import SystemRandom

from termchat.core.approval import ApprovalRequest, Permit, ToolEffect
from termchat.core.errors import Failure
from termchat.core.models import McpServer
from tests.tools.mcp.support import ENVIRONMENT, judge, names, prepare, run, toolbox

TIME = McpServer("time", sys.executable, ("-m", "mcp_server_time", "--local-timezone", "UTC"), seconds=60)
DEMO = McpServer("demo", sys.executable, ("-m", "termchat.tools.mcp.demo_server"), seconds=60)


async def test_time_server_tells_time(tmp_path: Path) -> None:
    async with toolbox(tmp_path, TIME) as box:
        assert await prepare(box) == []
        assert names(box) == ["mcp_time_convert_time", "mcp_time_get_current_time"]
        result = await run(box, "mcp_time_get_current_time", timezone="Asia/Tokyo")
        assert not result.is_error, result.text
        assert '"timezone": "Asia/Tokyo"' in result.text
        failed = await run(box, "mcp_time_get_current_time", timezone="Nowhere/None")
        assert failed.is_error
        assert "Nowhere" in failed.text


async def test_demo_server_rolls_dice_after_question(tmp_path: Path) -> None:
    async with toolbox(tmp_path, DEMO, TIME) as box:
        await prepare(box)
        assert names(box)[:2] == ["mcp_demo_dice", "mcp_demo_notes"]
        request = await judge(box, "mcp_demo_dice")
        assert isinstance(request, ApprovalRequest)
        assert (request.rules, request.facts[0], request.effect) == (
            ("mcp_demo_dice",),
            "MCP server demo",
            ToolEffect.RUN,
        )
        assert (await run(box, "mcp_demo_dice", seed=3, rolls=5)).text == "2, 5, 5, 2, 3"
        assert "no note" in (await run(box, "mcp_demo_notes", name="secret")).text


async def test_rule_for_server_allows_its_tools_only(tmp_path: Path) -> None:
    async with toolbox(tmp_path, DEMO, TIME, rules=("mcp_demo_*",)) as box:
        await prepare(box)
        assert isinstance(await judge(box, "mcp_demo_dice"), Permit)
        assert isinstance(await judge(box, "mcp_time_convert_time"), ApprovalRequest)


async def test_http_server_answers_with_headers(tmp_path: Path) -> None:
    async with http_demo() as url:
        server = McpServer("web", url=url, headers={"X-Who": "termchat"}, seconds=60)
        async with toolbox(tmp_path, server) as box:
            assert await prepare(box) == []
            assert (await run(box, "mcp_web_dice", seed=3, rolls=5)).text == "2, 5, 5, 2, 3"
            request = await judge(box, "mcp_web_dice")
            assert isinstance(request, ApprovalRequest)
            assert request.effect is ToolEffect.NETWORK


async def test_http_server_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    async with toolbox(tmp_path, McpServer("web", url=f"http://127.0.0.1:{free_port()}/mcp", seconds=60)) as box:
        (notice,) = await prepare(box)
        assert notice.startswith("The MCP server web cannot be used: ")
        assert notice.endswith("Check it with: termchat mcp test web")
        assert await prepare(box) == []


def free_port() -> int:
    """Return a free port below those that the system gives to others meanwhile (ip_local_port_range)."""
    while True:
        port = SystemRandom().randrange(10_000, 30_000)  # another one in each worker, whatever the seed
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@asynccontextmanager
async def http_demo(port: int = 0) -> AsyncIterator[str]:
    """Serve the demo server over streamable HTTP on loopback."""
    port = port or free_port()
    code = (
        "from termchat.tools.mcp.demo_server import make_server\n"
        f"make_server().run(transport='streamable-http', host='127.0.0.1', port={port})"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, env=ENVIRONMENT | {"PYTHONPATH": os.getcwd()}, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(60):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    break
                except OSError:
                    await asyncio.sleep(0.05)
        writer.close()
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()  # it would wait for open streams
        await process.wait()


async def test_prompts_of_server_are_known_after_its_start(tmp_path: Path) -> None:
    async with toolbox(tmp_path, DEMO) as box:
        assert box.prompts() == ()
        await prepare(box)
        (row,) = box.prompts()
        assert (row.name, row.arguments, row.required) == ("demo:summary", ("topic",), frozenset({"topic"}))
        assert await box.prompt("demo:summary", {"topic": "tea"}) == "Summarize in three sentences: tea"
        for name, arguments in (("demo:summary", {}), ("demo:other", {})):
            failure = await box.prompt(name, arguments)
            assert isinstance(failure, Failure)
            assert name in failure.message
