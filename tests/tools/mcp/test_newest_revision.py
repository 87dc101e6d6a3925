"""Servers of the newest revision: changes reported on a stream, questions as part of a result, a restarted address."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from termchat.core.approval import ApprovalRequest, Approve, Ask, ChangeArguments, Decision
from termchat.core.messages import ToolCall
from termchat.core.models import McpServer
from tests.tools.mcp.support import APPROVED, names, prepare, run, toolbox
from tests.tools.mcp.test_real_servers import free_port, http_demo

CHANGING = McpServer("it", sys.executable, (str(Path(__file__).with_name("changing_server.py")),), seconds=60)


async def test_changed_list_is_read_before_next_request(tmp_path: Path) -> None:
    async with toolbox(tmp_path, CHANGING) as box:
        await prepare(box)
        assert names(box) == ["mcp_it_add", "mcp_it_greet", "mcp_it_meet"]
        assert (await run(box, "mcp_it_add")).text == "added"
        notices: list[str] = []
        async with asyncio.timeout(30):
            while not notices:
                notices = await prepare(box)
        assert notices == ["The MCP server it has new or changed tools, which ask before they run: second."]
        assert names(box) == ["mcp_it_add", "mcp_it_greet", "mcp_it_meet", "mcp_it_second"]


async def test_question_within_result_is_asked_and_answered(tmp_path: Path) -> None:
    asked: list[ApprovalRequest] = []

    async def ask(request: ApprovalRequest) -> Decision:
        asked.append(request)
        return Approve() if len(asked) > 1 else ChangeArguments('{"who": "Ada"}')

    async with toolbox(tmp_path, CHANGING) as box:
        await prepare(box)
        result = await box.run(ToolCall("id", "mcp_it_greet", "{}"), APPROVED, lambda text: None, ask)
        assert result.text == "Hello Ada"
        assert [request.call.arguments for request in asked] == ['{"who": ""}', '{"who": "Ada"}']
        declined = await run(box, "mcp_it_greet")
        assert declined.is_error


async def test_questions_within_one_result_are_asked_one_after_the_other(tmp_path: Path) -> None:
    asked: list[str] = []
    waiting = 0

    async def ask(request: ApprovalRequest) -> Decision:
        nonlocal waiting
        waiting += 1
        assert waiting == 1
        await asyncio.sleep(0)
        waiting -= 1
        asked.append(request.call.arguments)
        changed = {'{"who": ""}': '{"who": "Ada"}', '{"day": 0}': '{"day": 7}'}.get(request.call.arguments)
        return ChangeArguments(changed) if changed else Approve()

    async with toolbox(tmp_path, CHANGING) as box:
        await prepare(box)
        result = await box.run(ToolCall("id", "mcp_it_meet", "{}"), APPROVED, lambda text: None, ask)
    assert result.text == "Ada on day 7"
    assert sorted(asked) == sorted(('{"who": ""}', '{"who": "Ada"}', '{"day": 0}', '{"day": 7}'))
    assert abs(asked.index('{"day": 7}') - asked.index('{"day": 0}')) == 1  # a form is finished before the next one


async def test_question_belongs_to_its_own_call(tmp_path: Path) -> None:
    """Two calls run at once; each question comes to the call whose result holds it."""
    names_given = ("Ada", "Bob")

    def asker(name: str) -> Ask:
        async def ask(request: ApprovalRequest) -> Decision:
            changed = f'{{"who": "{name}"}}'
            return Approve() if request.call.arguments == changed else ChangeArguments(changed)

        return ask

    async with toolbox(tmp_path, CHANGING) as box:
        await prepare(box)
        calls = [
            box.run(ToolCall(name, "mcp_it_greet", "{}"), APPROVED, lambda text: None, asker(name))
            for name in names_given
        ]
        assert [result.text for result in await asyncio.gather(*calls)] == ["Hello Ada", "Hello Bob"]


async def test_http_server_that_was_started_again_answers(tmp_path: Path) -> None:
    port = free_port()
    async with toolbox(tmp_path, McpServer("web", url=f"http://127.0.0.1:{port}/mcp", seconds=60)) as box:
        async with http_demo(port):
            assert await prepare(box) == []
        assert (await run(box, "mcp_web_dice", seed=3, rolls=5)).is_error
        async with http_demo(port):
            assert (await run(box, "mcp_web_dice", seed=3, rolls=5)).text == "2, 5, 5, 2, 3"
