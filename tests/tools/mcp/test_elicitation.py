"""Questions of servers: asked like an approval, checked, and declined where nobody can be asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from termchat.core.approval import ApprovalRequest, Approve, ChangeArguments, Decision, Decline
from termchat.core.messages import ToolCall
from tests.tools.mcp.support import APPROVED, prepare, scripted, toolbox

FORM = {
    "mode": "form",
    "message": "Whose calendar?\x1b[2J",
    "requestedSchema": {
        "type": "object",
        "properties": {
            "who": {"type": "string", "description": "A name", "minLength": 1},
            "days": {"type": "integer", "default": 7, "maximum": 31},
            "size": {"type": "string", "enum": ["small", "large"]},
        },
        "required": ["who"],
    },
}
PAGE = {"mode": "url", "message": "Log in", "url": "https://example.com/login", "elicitationId": "1"}


async def asked(
    folder: Path, question: dict[str, Any], decisions: Sequence[Decision]
) -> tuple[dict[str, Any], list[ApprovalRequest]]:
    """Call a tool whose server asks; return the answer that the server got, and the requests."""
    requests: list[ApprovalRequest] = []

    async def ask(request: ApprovalRequest) -> Decision:
        requests.append(request)
        return decisions[len(requests) - 1]

    async with toolbox(folder, scripted("form", json.dumps(question))) as box:
        await prepare(box)
        result = await box.run(
            ToolCall("id", "mcp_it_echo", "{}"), APPROVED, lambda text: None, ask if decisions else None
        )
    return json.loads(result.text), requests


async def test_form_is_edited_checked_and_accepted(tmp_path: Path) -> None:
    edited = ChangeArguments('{"who": "Ada", "days": 3, "size": "large"}')
    answer, requests = await asked(tmp_path, FORM, [Approve(), ChangeArguments("no"), edited, Approve()])
    assert answer == {"action": "accept", "content": {"who": "Ada", "days": 3, "size": "large"}}
    first, second, third, last = requests
    assert first.title == "MCP server it asks you"
    assert first.rules == ()
    assert json.loads(first.call.arguments) == {"who": "", "days": 7, "size": "small"}
    assert "who (string, required) A name" in first.preview
    assert "size (string) One of: small, large." in first.preview
    assert second.reason.startswith("who: ")
    assert third.reason == "That was no JSON; the answer is unchanged."
    assert (last.reason, last.call.arguments) == ("", '{"who": "Ada", "days": 3, "size": "large"}')


@pytest.mark.parametrize("text", ['{"who": "Ada", "days": 99}', '{"who": "Ada", "other": 1}', "{}", '{"who": 3}'])
async def test_form_with_wrong_values_is_not_sent(tmp_path: Path, text: str) -> None:
    answer, requests = await asked(tmp_path, FORM, [ChangeArguments(text), Approve(), Decline()])
    assert answer["action"] == "decline"
    assert requests[2].reason


async def test_page_is_shown_whole_and_accepted(tmp_path: Path) -> None:
    answer, (request,) = await asked(tmp_path, PAGE, [Approve()])
    assert answer["action"] == "accept"
    assert "https://example.com/login" in request.preview
    assert request.facts == ("a page of example.com",)


@pytest.mark.parametrize(
    ("question", "decisions"),
    [
        (FORM, []),
        (FORM, [Decline("no")]),
        (PAGE, [Decline()]),
        (PAGE | {"url": "file:///etc/passwd"}, [Approve()]),
        (PAGE | {"url": "https://[example.com/login"}, [Approve()]),
        (FORM | {"requestedSchema": {"type": "object", "properties": {"a": {"type": "object"}}}}, [Approve()]),
        (FORM | {"requestedSchema": {"type": "object", "properties": {"a": {"type": ["string"]}}}}, [Approve()]),
    ],
)
async def test_question_is_declined(tmp_path: Path, question: dict[str, Any], decisions: list[Decision]) -> None:
    answer, _ = await asked(tmp_path, question, decisions)
    assert answer["action"] == "decline"
